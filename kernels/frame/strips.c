/* SPDX-License-Identifier: MIT */
#include "frame/strips.h"

#include "core/cache.h"

/* Does at most one run of tiles read what a strip has of this source? Then that need not stay in a cache, and
 * counts for nothing: strips that are longer for it start fewer runs. Other kernels than 1x1 read rows again.
 */
static bool passes_once(const struct layer *layer, const struct tasks *tasks, int source)
{
    int readers = 0;

    for (int j = 0; j < layer->jobs; j++)
        for (int t = 0; t < layer->job[j].terms; t++)
            if (layer->job[j].term[t].source == source)
                readers += layer->job[j].flat ? tasks->groups[j] : 2;
    return readers <= 1;
}

/* Bytes that a strip reads and writes in scratch and reads of the inputs. */
static size_t strip_bytes(const struct layer *layer, const struct tasks *tasks, int rows)
{
    struct span need[MAX_SOURCES], coarse;
    size_t values = 0;

    coarse.first = (layer->coarse_rows - rows) / 2;
    coarse.last = coarse.first + rows;
    frame_needs(layer, coarse, need);
    for (int i = 0; i < layer->sources; i++)
        if (!passes_once(layer, tasks, i))
            values += (size_t)layer->source[i].blocks * layer->source[i].e.w * (need[i].last - need[i].first);
    for (int j = 0; j < layer->jobs; j++) {
        const struct job *job = layer->job + j;
        struct span own = frame_job_rows(layer, job, coarse);

        if (job->upward)
            values += (size_t)job->blocks * job->e.w * (own.last - own.first);
    }
    return values * layer->lanes * sizeof(float);
}

int frame_strip(const struct layer *layer, const struct tasks *tasks, int threads)
{
    int rows = layer->coarse_rows;
    int most = oct_min(rows, oct_ceil_div(rows * layer->n * layer->job[0].e.d, threads));
    size_t budget = oct_cache_bytes(2) / 2;
    int strips = 1;

    while (oct_ceil_div(most, strips) > 1 && strip_bytes(layer, tasks, oct_ceil_div(most, strips)) > budget)
        strips++;
    return oct_ceil_div(most, strips);
}
