/* SPDX-License-Identifier: MIT */
/* A grouped kernel's plan: layer, margins, packed weights, units, strips and shares, scratch. */
#include "grouped/execute.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_GOAL ((size_t)256 << 10) /* of a thread: leaves room in L2 for what it reads and writes */

/* ---- layer --------------------------------------------------------------------------------------- */

/* Columns that a job reads behind the last of a source. */
static int columns_behind(const struct layer *layer, const struct job *job, const struct term *t)
{
    int reach = (job->e.w - 1) * t->w.stride + (t->w.k - 1) * t->w.dilation + 1;

    return reach - t->w.pad - layer->source[t->source].e.w;
}

static bool is_three(const struct layer *layer, const struct job *job, const struct term *t)
{
    return t->w.k == 3 && t->w.dilation == 1 && t->h.dilation == 1 && t->w.stride == t->h.stride &&
           t->w.stride <= 2 && t->w.pad <= 1 && columns_behind(layer, job, t) <= 1;
}

/* Are all terms, and is their padding the same? */
static bool all_three(const struct layer *layer)
{
    const struct term *one = NULL;

    for (int j = 0; j < layer->jobs; j++) {
        for (int i = 0; i < layer->job[j].terms; i++) {
            const struct term *t = layer->job[j].term + i;

            one = one ? one : t;
            if (!is_three(layer, layer->job + j, t) || t->h.pad != one->h.pad || t->w.pad != one->w.pad)
                return false;
        }
    }
    return layer->kernel.w == 3;
}

/* Margins hold the padding that the general loop reads; inputs have none, and are copied. */
static void add_margins(struct grouped_margins *out, struct layer *layer, const struct job *job,
                        struct term *t)
{
    int left = t->w.pad, right = oct_max(columns_behind(layer, job, t), 0);

    if (t->source < layer->inputs) {
        if (left == 0 && right == 0)
            return;
        t->source = frame_copy_source(layer, t->source);
    }
    out->left[t->source] = oct_max(out->left[t->source], left);
    out->right[t->source] = oct_max(out->right[t->source], right);
}

static int make_layer(struct oct_plan *plan, const struct oct_problem *p, struct oct_message *msg)
{
    struct layer *layer = &plan->layer;
    int octave = 0;

    frame_make_layer(layer, p, oct_layout_block(plan->isa->layout));
    if (layer->source[0].e.d > 1 || layer->deep)
        return oct_fail(msg, OCT_UNSUPPORTED, "3-D layers are not implemented (d is %d, kd is %d)",
                        layer->source[0].e.d, layer->kernel.d);
    for (int j = layer->first_output; j < layer->jobs; j++)
        octave = oct_max(octave, layer->job[j].octave);
    frame_align(layer, octave);
    plan->three = all_three(layer);
    for (int j = 0; !plan->three && j < layer->jobs; j++)
        for (int t = 0; t < layer->job[j].terms; t++)
            add_margins(&plan->margins, layer, layer->job + j, layer->job[j].term + t);
    return OCT_OK;
}

/* ---- weights ------------------------------------------------------------------------------------- */

static int pack_term(struct grouped_weights *out, const struct layer *layer, int job, int term,
                     const struct oct_weights *w)
{
    const struct job *j = layer->job + job;
    const struct term *t = j->term + term;
    const struct grouped_shape shape = {.ic = layer->source[t->from].channels,
                                        .oc = j->oc,
                                        .groups = t->groups,
                                        .taps = layer->kernel.h * layer->kernel.w,
                                        .block = layer->lanes};
    struct grouped_packed *packed = &out->packed[job][term];

    if (grouped_pack(packed, w->path[t->from][j->to], &shape))
        return OCT_NO_MEMORY;
    out->bytes += grouped_packed_bytes(packed, j->blocks, shape.taps, shape.block);
    return OCT_OK;
}

static int pack_bias(struct grouped_weights *out, const struct layer *layer, int job,
                     const struct oct_weights *w)
{
    const struct job *j = layer->job + job;
    size_t bytes = (size_t)j->blocks * layer->lanes * sizeof(float);

    out->bias[job] = oct_alloc(bytes);
    if (!out->bias[job])
        return OCT_NO_MEMORY;
    memset(out->bias[job], 0, bytes);
    if (layer->epilogue & OCT_EPILOGUE_BIAS)
        memcpy(out->bias[job], w->bias[j->to], j->oc * sizeof(float));
    return OCT_OK;
}

static int pack(struct grouped_weights *out, const struct layer *layer, const struct oct_weights *w)
{
    for (int j = 0; j < layer->jobs; j++) {
        for (int t = 0; t < layer->job[j].terms; t++)
            if (pack_term(out, layer, j, t, w))
                return OCT_NO_MEMORY;
        if (!layer->job[j].upward && pack_bias(out, layer, j, w))
            return OCT_NO_MEMORY;
    }
    return OCT_OK;
}

/* ---- strips ------------------------------------------------------------------------------------- */

