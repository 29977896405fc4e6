/* SPDX-License-Identifier: MIT */
/* pct_peak: how much of the multiply-add units a kernel kept busy with work that the layer needs. */
#ifndef BENCH_PEAK_SHARE_H
#define BENCH_PEAK_SHARE_H

#include "measure/result.h"
#include "report/results.h"

/* Share of a layer's multiply-adds, as the paper counts them, that meet data and not the zeros of the
 * padding. A kernel may skip the others, so only these can be held against a peak. */
double percent_useful_share(const struct oct_problem *p);

/* Sets pct_peak in every row of a group that was timed; NAN for fast algorithms, which do fewer multiply-adds
 * than the layer counts. Above 102 a peak is disproved: measures the ceilings again and keeps the higher, at
 * most three times; what is above even then becomes empty. */
void percent_settle(const struct group_result *result, struct result_row *rows, struct peaks *peaks);

#endif
