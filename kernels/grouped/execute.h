/* SPDX-License-Identifier: MIT */
#ifndef OCT_GROUPED_EXECUTE_H
#define OCT_GROUPED_EXECUTE_H

#include "grouped/plan.h"

/* One thread's share of everything (struct oct_plan_ops). */
void grouped_run_thread(struct oct_plan *plan, const struct oct_io *io, int thread, int team);

#endif
