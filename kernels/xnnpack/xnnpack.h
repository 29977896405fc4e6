/* SPDX-License-Identifier: MIT */
/* Plans of XNNPACK operators on NHWC tensors, made of a composition. */
#ifndef OCT_XNNPACK_H
#define OCT_XNNPACK_H

#include "core/composition.h"

/* OCT_UNSUPPORTED where the instruction set is limited below the machine's: the library cannot be told. */
int xnnpack_available(struct oct_message *msg);

int xnnpack_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                 const struct oct_plan_options *options, const struct composition *c,
                 struct oct_message *msg);

#endif
