/* SPDX-License-Identifier: MIT */
/*
 * The vector loops of grouped layers that every instruction set shares, written once over the vector type of
 * vec_avx2.h or vec_avx512.h. A file of an instruction set includes one of those, defines TALL and WIDE (rows
 * and columns of a register tile), then includes this; nobody else does.
 */
/* A block of one pixel, as the lanes of a step want it. A plain one is held in a register: compilers would
 * rather load it again in every multiply-add that takes it. Permuted ones and broadcasts they may fold: in
 * registers, those cost more than they save. */
INLINE vec take(const float *pixel, enum grouped_lanes lanes, vec_index index)
{
    if (lanes == GROUPED_ONE)
        return vec_set1(*pixel);
    if (lanes == GROUPED_ANY)
        return vec_permute(vec_load(pixel), index);
    return vec_held(vec_load(pixel));
}

/* ---- the end of a row of outputs ----------------------------------------------------------------- */

INLINE void add_up(const struct grouped_up *up, int oy, int x0, vec *acc, int wide)
{
    const float *src = up->src + (size_t)((oy >> up->log2) - up->top) * up->row;

    OCT_UNROLL
    for (int x = 0; x < wide; x++)
        acc[x] = vec_add(acc[x], vec_load(src + (size_t)((x0 + x) >> up->log2) * LANES));
}

INLINE void add_residual(const float *residual, vec *acc, int wide)
{
    OCT_UNROLL
    for (int x = 0; x < wide; x++)
        acc[x] = vec_add(acc[x], vec_load(residual + x * LANES));
}

/* The second operand of min and max passes a NaN on. */
INLINE void clamp(float low, float high, vec *acc, int wide)
{
    OCT_UNROLL
    for (int x = 0; x < wide; x++)
        acc[x] = vec_min(vec_set1(high), vec_max(vec_set1(low), acc[x]));
}

/* Floats from where an output or its residual begins to pixel x0 of row oy. */
INLINE size_t output_offset(const struct grouped_conv *c, int oy, int x0)
{
    return (size_t)(oy - c->top) * c->row + (size_t)x0 * LANES;
}

/* What a row of sums takes besides its paths: results from lower resolutions, and the residual. */
INLINE void add_others(const struct grouped_conv *c, int oy, int x0, vec *acc, int wide)
{
    for (int u = 0; u < c->ups; u++)
        add_up(&c->up[u], oy, x0, acc, wide);
    if (c->residual)
        add_residual(c->residual + output_offset(c, oy, x0), acc, wide);
}

INLINE void finish(const struct grouped_conv *c, int oy, int x0, vec *acc, int wide)
{
    float *dst = c->dst + output_offset(c, oy, x0);

    add_others(c, oy, x0, acc, wide);
    if (c->clamp)
        clamp(c->low, c->high, acc, wide);
    OCT_UNROLL
    for (int x = 0; x < wide; x++)
        vec_store(dst + x * LANES, acc[x]);
}

/* ---- any kernel: tiles of rows x columns --------------------------------------------------------- */

struct tile {
    vec row[TALL][WIDE];
};

/* Input column i of the tile into the outputs it touches. */
INLINE void add_column_strided(vec *acc, const vec *w, vec v, int i, int stride, int wide)
{
    OCT_UNROLL
    for (int kx = 0; kx < 3; kx++)
        if (i >= kx && (i - kx) % stride == 0 && (i - kx) / stride < wide)
            acc[(i - kx) / stride] = vec_fma(v, w[kx], acc[(i - kx) / stride]);
}

/* Three taps of one input row of one path, from a plane without margins. */
INLINE void add_three(vec *acc, const float *pixel, const float *weights, vec_index index, bool left,
                      bool right, int stride, int wide, enum grouped_lanes lanes)
{
    const int last = (wide - 1) * stride + 2;
    const vec w[3] = {vec_load(weights), vec_load(weights + LANES), vec_load(weights + 2 * LANES)};

    if (!left)
        add_column_strided(acc, w, take(pixel, lanes, index), 0, stride, wide);
    OCT_UNROLL
    for (int i = 1; i < last; i++)
        add_column_strided(acc, w, take(pixel + i * LANES, lanes, index), i, stride, wide);
    if (!right)
        add_column_strided(acc, w, take(pixel + last * LANES, lanes, index), last, stride, wide);
}

