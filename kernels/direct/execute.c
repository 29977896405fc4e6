/* SPDX-License-Identifier: MIT */
/* Direct convolution, execution: which thread runs what, by rows or by pieces of tasks. */
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

/* Is there a pooled source but the one that rides along? */
static bool pools_apart(const struct oct_plan *plan)
{
    return plan->sources > plan->p.bands + (plan->riding >= 0);
}

/* Rows that units [u0, u1) need of all such sources. */
static void pool_rows(const struct worker *w, int z, int u0, int u1)
{
    const struct oct_plan *plan = w->plan;
    struct span need[MAX_SOURCES];
    uint64_t since = clock_of(w);

    if (!pools_apart(plan))
        return;
    direct_needs(plan, u0, u1, need);
    for (int i = plan->p.bands; i < plan->sources; i++)
        for (int b = 0; i != plan->riding && b < plan->source[i].blocks; b++)
            direct_pool_block(w, i, b, z, need[i].first, need[i].last);
    note(w, "pool", since);
}

/* The first group of the first output, and pooling while what it read is hot: after each unit, unless the
 * tiles do all of it. */
static void run_and_pool(const struct worker *w, int z, int u0, int u1)
{
    const struct oct_plan *plan = w->plan;
    const struct job *job = plan->job + plan->first_output;
    int units = pools_apart(plan) ? 1 : u1 - u0;

    for (int u = u0; u < u1; u += units) {
        struct span rows = direct_job_rows(plan, job, u, u + units);
        uint64_t since = clock_of(w);

        if (plan->riding >= 0)
            direct_run_riding(w, 0, z, rows);
        else
            direct_run_group(w, plan->first_output, 0, 1, z, rows.first * job->e.w, rows.last * job->e.w);
        note(w, job->name, since);
        pool_rows(w, z, u, u + units);
    }
}

static void run_strip(struct worker *w, int z, int u0, int u1)
{
    const struct oct_plan *plan = w->plan;

    direct_view_strip(w, z, u0, u1);
    if (!plan->pool_late)
        pool_rows(w, z, u0, u1);
    for (int j = 0; j < plan->jobs; j++) {
        const struct job *job = plan->job + j;
        struct span rows = direct_job_rows(plan, job, u0, u1);
        bool late = plan->pool_late && j == plan->first_output;
        int step = job->flat ? job->e.w : 1;
        uint64_t since;

        if (late)
            run_and_pool(w, z, u0, u1);
        since = clock_of(w);
        direct_run_groups(w, j, late, z, rows.first * step, rows.last * step);
        note(w, job->name, since);
    }
}

/* This thread's share of all units of all planes and images; rounded so that the first thread, which keeps
 * the profile, never idles. */
static void run_rows(struct worker *w, int thread)
{
    const struct oct_plan *plan = w->plan;
    int planes = plan->job[0].e.d;
    int64_t total = (int64_t)plan->p.n * planes * plan->units, team = plan->threads;
    int64_t at = (total * thread + team - 1) / team, end = (total * (thread + 1) + team - 1) / team;

    w->area = (float *)w->io->scratch + (size_t)thread * plan->scratch_floats;
    while (at < end) {
        int64_t plane = at / plan->units;
        int u0 = (int)(at % plan->units), most = plan->units - u0;
        int units = (int)(end - at < most ? end - at : most);
        int strips = oct_ceil_div(units, plan->strip);

        direct_view_image(w, (int)(plane / planes));
        for (int s = 0; s < strips; s++) {
            int first, last;

            oct_share(units, strips, s, &first, &last);
            run_strip(w, (int)(plane % planes), u0 + first, u0 + last);
        }
        at += units;
    }
}

/* ---- split by tasks ------------------------------------------------------------------------------ */

/* Rows of a task's planes, or pieces of flat rows. */
static void run_piece(struct worker *w, const struct piece *piece)
{
    const struct oct_plan *plan = w->plan;
    const struct task *task = plan->task + piece->task;
    const struct job *job = plan->job + task->index;
    bool flat = !task->pool && job->flat;
    int planes = task->pool ? plan->source[task->index].e.d : job->e.d, a = task->items / planes;
    int step = direct_item_pixels(plan, task);
    int most = flat ? job->e.h * job->e.w : a, first = piece->first;
    uint64_t since = clock_of(w);

    while (first < piece->last) {
        int z = first / a, y0 = first % a, y1 = oct_min(a, y0 + piece->last - first);

        if (piece->pools)
            direct_run_riding(w, task->part, z, (struct span){0, job->e.h});
        else if (task->pool)
            direct_pool_block(w, task->index, task->part, z, y0, y1);
        else
            direct_run_group(w, task->index, task->part, 1, z, y0 * step, oct_min(y1 * step, most));
        first += y1 - y0;
    }
    note(w, task->pool ? "pool" : job->name, since);
}

static void run_pieces(struct worker *w, int round, int thread)
{
    const struct oct_plan *plan = w->plan;
    const int *dealt = plan->dealt + round * plan->threads + thread;

    w->area = w->io->scratch;
    if (plan->split == SPLIT_OUTPUTS)
        w->area += (size_t)thread * plan->scratch_floats;
    direct_view_planes(w);
    for (int i = dealt[0]; i < dealt[1]; i++)
        run_piece(w, plan->piece + i);
}

static void run_rounds(struct worker *w, int thread, int team)
{
    const struct oct_plan *plan = w->plan;

    for (int image = 0; image < plan->p.n; image++) {
        direct_view_image(w, image);
        for (int round = 0; round < plan->rounds; round++) {
            bool last = round + 1 == plan->rounds && image + 1 == plan->p.n;

            for (int t = thread; t < plan->threads; t += team)
                run_pieces(w, round, t);
            if (plan->split == SPLIT_LEVELS && !last) {
#pragma omp barrier
            }
        }
    }
}

/* ---- entry --------------------------------------------------------------------------------------- */

void direct_run_thread(struct oct_plan *plan, const struct oct_io *io, int thread, int team)
{
    struct worker w = {.plan = plan, .io = io, .profile = thread == 0 ? io->profile : NULL};

    w.taps = plan->taps + (size_t)thread * plan->thread_taps;

    if (plan->split != SPLIT_ROWS) {
        run_rounds(&w, thread, team);
        return;
    }
    for (int t = thread; t < plan->threads; t += team)
        run_rows(&w, t);
}
