/* SPDX-License-Identifier: MIT */
/*
 * Register tiles and pooling of the direct convolution, written once over the vector type of vec_avx2.h or
 * vec_avx512.h. A file of an instruction set includes one of those, defines MAX_BLOCKS, MAX_WIDTH, UNROLLED,
 * FETCH_NEXT_BLOCK, AHEAD, FETCH_OUT, LAST_IN_MEMORY, FINISHED, FINISHES_MANY_TAPS, reads_memory() and
 * join_half(), then includes this; nobody else does. accumulate() and tile() are inlined with constant
 * shapes, so that every accumulator has a register of its own.
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

/* The same in halves, whose broadcasts are pairs of channels; a half by itself is two quarters, whose are
 * four. */
INLINE void accumulate_halves(vec acc[MAX_BLOCKS][MAX_WIDTH], const float *src, const float *next,
                              const float *weights, int ic, const int blocks, const int halves,
                              const int step, const int first, const int last)
{
    const int vectors = direct_vectors(blocks, halves), channels = direct_channels(halves);
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
                       const float *weights, int ic, const int blocks, const int halves, const int step,
                       const int first, const int last)
{
    if (halves)
        accumulate_halves(acc, src, next, weights, ic, blocks, halves, step, first, last);
    else
        accumulate_full(acc, src, next, out, weights, ic, blocks, step, first, last);
}

/* One loop with constant bounds for each way of clipping a tap. */
INLINE void clip(vec acc[MAX_BLOCKS][MAX_WIDTH], int how, const float *src, const float *next,
                 const float *weights, int ic, const int blocks, const int halves, const int width,
                 const int step)
{
    switch (how) {
    case DIRECT_WHOLE:
        accumulate(acc, src, next, NULL, weights, ic, blocks, halves, step, 0, width);
        break;
    case DIRECT_NOT_FIRST:
        accumulate(acc, src, next, NULL, weights, ic, blocks, halves, step, 1, width);
        break;
    case DIRECT_NOT_FIRST_2:
        accumulate(acc, src, next, NULL, weights, ic, blocks, halves, step, 2, width);
        break;
    case DIRECT_NOT_LAST:
        accumulate(acc, src, next, NULL, weights, ic, blocks, halves, step, 0, width - 1);
        break;
    default:
        accumulate(acc, src, next, NULL, weights, ic, blocks, halves, step, 0, width - 2);
    }
}

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

/* Towards level 2, among a block of channels: what a later strip reads. */
INLINE void fetch_ahead(const struct direct_segment *s, const float *src, const int width)
{
    const int line = 16 / LANES; /* pixels */

    if (!s->ahead)
        return;
#pragma GCC unroll 28
    for (int i = 0; i < width; i += line)
        __builtin_prefetch(src + s->ahead + i * LANES, 0, 2);
}

/* What rides along with a block of channels: its memory is in level 1 or on its way. */
INLINE void ride_along(const struct direct_segment *s, const float *src, float *pool, const int width)
{
    fetch_ahead(s, src, width);
    if (!pool)
        return;
    if (s->pool_left < width / 2)
        pool_across(s, pool, src, width);
    else if (s->pool_add)
        pool_pairs(pool, src, true, width);
    else
        pool_pairs(pool, src, false, width);
}

/* Towards level 1: the pixels of the next block of channels lie a plane away, where no hardware looks, and
 * those of the next tile's first block before the last one's. */
INLINE void fetch_block(const float *src, const int width)
{
    const int line = 16 / LANES; /* pixels */

#pragma GCC unroll 28
    for (int i = 0; i < width; i += line)
        __builtin_prefetch(src + i * LANES, 0, 3);
}

/* All channels of a block under one tap. */
INLINE void reduce_tap(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_tap *t, const float *src,
                       const float *next, const float *weights, int ic, const int blocks, const int halves,
                       const int width)
{
    src += t->src;
    next += t->src;
    weights += t->weights;
    if (width == 1)
        accumulate(acc, src, next, NULL, weights, ic, blocks, halves, 0, 0, 1);
    else if (t->stride == 2)
        clip(acc, t->clip, src, next, weights, ic, blocks, halves, width, 2 * LANES);
    else
        clip(acc, t->clip, src, next, weights, ic, blocks, halves, width, LANES);
}

/* Where the channels begin that finish() is left. */
struct position {
    const float *src, *weights;
};

