/* SPDX-License-Identifier: MIT */
/* A config file read and expanded into groups of cases. */
#ifndef BENCH_CONFIG_H
#define BENCH_CONFIG_H

#include "config/cases.h"

/* Reads and expands. 0, or 2 with `file:line:column: message` on `err` (as many as were found). */
int config_load(struct config *out, const char *path, FILE *err);

#endif
