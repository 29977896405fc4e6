/* SPDX-License-Identifier: MIT */
/* What of a grouped layer shares nothing: the fewest conv_groups whose channels fill whole blocks in every
 * band, or, of a depthwise layer, one block of one band. Where paths have conv_groups of their own, the whole
 * layer is one unit. */
#include "grouped/plan.h"

#include <stdlib.h>

/* Channels of one conv_group in each band, and how often that is. */
struct widths {
    int in[OCT_MAX_BANDS], out[OCT_MAX_BANDS];
};

static struct widths widths_of(const struct layer *layer)
{
    struct widths w = {{0}, {0}};

    for (int b = 0; b < layer->inputs; b++)
        w.in[b] = layer->source[b].channels / layer->conv_groups;
    for (int j = layer->first_output; j < layer->jobs; j++)
        w.out[layer->job[j].to] = layer->job[j].oc / layer->conv_groups;
    return w;
}

/* conv_groups of a unit. */
static int groups_together(const struct layer *layer, const struct widths *w)
{
    int count = 1;

    for (int b = 0; b < layer->inputs; b++)
        while (w->in[b] * count % layer->lanes || w->out[b] * count % layer->lanes)
            count *= 2;
    return oct_min(count, layer->conv_groups);
}

static struct span blocks_of(const struct layer *layer, int width, struct span groups)
{
    return (struct span){groups.first * width / layer->lanes,
                         oct_ceil_div(groups.last * width, layer->lanes)};
}

static int make_grouped(struct grouped_units *out, const struct layer *layer)
{
    const struct widths w = widths_of(layer);
    int together = groups_together(layer, &w);

    out->count = oct_ceil_div(layer->conv_groups, together);
    out->unit = calloc(out->count, sizeof(*out->unit));
    for (int u = 0; out->unit && u < out->count; u++) {
        struct span groups = {u * together, oct_min((u + 1) * together, layer->conv_groups)};

        for (int b = 0; b < layer->inputs; b++) {
            out->unit[u].in[b] = blocks_of(layer, w.in[b], groups);
            out->unit[u].out[b] = blocks_of(layer, w.out[b], groups);
        }
    }
    return out->unit ? OCT_OK : OCT_NO_MEMORY;
}

static int make_depthwise(struct grouped_units *out, const struct layer *layer)
{
    struct grouped_unit *unit;

    for (int j = layer->first_output; j < layer->jobs; j++)
        out->count += layer->job[j].blocks;
    unit = out->unit = calloc(out->count, sizeof(*unit));
    if (!unit)
        return OCT_NO_MEMORY;
    for (int j = layer->first_output; j < layer->jobs; j++) {
        int band = layer->job[j].to;

        for (int i = 0; i < layer->job[j].blocks; i++, unit++)
            unit->in[band] = unit->out[band] = (struct span){i, i + 1};
    }
    return OCT_OK;
}

static int make_whole(struct grouped_units *out, const struct layer *layer)
{
    out->count = 1;
    out->unit = calloc(1, sizeof(*out->unit));
    if (!out->unit)
        return OCT_NO_MEMORY;
    for (int b = 0; b < layer->inputs; b++)
        out->unit->in[b].last = layer->source[b].blocks;
    for (int j = layer->first_output; j < layer->jobs; j++)
        out->unit->out[layer->job[j].to].last = layer->job[j].blocks;
    return OCT_OK;
}

static int make_blocks(struct grouped_units *out, const struct layer *layer)
{
    if (layer->conv_groups == OCT_GROUPS_DEPTHWISE)
        return make_depthwise(out, layer);
    return layer->conv_groups ? make_grouped(out, layer) : make_whole(out, layer);
}

static double plane_values(struct oct_extent e)
{
    return (double)e.h * e.w;
}

/* Multiply-adds of vectors that one block of a job takes. */
static double block_cost(const struct layer *layer, const struct grouped_weights *weights, int job, int block)
{
    const struct job *j = layer->job + job;
    double cost = 0;

    for (int t = 0; t < j->terms; t++)
        cost += (double)grouped_step_count(&weights->packed[job][t], block) * layer->kernel.h *
                layer->kernel.w * plane_values(j->e);
    for (int a = 0; a < j->addends; a++)
        cost += block_cost(layer, weights, j->addend[a], block);
    return cost;
}

/* Vector operations, about: the multiply-adds, and a few for each value read and written. */
static double unit_cost(const struct layer *layer, const struct grouped_weights *weights,
                        const struct grouped_unit *unit)
{
    double cost = 1;

    for (int b = 0; b < layer->inputs; b++)
        cost += 2.0 * (unit->in[b].last - unit->in[b].first) * plane_values(layer->source[b].e);
    for (int j = layer->first_output; j < layer->jobs; j++) {
        struct span blocks = unit->out[layer->job[j].to];

        for (int b = blocks.first; b < blocks.last; b++)
            cost += 2.0 * plane_values(layer->job[j].e) + block_cost(layer, weights, j, b);
    }
    return cost;
}

int grouped_make_units(struct grouped_units *out, const struct layer *layer,
                       const struct grouped_weights *weights)
{
    if (make_blocks(out, layer))
        return OCT_NO_MEMORY;
    out->cost = malloc(out->count * sizeof(*out->cost));
    for (int u = 0; out->cost && u < out->count; u++)
        out->cost[u] = unit_cost(layer, weights, out->unit + u);
    return out->cost ? OCT_OK : OCT_NO_MEMORY;
}

void grouped_free_units(struct grouped_units *units)
{
    free(units->unit);
    free(units->cost);
}
