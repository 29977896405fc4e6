/* SPDX-License-Identifier: MIT */
/*
 * Grouped and depthwise layers with AVX-512: the vector loops behind grouped.h, nChw16c.
 *
 * 3x3 at stride 1 streams down a column of tiles: every input row is read once and feeds the three output
 * rows that it touches, so 21 accumulators and 9 weights live in registers, and a load (with its permutation
 * or broadcast) feeds up to 9 multiply-adds. Everything else runs tiles of 2 rows x 7 columns.
 */
#include "grouped.h"

#include <immintrin.h>

#define BLOCK 16
#define WIDE  7 /* columns of a tile: divides the maps of the usual networks, 7 to 112 */
#define TALL  2

#define INLINE static inline __attribute__((always_inline))

typedef __m512 vec;
typedef __m512i vec_index;

INLINE vec vec_zero(void)
{
    return _mm512_setzero_ps();
}

INLINE vec vec_set1(float value)
{
    return _mm512_set1_ps(value);
}

INLINE vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

INLINE void vec_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}

INLINE vec_index vec_load_index(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}

INLINE vec vec_permute(vec v, vec_index index)
{
    return _mm512_permutexvar_ps(index, v);
}

INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}

INLINE vec vec_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}

INLINE vec vec_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

#include "grouped_loops.h"

/* ---- 3x3, stride 1: down a column ---------------------------------------------------------------- */

/* Sums of the three output rows that an input row feeds: kernel row 2 of the oldest, 0 of the newest. */
struct rolling {
    vec row[3][WIDE];
};

/* One input row of one path. `old`, `new`: do those rows belong to the job. */
INLINE void add_row(struct rolling *acc, const struct grouped_segment *s, int pad, int iy, int x0, int wide,
                    enum grouped_lanes lanes, bool old, bool new)
{
    const float *row = s->src + (size_t)(iy - s->top) * s->row;
    const bool left = x0 < pad, right = x0 + wide + 1 - pad >= s->w;

    for (int step = 0; step < s->steps.count; step++) {
        const float *pixel =
            row + (size_t)(s->steps.from[step] - s->first_block) * s->block + (ptrdiff_t)(x0 - pad) * BLOCK;
        const float *weights = s->steps.weights + (size_t)step * 9 * BLOCK;
        const vec_index index = vec_load_index(s->steps.lane + (size_t)step * BLOCK);
        const int lane = s->steps.lane[(size_t)step * BLOCK];
        vec w[9];

#pragma GCC unroll 16
        for (int i = 0; i < 9; i++)
            w[i] = vec_load(weights + i * BLOCK);
#pragma GCC unroll 16
        for (int i = 0; i < wide + 2; i++) {
            vec v;

            if ((i == 0 && left) || (i == wide + 1 && right))
                continue;
            v = take(pixel + i * BLOCK, lanes, index, lane);
#pragma GCC unroll 16
            for (int kx = 0; kx < 3; kx++) {
                int x = i - kx;

                if (x < 0 || x >= wide)
                    continue;
                if (old)
                    acc->row[0][x] = vec_fma(v, w[6 + kx], acc->row[0][x]);
                acc->row[1][x] = vec_fma(v, w[3 + kx], acc->row[1][x]);
                if (new)
                    acc->row[2][x] = vec_fma(v, w[kx], acc->row[2][x]);
            }
        }
    }
}

INLINE void add_row_live(struct rolling *acc, const struct grouped_segment *s, int pad, int iy, int x0,
                         int wide, enum grouped_lanes lanes, bool old, bool new)
{
    if (old && new)
        add_row(acc, s, pad, iy, x0, wide, lanes, true, true);
    else if (old)
        add_row(acc, s, pad, iy, x0, wide, lanes, true, false);
    else if (new)
        add_row(acc, s, pad, iy, x0, wide, lanes, false, true);
    else
        add_row(acc, s, pad, iy, x0, wide, lanes, false, false);
}

INLINE void stream(const struct grouped_conv *c, int x0, int wide)
{
    const vec bias = vec_load(c->bias);
    struct rolling acc;

#pragma GCC unroll 16
    for (int x = 0; x < wide; x++)
        acc.row[0][x] = acc.row[1][x] = acc.row[2][x] = bias;
    for (int oy = c->first - 2; oy < c->last; oy++) { /* the oldest output row that input row iy feeds */
        const int iy = oy + 2 - c->pad_h;
        const bool old = oy >= c->first, new = oy + 2 < c->last;

        for (int i = 0; i < c->segments; i++) {
            const struct grouped_segment *s = &c->segment[i];

            if (iy < 0 || iy >= s->h)
                continue;
            if (s->steps.lanes == GROUPED_OWN)
                add_row_live(&acc, s, c->pad_w, iy, x0, wide, GROUPED_OWN, old, new);
            else if (s->steps.lanes == GROUPED_ANY)
                add_row_live(&acc, s, c->pad_w, iy, x0, wide, GROUPED_ANY, old, new);
            else
                add_row_live(&acc, s, c->pad_w, iy, x0, wide, GROUPED_ONE, old, new);
        }
        if (old)
            finish(c, oy, x0, acc.row[0], wide);
#pragma GCC unroll 16
        for (int x = 0; x < wide; x++) {
            acc.row[0][x] = acc.row[1][x];
            acc.row[1][x] = acc.row[2][x];
            acc.row[2][x] = bias;
        }
    }
}

static __attribute__((noinline)) void stream_7(const struct grouped_conv *c, int x0)
{
    stream(c, x0, 7);
}

static __attribute__((noinline)) void stream_narrow(const struct grouped_conv *c, int x0, int wide)
{
    switch (wide) {
    case 1:
        stream(c, x0, 1);
        break;
    case 2:
        stream(c, x0, 2);
        break;
    case 3:
        stream(c, x0, 3);
        break;
    case 4:
        stream(c, x0, 4);
        break;
    case 5:
        stream(c, x0, 5);
        break;
    default:
        stream(c, x0, 6);
    }
}

/* Tiles of equal width rather than full ones and a rest. */
static void stream_columns(const struct grouped_conv *c)
{
    int tiles = oct_ceil_div(c->w, WIDE);

    for (int i = 0; i < tiles; i++) {
        int x0, x1;

        oct_share(c->w, tiles, i, &x0, &x1);
        if (x1 - x0 == WIDE)
            stream_7(c, x0);
        else
            stream_narrow(c, x0, x1 - x0);
    }
}

static void convolve(const struct grouped_conv *c)
{
    bool streams = c->three && c->kh == 3;

    for (int i = 0; i < c->segments; i++)
        streams = streams && c->segment[i].stride == 1;
    if (streams)
        stream_columns(c);
    else
        convolve_tiles(c);
}

/* ---- entry --------------------------------------------------------------------------------------- */

static const struct grouped_isa isa = {
    .tile = "16c 3x7/2x7",
    .layout = OCT_NCHW16C,
    .conv = convolve,
    .pool = pool,
};

static int plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w, int threads,
                struct oct_message *msg)
{
    return grouped_plan(out, p, w, threads, msg, &isa);
}

const struct oct_kernel oct_f32_avx512_grouped = {
    .name = "f32_avx512_grouped",
    .summary = "grouped and depthwise layers, AVX-512: what f32_avx512_direct uses for them",
    .isa = OCT_ISA_AVX2 | OCT_ISA_AVX512,
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NCHW16C,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan,
    .execute = grouped_execute,
    .destroy = grouped_destroy,
    .info = grouped_info,
};
