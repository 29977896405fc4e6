/* SPDX-License-Identifier: MIT */
/* Direct convolution, planning: how threads divide a layer, and where not by rows, which does what. */
#include "direct/schedule.h"

#include <math.h>
#include <stdlib.h>

/* Cycles, on a machine whose cores share no level 3: for a barrier; for a line that one thread writes and
 * another reads; for a line from level 3; and for two threads whose outputs meet, where the prefetcher of
 * each takes lines that the other writes. */
#define BARRIER_CYCLES 6000
#define FOREIGN_CYCLES 30
#define LINE_CYCLES    4
#define BORDER_CYCLES  200

/* ---- tasks --------------------------------------------------------------------------------------- */

static struct task pool_task(const struct oct_plan *plan, int source, int block)
{
    const struct source *s = plan->source + source;
    float window = (float)(1 << s->log2);

    return (struct task){.pool = true,
                         .index = source,
                         .part = block,
                         .level = s->level,
                         .items = s->e.d * s->e.h,
                         .cost = (float)s->e.w * window * window * LINE_CYCLES};
}

int direct_item_pixels(const struct oct_plan *plan, const struct task *t)
{
    const struct job *job = plan->job + t->index;

    return !t->pool && job->flat ? plan->isa->kind[job->group[t->part].kind].width[0] : 1;
}

/* How many of k taps fall inside the source, on average over `outputs` outputs along an axis. */
static float mean_taps(int outputs, int stride, int pad, int dilation, int k, int extent)
{
    int64_t taps = 0;

    for (int at = 0; at < outputs; at++) {
        struct span inside = direct_taps(at, stride, pad, dilation, k, extent);

        taps += inside.last - inside.first;
    }
    return (float)taps / (float)outputs;
}

/* Input channels times taps inside the sources, of all terms, on average over a job's outputs. */
static float mean_steps(const struct oct_plan *plan, const struct job *job)
{
    const struct oct_problem *p = &plan->p;
    float steps = 0;

    for (int i = 0; i < job->terms; i++) {
        const struct term *t = job->term + i;
        struct oct_extent e = plan->source[t->source].e;

        steps += (float)t->ic * mean_taps(job->e.d, t->stride_d, t->pad_front, p->dilation_d, p->kd, e.d) *
                 mean_taps(job->e.h, t->stride_h, t->pad_top, p->dilation_h, p->kh, e.h) *
                 mean_taps(job->e.w, t->stride_w, t->pad_left, p->dilation_w, p->kw, e.w);
    }
    return steps;
}

/* `steps`: of each of its sums. */
static struct task job_task(const struct oct_plan *plan, int index, int part, float steps)
{
    const struct job *job = plan->job + index;
    struct task t = {.index = index, .part = part, .level = job->level, .items = job->e.d * job->e.h};

    t.cost = job->cutting[job->group[part].kind].cost * steps;
    if (job->flat) {
        int64_t pixels = (int64_t)job->e.h * job->e.w, width = direct_item_pixels(plan, &t);
        int tiles = (int)((pixels + width - 1) / width);

        t.cost /= (float)tiles;
        t.items = job->e.d * tiles;
    }
    return t;
}

static int list_tasks(struct deal *d)
{
    struct oct_plan *plan = d->plan;
    int n = 0;

    for (int i = plan->p.bands; i < plan->sources; i++)
        n += plan->source[i].blocks;
    for (int j = 0; j < plan->jobs; j++)
        n += plan->job[j].groups;
    plan->task = calloc((size_t)n, sizeof(plan->task[0]));
    if (!plan->task)
        return OCT_NO_MEMORY;
    for (int i = plan->p.bands; i < plan->sources; i++) {
        d->first_block[i] = d->tasks;
        for (int b = 0; b < plan->source[i].blocks; b++)
            plan->task[d->tasks++] = pool_task(plan, i, b);
    }
    for (int j = 0; j < plan->jobs; j++) {
        float steps = 1 + mean_steps(plan, plan->job + j); /* the store is worth about one */

        d->first_group[j] = d->tasks;
        for (int g = 0; g < plan->job[j].groups; g++)
            plan->task[d->tasks++] = job_task(plan, j, g, steps);
    }
    d->outputs = d->first_group[plan->first_output];
    for (int t = 0; t < d->tasks; t++)
        d->total += (double)plan->task[t].items * plan->task[t].cost;
    return OCT_OK;
}

int direct_deal_items(struct deal *d, int task, int first, int last)
{
    struct oct_plan *plan = d->plan;

    if (first >= last)
        return OCT_OK;
    if (d->pieces == d->room) {
        int room = 2 * d->room + 64;
        struct piece *p = realloc(plan->piece, (size_t)room * sizeof(*p));

        if (!p)
            return OCT_NO_MEMORY;
        plan->piece = p;
        d->room = room;
    }
    plan->piece[d->pieces++] = (struct piece){.task = task, .first = first, .last = last};
    return OCT_OK;
}

int direct_deal_between(struct deal *d, int task, struct position from, struct position to)
{
    return direct_deal_items(d, task, task == from.task ? from.item : 0,
                             task == to.task ? to.item : d->plan->task[task].items);
}

/* ---- by levels ----------------------------------------------------------------------------------- */

/* Pooling waits for memory and convolutions do not: each of the two is shared for itself. */
struct phase {
    int level;
    bool pool;
};

static bool in_phase(const struct task *t, struct phase phase)
{
    return t->level == phase.level && t->pool == phase.pool;
}

/* The item of a phase at which `share` of its work is done; rounded so that the first thread never idles. */
static struct position locate(const struct deal *d, struct phase phase, double share)
{
    const struct task *task = d->plan->task;
    double left = 0;

