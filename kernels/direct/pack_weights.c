/* SPDX-License-Identifier: MIT */
/* Direct convolution, planning: output channels into groups, weights into the order in which tiles read them.
 */
#include "direct/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TIE         1e-2f /* covers whose costs differ by less are the same kinds in another order */
#define MANY_BLOCKS 15

static float block_cost(const struct oct_plan *plan, const struct job *job, int kind)
{
    return job->cutting[kind].cost / (float)plan->isa->kind[kind].blocks;
}

/* As many blocks as matter: beyond a few all but the rest is covered by the largest tile. */
static int few(int blocks)
{
    return blocks > MANY_BLOCKS ? MANY_BLOCKS - 3 + blocks % 4 : blocks;
}

/* How `blocks` blocks are covered at the least cost, by kinds that fill theirs. */
struct cheapest {
    float cost;
    int first; /* of its kinds the one that is cheapest for each block, as many blocks are covered by it */
};

static struct cheapest cheapest_cover(const struct oct_plan *plan, const struct job *job, int blocks)
{
    const struct direct_isa *isa = plan->isa;
    struct cheapest best[MANY_BLOCKS + 1] = {{0}};

    for (int n = 1; n <= blocks; n++) {
        best[n].cost = INFINITY;
        for (int k = 0; k < isa->kinds; k++) {
            float cost;

            if (isa->kind[k].halves % 2 || isa->kind[k].blocks > n)
                continue;
            cost = job->cutting[k].cost + best[n - isa->kind[k].blocks].cost;
            if (cost < best[n].cost - TIE ||
                (cost < best[n].cost + TIE &&
                 block_cost(plan, job, k) < block_cost(plan, job, best[n].first)))
                best[n] = (struct cheapest){cost, k};
        }
    }
    return best[blocks];
}

static int cheapest_kind(const struct oct_plan *plan, const struct job *job, int blocks)
{
    return cheapest_cover(plan, job, few(blocks)).first;
}

static bool ends_with_half(const struct direct_kind *kind)
{
    return kind->halves % 2;
}

static bool holds_pairs(const struct direct_kind *kind)
{
    return kind->halves % 2 == 0 && kind->width[0] % 2 == 0;
}

/* Of the kinds that fit the one with which, and any others, `blocks` blocks cost least; -1: none fits. */
static int cheapest_of(const struct oct_plan *plan, const struct job *job, int blocks,
                       bool (*fits)(const struct direct_kind *))
{
    const struct direct_isa *isa = plan->isa;
    float best = INFINITY;
    int kind = -1;

    for (int k = 0; k < isa->kinds; k++) {
        float cost;

        if (!fits(isa->kind + k) || isa->kind[k].blocks > blocks)
            continue;
        cost = job->cutting[k].cost + cheapest_cover(plan, job, few(blocks) - isa->kind[k].blocks).cost;
        if (cost < best - TIE) {
            best = cost;
            kind = k;
        }
    }
    return kind;
}

/* Where pairs fill the plane, the group that may pool while it reads needs tiles of even width. */
static int first_kind(const struct oct_plan *plan, const struct job *job, int blocks)
{
    int kind = cheapest_kind(plan, job, blocks);

    if (!job->flat || job != plan->job + plan->first_output || plan->sources == plan->p.bands ||
        job->e.h % 2 || job->e.w % 2)
        return kind;
    return holds_pairs(plan->isa->kind + kind) ? kind : cheapest_of(plan, job, blocks, holds_pairs);
}

/* Writes groups of full tiles that cover blocks [block, last), or only counts them. */
static int cover(const struct oct_plan *plan, const struct job *job, int block, int last, int part,
                 struct group *groups)
{
    int n = 0;

    for (; block < last; n++) {
        int kind = block ? cheapest_kind(plan, job, last - block) : first_kind(plan, job, last);

        if (groups)
            groups[n] = (struct group){.kind = kind, .block = block, .part = part};
        block += plan->isa->kind[kind].blocks;
    }
    return n;
}

/* Writes the groups of a job, or only counts them. */
static int choose_groups(const struct oct_plan *plan, const struct job *job, struct group *groups)
{
    int lanes = plan->isa->lanes, tail = job->oc - (job->blocks - 1) * lanes, n = 0;
    int ending = tail <= lanes / 2 ? cheapest_of(plan, job, job->blocks, ends_with_half) : -1;
    int full = ending >= 0 ? job->blocks - plan->isa->kind[ending].blocks : job->blocks;
    int each = full / plan->p.groups;

    for (int part = 0; part < plan->p.groups; part++)
        n += cover(plan, job, each * part, each * (part + 1), part, groups ? groups + n : NULL);
    if (full < job->blocks) {
        if (groups)
            groups[n] = (struct group){.kind = ending, .block = full};
        n++;
    }
    return n;
}

static int term_blocks(const struct oct_plan *plan, const struct term *t)
{
    return oct_ceil_div(t->ic, plan->isa->lanes);
}

static size_t term_floats(const struct oct_plan *plan, const struct term *t, int kind)
{
    return (size_t)term_blocks(plan, t) * plan->p.kd * plan->p.kh * plan->p.kw *
           direct_tap_floats(plan, kind);
}

