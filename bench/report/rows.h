/* SPDX-License-Identifier: MIT */
/* What a group measured, reduced to one row a case: statistics and comparisons. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "measure/result.h"
#include "report/results.h"

/* A row for each case of the result; pct_peak is left empty (report/peak_share.h). OCT_OK or OCT_NO_MEMORY.
 */
int rows_make(struct result_row *rows, const struct group_context *ctx, const struct group_result *result,
              struct oct_message *msg);

#endif
