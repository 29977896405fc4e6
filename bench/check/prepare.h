/* SPDX-License-Identifier: MIT */
/* A kernel made ready for one layer: its plan, and the tensors in the plan's layouts between guards. */
#ifndef BENCH_PREPARE_H
#define BENCH_PREPARE_H

#include "check/operands.h"

struct prepared {
    const struct oct_kernel *kernel; /* of any build of the library, not necessarily in oct_kernels[] */
    struct oct_problem problem;
    struct oct_plan *plan;
    const struct oct_plan_info *info; /* the plan's */
    struct oct_io io;                 /* owns in, residual and out */
    uint64_t plan_ns, execute_ns;     /* execute_ns: of the last prepared_verify */
    double max_abs_err, err_bound;    /* NAN before prepared_verify; err_bound 0 where equality is asked */
};

/* Plans, allocates in the plan's layouts, first-touches with the team, fills. On failure frees everything;
 * the status is OCT_UNSUPPORTED where the kernel declines. */
int prepared_make(struct prepared *out, const struct oct_kernel *kernel, const struct operands *ops,
                  int threads, struct oct_message *msg);
void prepared_free(struct prepared *prepared);

/* What it allocates, without the plan's own memory: asked before anything is allocated. */
uint64_t prepared_bytes(const struct oct_problem *p);
/* Inputs and outputs as this plan's layouts hold them: without guards, with the padding of channel blocks. */
uint64_t prepared_tensor_bytes(const struct prepared *prepared);

#endif
