/* SPDX-License-Identifier: MIT */
/* Groups of cases, as a config describes them: everything that is known before anything runs. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "config/engines.h"
#include "counters/counters.h"
#include "machine/topology.h"

#include <stdio.h>

/* What the caches hold when a sample begins. */
enum cache_mode { CACHE_WARM, CACHE_COLD_WEIGHTS, CACHE_COLD };

/* One problem through one kernel. */
struct bench_case {
    char id[20];                /* hex hash of all that identifies it; stable between runs and config edits */
    char *name;                 /* readable: suite/layer a=0.5 t=1 kernel, matched by --filter */
    double alpha_in, alpha_out; /* as asked for; 0 for the vanilla layer */
    struct oct_problem problem;
    const struct oct_kernel *kernel;
    const struct engine *engine; /* NULL: the kernel is one of the library; else its is the engine's */
    bool vanilla;                /* one band: belongs to the baseline */
    int line;                    /* of the config, for messages */
};

/* One layer at one thread count and cache mode: what is measured in the same rounds. */
struct group {
    char id[20];
    char *suite, *layer;
    int c_in, c_out; /* all bands together */
    int threads;
    enum cache_mode cache;
    size_t count;
    struct bench_case *cases; /* vanilla ones first */
};

#define MAX_LAUNCHES 1000

struct measure_settings {
    uint64_t min_time_ns; /* measured time a case, spread over the rounds */
    uint64_t max_time_ns; /* a case gets fewer rounds rather than more time than this */
    int rounds, launches;
    bool random_order;
    uint64_t seed;
    double precision; /* rounds are added until the interval's half-width is below this share; 0: fixed */
    double max_steal; /* a round with more than this share of stolen time is dropped */
};

struct config {
    char *path;
    char hash[65]; /* of the file's bytes */
    size_t count;
    struct group *groups;
    struct measure_settings measure;
    struct affinity_settings affinity;
    struct counter_settings counters;
    const struct oct_kernel *check_against;
    struct engines *engines;
};

void config_free(struct config *config);

/* Keeps groups with at least one case whose name matches the extended regex; of a kept group all vanilla
 * cases stay. 0, or 2 (bad pattern, said on err). An empty result is the caller's to report. */
int config_filter(struct config *config, const char *pattern, FILE *err);
/* Keeps shard i of n (1-based): whole groups. */
void config_shard(struct config *config, int i, int n);

size_t config_cases(const struct config *config);
const char *cache_mode_name(enum cache_mode mode);

/* The problem as configs of schema 1 could tell it: one stride, one padding, one dilation. What differs,
 * names and ids say by its field. */
struct oct_problem cases_first_schema(const struct oct_problem *p);

#endif
