/* SPDX-License-Identifier: MIT */
/* A case made ready to be timed: operands, plan, buffers, verification. */
#ifndef BENCH_PREPARE_H
#define BENCH_PREPARE_H

#include "octconv.h"

enum fill { FILL_INTEGERS, FILL_REALS };

/* Plain f32 tensors of one problem and the reference's outputs; shared by every kernel of that problem. */
struct operands {
    struct oct_problem problem;
    float *in[OCT_MAX_BANDS], *residual[OCT_MAX_BANDS], *expected[OCT_MAX_BANDS];
    float *path[OCT_MAX_BANDS][OCT_MAX_BANDS], *bias[OCT_MAX_BANDS];
    struct oct_weights weights; /* points into the above */
    enum fill fill;
    uint64_t seed;
    bool exact;   /* integers whose f32 sums are exact in any order: equality is asked of exact kernels */
    double bound; /* error that a plain f32 sum may have on these values; times the kernel's error_growth */
};

/* Fills from the seed and computes `expected` with the reference. Fills alone when reference is NULL. */
int operands_make(struct operands *out, const struct oct_problem *p, enum fill fill, uint64_t seed,
                  const struct oct_kernel *reference, int threads, struct oct_message *msg);
/* Once every kernel is verified, before memory is needed for timing. */
void operands_drop_expected(struct operands *ops);
void operands_free(struct operands *ops);

struct prepared {
    const struct oct_kernel *kernel; /* of any build of the library, not necessarily in oct_kernels[] */
    struct oct_problem problem;
    struct oct_plan *plan;
    const struct oct_plan_info *info; /* the plan's */
    struct oct_io io;                 /* owns in, residual and out */
    uint64_t plan_ns;
    double max_abs_err, err_bound; /* NAN before prepared_verify; err_bound 0 where equality is asked */
};

/* Plans, allocates in the plan's layouts, first-touches with the team, fills. On failure frees everything;
 * the status is OCT_UNSUPPORTED where the kernel declines. */
int prepared_make(struct prepared *out, const struct oct_kernel *kernel, const struct operands *ops,
                  int threads, struct oct_message *msg);
/* Runs once on poisoned outputs and compares with ops->expected: values, zeros in padding lanes, guard bands.
 * OCT_OK, or OCT_ERROR with the first wrong place in msg; max_abs_err and err_bound are set either way. */
int prepared_verify(struct prepared *prepared, const struct operands *ops, struct oct_message *msg);
void prepared_free(struct prepared *prepared);

/* What the two of them allocate, without the plan's own memory: asked before anything is allocated. */
uint64_t operands_bytes(const struct oct_problem *p);
uint64_t prepared_bytes(const struct oct_problem *p);
/* Inputs and outputs as this plan's layouts hold them: without guards, with the padding of channel blocks. */
uint64_t prepared_tensor_bytes(const struct prepared *prepared);

#endif
