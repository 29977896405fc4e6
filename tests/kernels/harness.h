/* SPDX-License-Identifier: MIT */
/* What every test of kernels begins with; what they check is in bench/check/. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "check/contract.h"

#define EXIT_SKIPPED 77 /* what CMake's SKIP_RETURN_CODE says */

/* Limits the process to the instruction-set level argv[1], or to nothing. False: this machine lacks it. */
bool limit_isa(int argc, char **argv);

/* contract_check() of a kernel on operands that expect something: OCT_OK, OCT_UNSUPPORTED, or what is wrong.
 */
int judge(const struct oct_kernel *k, const struct operands *ops, int threads, struct oct_message *msg);

/* Operands with what the reference makes of them and the strict bound; fails the test where that fails. */
void expect(struct operands *ops, const struct oct_problem *p, enum fill fill, uint64_t seed);

#endif
