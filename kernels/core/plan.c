/* SPDX-License-Identifier: MIT */
/* What all plans have in common: scratch, and how they are executed. */
#include "core/kernel.h"

#include <omp.h>

struct oct_plan {
    struct oct_plan_head head;
};

void oct_plan_begin(struct oct_plan_head *head, const struct oct_plan_ops *ops, const struct oct_problem *p,
                    enum oct_layout layout, int threads)
{
    head->ops = ops;
    head->info.threads = threads;
    for (int b = 0; b < p->bands; b++) {
        head->info.in[b] = oct_in_tensor(p, b, layout, NULL);
        head->info.out[b] = oct_out_tensor(p, b, layout, NULL);
    }
}

const struct oct_plan_info *oct_plan_info(const struct oct_plan *plan)
{
    return &plan->head.info;
}

/* The caller's scratch, or the plan's own. */
static struct oct_io with_scratch(const struct oct_plan *plan, const struct oct_io *io)
{
    struct oct_io own = *io;

    if (plan->head.scratch)
        own.scratch = plan->head.scratch;
    return own;
}

int oct_execute(struct oct_plan *plan, const struct oct_io *io)
{
    const struct oct_plan_ops *ops = plan->head.ops;
    struct oct_io own = with_scratch(plan, io);

    if (!ops->run)
        return ops->execute(plan, &own);
    if (plan->head.info.threads == 1) {
        ops->run(plan, &own, 0, 1);
        return OCT_OK;
    }
    /* The runtime may give fewer threads than asked for; the shares are then dealt out among those. */
#pragma omp parallel num_threads(plan->head.info.threads)
    ops->run(plan, &own, omp_get_thread_num(), omp_get_num_threads());
    return OCT_OK;
}

void oct_execute_in_team(struct oct_plan *plan, const struct oct_io *io, int thread, int team)
{
    struct oct_io own = with_scratch(plan, io);

    plan->head.ops->run(plan, &own, thread, team);
}

void oct_plan_destroy(struct oct_plan *plan)
{
    if (!plan)
        return;
    oct_free(plan->head.scratch);
    plan->head.ops->destroy(plan);
}

int oct_plan_finish(struct oct_plan *plan, const struct oct_plan_options *options, struct oct_message *msg)
{
    struct oct_plan_info *info = &plan->head.info;

    info->joins_team = plan->head.ops->run;
    if (!info->outside_bytes || options->outside_scratch)
        return OCT_OK;
    plan->head.scratch = oct_alloc(info->outside_bytes);
    if (!plan->head.scratch)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for %zu bytes of scratch", info->outside_bytes);
    info->outside_bytes = 0;
    return OCT_OK;
}
