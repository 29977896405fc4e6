/* SPDX-License-Identifier: MIT */
/* How kinds of tiles cover the output channels of a job: groups of one to four blocks. */
#include "direct/cover_channels.h"

#include "direct/tile_cost.h"

#include <math.h>
#include <stdlib.h>

#define TIE         1e-2f /* covers whose costs differ by less are the same kinds in another order */
#define MANY_BLOCKS 15

/* The kinds, and what each costs for a job. */
struct choice {
    const struct direct_isa *isa;
    const struct row_cover *cover; /* by kind */
    int blocks, lanes, oc, conv_groups;
    bool first_pools; /* the first group may pool while it reads */
};

static float block_cost(const struct choice *c, int kind)
{
    return c->cover[kind].cost / (float)c->isa->kind[kind].blocks;
}

/* As many blocks as matter: beyond a few all but the rest is covered by the largest tile. */
static int few(int blocks)
{
    return blocks > MANY_BLOCKS ? MANY_BLOCKS - 3 + blocks % 4 : blocks;
}

static bool ends_with_half(const struct direct_kind *kind)
{
    return kind->vectors < kind->blocks * kind->channels_per_vector;
}

static bool holds_pairs(const struct direct_kind *kind)
{
    return !ends_with_half(kind) && kind->width[0] % 2 == 0;
}

/* How `blocks` blocks are covered at the least cost, by kinds that fill theirs. */
struct cheapest {
    float cost;
    int first; /* of its kinds the one that is cheapest for each block, as many blocks are covered by it */
};

static struct cheapest cheapest_cover(const struct choice *c, int blocks)
{
    const struct direct_isa *isa = c->isa;
    struct cheapest best[MANY_BLOCKS + 1] = {{0}};

    for (int n = 1; n <= blocks; n++) {
        best[n].cost = INFINITY;
        for (int k = 0; k < isa->kinds; k++) {
            float cost;

            if (ends_with_half(isa->kind + k) || isa->kind[k].blocks > n)
                continue;
            cost = c->cover[k].cost + best[n - isa->kind[k].blocks].cost;
            if (cost < best[n].cost - TIE ||
                (cost < best[n].cost + TIE && block_cost(c, k) < block_cost(c, best[n].first)))
                best[n] = (struct cheapest){cost, k};
        }
    }
    return best[blocks];
}

static int cheapest_kind(const struct choice *c, int blocks)
{
    return cheapest_cover(c, few(blocks)).first;
}

/* Of the kinds that fit the one with which, and any others, `blocks` blocks cost least; -1: none fits. */
static int cheapest_of(const struct choice *c, int blocks, bool (*fits)(const struct direct_kind *))
{
    const struct direct_isa *isa = c->isa;
    float best = INFINITY;
    int kind = -1;

    for (int k = 0; k < isa->kinds; k++) {
        float cost;

        if (!fits(isa->kind + k) || isa->kind[k].blocks > blocks)
            continue;
        cost = c->cover[k].cost + cheapest_cover(c, few(blocks) - isa->kind[k].blocks).cost;
        if (cost < best - TIE) {
            best = cost;
            kind = k;
        }
    }
    return kind;
}

/* Where pairs fill the plane, the group that may pool while it reads needs tiles of even width. */
static int first_kind(const struct choice *c, int blocks)
{
    int kind = cheapest_kind(c, blocks);

    if (!c->first_pools || holds_pairs(c->isa->kind + kind))
        return kind;
    return cheapest_of(c, blocks, holds_pairs);
}

/* Writes groups of full tiles that cover blocks [block, last), or only counts them. */
static int cover(const struct choice *c, int block, int last, int conv_group, struct group *groups)
{
    int n = 0;

    for (; block < last; n++) {
        int kind = block ? cheapest_kind(c, last - block) : first_kind(c, last);

        if (groups)
            groups[n] = (struct group){.kind = kind, .block = block, .conv_group = conv_group};
        block += c->isa->kind[kind].blocks;
    }
    return n;
}

/* Writes the groups of a job, or only counts them. */
static int choose_groups(const struct choice *c, struct group *groups)
{
    int tail = c->oc - (c->blocks - 1) * c->lanes, n = 0;
    int ending = tail <= c->lanes / 2 ? cheapest_of(c, c->blocks, ends_with_half) : -1;
    int full = ending >= 0 ? c->blocks - c->isa->kind[ending].blocks : c->blocks;
    int each = full / c->conv_groups;

    for (int g = 0; g < c->conv_groups; g++)
        n += cover(c, each * g, each * (g + 1), g, groups ? groups + n : NULL);
    if (full < c->blocks) {
        if (groups)
            groups[n] = (struct group){.kind = ending, .block = full};
        n++;
    }
    return n;
}

/* The job by whose costs a job's groups are chosen. A thread that owns output channels computes what goes up
 * into them by itself: groups of both are the same. */
static int chooser(const struct layer *layer, int job, int threads)
{
    int to = layer->first_output;

    if (!layer->job[job].upward || !frame_deals_tasks(layer, threads))
        return job;
    while (layer->job[to].to != layer->job[job].to)
        to++;
    return to;
}

static bool first_pools(const struct layer *layer, int job)
{
    const struct job *j = layer->job + job;

    return j->flat && job == layer->first_output && layer->sources > layer->inputs && j->e.h % 2 == 0 &&
           j->e.w % 2 == 0;
}

static struct choice choice_of(const struct tiling *t, const struct layer *layer,
                               const struct direct_isa *isa, int job)
{
    return (struct choice){.isa = isa,
                           .cover = t->cover[job],
                           .blocks = layer->job[job].blocks,
                           .lanes = layer->lanes,
                           .oc = layer->job[job].oc,
                           .conv_groups = layer->conv_groups,
                           .first_pools = first_pools(layer, job)};
}

size_t direct_term_floats(const struct layer *layer, const struct direct_isa *isa, const struct term *t,
                          int kind)
{
    return (size_t)oct_ceil_div(t->ic, layer->lanes) * frame_kernel_taps(layer) *
           direct_tap_floats(isa, kind);
}

/* Where each group's weights lie, job by job. */
static void place_weights(struct tiling *out, const struct layer *layer, const struct direct_isa *isa)
{
    for (int j = 0; j < layer->jobs; j++) {
        for (int g = 0; g < out->groups[j]; g++) {
            struct group *group = out->group[j] + g;

            for (int t = 0; t < layer->job[j].terms; t++) {
                group->weights[t] = out->weights;
                out->weights += direct_term_floats(layer, isa, layer->job[j].term + t, group->kind);
            }
        }
    }
}

int direct_cover_channels(struct tiling *out, const struct layer *layer, const struct direct_isa *isa,
                          int threads)
{
    struct choice choice[MAX_JOBS];
    struct group *at;
    int n = 0;

    for (int j = 0; j < layer->jobs; j++) {
        choice[j] = choice_of(out, layer, isa, chooser(layer, j, threads));
        out->groups[j] = choose_groups(choice + j, NULL);
        n += out->groups[j];
    }
    at = calloc((size_t)n, sizeof(*at));
    for (int j = 0; at && j < layer->jobs; j++) {
        out->group[j] = at;
        at += choose_groups(choice + j, at);
    }
    if (!at)
        return OCT_NO_MEMORY;
    place_weights(out, layer, isa);
    return OCT_OK;
}
