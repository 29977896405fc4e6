/* SPDX-License-Identifier: MIT */
#ifndef OCT_DIRECT_EXECUTE_H
#define OCT_DIRECT_EXECUTE_H

#include "direct/plan.h"

/* One thread's share of everything (struct oct_plan_ops). */
void direct_run_thread(struct oct_plan *plan, const struct oct_io *io, int thread, int team);

#endif
