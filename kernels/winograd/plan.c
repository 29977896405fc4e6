/* SPDX-License-Identifier: MIT */
/* Winograd convolution, planning: the order of the steps, scratch memory, what
 * a plan says about itself. */
#include "winograd/plan.h"

#include <stdio.h>
#include <stdlib.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int ceil_shift(int extent, int log2)
{
    return (extent + (1 << log2) - 1) >> log2;
}

/* ---- scratch
 * -------------------------------------------------------------------------------------
 */

/* Floats of the sums of as many outputs as a thread computes at once. */
static size_t sums_floats(const struct oct_plan *plan, const struct job *job)
{
    const struct plane *plane = plan->layer.plane + job->plane;
    int groups = oct_ceil_div(job->groups, job->supers),
        blocks = groups * oct_ceil_div(job->blocks, job->groups);

    return winograd_pairs(plane) * winograd_spread((size_t)blocks * plane->capacity * plan->isa->lanes);
}

/* Floats of the rows of a source, pooled once or twice, that a block's windows
 * read. */
static void pool_floats(const struct oct_plan *plan, const struct plane *plane, const struct source *s,
                        size_t floats[2])
{
    size_t rows = 4 * (size_t)plane->block_rows + 2, lanes = plan->isa->lanes;

    floats[0] = floats[1] = 0;
    if (s->pre && s->pool)
        floats[0] = (rows << s->pool) * ceil_shift(s->e.w, s->pre) * lanes;
    if (s->pre || s->pool)
        floats[1] = rows * plane->in.w * lanes;
}

/* Rows of its plane that a job leaves for others, of the largest strip. */
static int low_rows(const struct oct_plan *plan, const struct job *job)
{
    const struct sides *rows = &plan->layer.plane[job->plane].rows;
    int most = 0;

    for (int s = 0; s < plan->strips; s++) {
        int first, last;

        winograd_strip_rows(plan, job->plane, s, &first, &last);
        most = oct_max(most, winograd_tile_start(rows, last) - winograd_tile_start(rows, first));
    }
    return oct_min(most, job->e.h);
}

static size_t place_low_results(struct oct_plan *plan)
{
    size_t floats = 0;

    for (int j = 0; j < plan->layer.jobs; j++) {
        struct job *job = plan->layer.job + j;

        if (job->up == 0)
            continue;
        job->scratch = floats;
        job->scratch_rows = low_rows(plan, job);
        floats += (size_t)job->blocks * job->scratch_rows * job->e.w * plan->isa->lanes;
    }
    return floats;
}

/* Behind each other, a page and some lines apart. */
static size_t append(size_t *end, size_t floats)
{
    size_t at = *end;

    *end = at + winograd_spread(floats);
    return at;
}

static void lay_out_scratch(struct oct_plan *plan)
{
    size_t v = 0, m = 0, pool[2] = {0, 0}, end = 0;

    for (int i = 0; i < plan->layer.planes; i++) {
        const struct plane *plane = plan->layer.plane + i;

        v = larger(v, winograd_pairs(plane) * plane->slab);
        for (int s = 0; s < plane->sources; s++) {
            size_t floats[2];

            pool_floats(plan, plane, plane->source + s, floats);
            pool[0] = larger(pool[0], floats[0]);
            pool[1] = larger(pool[1], floats[1]);
        }
    }
    for (int j = 0; j < plan->layer.jobs; j++)
        m = larger(m, sums_floats(plan, plan->layer.job + j));
    plan->v_at = append(&end, v);
    plan->m_at = append(&end, m);
    plan->pool_at[0] = append(&end, pool[0]);
    plan->pool_at[1] = append(&end, pool[1]);
    plan->low_at = append(&end, place_low_results(plan));
    plan->scratch_floats = winograd_spread(end + 1024);
    plan->head.info.scratch_bytes = plan->threads * plan->scratch_floats * sizeof(float);
    plan->head.info.outside_bytes = plan->head.info.scratch_bytes;
}

