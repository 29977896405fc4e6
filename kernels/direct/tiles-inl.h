/* SPDX-License-Identifier: MIT */
/*
 * Register tiles and pooling of the direct convolution, written once over the vector type of simd/vec_avx2.h
 * or simd/vec_avx512.h. A file of an instruction set includes one of those, defines MAX_BLOCKS, MAX_WIDTH,
 * UNROLLED, FETCH_NEXT_BLOCK, AHEAD, FETCH_OUT, LAST_IN_MEMORY, FINISHED, FINISHES_MANY_TAPS, reads_memory()
 * and join_half(), then includes this; nobody else does. Everything down to the loop that multiplies
 * (direct/accumulate-inl.h) is inlined into tile() with constant shapes, so that every accumulator has a
 * register of its own.
 */
#include "direct/accumulate-inl.h"
#include "direct/pool-inl.h"
#include "direct/reduce-inl.h"
#include "direct/store-inl.h"

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
                  const int vectors, const int channels, const int width)
{
    const bool late = (plain || FINISHES_MANY_TAPS) && finishes(run, blocks, channels, width);
    struct direct_segment copy[MAX_TERMS];

    if (plain)
        copy_segments(copy, run);
    for (int t = 0; t < run->tiles; t++) {
        vec acc[MAX_BLOCKS][MAX_WIDTH];
        const float *out = fetch ? run->out + t * width * LANES : NULL;
        struct rest rest = {NULL, NULL};

        begin(acc, run, t * width, blocks, vectors, channels, width);
        for (int i = 0; i < run->segments; i++) {
            int left = late && i == run->segments - 1 ? FINISHED : 0;

            if (!plain) {
                rest = reduce(acc, run->segment + i, t, left, blocks, vectors, channels, width);
                continue;
            }
            rest = reduce_plain(acc, copy + i, i == run->segments - 1 ? out : NULL, run->out_block, left,
                                blocks, vectors, channels, width);
            advance(copy + i, width);
        }
        if (!late)
            store(acc, run, t * width, blocks, vectors, channels, width);
        else if (blocks > 1 && clamps(run))
            finish(acc, run, rest, t, blocks, width, true);
        else
            finish(acc, run, rest, t, blocks, width, false);
    }
}

INLINE void tile(const struct direct_run *run, const int blocks, const int vectors, const int channels,
                 const int width)
{
    const bool fetch = FETCH_OUT && blocks > 1 && channels == 1;

    if (!is_plain(run))
        tiles(run, false, false, blocks, vectors, channels, width);
    else if (fetch && run->fetch_out)
        tiles(run, true, true, blocks, vectors, channels, width);
    else
        tiles(run, true, false, blocks, vectors, channels, width);
}

#define TILE(name, blocks, vectors, channels, width) \
    static void name(const struct direct_run *run)   \
    {                                                \
        tile(run, blocks, vectors, channels, width); \
    }
