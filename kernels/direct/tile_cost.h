/* SPDX-License-Identifier: MIT */
#ifndef OCT_DIRECT_TILE_COST_H
#define OCT_DIRECT_TILE_COST_H

#include "direct/tile.h"
#include "frame/tuning.h"

/* Input channels times taps, of all terms: the steps of a tile's sums. */
size_t direct_steps(const struct layer *layer, const struct job *job);
/* Weights of a block of input channels under one tap. */
int direct_tap_floats(const struct direct_isa *isa, int kind);
/* Cycles of a tile for one step of its sums. */
float direct_tile_cost(const struct direct_isa *isa, const struct tile_costs *costs, int kind, int width,
                       size_t steps);
/* Steps that a kind takes for each of a job's: where several channels go together, missing ones are zeros. */
float direct_padded_steps(const struct direct_kind *kind, const struct job *job);

#endif
