/* SPDX-License-Identifier: MIT */
#include "frame/regions.h"

#include <string.h>

struct span frame_taps(const struct axis *a, int at, int extent)
{
    int64_t low = (int64_t)a->pad - (int64_t)at * a->stride, high = (int64_t)extent - 1 + low;
    struct span s = {0, 0};

    if (low <= 0 && (int64_t)a->dilation * (a->k - 1) <= high)
        return (struct span){0, a->k}; /* nearly always, and divisions are slow */
    if (high < 0)
        return s;
    s.first = low > 0 ? (int)((low + a->dilation - 1) / a->dilation) : 0;
    s.last = (int)(high / a->dilation < a->k ? high / a->dilation + 1 : a->k);
    s.first = oct_min(s.first, s.last);
    return s;
}

static int clip(int64_t at, int extent)
{
    return (int)(at < 0 ? 0 : at < extent ? at : extent);
}

struct span frame_window(const struct axis *a, struct span out, int extent)
{
    int64_t first = (int64_t)out.first * a->stride - a->pad;
    int64_t last = (int64_t)(out.last - 1) * a->stride - a->pad + (int64_t)a->dilation * (a->k - 1) + 1;

    if (out.first >= out.last)
        return (struct span){0, 0};
    return (struct span){clip(first, extent), clip(last, extent)};
}

/* Upward jobs may be coarser than coarse rows: these then share theirs. */
struct span frame_job_rows(const struct layer *layer, const struct job *job, struct span coarse)
{
    int down = layer->coarsest - job->octave, up = oct_max(-down, 0);
    int64_t scale = INT64_C(1) << oct_max(down, 0);

    return (struct span){clip((coarse.first * scale) >> up, job->e.h),
                         clip((coarse.last * scale + (1 << up) - 1) >> up, job->e.h)};
}

struct span frame_join(struct span a, struct span b)
{
    if (a.first >= a.last)
        return b;
    if (b.first >= b.last)
        return a;
    return (struct span){oct_min(a.first, b.first), oct_max(a.last, b.last)};
}

void frame_needs(const struct layer *layer, struct span coarse, struct span need[MAX_SOURCES])
{
    memset(need, 0, MAX_SOURCES * sizeof(need[0]));
    for (int j = 0; j < layer->jobs; j++) {
        const struct job *job = layer->job + j;
        struct span rows = frame_job_rows(layer, job, coarse);

        for (int i = 0; i < job->terms; i++) {
            const struct term *t = job->term + i;

            need[t->source] =
                frame_join(need[t->source], frame_window(&t->h, rows, layer->source[t->source].e.h));
        }
    }
    for (int i = layer->sources - 1; i >= layer->inputs; i--) {
        const struct source *s = layer->source + i;
        struct span windows = {need[i].first << s->log2,
                               oct_min(need[i].last << s->log2, layer->source[s->parent].e.h)};

        need[s->parent] = frame_join(need[s->parent], windows);
    }
}
