/* SPDX-License-Identifier: MIT */
/* Where the tensors of a layer are, as one thread sees them at one image. */
#ifndef OCT_DIRECT_VIEWS_H
#define OCT_DIRECT_VIEWS_H

#include "direct/plan.h"

/* Rows from `row` on and planes from `plane0` on exist. Steps are in floats. */
struct view {
    const float *src;
    float *dst; /* NULL for inputs */
    ptrdiff_t block, plane;
    int row, plane0;
};

/* What one thread works on. */
struct worker {
    const struct oct_plan *plan;
    const struct layer *layer; /* the plan's */
    const struct oct_io *io;
    struct oct_profile *profile; /* of the first thread */
    float *area;                 /* of scratch */
    struct direct_tap *taps;
    struct view source[MAX_SOURCES], job[MAX_JOBS];
};

/* Where inputs and outputs of one image are; only then may anything run. */
void direct_view_image(struct worker *w, int image);
/* Scratch holds whole images. */
void direct_view_planes(struct worker *w);
/* Scratch holds what a strip of one plane needs. */
void direct_view_strip(struct worker *w, int plane, struct span coarse);

#endif
