/* SPDX-License-Identifier: MIT */
/* Threads that own output channels, and meet no other. Each computes what its own need, which costs less than
 * to wait for another and to fetch its lines, as long as little is needed twice. */
#include "frame/split_by_channels.h"

#include <stdlib.h>
#include <string.h>

/* Rows of the plane that items [first, last) of a job's task lie in. */
static struct span rows_of(const struct layer *layer, const struct task *t, struct span items)
{
    const struct job *job = layer->job + t->index;
    int pixels = job->e.h * job->e.w;

    if (job->e.d > 1)
        return (struct span){0, job->e.h};
    if (!job->flat)
        return items;
    return (struct span){items.first * t->pixels / job->e.w,
                         oct_ceil_div(oct_min(items.last * t->pixels, pixels), job->e.w)};
}

/* The other way round. */
static struct span items_of(const struct layer *layer, const struct task *t, struct span rows)
{
    const struct job *job = layer->job + t->index;

    if (job->e.d > 1)
        return (struct span){0, t->items};
    if (!job->flat)
        return rows;
    return (struct span){rows.first * job->e.w / t->pixels, oct_ceil_div(rows.last * job->e.w, t->pixels)};
}

/* Adds items to those of a task; the cycles that this costs. */
static double need_items(const struct channel_shares *d, struct channel_share *s, int task, struct span items)
{
    struct span *had = s->need + task;
    int before = had->last - had->first;

    if (before) {
        items.first = oct_min(items.first, had->first);
        items.last = oct_max(items.last, had->last);
    }
    *had = items;
    return (double)(items.last - items.first - before) * d->tasks->task[task].cost;
}

static double need_source(const struct channel_shares *d, struct channel_share *s, int source)
{
    const struct source *at = d->layer->source + source;
    int first = d->tasks->first_block[source];
    double cycles = 0;

    s->needs_rider |= source == d->rider;
    if (at->parent < 0 || source == d->rider)
        return 0;
    for (int t = first; t < first + at->blocks; t++)
        cycles += need_items(d, s, t, (struct span){0, d->tasks->task[t].items});
    return cycles + need_source(d, s, at->parent);
}

static double need_terms(const struct channel_shares *d, struct channel_share *s, const struct job *job)
{
    double cycles = 0;

    for (int t = 0; t < job->terms; t++)
        cycles += need_source(d, s, job->term[t].source);
    return cycles;
}

/* Adds `items` items from s->to on. */
static void take(const struct channel_shares *d, struct channel_share *s, int items)
{
    const struct layer *layer = d->layer;
    const struct task *t = d->tasks->task + s->to.task;
    const struct job *job = layer->job + t->index;
    struct span rows = rows_of(layer, t, (struct span){s->to.item, s->to.item + items});

    s->cycles += need_terms(d, s, job) + items * (double)t->cost;
    for (int a = 0; a < job->addends; a++) {
        /* Its groups are those of the job: whoever lists tasks sees to that. */
        const struct job *low = layer->job + job->addend[a];
        int up = low->octave - job->octave, task = d->tasks->first_group[job->addend[a]] + t->member;
        struct span low_rows = {rows.first >> up, ((rows.last - 1) >> up) + 1};

        s->cycles += need_terms(d, s, low);
        s->cycles += need_items(d, s, task, items_of(layer, d->tasks->task + task, low_rows));
    }
    s->to.item += items;
    if (s->to.item == t->items)
        s->to = (struct position){s->to.task + 1, 0};
}

/* Takes `items` more if that leaves the share within `cycles`. */
static bool take_if(const struct channel_shares *d, struct channel_share *s, int items, double cycles)
{
    size_t bytes = (size_t)d->tasks->outputs * sizeof(*s->need);
    struct channel_share more = *s;

    more.need = d->need;
    memcpy(more.need, s->need, bytes);
    take(d, &more, items);
    if (more.cycles > cycles)
        return false;
    memcpy(s->need, more.need, bytes);
    more.need = s->need;
    *s = more;
    return true;
}

/* Takes on what fits from s->to on: whole tasks, then items by halves. */
static void fill(const struct channel_shares *d, struct channel_share *s, double cycles)
{
    while (s->to.task < d->tasks->count) {
        int left = d->tasks->task[s->to.task].items - s->to.item;

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
static bool fits(const struct channel_shares *d, double cycles)
{
    struct position from = {d->tasks->outputs, 0};

    for (int t = 0; t < d->threads; t++) {
        struct channel_share *s = d->share + t;

        s->from = s->to = from;
        s->needs_rider = false;
        s->cycles = 0;
        memset(s->need, 0, (size_t)d->tasks->outputs * sizeof(*s->need));
        fill(d, s, cycles);
        from = s->to;
    }
    return from.task == d->tasks->count;
}

/* The fewest cycles after which every thread can be done, and who then does what. */
static double balance(const struct channel_shares *d)
{
    double low = 0, high = 2 * d->tasks->total; /* enough, however sums are rounded */

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

/* The share's first whole task that can pool the rider, or -1. */
static int pooling_task(const struct tasks *tasks, const struct channel_share *s)
{
    for (int t = s->from.task + (s->from.item > 0); t < s->to.task; t++)
        if (tasks->task[t].pools)
            return t;
    return -1;
}

/* Who needs pooling does it in tiles, if that is possible. */
static double balance_riding(struct channel_shares *d)
{
    bool plane = !d->layer->deep && d->layer->source[0].e.d == 1;
    double cycles;

    d->rider = plane ? d->tasks->rider : -1;
    cycles = balance(d);
    for (int t = 0; t < d->threads; t++) {
        if (d->share[t].needs_rider && pooling_task(d->tasks, d->share + t) < 0) {
            d->rider = -1;
            return balance(d);
        }
    }
    return cycles;
}

int frame_share_channels(struct channel_shares *out, const struct layer *layer, const struct tasks *tasks,
                         int threads)
{
    size_t outputs = (size_t)tasks->outputs;

    *out = (struct channel_shares){.layer = layer, .tasks = tasks, .threads = threads};
    out->share = calloc((size_t)threads, sizeof(*out->share));
    out->need = calloc(((size_t)threads + 1) * outputs + 1, sizeof(*out->need));
    if (!out->share || !out->need)
        return OCT_NO_MEMORY;
    for (int t = 0; t < threads; t++)
        out->share[t].need = out->need + ((size_t)t + 1) * outputs;
    out->cycles = balance_riding(out);
    return OCT_OK;
}

void frame_free_channel_shares(struct channel_shares *shares)
{
    free(shares->share);
    free(shares->need);
}

static int deal_share(struct schedule *out, const struct channel_shares *d, const struct channel_share *s)
{
    int pooling = s->needs_rider ? pooling_task(d->tasks, s) : -1;

    for (int t = 0; t < d->tasks->outputs; t++)
        if (frame_deal(out, t, s->need[t].first, s->need[t].last))
            return OCT_NO_MEMORY;
    for (int t = s->from.task; t < d->tasks->count && t <= s->to.task; t++) {
        if (frame_deal_between(out, d->tasks, t, s->from, s->to))
            return OCT_NO_MEMORY;
        if (t == pooling)
            out->piece[out->pieces - 1].pools = true;
    }
    return OCT_OK;
}

int frame_deal_channels(struct schedule *out, const struct channel_shares *shares)
{
    out->rider = shares->rider;
    out->rounds = 1;
    for (int t = 0; t < shares->threads; t++) {
        if (deal_share(out, shares, shares->share + t))
            return OCT_NO_MEMORY;
        out->dealt[t + 1] = out->pieces;
    }
    return OCT_OK;
}
