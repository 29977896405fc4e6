/* SPDX-License-Identifier: MIT */
/* Fused pooling: the first group of a 1x1 output reads every pixel once, and can leave sums of 2x2 of them.
 */
#include "direct/pool_in_tile.h"

/* Pairs of rows and of pixels, in tiles of an even width that is nearly the widest, no more than one end of a
 * row in a tile, and nothing else in the sum. */
static bool can_ride(const struct layer *layer, const struct tiling *tiling, const struct direct_isa *isa,
                     const struct source *s)
{
    const struct job *job = layer->job + layer->first_output;
    int kind = tiling->group[layer->first_output][0].kind;
    const int *width = isa->kind[kind].width;
    int even = width[direct_flat_width(tiling, isa, kind, width[0], true)];

    return layer->conv_groups == 1 && job->terms == 1 && job->term[0].source == s->parent && s->log2 == 1 &&
           job->e.h % 2 == 0 && job->e.w % 2 == 0 && 4 * even >= 3 * width[0] && even <= job->e.w;
}

bool direct_pooling_waits(const struct layer *layer)
{
    bool waits = layer->job[layer->first_output].flat && layer->sources > layer->inputs;

    for (int i = layer->inputs; i < layer->sources; i++)
        waits &= layer->source[i].level == 1 && layer->source[i].first_job > layer->first_output;
    return waits;
}

int direct_rider(const struct layer *layer, const struct tiling *tiling, const struct direct_isa *isa)
{
    for (int i = layer->inputs; direct_pooling_waits(layer) && i < layer->sources; i++)
        if (can_ride(layer, tiling, isa, layer->source + i))
            return i;
    return -1;
}
