/* SPDX-License-Identifier: MIT */
/*
 * Plans of oneDNN primitives, made of a composition. Of the other rooms, those that make compositions
 * include this alone: nothing here knows the library's types.
 */
#ifndef OCT_ONEDNN_H
#define OCT_ONEDNN_H

#include "core/composition.h"

/* OCT_UNSUPPORTED from version 3 on, which has none for x86. */
int onednn_winograd_available(struct oct_message *msg);

/* OCT_ALGORITHM_WINOGRAD: that algorithm wherever the library has it, and OCT_UNSUPPORTED where no path has.
 */
int onednn_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                const struct oct_plan_options *options, enum oct_algorithm algorithm,
                const struct composition *c, struct oct_message *msg);

#endif
