/* SPDX-License-Identifier: MIT */
/* Direct convolution, planning: which tensors, which tiles, which blocks, which thread. */
#include "direct/plan.h"
#include "direct/run_tiles.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- tensors and jobs ---------------------------------------------------------------------------- */

static int ceil_shift(int extent, int log2)
{
    return (int)(((int64_t)extent + (INT64_C(1) << log2) - 1) >> log2);
}

static void add_inputs(struct oct_plan *plan)
{
    for (int b = 0; b < plan->p.bands; b++) {
        struct source *s = plan->source + plan->sources++;

        s->band = b;
        s->parent = -1;
        s->e = oct_in_extent(&plan->p, b);
        s->blocks = oct_ceil_div(plan->p.ic[b], plan->isa->lanes);
    }
}

/* The source itself, or the one that pools it. */
static int pooled(struct oct_plan *plan, int parent, int log2)
{
    struct source *s = plan->source + plan->sources;

    if (log2 == 0)
        return parent;
    for (int i = 0; i < plan->sources; i++)
        if (plan->source[i].parent == parent && plan->source[i].log2 == log2)
            return i;
    *s = plan->source[parent];
    s->parent = parent;
    s->log2 = log2;
    s->level++;
    s->e.h = ceil_shift(s->e.h, log2);
    s->e.w = ceil_shift(s->e.w, log2);
    return plan->sources++;
}

static void add_term(struct oct_plan *plan, struct job *job, int from, const struct oct_weights *w)
{
    struct oct_path path = oct_path_get(&plan->p, from, job->to);
    struct term *t = job->term + job->terms++;
    char name[4];

    t->source = pooled(plan, pooled(plan, from, path.pre), path.pool);
    t->ic = plan->p.ic[from] / plan->p.groups;
    t->stride_d = path.stride_d;
    t->stride_h = path.stride_h;
    t->stride_w = path.stride_w;
    t->pad_front = path.pad_front;
    t->pad_top = path.pad_top;
    t->pad_left = path.pad_left;
    t->weights = w->path[from][job->to];
    job->level = oct_max(job->level, plan->source[t->source].level + 1);
    if (job->name[0])
        strcat(job->name, "+");
    strcat(job->name, oct_path_name(&plan->p, from, job->to, name));
}

static struct job *add_job(struct oct_plan *plan, int to, int octave, struct oct_extent e)
{
    struct job *job = plan->job + plan->jobs++;

    job->to = to;
    job->octave = octave;
    job->level = 1;
    job->e = e;
    job->oc = plan->p.oc[to];
    job->blocks = oct_ceil_div(job->oc, plan->isa->lanes);
    return job;
}

static void add_upward_jobs(struct oct_plan *plan, const struct oct_weights *w)
{
    for (int to = 0; to < plan->p.bands; to++) {
        for (int from = to + 1; from < plan->p.bands; from++) {
            struct oct_path path = oct_path_get(&plan->p, from, to);
            struct job *job;

            if (!oct_path_exists(&plan->p, from, to) || path.up == 0)
                continue;
            job = add_job(plan, to, to + path.up, path.out);
            job->upward = true;
            add_term(plan, job, from, w);
        }
    }
}

/* The band's own path first, so that the name reads "ll+hl". */
static void add_output_job(struct oct_plan *plan, int to, const struct oct_weights *w)
{
    struct job *job = add_job(plan, to, to, oct_out_extent(&plan->p, to));

    for (int i = 0; i < plan->p.bands; i++) {
        int from = i == 0 ? to : i <= to ? i - 1 : i;

        if (oct_path_exists(&plan->p, from, to) && oct_path_get(&plan->p, from, to).up == 0)
            add_term(plan, job, from, w);
    }
    for (int i = 0; plan->job[i].upward; i++) {
        if (plan->job[i].to != to)
            continue;
        job->addend[job->addends++] = i;
        job->level = oct_max(job->level, plan->job[i].level + 1);
    }
    if (!job->name[0])
        strcpy(job->name, "add");
}

static void mark_flat(struct oct_plan *plan, struct job *job)
{
    job->flat = plan->p.kh == 1 && plan->p.kw == 1;
    for (int i = 0; i < job->terms; i++) {
        const struct term *t = job->term + i;
        struct oct_extent e = plan->source[t->source].e;

        job->flat &= t->stride_h == 1 && t->stride_w == 1 && t->pad_top == 0 && t->pad_left == 0 &&
                     e.h == job->e.h && e.w == job->e.w;
    }
}

static void add_jobs(struct oct_plan *plan, const struct oct_weights *w)
{
    add_inputs(plan);
    add_upward_jobs(plan, w);
    for (int to = 0; to < plan->p.bands; to++)
        if (plan->p.oc[to] > 0)
            add_output_job(plan, to, w);
    for (int j = 0; j < plan->jobs; j++) {
        mark_flat(plan, plan->job + j);
        plan->levels = oct_max(plan->levels, plan->job[j].level);
        plan->coarsest = oct_max(plan->coarsest, plan->job[j].octave);
    }
    for (int j = 0; j < plan->jobs; j++)
        plan->units =
            oct_max(plan->units, ceil_shift(plan->job[j].e.h, plan->coarsest - plan->job[j].octave));
}

