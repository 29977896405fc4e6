/* SPDX-License-Identifier: MIT */
/* The product of one pair of points, over the vector type that was included
 * before: blocks x tiles sums in registers, `blocks` vectors of weights and a
 * broadcast for each tile a channel. */
#ifndef OCT_WINOGRAD_PRODUCT_INL_H
#define OCT_WINOGRAD_PRODUCT_INL_H

#include "winograd/winograd.h"

/* Channels [0, channels) of a block of L. */
INLINE void channels_of_block(const int blocks, const int tiles, int channels, const float *v,
                              const float **weights, const float **fetch, ptrdiff_t fetch_step,
                              vec acc[][WINOGRAD_WIDEST])
{
    const float *u = *weights, *ahead = *fetch;

    for (int c = 0; c < channels; c++) {
        vec w[WINOGRAD_GROUP];

        OCT_UNROLL
        for (int b = 0; b < blocks; b++)
            w[b] = vec_held(vec_load(u + b * LANES));
        OCT_UNROLL
        for (int t = 0; t < tiles; t++) {
            if (READS_MEMORY(blocks, t)) {
                OCT_UNROLL
                for (int b = 0; b < blocks; b++)
                    acc[b][t] = vec_fma_each(w[b], v + t * LANES + c, acc[b][t]);
            } else {
                vec x = vec_held(vec_set1(v[t * LANES + c]));

                OCT_UNROLL
                for (int b = 0; b < blocks; b++)
                    acc[b][t] = vec_fma(w[b], x, acc[b][t]);
            }
        }
        OCT_UNROLL
        for (int b = 0; b < blocks; b += 16 / LANES)
            __builtin_prefetch(ahead + b * LANES, 0, 2);
        u += blocks * LANES;
        ahead += fetch_step;
    }
    *weights = u;
    *fetch = ahead;
}

INLINE void product(const int blocks, const int tiles, const struct winograd_product *p)
{
    vec acc[WINOGRAD_GROUP][WINOGRAD_WIDEST];
    const float *u = p->u, *fetch = p->fetch;
    const ptrdiff_t fetch_step = p->fetch_step;

    OCT_UNROLL
    for (int b = 0; b < blocks; b++) {
        OCT_UNROLL
        for (int t = 0; t < tiles; t++)
            acc[b][t] = vec_zero();
    }
    for (int z = 0; z < p->times; z++) {
        for (int s = 0; s < p->segments; s++) {
            const float *v = p->v + z * p->v_time + p->segment[s].v;

            for (int left = p->segment[s].channels; left > 0; left -= LANES, v += p->v_block)
                channels_of_block(blocks, tiles, oct_min(left, LANES), v, &u, &fetch, fetch_step, acc);
        }
    }
    OCT_UNROLL
    for (int b = 0; b < blocks; b++) {
        OCT_UNROLL
        for (int t = 0; t < tiles; t++)
            vec_store(p->m + b * p->m_block + t * LANES, acc[b][t]);
    }
}

#define PRODUCT(blocks, tiles)                                               \
    static void product_##blocks##x##tiles(const struct winograd_product *p) \
    {                                                                        \
        product(blocks, tiles, p);                                           \
    }

#endif
