/* SPDX-License-Identifier: MIT */
/* Which rows and planes something needs, and which taps of a kernel fall inside: each said once. */
#ifndef OCT_FRAME_REGIONS_H
#define OCT_FRAME_REGIONS_H

#include "frame/layer.h"

struct span {
    int first, last;
};

/* The taps inside [0, extent) for the output at `at`. */
struct span frame_taps(const struct axis *a, int at, int extent);
/* What of [0, extent) the outputs of a span read, taps between the outermost ones included. */
struct span frame_window(const struct axis *a, struct span out, int extent);

/* Rows of a job in coarse rows [first, last). */
struct span frame_job_rows(const struct layer *layer, const struct job *job, struct span coarse);
/* Rows of every source that they need. Inputs too. */
void frame_needs(const struct layer *layer, struct span coarse, struct span need[MAX_SOURCES]);

/* The smallest span that holds both. An empty one adds nothing. */
struct span frame_join(struct span a, struct span b);

#endif
