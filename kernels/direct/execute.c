/* SPDX-License-Identifier: MIT */
/* Which thread runs what, by rows or by pieces of tasks. */
#include "direct/execute.h"

#include "direct/run_tiles.h"

static uint64_t clock_of(const struct worker *w)
{
    return w->profile ? oct_clock_ns() : 0;
}

static void note(const struct worker *w, const char *name, uint64_t since)
{
    if (w->profile)
        oct_profile_add(w->profile, name, oct_clock_ns() - since);
}

/* ---- split by rows ------------------------------------------------------------------------------- */

/* Is there a pooled source but the rider? */
static bool pools_apart(const struct oct_plan *plan)
{
    return plan->layer.sources > plan->layer.inputs + (plan->schedule.rider >= 0);
}

/* Rows that a strip needs of all such sources. */
static void pool_rows(const struct worker *w, int z, struct span coarse)
{
    const struct layer *layer = w->layer;
    struct span need[MAX_SOURCES];
    uint64_t since = clock_of(w);

    if (!pools_apart(w->plan))
        return;
    frame_needs(layer, coarse, need);
    for (int i = layer->inputs; i < layer->sources; i++)
        for (int b = 0; i != w->plan->schedule.rider && b < layer->source[i].blocks; b++)
            direct_pool_block(w, i, b, z, need[i]);
    note(w, "pool", since);
}

/* The first group of the first output, and pooling while what it read is hot: after each coarse row, unless
 * the tiles do all of it. */
static void run_and_pool(const struct worker *w, int z, struct span strip)
{
    int index = w->layer->first_output;
    const struct job *job = w->layer->job + index;
    int step = pools_apart(w->plan) ? 1 : strip.last - strip.first;

    for (int at = strip.first; at < strip.last; at += step) {
        struct span coarse = {at, at + step}, rows = frame_job_rows(w->layer, job, coarse);
        struct span pixels = {rows.first * job->e.w, rows.last * job->e.w};
        uint64_t since = clock_of(w);

        if (w->plan->schedule.rider >= 0)
            direct_run_riding(w, 0, z, rows);
        else
            direct_run_group(w, index, 0, z, pixels);
        note(w, job->name, since);
        pool_rows(w, z, coarse);
    }
}

static void run_strip(struct worker *w, int z, struct span coarse)
{
    const struct layer *layer = w->layer;
    bool pool_late = w->plan->schedule.pool_late;

    direct_view_strip(w, z, coarse);
    if (!pool_late)
        pool_rows(w, z, coarse);
    for (int j = 0; j < layer->jobs; j++) {
        const struct job *job = layer->job + j;
        struct span rows = frame_job_rows(layer, job, coarse);
        bool late = pool_late && j == layer->first_output;
        int step = job->flat ? job->e.w : 1;
        uint64_t since;

        if (late)
            run_and_pool(w, z, coarse);
        since = clock_of(w);
        direct_run_groups(w, j, late, z, (struct span){rows.first * step, rows.last * step});
        note(w, job->name, since);
    }
}

/* Neighbouring coarse rows of one plane. */
static void run_strips(struct worker *w, int z, int from, int rows)
{
    int strips = oct_ceil_div(rows, w->plan->schedule.strip);

    for (int s = 0; s < strips; s++) {
        int first, last;

        oct_share(rows, strips, s, &first, &last);
        run_strip(w, z, (struct span){from + first, from + last});
    }
}

/* This thread's share of all coarse rows of all planes and images; rounded so that the first thread, which
 * keeps the profile, never idles. */
static void run_rows(struct worker *w, int thread)
{
    const struct oct_plan *plan = w->plan;
    int planes = w->layer->job[0].e.d, rows = w->layer->coarse_rows, threads = plan->schedule.threads;
    int64_t total = (int64_t)w->layer->n * planes * rows;
    int64_t at = (total * thread + threads - 1) / threads;
    int64_t end = (total * (thread + 1) + threads - 1) / threads;

    w->area = (float *)w->io->scratch + (size_t)thread * plan->scratch.area;
    while (at < end) {
        int64_t plane = at / rows;
        int from = (int)(at % rows), most = rows - from;
        int count = (int)(end - at < most ? end - at : most);

        direct_view_image(w, (int)(plane / planes));
        run_strips(w, (int)(plane % planes), from, count);
        at += count;
    }
}

/* ---- split by tasks ------------------------------------------------------------------------------ */

/* Rows of one of a task's planes, or items of a flat row. */
static void run_items(const struct worker *w, const struct task *task, int z, struct span items)
{
    const struct job *job = w->layer->job + task->index;

    if (task->pool) {
        direct_pool_block(w, task->index, task->member, z, items);
        return;
    }
    if (job->flat) {
        items.first *= task->pixels;
        items.last = oct_min(items.last * task->pixels, job->e.h * job->e.w);
    }
    direct_run_group(w, task->index, task->member, z, items);
}

static void run_piece(const struct worker *w, const struct piece *piece)
{
    const struct layer *layer = w->layer;
    const struct task *task = w->plan->tiling.tasks.task + piece->task;
    const struct job *job = layer->job + task->index;
    int planes = task->pool ? layer->source[task->index].e.d : job->e.d;
    int each = task->items / planes; /* items */
    uint64_t since = clock_of(w);

    for (int at = piece->first, next; at < piece->last; at = next) {
        int z = at / each, first = at % each;

        next = oct_min(piece->last, (z + 1) * each);
        if (piece->pools)
            direct_run_riding(w, task->member, z, (struct span){0, job->e.h});
        else
            run_items(w, task, z, (struct span){first, first + next - at});
    }
    note(w, task->pool ? "pool" : job->name, since);
}

static void run_pieces(struct worker *w, int round, int thread)
{
    const struct oct_plan *plan = w->plan;
    const int *dealt = plan->schedule.dealt + round * plan->schedule.threads + thread;

    w->area = w->io->scratch;
    if (plan->schedule.split == SPLIT_CHANNELS)
        w->area += (size_t)thread * plan->scratch.area;
    direct_view_planes(w);
    for (int i = dealt[0]; i < dealt[1]; i++)
        run_piece(w, plan->schedule.piece + i);
}

static void run_rounds(struct worker *w, int thread, int team)
{
    const struct schedule *schedule = &w->plan->schedule;

    for (int image = 0; image < w->layer->n; image++) {
        direct_view_image(w, image);
        for (int round = 0; round < schedule->rounds; round++) {
            bool last = round + 1 == schedule->rounds && image + 1 == w->layer->n;

            for (int t = thread; t < schedule->threads; t += team)
                run_pieces(w, round, t);
            if (schedule->split == SPLIT_LEVELS && !last) {
#pragma omp barrier
            }
        }
    }
}

/* ---- entry --------------------------------------------------------------------------------------- */

void direct_run_thread(struct oct_plan *plan, const struct oct_io *io, int thread, int team)
{
    struct worker w = {.plan = plan,
                       .layer = &plan->layer,
                       .io = io,
                       .profile = thread == 0 ? io->profile : NULL,
                       .taps = plan->taps.tap + (size_t)thread * plan->taps.of_thread};

    if (plan->schedule.split != SPLIT_ROWS) {
        run_rounds(&w, thread, team);
        return;
    }
    for (int t = thread; t < plan->schedule.threads; t += team)
        run_rows(&w, t);
}