/* ---- a team's shares
 * -----------------------------------------------------------------------------
 */

/* The thread with the least to do gets the next share, the largest first. */
static void deal_shares(struct oct_plan *plan, int first, int last)
{
    const struct layer *layer = &plan->layer;
    double *load = calloc(plan->threads, sizeof(*load));

    for (int i = first; load && i < last; i++) {
        struct share *share = plan->share + i;
        int least = 0;

        for (int t = 1; t < plan->threads; t++)
            if (load[t] < load[least])
                least = t;
        share->thread = least;
        load[least] += (double)layer->job[share->job].channels * layer->job[share->job].blocks /
                       layer->job[share->job].supers;
    }
    free(load);
}

static int make_shares(struct oct_plan *plan)
{
    const struct layer *layer = &plan->layer;
    int count = 0;

    for (int j = 0; j < layer->jobs; j++)
        count += layer->job[j].supers;
    plan->share = calloc(count, sizeof(*plan->share));
    if (!plan->share)
        return OCT_NO_MEMORY;
    for (int i = 0; i < layer->planes; i++) {
        plan->first_share[i] = plan->shares;
        for (int j = 0; j < layer->jobs; j++)
            for (int s = 0; s < layer->job[j].supers && layer->job[j].plane == i; s++)
                plan->share[plan->shares++] = (struct share){.job = j, .super = s};
        if (plan->team)
            deal_shares(plan, plan->first_share[i], plan->shares);
    }
    plan->first_share[layer->planes] = plan->shares;
    return OCT_OK;
}

/* ---- the plan
 * ------------------------------------------------------------------------------------
 */

static void describe(struct oct_plan *plan)
{
    char *to = plan->head.info.describe;
    size_t room = sizeof(plan->head.info.describe);

    for (int i = plan->layer.planes - 1; i >= 0 && room > 1; i--) {
        const struct plane *p = plan->layer.plane + i;
        int rows = winograd_tiles(&p->rows), cols = winograd_tiles(&p->cols);
        int used = snprintf(to, room, "%s%dx%d: tiles %d*4+%d*2 x %d*4+%d*2 in blocks of %dx%d",
                            to == plan->head.info.describe ? "" : "; ", p->out.h, p->out.w, p->rows.large,
                            p->rows.small, p->cols.large, p->cols.small, oct_min(p->block_rows, rows),
                            oct_min(p->block_cols, cols));

        used = oct_min(used, (int)room - 1);
        to += used;
        room -= used;
    }
    snprintf(to, room, "; %s x%d", plan->team ? "split channels" : "split rows", plan->threads);
}

static int make(struct oct_plan *plan, const struct oct_problem *p, const struct oct_weights *w,
                struct oct_message *msg)
{
    int status = winograd_layer(&plan->layer, p, w, plan->isa->lanes, msg);

    if (status)
        return status;
    winograd_choose(plan);
    if (winograd_pack(plan, w) || make_shares(plan))
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for %zu bytes of weights",
                        plan->head.info.weight_bytes);
    lay_out_scratch(plan);
    plan->head.info.residual_in_place = true;
    describe(plan);
    return OCT_OK;
}

static void destroy(struct oct_plan *plan)
{
    oct_free(plan->weights);
    oct_free(plan->bias);
    free(plan->share);
    free(plan);
}

int winograd_plan(struct oct_plan **out, const struct winograd_isa *isa, const struct oct_problem *p,
                  const struct oct_weights *w, const struct oct_plan_options *options,
                  struct oct_message *msg)
{
    static const struct oct_plan_ops ops = {.run = winograd_run, .destroy = destroy};
    struct oct_plan *plan = calloc(1, sizeof(*plan));
    int status;

    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    plan->isa = isa;
    plan->threads = options->threads;
    oct_plan_begin(&plan->head, &ops, p, isa->layout, options->threads);
    status = make(plan, p, w, msg);
    if (status) {
        destroy(plan);
        plan = NULL;
    }
    *out = plan;
    return status;
}
