/* SPDX-License-Identifier: MIT */
/*
 * Register tiles of the direct convolution in AVX-512. One source for all of them: accumulate() and tile()
 * are inlined with constant shapes, so that every accumulator has a register of its own.
 *
 * 2 blocks x 14 pixels are 28 accumulators, 2 registers of weights and one broadcast that feeds 2 FMAs: 16
 * loads for 28 FMAs, where the processor does as many loads as FMAs a cycle. 14 divides the row of every
 * ResNet layer. Three blocks x 8 pixels serve an odd number of blocks, a half block the 8 channels that
 * alpha = .125 leaves of 64.
 */
#include "direct.h"

#include <immintrin.h>

#define LANES      16
#define MAX_BLOCKS 3
#define MAX_WIDTH  28

#define INLINE static inline __attribute__((always_inline))

/* acc += weights x the pixels [first, last) of the tile, over `ic` channels under one tap. */
INLINE void accumulate_full(__m512 acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *weights, int ic,
                            const int blocks, const int step, const int first, const int last)
{
    const float *end = weights + ic * blocks * LANES;

#pragma GCC unroll 1
    for (; weights < end; weights += blocks * LANES, src++) {
        __m512 w[MAX_BLOCKS];
#pragma GCC unroll 3
        for (int b = 0; b < blocks; b++)
            w[b] = _mm512_load_ps(weights + b * LANES);
#pragma GCC unroll 28
        for (int i = first; i < last; i++) {
            __m512 x = _mm512_set1_ps(src[i * step]);
#pragma GCC unroll 3
            for (int b = 0; b < blocks; b++)
                acc[b][i] = _mm512_fmadd_ps(w[b], x, acc[b][i]);
        }
    }
}

/* The same for a half block: two channels at a time, broadcast together. */
INLINE void accumulate_half(__m512 acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *weights, int ic,
                            const int step, const int first, const int last)
{
    const float *end = weights + (ic + 1) / 2 * LANES;

#pragma GCC unroll 1
    for (; weights < end; weights += LANES, src += 2) {
        __m512 w = _mm512_load_ps(weights);
#pragma GCC unroll 28
        for (int i = first; i < last; i++) {
            __m512 x = _mm512_castpd_ps(_mm512_set1_pd(*(const double *)(const void *)(src + i * step)));
            acc[0][i] = _mm512_fmadd_ps(w, x, acc[0][i]);
        }
    }
}

INLINE void accumulate(__m512 acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *weights, int ic,
                       const int blocks, const bool half, const int step, const int first, const int last)
{
    if (half)
        accumulate_half(acc, src, weights, ic, step, first, last);
    else
        accumulate_full(acc, src, weights, ic, blocks, step, first, last);
}

/* One loop with constant bounds for each way of clipping a tap. */
INLINE void clip(__m512 acc[MAX_BLOCKS][MAX_WIDTH], int how, const float *src, const float *weights, int ic,
                 const int blocks, const bool half, const int width, const int step)
{
    switch (how) {
    case DIRECT_WHOLE:
        accumulate(acc, src, weights, ic, blocks, half, step, 0, width);
        break;
    case DIRECT_NOT_FIRST:
        accumulate(acc, src, weights, ic, blocks, half, step, 1, width);
        break;
    case DIRECT_NOT_FIRST_2:
        accumulate(acc, src, weights, ic, blocks, half, step, 2, width);
        break;
    case DIRECT_NOT_LAST:
        accumulate(acc, src, weights, ic, blocks, half, step, 0, width - 1);
        break;
    default:
        accumulate(acc, src, weights, ic, blocks, half, step, 0, width - 2);
    }
}

/* Half a row of pooling: sums of neighbours, quartered, into or onto `pool`. */
INLINE void pool_half(float *pool, const float *src, const bool add, const int width)
{
    const __m512 quarter = _mm512_set1_ps(0.25f);

#pragma GCC unroll 28
    for (int i = 0; i + 1 < width; i += 2) {
        float *to = pool + i / 2 * LANES;
        __m512 pair = _mm512_add_ps(_mm512_load_ps(src + i * LANES), _mm512_load_ps(src + (i + 1) * LANES));

        _mm512_store_ps(to, add ? _mm512_fmadd_ps(pair, quarter, _mm512_load_ps(to))
                                : _mm512_mul_ps(pair, quarter));
    }
}

/* What rides along with a block of channels: its memory is in level 1 or on its way. */
INLINE void ride_along(const struct direct_segment *s, const float *src, float *pool, const int width)
{
    if (s->ahead) {
#pragma GCC unroll 28
        for (int i = 0; i < width; i++)
            __builtin_prefetch(src + s->ahead + i * LANES, 0, 2);
    }
    if (!pool)
        return;
    if (s->pool_add)
        pool_half(pool, src, true, width);
    else
        pool_half(pool, src, false, width);
}

