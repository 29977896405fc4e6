/* SPDX-License-Identifier: MIT */
/* One group: plan, verify, warm up, measure in interleaved rounds. */
#ifndef BENCH_MEASURE_GROUP_H
#define BENCH_MEASURE_GROUP_H

#include "measure/result.h"

/* OCT_OK also where cases failed (their statuses say so); another status where the group as a whole could not
 * be measured, with the reason. Stopped by ctx->stop it returns early with *interrupted set. */
int group_measure(struct group_context *ctx, const struct group *group, struct group_result *out,
                  bool *interrupted, struct oct_message *msg);

#endif
