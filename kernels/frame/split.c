/* SPDX-License-Identifier: MIT */
/* How threads divide a layer: by the cycles after which the last of them is done. */
#include "frame/split.h"

#include "core/cache.h"
#include "frame/split_by_channels.h"
#include "frame/split_levels.h"
#include "frame/strips.h"

#include <math.h>
#include <stdlib.h>

/* What the choice rests on. */
struct choice {
    const struct layer *layer;
    const struct tasks *tasks;
    const struct thread_costs *costs;
    int threads;
};

/* Beside its work, of which the largest share counts: a thread writes next to another's rows. */
static double rows_cycles(const struct choice *c)
{
    const struct layer *layer = c->layer;
    int rows = layer->job[0].e.d * layer->coarse_rows;
    int most = (int)(((int64_t)layer->n * rows + c->threads - 1) / c->threads), blocks = 0;
    double work = c->tasks->total;

    if (layer->deep)
        return INFINITY;
    for (int t = 0; t < c->tasks->outputs; t++) {
        const struct task *task = c->tasks->task + t;

        if (task->pool && task->index == c->tasks->rider)
            work -= (double)task->items * task->cost;
    }
    for (int j = layer->first_output; j < layer->jobs; j++)
        blocks += layer->job[j].blocks;
    if (most % layer->coarse_rows == 0)
        blocks = 0; /* whole planes */
    return work * most / rows + 2.0 * c->costs->border * blocks;
}

/* Where threads do not split by rows, each reads all inputs for every group: costs nothing from level 2. */
static double input_cycles(const struct choice *c)
{
    double values = 0;

    for (int b = 0; b < c->layer->inputs; b++)
        values += frame_values(c->layer, c->layer->source[b].e, c->layer->source[b].blocks);
    if (2 * values * sizeof(float) <= (double)oct_cache_bytes(2))
        return 0;
    return values * sizeof(float) / 64 * c->costs->line * (c->threads - 1) / c->threads;
}

static enum split choose(const struct choice *c, double channels)
{
    double levels = frame_levels_cycles(c->layer, c->tasks, c->costs, c->threads);
    double least = fmin(channels, levels);

    if (rows_cycles(c) <= c->layer->n * (least + input_cycles(c)))
        return SPLIT_ROWS;
    return channels <= levels ? SPLIT_CHANNELS : SPLIT_LEVELS;
}

static int choose_and_deal(struct schedule *out, const struct choice *c)
{
    struct channel_shares shares;
    int status = frame_share_channels(&shares, c->layer, c->tasks, c->threads);

    out->dealt = calloc((size_t)c->layer->levels * c->threads + 1, sizeof(out->dealt[0]));
    if (status || !out->dealt) {
        frame_free_channel_shares(&shares);
        return OCT_NO_MEMORY;
    }
    out->split = choose(c, shares.cycles);
    if (out->split == SPLIT_CHANNELS)
        status = frame_deal_channels(out, &shares);
    if (out->split == SPLIT_LEVELS)
        status = frame_deal_levels(out, c->layer, c->tasks);
    frame_free_channel_shares(&shares);
    return status;
}

int frame_make_schedule(struct schedule *out, const struct layer *layer, const struct tasks *tasks,
                        const struct tuning *tuning, int threads)
{
    const struct choice c = {layer, tasks, &tuning->threads, threads};

    *out = (struct schedule){.split = SPLIT_ROWS, .threads = threads, .rider = -1};
    if (frame_deals_tasks(layer, threads) && choose_and_deal(out, &c))
        return OCT_NO_MEMORY;
    out->strip = frame_strip(layer, tasks, threads);
    if (out->split == SPLIT_ROWS) {
        out->rider = tasks->rider;
        out->pool_late = tasks->pooling_waits;
    }
    return OCT_OK;
}
