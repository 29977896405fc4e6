/* SPDX-License-Identifier: MIT */
/* Direct convolution, planning: strips that stay in cache, pooling, scratch, and how threads divide a layer.
 */
#define _GNU_SOURCE
#include "direct/plan.h"

#include <stdlib.h>
#include <unistd.h>

/* A prefetcher that has followed a tile from channel block to channel block goes on behind the last: on Zen
 * 3, with blocks of 1.8 kB, by more than 9 kB. That must not be what another thread writes: so many blocks
 * lie between. */
#define BLOCKS_AHEAD 16

size_t direct_level_bytes(int level)
{
    long bytes = 0;

#if defined(_SC_LEVEL1_DCACHE_SIZE) && defined(_SC_LEVEL2_CACHE_SIZE)
    bytes = sysconf(level == 1 ? _SC_LEVEL1_DCACHE_SIZE : _SC_LEVEL2_CACHE_SIZE);
#endif
    if (bytes > 0)
        return (size_t)bytes;
    return level == 1 ? (size_t)32 << 10 : (size_t)512 << 10;
}

/* ---- strips -------------------------------------------------------------------------------------- */

/* Does at most one run of tiles read what a strip has of this source? Then that need not stay in a cache, and
 * counts for nothing: strips that are longer for it start fewer runs. Other kernels than 1x1 read rows again.
 */
static bool passes_once(const struct oct_plan *plan, int source)
{
    int readers = 0;

    for (int j = 0; j < plan->jobs; j++)
        for (int t = 0; t < plan->job[j].terms; t++)
            if (plan->job[j].term[t].source == source)
                readers += plan->job[j].flat ? plan->job[j].groups : 2;
    return readers <= 1;
}

/* Bytes that a strip of units reads and writes in scratch and reads of the inputs. */
static size_t strip_bytes(const struct oct_plan *plan, int units)
{
    struct span need[MAX_SOURCES];
    size_t values = 0;
    int u0 = (plan->units - units) / 2;

    direct_needs(plan, u0, u0 + units, need);
    for (int i = 0; i < plan->sources; i++)
        if (!passes_once(plan, i))
            values += (size_t)plan->source[i].blocks * plan->source[i].e.w * (need[i].last - need[i].first);
    for (int j = 0; j < plan->jobs; j++) {
        struct span rows = direct_job_rows(plan, plan->job + j, u0, u0 + units);

        if (plan->job[j].upward)
            values += (size_t)plan->job[j].blocks * plan->job[j].e.w * (rows.last - rows.first);
    }
    return values * plan->isa->lanes * sizeof(float);
}

static void choose_strip(struct oct_plan *plan)
{
    int most = oct_min(plan->units, oct_ceil_div(plan->units * plan->p.n * plan->job[0].e.d, plan->threads));
    size_t budget = direct_level_bytes(2) / 2;
    int strips = 1;

    while (oct_ceil_div(most, strips) > 1 && strip_bytes(plan, oct_ceil_div(most, strips)) > budget)
        strips++;
    plan->strip = oct_ceil_div(most, strips);
}

/* ---- pooling ------------------------------------------------------------------------------------- */

/* Can the first group of the first output pool this source in its tiles: pairs of rows and of pixels, in
 * tiles of an even width that is nearly the widest, no more than one end of a row in a tile, and nothing else
 * in the sum. */
static bool can_ride(const struct oct_plan *plan, const struct source *s)
{
    const struct job *job = plan->job + plan->first_output;
    int kind = job->group[0].kind;
    const int *width = plan->isa->kind[kind].width;
    int even = width[direct_flat_width(plan, kind, width[0], true)];

    return plan->p.groups == 1 && job->terms == 1 && job->term[0].source == s->parent && s->log2 == 1 &&
           job->e.h % 2 == 0 && job->e.w % 2 == 0 && 4 * even >= 3 * width[0] && even <= job->e.w;
}

/* Pooling can wait where it halves inputs once, and neither the first output nor what comes before it reads a
 * pooled source. */
