/* SPDX-License-Identifier: MIT */
/*
 * The vector loops of grouped layers that every instruction set shares, written once over a vector type. A
 * file of an instruction set defines vec, vec_index and the vec_ functions, BLOCK (lanes), TALL and WIDE
 * (rows and columns of a register tile), then includes this; nobody else does.
 */
/* A block of one pixel, as the lanes of a step want it. */
INLINE vec take(const float *pixel, enum grouped_lanes lanes, vec_index index, int lane)
{
    if (lanes == GROUPED_ONE)
        return vec_set1(pixel[lane]);
    if (lanes == GROUPED_ANY)
        return vec_permute(vec_load(pixel), index);
    return vec_load(pixel);
}

/* ---- the end of a row of outputs ----------------------------------------------------------------- */

INLINE void add_up(const struct grouped_up *up, int oy, int x0, vec *acc, int wide)
{
    const float *src = up->src + (size_t)((oy >> up->log2) - up->top) * up->row;

#pragma GCC unroll 16
    for (int x = 0; x < wide; x++)
        acc[x] = vec_add(acc[x], vec_load(src + (size_t)((x0 + x) >> up->log2) * BLOCK));
}

INLINE void add_residual(const float *residual, vec *acc, int wide)
{
#pragma GCC unroll 16
    for (int x = 0; x < wide; x++)
        acc[x] = vec_add(acc[x], vec_load(residual + x * BLOCK));
}

/* The second operand of min and max passes a NaN on. */
INLINE void clamp(float low, float high, vec *acc, int wide)
{
#pragma GCC unroll 16
    for (int x = 0; x < wide; x++)
        acc[x] = vec_min(vec_set1(high), vec_max(vec_set1(low), acc[x]));
}

INLINE void finish(const struct grouped_conv *c, int oy, int x0, vec *acc, int wide)
{
    size_t offset = (size_t)(oy - c->top) * c->row + (size_t)x0 * BLOCK;

    for (int u = 0; u < c->ups; u++)
        add_up(&c->up[u], oy, x0, acc, wide);
    if (c->residual)
        add_residual(c->residual + offset, acc, wide);
    if (c->clamp)
        clamp(c->low, c->high, acc, wide);
#pragma GCC unroll 16
    for (int x = 0; x < wide; x++)
        vec_store(c->dst + offset + x * BLOCK, acc[x]);
}

/* ---- any kernel: tiles of rows x columns --------------------------------------------------------- */

struct tile {
    vec row[TALL][WIDE];
};

/* Three taps of one input row of one path, from a plane without margins. */
INLINE void add_three(vec *acc, const float *pixel, const float *weights, vec_index index, int lane,
                      bool left, bool right, int stride, int wide, enum grouped_lanes lanes)
{
    const int last = (wide - 1) * stride + 2;
    vec w[3];

#pragma GCC unroll 16
    for (int kx = 0; kx < 3; kx++)
        w[kx] = vec_load(weights + kx * BLOCK);
#pragma GCC unroll 16
    for (int i = 0; i <= last; i++) {
        vec v;

        if ((i == 0 && left) || (i == last && right))
            continue;
        v = take(pixel + i * BLOCK, lanes, index, lane);
#pragma GCC unroll 16
        for (int kx = 0; kx < 3; kx++)
            if (i >= kx && (i - kx) % stride == 0 && (i - kx) / stride < wide)
                acc[(i - kx) / stride] = vec_fma(v, w[kx], acc[(i - kx) / stride]);
    }
}

INLINE void add_taps(vec *acc, const float *pixel, const float *weights, vec_index index, int lane,
                     const struct grouped_conv *c, int stride, int wide, enum grouped_lanes lanes)
{
    for (int kx = 0; kx < c->kw; kx++) {
        const vec w = vec_load(weights + (size_t)kx * BLOCK);
        const float *p = pixel + (size_t)kx * c->dilation * BLOCK;

#pragma GCC unroll 16
        for (int x = 0; x < wide; x++)
            acc[x] = vec_fma(take(p + (size_t)x * stride * BLOCK, lanes, index, lane), w, acc[x]);
    }
}

/* One path into a tile. fixed_stride: 1 or 2 for a 3-wide kernel, 0 for any. */
INLINE void add_path(struct tile *acc, const struct grouped_conv *c, const struct grouped_segment *s, int oy,
                     int x0, int tall, int wide, int fixed_stride, enum grouped_lanes lanes)
{
    const int stride = fixed_stride ? fixed_stride : s->stride, ix = x0 * stride - c->pad_w;
    const bool left = ix < 0, right = ix + (wide - 1) * stride + 2 >= s->w;

    for (int step = 0; step < s->steps.count; step++) {
        const float *src =
            s->src + (size_t)(s->steps.from[step] - s->first_block) * s->block + (ptrdiff_t)ix * BLOCK;
        const float *weights = s->steps.weights + (size_t)step * c->kh * c->kw * BLOCK;
        const vec_index index = vec_load_index(s->steps.lane + (size_t)step * BLOCK);
        const int lane = s->steps.lane[(size_t)step * BLOCK];

        for (int ky = 0; ky < c->kh; ky++, weights += (size_t)c->kw * BLOCK) {
            const int iy = oy * stride - c->pad_h + ky * c->dilation;

#pragma GCC unroll 16
            for (int r = 0; r < tall; r++) {
                const float *pixel = src + (ptrdiff_t)(iy + r * stride - s->top) * (ptrdiff_t)s->row;

                if (iy + r * stride < 0 || iy + r * stride >= s->h)
                    continue;
                if (fixed_stride)
                    add_three(acc->row[r], pixel, weights, index, lane, left, right, fixed_stride, wide,
                              lanes);
                else
                    add_taps(acc->row[r], pixel, weights, index, lane, c, stride, wide, lanes);
            }
        }
    }
}

