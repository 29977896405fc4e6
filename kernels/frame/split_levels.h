/* SPDX-License-Identifier: MIT */
#ifndef OCT_FRAME_SPLIT_LEVELS_H
#define OCT_FRAME_SPLIT_LEVELS_H

#include "frame/schedule.h"
#include "frame/tuning.h"

/* Cycles after which all threads are done, where they share each level. */
double frame_levels_cycles(const struct layer *layer, const struct tasks *tasks,
                           const struct thread_costs *costs, int threads);
/* Makes that the schedule; out->dealt has room for it. OCT_OK or OCT_NO_MEMORY. */
int frame_deal_levels(struct schedule *out, const struct layer *layer, const struct tasks *tasks);

#endif