static bool can_wait(const struct oct_plan *plan)
{
    bool can = plan->job[plan->first_output].flat && plan->sources > plan->p.bands;

    for (int i = plan->p.bands; i < plan->sources; i++)
        can &= plan->source[i].level == 1 && plan->source[i].first_job > plan->first_output;
    return can;
}

int direct_rider(const struct oct_plan *plan)
{
    for (int i = plan->p.bands; can_wait(plan) && i < plan->sources; i++)
        if (can_ride(plan, plan->source + i))
            return i;
    return -1;
}

static void choose_pooling(struct oct_plan *plan)
{
    plan->pool_late = plan->split == SPLIT_ROWS && can_wait(plan);
    if (plan->split == SPLIT_ROWS)
        plan->riding = direct_rider(plan);
    /* Riders leave sums behind; as a power of two the factor costs no precision. */
    if (plan->riding >= 0)
        direct_scale_weights(plan, plan->riding, 0.25f);
}

/* ---- scratch ------------------------------------------------------------------------------------- */

static void scratch_rows(struct oct_plan *plan)
{
    struct span need[MAX_SOURCES];

    if (plan->split != SPLIT_ROWS) {
        for (int i = 0; i < plan->sources; i++)
            plan->source[i].rows = plan->source[i].e.h;
        for (int j = 0; j < plan->jobs; j++)
            plan->job[j].rows = plan->job[j].e.h;
        return;
    }
    for (int u = 0; u < plan->units; u++) {
        int end = oct_min(u + plan->strip, plan->units);

        direct_needs(plan, u, end, need);
        for (int i = 0; i < plan->sources; i++)
            plan->source[i].rows = oct_max(plan->source[i].rows, need[i].last - need[i].first);
        for (int j = 0; j < plan->jobs; j++) {
            struct span rows = direct_job_rows(plan, plan->job + j, u, end);
            plan->job[j].rows = oct_max(plan->job[j].rows, rows.last - rows.first);
        }
    }
}

/* Of what is in scratch. */
static size_t largest_block(const struct oct_plan *plan)
{
    int values = 0;

    for (int i = plan->p.bands; i < plan->sources; i++)
        values = oct_max(values, plan->source[i].rows * plan->source[i].e.w);
    for (int j = 0; j < plan->jobs && plan->job[j].upward; j++)
        values = oct_max(values, plan->job[j].rows * plan->job[j].e.w);
    return (size_t)values * plan->isa->lanes;
}

static void place_scratch(struct oct_plan *plan)
{
    size_t floats = 0, areas = plan->split == SPLIT_LEVELS ? 1 : (size_t)plan->threads;
    bool whole = plan->split != SPLIT_ROWS;
    size_t planes = whole ? (size_t)plan->p.d : 1;

    scratch_rows(plan);
    for (int i = plan->p.bands; i < plan->sources; i++) {
        struct source *s = plan->source + i;

        s->scratch = floats;
        floats += planes * s->blocks * s->rows * s->e.w * plan->isa->lanes;
    }
    planes = whole ? (size_t)plan->job[0].e.d : 1;
    for (int j = 0; j < plan->jobs && plan->job[j].upward; j++) {
        struct job *job = plan->job + j;

        job->scratch = floats;
        floats += planes * job->blocks * job->rows * job->e.w * plan->isa->lanes;
    }
    if (areas > 1)
        floats += BLOCKS_AHEAD * largest_block(plan);
    plan->scratch_floats = floats;
    plan->head.info.scratch_bytes = plan->head.info.outside_bytes = areas * floats * sizeof(float);
}

/* ---- all of it ------------------------------------------------------------------------------------ */

int direct_share_work(struct oct_plan *plan)
{
    if (direct_split(plan))
        return OCT_NO_MEMORY;
    plan->fetches_out = oct_cpu_is_zen5();
    choose_strip(plan);
    choose_pooling(plan);
    place_scratch(plan);
    return OCT_OK;
}
