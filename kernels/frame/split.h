/* SPDX-License-Identifier: MIT */
#ifndef OCT_FRAME_SPLIT_H
#define OCT_FRAME_SPLIT_H

#include "frame/schedule.h"
#include "frame/tuning.h"

/* How threads divide a layer, its strips and its pooling. OCT_OK or OCT_NO_MEMORY; either way to be freed. */
int frame_make_schedule(struct schedule *out, const struct layer *layer, const struct tasks *tasks,
                        const struct tuning *tuning, int threads);

#endif
