/* SPDX-License-Identifier: MIT */
/* What plans know of a family of processors, as data: another family is another row of tuning.c. */
#ifndef OCT_FRAME_TUNING_H
#define OCT_FRAME_TUNING_H

#include <stdbool.h>

/* Cycles of a register tile. A tile takes the longest of its FMAs, its loads, the lines of its weights and
 * the latency of its sums, and what comes on top. */
struct tile_costs {
    float fma, load;
    float broadcast;        /* a load that fills a vector with one value */
    float folded_broadcast; /* where it is an operand of the only FMA that it feeds */
    float latency;          /* from one FMA into a sum to the next */
    float level2_bytes;     /* a cycle, of weights that level 1 cannot keep */
    float fill;             /* filling and emptying the tile, for a step of its sums */
    float conflict;         /* for each cycle of loads: some meet */
    float moves;            /* where sums leave no register for all weights */
    float turns;            /* where a loop over a block of channels has only four turns */
    float tile, join, run;  /* of a whole tile; where vectors are joined; of a run of tiles */
};

/* Cycles of threads that work on one layer. */
struct thread_costs {
    int barrier;
    int foreign_line; /* written by one thread, read by another */
    int line;         /* from level 3 */
    int border;       /* where outputs of two threads meet, for each block: prefetchers take lines that
                         the other writes */
};

struct tuning {
    const char *name;

    /* Tiles fetch the lines that they will store; else they fetch the rows that the next strip reads. */
    bool fetches_out;

    /* A prefetcher that has followed a tile from channel block to channel block goes on behind the last.
     * Areas of scratch that two threads write lie so many blocks apart. */
    int blocks_ahead;

    struct tile_costs tile;
    struct thread_costs threads;
};

/* Of this processor. */
const struct tuning *frame_tuning(void);

#endif
