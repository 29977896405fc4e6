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
#define TALL  2
#define WIDE  7 /* columns of a tile: divides the maps of the usual networks, 7 to 112 */

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

struct weights {
    vec tap[9];
};

/* Input column i of the tile, counted from the left padding's, into the outputs it touches. */
INLINE void add_column(struct rolling *acc, const struct weights *w, vec v, int i, int wide, bool old,
                       bool new)
{
    OCT_UNROLL
    for (int kx = 0; kx < 3; kx++) {
        int x = i - kx;

        if (x < 0 || x >= wide)
            continue;
        if (old)
            acc->row[0][x] = vec_fma(v, w->tap[6 + kx], acc->row[0][x]);
        acc->row[1][x] = vec_fma(v, w->tap[3 + kx], acc->row[1][x]);
        if (new)
            acc->row[2][x] = vec_fma(v, w->tap[kx], acc->row[2][x]);
    }
}

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
        struct weights w;

        OCT_UNROLL
        for (int i = 0; i < 9; i++)
            w.tap[i] = vec_load(weights + i * BLOCK);
        if (!left)
            add_column(acc, &w, take(pixel, lanes, index, lane), 0, wide, old, new);
        OCT_UNROLL
        for (int i = 1; i <= wide; i++)
            add_column(acc, &w, take(pixel + i * BLOCK, lanes, index, lane), i, wide, old, new);
        if (!right)
            add_column(acc, &w, take(pixel + (wide + 1) * BLOCK, lanes, index, lane), wide + 1, wide, old,
                       new);
    }
}

/* `old` and `new` as constants: at the ends of a column a third of the work would be wasted. */
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

INLINE void stream(const struct grouped_conv *c, int x0, int wide, enum grouped_lanes lanes)
{
    const vec bias = vec_load(c->bias);
    struct rolling acc;

    fill(acc.row[0], bias, wide);
    fill(acc.row[1], bias, wide);
    fill(acc.row[2], bias, wide);
    for (int oy = c->first - 2; oy < c->last; oy++) { /* the oldest output row that input row iy feeds */
        const int iy = oy + 2 - c->pad_h;
        const bool old = oy >= c->first, new = oy + 2 < c->last;

        for (int i = 0; i < c->segments; i++)
            if (iy >= 0 && iy < c->segment[i].h)
                add_row_live(&acc, &c->segment[i], c->pad_w, iy, x0, wide, lanes, old, new);
        if (old)
            finish(c, oy, x0, acc.row[0], wide);
        OCT_UNROLL
        for (int x = 0; x < wide; x++) {
            acc.row[0][x] = acc.row[1][x];
            acc.row[1][x] = acc.row[2][x];
            acc.row[2][x] = bias;
        }
    }
}

#define STREAM(lanes, wide)                                                   \
    static void stream_##lanes##_##wide(const struct grouped_conv *c, int x0) \
    {                                                                         \
        stream(c, x0, wide, GROUPED_##lanes);                                 \
    }
STREAM(OWN, 1)
STREAM(OWN, 3)
STREAM(OWN, 4)
STREAM(OWN, WIDE)
STREAM(ANY, 1)
STREAM(ANY, 3)
STREAM(ANY, 4)
STREAM(ANY, WIDE)
STREAM(ONE, 1)
STREAM(ONE, 3)
STREAM(ONE, 4)
STREAM(ONE, WIDE)

static void stream_columns(const struct grouped_conv *c, enum grouped_lanes lanes)
{
    static void (*const streams[3][4])(const struct grouped_conv *, int) = {
        [GROUPED_OWN] = {stream_OWN_1, stream_OWN_3, stream_OWN_4, stream_OWN_WIDE},
        [GROUPED_ANY] = {stream_ANY_1, stream_ANY_3, stream_ANY_4, stream_ANY_WIDE},
        [GROUPED_ONE] = {stream_ONE_1, stream_ONE_3, stream_ONE_4, stream_ONE_WIDE},
    };

    for (int x0 = 0, width; x0 < c->w; x0 += widths[width]) {
        width = next_width(c->w - x0);
        streams[lanes][width](c, x0);
    }
}

/* Paths that take their lanes differently meet only where one band has groups of one channel. */
static void convolve(const struct grouped_conv *c)
{
    enum grouped_lanes lanes = c->segments ? c->segment[0].steps.lanes : GROUPED_OWN;
    bool streams = c->three && c->kh == 3;

    for (int i = 0; i < c->segments; i++)
        streams = streams && c->segment[i].stride == 1 && c->segment[i].steps.lanes == lanes;
    if (streams)
        stream_columns(c, lanes);
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