/* A segment, but for the last `late` channels under the last tap of the last block; where there are any, that
 * tap reads every pixel. */
INLINE struct position reduce(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_segment *s, int index,
                              int late, const int blocks, const int halves, const int width)
{
    const struct direct_tap *end = s->tap + s->taps;
    const float *src = s->src + index * s->src_tile, *weights = s->weights;
    struct position rest = {NULL, NULL};

    for (int left = s->ic; left > 0; left -= LANES) {
        int ic = left > LANES ? LANES : left;
        const struct direct_tap *stop = left <= LANES && late ? end - 1 : end;
        const float *next = left <= LANES ? s->src + (index + 1) * s->src_tile : src + s->src_block;

        if (FETCH_NEXT_BLOCK && s->taps == 1)
            fetch_block(src + s->src_block, width);
        for (const struct direct_tap *t = s->tap; t < stop; t++)
            reduce_tap(acc, t, src, next, weights, ic, blocks, halves, width);
        if (stop < end) {
            ic -= late;
            accumulate(acc, src + stop->src, next + stop->src, NULL, weights + stop->weights, ic, blocks,
                       halves, LANES, 0, width);
            rest.src = src + stop->src + ic;
            rest.weights = weights + stop->weights + ic * blocks * LANES;
        }
        fetch_ahead(s, src, width);
        src += s->src_block;
        weights += s->weight_block;
    }
    return rest;
}

/* The same for a segment with one tap that reads every pixel, which leaves next to nothing to do between the
 * loops over channels: what is done there is not hidden behind FMAs, as little as it is. `s` is a copy that
 * advance() moves from tile to tile, and has its tap's offsets in its pointers. The last blocks of channels
 * fetch lines of `out`, each of another block of outputs, unless that is NULL. */
INLINE struct position reduce_plain(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_segment *s,
                                    const float *out, ptrdiff_t out_block, int late, const int blocks,
                                    const int halves, const int width)
{
    const ptrdiff_t src_block = s->src_block, weight_block = s->weight_block;
    const float *src = s->src, *weights = s->weights;
    const float *const next_tile = src + s->src_tile;
    float *pool = s->pool;
    const bool rides = s->ahead || pool;
    int left = s->ic;

#pragma GCC unroll 1
    for (; left > LANES; left -= LANES) {
        const float *store = out && left <= blocks * LANES ? out + (left - 1) / LANES * out_block : NULL;

        if (FETCH_NEXT_BLOCK)
            fetch_block(src + src_block, width);
        if (UNROLLED > 1 && !halves)
            accumulate_block(acc, src, weights, blocks, width);
        else
            accumulate(acc, src, src + src_block, store, weights, LANES, blocks, halves, LANES, 0, width);
        if (rides)
            ride_along(s, src, pool, width);
        src += src_block;
        weights += weight_block;
        if (pool)
            pool += s->pool_block;
    }
    if (FETCH_NEXT_BLOCK)
        fetch_block(next_tile, width);
    left -= late; /* of the last block: it may have no more */
    accumulate(acc, src, next_tile, out, weights, left, blocks, halves, LANES, 0, width);
    if (rides)
        ride_along(s, src, pool, width);
    return (struct position){src + left, weights + left * blocks * LANES};
}

/* Through general registers: what a compiler moves through vector registers waits in their queue behind the
 * FMAs of the tile before, and with it the addresses of this one's pixels. */
INLINE void copy_words(void *to, const void *from, const size_t size)
{
#pragma GCC unroll 16
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, (const char *)from + at, sizeof(word));
        __asm__("" : "+r"(word));
        memcpy((char *)to + at, &word, sizeof(word));
    }
}

/* Copies of the run's segments for reduce_plain(). Stores cannot change what is only here, so that the next
 * tile's addresses are known before this one's sums are. */
INLINE void copy_segments(struct direct_segment copy[DIRECT_SEGMENTS], const struct direct_run *run)
{
    for (int i = 0; i < run->segments; i++) {
        copy_words(copy + i, run->segment + i, sizeof(copy[i]));
        copy[i].src += copy[i].tap->src;
        copy[i].weights += copy[i].tap->weights;
    }
}

INLINE void advance(struct direct_segment *s, const int width)
{
    s->src += s->src_tile;
    if (s->pool)
        pool_ahead(s, width / 2);
}

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

