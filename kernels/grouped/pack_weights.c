/* SPDX-License-Identifier: MIT */
/* Packs the weights of a grouped path into steps (grouped.h). */
#include "grouped/grouped.h"

#include <stdlib.h>
#include <string.h>

/* Channels of input block ib that output channel o sums over: [first, first + n). */
static int wanted(const struct grouped_shape *s, int o, int ib, int *first)
{
    int group_in = s->ic / s->groups, group = o / (s->oc / s->groups);
    int low = oct_max(group * group_in, ib * s->block);
    int high = oct_min((group + 1) * group_in, (ib + 1) * s->block);

    *first = low;
    return oct_max(high - low, 0);
}

/* Input blocks [first, last) that the outputs of a block sum over. */
static void block_range(const struct grouped_shape *s, int ob, int *first, int *last)
{
    int group_in = s->ic / s->groups, group_out = s->oc / s->groups;
    int low = ob * s->block / group_out, high = (oct_min((ob + 1) * s->block, s->oc) - 1) / group_out;

    *first = low * group_in / s->block;
    *last = ((high + 1) * group_in - 1) / s->block + 1;
}

/* Each lane takes its wanted channels of an input block in order, so the greediest one sets the count. */
static int block_steps(const struct grouped_shape *s, int ob, int ib)
{
    int most = 0, first;

    for (int o = ob * s->block; o < oct_min((ob + 1) * s->block, s->oc); o++)
        most = oct_max(most, wanted(s, o, ib, &first));
    return most;
}

static int count_steps(const struct grouped_shape *s, int ob)
{
    int first, last, steps = 0;

    block_range(s, ob, &first, &last);
    for (int ib = first; ib < last; ib++)
        steps += block_steps(s, ob, ib);
    return steps;
}

/* Lanes that want nothing copy the first one that does, so that broadcasts are recognised. */
static void fill_step(const struct grouped_shape *s, const float *weights, int ob, int ib, int t,
                      int32_t *lane, float *packed)
{
    int group_in = s->ic / s->groups, spare = 0;

    memset(packed, 0, (size_t)s->taps * s->block * sizeof(*packed));
    for (int l = 0; l < s->block; l++)
        lane[l] = -1;
    for (int l = s->block - 1; l >= 0; l--) {
        int o = ob * s->block + l, first;

        if (o >= s->oc || t >= wanted(s, o, ib, &first))
            continue;
        lane[l] = spare = first + t - ib * s->block;
        for (int tap = 0; tap < s->taps; tap++)
            packed[(size_t)tap * s->block + l] =
                weights[((size_t)o * group_in + (first + t) % group_in) * s->taps + tap];
    }
    for (int l = 0; l < s->block; l++)
        lane[l] = lane[l] < 0 ? spare : lane[l];
}

static bool all_one(const int32_t *lane, size_t steps, int block)
{
    for (size_t i = 0; i < steps; i++)
        for (int l = 1; l < block; l++)
            if (lane[i * block + l] != lane[i * block])
                return false;
    return true;
}

static void fill(struct grouped_packed *out, const struct grouped_shape *s, const float *weights)
{
    int blocks = oct_ceil_div(s->oc, s->block);
    size_t step = 0;

    for (int ob = 0; ob < blocks; ob++) {
        int first, last;

        block_range(s, ob, &first, &last);
        for (int ib = first; ib < last; ib++)
            for (int t = 0, n = block_steps(s, ob, ib); t < n; t++, step++) {
                out->from[step] = ib;
                fill_step(s, weights, ob, ib, t, out->lane + step * s->block,
                          out->weights + step * s->taps * s->block);
            }
    }
    if (s->groups == s->ic && s->groups == s->oc)
        out->lanes = GROUPED_OWN;
    else
        out->lanes = all_one(out->lane, step, s->block) ? GROUPED_ONE : GROUPED_ANY;
}

int grouped_pack(struct grouped_packed *out, const float *weights, const struct grouped_shape *s)
{
    int blocks = oct_ceil_div(s->oc, s->block);
    size_t steps;

    out->first = calloc(blocks + 1, sizeof(*out->first));
    if (!out->first)
        return OCT_NO_MEMORY;
    for (int ob = 0; ob < blocks; ob++)
        out->first[ob + 1] = out->first[ob] + count_steps(s, ob);
    steps = out->first[blocks];
    out->from = malloc(steps * sizeof(*out->from));
    out->offset = malloc(steps * sizeof(*out->offset));
    out->lane = oct_alloc(steps * s->block * sizeof(*out->lane));
    out->weights = oct_alloc(steps * s->taps * s->block * sizeof(*out->weights));
    if (!out->from || !out->offset || !out->lane || !out->weights)
        return OCT_NO_MEMORY;
    fill(out, s, weights);
    return OCT_OK;
}

void grouped_place(struct grouped_packed *packed, int blocks, int block, size_t plane)
{
    for (int ob = 0; ob < blocks; ob++)
        for (int32_t step = packed->first[ob]; step < packed->first[ob + 1]; step++) {
            int32_t away = packed->from[step] - packed->from[packed->first[ob]];

            packed->offset[step] = (ptrdiff_t)plane * away;
            if (packed->lanes == GROUPED_ONE)
                packed->offset[step] += packed->lane[(size_t)step * block];
        }
}

int grouped_step_count(const struct grouped_packed *packed, int out_block)
{
    return packed->first[out_block + 1] - packed->first[out_block];
}

int grouped_first_block(const struct grouped_packed *packed, int out_block)
{
    return packed->from[packed->first[out_block]];
}

void grouped_packed_free(struct grouped_packed *packed)
{
    free(packed->first);
    free(packed->from);
    free(packed->offset);
    oct_free(packed->lane);
    oct_free(packed->weights);
}

size_t grouped_packed_bytes(const struct grouped_packed *packed, int blocks, int taps, int block)
{
    return (size_t)packed->first[blocks] * taps * block * sizeof(float);
}

struct grouped_steps grouped_steps_of(const struct grouped_packed *packed, int out_block, int taps, int block)
{
    size_t first = packed->first[out_block];

    return (struct grouped_steps){
        .lanes = packed->lanes,
        .count = grouped_step_count(packed, out_block),
        .offset = packed->offset + first,
        .lane = packed->lane + first * block,
        .weights = packed->weights + first * taps * block,
    };
}
