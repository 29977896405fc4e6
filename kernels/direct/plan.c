/* SPDX-License-Identifier: MIT */
/* A direct kernel's plan: layer, tiling, schedule, packed weights, scratch, one after the other. */
#include "direct/execute.h"

#include "frame/split.h"

#include <stdio.h>
#include <stdlib.h>

static int allocate_taps(struct tap_lists *out, const struct layer *layer, const struct tiling *tiling,
                         const struct direct_isa *isa, int threads)
{
    const size_t whole_lines = 32; /* taps: 3 pairs of lines, as processors fetch them in pairs */
    int stretches = 1;

    for (int j = 0; j < layer->jobs; j++)
        for (int k = 0; k < isa->kinds; k++)
            stretches = oct_max(stretches, tiling->cover[j][k].count);
    out->of_stretch = MAX_TERMS * frame_kernel_taps(layer);
    out->of_thread = (stretches * out->of_stretch + whole_lines - 1) / whole_lines * whole_lines;
    out->tap = oct_alloc((size_t)threads * out->of_thread * sizeof(out->tap[0]));
    return out->tap ? OCT_OK : OCT_NO_MEMORY;
}

static void describe_split(char *out, size_t size, const struct layer *layer, const struct schedule *s)
{
    if (s->split == SPLIT_ROWS)
        snprintf(out, size, "strip %d of %d rows, split rows x%d", s->strip, layer->coarse_rows, s->threads);
    else
        snprintf(out, size, "whole planes, split %s x%d", s->split == SPLIT_CHANNELS ? "channels" : "tiles",
                 s->threads);
}

static void fill_info(struct oct_plan *plan)
{
    struct oct_plan_info *info = &plan->head.info;
    int job = plan->layer.first_output, tile = plan->tiling.group[job][0].kind;
    const struct direct_kind *kind = plan->isa->kind + tile;
    const struct stretch *stretch = plan->tiling.stretch + plan->tiling.cover[job][tile].first;
    char split[64];

    info->weights = plan->packed.weights;
    info->weight_bytes = plan->packed.bytes;
    info->scratch_bytes = info->outside_bytes = plan->scratch.bytes;
    info->residual_in_place = true;
    describe_split(split, sizeof(split), &plan->layer, &plan->schedule);
    snprintf(info->describe, sizeof(info->describe), "tile %gx%d, %s",
             (double)kind->vectors / kind->channels_per_vector, kind->width[stretch->width], split);
}

static int plan_dense(struct oct_plan *plan, const struct oct_weights *w, int threads,
                      struct oct_message *msg)
{
    const struct direct_isa *isa = plan->isa;
    int status = frame_check_offsets(&plan->layer, msg);

    if (status)
        return status;
    plan->tuning = frame_tuning();
    if (direct_make_tiling(&plan->tiling, &plan->layer, isa, plan->tuning, threads) ||
        frame_make_schedule(&plan->schedule, &plan->layer, &plan->tiling.tasks, plan->tuning, threads) ||
        direct_pack(&plan->packed, &plan->layer, &plan->tiling, isa, w, plan->schedule.rider) ||
        allocate_taps(&plan->taps, &plan->layer, &plan->tiling, isa, threads))
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan with %zu bytes of weights",
                        plan->packed.bytes);
    frame_place_scratch(&plan->scratch, &plan->layer, &plan->schedule, plan->tuning);
    fill_info(plan);
    return OCT_OK;
}

/* Undilated 3x3 windows? */
static bool is_three_by_three(const struct layer *layer)
{
    for (int j = 0; j < layer->jobs; j++)
        if (layer->job[j].terms)
            return layer->kernel.h == 3 && layer->kernel.w == 3 && layer->job[j].term[0].h.dilation == 1 &&
                   layer->job[j].term[0].w.dilation == 1;
    return false;
}

static bool fills_blocks(int channels, int lanes)
{
    return channels % lanes == 0 && channels != lanes;
}

/* Are the groups small dense layers of two whole blocks or more, which these tiles do best? Of 3x3 layers,
 * only where there are more than four blocks. */
static bool dense_groups(const struct layer *layer)
{
    int lanes = layer->lanes, groups = layer->conv_groups;

    if (groups <= 1)
        return groups == 1;
    for (int b = 0; b < layer->inputs; b++) {
        int ic = layer->source[b].channels / groups;

        if (!fills_blocks(ic, lanes) || (is_three_by_three(layer) && ic <= 4 * lanes))
            return false;
    }
    for (int j = layer->first_output; j < layer->jobs; j++)
        if (!fills_blocks(layer->job[j].oc / groups, lanes))
            return false;
    return true;
}

static void destroy(struct oct_plan *plan)
{
    direct_free_tiling(&plan->tiling);
    frame_free_schedule(&plan->schedule);
    direct_free_packed(&plan->packed);
    oct_free(plan->taps.tap);
    free(plan);
}

int direct_plan(struct oct_plan **out, const struct direct_isa *isa, const struct oct_problem *p,
                const struct oct_weights *w, const struct oct_plan_options *options, struct oct_message *msg)
{
    static const struct oct_plan_ops ops = {.run = direct_run_thread, .destroy = destroy};
    struct oct_plan *plan;
    struct layer layer;
    int status;

    frame_make_layer(&layer, p, isa->lanes);
    if (!dense_groups(&layer))
        return isa->plan_grouped(out, p, w, options, msg);
    plan = calloc(1, sizeof(*plan));
    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    plan->isa = isa;
    plan->layer = layer;
    oct_plan_begin(&plan->head, &ops, p, isa->layout, options->threads);
    status = plan_dense(plan, w, options->threads, msg);
    if (status) {
        destroy(plan);
        plan = NULL;
    }
    *out = plan;
    return status;
}
