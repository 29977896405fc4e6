/* SPDX-License-Identifier: MIT */
/* Direct convolution, planning: threads that own output channels, and meet no other. Each computes what its
 * own need, which costs less than to wait for another and to fetch its lines, as long as little is needed
 * twice. */
#include "direct/schedule.h"

#include <stdlib.h>
#include <string.h>

/* Output tasks of one thread, and the items of the tasks before those that they need. */
struct share {
    struct position from, to;
    struct span *need;
    bool needs_rider; /* the source that rides: a whole group of the first output pools it */
    double cycles;
};

/* Rows of the plane that items [first, last) of a job's task lie in. */
static struct span rows_of(const struct oct_plan *plan, const struct task *t, int first, int last)
{
    const struct job *job = plan->job + t->index;
    int step = direct_item_pixels(plan, t), pixels = job->e.h * job->e.w;

    if (job->e.d > 1)
        return (struct span){0, job->e.h};
    if (!job->flat)
        return (struct span){first, last};
    return (struct span){first * step / job->e.w, oct_ceil_div(oct_min(last * step, pixels), job->e.w)};
}

/* The other way round. */
static struct span items_of(const struct oct_plan *plan, const struct task *t, struct span rows)
{
    const struct job *job = plan->job + t->index;
    int step = direct_item_pixels(plan, t);

    if (job->e.d > 1)
        return (struct span){0, t->items};
    if (!job->flat)
        return rows;
    return (struct span){rows.first * job->e.w / step, oct_ceil_div(rows.last * job->e.w, step)};
}

/* Adds items to those of a task; the cycles that this costs. */
static double need_items(const struct deal *d, struct share *s, int task, struct span items)
{
    struct span *had = s->need + task;
    int before = had->last - had->first;

    if (before) {
        items.first = oct_min(items.first, had->first);
        items.last = oct_max(items.last, had->last);
    }
    *had = items;
    return (double)(items.last - items.first - before) * d->plan->task[task].cost;
}

static double need_source(const struct deal *d, struct share *s, int source)
{
    const struct source *at = d->plan->source + source;
    double cycles = 0;

    s->needs_rider |= source == d->rider;
    if (at->parent < 0 || source == d->rider)
        return 0;
    for (int t = d->first_block[source]; t < d->first_block[source] + at->blocks; t++)
        cycles += need_items(d, s, t, (struct span){0, d->plan->task[t].items});
    return cycles + need_source(d, s, at->parent);
}

static double need_terms(const struct deal *d, struct share *s, const struct job *job)
{
    double cycles = 0;

    for (int t = 0; t < job->terms; t++)
        cycles += need_source(d, s, job->term[t].source);
    return cycles;
}

/* Adds `items` items from s->to on. */
static void take(const struct deal *d, struct share *s, int items)
{
    const struct oct_plan *plan = d->plan;
    const struct task *t = plan->task + s->to.task;
    const struct job *job = plan->job + t->index;
    struct span rows = rows_of(plan, t, s->to.item, s->to.item + items);

    s->cycles += need_terms(d, s, job) + items * (double)t->cost;
    for (int a = 0; a < job->addends; a++) {
        /* Its groups are those of the job: direct_pack() sees to that. */
        const struct job *low = plan->job + job->addend[a];
        int up = low->octave - job->octave, task = d->first_group[job->addend[a]] + t->part;
        struct span low_rows = {rows.first >> up, ((rows.last - 1) >> up) + 1};

        s->cycles += need_terms(d, s, low);
        s->cycles += need_items(d, s, task, items_of(plan, plan->task + task, low_rows));
    }
    s->to.item += items;
    if (s->to.item == t->items)
        s->to = (struct position){s->to.task + 1, 0};
}

/* Takes `items` more if that leaves the share within `cycles`. */
static bool take_if(const struct deal *d, struct share *s, int items, double cycles)
{
    struct share more = *s;

    more.need = d->need; /* no thread's */
    memcpy(more.need, s->need, (size_t)d->outputs * sizeof(*more.need));
    take(d, &more, items);
    if (more.cycles > cycles)
        return false;
    memcpy(s->need, more.need, (size_t)d->outputs * sizeof(*more.need));
    more.need = s->need;
    *s = more;
    return true;
}

