/* SPDX-License-Identifier: MIT */
#include "frame/scratch.h"

static void whole_planes(struct scratch *out, const struct layer *layer)
{
    for (int i = 0; i < layer->sources; i++)
        out->source_rows[i] = layer->source[i].e.h;
    for (int j = 0; j < layer->jobs; j++)
        out->job_rows[j] = layer->job[j].e.h;
}

/* As many rows as any strip needs, wherever a thread's first strip begins. */
static void strips(struct scratch *out, const struct layer *layer, int strip)
{
    for (int row = 0; row < layer->coarse_rows; row++) {
        struct span coarse = {row, oct_min(row + strip, layer->coarse_rows)}, need[MAX_SOURCES];

        frame_needs(layer, coarse, need);
        for (int i = 0; i < layer->sources; i++)
            out->source_rows[i] = oct_max(out->source_rows[i], need[i].last - need[i].first);
        for (int j = 0; j < layer->jobs; j++) {
            struct span rows = frame_job_rows(layer, layer->job + j, coarse);

            out->job_rows[j] = oct_max(out->job_rows[j], rows.last - rows.first);
        }
    }
}

/* Of what is in scratch. */
static size_t largest_block(const struct scratch *out, const struct layer *layer)
{
    int values = 0;

    for (int i = layer->inputs; i < layer->sources; i++)
        values = oct_max(values, out->source_rows[i] * layer->source[i].e.w);
    for (int j = 0; j < layer->first_output; j++)
        values = oct_max(values, out->job_rows[j] * layer->job[j].e.w);
    return (size_t)values * layer->lanes;
}

/* Gives each tensor its place in an area. */
static void place(struct scratch *out, const struct layer *layer, bool whole)
{
    size_t lanes = (size_t)layer->lanes;

    for (int i = layer->inputs; i < layer->sources; i++) {
        const struct source *s = layer->source + i;
        size_t planes = whole ? (size_t)s->e.d : 1;

        out->source[i] = out->area;
        out->area += planes * s->blocks * out->source_rows[i] * s->e.w * lanes;
    }
    for (int j = 0; j < layer->first_output; j++) {
        const struct job *job = layer->job + j;
        size_t planes = whole ? (size_t)job->e.d : 1;

        out->job[j] = out->area;
        out->area += planes * job->blocks * out->job_rows[j] * job->e.w * lanes;
    }
}

void frame_place_scratch(struct scratch *out, const struct layer *layer, const struct schedule *schedule,
                         const struct tuning *tuning)
{
    size_t areas = schedule->split == SPLIT_LEVELS ? 1 : (size_t)schedule->threads;
    bool whole = schedule->split != SPLIT_ROWS;

    *out = (struct scratch){0};
    if (whole)
        whole_planes(out, layer);
    else
        strips(out, layer, schedule->strip);
    place(out, layer, whole);
    if (areas > 1)
        out->area += tuning->blocks_ahead * largest_block(out, layer);
    out->bytes = areas * out->area * sizeof(float);
}
