/* SPDX-License-Identifier: MIT */
#ifndef OCT_DIRECT_PACK_WEIGHTS_H
#define OCT_DIRECT_PACK_WEIGHTS_H

#include "direct/tiling.h"

struct packed {
    float *weights; /* of all groups, where the tiling has them */
    float *bias[MAX_JOBS], *biases;
    size_t bytes; /* of weights */
};

/* Weights and bias in the order in which tiles read them. Fused pooling of `rider` (-1: none) stores sums,
 * and the quarter that makes them averages is in the weights; a power of two costs no precision. OCT_OK or
 * OCT_NO_MEMORY; either way to be freed. */
int direct_pack(struct packed *out, const struct layer *layer, const struct tiling *tiling,
                const struct direct_isa *isa, const struct oct_weights *w, int rider);
void direct_free_packed(struct packed *packed);

#endif
