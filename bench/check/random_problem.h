/* SPDX-License-Identifier: MIT */
/* Random layers for `octbench verify` and the tests: all options, biased towards what fast paths like. */
#ifndef BENCH_RANDOM_PROBLEM_H
#define BENCH_RANDOM_PROBLEM_H

#include "octconv.h"

/* A problem that passes oct_problem_check(), with at most max_macs multiply-adds and as many tensor values
 * (a floor of 4096 keeps tiny limits satisfiable). The same state gives the same problem everywhere. */
struct oct_problem random_problem(uint64_t *state, size_t max_macs);

/* One line that names every field: "n=1 d=1 h=7 w=7 bands=2 ic=8,8 oc=8,8 k=1x3x3 ...". */
void problem_text(const struct oct_problem *p, char *buf, size_t size);

#endif
