/* SPDX-License-Identifier: MIT */
/* Variables that change what is measured: recorded in run.json, shown by doctor. */
#ifndef BENCH_ENVIRONMENT_H
#define BENCH_ENVIRONMENT_H

#include <stdbool.h>

/* Those that are told whether or not they are set; ends with NULL. */
extern const char *const environment_names[];

/* Whether "NAME=value" belongs to a library that takes part: OMP_*, GOMP_*, KMP_*, MALLOC_*, ONEDNN_*,
 * DNNL_*, HWLOC_*, and what the loader and the C library listen to. */
bool environment_family(const char *text);

#endif
