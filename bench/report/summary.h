/* SPDX-License-Identifier: MIT */
/* The table for people: for each layer and ratio the best kernel against vanilla and against theory. */
#ifndef BENCH_SUMMARY_H
#define BENCH_SUMMARY_H

#include "report/results.h"

/* Rows of one or more groups, a group's rows together. Fits 100 columns. */
void summary_print(FILE *f, const struct result_row *rows, size_t count);

/* One line: what deserves a look first. `dir` is the report's. */
void summary_next_step(FILE *f, const struct result_row *rows, size_t count, const char *dir);

#endif
