/* SPDX-License-Identifier: MIT */
/* Interleaved rounds: every round takes one sample of every contender, in random order, so that drift hits
 * all alike and every ratio is a paired one. Used by run, and by whatever else compares workloads. */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include "measure/sample.h"

#include <signal.h>

struct contender {
    struct workload *workload; /* verified; belongs to the caller */
    long iters;                /* of a sample; set by rounds_warm_up */
    uint64_t spent_ns;         /* on samples, heating included, in the current launch */
    uint64_t total_ns;         /* the same in all launches */
    int status;                /* of execute; not 0: takes no part any more */
    struct sample *samples;
    size_t count, room;
};

struct rounds_settings {
    enum cache_mode cache;
    int threads;
    uint64_t sample_ns;   /* measured time a sample */
    uint64_t max_time_ns; /* a launch: a contender that spent more drops out */
    bool random_order;
    double max_steal;                  /* a round with a larger share of stolen time is disturbed */
    int launch;                        /* written into the samples */
    const volatile sig_atomic_t *stop; /* not NULL and not 0: return at once */
};

/* Warms each one up and sets iters. */
void rounds_warm_up(struct contender *contenders, size_t count, const struct rounds_settings *settings);

/* Rounds first to last-1, numbered so in the samples. Returns the number of the round after the last one that
 * was run: less than `last` when stopped, or when everybody dropped out. -1: no memory. */
int rounds_run(struct contender *contenders, size_t count, const struct rounds_settings *settings, int first,
               int last, struct sampler *sampler, uint64_t *rng);

/* Rounds that the rules dropped, of those numbered below `rounds`: for one of the reasons in `why`. */
int rounds_disturbed(const struct contender *contenders, size_t count, int rounds, unsigned why);
/* If the rules dropped more than half of the rounds, what is left says little about the rest: then none is
 * dropped, and true is returned so that the report says so. */
bool rounds_keep_if_most_disturbed(struct contender *contenders, size_t count, int rounds);

/* ns per iteration by round: NAN where the contender has no sample, or a disturbed one. */
void rounds_series(const struct contender *contender, int rounds, double *ns);
/* Room for one more sample, not initialised; NULL: no memory. */
struct sample *contender_add(struct contender *contender);
void contender_free(struct contender *contender);

#endif