INLINE void reduce(__m512 acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_segment *s, const float *src,
                   float *pool, const int blocks, const bool half, const int width)
{
    const struct direct_tap *end = s->tap + s->taps;
    const float *weights = s->weights;

    for (int left = s->ic; left > 0; left -= LANES) {
        int ic = left < LANES ? left : LANES;

        for (const struct direct_tap *t = s->tap; t < end; t++) {
            if (width == 1)
                accumulate(acc, src + t->src, weights + t->weights, ic, blocks, half, 0, 0, 1);
            else if (t->stride == 2)
                clip(acc, t->clip, src + t->src, weights + t->weights, ic, blocks, half, width, 2 * LANES);
            else
                clip(acc, t->clip, src + t->src, weights + t->weights, ic, blocks, half, width, LANES);
        }
        if (s->ahead || pool)
            ride_along(s, src, pool, width);
        src += s->src_block;
        weights += s->weight_block;
        if (pool)
            pool += s->pool_block;
    }
}

/* Lanes 2o and 2o+1 hold the two halves of output o's sum. */
INLINE __m512 join_halves(__m512 v)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512 sum = _mm512_add_ps(v, _mm512_permute_ps(v, 0xb1));

    return _mm512_maskz_permutexvar_ps(0x00ff, even, sum);
}

INLINE void add_each(__m512 acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_addend *add, int first,
                     const int blocks, const int width)
{
#pragma GCC unroll 28
    for (int i = 0; i < width; i++) {
        const float *src = add->src + (add->index[first + i] - add->origin);
#pragma GCC unroll 3
        for (int b = 0; b < blocks; b++)
            acc[b][i] = _mm512_add_ps(acc[b][i], _mm512_load_ps(src + b * add->block));
    }
}

INLINE void add_pairs(__m512 acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_addend *add, int first,
                      const int blocks, const int width)
{
    const float *src = add->src + (add->index[first] - add->origin);

#pragma GCC unroll 28
    for (int i = 0; i < width; i += 2) {
#pragma GCC unroll 3
        for (int b = 0; b < blocks; b++) {
            __m512 low = _mm512_load_ps(src + b * add->block + i / 2 * LANES);

            acc[b][i] = _mm512_add_ps(acc[b][i], low);
            acc[b][i + 1] = _mm512_add_ps(acc[b][i + 1], low);
        }
    }
}

INLINE void store(__m512 acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_run *run, int first,
                  const int blocks, const bool half, const int width)
{
    ptrdiff_t at = (ptrdiff_t)first * LANES;

    if (half) {
#pragma GCC unroll 28
        for (int i = 0; i < width; i++)
            acc[0][i] = join_halves(acc[0][i]);
    }
    for (int a = 0; a < run->addends; a++) {
        if (run->addend[a].pairs && width % 2 == 0)
            add_pairs(acc, run->addend + a, first, blocks, width);
        else
            add_each(acc, run->addend + a, first, blocks, width);
    }
    if (run->bias) {
#pragma GCC unroll 3
        for (int b = 0; b < blocks; b++) {
            __m512 bias = _mm512_load_ps(run->bias + b * LANES);
#pragma GCC unroll 28
            for (int i = 0; i < width; i++)
                acc[b][i] = _mm512_add_ps(acc[b][i], bias);
        }
    }
    if (run->residual) {
#pragma GCC unroll 3
        for (int b = 0; b < blocks; b++)
#pragma GCC unroll 28
            for (int i = 0; i < width; i++)
                acc[b][i] = _mm512_add_ps(
                    acc[b][i], _mm512_load_ps(run->residual + b * run->out_block + at + i * LANES));
    }
    if (run->epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6)) {
        __m512 top = _mm512_set1_ps(run->epilogue & OCT_EPILOGUE_RELU6 ? 6.0f : __builtin_inff());
#pragma GCC unroll 3
        for (int b = 0; b < blocks; b++)
#pragma GCC unroll 28
            for (int i = 0; i < width; i++)
                acc[b][i] = _mm512_min_ps(_mm512_max_ps(acc[b][i], _mm512_setzero_ps()), top);
    }
#pragma GCC unroll 3
    for (int b = 0; b < blocks; b++)
#pragma GCC unroll 28
        for (int i = 0; i < width; i++)
            _mm512_store_ps(run->out + b * run->out_block + at + i * LANES, acc[b][i]);
}

INLINE void tile(const struct direct_run *run, const int blocks, const bool half, const int width)
{
    for (int t = 0; t < run->tiles; t++) {
        __m512 acc[MAX_BLOCKS][MAX_WIDTH];

#pragma GCC unroll 3
        for (int b = 0; b < blocks; b++) {
#pragma GCC unroll 28
            for (int i = 0; i < width; i++)
                acc[b][i] = _mm512_setzero_ps();
        }
        for (int i = 0; i < run->segments; i++) {
            const struct direct_segment *s = run->segment + i;
            float *pool = s->pool ? s->pool + (ptrdiff_t)t * (width / 2) * LANES : NULL;

            reduce(acc, s, s->src + t * s->src_tile, pool, blocks, half, width);
        }
        store(acc, run, t * width, blocks, half, width);
    }
}

