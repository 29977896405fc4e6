/* SPDX-License-Identifier: MIT */
/* What a tile begins with, and how it ends. Included by direct/tiles-inl.h. */

/* What lower resolutions bring, to every pixel or to pairs of them: added, or, where the tile is still empty,
 * taken as its first sums. */
INLINE void take_each(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_addend *add, int first,
                      const bool empty, const int blocks, const int width)
{
#pragma GCC unroll 28
    for (int i = 0; i < width; i++) {
        const float *src = add->src + (add->index[first + i] - add->origin);
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++) {
            vec low = vec_load(src + b * add->block);

            acc[b][i] = empty ? low : vec_add(acc[b][i], low);
        }
    }
}

INLINE void take_pairs(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_addend *add, int first,
                       const bool empty, const int blocks, const int width)
{
    const float *src = add->src + (add->index[first] - add->origin);
    const ptrdiff_t block = add->block;

#pragma GCC unroll 28
    for (int i = 0; i < width; i += 2) {
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++) {
            vec low = vec_load(src + b * block + i / 2 * LANES);

            acc[b][i] = empty ? low : vec_add(acc[b][i], low);
            acc[b][i + 1] = empty ? low : vec_add(acc[b][i + 1], low);
        }
    }
}

INLINE void take(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_addend *add, int first, const bool empty,
                 const int blocks, const int width)
{
    if (add->pairs && width % 2 == 0)
        take_pairs(acc, add, first, empty, blocks, width);
    else
        take_each(acc, add, first, empty, blocks, width);
}

INLINE void fill(vec acc[MAX_BLOCKS][MAX_WIDTH], const float *values, const int blocks, const int width)
{
#pragma GCC unroll 4
    for (int b = 0; b < blocks; b++) {
#pragma GCC unroll 28
        for (int i = 0; i < width; i++)
            acc[b][i] = values ? vec_load(values + b * LANES) : vec_zero();
    }
}

/* What a tile begins with, so that it is not added later: the bias and the first of the addends. Where
 * a vector holds several channels, an output has as many sums until it is stored, so nothing can be in them
 * before. */
INLINE void begin(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_run *run, int first, const int blocks,
                  const int vectors, const int channels, const int width)
{
    const bool empty = channels > 1 || !run->bias;

    if (empty)
        fill(acc, NULL, vectors, width);
    else
        fill(acc, run->bias, blocks, width);
    if (channels > 1 || run->addends == 0)
        return;
    if (empty)
        take(acc, run->addend, first, true, blocks, width);
    else
        take(acc, run->addend, first, false, blocks, width);
}

/* relu, relu6: the second operand of min and max passes a NaN on */
INLINE vec clamp(vec v, vec top)
{
    return vec_min(vec_max(v, vec_zero()), top);
}

INLINE bool clamps(const struct direct_run *run)
{
    return run->epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6);
}

INLINE vec clamp_top(const struct direct_run *run)
{
    return vec_set1(run->epilogue & OCT_EPILOGUE_RELU6 ? 6.0f : __builtin_inff());
}

/* The sums of several channels into blocks. */
INLINE void join(vec acc[MAX_BLOCKS][MAX_WIDTH], const int blocks, const int vectors, const int channels,
                 const int width)
{
#pragma GCC unroll 2
    for (int b = 0; b < blocks; b++) {
        const bool two = 2 * b + 1 < vectors, whole = two && channels == 2;
#pragma GCC unroll 28
        for (int i = 0; i < width; i++) {
            vec sums = two ? vec_join_pairs(acc[2 * b][i], acc[2 * b + 1][i]) : acc[2 * b][i];

            acc[b][i] = whole ? sums : join_half(sums);
        }
    }
}

/* After begin(). */
INLINE void store(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_run *run, int first, const int blocks,
                  const int vectors, const int channels, const int width)
{
    const ptrdiff_t at = (ptrdiff_t)first * LANES, block = run->out_block;
    float *out =
        run->out + at; /* a copy, for the compiler must think that stores change what run points to */

    if (channels > 1)
        join(acc, blocks, vectors, channels, width);
    for (int addend = channels > 1 ? 0 : 1; addend < run->addends; addend++)
        take(acc, run->addend + addend, first, false, blocks, width);
    if (channels > 1 && run->bias) {
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++) {
            vec bias = vec_load(run->bias + b * LANES);
#pragma GCC unroll 28
            for (int i = 0; i < width; i++)
                acc[b][i] = vec_add(acc[b][i], bias);
        }
    }
    if (run->residual) {
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
#pragma GCC unroll 28
            for (int i = 0; i < width; i++)
                acc[b][i] = vec_add(acc[b][i], vec_load(run->residual + b * block + at + i * LANES));
    }
    if (clamps(run)) {
        vec top = clamp_top(run);
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
#pragma GCC unroll 28
            for (int i = 0; i < width; i++)
                acc[b][i] = clamp(acc[b][i], top);
    }
#pragma GCC unroll 4
    for (int b = 0; b < blocks; b++)
#pragma GCC unroll 28
        for (int i = 0; i < width; i++)
            vec_store(out + b * block + i * LANES, acc[b][i]);
}

/* Can finish() take the last channels of a run? They must come under a tap that reads every pixel, and
 * nothing may be left to add. */
INLINE bool finishes(const struct direct_run *run, const int blocks, const int channels, const int width)
{
    const struct direct_segment *last = run->segment + run->segments - 1;
    const struct direct_tap *tap;

    if (FINISHED == 0 || channels > 1 || width < 2 || run->segments == 0 || last->taps == 0)
        return false;
    tap = last->tap + last->taps - 1;
    if (tap->stride != 1 || tap->clip != DIRECT_WHOLE)
        return false;
    if (blocks == 1 && clamps(run)) /* as many sums as there may be leave no register for the bound */
        return false;
    return (last->ic - 1) % LANES + 1 >= FINISHED && !run->residual && run->addends <= 1;
}

/* The last FINISHED channels, pixel by pixel, each stored at once: a store that takes a sum as it leaves the
 * FMA is free, where every later store costs FMAs: two cycles of them for 512 bits on Zen 4, one for 256 bits
 * on Zen 3. */
INLINE void finish(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_run *run, struct rest rest, int t,
                   const int blocks, const int width, const bool clamped)
{
    const float *src = rest.src, *weights = rest.weights;
    const ptrdiff_t out_block = run->out_block;
    float *out = run->out + (ptrdiff_t)t * width * LANES;
    const vec top = clamp_top(run);
    const int unheld = 2; /* pixels that are done before there are registers for the weights */
    vec w[FINISHED ? FINISHED : 1][MAX_BLOCKS];

#pragma GCC unroll 28
    for (int i = 0; i < width; i++) {
        if (i == unheld) {
#pragma GCC unroll 4
            for (int c = 0; c < FINISHED; c++)
#pragma GCC unroll 4
                for (int b = 0; b < blocks; b++)
                    w[c][b] = vec_load(weights + (c * blocks + b) * LANES);
        }
#pragma GCC unroll 4
        for (int c = 0; c < FINISHED; c++) {
            vec x = vec_set1(src[i * LANES + c]);
#pragma GCC unroll 4
            for (int b = 0; b < blocks; b++)
                acc[b][i] = vec_fma(i < unheld ? vec_load(weights + (c * blocks + b) * LANES) : w[c][b], x,
                                    acc[b][i]);
        }
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
            vec_store(out + b * out_block + i * LANES, clamped ? clamp(acc[b][i], top) : acc[b][i]);
    }
}
