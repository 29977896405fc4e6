/* SPDX-License-Identifier: MIT */
/* What split.c and split_by_channels.c say to each other: tasks that are dealt out to threads. */
#ifndef OCT_DIRECT_DEAL_H
#define OCT_DIRECT_DEAL_H

#include "direct/plan.h"

/* Where one thread ends and the next begins. */
struct position {
    int task, item;
};

/* Tasks in the order of plan->source and plan->job, that is, outputs last. */
struct deal {
    struct oct_plan *plan;
    int tasks, pieces, room;
    int first_group[MAX_JOBS]; /* task */
    int first_block[MAX_SOURCES];
    int outputs;         /* the first task that is part of one */
    double total;        /* cycles of all tasks */
    int rider;           /* source, or -1 */
    struct share *share; /* of each thread, where it owns outputs */
    struct span *need;   /* theirs */
};

/* split.c: gives items [first, last) of a task to the thread that is being dealt to. OCT_OK or
 * OCT_NO_MEMORY. */
int direct_deal_items(struct deal *d, int task, int first, int last);
/* What of a task lies between two positions, the same way. */
int direct_deal_between(struct deal *d, int task, struct position from, struct position to);

/* split_by_channels.c: shares output channels among threads, which compute what these need by themselves, and
 * says after how many cycles all are done. OCT_OK or OCT_NO_MEMORY. */
int direct_share_outputs(struct deal *d, double *cycles);
/* Makes that the plan. OCT_OK or OCT_NO_MEMORY. */
int direct_deal_outputs(struct deal *d);
void direct_free_shares(struct deal *d);

#endif
