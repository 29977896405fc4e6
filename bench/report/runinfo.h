/* SPDX-License-Identifier: MIT */
/* run.json: the run, for whoever reads its numbers later. Keys: reports/README.md. */
#ifndef BENCH_RUNINFO_H
#define BENCH_RUNINFO_H

#include "measure/result.h"
#include "report/report.h"

/* What the run was asked for on the command line. */
struct run_request {
    const char *command; /* the whole line */
    const char *filter;  /* NULL: all cases */
    int shard, shards;   /* 1-based; shards 0: all groups */
    const char *isa;     /* limit; NULL: none */
};

/* What the run learns on its way. */
struct run_notes {
    int rounds, disturbed, stolen, apart; /* of all groups */
    struct disturbance begin, now;
    size_t binding_count;
    struct binding {
        int threads, cores;
        int *pu; /* as read back */
    } * bindings;
};

/* Remembers a group's binding (the first of each thread count) and its rounds. */
void run_notes_add(struct run_notes *notes, const struct group_context *ctx,
                   const struct group_result *result);
void run_notes_free(struct run_notes *notes);

/* `status`: running, complete, interrupted, failed. */
int runinfo_write(const struct report *report, const struct group_context *ctx,
                  const struct run_request *request, const struct run_notes *notes, const char *status,
                  struct oct_message *msg);

/* File names of the OpenMP runtimes that this process has loaded, separated by spaces. Two of them mean twice
 * the threads. */
int runinfo_openmp(char *names, size_t size);

#endif
