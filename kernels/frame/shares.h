/* SPDX-License-Identifier: MIT */
/* Shares of tasks that threads do one after the other, and that share nothing. */
#ifndef OCT_FRAME_SHARES_H
#define OCT_FRAME_SHARES_H

#include "frame/regions.h"

/* `images` times `count` units, each of which is `strips` tasks that cost alike. */
struct unit_costs {
    const double *cost;
    int count, strips, images;
};

/* Thread t gets tasks [share[t], share[t + 1]); none has none before the last. Returns the greatest cost of a
 * thread over the mean. */
double frame_share_by_cost(int64_t *share, int threads, const struct unit_costs *units);

#endif
