/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SELECTION_H
#define BENCH_SELECTION_H

#include "commands/options.h"
#include "config/cases.h"

/* Loads the config that the options name, cut down to what they select. 0; 2 where it is wrong; 6 where
 * nothing is left. Both are said on stderr; the config is freed then. */
int selection_load(struct config *config, const struct options *options);

#endif