INLINE void add_taps(vec *acc, const float *pixel, const float *weights, vec_index index,
                     const struct grouped_conv *c, int stride, int wide, enum grouped_lanes lanes)
{
    for (int kx = 0; kx < c->kw; kx++) {
        const vec w = vec_load(weights + (size_t)kx * LANES);
        const float *p = pixel + (size_t)kx * c->dilation_w * LANES;

        OCT_UNROLL
        for (int x = 0; x < wide; x++)
            acc[x] = vec_fma(take(p + (size_t)x * stride * LANES, lanes, index), w, acc[x]);
    }
}

/* One path into a tile. fixed_stride: 1 or 2 for a 3-wide kernel, 0 for any. */
INLINE void add_path(struct tile *acc, const struct grouped_conv *c, const struct grouped_segment *s, int oy,
                     int x0, int tall, int wide, int fixed_stride, enum grouped_lanes lanes)
{
    const int stride = fixed_stride ? fixed_stride : s->stride, ix = x0 * stride - c->pad_w;
    const int stride_h = fixed_stride ? fixed_stride : s->stride_h;
    const bool left = ix < 0, right = ix + (wide - 1) * stride + 2 >= s->w;

    for (int step = 0; step < s->steps.count; step++) {
        const float *src = s->src + s->steps.offset[step] + (ptrdiff_t)ix * LANES;
        const float *weights = s->steps.weights + (size_t)step * c->kh * c->kw * LANES;
        const vec_index index = vec_load_index(s->steps.lane + (size_t)step * LANES);

        for (int ky = 0; ky < c->kh; ky++, weights += (size_t)c->kw * LANES) {
            const int iy = oy * stride_h - s->pad_h + ky * c->dilation_h;

            OCT_UNROLL
            for (int r = 0; r < tall; r++) {
                const float *pixel = src + (ptrdiff_t)(iy + r * stride_h - s->top) * (ptrdiff_t)s->row;

                if (iy + r * stride_h < 0 || iy + r * stride_h >= s->h)
                    continue;
                if (fixed_stride)
                    add_three(acc->row[r], pixel, weights, index, left, right, fixed_stride, wide, lanes);
                else
                    add_taps(acc->row[r], pixel, weights, index, c, stride, wide, lanes);
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
    OCT_UNROLL
    for (int x = 0; x < wide; x++)
        acc[x] = value;
}

INLINE void convolve_tile(const struct grouped_conv *c, int oy, int x0, int tall, int wide)
{
    const vec bias = vec_load(c->bias);
    struct tile acc;

    OCT_UNROLL
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
    OCT_UNROLL
    for (int r = 0; r < tall; r++)
        finish(c, oy + r, x0, acc.row[r], wide);
}

/* Functions of their own keep the time that compilers need in bounds. */
#define TILE(tall, wide)                                                           \
    static void tile_##tall##_##wide(const struct grouped_conv *c, int oy, int x0) \
    {                                                                              \
        convolve_tile(c, oy, x0, tall, wide);                                      \
    }
TILE(1, 1)
TILE(1, 3)
TILE(1, 4)
TILE(1, WIDE)
TILE(TALL, 1)
TILE(TALL, 3)
TILE(TALL, 4)
TILE(TALL, WIDE)

/* Is a row of that many columns a sum of WIDEs and fours. */
static bool divides(int columns)
{
    for (int left = columns; left >= 0 && left > columns - 4 * WIDE; left -= WIDE)
        if (left % 4 == 0)
            return true;
    return false;
}

/* Widths of tiles, and which one is next where `left` columns are left. */
static const int widths[] = {1, 3, 4, WIDE};

static int next_width(int left)
{
    if (left >= WIDE && divides(left - WIDE))
        return 3;
    return left >= 4 ? 2 : left == 3;
}

static void convolve_tiles(const struct grouped_conv *c)
{
    static void (*const tile[2][4])(const struct grouped_conv *, int, int) = {
        {tile_1_1, tile_1_3, tile_1_4, tile_1_WIDE},
        {tile_TALL_1, tile_TALL_3, tile_TALL_4, tile_TALL_WIDE},
    };

    for (int oy = c->first, tall; oy < c->last; oy += tall) {
        tall = c->last - oy >= TALL ? TALL : 1;
        for (int x0 = 0, width; x0 < c->w; x0 += widths[width]) {
            width = next_width(c->w - x0);
            tile[tall > 1][width](c, oy, x0);
        }
    }
}

/* ---- depthwise, 3 wide: along a row -------------------------------------------------------------- */

/* Depthwise tiles are short: seven sums a row are enough, for the next tile's multiply-adds fill the gaps
 * that latency leaves in this one's. What counts is how little happens between them. */
#define OWN_WIDE 7

/* What the tiles of a row of outputs read: `rows` rows of the plane, from the first that is there. */
struct own_row {
    const float *pixel, *weights;
    size_t row;
    int rows, w;
};

INLINE void convolve_own_tile(const struct grouped_conv *c, const struct own_row *in, int oy, int x0,
                              int wide, int stride)
{
    const int ix = x0 * stride - c->pad_w;
    const bool left = ix < 0, right = ix + (wide - 1) * stride + 2 >= in->w;
    const vec_index none = vec_load_index(c->segment[0].steps.lane);
    const float *pixel = in->pixel + (ptrdiff_t)ix * LANES, *weights = in->weights;
    vec acc[OWN_WIDE];

    fill(acc, vec_load(c->bias), wide);
    for (int ky = 0; ky < in->rows; ky++, pixel += in->row, weights += 3 * LANES)
        add_three(acc, pixel, weights, none, left, right, stride, wide, GROUPED_OWN);
    finish(c, oy, x0, acc, wide);
}

INLINE void convolve_own_row(const struct grouped_conv *c, const struct own_row *in, int oy, int stride)
{
    int x0 = 0;

    for (; x0 + OWN_WIDE <= c->w; x0 += OWN_WIDE)
        convolve_own_tile(c, in, oy, x0, OWN_WIDE, stride);
    if (x0 + 4 <= c->w) {
        convolve_own_tile(c, in, oy, x0, 4, stride);
        x0 += 4;
    }
    for (; x0 < c->w; x0++)
        convolve_own_tile(c, in, oy, x0, 1, stride);
}

INLINE void convolve_own(const struct grouped_conv *c, int stride)
{
    const struct grouped_segment *s = &c->segment[0];
    for (int oy = c->first; oy < c->last; oy++) {
        const int iy = oy * stride - c->pad_h;
        const int first = oct_max(-iy, 0), last = oct_min(c->kh, s->h - iy); /* of the kernel's rows */
        const struct own_row in = {
            .pixel = s->src + (ptrdiff_t)(iy + first - s->top) * (ptrdiff_t)s->row,
            .weights = s->steps.weights + (ptrdiff_t)first * 3 * LANES,
            .row = s->row,
            .rows = last - first,
            .w = s->w,
        };

        convolve_own_row(c, &in, oy, stride);
    }
}

static void convolve_own_1(const struct grouped_conv *c)
{
    convolve_own(c, 1);
}

static void convolve_own_2(const struct grouped_conv *c)
{
    convolve_own(c, 2);
}

/* Is the job a depthwise one that the row loops take; if so, does it. */
static bool convolve_depthwise(const struct grouped_conv *c)
{
    if (!c->three || c->segments != 1 || c->segment[0].steps.lanes != GROUPED_OWN)
        return false;
    if (c->segment[0].stride == 2)
        convolve_own_2(c);
    else
        convolve_own_1(c);
    return true;
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
            sum = vec_add(sum, vec_load(src + y * row + x * LANES));
    return scale(sum, rows * columns);
}

/* `full` of the w windows reach no edge. */
INLINE void pool_row(const struct grouped_pool *job, const float *src, float *dst, int rows, int size)
{
    const int full = job->src_w / size;

    for (int x = 0; x < full; x++)
        vec_store(dst + (size_t)x * LANES, average(src + (size_t)x * size * LANES, job->src_row, rows, size));
    if (full < job->w)
        vec_store(dst + (size_t)full * LANES,
                  average(src + (size_t)full * size * LANES, job->src_row, rows, job->src_w - full * size));
}

static void zero(float *dst, int pixels)
{
    for (int x = 0; x < pixels; x++)
        vec_store(dst + (size_t)x * LANES, vec_zero());
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
            pool_row(job, src, dst + (size_t)job->left * LANES, 2, 2);
        else
            pool_row(job, src, dst + (size_t)job->left * LANES, rows, size);
        zero(dst + (size_t)(job->left + job->w) * LANES, job->right);
    }
}
