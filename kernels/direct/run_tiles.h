/* SPDX-License-Identifier: MIT */
/* What execute.c deals out to threads and run_tiles.c carries out: runs of register tiles, and pooling. */
#ifndef OCT_DIRECT_RUN_H
#define OCT_DIRECT_RUN_H

#include "direct/plan.h"

/* A tensor as seen at one image: rows from `row` on and planes from `plane0` on exist. Steps are in floats.
 */
struct view {
    const float *src;
    float *dst; /* NULL for inputs */
    ptrdiff_t block, plane;
    int row, plane0;
};

/* What one thread works on. */
struct worker {
    const struct oct_plan *plan;
    const struct oct_io *io;
    struct oct_profile *profile; /* of the first thread */
    float *area;
    struct direct_tap *taps;
    struct view source[MAX_SOURCES], job[MAX_JOBS];
};

/* A thread's share of everything (struct oct_plan_ops). */
void direct_run_thread(struct oct_plan *plan, const struct oct_io *io, int thread, int team);

/* Where inputs and outputs of one image are; only then may anything run. */
void direct_view_image(struct worker *w, int image);
/* Scratch, at w->area, holds whole images. */
void direct_view_planes(struct worker *w);
/* Scratch holds what units [u0, u1) of one plane need. */
void direct_view_strip(struct worker *w, int plane, int u0, int u1);

/* Rows [first, last) of plane z of one job's group `part`; pixels where the job is flat, and then of `groups`
 * groups that are set up as one. */
void direct_run_group(const struct worker *w, int index, int part, int groups, int z, int first, int last);
/* The same of all groups from `g` on. */
void direct_run_groups(const struct worker *w, int index, int g, int z, int first, int last);
/* Rows of plane z of one group of the first output, whose tiles leave the pooled source behind. */
void direct_run_riding(const struct worker *w, int part, int z, struct span rows);
/* Rows [first, last) of plane z of one block of a pooled source. */
void direct_pool_block(const struct worker *w, int index, int block, int z, int first, int last);

#endif
