/* SPDX-License-Identifier: MIT */
/* Which thread does what: tasks, as a kernel lists them, and the pieces of them that threads get. */
#ifndef OCT_FRAME_SCHEDULE_H
#define OCT_FRAME_SCHEDULE_H

#include "frame/regions.h"

struct task {
    bool pool;
    int index, member; /* source and block of it, or job and group of it */
    int level;
    int items;  /* planes * rows (flat: planes * widest tiles) */
    int pixels; /* of an item where the job is flat, else 1 */
    float cost; /* cycles of one item */
    bool pools; /* can its tiles pool the rider? */
};

/* In the order of the layer's pooled sources and jobs, that is, outputs last. */
struct tasks {
    struct task *task;
    int count, outputs; /* outputs: the first task of an output */
    int first_block[MAX_SOURCES], first_group[MAX_JOBS], groups[MAX_JOBS];
    double total;       /* cycles */
    int rider;          /* source, or -1 */
    bool pooling_waits; /* until the first group of the first output has read what is pooled */
};

/* Items [first, last) of a task. */
struct piece {
    int task, first, last;
    bool pools; /* all of the rider */
};

enum split {
    SPLIT_ROWS,     /* a thread owns a run of coarse rows, and meets no other */
    SPLIT_CHANNELS, /* a thread owns output channels, computes what they need, and meets no other */
    SPLIT_LEVELS,   /* all share each level's tasks, with a barrier between levels */
};

struct schedule {
    enum split split;
    int threads;
    int strip;      /* coarse rows */
    int rider;      /* the source that is pooled in tiles, or -1 */
    bool pool_late; /* split by rows: each coarse row of the first group is pooled while it is hot */

    /* Not by rows: thread t does pieces [dealt[i], dealt[i + 1]), i = round * threads + t, of each round; a
     * barrier is between rounds. */
    struct piece *piece;
    int *dealt, rounds;
    int pieces, room;
};

/* Where one thread ends and the next begins. */
struct position {
    int task, item;
};

/* Can threads split the layer otherwise than by rows? */
static inline bool frame_deals_tasks(const struct layer *layer, int threads)
{
    return threads > 1 || layer->deep;
}

/* Values of blocks of a plane. */
static inline double frame_values(const struct layer *layer, struct oct_extent e, int blocks)
{
    return (double)blocks * e.d * e.h * e.w * layer->lanes;
}

/* Gives items [first, last) of a task to the thread that is being dealt to. OCT_OK or OCT_NO_MEMORY. */
int frame_deal(struct schedule *out, int task, int first, int last);
/* What of a task lies between two positions, the same way. */
int frame_deal_between(struct schedule *out, const struct tasks *tasks, int task, struct position from,
                       struct position to);

void frame_free_schedule(struct schedule *schedule);

#endif
