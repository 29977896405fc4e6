/* SPDX-License-Identifier: MIT */
/* A plan of a direct kernel: five values, each made of those before it. */
#ifndef OCT_DIRECT_PLAN_H
#define OCT_DIRECT_PLAN_H

#include "direct/pack_weights.h"
#include "direct/tiling.h"
#include "frame/scratch.h"

/* Room for the taps of every stretch of a row, for each thread: on cache lines of its own, for it is written
 * anew for every group, and read for every tile. */
struct tap_lists {
    size_t of_stretch, of_thread;
    struct direct_tap *tap;
};

struct oct_plan {
    struct oct_plan_head head;
    const struct direct_isa *isa;
    const struct tuning *tuning;

    struct layer layer;
    struct tiling tiling;
    struct schedule schedule;
    struct packed packed;
    struct scratch scratch;
    struct tap_lists taps;
};

#endif
