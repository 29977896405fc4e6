/* SPDX-License-Identifier: MIT */
#ifndef OCT_DIRECT_POOL_IN_TILE_H
#define OCT_DIRECT_POOL_IN_TILE_H

#include "direct/tiling.h"

/* Pooling can wait where it halves inputs once, and neither the first output nor what comes before it reads a
 * pooled source. */
bool direct_pooling_waits(const struct layer *layer);
/* The source that tiles of the first output can pool while they read its parent, or -1. */
int direct_rider(const struct layer *layer, const struct tiling *tiling, const struct direct_isa *isa);

#endif
