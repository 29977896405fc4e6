/* SPDX-License-Identifier: MIT */
#include "frame/schedule.h"

#include <stdlib.h>

int frame_deal(struct schedule *out, int task, int first, int last)
{
    if (first >= last)
        return OCT_OK;
    if (out->pieces == out->room) {
        int room = 2 * out->room + 64;
        struct piece *p = realloc(out->piece, (size_t)room * sizeof(*p));

        if (!p)
            return OCT_NO_MEMORY;
        out->piece = p;
        out->room = room;
    }
    out->piece[out->pieces++] = (struct piece){.task = task, .first = first, .last = last};
    return OCT_OK;
}

int frame_deal_between(struct schedule *out, const struct tasks *tasks, int task, struct position from,
                       struct position to)
{
    return frame_deal(out, task, task == from.task ? from.item : 0,
                      task == to.task ? to.item : tasks->task[task].items);
}

void frame_free_schedule(struct schedule *schedule)
{
    free(schedule->piece);
    free(schedule->dealt);
}
