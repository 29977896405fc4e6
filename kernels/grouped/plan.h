/* SPDX-License-Identifier: MIT */
/* A plan of a grouped kernel: values, each made of those before it. execute.c tells what a unit is. */
#ifndef OCT_GROUPED_PLAN_H
#define OCT_GROUPED_PLAN_H

#include "frame/shares.h"
#include "grouped/grouped.h"

/* Blocks of each band that share nothing with other units. */
struct grouped_unit {
    struct span in[OCT_MAX_BANDS], out[OCT_MAX_BANDS];
};

struct grouped_units {
    int count;
    struct grouped_unit *unit;
    double *cost; /* of each, over all of its planes */
};

/* By job and term. */
struct grouped_weights {
    struct grouped_packed packed[MAX_JOBS][MAX_TERMS];
    float *bias[MAX_JOBS]; /* of outputs */
    size_t bytes;
};

/* Columns of zeros beside the planes in scratch, by source. */
struct grouped_margins {
    int left[MAX_SOURCES], right[MAX_SOURCES];
};

/* Of a thread: the rows that a strip has of each source in scratch and of each upward job, and where. */
struct grouped_scratch {
    size_t area; /* floats */
    size_t source[MAX_SOURCES], job[MAX_JOBS];
    int source_rows[MAX_SOURCES], job_rows[MAX_JOBS];
};

struct oct_plan {
    struct oct_plan_head head;
    const struct grouped_isa *isa;
    struct layer layer;
    bool three; /* see struct grouped_conv */
    struct grouped_margins margins;
    struct grouped_weights weights;
    struct grouped_units units;
    int strips;
    int64_t *share; /* of the tasks, thread t has [share[t], share[t + 1]) */
    struct grouped_scratch scratch;
};

/* The rows that a strip has of every job, and needs of every source. */
struct grouped_rows {
    struct span job[MAX_JOBS], source[MAX_SOURCES];
};

void grouped_find_rows(struct grouped_rows *out, const struct layer *layer, int strips, int strip);

/* Floats of a row of a source in scratch, margins included. */
size_t grouped_source_row(const struct layer *layer, const struct grouped_margins *margins, int source);

/* A place for every buffer, for the greediest strip and unit. */
struct grouped_scratch grouped_place_scratch(const struct layer *layer, const struct grouped_margins *margins,
                                             const struct grouped_units *units, int strips);

/* OCT_OK or OCT_NO_MEMORY; either way to be freed. */
int grouped_make_units(struct grouped_units *out, const struct layer *layer,
                       const struct grouped_weights *weights);
void grouped_free_units(struct grouped_units *units);

#endif