/* What a tile begins with, so that it is not added later: the bias and the first of the addends. Halves
 * hold two sums an output until they are stored, so nothing can be in them before. */
INLINE void begin(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_run *run, int first, const int blocks,
                  const int halves, const int width)
{
    const bool empty = halves || !run->bias;

    if (empty)
        fill(acc, NULL, direct_vectors(blocks, halves), width);
    else
        fill(acc, run->bias, blocks, width);
    if (halves || run->addends == 0)
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

/* Halves, or two quarters, into blocks. */
INLINE void join(vec acc[MAX_BLOCKS][MAX_WIDTH], const int blocks, const int halves, const int width)
{
#pragma GCC unroll 2
    for (int b = 0; b < blocks; b++) {
        const bool two = 2 * b + 1 < direct_vectors(blocks, halves), whole = 2 * b + 1 < halves;
#pragma GCC unroll 28
        for (int i = 0; i < width; i++) {
            vec sums = two ? vec_join_pairs(acc[2 * b][i], acc[2 * b + 1][i]) : acc[2 * b][i];

            acc[b][i] = whole ? sums : join_half(sums);
        }
    }
}

/* After begin(). */
INLINE void store(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_run *run, int first, const int blocks,
                  const int halves, const int width)
{
    const ptrdiff_t at = (ptrdiff_t)first * LANES, block = run->out_block;
    float *out =
        run->out + at; /* a copy, for the compiler must think that stores change what run points to */

    if (halves)
        join(acc, blocks, halves, width);
    for (int addend = halves ? 0 : 1; addend < run->addends; addend++)
        take(acc, run->addend + addend, first, false, blocks, width);
    if (halves && run->bias) {
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
INLINE bool finishes(const struct direct_run *run, const int blocks, const int halves, const int width)
{
    const struct direct_segment *last = run->segment + run->segments - 1;
    const struct direct_tap *tap;

    if (FINISHED == 0 || halves || width < 2 || run->segments == 0 || last->taps == 0)
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
INLINE void finish(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_run *run, struct position rest, int t,
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

/* Is reduce_plain() enough? */
INLINE bool is_plain(const struct direct_run *run)
{
    for (int i = 0; i < run->segments; i++) {
        const struct direct_segment *s = run->segment + i;

        if (s->taps != 1 || s->tap->stride != 1 || s->tap->clip != DIRECT_WHOLE)
            return false;
    }
    return true;
}

/* `plain`: with reduce_plain(). `fetch`: and lines to be stored. */
INLINE void tiles(const struct direct_run *run, const bool plain, const bool fetch, const int blocks,
                  const int halves, const int width)
{
    const bool late = (plain || FINISHES_MANY_TAPS) && finishes(run, blocks, halves, width);
    struct direct_segment copy[DIRECT_SEGMENTS];

    if (plain)
        copy_segments(copy, run);
    for (int t = 0; t < run->tiles; t++) {
        vec acc[MAX_BLOCKS][MAX_WIDTH];
        const float *out = fetch ? run->out + t * width * LANES : NULL;
        struct position rest = {NULL, NULL};

        begin(acc, run, t * width, blocks, halves, width);
        for (int i = 0; i < run->segments; i++) {
            int left = late && i == run->segments - 1 ? FINISHED : 0;

            if (!plain) {
                rest = reduce(acc, run->segment + i, t, left, blocks, halves, width);
                continue;
            }
            rest = reduce_plain(acc, copy + i, i == run->segments - 1 ? out : NULL, run->out_block, left,
                                blocks, halves, width);
            advance(copy + i, width);
        }
        if (!late)
            store(acc, run, t * width, blocks, halves, width);
        else if (blocks > 1 && clamps(run))
            finish(acc, run, rest, t, blocks, width, true);
        else
            finish(acc, run, rest, t, blocks, width, false);
    }
}

INLINE void tile(const struct direct_run *run, const int blocks, const int halves, const int width)
{
    const bool fetch = FETCH_OUT && blocks > 1 && !halves;

    if (!is_plain(run))
        tiles(run, false, false, blocks, halves, width);
    else if (fetch && run->fetch_out)
        tiles(run, true, true, blocks, halves, width);
    else
        tiles(run, true, false, blocks, halves, width);
}

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

#define TILE(name, blocks, halves, width)          \
    static void name(const struct direct_run *run) \
    {                                              \
        tile(run, blocks, halves, width);          \
    }