INLINE void add_path_lanes(struct tile *acc, const struct grouped_conv *c, const struct grouped_segment *s,
                           int oy, int x0, int tall, int wide, int fixed_stride)
{
    if (s->steps.lanes == GROUPED_OWN)
        add_path(acc, c, s, oy, x0, tall, wide, fixed_stride, GROUPED_OWN);
    else if (s->steps.lanes == GROUPED_ANY)
        add_path(acc, c, s, oy, x0, tall, wide, fixed_stride, GROUPED_ANY);
    else
        add_path(acc, c, s, oy, x0, tall, wide, fixed_stride, GROUPED_ONE);
}

INLINE void fill(vec *acc, vec value, int wide)
{
#pragma GCC unroll 16
    for (int x = 0; x < wide; x++)
        acc[x] = value;
}

INLINE void convolve_tile(const struct grouped_conv *c, int oy, int x0, int tall, int wide)
{
    const vec bias = vec_load(c->bias);
    struct tile acc;

#pragma GCC unroll 16
    for (int r = 0; r < tall; r++)
        fill(acc.row[r], bias, wide);
    for (int i = 0; i < c->segments; i++) {
        const struct grouped_segment *s = &c->segment[i];

        if (!c->three)
            add_path_lanes(&acc, c, s, oy, x0, tall, wide, 0);
        else if (s->stride == 2)
            add_path_lanes(&acc, c, s, oy, x0, tall, wide, 2);
        else
            add_path_lanes(&acc, c, s, oy, x0, tall, wide, 1);
    }
#pragma GCC unroll 16
    for (int r = 0; r < tall; r++)
        finish(c, oy + r, x0, acc.row[r], wide);
}

INLINE void convolve_width(const struct grouped_conv *c, int oy, int x0, int tall, int wide)
{
    if (wide == 1)
        convolve_tile(c, oy, x0, tall, 1);
    else if (wide == 2)
        convolve_tile(c, oy, x0, tall, 2);
    else if (wide == 3)
        convolve_tile(c, oy, x0, tall, 3);
    else if (wide == 4)
        convolve_tile(c, oy, x0, tall, 4);
    else if (WIDE > 5 && wide == 5)
        convolve_tile(c, oy, x0, tall, 5);
    else if (WIDE > 6 && wide == 6)
        convolve_tile(c, oy, x0, tall, 6);
    else
        convolve_tile(c, oy, x0, tall, WIDE);
}

static void convolve_tiles(const struct grouped_conv *c)
{
    int tiles = oct_ceil_div(c->w, WIDE), x0, x1;

    for (int oy = c->first; oy < c->last; oy += TALL)
        for (int i = 0; i < tiles; i++) {
            oct_share(c->w, tiles, i, &x0, &x1);
            if (c->last - oy >= TALL)
                convolve_width(c, oy, x0, TALL, x1 - x0);
            else
                convolve_width(c, oy, x0, 1, x1 - x0);
        }
}

/* ---- pooling ------------------------------------------------------------------------------------- */

INLINE vec scale(vec sum, int count)
{
    if ((count & (count - 1)) == 0)
        return vec_mul(sum, vec_set1(1.0f / (float)count)); /* exact */
    return vec_div(sum, vec_set1((float)count));
}

/* The mean of rows x columns values. */
INLINE vec average(const float *src, size_t row, int rows, int columns)
{
    vec sum = vec_zero();

    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++)
            sum = vec_add(sum, vec_load(src + y * row + x * BLOCK));
    return scale(sum, rows * columns);
}

/* `full` of the w windows reach no edge. */
INLINE void pool_row(const struct grouped_pool *job, const float *src, float *dst, int rows, int size)
{
    const int full = job->src_w / size;

    for (int x = 0; x < full; x++)
        vec_store(dst + (size_t)x * BLOCK, average(src + (size_t)x * size * BLOCK, job->src_row, rows, size));
    if (full < job->w)
        vec_store(dst + (size_t)full * BLOCK,
                  average(src + (size_t)full * size * BLOCK, job->src_row, rows, job->src_w - full * size));
}

static void zero(float *dst, int pixels)
{
    for (int x = 0; x < pixels; x++)
        vec_store(dst + (size_t)x * BLOCK, vec_zero());
}

static void pool(const struct grouped_pool *job)
{
    const int size = 1 << job->log2;

    for (int y = job->first; y < job->last; y++) {
        const int rows = oct_min(size, job->src_h - y * size);
        const float *src = job->src + (size_t)(y * size - job->src_top) * job->src_row;
        float *dst = job->dst + (size_t)(y - job->first) * job->dst_row;

        zero(dst, job->left);
        if (size == 2 && rows == 2)
            pool_row(job, src, dst + (size_t)job->left * BLOCK, 2, 2);
        else
            pool_row(job, src, dst + (size_t)job->left * BLOCK, rows, size);
        zero(dst + (size_t)(job->left + job->w) * BLOCK, job->right);
    }
}
