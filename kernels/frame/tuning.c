/* SPDX-License-Identifier: MIT */
#include "frame/tuning.h"

#include "core/kernel.h"

/* Two FMAs and two loads a cycle, or three broadcasts in two. */
#define TWO_WIDE                                                                                        \
    {                                                                                                   \
        .fma = 0.5f, .load = 0.5f, .broadcast = 0.67f, .folded_broadcast = 0.53f, .latency = 5,         \
        .level2_bytes = 20, .fill = 0.3f, .conflict = 0.02f, .moves = 0.15f, .turns = 0.4f, .tile = 10, \
        .join = 10, .run = 100                                                                          \
    }

/* Cores that share no level 3, as those of a virtual machine may not. */
#define APART                                                         \
    {                                                                 \
        .barrier = 6000, .foreign_line = 30, .line = 4, .border = 200 \
    }

static const struct tuning families[] = {
    [OCT_CPU_OTHER] =
        {
            .name = "other",
            .blocks_ahead = 16, /* Zen 3, blocks of 1.8 kB: more than 9 kB */
            .tile = TWO_WIDE,
            .threads = APART,
        },
    [OCT_CPU_ZEN5] =
        {
            .name = "zen5",
            /* It finds the next strip by itself, and has loads to spare: a tile of few channels else waits
             * for its stores to leave level 1. */
            .fetches_out = true,
            .blocks_ahead = 16,
            .tile = TWO_WIDE,
            .threads = APART,
        },
};

const struct tuning *frame_tuning(void)
{
    return families + oct_cpu_family();
}