    for (int t = 0; t < d->tasks; t++)
        if (in_phase(task + t, phase))
            left += share * task[t].items * task[t].cost;
    for (int t = 0; t < d->tasks && share < 1; t++) {
        int item;

        if (!in_phase(task + t, phase))
            continue;
        item = (int)ceil(left / task[t].cost - 1e-6);
        if (item < task[t].items)
            return (struct position){t, item};
        left = fmax(left - (double)task[t].items * task[t].cost, 0);
    }
    return (struct position){d->tasks, 0};
}

static int deal_phase(struct deal *d, struct phase phase, int thread)
{
    const struct oct_plan *plan = d->plan;
    struct position from = locate(d, phase, (double)thread / plan->threads);
    struct position to = locate(d, phase, (double)(thread + 1) / plan->threads);

    for (int t = from.task; t < d->tasks && t <= to.task; t++)
        if (in_phase(plan->task + t, phase) && direct_deal_between(d, t, from, to))
            return OCT_NO_MEMORY;
    return OCT_OK;
}

static int deal_levels(struct deal *d)
{
    struct oct_plan *plan = d->plan;

    plan->rounds = plan->levels;
    for (int level = 1; level <= plan->levels; level++) {
        for (int t = 0; t < plan->threads; t++) {
            if (deal_phase(d, (struct phase){level, true}, t) ||
                deal_phase(d, (struct phase){level, false}, t))
                return OCT_NO_MEMORY;
            plan->dealt[(level - 1) * plan->threads + t + 1] = d->pieces;
        }
    }
    return OCT_OK;
}

/* ---- the choice ---------------------------------------------------------------------------------- */

/* In floats. */
static double plane_values(const struct oct_plan *plan, struct oct_extent e, int blocks)
{
    return (double)blocks * e.d * e.h * e.w * plan->isa->lanes;
}

static double lines(double values)
{
    return values * sizeof(float) / 64;
}

/* Beside its work, of which the largest share counts: a thread writes next to another's rows. */
static double rows_cycles(const struct deal *d)
{
    const struct oct_plan *plan = d->plan;
    int planes = plan->job[0].e.d, rows = planes * plan->units;
    int most = (int)(((int64_t)plan->p.n * rows + plan->threads - 1) / plan->threads), blocks = 0;
    int rider = direct_rider(plan);
    double work = d->total;

    if (direct_mixes_planes(plan))
        return INFINITY;
    for (int t = 0; t < d->outputs; t++)
        if (plan->task[t].pool && plan->task[t].index == rider)
            work -= (double)plan->task[t].items * plan->task[t].cost;
    for (int j = plan->first_output; j < plan->jobs; j++)
        blocks += plan->job[j].blocks;
    if (most % plan->units == 0)
        blocks = 0; /* whole planes */
    return work * most / rows + 2.0 * BORDER_CYCLES * blocks;
}

/* Where threads do not split by rows, each reads all inputs for every group: costs nothing from level 2. */
static double input_cycles(const struct oct_plan *plan)
{
    double values = 0;

    for (int b = 0; b < plan->p.bands; b++)
        values += plane_values(plan, plan->source[b].e, plan->source[b].blocks);
    if (2 * values * sizeof(float) <= (double)direct_level_bytes(2))
        return 0;
    return lines(values) * LINE_CYCLES * (plan->threads - 1) / plan->threads;
}

/* Each line of scratch is written by one and read by another. */
static double levels_cycles(const struct deal *d)
{
    const struct oct_plan *plan = d->plan;
    double values = 0;

    for (int i = plan->p.bands; i < plan->sources; i++)
        values += plane_values(plan, plan->source[i].e, plan->source[i].blocks);
    for (int j = 0; j < plan->first_output; j++)
        values += plane_values(plan, plan->job[j].e, plan->job[j].blocks);
    return (d->total + FOREIGN_CYCLES * lines(values)) / plan->threads + (plan->levels - 1) * BARRIER_CYCLES;
}

static enum split choose_split(const struct deal *d, double outputs)
{
    const struct oct_plan *plan = d->plan;
    double levels = levels_cycles(d), least = fmin(outputs, levels);

    if (rows_cycles(d) <= plan->p.n * (least + input_cycles(plan)))
        return SPLIT_ROWS;
    return outputs <= levels ? SPLIT_OUTPUTS : SPLIT_LEVELS;
}

bool direct_mixes_planes(const struct oct_plan *plan)
{
    return plan->p.kd > 1 || plan->p.stride_d > 1 || plan->job[0].e.d != plan->p.d;
}

bool direct_may_deal(const struct oct_plan *plan)
{
    return plan->threads > 1 || direct_mixes_planes(plan);
}

int direct_split(struct oct_plan *plan)
{
    struct deal d = {.plan = plan};
    int status = OCT_NO_MEMORY;
    double outputs;

    plan->split = SPLIT_ROWS;
    plan->riding = -1;
    if (!direct_may_deal(plan))
        return OCT_OK;
    plan->dealt = calloc((size_t)plan->levels * plan->threads + 1, sizeof(plan->dealt[0]));
    if (!plan->dealt || list_tasks(&d) || direct_share_outputs(&d, &outputs))
        goto done;
    plan->split = choose_split(&d, outputs);
    status = OCT_OK;
    if (plan->split == SPLIT_OUTPUTS)
        status = direct_deal_outputs(&d);
    if (plan->split == SPLIT_LEVELS)
        status = deal_levels(&d);
done:
    direct_free_shares(&d);
    return status;
}
