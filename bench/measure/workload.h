/* SPDX-License-Identifier: MIT */
/* A case made ready to be timed, whatever computes it: a layer through a plan of the library, or an outside
 * engine. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "check/verify.h"
#include "config/cases.h"

#include <signal.h>
#include <sys/types.h>

struct workload;
struct engine_child;

struct workload_kind {
    /* `iters` calls, and the time that they took together. OCT_OK, or a status, with the reason in
     * w->failure. */
    int (*run)(struct workload *w, long iters, uint64_t *ns);
    /* Reads its inputs and outputs into the caches; NULL: its caches cannot be emptied from here. */
    void (*read_tensors)(const struct workload *w);
    /* Runs once and compares. CASE_OK's 0, or OCT_ERROR with *wrong set where the result is. */
    int (*verify)(struct workload *w, const struct operands *ops, bool *wrong, struct oct_message *msg);
    /* After all samples: OCT_OK, or why they may not be believed. NULL: always. */
    int (*judge)(const struct workload *w, struct oct_message *msg);
    void (*free)(struct workload *w);
};

struct workload {
    const struct workload_kind *kind; /* NULL: not made */
    int threads;
    const char *describe;
    pid_t process; /* whose threads may still be at work after a call; 0: this one's */
    uint64_t plan_ns, tensor_bytes, scratch_bytes;
    double max_abs_err, err_bound; /* of verify */
    struct oct_message failure;    /* of the last run that failed */
    struct prepared layer;         /* of a plan; .plan NULL for all else */
    struct engine_child *engine;
};

/* The case's kernel or engine, ready to run. OCT_UNSUPPORTED where it declines. `stop`: not NULL and not 0:
 * do not wait for an engine any longer. */
int workload_make(struct workload *out, const struct bench_case *c, const struct operands *ops, int threads,
                  const volatile sig_atomic_t *stop, struct oct_message *msg);
/* A plan that is ready; it now belongs to the workload. */
struct workload workload_of_layer(const struct prepared *layer);
void workload_free(struct workload *w); /* not made: nothing */

#endif
