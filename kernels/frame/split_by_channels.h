/* SPDX-License-Identifier: MIT */
#ifndef OCT_FRAME_SPLIT_BY_CHANNELS_H
#define OCT_FRAME_SPLIT_BY_CHANNELS_H

#include "frame/schedule.h"

/* Output tasks of one thread, and the items of the tasks before those that they need. */
struct channel_share {
    struct position from, to;
    struct span *need;
    bool needs_rider; /* a whole group of the first output pools it */
    double cycles;
};

struct channel_shares {
    const struct layer *layer;
    const struct tasks *tasks;
    int threads, rider;
    double cycles; /* after which all are done */
    struct channel_share *share;
    struct span *need; /* theirs, behind one that is nobody's */
};

/* OCT_OK or OCT_NO_MEMORY; either way to be freed. */
int frame_share_channels(struct channel_shares *out, const struct layer *layer, const struct tasks *tasks,
                         int threads);
/* Makes that the schedule; out->dealt has room for it. OCT_OK or OCT_NO_MEMORY. */
int frame_deal_channels(struct schedule *out, const struct channel_shares *shares);
void frame_free_channel_shares(struct channel_shares *shares);

#endif
