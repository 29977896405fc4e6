/* SPDX-License-Identifier: MIT */
/* What measuring a group finds out, and what it is told. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include "config/cases.h"
#include "counters/counters.h"
#include "machine/peaks.h"
#include "machine/topology.h"
#include "measure/rounds.h"

enum case_status { CASE_OK, CASE_UNSUPPORTED, CASE_WRONG, CASE_ERROR, CASE_SKIPPED };

#define CONFIDENCE 0.95 /* of every interval that is published */

/* A share of a case's time: a row of paths.csv. */
struct part {
    char name[24];
    int64_t macs; /* of the paths that it holds; EMPTY_INT for what has none */
    double ns, share;
};
#define MAX_PARTS 33 /* a profile's, and "other" */

struct case_result {
    const struct bench_case *bench_case;
    enum case_status status;
    char reason[280]; /* why not ok; of an ok case what its reader should know */
    char impl[200];
    uint64_t plan_ns;
    double max_abs_err, err_bound;
    uint64_t tensor_bytes,
        scratch_bytes; /* as the plan's layouts hold the tensors; what the plan owns beside */
    const struct operands *ops;
    struct contender contender; /* its samples */
    struct part parts[MAX_PARTS];
    int part_count;
    struct counter_value *counters;
    size_t counter_count;
    long counter_iters;
};

struct group_result {
    const struct group *group;
    size_t count;
    struct case_result *cases;
    int rounds; /* of all launches */
    int launches;
    int launch_end[MAX_LAUNCHES]; /* the round after each launch's last */
    int disturbed, stolen, apart; /* rounds dropped, and for which reasons: for both, some of them */
    bool kept_disturbed;
    bool crashed;           /* a launch died of one of its kernels */
    int units;              /* distinct processors of the team; fewer than its threads: they share */
    int bound[MAX_THREADS]; /* processing unit of each thread as read back; -1: not a single one */
};

/* What groups share. */
struct group_context {
    const struct config *config;
    const char *isa; /* of --isa or OCTBENCH_ISA, for the rerun line; NULL: no limit */
    char run_id[40];
    uint64_t machine_id;
    struct topology *topology;
    struct sampler sampler;
    struct counters *counters; /* NULL: none asked for */
    struct peaks *peaks;       /* those measured so far, one for each thread count */
    size_t peak_count;
    const volatile sig_atomic_t *stop;
    char **arguments; /* of octbench run, the program's name apart: launches are started with them */
    /* Called when a step of a group is done, for the progress line: `done` of `all`. */
    void (*progress)(void *arg, const struct group *group, const char *what, double done);
    void *progress_arg;
};

const char *case_status_name(enum case_status status);
bool same_problem(const struct oct_problem *a, const struct oct_problem *b);
/* A case that failed before or while it was timed, and why. */
void group_settle_case(struct case_result *c, int status, const char *reason);
void group_result_free(struct group_result *result);

#endif