/* Who reads an input first fetches it for those who follow. */
static void find_readers(struct oct_plan *plan)
{
    for (int i = 0; i < plan->sources; i++)
        plan->source[i].first_job = -1;
    for (int j = plan->jobs - 1; j >= 0; j--) {
        for (int t = 0; t < plan->job[j].terms; t++)
            plan->source[plan->job[j].term[t].source].first_job = j;
        if (!plan->job[j].upward)
            plan->first_output = j;
    }
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int check_planes(const struct oct_plan *plan, struct oct_message *msg)
{
    int lanes = plan->isa->lanes;
    int64_t largest =
        (int64_t)lanes * lanes * 4 * plan->p.kd * plan->p.kh * plan->p.kw; /* weights of a block */
    int64_t reach = plan->p.dilation_d * (int64_t)(plan->p.kd - 1) + 1;

    for (int i = 0; i < plan->sources; i++)
        largest = larger(largest, reach * lanes * plan->source[i].e.h * plan->source[i].e.w);
    for (int j = 0; j < plan->jobs; j++)
        largest = larger(largest, (int64_t)lanes * plan->job[j].e.h * plan->job[j].e.w);
    for (int j = 0; j < plan->jobs; j++)
        for (int t = 0; t < plan->job[j].terms; t++)
            largest = larger(largest, (int64_t)lanes * (plan->p.dilation_w * (int64_t)plan->p.kw +
                                                        plan->job[j].term[t].pad_left));
    if (largest > INT32_MAX)
        return oct_fail(msg, OCT_UNSUPPORTED, "a plane of %lld values is beyond this kernel's 32-bit offsets",
                        (long long)largest);
    return OCT_OK;
}

/* ---- geometry ------------------------------------------------------------------------------------ */

struct span direct_taps(int at, int stride, int pad, int dilation, int k, int extent)
{
    int64_t low = (int64_t)pad - (int64_t)at * stride, high = (int64_t)extent - 1 + low;
    struct span s = {0, 0};

    if (low <= 0 && (int64_t)dilation * (k - 1) <= high)
        return (struct span){0, k}; /* nearly always, and divisions are slow */
    if (high < 0)
        return s;
    s.first = low > 0 ? (int)((low + dilation - 1) / dilation) : 0;
    s.last = (int)(high / dilation < k ? high / dilation + 1 : k);
    s.first = oct_min(s.first, s.last);
    return s;
}

struct span direct_job_rows(const struct oct_plan *plan, const struct job *job, int u0, int u1)
{
    int shift = plan->coarsest - job->octave;
    int64_t first = (int64_t)u0 << shift, last = (int64_t)u1 << shift;

    return (struct span){(int)(first < job->e.h ? first : job->e.h),
                         (int)(last < job->e.h ? last : job->e.h)};
}

static void widen(struct span *s, int first, int last)
{
    if (first >= last)
        return;
    if (s->first == s->last)
        *s = (struct span){first, last};
    s->first = oct_min(s->first, first);
    s->last = oct_max(s->last, last);
}

void direct_needs(const struct oct_plan *plan, int u0, int u1, struct span need[MAX_SOURCES])
{
    memset(need, 0, MAX_SOURCES * sizeof(need[0]));
    for (int j = 0; j < plan->jobs; j++) {
        struct span rows = direct_job_rows(plan, plan->job + j, u0, u1);

        if (rows.first == rows.last)
            continue;
        for (int i = 0; i < plan->job[j].terms; i++) {
            const struct term *t = plan->job[j].term + i;
            int64_t first = (int64_t)rows.first * t->stride_h - t->pad_top;
            int64_t last = (int64_t)(rows.last - 1) * t->stride_h - t->pad_top +
                           (int64_t)plan->p.dilation_h * (plan->p.kh - 1) + 1;
            int h = plan->source[t->source].e.h;

            widen(need + t->source,
                  (int)(first < 0   ? 0
                        : first < h ? first
                                    : h),
                  (int)(last < 0   ? 0
                        : last < h ? last
                                   : h));
        }
    }
    for (int i = plan->sources - 1; i >= plan->p.bands; i--) {
        const struct source *s = plan->source + i;

        widen(need + s->parent, need[i].first << s->log2,
              oct_min(need[i].last << s->log2, plan->source[s->parent].e.h));
    }
}

/* Room for the taps of every cut of a row, for each thread: on cache lines of its own, for it is written anew
 * for every group, and read for every tile. */
static int allocate_taps(struct oct_plan *plan)
{
    const size_t whole_lines = 32; /* taps: 3 pairs of lines, as processors fetch them in pairs */
    int cuts = 1;

    for (int j = 0; j < plan->jobs; j++)
        for (int k = 0; k < plan->isa->kinds; k++)
            cuts = oct_max(cuts, plan->job[j].cutting[k].count);
    plan->cut_taps = (size_t)DIRECT_SEGMENTS * plan->p.kd * plan->p.kh * plan->p.kw;
    plan->thread_taps = (cuts * plan->cut_taps + whole_lines - 1) / whole_lines * whole_lines;
    plan->taps = oct_alloc((size_t)plan->threads * plan->thread_taps * sizeof(plan->taps[0]));
    return plan->taps ? OCT_OK : OCT_NO_MEMORY;
}

/* ---- the plan ------------------------------------------------------------------------------------ */

/* Where an addend's value for each pixel lies: nearest-upsampling as a table. */
static int index_addends(struct oct_plan *plan)
{
    size_t total = 0;
    int32_t *at;

    for (int j = 0; j < plan->jobs; j++)
        total += (size_t)plan->job[j].addends * plan->job[j].e.h * plan->job[j].e.w;
    if (total == 0)
        return OCT_OK;
    at = plan->indexes = oct_alloc(total * sizeof(*at));
    if (!at)
        return OCT_NO_MEMORY;
    for (int j = 0; j < plan->jobs; j++) {
        struct job *job = plan->job + j;

        for (int a = 0; a < job->addends; a++) {
            const struct job *low = plan->job + job->addend[a];
            int up = low->octave - job->octave;

            job->index[a] = at;
            for (int y = 0; y < job->e.h; y++)
                for (int x = 0; x < job->e.w; x++)
                    *at++ = ((y >> up) * low->e.w + (x >> up)) * plan->isa->lanes;
        }
    }
    return OCT_OK;
}

static void describe(struct oct_plan *plan)
{
    const struct job *job = plan->job + plan->jobs - 1;
    const struct direct_kind *kind;
    char split[64];
    int width;

    for (int j = plan->jobs - 1; j >= 0 && !plan->job[j].upward; j--)
        job = plan->job + j;
    kind = plan->isa->kind + job->group[0].kind;
    width = kind->width[plan->cuts[job->cutting[job->group[0].kind].first].width];
    if (plan->split == SPLIT_ROWS)
        snprintf(split, sizeof(split), "strip %d of %d rows, split rows x%d", plan->strip, plan->units,
                 plan->threads);
    else
        snprintf(split, sizeof(split), "whole planes, split %s x%d",
                 plan->split == SPLIT_OUTPUTS ? "channels" : "tiles", plan->threads);
    snprintf(plan->head.info.describe, sizeof(plan->head.info.describe), "tile %gx%d, %s",
             (double)direct_vectors(kind->blocks, kind->halves) / direct_channels(kind->halves), width,
             split);
}

static int plan_dense(struct oct_plan *plan, const struct oct_weights *w, struct oct_message *msg)
{
    int status;

    add_jobs(plan, w);
    find_readers(plan);
    status = check_planes(plan, msg);
    if (status)
        return status;
    if (direct_cut_rows(plan) || index_addends(plan) || direct_pack(plan, w) || direct_share_work(plan) ||
        allocate_taps(plan))
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for %zu bytes of weights and %zu of scratch",
                        plan->head.info.weight_bytes, plan->head.info.scratch_bytes);
    plan->head.info.weights = plan->weights;
    plan->head.info.residual_in_place = true;
    describe(plan);
    return OCT_OK;
}

