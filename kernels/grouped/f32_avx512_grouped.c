/* SPDX-License-Identifier: MIT */
/*
 * Grouped and depthwise layers with AVX-512: the vector loops behind grouped.h, nChw16c.
 *
 * Grouped 3x3 of groups narrower than a block streams down a column of tiles: every input row is read once
 * and feeds the output rows that it touches. At stride 1 these are three, so 21 accumulators and 9 weights
 * live in registers, and a permutation feeds up to 9 multiply-adds. Groups of whole blocks have tiles of 4 x
 * 7 pixels. Depthwise layers walk along rows, and everything else runs tiles of 2 rows x 7 columns.
 */
#include "grouped/grouped.h"
#include "simd/vec_avx512.h"

#define TALL 2
#define WIDE 7 /* columns of a tile: divides the maps of the usual networks, 7 to 112 */

#include "grouped/loops-inl.h"

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
                    bool old, bool new)
{
    const float *row = s->src + (size_t)(iy - s->top) * s->row;
    const bool left = x0 < pad, right = x0 + wide + 1 - pad >= s->w;

    for (int step = 0; step < s->steps.count; step++) {
        const float *pixel = row + s->steps.offset[step] + (ptrdiff_t)(x0 - pad) * LANES;
        const float *weights = s->steps.weights + (size_t)step * 9 * LANES;
        const vec_index index = vec_load_index(s->steps.lane + (size_t)step * LANES);
        struct weights w;

        OCT_UNROLL
        for (int i = 0; i < 9; i++)
            w.tap[i] = vec_load(weights + i * LANES);
        if (!left)
            add_column(acc, &w, take(pixel, GROUPED_ANY, index), 0, wide, old, new);
        OCT_UNROLL
        for (int i = 1; i <= wide; i++)
            add_column(acc, &w, take(pixel + i * LANES, GROUPED_ANY, index), i, wide, old, new);
        if (!right)
            add_column(acc, &w, take(pixel + (wide + 1) * LANES, GROUPED_ANY, index), wide + 1, wide, old,
                       new);
    }
}

/* `old` and `new` as constants: at the ends of a column a third of the work would be wasted. */
INLINE void add_row_live(struct rolling *acc, const struct grouped_segment *s, int pad, int iy, int x0,
                         int wide, bool old, bool new)
{
    if (old && new)
        add_row(acc, s, pad, iy, x0, wide, true, true);
    else if (old)
        add_row(acc, s, pad, iy, x0, wide, true, false);
    else if (new)
        add_row(acc, s, pad, iy, x0, wide, false, true);
    else
        add_row(acc, s, pad, iy, x0, wide, false, false);
}

INLINE void stream(const struct grouped_conv *c, int x0, int wide)
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
                add_row_live(&acc, &c->segment[i], c->pad_w, iy, x0, wide, old, new);
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

/* ---- 3x3, stride 2: down a column ---------------------------------------------------------------- */

/* One input row of one path: by kernel row ky into the output row `current`, and, where there is a `next`,
 * by kernel row 0 into that. */
INLINE void add_strided_row(vec *current, vec *next, const struct grouped_segment *s, int pad, int iy, int ky,
                            int x0, int wide)
{
    const int ix = 2 * x0 - pad, last = 2 * wide;
    const float *row = s->src + (size_t)(iy - s->top) * s->row;
    const bool left = ix < 0, right = ix + last >= s->w;

    for (int step = 0; step < s->steps.count; step++) {
        const float *pixel = row + s->steps.offset[step] + (ptrdiff_t)ix * LANES;
        const float *weights = s->steps.weights + (size_t)step * 9 * LANES;
        const vec_index index = vec_load_index(s->steps.lane + (size_t)step * LANES);
        vec w[3], w0[3];

        OCT_UNROLL
        for (int i = 0; i < 3; i++) {
            w[i] = vec_load(weights + (3 * ky + i) * LANES);
            w0[i] = vec_load(weights + i * LANES);
        }
        OCT_UNROLL
        for (int i = 0; i <= last; i++) {
            vec v;

            if ((i == 0 && left) || (i == last && right))
                continue;
            v = take(pixel + i * LANES, GROUPED_ANY, index);
            add_column_strided(current, w, v, i, 2, wide);
            if (next)
                add_column_strided(next, w0, v, i, 2, wide);
        }
    }
}

INLINE void stream_strided(const struct grouped_conv *c, int x0, int wide)
{
    const vec bias = vec_load(c->bias);
    vec current[WIDE], next[WIDE];

    fill(current, bias, wide);
    for (int oy = c->first; oy < c->last; oy++) {
        const int iy = 2 * oy - c->pad_h;

        fill(next, bias, wide);
        for (int i = 0; i < c->segments; i++) {
            const struct grouped_segment *s = &c->segment[i];

            for (int ky = oy > c->first; ky < 2; ky++)
                if (iy + ky >= 0 && iy + ky < s->h)
                    add_strided_row(current, NULL, s, c->pad_w, iy + ky, ky, x0, wide);
            if (iy + 2 >= 0 && iy + 2 < s->h)
                add_strided_row(current, next, s, c->pad_w, iy + 2, 2, x0, wide);
        }
        finish(c, oy, x0, current, wide);
        OCT_UNROLL
        for (int x = 0; x < wide; x++)
            current[x] = next[x];
    }
}

