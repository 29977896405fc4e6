/* SPDX-License-Identifier: MIT */
/* Where in memory lies what a layer makes on the way: pooled sources and results of upward jobs. */
#ifndef OCT_FRAME_SCRATCH_H
#define OCT_FRAME_SCRATCH_H

#include "frame/schedule.h"
#include "frame/tuning.h"

struct scratch {
    size_t area;  /* floats; one for all where split by levels, else one a thread */
    size_t bytes; /* of all areas */
    size_t source[MAX_SOURCES], job[MAX_JOBS]; /* floats from the start of an area */
    int source_rows[MAX_SOURCES], job_rows[MAX_JOBS];
};

void frame_place_scratch(struct scratch *out, const struct layer *layer, const struct schedule *schedule,
                         const struct tuning *tuning);

#endif
