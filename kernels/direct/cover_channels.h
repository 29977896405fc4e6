/* SPDX-License-Identifier: MIT */
#ifndef OCT_DIRECT_COVER_CHANNELS_H
#define OCT_DIRECT_COVER_CHANNELS_H

#include "direct/tiling.h"

/* Fills group, groups and weights, after direct_cover_rows(). OCT_OK or OCT_NO_MEMORY. */
int direct_cover_channels(struct tiling *out, const struct layer *layer, const struct direct_isa *isa,
                          int threads);
/* Floats of a term's weights, as tiles of a kind read them. */
size_t direct_term_floats(const struct layer *layer, const struct direct_isa *isa, const struct term *t,
                          int kind);

#endif
