/* SPDX-License-Identifier: MIT */
/* What planning decides, and execute.c carries out. Planning goes layer ->
 * tilings -> packed weights -> scratch. */
#ifndef OCT_WINOGRAD_PLAN_H
#define OCT_WINOGRAD_PLAN_H

#include "winograd/winograd.h"

#define MAX_PLANES 6  /* octaves: bands, and two halvings by strides */
#define MAX_JOBS   12 /* paths that go up, then output bands */
#define MAX_PAIRS  (WINOGRAD_POINTS * WINOGRAD_POINTS)

/* An input band, average-pooled by 2^pre and then by 2^pool. */
struct source {
    int band, pre, pool; /* log2 */
    int blocks, first;   /* of channels; where they begin among the plane's */
    struct oct_extent e; /* of the band */
};

/* How an axis is cut: tiles of 4, then tiles of 2. */
struct sides {
    int large, small;
};

/* Tiles [first, last) of each axis. */
struct block {
    int y0, y1, x0, x1;
};

/* Where paths convolve: all that lies at one octave. */
struct plane {
    int octave;
    struct oct_extent in, out;
    int pad_d, pad_h, pad_w; /* zeros before the first value of each axis */
    int sources, blocks;
    struct source source[OCT_MAX_BANDS];

    struct sides rows, cols;
    int block_rows, block_cols; /* tiles of a block, at most */
    ptrdiff_t slab;             /* floats between pairs of points of transformed inputs */
    int capacity;               /* tiles of the largest block */
};

struct term {
    int source, ic;
    const float *weights; /* as the user gave them; only while planning */
};

/* One convolution into one tensor: an output band, or the low-resolution result
 * of a path that goes up. */
struct job {
    int to, up, plane;        /* up: log2; 0 for an output band */
    int oc, blocks, channels; /* channels: inputs of all terms */
    struct oct_extent e;
    int terms, addends;
    struct term term[OCT_MAX_BANDS];
    int addend[WINOGRAD_ADDENDS]; /* jobs */
    int groups, supers;           /* equal shares of the blocks; equal shares of the groups,
                                     computed at once */
    size_t weights, bias;         /* floats from the plan's */
    size_t scratch;               /* of a path that goes up: floats from the start of a strip's
                                     results */
    int scratch_rows;
    char name[24];
};

/* Geometry alone: nothing else reads the problem. */
struct layer {
    int n, kd, planes, jobs;
    uint32_t epilogue;
    int in_blocks[OCT_MAX_BANDS]; /* channel blocks of the input tensors */
    struct plane plane[MAX_PLANES];
    struct job job[MAX_JOBS];
};

/* A share of a plane's products in a team: supers of a job. */
struct share {
    int job, super, thread;
};

struct oct_plan {
    struct oct_plan_head head;
    const struct winograd_isa *isa;
    struct layer layer;
    int threads;
    float *weights, *bias;

    /* Threads either own strips of rows, and meet no other, or are a team on each
     * block: its tiles are transformed by all, and each computes some outputs of
     * them. A strip is rows of tiles of the coarsest plane. */
    bool team;
    int strips;
    int shares;
    struct share *share; /* by plane */
    int first_share[MAX_PLANES + 1];

    size_t scratch_floats;                 /* of a thread; a team's low results are in the first
                                              one's */
    size_t v_at, m_at, pool_at[2], low_at; /* floats from its start */
};

/* layer.c: OCT_OK or OCT_UNSUPPORTED. */
int winograd_layer(struct layer *out, const struct oct_problem *p, const struct oct_weights *w, int lanes,
                   struct oct_message *msg);

/* tiling.c: chooses tiles, blocks, groups and the threads' split by the cycles
 * that they are going to take.
 */
void winograd_choose(struct oct_plan *plan);
int winograd_tiles(const struct sides *s);
/* Where tile i begins, and which tile begins at a place (or the one before, or
 * the number of tiles). */
int winograd_tile_start(const struct sides *s, int i);
int winograd_tile_at(const struct sides *s, int at);
/* Large tiles among [first, last). */
int winograd_large(const struct sides *s, int first, int last);

/* Slots of a block's tiles: small columns of large rows, large tiles, small
 * rows of large columns, small tiles; so that those which a pair of points
 * belongs to lie together. */
struct slots {
    int first[2][2], count[2][2]; /* by whether rows, columns are large */
};
struct slots winograd_slots(const struct plane *plane, const struct block *b);
/* Of the tiles that have points >= 4 on these axes. */
void winograd_slot_range(const struct slots *s, bool high, bool wide, int *first, int *last);
/* Rows of tiles of a plane in a strip. */
void winograd_strip_rows(const struct oct_plan *plan, int plane, int strip, int *first, int *last);

static inline int winograd_pairs(const struct plane *plane)
{
    return winograd_points(plane->rows.large > 0) * winograd_points(plane->cols.large > 0);
}

/* Whole cache lines, and an odd number of them: what lies so far apart does not
 * meet in one set of a cache.
 */
static inline size_t winograd_spread(size_t floats)
{
    return ((floats + 15) / 16 | 1) * 16;
}

/* pack.c: transforms the weights. OCT_OK or OCT_NO_MEMORY. */
int winograd_pack(struct oct_plan *plan, const struct oct_weights *w);
/* Floats from a job's weights to those of a pair of points, of one group. */
size_t winograd_weights_at(const struct oct_plan *plan, const struct job *job, int super, int pair,
                           int group);
/* transform of 3 x 3 weights, to [points_h][points_w] */
void winograd_transform_weights(const float *w, int points_h, int points_w, double *to);

/* execute.c: what one thread of a team does. */
void winograd_run(struct oct_plan *plan, const struct oct_io *io, int thread, int team);

#endif
