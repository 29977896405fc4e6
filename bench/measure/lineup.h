/* SPDX-License-Identifier: MIT */
/* What is alive while a group is measured: the cases that verified, planned side by side. */
#ifndef BENCH_LINEUP_H
#define BENCH_LINEUP_H

#include "measure/result.h"

struct lineup {
    int launch;
    uint64_t rng;
    size_t count;
    size_t *case_of; /* index into result->cases */
    struct workload *workloads;
    struct contender *contenders;
};

/* Room for every case of the result that is ok so far. */
int lineup_make(struct lineup *lineup, struct group_result *result, uint64_t seed, int launch,
                struct oct_message *msg);
/* Plans and buffers, in random order, so that no case always has the first allocation. */
void lineup_prepare(struct group_context *ctx, struct lineup *lineup, struct group_result *result);
/* The configured rounds, and as many more as the asked-for precision needs and the time allows. OCT_OK or
 * OCT_NO_MEMORY. */
int lineup_run(struct group_context *ctx, struct group_result *result, struct lineup *lineup);
/* Cases that failed while they were timed, or whose times may not be believed: their status and reason. */
void lineup_settle(struct lineup *lineup, struct group_result *result);
/* Undoes lineup_prepare; the samples stay. */
void lineup_release(struct lineup *lineup);
void lineup_free(struct lineup *lineup);

#endif