/* Takes on what fits from s->to on: whole tasks, then items by halves. */
static void fill(const struct deal *d, struct share *s, double cycles)
{
    while (s->to.task < d->tasks) {
        int left = d->plan->task[s->to.task].items - s->to.item;

        if (take_if(d, s, left, cycles))
            continue;
        while (left > 1) {
            int half = left / 2;

            left = take_if(d, s, half, cycles) ? left - half : half;
        }
        return;
    }
}

/* Can every thread be done after so many cycles? */
static bool fits(const struct deal *d, double cycles)
{
    struct position from = {d->outputs, 0};

    for (int t = 0; t < d->plan->threads; t++) {
        struct share *s = d->share + t;

        s->from = s->to = from;
        s->needs_rider = false;
        s->cycles = 0;
        memset(s->need, 0, (size_t)d->outputs * sizeof(*s->need));
        fill(d, s, cycles);
        from = s->to;
    }
    return from.task == d->tasks;
}

/* The fewest cycles after which every thread can be done, and who then does what. */
static double balance(const struct deal *d)
{
    double low = 0, high = 2 * d->total; /* enough, however sums are rounded */

    while (high - low > 1e-3 * high) {
        double cycles = (low + high) / 2;

        if (fits(d, cycles))
            high = cycles;
        else
            low = cycles;
    }
    fits(d, high);
    return high;
}

/* The share's first task that can pool the source that rides, or -1. */
static int pooling_task(const struct deal *d, const struct share *s)
{
    const struct job *job = d->plan->job + d->plan->first_output;

    for (int t = s->from.task + (s->from.item > 0); t < s->to.task && t < d->outputs + job->groups; t++)
        if (job->group[t - d->outputs].kind == job->group[0].kind)
            return t;
    return -1;
}

/* The same where who needs pooling does it in tiles, if that is possible. */
static double balance_riding(struct deal *d)
{
    bool plane = d->plan->p.kd == 1 && d->plan->p.d == 1;
    double cycles;

    d->rider = plane ? direct_rider(d->plan) : -1;
    cycles = balance(d);
    for (int t = 0; t < d->plan->threads; t++) {
        if (d->share[t].needs_rider && pooling_task(d, d->share + t) < 0) {
            d->rider = -1;
            return balance(d);
        }
    }
    return cycles;
}

int direct_share_outputs(struct deal *d, double *cycles)
{
    size_t threads = (size_t)d->plan->threads;

    d->share = calloc(threads, sizeof(*d->share));
    d->need = calloc((threads + 1) * d->outputs + 1, sizeof(*d->need));
    if (!d->share || !d->need)
        return OCT_NO_MEMORY;
    for (size_t t = 0; t < threads; t++)
        d->share[t].need = d->need + (t + 1) * d->outputs;
    *cycles = balance_riding(d);
    return OCT_OK;
}

void direct_free_shares(struct deal *d)
{
    free(d->share);
    free(d->need);
}

static int deal_share(struct deal *d, const struct share *s)
{
    int pooling = s->needs_rider ? pooling_task(d, s) : -1;

    for (int t = 0; t < d->outputs; t++)
        if (direct_deal_items(d, t, s->need[t].first, s->need[t].last))
            return OCT_NO_MEMORY;
    for (int t = s->from.task; t < d->tasks && t <= s->to.task; t++) {
        if (direct_deal_between(d, t, s->from, s->to))
            return OCT_NO_MEMORY;
        if (t == pooling)
            d->plan->piece[d->pieces - 1].pools = true;
    }
    return OCT_OK;
}

int direct_deal_outputs(struct deal *d)
{
    struct oct_plan *plan = d->plan;

    plan->riding = d->rider;
    plan->rounds = 1;
    for (int t = 0; t < plan->threads; t++) {
        if (deal_share(d, d->share + t))
            return OCT_NO_MEMORY;
        plan->dealt[t + 1] = d->pieces;
    }
    return OCT_OK;
}