/* Are the groups small dense layers of two whole blocks or more, which these tiles do best? Of 3x3 layers,
 * only where there are more than four blocks. */
static bool dense_groups(const struct oct_problem *p, int lanes)
{
    const bool three = p->kh == 3 && p->kw == 3 && p->dilation_h == 1 && p->dilation_w == 1;

    if (p->groups < 1 || p->groups_per_path)
        return false;
    for (int b = 0; b < p->bands; b++) {
        int ic = p->ic[b] / p->groups, oc = p->oc[b] / p->groups;

        if (ic % lanes || oc % lanes || ic == lanes || oc == lanes || (three && ic <= 4 * lanes))
            return false;
    }
    return true;
}

static void destroy(struct oct_plan *plan)
{
    oct_free(plan->weights);
    oct_free(plan->bias);
    oct_free(plan->indexes);
    oct_free(plan->taps);
    free(plan->cuts);
    free(plan->columns);
    free(plan->groups);
    free(plan->task);
    free(plan->piece);
    free(plan->dealt);
    free(plan);
}

int direct_plan(struct oct_plan **out, const struct direct_isa *isa, const struct oct_problem *p,
                const struct oct_weights *w, const struct oct_plan_options *options, struct oct_message *msg)
{
    static const struct oct_plan_ops ops = {.run = direct_run_thread, .destroy = destroy};
    struct oct_plan *plan;
    int status;

    if (p->groups != 1 && !dense_groups(p, isa->lanes))
        return isa->plan_grouped(out, p, w, options, msg);
    plan = calloc(1, sizeof(*plan));
    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    plan->isa = isa;
    plan->p = *p;
    plan->threads = options->threads;
    oct_plan_begin(&plan->head, &ops, p, isa->layout, options->threads);
    status = plan_dense(plan, w, msg);
    if (status) {
        destroy(plan);
        plan = NULL;
    }
    *out = plan;
    return status;
}
