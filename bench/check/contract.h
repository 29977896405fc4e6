/* SPDX-License-Identifier: MIT */
/* Everything that octconv.h and docs/adding-a-kernel.md ask of a kernel on one layer. */
#ifndef BENCH_CONTRACT_H
#define BENCH_CONTRACT_H

#include "check/verify.h"

/*
 * Plans from copies of problem and weights that are overwritten and freed before the first execute, then
 * verifies two runs, one with a profile where the kernel takes one. OCT_OK with *out prepared, for the caller
 * to free; else *out is free already: OCT_UNSUPPORTED with the kernel's reason; OCT_ERROR for a wrong result,
 * other bits the second time, an incomplete plan info, an empty or impossible profile, a refusal without
 * reason; another status where planning failed.
 */
int contract_check(struct prepared *out, const struct oct_kernel *kernel, const struct operands *ops,
                   int threads, struct oct_message *msg);

#endif
