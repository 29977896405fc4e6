/* SPDX-License-Identifier: MIT */
/* Sums over the blocks of channels and the taps of a segment. Included by direct/tiles-inl.h. */

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
                       const float *next, const float *weights, int ic, const int blocks, const int vectors,
                       const int channels, const int width)
{
    src += t->src;
    next += t->src;
    weights += t->weights;
    if (width == 1)
        accumulate(acc, src, next, NULL, weights, ic, blocks, vectors, channels, 0, 0, 1);
    else if (t->stride == 2)
        clip(acc, t->clip, src, next, weights, ic, blocks, vectors, channels, width, 2 * LANES);
    else
        clip(acc, t->clip, src, next, weights, ic, blocks, vectors, channels, width, LANES);
}

/* The channels that finish() is left: where they begin. */
struct rest {
    const float *src, *weights;
};

/* A segment, but for the last `late` channels under the last tap of the last block; where there are any, that
 * tap reads every pixel. */
INLINE struct rest reduce(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_segment *s, int index, int late,
                          const int blocks, const int vectors, const int channels, const int width)
{
    const struct direct_tap *end = s->tap + s->taps;
    const float *src = s->src + index * s->src_tile, *weights = s->weights;
    struct rest rest = {NULL, NULL};

    for (int left = s->ic; left > 0; left -= LANES) {
        int ic = left > LANES ? LANES : left;
        const struct direct_tap *stop = left <= LANES && late ? end - 1 : end;
        const float *next = left <= LANES ? s->src + (index + 1) * s->src_tile : src + s->src_block;

        if (FETCH_NEXT_BLOCK && s->taps == 1)
            fetch_block(src + s->src_block, width);
        for (const struct direct_tap *t = s->tap; t < stop; t++)
            reduce_tap(acc, t, src, next, weights, ic, blocks, vectors, channels, width);
        if (stop < end) {
            ic -= late;
            accumulate(acc, src + stop->src, next + stop->src, NULL, weights + stop->weights, ic, blocks,
                       vectors, channels, LANES, 0, width);
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
INLINE struct rest reduce_plain(vec acc[MAX_BLOCKS][MAX_WIDTH], const struct direct_segment *s,
                                const float *out, ptrdiff_t out_block, int late, const int blocks,
                                const int vectors, const int channels, const int width)
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
        if (UNROLLED > 1 && channels == 1)
            accumulate_block(acc, src, weights, blocks, width);
        else
            accumulate(acc, src, src + src_block, store, weights, LANES, blocks, vectors, channels, LANES, 0,
                       width);
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
    accumulate(acc, src, next_tile, out, weights, left, blocks, vectors, channels, LANES, 0, width);
    if (rides)
        ride_along(s, src, pool, width);
    return (struct rest){src + left, weights + left * blocks * LANES};
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
INLINE void copy_segments(struct direct_segment copy[MAX_TERMS], const struct direct_run *run)
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
