/* SPDX-License-Identifier: MIT */
/* What must come out of a layer, and whether it did. */
#ifndef BENCH_VERIFY_H
#define BENCH_VERIFY_H

#include "check/prepare.h"

/* Fills from the seed and computes `expected` with the reference. Fills alone when reference is NULL. */
int operands_make(struct operands *out, const struct oct_problem *p, enum fill fill, uint64_t seed,
                  const struct oct_kernel *reference, int threads, struct oct_message *msg);

/* Computes `magnitudes` with the reference: the strict bound, an output at a time. A sum of L products in any
 * order errs by at most L * 2^-24 of the sum of their magnitudes; pooling and epilogue add a few roundings.
 * Kernels that are not exact mix neighbouring outputs: theirs is the band's largest. */
int operands_add_magnitudes(struct operands *ops, const struct oct_kernel *reference, int threads,
                            struct oct_message *msg);

/* Runs once on poisoned outputs and compares with ops->expected, within the strict bound where there are
 * magnitudes, else within ops->bound; padding lanes must be zero, guards whole, inputs as they were. OCT_OK,
 * or OCT_ERROR with the first wrong place in msg; max_abs_err and err_bound (the largest) are set once it has
 * run. */
int prepared_verify(struct prepared *prepared, const struct operands *ops, struct oct_message *msg);

#endif
