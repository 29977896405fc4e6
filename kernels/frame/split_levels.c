/* SPDX-License-Identifier: MIT */
/* Threads that share the tasks of each level, and meet at a barrier behind it. Nothing is computed twice. */
#include "frame/split_levels.h"

#include <math.h>

/* Each line of scratch is written by one and read by another. */
double frame_levels_cycles(const struct layer *layer, const struct tasks *tasks,
                           const struct thread_costs *costs, int threads)
{
    double values = 0, lines;

    for (int i = layer->inputs; i < layer->sources; i++)
        values += frame_values(layer, layer->source[i].e, layer->source[i].blocks);
    for (int j = 0; j < layer->first_output; j++)
        values += frame_values(layer, layer->job[j].e, layer->job[j].blocks);
    lines = values * sizeof(float) / 64;
    return (tasks->total + costs->foreign_line * lines) / threads +
           (double)(layer->levels - 1) * costs->barrier;
}

/* Pooling waits for memory and convolutions do not: each of the two is shared for itself. */
struct phase {
    int level;
    bool pool;
};

static bool in_phase(const struct task *t, struct phase phase)
{
    return t->level == phase.level && t->pool == phase.pool;
}

/* The item of a phase at which `share` of its work is done; rounded so that the first thread never idles. */
static struct position locate(const struct tasks *tasks, struct phase phase, double share)
{
    const struct task *task = tasks->task;
    double left = 0;

    for (int t = 0; t < tasks->count; t++)
        if (in_phase(task + t, phase))
            left += share * task[t].items * task[t].cost;
    for (int t = 0; t < tasks->count && share < 1; t++) {
        int item;

        if (!in_phase(task + t, phase))
            continue;
        item = (int)ceil(left / task[t].cost - 1e-6);
        if (item < task[t].items)
            return (struct position){t, item};
        left = fmax(left - (double)task[t].items * task[t].cost, 0);
    }
    return (struct position){tasks->count, 0};
}

static int deal_phase(struct schedule *out, const struct tasks *tasks, struct phase phase, int thread)
{
    struct position from = locate(tasks, phase, (double)thread / out->threads);
    struct position to = locate(tasks, phase, (double)(thread + 1) / out->threads);

    for (int t = from.task; t < tasks->count && t <= to.task; t++)
        if (in_phase(tasks->task + t, phase) && frame_deal_between(out, tasks, t, from, to))
            return OCT_NO_MEMORY;
    return OCT_OK;
}

int frame_deal_levels(struct schedule *out, const struct layer *layer, const struct tasks *tasks)
{
    out->rounds = layer->levels;
    for (int level = 1; level <= layer->levels; level++) {
        for (int t = 0; t < out->threads; t++) {
            if (deal_phase(out, tasks, (struct phase){level, true}, t) ||
                deal_phase(out, tasks, (struct phase){level, false}, t))
                return OCT_NO_MEMORY;
            out->dealt[(level - 1) * out->threads + t + 1] = out->pieces;
        }
    }
    return OCT_OK;
}
