/* SPDX-License-Identifier: MIT */
/* What plan.c decides, and execute.c and run_tiles.c carry out. */
#ifndef OCT_DIRECT_PLAN_H
#define OCT_DIRECT_PLAN_H

#include "direct/tile.h"

#define MAX_SOURCES 16 /* input bands, then pooled ones */
#define MAX_JOBS    12 /* paths that go up, then output bands */
#define MAX_LEVELS  4  /* 0: inputs; then pool, pool again or upward paths, outputs */
#define MAX_WIDTH   28 /* of a tile */

/* A tensor under a kernel: an input band, or `parent` average-pooled by 2^log2 into scratch. */
struct source {
    int band, parent; /* parent: -1 for an input band */
    int log2, level, blocks;
    int first_job; /* the first to read it, or -1 */
    struct oct_extent e;
    size_t scratch; /* floats from the start of a scratch area */
    int rows;       /* of scratch */
};

/* One path's contribution to a job. */
struct term {
    int source, ic; /* input channels of one group of the convolution */
    int stride_d, stride_h, stride_w;
    int pad_front, pad_top, pad_left;
    const float *weights; /* as the user gave them; only while planning */
};

/* A stretch of equal neighbouring tiles of a row. */
struct cut {
    int x, width, tiles;         /* width: index into the kind's list */
    int column[DIRECT_SEGMENTS]; /* index into plan->columns, by term */
    int columns[DIRECT_SEGMENTS];
};

/* How one kind of tile covers a row. */
struct cutting {
    int first, count; /* of plan->cuts */
    float cost;       /* cycles for one input channel of one kernel tap */
};

struct group {
    int kind, block;                 /* its tile, its first block of output channels */
    int part;                        /* which group of the convolution: 0 unless that has several */
    size_t weights[DIRECT_SEGMENTS]; /* floats from plan->weights, by term */
};

/* One convolution into one tensor: an output band, or the low-resolution result of a path that goes up. */
struct job {
    int to;
    bool upward; /* into scratch; no epilogue */
    bool flat;   /* 1x1 at stride 1: the plane is one row of h * w pixels */
    int octave, level;
    int oc, blocks;
    struct oct_extent e;
    int terms, addends, groups;
    struct term term[DIRECT_SEGMENTS];
    int addend[DIRECT_ADDENDS];           /* jobs */
    const int32_t *index[DIRECT_ADDENDS]; /* of plan->indexes */
    struct group *group;
    struct cutting cutting[DIRECT_KINDS];
    size_t scratch;
    int rows;
    size_t bias; /* floats from plan->bias */
    char name[24];
};

/* Work that is dealt out by items: rows of a source's block, or of a job's group. */
struct task {
    bool pool;
    int index, part; /* source and block, or job and group */
    int level;
    int items;  /* planes * rows (flat: planes * widest tiles) */
    float cost; /* cycles of one item */
};

/* Items [first, last) of a task. */
struct piece {
    int task, first, last;
    bool pools; /* all of the source that rides */
};

/* How threads divide a layer. A unit is one row of the coarsest plane. */
enum split {
    SPLIT_ROWS,    /* a thread owns a run of units, and meets no other */
    SPLIT_OUTPUTS, /* a thread owns output channels, computes what they need, and meets no other */
    SPLIT_LEVELS,  /* all share each level's tasks, with a barrier between levels */
};

struct oct_plan {
    struct oct_plan_head head;
    const struct direct_isa *isa;
    struct oct_problem p;
    int sources, jobs, levels, threads;
    struct source source[MAX_SOURCES];
    struct job job[MAX_JOBS];
    struct cut *cuts;
    struct direct_tap *columns; /* taps of one kernel row; src and weights count from that row */
    struct direct_tap *taps;    /* for each thread, room for those of every segment of every cut of a row */
    size_t cut_taps, thread_taps;
    int32_t *indexes;
    float *weights, *bias;
    size_t scratch_floats; /* of one area: one for all when split by levels, else one a thread */
    struct group *groups;

    enum split split;
    int coarsest, units, strip;

    /* Tiles fetch the lines that they will store, or else rows of the next strip. Zen 5 finds the latter by
     * itself, and is slower for them by up to 3%, and has loads to spare for the former: a tile of few
     * channels else waits for its stores to leave level 1. Elsewhere it is the other way round. */
    bool fetches_out;

    /* 1x1 layers: each unit of the first output's first group is pooled while it is hot. */
    bool pool_late;
    int first_output; /* job */
    int riding;       /* the source that is pooled in the very tiles, or -1 */

    /* Not by rows: thread t does pieces [dealt[i], dealt[i + 1]), i = round * threads + t, of each round; a
     * barrier is between rounds. */
    struct task *task;
    struct piece *piece;
    int *dealt, rounds;

    uint8_t tail[DIRECT_KINDS][2 * MAX_WIDTH]; /* widths (indices) that end a flat row best, by pixels left */
};

struct span {
    int first, last;
};

/* Rows of every source that units [u0, u1) need. Inputs too. */
void direct_needs(const struct oct_plan *plan, int u0, int u1, struct span need[MAX_SOURCES]);
/* Rows of a job in units [u0, u1). */
struct span direct_job_rows(const struct oct_plan *plan, const struct job *job, int u0, int u1);
/* The kernel taps inside [0, extent) for an output at `at`. */
struct span direct_taps(int at, int stride, int pad, int dilation, int k, int extent);

/* cover_rows.c: fills cuts, columns, tail and each job's cutting. OCT_OK or OCT_NO_MEMORY. */
int direct_cut_rows(struct oct_plan *plan);
/* Of the next tile of a flat row, as an index; whole pairs of pixels are what pooling needs. */
int direct_flat_width(const struct oct_plan *plan, int kind, int left, bool pairs);
/* Input channels times taps, of all terms: the steps of a tile's sums. */
size_t direct_steps(const struct oct_plan *plan, const struct job *job);
int direct_tap_floats(const struct oct_plan *plan, int kind); /* weights of a channel block under one tap */

/* pack_weights.c: chooses each job's groups and packs weights and bias. OCT_OK or OCT_NO_MEMORY. */
int direct_pack(struct oct_plan *plan, const struct oct_weights *w);
/* Multiplies the packed weights of every term that reads `source`. */
void direct_scale_weights(struct oct_plan *plan, int source, float factor);

/* strips.c: the source that tiles of the first output can pool while they read it, or -1. */
int direct_rider(const struct oct_plan *plan);
/* How threads divide the work, strips, pooling, scratch. OCT_OK or OCT_NO_MEMORY. */
int direct_share_work(struct oct_plan *plan);
/* Pixels of a flat row that make an item of a task; 1 where an item is a row. */
int direct_item_pixels(const struct oct_plan *plan, const struct task *t);
/* split.c: chooses plan->split, and where that is not by rows, the pieces of each thread. OCT_OK or
 * OCT_NO_MEMORY. */
int direct_split(struct oct_plan *plan);
/* Does an output plane read other input planes than that of its number? Then a strip is no unit of work. */
bool direct_mixes_planes(const struct oct_plan *plan);
/* Can threads split the layer otherwise than by rows? */
bool direct_may_deal(const struct oct_plan *plan);
/* Bytes of a core's level 1 (data) or 2; virtual machines may hide them: then what most processors have. */
size_t direct_level_bytes(int level);

#endif
