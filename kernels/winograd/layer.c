/* SPDX-License-Identifier: MIT */
/* From a problem to planes, sources and jobs. */
#include "winograd/plan.h"

#include <stdio.h>
#include <string.h>

static bool strides(const struct oct_problem *p, int from, int to)
{
    struct oct_path path = oct_path_get(p, from, to);

    return path.stride_d != 1 || path.stride_h != 1 || path.stride_w != 1;
}

static int check(const struct oct_problem *p, struct oct_message *msg)
{
    if (p->kh != WINOGRAD_TAPS || p->kw != WINOGRAD_TAPS)
        return oct_fail(msg, OCT_UNSUPPORTED, "this Winograd kernel computes 3x3 windows, not %dx%d", p->kh,
                        p->kw);
    if (p->dilation_d != 1 || p->dilation_h != 1 || p->dilation_w != 1)
        return oct_fail(msg, OCT_UNSUPPORTED, "this Winograd kernel has no dilation");
    if (p->groups != 1)
        return oct_fail(msg, OCT_UNSUPPORTED,
                        "this Winograd kernel has no groups: a tile's transforms "
                        "pay over many channels only");
    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            if (oct_path_exists(p, from, to) && strides(p, from, to))
                return oct_fail(msg, OCT_UNSUPPORTED, "this Winograd kernel has no strided convolutions");
    return OCT_OK;
}

/* The plane at that octave, which the path describes. */
static int find_plane(struct layer *layer, int octave, const struct oct_path *path)
{
    struct plane *plane = layer->plane + layer->planes;

    for (int i = 0; i < layer->planes; i++)
        if (layer->plane[i].octave == octave)
            return i;
    *plane = (struct plane){.octave = octave,
                            .in = path->in,
                            .out = path->out,
                            .pad_d = path->pad_front,
                            .pad_h = path->pad_top,
                            .pad_w = path->pad_left};
    return layer->planes++;
}

static int find_source(struct plane *plane, const struct oct_problem *p, int band,
                       const struct oct_path *path, int lanes)
{
    struct source *s = plane->source + plane->sources;

    for (int i = 0; i < plane->sources; i++)
        if (plane->source[i].band == band)
            return i;
    *s = (struct source){.band = band,
                         .pre = path->pre,
                         .pool = path->pool,
                         .blocks = oct_ceil_div(p->ic[band], lanes),
                         .first = plane->blocks,
                         .e = oct_in_extent(p, band)};
    plane->blocks += s->blocks;
    return plane->sources++;
}

/* Of a layer: where a path to an output band's own resolution convolves. */
static int octave_of(const struct oct_path *path, int from)
{
    return from + path->pre + path->pool;
}

static void add_term(struct layer *layer, struct job *job, const struct oct_problem *p,
                     const struct oct_weights *w, int from, int lanes)
{
    struct oct_path path = oct_path_get(p, from, job->to);
    struct term *t = job->term + job->terms++;
    char name[4];

    t->source = find_source(layer->plane + job->plane, p, from, &path, lanes);
    t->ic = p->ic[from];
    t->weights = w->path[from][job->to];
    job->channels += t->ic;
    if (job->name[0])
        strcat(job->name, "+");
    strcat(job->name, oct_path_name(p, from, job->to, name));
}

static struct job *add_job(struct layer *layer, const struct oct_problem *p, int from, int to, int lanes)
{
    struct oct_path path = oct_path_get(p, from, to);
    struct job *job = layer->job + layer->jobs++;

    job->to = to;
    job->up = path.up;
    job->plane = find_plane(layer, octave_of(&path, from), &path);
    job->oc = p->oc[to];
    job->blocks = oct_ceil_div(p->oc[to], lanes);
    job->e = path.out;
    return job;
}

static void add_upward_jobs(struct layer *layer, const struct oct_problem *p, const struct oct_weights *w,
                            int lanes)
{
    for (int to = 0; to < p->bands; to++)
        for (int from = to + 1; from < p->bands; from++)
            if (oct_path_exists(p, from, to) && oct_path_get(p, from, to).up > 0)
                add_term(layer, add_job(layer, p, from, to, lanes), p, w, from, lanes);
}

/* The band's own path first, so that the name reads "ll+hl". */
static void add_output_job(struct layer *layer, const struct oct_problem *p, const struct oct_weights *w,
                           int to, int lanes)
{
    struct job *job = add_job(layer, p, to, to, lanes);

    for (int i = 0; i < p->bands; i++) {
        int from = i == 0 ? to : i <= to ? i - 1 : i;

        if (oct_path_exists(p, from, to) && oct_path_get(p, from, to).up == 0)
            add_term(layer, job, p, w, from, lanes);
    }
    for (int i = 0; layer->job[i].up > 0; i++)
        if (layer->job[i].to == to)
            job->addend[job->addends++] = i;
    if (!job->name[0])
        strcpy(job->name, "add");
}

/* Results at low resolution are needed before what they are added to: coarse
 * planes come first. */
static void sort_planes(struct layer *layer)
{
    for (int i = 1; i < layer->planes; i++) {
        for (int k = i; k > 0 && layer->plane[k - 1].octave < layer->plane[k].octave; k--) {
            struct plane other = layer->plane[k];

            layer->plane[k] = layer->plane[k - 1];
            layer->plane[k - 1] = other;
            for (int j = 0; j < layer->jobs; j++)
                if (layer->job[j].plane == k || layer->job[j].plane == k - 1)
                    layer->job[j].plane = 2 * k - 1 - layer->job[j].plane;
        }
    }
}

static int check_planes(const struct layer *layer, int lanes, struct oct_message *msg)
{
    for (int i = 0; i < layer->planes; i++) {
        const struct plane *plane = layer->plane + i;
        int64_t in = (int64_t)plane->in.h * plane->in.w, out = (int64_t)plane->out.h * plane->out.w;

        if ((in > out ? in : out) * lanes > INT32_MAX)
            return oct_fail(msg, OCT_UNSUPPORTED, "a plane of %d x %d is beyond this kernel's 32-bit offsets",
                            plane->out.h, plane->out.w);
    }
    return OCT_OK;
}

int winograd_layer(struct layer *out, const struct oct_problem *p, const struct oct_weights *w, int lanes,
                   struct oct_message *msg)
{
    int status = check(p, msg);

    if (status)
        return status;
    *out = (struct layer){.n = p->n, .kd = p->kd, .epilogue = p->epilogue};
    for (int b = 0; b < p->bands; b++)
        out->in_blocks[b] = oct_ceil_div(p->ic[b], lanes);
    add_upward_jobs(out, p, w, lanes);
    for (int to = 0; to < p->bands; to++)
        if (p->oc[to] > 0)
            add_output_job(out, p, w, to, lanes);
    sort_planes(out);
    return check_planes(out, lanes, msg);
}
