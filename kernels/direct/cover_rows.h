/* SPDX-License-Identifier: MIT */
#ifndef OCT_DIRECT_COVER_ROWS_H
#define OCT_DIRECT_COVER_ROWS_H

#include "direct/tiling.h"

/* Fills stretch, columns, tail and cover. OCT_OK or OCT_NO_MEMORY. */
int direct_cover_rows(struct tiling *out, const struct layer *layer, const struct direct_isa *isa,
                      const struct tile_costs *costs);

#endif
