/* SPDX-License-Identifier: MIT */
/* One path's convolution as a step of the plan. */
#ifndef OCT_ONEDNN_CONV_H
#define OCT_ONEDNN_CONV_H

#include "onednn/steps.h"

/* False, with the plan's status set, where the path's groups cannot be had in the plan's layout. */
bool onednn_fills_blocks(struct oct_plan *plan, int from, int to);

/* Winograd where it was asked for and exists, else direct. False if the library has no implementation worth
 * the name; true if the step was added or an error stands. */
bool onednn_add_conv(struct oct_plan *plan, int from, int to, int src, int dst, struct ending ending);

#endif
