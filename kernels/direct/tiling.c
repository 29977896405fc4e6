/* SPDX-License-Identifier: MIT */
/* A layer as tiles, and the same as tasks for the frame. */
#include "direct/tiling.h"

#include "direct/cover_channels.h"
#include "direct/cover_rows.h"
#include "direct/pool_in_tile.h"

#include <stdlib.h>

/* ---- tasks --------------------------------------------------------------------------------------- */

static struct task pool_task(const struct layer *layer, const struct thread_costs *costs, int source,
                             int block)
{
    const struct source *s = layer->source + source;
    float window = (float)(1 << s->log2);

    return (struct task){.pool = true,
                         .index = source,
                         .member = block,
                         .level = s->level,
                         .items = s->e.d * s->e.h,
                         .pixels = 1,
                         .cost = (float)s->e.w * window * window * (float)costs->line};
}

/* How many taps fall inside the source, on average over `outputs` outputs along an axis. */
static float mean_taps(const struct axis *a, int outputs, int extent)
{
    int64_t taps = 0;

    for (int at = 0; at < outputs; at++) {
        struct span inside = frame_taps(a, at, extent);

        taps += inside.last - inside.first;
    }
    return (float)taps / (float)outputs;
}

/* Input channels times taps inside the sources, of all terms, on average over a job's outputs. */
static float mean_steps(const struct layer *layer, const struct job *job)
{
    float steps = 0;

    for (int i = 0; i < job->terms; i++) {
        const struct term *t = job->term + i;
        struct oct_extent e = layer->source[t->source].e;

        steps += (float)t->ic * mean_taps(&t->d, job->e.d, e.d) * mean_taps(&t->h, job->e.h, e.h) *
                 mean_taps(&t->w, job->e.w, e.w);
    }
    return steps;
}

/* `steps`: of each of its sums. */
static struct task job_task(const struct tiling *tiling, const struct layer *layer,
                            const struct direct_isa *isa, int index, int group, float steps)
{
    const struct job *job = layer->job + index;
    int kind = tiling->group[index][group].kind;
    struct task t = {.index = index,
                     .member = group,
                     .level = job->level,
                     .items = job->e.d * job->e.h,
                     .pixels = job->flat ? isa->kind[kind].width[0] : 1,
                     .pools = index == layer->first_output && kind == tiling->group[index][0].kind};

    t.cost = tiling->cover[index][kind].cost * steps;
    if (job->flat) {
        int64_t pixels = (int64_t)job->e.h * job->e.w;
        int tiles = (int)((pixels + t.pixels - 1) / t.pixels);

        t.cost /= (float)tiles;
        t.items = job->e.d * tiles;
    }
    return t;
}

static void list_pooling(struct tasks *out, const struct layer *layer, const struct thread_costs *costs)
{
    for (int i = layer->inputs; i < layer->sources; i++) {
        out->first_block[i] = out->count;
        for (int b = 0; b < layer->source[i].blocks; b++)
            out->task[out->count++] = pool_task(layer, costs, i, b);
    }
}

static void list_jobs(struct tasks *out, const struct tiling *tiling, const struct layer *layer,
                      const struct direct_isa *isa)
{
    for (int j = 0; j < layer->jobs; j++) {
        float steps = 1 + mean_steps(layer, layer->job + j); /* the store is worth about one */

        out->first_group[j] = out->count;
        out->groups[j] = tiling->groups[j];
        for (int g = 0; g < tiling->groups[j]; g++)
            out->task[out->count++] = job_task(tiling, layer, isa, j, g, steps);
    }
}

static int list_tasks(struct tiling *out, const struct layer *layer, const struct direct_isa *isa,
                      const struct thread_costs *costs)
{
    struct tasks *tasks = &out->tasks;
    int n = 0;

    for (int i = layer->inputs; i < layer->sources; i++)
        n += layer->source[i].blocks;
    for (int j = 0; j < layer->jobs; j++)
        n += out->groups[j];
    tasks->task = calloc((size_t)n, sizeof(tasks->task[0]));
    if (!tasks->task)
        return OCT_NO_MEMORY;
    list_pooling(tasks, layer, costs);
    list_jobs(tasks, out, layer, isa);
    tasks->outputs = tasks->first_group[layer->first_output];
    for (int t = 0; t < tasks->count; t++)
        tasks->total += (double)tasks->task[t].items * tasks->task[t].cost;
    tasks->pooling_waits = direct_pooling_waits(layer);
    tasks->rider = direct_rider(layer, out, isa);
    return OCT_OK;
}

/* ---- upsampling ---------------------------------------------------------------------------------- */

static int32_t *table_addend(int32_t *at, const struct job *job, const struct job *low, int lanes)
{
    int up = low->octave - job->octave;

    for (int y = 0; y < job->e.h; y++)
        for (int x = 0; x < job->e.w; x++)
            *at++ = ((y >> up) * low->e.w + (x >> up)) * lanes;
    return at;
}

static int table_upsampling(struct tiling *out, const struct layer *layer)
{
    size_t total = 0;
    int32_t *at;

    for (int j = 0; j < layer->jobs; j++)
        total += (size_t)layer->job[j].addends * layer->job[j].e.h * layer->job[j].e.w;
    if (total == 0)
        return OCT_OK;
    at = out->upsample_tables = oct_alloc(total * sizeof(*at));
    if (!at)
        return OCT_NO_MEMORY;
    for (int j = 0; j < layer->jobs; j++) {
        const struct job *job = layer->job + j;

        for (int a = 0; a < job->addends; a++) {
            out->upsample[j][a] = at;
            at = table_addend(at, job, layer->job + job->addend[a], layer->lanes);
        }
    }
    return OCT_OK;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

int direct_make_tiling(struct tiling *out, const struct layer *layer, const struct direct_isa *isa,
                       const struct tuning *tuning, int threads)
{
    if (direct_cover_rows(out, layer, isa, &tuning->tile) ||
        direct_cover_channels(out, layer, isa, threads) || table_upsampling(out, layer) ||
        list_tasks(out, layer, isa, &tuning->threads))
        return OCT_NO_MEMORY;
    return OCT_OK;
}

void direct_free_tiling(struct tiling *tiling)
{
    free(tiling->stretch);
    free(tiling->columns);
    free(tiling->group[0]);
    oct_free(tiling->upsample_tables);
    free(tiling->tasks.task);
}