#define TILE(name, blocks, half, width)            \
    static void name(const struct direct_run *run) \
    {                                              \
        tile(run, blocks, half, width);            \
    }

TILE(tile_3x8, 3, false, 8)
TILE(tile_3x7, 3, false, 7)
TILE(tile_3x4, 3, false, 4)
TILE(tile_3x2, 3, false, 2)
TILE(tile_3x1, 3, false, 1)
TILE(tile_2x14, 2, false, 14)
TILE(tile_2x8, 2, false, 8)
TILE(tile_2x7, 2, false, 7)
TILE(tile_2x4, 2, false, 4)
TILE(tile_2x2, 2, false, 2)
TILE(tile_2x1, 2, false, 1)
TILE(tile_1x28, 1, false, 28)
TILE(tile_1x14, 1, false, 14)
TILE(tile_1x8, 1, false, 8)
TILE(tile_1x7, 1, false, 7)
TILE(tile_1x4, 1, false, 4)
TILE(tile_1x2, 1, false, 2)
TILE(tile_1x1, 1, false, 1)
TILE(tile_half_x28, 1, true, 28)
TILE(tile_half_x14, 1, true, 14)
TILE(tile_half_x8, 1, true, 8)
TILE(tile_half_x7, 1, true, 7)
TILE(tile_half_x4, 1, true, 4)
TILE(tile_half_x2, 1, true, 2)
TILE(tile_half_x1, 1, true, 1)

static const struct direct_kind kinds[] = {
    {.blocks = 3, .width = {8, 7, 4, 2, 1}, .tile = {tile_3x8, tile_3x7, tile_3x4, tile_3x2, tile_3x1}},
    {.blocks = 2,
     .width = {14, 8, 7, 4, 2, 1},
     .tile = {tile_2x14, tile_2x8, tile_2x7, tile_2x4, tile_2x2, tile_2x1}},
    {.blocks = 1,
     .width = {28, 14, 8, 7, 4, 2, 1},
     .tile = {tile_1x28, tile_1x14, tile_1x8, tile_1x7, tile_1x4, tile_1x2, tile_1x1}},
    {.blocks = 1,
     .half = true,
     .width = {28, 14, 8, 7, 4, 2, 1},
     .tile = {tile_half_x28, tile_half_x14, tile_half_x8, tile_half_x7, tile_half_x4, tile_half_x2,
              tile_half_x1}},
};

/* The average of a window of rows x columns values, which edges clip. */
static __m512 average(const float *src, int w, int rows, int columns)
{
    __m512 sum = _mm512_setzero_ps();

    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++)
            sum = _mm512_add_ps(sum, _mm512_load_ps(src + ((ptrdiff_t)y * w + x) * LANES));
    return _mm512_div_ps(sum, _mm512_set1_ps((float)(rows * columns)));
}

/* Two whole rows averaged in pairs: the case of every even map. */
static void pool_pair(float *dst, const float *top, const float *bottom, int pairs)
{
    const __m512 quarter = _mm512_set1_ps(0.25f);

    for (int x = 0; x < pairs; x++) {
        __m512 a = _mm512_add_ps(_mm512_load_ps(top), _mm512_load_ps(top + LANES));
        __m512 b = _mm512_add_ps(_mm512_load_ps(bottom), _mm512_load_ps(bottom + LANES));

        _mm512_store_ps(dst, _mm512_mul_ps(_mm512_add_ps(a, b), quarter));
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
            _mm512_store_ps(dst + (ptrdiff_t)x * LANES, average(row + ((ptrdiff_t)x << log2) * LANES, w, rows,
                                                                oct_min(window, w - (x << log2))));
        dst += (ptrdiff_t)columns * LANES;
    }
}

static const struct direct_isa isa = {
    .lanes = LANES,
    .layout = OCT_NCHW16C,
    .kind = kinds,
    .kinds = (int)(sizeof(kinds) / sizeof(kinds[0])),
    .pool = pool,
    .grouped = &oct_f32_avx512_grouped,
};

static int plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w, int threads,
                struct oct_message *msg)
{
    return direct_plan(out, &isa, p, w, threads, msg);
}

const struct oct_kernel oct_f32_avx512_direct = {
    .name = "f32_avx512_direct",
    .summary = "the whole layer fused, AVX-512 register tiles over nChw16c",
    .isa = OCT_ISA_AVX2 | OCT_ISA_AVX512,
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NCHW16C,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan,
    .execute = direct_execute,
    .destroy = direct_destroy,
    .info = direct_info,
};
