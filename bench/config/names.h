/* SPDX-License-Identifier: MIT */
/* What people call layers and cases. A name is unique in its run; it holds nothing that a pattern must escape
 * but the dot. */
#ifndef BENCH_NAMES_H
#define BENCH_NAMES_H

#include "config/cases.h"

/* "conv2", or "3x3_64-64_56" by its geometry, or both where the given name is `ambiguous`. The caller frees;
 * NULL without memory. */
char *name_of_layer(const char *given, const struct oct_problem *vanilla, bool ambiguous);
/* "suite/layer/a=0.5/t=1/kernel"; what is not usual follows its part after a comma. */
char *name_of_case(const struct group *group, const struct bench_case *c);

#endif