static double share(const struct oct_plan *plan, int strips)
{
    const struct unit_costs costs = {plan->units.cost, plan->units.count, strips, plan->layer.n};

    return frame_share_by_cost(plan->share, plan->head.info.threads, &costs);
}

/* Fewest strips that fit the cache and give the threads equal work, else the most even of those tried. */
static int choose_strips(const struct oct_plan *plan)
{
    const struct layer *layer = &plan->layer;
    int most = oct_max(layer->out.h >> layer->coarsest, 1), best = 1;
    double best_uneven = HUGE_VAL;

    for (int strips = 1; strips <= oct_min(most, 64); strips++) {
        double uneven = share(plan, strips);

        if (grouped_place_scratch(layer, &plan->margins, &plan->units, strips).area * sizeof(float) >
                SCRATCH_GOAL &&
            strips < most)
            uneven += 1;
        if (uneven < best_uneven - 0.01) {
            best_uneven = uneven;
            best = strips;
        }
        if (uneven < 1.03)
            break;
    }
    return best;
}

/* Tells the steps how far apart the blocks lie that they read. */
static void place_steps(struct oct_plan *plan)
{
    const struct layer *layer = &plan->layer;

    for (int j = 0; j < layer->jobs; j++) {
        for (int t = 0; t < layer->job[j].terms; t++) {
            int source = layer->job[j].term[t].source;
            int rows = source < layer->inputs ? layer->source[source].e.h : plan->scratch.source_rows[source];
            size_t plane = rows * grouped_source_row(layer, &plan->margins, source);

            grouped_place(&plan->weights.packed[j][t], layer->job[j].blocks, layer->lanes, plane);
        }
    }
}

/* ---- plan ---------------------------------------------------------------------------------------- */

static void destroy(struct oct_plan *plan)
{
    for (int j = 0; j < plan->layer.jobs; j++) {
        for (int t = 0; t < plan->layer.job[j].terms; t++)
            grouped_packed_free(&plan->weights.packed[j][t]);
        oct_free(plan->weights.bias[j]);
    }
    grouped_free_units(&plan->units);
    free(plan->share);
    free(plan);
}

/* What all paths take; of the last one where they differ. */
static const char *lanes_name(const struct oct_plan *plan)
{
    static const char *const names[] = {"own", "any", "one"};
    const char *name = "none";
    int last = -1;

    for (int j = 0; j < plan->layer.jobs; j++) {
        for (int t = 0; t < plan->layer.job[j].terms; t++) {
            int path = OCT_PATH(plan->layer.job[j].term[t].from, plan->layer.job[j].to);

            if (path > last)
                name = names[plan->weights.packed[j][t].lanes];
            last = oct_max(last, path);
        }
    }
    return name;
}

static void fill_info(struct oct_plan *plan)
{
    struct oct_plan_info *info = &plan->head.info;
    const char *lanes = lanes_name(plan), *tile = plan->isa->tile;

    info->weight_bytes = plan->weights.bytes;
    info->scratch_bytes = info->outside_bytes = plan->scratch.area * info->threads * sizeof(float);
    info->residual_in_place = true;
    if (plan->three && plan->layer.kernel.h == 3 && strcmp(lanes, "one") == 0)
        tile = plan->isa->block_tile;
    snprintf(info->describe, sizeof(info->describe), "grouped:%s %s lanes:%s units:%d strips:%d sources:%d",
             tile, plan->three ? "3-wide" : "general", lanes, plan->units.count, plan->strips,
             plan->layer.sources - plan->layer.inputs);
}

static int fill_plan(struct oct_plan *plan, const struct oct_weights *w)
{
    int threads = plan->head.info.threads;

    plan->share = malloc((threads + 1) * sizeof(*plan->share));
    if (!plan->share || pack(&plan->weights, &plan->layer, w) ||
        grouped_make_units(&plan->units, &plan->layer, &plan->weights))
        return OCT_NO_MEMORY;
    plan->strips = choose_strips(plan);
    share(plan, plan->strips);
    plan->scratch = grouped_place_scratch(&plan->layer, &plan->margins, &plan->units, plan->strips);
    place_steps(plan);
    plan->scratch.area = (plan->scratch.area + 1023) / 1024 * 1024; /* threads share no page */
    fill_info(plan);
    return OCT_OK;
}

int grouped_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                 const struct oct_plan_options *options, struct oct_message *msg,
                 const struct grouped_isa *isa)
{
    static const struct oct_plan_ops ops = {.run = grouped_run_thread, .destroy = destroy};
    struct oct_plan *plan;
    int status;

    plan = calloc(1, sizeof(*plan));
    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    plan->isa = isa;
    oct_plan_begin(&plan->head, &ops, p, isa->layout, options->threads);
    status = make_layer(plan, p, msg);
    if (!status && fill_plan(plan, w))
        status = oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan with %zu bytes of weights",
                          plan->weights.bytes);
    if (status) {
        destroy(plan);
        return status;
    }
    *out = plan;
    return OCT_OK;
}
