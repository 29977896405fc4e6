/* SPDX-License-Identifier: MIT */
/* The operations of a composition as steps of a oneDNN plan. */
#ifndef OCT_ONEDNN_OPS_H
#define OCT_ONEDNN_OPS_H

#include "onednn/plan.h"

void onednn_add_operations(struct oct_plan *plan, const struct composition *c);

#endif
