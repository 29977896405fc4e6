/* SPDX-License-Identifier: MIT */
#ifndef OCT_FRAME_STRIPS_H
#define OCT_FRAME_STRIPS_H

#include "frame/schedule.h"

/* Coarse rows of a strip: as many as stay in level 2 while all jobs read them. */
int frame_strip(const struct layer *layer, const struct tasks *tasks, int threads);

#endif
