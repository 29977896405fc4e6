/* SPDX-License-Identifier: MIT */
/* Sums over the channels of a block under one tap: the loops that multiply. Included by direct/tiles-inl.h.
 */

/* One channel: weights stay in registers, pixels pass by. */
INLINE void step_by_pixel(vec acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *weights,
                          const int blocks, const int step, const int first, const int last)
{
    const int held = oct_min(blocks, REGISTERS - 1 - blocks * (last - first));
    vec w[MAX_BLOCKS];

#pragma GCC unroll 4
    for (int b = 0; b < held; b++)
        w[b] = vec_held(vec_load(weights + b * LANES));
#pragma GCC unroll 28
    for (int i = first; i < last; i++) {
        if (reads_memory(blocks, i - first)) {
#pragma GCC unroll 4
            for (int b = 0; b < blocks; b++)
                acc[b][i] = vec_fma_each(w[b], src + i * step, acc[b][i]);
            continue;
        }
        vec x = vec_set1(src[i * step]);
#pragma GCC unroll 4
        for (int b = 0; b < held; b++)
            acc[b][i] = vec_fma(w[b], x, acc[b][i]);
        if (held < blocks) /* there is one register too few */
            acc[held][i] = vec_fma_load(x, weights + held * LANES, acc[held][i]);
    }
}

/* The same where there are no registers for all weights: pixels stay, weights pass by. */
INLINE void step_by_weight(vec acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *weights,
                           const int blocks, const int step, const int first, const int last)
{
    vec x[MAX_WIDTH];

#pragma GCC unroll 28
    for (int i = first; i < last; i++)
        x[i] = vec_set1(src[i * step]);
#pragma GCC unroll 4
    for (int b = 0; b < blocks; b++) {
        vec w = vec_held(vec_load(weights + b * LANES));
#pragma GCC unroll 28
        for (int i = first; i < last; i++)
            acc[b][i] = vec_fma(w, x[i], acc[b][i]);
    }
}

INLINE void accumulate_channel(vec acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *weights,
                               const int blocks, const int step, const int first, const int last)
{
    const int free = REGISTERS - blocks * (last - first);

    if (free > blocks || (LAST_IN_MEMORY && free == blocks))
        step_by_pixel(acc, src, weights, blocks, step, first, last);
    else
        step_by_weight(acc, src, weights, blocks, step, first, last);
}

/* Towards level 1, beside the FMAs of a channel: a line or two of the pixels that the next block of channels
 * reads, which lie where no hardware looks, and the weights of a later channel. Line by line they find the
 * way to level 2 free, where a whole tile at once waits for it. The weights of a single block are few. */
INLINE void fetch_channel(const float *next, const float *weights, const int blocks, const int step,
                          const int lines)
{
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++)
        __builtin_prefetch(next + i * step, 0, 3);
#pragma GCC unroll 4
    for (int b = 0; b < blocks && blocks > 1; b++)
        __builtin_prefetch(weights + b * LANES, 0, 3);
}

/* acc += weights x the pixels [first, last) of the tile, over `ic` channels under one tap. Of `out`, where
 * the tile will be stored, a line is fetched with each channel unless it is NULL. */
INLINE void accumulate_full(vec acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *next,
                            const float *out, const float *weights, int ic, const int blocks, const int step,
                            const int first, const int last)
{
    const float *end = weights + ic * blocks * LANES;
    const int lines = (last + LANES - 1) / LANES; /* of the next block: all, when a block is done */

#pragma GCC unroll UNROLLED
    for (; weights < end; weights += blocks * LANES, src++, next += lines * step) {
        if (AHEAD)
            fetch_channel(next, weights + AHEAD * blocks * LANES, blocks, step, lines);
        if (out) {
            __builtin_prefetch(out, 0, 3);
            out += LANES;
        }
        accumulate_channel(acc, src, weights, blocks, step, first, last);
    }
}

/* All channels of a block, where every pixel is read: a loop whose turns the compiler can count. */
INLINE void accumulate_block(vec acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *weights,
                             const int blocks, const int width)
{
#pragma GCC unroll UNROLLED
    for (int c = 0; c < LANES; c++)
        accumulate_channel(acc, src + c, weights + c * blocks * LANES, blocks, LANES, 0, width);
}

/* The same with several channels in a vector, whose broadcasts are as many neighbours. */
INLINE void accumulate_channels(vec acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *next,
                                const float *weights, int ic, const int vectors, const int channels,
                                const int step, const int first, const int last)
{
    const int lines = (last * channels + LANES - 1) / LANES; /* of the next block */
    const float *end = weights + (ic + channels - 1) / channels * vectors * LANES;

#pragma GCC unroll 1
    for (; weights < end; weights += vectors * LANES, src += channels, next += lines * step) {
        vec w[MAX_BLOCKS];

        if (AHEAD)
            fetch_channel(next, NULL, 1, step, lines);
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j++)
            w[j] = vec_held(vec_load(weights + j * LANES));
#pragma GCC unroll 28
        for (int i = first; i < last; i++) {
            vec x = channels == 4 ? vec_set4(src + i * step) : vec_set2(src + i * step);
#pragma GCC unroll 4
            for (int j = 0; j < vectors; j++)
                acc[j][i] = vec_fma(w[j], x, acc[j][i]);
        }
    }
}

INLINE void accumulate(vec acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *next, const float *out,
                       const float *weights, int ic, const int blocks, const int vectors, const int channels,
                       const int step, const int first, const int last)
{
    if (channels > 1)
        accumulate_channels(acc, src, next, weights, ic, vectors, channels, step, first, last);
    else
        accumulate_full(acc, src, next, out, weights, ic, blocks, step, first, last);
}

/* One loop with constant bounds for each way of clipping a tap. */
INLINE void clip(vec acc[MAX_BLOCKS][MAX_WIDTH], int how, const float *src, const float *next,
                 const float *weights, int ic, const int blocks, const int vectors, const int channels,
                 const int width, const int step)
{
    switch (how) {
    case DIRECT_WHOLE:
        accumulate(acc, src, next, NULL, weights, ic, blocks, vectors, channels, step, 0, width);
        break;
    case DIRECT_NOT_FIRST:
        accumulate(acc, src, next, NULL, weights, ic, blocks, vectors, channels, step, 1, width);
        break;
    case DIRECT_NOT_FIRST_2:
        accumulate(acc, src, next, NULL, weights, ic, blocks, vectors, channels, step, 2, width);
        break;
    case DIRECT_NOT_LAST:
        accumulate(acc, src, next, NULL, weights, ic, blocks, vectors, channels, step, 0, width - 1);
        break;
    default:
        accumulate(acc, src, next, NULL, weights, ic, blocks, vectors, channels, step, 0, width - 2);
    }
}
