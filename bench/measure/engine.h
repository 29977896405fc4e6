/* SPDX-License-Identifier: MIT */
/* An outside engine at work: a child process that computes one case when told so in lines (docs/engines.md).
 * Whatever it does wrong is a status with the reason: nothing here waits for longer than the engine's
 * timeout. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include "check/prepare.h"
#include "config/engines.h"

#include <signal.h>
#include <sys/types.h>

struct engine_child;

/* Starts the program on the processors of the calling team, gives it the threads and the case.
 * OCT_UNSUPPORTED where it cannot be started here or declines. `stop`: not NULL and not 0: do not wait any
 * longer. */
int engine_start(struct engine_child **out, const struct engine *engine, const char *name,
                 const struct operands *ops, int threads, const volatile sig_atomic_t *stop,
                 struct oct_message *msg);

/* `iters` calls; *ns is the time that the engine says they took, which is never more than passed here. */
int engine_run(struct engine_child *child, long iters, uint64_t *ns, struct oct_message *msg);

/* Runs once and compares with ops->expected. OCT_OK, or OCT_ERROR where the engine failed; *wrong where it
 * computed something else. *most: the largest error. */
int engine_verify(struct engine_child *child, const struct operands *ops, double bound, double *most,
                  bool *wrong, struct oct_message *msg);

/* OCT_ERROR where all timed calls together took more time of processors than their threads can. */
int engine_judge(const struct engine_child *child, struct oct_message *msg);

pid_t engine_pid(const struct engine_child *child);

const char *engine_describe(const struct engine_child *child); /* "onnxruntime 1.32.0" */
/* Its process and its folder go. NULL: nothing. */
void engine_end(struct engine_child *child);

#endif
