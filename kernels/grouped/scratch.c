/* SPDX-License-Identifier: MIT */
/* What a thread has in scratch while it computes a strip, and where. */
#include "grouped/plan.h"

size_t grouped_source_row(const struct layer *layer, const struct grouped_margins *margins, int source)
{
    int pixels = margins->left[source] + layer->source[source].e.w + margins->right[source];

    return (size_t)pixels * layer->lanes;
}

void grouped_find_rows(struct grouped_rows *out, const struct layer *layer, int strips, int strip)
{
    struct span coarse;

    oct_share(layer->coarse_rows, strips, strip, &coarse.first, &coarse.last);
    for (int j = 0; j < layer->jobs; j++)
        out->job[j] = frame_job_rows(layer, layer->job + j, coarse);
    frame_needs(layer, coarse, out->source);
}

static void find_most_rows(struct grouped_scratch *out, const struct layer *layer, int strips)
{
    struct grouped_rows rows;

    for (int strip = 0; strip < strips; strip++) {
        grouped_find_rows(&rows, layer, strips, strip);
        for (int i = layer->inputs; i < layer->sources; i++)
            out->source_rows[i] = oct_max(out->source_rows[i], rows.source[i].last - rows.source[i].first);
        for (int j = 0; j < layer->first_output; j++)
            out->job_rows[j] = oct_max(out->job_rows[j], rows.job[j].last - rows.job[j].first);
    }
}

static int most_blocks(const struct grouped_units *units, int band)
{
    int blocks = 0;

    for (int u = 0; u < units->count; u++)
        blocks = oct_max(blocks, units->unit[u].in[band].last - units->unit[u].in[band].first);
    return blocks;
}

/* Gives every buffer of a thread its place, for the greediest strip and unit. */
struct grouped_scratch grouped_place_scratch(const struct layer *layer, const struct grouped_margins *margins,
                                             const struct grouped_units *units, int strips)
{
    struct grouped_scratch out = {0};

    find_most_rows(&out, layer, strips);
    for (int i = layer->inputs; i < layer->sources; i++) {
        out.source[i] = out.area;
        out.area += (size_t)most_blocks(units, layer->source[i].band) * out.source_rows[i] *
                    grouped_source_row(layer, margins, i);
    }
    for (int j = 0; j < layer->first_output; j++) {
        out.job[j] = out.area;
        out.area += (size_t)out.job_rows[j] * layer->job[j].e.w * layer->lanes;
    }
    return out;
}
