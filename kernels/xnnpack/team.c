/* SPDX-License-Identifier: MIT */
/*
 * Threads of a plan. The library brings its own; they are bound as the OpenMP team of the same size is when
 * the plan is made, so that rows with bound threads mean the same for every library.
 */
#define _GNU_SOURCE
#include "xnnpack/plan.h"

#include <omp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct places {
    int count;
    cpu_set_t *sets;
    atomic_int arrived;
};

static void note_places(struct places *places)
{
#pragma omp parallel num_threads(places->count)
    sched_getaffinity(0, sizeof(cpu_set_t), &places->sets[omp_get_thread_num()]);
}

/* A thread that waits takes no second place. */
static void take_place(void *context, size_t place)
{
    struct places *places = context;

    if (CPU_COUNT(&places->sets[place]) > 0)
        sched_setaffinity(0, sizeof(cpu_set_t), &places->sets[place]);
    atomic_fetch_add(&places->arrived, 1);
    while (atomic_load(&places->arrived) < places->count)
        sched_yield();
}

pthreadpool_t xnnpack_team(int threads)
{
    struct places places = {.count = threads, .sets = calloc((size_t)threads, sizeof(cpu_set_t))};
    pthreadpool_t pool = places.sets ? pthreadpool_create((size_t)threads) : NULL;

    if (pool) {
        note_places(&places);
        pthreadpool_parallelize_1d(pool, take_place, &places, (size_t)threads,
                                   PTHREADPOOL_FLAG_YIELD_WORKERS);
    }
    free(places.sets);
    return pool;
}
