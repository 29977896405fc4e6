/* SPDX-License-Identifier: MIT */
/* What the two halves of the grouped frame share: plan.c decides, execute.c runs. */
#ifndef OCT_GROUPED_PLAN_H
#define OCT_GROUPED_PLAN_H

#include "grouped/grouped.h"

#define GROUPED_MAX_SOURCES (OCT_MAX_BANDS * (OCT_MAX_BANDS + 3))

struct grouped_range {
    int first, last;
};

/* A plane made from an input band, or from a source before it. */
struct grouped_source {
    int band, parent; /* -1: the input itself */
    int log2;         /* 0: a copy, for its margins */
    int h, w, left, right;
    int rows; /* most that a strip needs */
    size_t offset;
};

struct grouped_path {
    bool exists;
    struct oct_path geometry;
    int source; /* -1: the input itself */
    struct grouped_packed packed;
    char name[4];
    int rows; /* of its result in scratch, where it goes up */
    size_t offset;
};

/* Blocks of each band. */
struct grouped_unit {
    struct grouped_range in[OCT_MAX_BANDS], out[OCT_MAX_BANDS];
    double cost;
};

struct oct_plan {
    struct oct_plan_head head;
    struct oct_problem p;
    const struct grouped_isa *isa;
    int block, top_band; /* the highest output band with channels */
    bool three;
    struct grouped_path path[OCT_MAX_BANDS][OCT_MAX_BANDS];
    struct oct_extent in[OCT_MAX_BANDS], out[OCT_MAX_BANDS];
    struct grouped_source source[GROUPED_MAX_SOURCES];
    int sources, units, strips;
    struct grouped_unit *unit;
    int64_t *share;               /* of the tasks, thread t has [share[t], share[t + 1]) */
    char part[OCT_MAX_BANDS][24]; /* of the profile: the paths that one pass over a band sums, "hl+ll" */
    float *bias[OCT_MAX_BANDS];
    size_t scratch_floats; /* of a thread */
};

/* The rows that a strip computes of each output band and each path that goes up, and needs of each source. */
struct grouped_rows {
    struct grouped_range out[OCT_MAX_BANDS], up[OCT_MAX_BANDS][OCT_MAX_BANDS], source[GROUPED_MAX_SOURCES];
};

void grouped_find_rows(const struct oct_plan *plan, int strip, struct grouped_rows *rows);

/* Floats of a row of the source, margins included. */
/* A thread's share of everything (struct oct_plan_ops). */
void grouped_run_thread(struct oct_plan *plan, const struct oct_io *io, int thread, int team);

size_t grouped_source_row(const struct oct_plan *plan, const struct grouped_source *s);

#endif
