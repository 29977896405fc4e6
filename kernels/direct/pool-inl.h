/* SPDX-License-Identifier: MIT */
/* Average pooling by rows, and in the tiles that read what is pooled. Included by direct/tiles-inl.h. */

/* ---- in tiles ------------------------------------------------------------------------------------ */

/* Pooling: sums of neighbours, into or onto `pool`. */
INLINE void pool_pairs(float *pool, const float *src, const bool add, const int width)
{
#pragma GCC unroll 28
    for (int i = 0; i + 1 < width; i += 2) {
        float *to = pool + i / 2 * LANES;
        vec pair = vec_add(vec_load(src + i * LANES), vec_load(src + (i + 1) * LANES));

        vec_store(to, add ? vec_add(pair, vec_load(to)) : pair);
    }
}

/* Where `pairs` of them lie ahead: the first of two rows leaves its sums where the second one adds. */
INLINE void pool_ahead(struct direct_segment *s, int pairs)
{
    s->pool += pairs * LANES;
    s->pool_left -= pairs;
    if (s->pool_left > 0)
        return;
    if (!s->pool_add)
        s->pool -= s->pool_row * LANES;
    s->pool_add = !s->pool_add;
    s->pool_left += s->pool_row;
}

/* The same for a tile in which a row ends, without a branch: what is not to be added is masked. */
INLINE void pool_across(const struct direct_segment *s, float *pool, const float *src, const int width)
{
    float *next = s->pool_add ? pool : pool - s->pool_row * LANES;

#pragma GCC unroll 28
    for (int i = 0; i < width / 2; i++, src += 2 * LANES) {
        const bool over = i >= s->pool_left;
        float *to = (over ? next : pool) + i * LANES;
        vec pair = vec_add(vec_load(src), vec_load(src + LANES));

        vec_store(to, vec_add(pair, vec_load_if(s->pool_add != over, to)));
    }
}

/* ---- by rows ------------------------------------------------------------------------------------- */

/* The average of a window of rows x columns values, which edges clip. */
static vec average(const float *src, int w, int rows, int columns)
{
    vec sum = vec_zero();

    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++)
            sum = vec_add(sum, vec_load(src + ((ptrdiff_t)y * w + x) * LANES));
    return vec_div(sum, vec_set1((float)(rows * columns)));
}

/* Two whole rows averaged in pairs: the case of every even map. */
static void pool_pair(float *dst, const float *top, const float *bottom, int pairs)
{
    const vec quarter = vec_set1(0.25f);

    for (int x = 0; x < pairs; x++) {
        vec a = vec_add(vec_load(top), vec_load(top + LANES));
        vec b = vec_add(vec_load(bottom), vec_load(bottom + LANES));

        vec_store(dst, vec_mul(vec_add(a, b), quarter));
        dst += LANES;
        top += 2 * LANES;
        bottom += 2 * LANES;
    }
}

static void pool(float *dst, const float *src, int h, int w, int log2, int first, int last)
{
    int window = 1 << log2, columns = (w + window - 1) >> log2;

    for (int y = first; y < last; y++) {
        const float *row = src + ((ptrdiff_t)y << log2) * w * LANES;
        int rows = oct_min(window, h - (y << log2)), x = 0;

        if (log2 == 1 && rows == 2) {
            x = w / 2;
            pool_pair(dst, row, row + (ptrdiff_t)w * LANES, x);
        }
        for (; x < columns; x++)
            vec_store(dst + (ptrdiff_t)x * LANES, average(row + ((ptrdiff_t)x << log2) * LANES, w, rows,
                                                          oct_min(window, w - (x << log2))));
        dst += (ptrdiff_t)columns * LANES;
    }
}
