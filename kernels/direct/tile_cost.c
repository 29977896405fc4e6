/* SPDX-License-Identifier: MIT */
/* What a register tile costs. */
#include "direct/tile_cost.h"

#include "core/cache.h"

#include <math.h>

size_t direct_steps(const struct layer *layer, const struct job *job)
{
    size_t channels = 0;

    for (int t = 0; t < job->terms; t++)
        channels += (size_t)job->term[t].ic;
    return channels * frame_kernel_taps(layer);
}

int direct_tap_floats(const struct direct_isa *isa, int kind)
{
    const struct direct_kind *k = isa->kind + kind;

    return k->vectors * isa->lanes * isa->lanes / k->channels_per_vector;
}

/* Every tile reads all the weights of its group: from level 2 where level 1 cannot keep them. */
static bool streams_weights(const struct direct_isa *isa, size_t steps, int kind)
{
    size_t bytes = (size_t)direct_tap_floats(isa, kind) / isa->lanes * sizeof(float);

    return steps * bytes > oct_cache_bytes(1);
}

/* The last loop over a block of channels may have only four turns, and sums may leave no register for all
 * weights. */
static float extra(const struct direct_isa *isa, const struct tile_costs *costs, float blocks, int channels)
{
    float moves = blocks > 3 && isa->lanes == 16 ? costs->moves : 0;

    return moves + (channels == 4 ? costs->turns : 0);
}

float direct_tile_cost(const struct direct_isa *isa, const struct tile_costs *costs, int kind, int width,
                       size_t steps)
{
    float channels = (float)isa->kind[kind].channels_per_vector;
    float blocks = (float)isa->kind[kind].vectors / channels;
    bool folded = blocks == 1 && channels == 1 && isa->lanes == 16;
    float broadcast = folded ? costs->folded_broadcast : costs->broadcast;
    float fma = costs->fma * blocks * (float)width;
    float load = costs->load * blocks + broadcast * (float)width / channels;
    float line = blocks * (float)isa->lanes * sizeof(float) / costs->level2_bytes;
    float stream = streams_weights(isa, steps, kind) ? line : 0;
    float longest = fmaxf(fmaxf(fma, load), fmaxf(stream, costs->latency / channels));
    float once = costs->tile + (channels - 1) * costs->join;

    return longest + costs->fill + costs->conflict * load + extra(isa, costs, blocks, (int)channels) +
           once / (float)(steps + 1);
}

float direct_padded_steps(const struct direct_kind *kind, const struct job *job)
{
    int together = kind->channels_per_vector, channels = 0, padded = 0;

    for (int t = 0; t < job->terms; t++) {
        channels += job->term[t].ic;
        padded += oct_ceil_div(job->term[t].ic, together) * together;
    }
    return channels ? (float)padded / (float)channels : 1;
}
