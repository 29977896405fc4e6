/* SPDX-License-Identifier: MIT */
/* A file of earlier choices: which kernel was fastest for a problem, on a machine, with a build. */
#ifndef OCT_TUNING_H
#define OCT_TUNING_H

#include "core/kernel.h"

#define TUNING_KEY 1024

/* Machine, library versions, problem, threads and layouts: equal keys, equal choices. */
void tuning_key(char key[TUNING_KEY], const struct oct_problem *p, const struct oct_plan_options *options);

/* The kernel that the file names for the key, its last word counting. False: none, or no such file. */
bool tuning_find(const char *path, const char *key, char kernel[64]);

/* Adds a line: one write, so that processes may share the file. A file that cannot be written is left. */
void tuning_add(const char *path, const char *key, const char *kernel, uint64_t ns);

#endif
