/* SPDX-License-Identifier: MIT */
/* A problem as sources and jobs. No other file of the blocked kernels reads a problem's geometry. */
#include "frame/layer.h"

#include <string.h>

static int ceil_shift(int extent, int log2)
{
    return (int)(((int64_t)extent + (INT64_C(1) << log2) - 1) >> log2);
}

static void add_inputs(struct layer *layer, const struct oct_problem *p)
{
    for (int b = 0; b < p->bands; b++)
        layer->source[b] = (struct source){
            .band = b,
            .parent = -1,
            .e = oct_in_extent(p, b),
            .channels = p->ic[b],
            .blocks = oct_ceil_div(p->ic[b], layer->lanes),
        };
    layer->inputs = layer->sources = p->bands;
}

/* The source that pools `parent` by 2^log2, or copies it. */
static int derived(struct layer *layer, int parent, int log2)
{
    struct source *s = layer->source + layer->sources;

    for (int i = 0; i < layer->sources; i++)
        if (layer->source[i].parent == parent && layer->source[i].log2 == log2)
            return i;
    *s = layer->source[parent];
    s->parent = parent;
    s->log2 = log2;
    s->level++;
    s->e.h = ceil_shift(s->e.h, log2);
    s->e.w = ceil_shift(s->e.w, log2);
    return layer->sources++;
}

int frame_copy_source(struct layer *layer, int source)
{
    return derived(layer, source, 0);
}

static int pooled(struct layer *layer, int parent, int log2)
{
    return log2 ? derived(layer, parent, log2) : parent;
}

static void add_term(struct layer *layer, struct job *job, const struct oct_problem *p, int from)
{
    struct oct_path path = oct_path_get(p, from, job->to);
    struct term *t = job->term + job->terms++;
    char name[4];

    t->from = from;
    t->source = pooled(layer, pooled(layer, from, path.pre), path.pool);
    t->groups = path.groups;
    t->ic = p->ic[from] / path.groups;
    t->d = (struct axis){p->kd, path.stride_d, p->dilation_d, path.pad_front};
    t->h = (struct axis){p->kh, path.stride_h, p->dilation_h, path.pad_top};
    t->w = (struct axis){p->kw, path.stride_w, p->dilation_w, path.pad_left};
    job->level = oct_max(job->level, layer->source[t->source].level + 1);
    if (job->name[0])
        strcat(job->name, "+");
    strcat(job->name, oct_path_name(p, from, job->to, name));
}

static struct job *add_job(struct layer *layer, const struct oct_problem *p, int to, int octave,
                           struct oct_extent e)
{
    struct job *job = layer->job + layer->jobs++;

    job->to = to;
    job->octave = octave;
    job->level = 1;
    job->e = e;
    job->oc = p->oc[to];
    job->blocks = oct_ceil_div(job->oc, layer->lanes);
    return job;
}

static void add_upward_jobs(struct layer *layer, const struct oct_problem *p)
{
    for (int to = 0; to < p->bands; to++) {
        for (int from = to + 1; from < p->bands; from++) {
            struct oct_path path = oct_path_get(p, from, to);
            struct job *job;

            if (!oct_path_exists(p, from, to) || path.up == 0)
                continue;
            job = add_job(layer, p, to, to + path.up, path.out);
            job->upward = true;
            add_term(layer, job, p, from);
        }
    }
}

/* The band's own path first, so that the name reads "ll+hl". */
static void add_output_job(struct layer *layer, const struct oct_problem *p, int to)
{
    struct job *job = add_job(layer, p, to, to, oct_out_extent(p, to));

    for (int i = 0; i < p->bands; i++) {
        int from = i == 0 ? to : i <= to ? i - 1 : i;

        if (oct_path_exists(p, from, to) && oct_path_get(p, from, to).up == 0)
            add_term(layer, job, p, from);
    }
    for (int i = 0; layer->job[i].upward; i++) {
        if (layer->job[i].to != to)
            continue;
        job->addend[job->addends++] = i;
        job->level = oct_max(job->level, layer->job[i].level + 1);
    }
    if (!job->name[0])
        strcpy(job->name, "add");
}