/* ---- 3x3, groups of whole blocks ----------------------------------------------------------------- */

#define BLOCK_WIDE 7
#include "grouped/blocks-inl.h"

BLOCK_PLAIN(1, 1)
BLOCK_PLAIN(2, 1)
BLOCK_PLAIN(3, 1)
BLOCK_PLAIN(4, 1)
BLOCK_PLAIN(1, 3)
BLOCK_PLAIN(2, 3)
BLOCK_PLAIN(3, 3)
BLOCK_PLAIN(4, 3)
BLOCK_PLAIN(1, 4)
BLOCK_PLAIN(2, 4)
BLOCK_PLAIN(3, 4)
BLOCK_PLAIN(4, 4)
BLOCK_PLAIN(1, 7)
BLOCK_PLAIN(2, 7)
BLOCK_CLIPPED(3, 7)
BLOCK_CLIPPED(4, 7)
/* A whole map of 4 x 4. */
BLOCK_EDGES(4, 4, 1, all, true, true, true, true)
#define WHOLE(f)                                                                        \
    {                                                                                   \
        FOUR(f##_any), FOUR(f##_any), FOUR(f##_any), f##_any, f##_any, f##_any, f##_all \
    }

/* Tiles of 4 x 7 pixels fill the registers. */
static void convolve_blocks(const struct grouped_conv *c)
{
    static const struct block_shape shapes[BLOCK_WIDE + 1][BLOCK_TALL] = {
        [1] = {SHAPE(ANY, 1, 1), SHAPE(ANY, 2, 1), SHAPE(ANY, 3, 1), SHAPE(ANY, 4, 1)},
        [3] = {SHAPE(ANY, 1, 3), SHAPE(ANY, 2, 3), SHAPE(ANY, 3, 3), SHAPE(ANY, 4, 3)},
        [4] = {SHAPE(ANY, 1, 4),
               SHAPE(ANY, 2, 4),
               SHAPE(ANY, 3, 4),
               {{WHOLE(block_4_4_1), ANY(block_4_4_2)}}},
        [7] = {SHAPE(ANY, 1, 7), SHAPE(ANY, 2, 7), SHAPE(CLIPPED, 3, 7), SHAPE(CLIPPED, 4, 7)},
    };
    struct block_pass pass[OCT_MAX_BANDS];
    struct block_tile sums;

    start_passes(c, pass, &sums);
    for (int x0 = 0, wide; x0 < c->w; x0 += wide) {
        wide = widths[next_width(c->w - x0)];
        convolve_block_columns(c, pass, &sums, shapes[wide], BLOCK_TALL, x0, wide);
    }
}

/* ---- which loop ---------------------------------------------------------------------------------- */

#define STREAM(how, wide)                                          \
    static void how##_##wide(const struct grouped_conv *c, int x0) \
    {                                                              \
        how(c, x0, wide);                                          \
    }
#define STREAMS(how) STREAM(how, 1) STREAM(how, 3) STREAM(how, 4) STREAM(how, WIDE)
STREAMS(stream)
STREAMS(stream_strided)

static void stream_columns(const struct grouped_conv *c, int stride)
{
    static void (*const streams[2][4])(const struct grouped_conv *, int) = {
        {stream_1, stream_3, stream_4, stream_WIDE},
        {stream_strided_1, stream_strided_3, stream_strided_4, stream_strided_WIDE},
    };

    for (int x0 = 0, width; x0 < c->w; x0 += widths[width]) {
        width = next_width(c->w - x0);
        streams[stride - 1][width](c, x0);
    }
}

/* Paths that differ in stride or lanes meet only in the ablations of `down`, or where one band alone has
 * groups of one channel. */
static bool streams(const struct grouped_conv *c)
{
    for (int i = 0; i < c->segments; i++)
        if (c->segment[i].stride != c->segment[0].stride || c->segment[i].steps.lanes != GROUPED_ANY)
            return false;
    return c->three && c->kh == 3 && c->segments > 0;
}

static void convolve(const struct grouped_conv *c)
{
    if (convolve_depthwise(c))
        return;
    if (blocks_can(c))
        convolve_blocks(c);
    else if (streams(c))
        stream_columns(c, c->segment[0].stride);
    else
        convolve_tiles(c);
}

/* ---- entry --------------------------------------------------------------------------------------- */

static const struct grouped_isa isa = {
    .tile = "16c rolling x7",
    .block_tile = "16c 4x7",
    .layout = OCT_NCHW16C,
    .conv = convolve,
    .pool = pool,
};

int grouped_plan_avx512(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                        const struct oct_plan_options *options, struct oct_message *msg)
{
    return grouped_plan(out, p, w, options, msg, &isa);
}
