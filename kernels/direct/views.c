/* SPDX-License-Identifier: MIT */
#include "direct/views.h"

static ptrdiff_t plane_floats(const struct layer *layer, struct oct_extent e)
{
    return (ptrdiff_t)e.h * e.w * layer->lanes;
}

void direct_view_image(struct worker *w, int image)
{
    const struct layer *layer = w->layer;

    for (int i = 0; i < layer->inputs; i++) {
        const struct source *s = layer->source + i;
        ptrdiff_t plane = plane_floats(layer, s->e), block = plane * s->e.d;

        w->source[i] = (struct view){.block = block, .plane = plane};
        if (s->blocks)
            w->source[i].src = (const float *)w->io->in[i] + image * s->blocks * block;
    }
    for (int j = layer->first_output; j < layer->jobs; j++) {
        const struct job *job = layer->job + j;
        ptrdiff_t plane = plane_floats(layer, job->e), block = plane * job->e.d;
        float *out = w->io->out[job->to];

        w->job[j] = (struct view){.dst = out + image * job->blocks * block, .block = block, .plane = plane};
    }
}

/* `rows` rows of each of `planes` planes. */
static struct view scratch_view(float *at, ptrdiff_t row_floats, int rows, int planes)
{
    ptrdiff_t plane = rows * row_floats;

    return (struct view){.src = at, .dst = at, .block = plane * planes, .plane = plane};
}

static struct view view_source(const struct worker *w, int i, int planes)
{
    const struct scratch *scratch = &w->plan->scratch;
    ptrdiff_t row = (ptrdiff_t)w->layer->source[i].e.w * w->layer->lanes;

    return scratch_view(w->area + scratch->source[i], row, scratch->source_rows[i], planes);
}

static struct view view_job(const struct worker *w, int j, int planes)
{
    const struct scratch *scratch = &w->plan->scratch;
    ptrdiff_t row = (ptrdiff_t)w->layer->job[j].e.w * w->layer->lanes;

    return scratch_view(w->area + scratch->job[j], row, scratch->job_rows[j], planes);
}

void direct_view_planes(struct worker *w)
{
    const struct layer *layer = w->layer;

    for (int i = layer->inputs; i < layer->sources; i++)
        w->source[i] = view_source(w, i, layer->source[i].e.d);
    for (int j = 0; j < layer->first_output; j++)
        w->job[j] = view_job(w, j, layer->job[j].e.d);
}

void direct_view_strip(struct worker *w, int plane, struct span coarse)
{
    const struct layer *layer = w->layer;
    struct span need[MAX_SOURCES];

    frame_needs(layer, coarse, need);
    for (int i = layer->inputs; i < layer->sources; i++) {
        w->source[i] = view_source(w, i, 1);
        w->source[i].row = need[i].first;
        w->source[i].plane0 = plane;
    }
    for (int j = 0; j < layer->first_output; j++) {
        w->job[j] = view_job(w, j, 1);
        w->job[j].row = frame_job_rows(layer, layer->job + j, coarse).first;
        w->job[j].plane0 = plane;
    }
}