/* Where a tap has the weight of a block's input channel c and a tile's output o. */
static int weight_index(const struct direct_kind *kind, int lanes, int c, int o)
{
    const int vectors = direct_vectors(kind->blocks, kind->halves), channels = direct_channels(kind->halves);
    int vector = o / lanes * channels, i = o % lanes;

    if (kind->halves == 1) {
        vector = i % 2;
        i /= 2;
    } else if (kind->halves > 0 && vector + 1 < vectors) {
        vector += i / 2 % 2;
        i = i / 4 * 2 + i % 2;
    }
    return (c / channels * vectors + vector) * lanes + i * channels + c % channels;
}

/* One tap of one block of input channels, in the order of struct direct_kind. */
static void pack_tap(const struct oct_plan *plan, const struct job *job, const struct group *g,
                     const struct term *t, int in_block, size_t tap, float *dst)
{
    const struct direct_kind *kind = plan->isa->kind + g->kind;
    int lanes = plan->isa->lanes, c0 = in_block * lanes, channels = oct_min(lanes, t->ic - c0);
    int outputs = oct_min(kind->blocks * lanes, job->oc - g->block * lanes);
    size_t taps = (size_t)plan->p.kd * plan->p.kh * plan->p.kw;

    memset(dst, 0, (size_t)direct_tap_floats(plan, g->kind) * sizeof(*dst));
    for (int o = 0; o < outputs; o++) {
        const float *src = t->weights + ((size_t)(g->block * lanes + o) * t->ic + c0) * taps + tap;

        for (int c = 0; c < channels; c++)
            dst[weight_index(kind, lanes, c, o)] = src[c * taps];
    }
}

static void pack_group(struct oct_plan *plan, const struct job *job, const struct group *g)
{
    size_t taps = (size_t)plan->p.kd * plan->p.kh * plan->p.kw, step = direct_tap_floats(plan, g->kind);

    for (int i = 0; i < job->terms; i++) {
        float *dst = plan->weights + g->weights[i];

        for (int b = 0; b < term_blocks(plan, job->term + i); b++)
            for (size_t tap = 0; tap < taps; tap++, dst += step)
                pack_tap(plan, job, g, job->term + i, b, tap, dst);
    }
}

static void scale_term(struct oct_plan *plan, const struct job *job, int term, float factor)
{
    for (int g = 0; g < job->groups; g++) {
        float *weights = plan->weights + job->group[g].weights[term];
        size_t n = term_floats(plan, job->term + term, job->group[g].kind);

        for (size_t i = 0; i < n; i++)
            weights[i] *= factor;
    }
}

void direct_scale_weights(struct oct_plan *plan, int source, float factor)
{
    for (int j = 0; j < plan->jobs; j++)
        for (int t = 0; t < plan->job[j].terms; t++)
            if (plan->job[j].term[t].source == source)
                scale_term(plan, plan->job + j, t, factor);
}

/* The job by whose costs a job's groups are chosen. A thread that owns output channels computes what goes up
 * into them by itself: groups of both are the same. */
static const struct job *chooser(const struct oct_plan *plan, const struct job *job)
{
    const struct job *to = plan->job + plan->first_output;

    if (!job->upward || !direct_may_deal(plan))
        return job;
    while (to->to != job->to)
        to++;
    return to;
}

static int allocate_groups(struct oct_plan *plan)
{
    struct group *at;
    size_t floats = 0;
    int n = 0;

    for (int j = 0; j < plan->jobs; j++)
        n += choose_groups(plan, chooser(plan, plan->job + j), NULL);
    at = plan->groups = calloc((size_t)n, sizeof(*at));
    if (!at)
        return OCT_NO_MEMORY;
    for (int j = 0; j < plan->jobs; j++) {
        struct job *job = plan->job + j;

        job->group = at;
        job->groups = choose_groups(plan, chooser(plan, job), at);
        at += job->groups;
        for (int g = 0; g < job->groups; g++) {
            for (int t = 0; t < job->terms; t++) {
                job->group[g].weights[t] = floats;
                floats += term_floats(plan, job->term + t, job->group[g].kind);
            }
        }
    }
    plan->head.info.weight_bytes = floats * sizeof(float);
    plan->weights = oct_alloc(plan->head.info.weight_bytes);
    return plan->weights ? OCT_OK : OCT_NO_MEMORY;
}

static int pack_bias(struct oct_plan *plan, const struct oct_weights *w)
{
    size_t floats = 0;

    for (int j = 0; j < plan->jobs; j++) {
        plan->job[j].bias = floats;
        floats += (size_t)plan->job[j].blocks * plan->isa->lanes;
    }
    plan->bias = oct_alloc(floats * sizeof(float));
    if (!plan->bias)
        return OCT_NO_MEMORY;
    memset(plan->bias, 0, floats * sizeof(float));
    if (!(plan->p.epilogue & OCT_EPILOGUE_BIAS))
        return OCT_OK;
    for (int j = 0; j < plan->jobs; j++) {
        const struct job *job = plan->job + j;

        if (!job->upward && w->bias[job->to])
            memcpy(plan->bias + job->bias, w->bias[job->to], (size_t)job->oc * sizeof(float));
    }
    return OCT_OK;
}

int direct_pack(struct oct_plan *plan, const struct oct_weights *w)
{
    if (allocate_groups(plan) || pack_bias(plan, w))
        return OCT_NO_MEMORY;
    for (int j = 0; j < plan->jobs; j++)
        for (int g = 0; g < plan->job[j].groups; g++)
            pack_group(plan, plan->job + j, plan->job[j].group + g);
    for (int j = 0; j < plan->jobs; j++)
        for (int t = 0; t < plan->job[j].terms; t++)
            plan->job[j].term[t].weights = NULL;
    return OCT_OK;
}