static bool is_one_tap(const struct axis *a)
{
    return a->k == 1 && a->stride == 1 && a->pad == 0;
}

static void mark_flat(const struct layer *layer, struct job *job)
{
    job->flat = layer->kernel.h == 1 && layer->kernel.w == 1;
    for (int i = 0; i < job->terms; i++) {
        const struct term *t = job->term + i;
        struct oct_extent e = layer->source[t->source].e;

        job->flat &= is_one_tap(&t->h) && is_one_tap(&t->w) && e.h == job->e.h && e.w == job->e.w;
    }
}

/* Zeros beside a single plane make more of it. */
static bool mixes_planes(const struct layer *layer)
{
    bool mixes = layer->kernel.d > 1;

    for (int j = 0; j < layer->jobs; j++) {
        mixes |= layer->job[j].e.d != layer->source[0].e.d;
        for (int t = 0; t < layer->job[j].terms; t++)
            mixes |= layer->job[j].term[t].d.stride > 1;
    }
    return mixes;
}

void frame_align(struct layer *layer, int octave)
{
    layer->coarsest = octave;
    layer->coarse_rows = 0;
    for (int j = 0; j < layer->jobs; j++)
        if (layer->job[j].octave <= octave)
            layer->coarse_rows =
                oct_max(layer->coarse_rows, ceil_shift(layer->job[j].e.h, octave - layer->job[j].octave));
}

static void add_jobs(struct layer *layer, const struct oct_problem *p)
{
    int octave = 0;

    add_upward_jobs(layer, p);
    for (int to = 0; to < p->bands; to++)
        if (p->oc[to] > 0)
            add_output_job(layer, p, to);
    for (int j = 0; j < layer->jobs; j++) {
        mark_flat(layer, layer->job + j);
        layer->levels = oct_max(layer->levels, layer->job[j].level);
        octave = oct_max(octave, layer->job[j].octave);
    }
    frame_align(layer, octave);
}

/* Who reads an input first fetches it for those who follow. */
static void find_readers(struct layer *layer)
{
    for (int i = 0; i < layer->sources; i++)
        layer->source[i].first_job = -1;
    for (int j = layer->jobs - 1; j >= 0; j--) {
        for (int t = 0; t < layer->job[j].terms; t++)
            layer->source[layer->job[j].term[t].source].first_job = j;
        if (!layer->job[j].upward)
            layer->first_output = j;
    }
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* From the first tap to the last, and what is before the first. */
static int64_t reach(const struct axis *a)
{
    return a->dilation * (int64_t)(a->k - 1) + 1;
}

int frame_check_offsets(const struct layer *layer, struct oct_message *msg)
{
    int64_t lanes = layer->lanes;
    int64_t largest = lanes * lanes * 4 * (int64_t)frame_kernel_taps(layer); /* weights of a block */

    for (int j = 0; j < layer->jobs; j++) {
        const struct job *job = layer->job + j;

        largest = larger(largest, lanes * job->e.h * job->e.w);
        for (int t = 0; t < job->terms; t++) {
            const struct term *term = job->term + t;
            struct oct_extent e = layer->source[term->source].e;

            largest = larger(largest, reach(&term->d) * lanes * e.h * e.w);
            largest = larger(largest, lanes * (reach(&term->w) + term->w.dilation + term->w.pad));
        }
    }
    if (largest > INT32_MAX)
        return oct_fail(msg, OCT_UNSUPPORTED, "a plane of %lld values is beyond this kernel's 32-bit offsets",
                        (long long)largest);
    return OCT_OK;
}

void frame_make_layer(struct layer *out, const struct oct_problem *p, int lanes)
{
    *out = (struct layer){
        .n = p->n,
        .lanes = lanes,
        .conv_groups = p->groups_per_path && p->groups != 1 ? 0 : p->groups,
        .epilogue = p->epilogue,
        .kernel = {p->kd, p->kh, p->kw},
        .out = oct_out_extent(p, 0),
    };
    add_inputs(out, p);
    add_jobs(out, p);
    find_readers(out);
    out->deep = mixes_planes(out);
}
