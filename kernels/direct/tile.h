/* SPDX-License-Identifier: MIT */
/*
 * What a direct kernel supplies: register tiles and pooling for one instruction set, as a struct direct_isa.
 * Everything about a layer that does not depend on the instruction set (geometry, covering, weight packing,
 * threads) is in the other files of this room and in frame/, and four functions make a whole kernel of both.
 *
 * Tensors are N C/L D H W L, L = lanes of one vector. A register tile holds `blocks` blocks of L output
 * channels of `width` neighbouring pixels of one row, and is a sum over segments: a source tensor under a
 * window. So hl + ll is one tile with two segments, and a 1x1 layer is one tap. Plans list for each tile
 * which taps fall inside the plane: no padded copy exists, and taps on padding cost nothing.
 */
#ifndef OCT_DIRECT_H
#define OCT_DIRECT_H

#include "frame/layer.h"

#define DIRECT_WIDTHS    7 /* tile widths of one kind, at most */
#define DIRECT_KINDS     7
#define DIRECT_MAX_WIDTH 28

/* Which pixels of a tile a tap really reads; the others lie on padding. */
enum direct_clip {
    DIRECT_WHOLE,
    DIRECT_NOT_FIRST,
    DIRECT_NOT_FIRST_2,
    DIRECT_NOT_LAST,
    DIRECT_NOT_LAST_2,
    DIRECT_CLIPS,
};

/* One element of the k x k kernel, over the pixels of a tile. */
struct direct_tap {
    int32_t src;     /* floats from the segment's src to what the tile's first pixel reads */
    int32_t weights; /* floats from the segment's weights */
    int16_t stride;  /* pixels of the source between neighbours of the tile: 1 or 2; any with width 1 */
    int16_t clip;    /* enum direct_clip; always whole with width 1 */
};

/* For each block of L input channels, each tap, each channel c of the block:
 * acc[block][pixel] += weights[c][block][lane] * src[pixel * stride * L + c]. All steps are in floats. */
struct direct_segment {
    const float *src;
    const float *weights;
    ptrdiff_t src_block, weight_block; /* to the next block of input channels */
    ptrdiff_t src_tile;                /* to the next tile of a run */
    int ic, taps;
    const struct direct_tap *tap;

    /* Prefetch into level 2 what lies `ahead` floats behind the tile's pixels; 0: nothing. */
    ptrdiff_t ahead;

    /* Or NULL: 2x2 pooling, done while the pixels are in level 1. pool[pair] of each block is set to (or, in
     * the second of two rows, increased by) the sum of two neighbours; the quarter that makes it an average
     * is in the weights. Only where the width is even and the one tap reads the tile's own pixels. A row has
     * `pool_row` pairs, `pool_left` of them from the first tile on. */
    float *pool;
    ptrdiff_t pool_block;
    int pool_row, pool_left;
    bool pool_add;
};

/* A result at lower resolution, nearest-upsampled while the tile is stored: pixel i of the run adds
 * src[index[i] - origin]. */
struct direct_addend {
    const float *src;
    const int32_t *index; /* of the run's first pixel; floats */
    ptrdiff_t origin, block;
    bool pairs; /* every two pixels of a tile share a value, and the values of a tile are neighbours */
};

/* `tiles` neighbouring tiles of one kind, width and set of taps. */
struct direct_run {
    int tiles, segments, addends;
    uint32_t epilogue; /* relu, relu6; bias and residual go by their pointers */
    const struct direct_segment *segment;
    const struct direct_addend *addend;
    bool fetch_out; /* fetch the lines of out before they are stored */
    float *out;
    ptrdiff_t out_block;   /* floats between blocks of L channels, of out and residual */
    const float *bias;     /* L floats a block, or NULL */
    const float *residual; /* as out, or NULL */
};

typedef void direct_tile_fn(const struct direct_run *run);

/*
 * A kind of tile: how many blocks of output channels, in how many vectors of sums for each pixel. All have
 * room for L channels, missing ones being zero.
 *
 * One channel per vector: a vector holds sums of L outputs, weights[c][block][lane].
 *
 * Two: it holds two input channels of each of L/2 outputs, so that a broadcast of two neighbours feeds it;
 * weights[c/2][vector][lane], lane = 2 * i + (c & 1) for the vector's i-th output. A block is two vectors,
 * output 4k + j being number 2k + j%2 of vector j/2, but for the last block if the vectors are odd: that has
 * L/2 outputs, in order, and is still written with L lanes, the upper ones zero.
 *
 * Four: likewise, weights[c/4][vector][lane], lane = 4 * i + (c & 3). Two vectors are half a block, output 2i
 * + j being number i of vector j.
 */
struct direct_kind {
    int blocks; /* that are written */
    int vectors, channels_per_vector;
    int width[DIRECT_WIDTHS]; /* descending, the last is 1; 0 ends the list early */
    direct_tile_fn *tile[DIRECT_WIDTHS];
};

struct direct_isa {
    int lanes;
    enum oct_layout layout;
    const struct direct_kind *kind; /* by descending number of blocks, those of several channels behind */
    int kinds;

    /* Rows [first, last) of one channel block of one plane (h x w before pooling), averaged over windows of
     * 2^log2 squared, those at the edge over what they have. dst is at row `first`. */
    void (*pool)(float *dst, const float *src, int h, int w, int log2, int first, int last);

    /* Takes the problems with groups != 1. */
    int (*plan_grouped)(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                        const struct oct_plan_options *options, struct oct_message *msg);
};

int direct_plan(struct oct_plan **out, const struct direct_isa *isa, const struct oct_problem *p,
                const struct oct_weights *w, const struct oct_plan_options *options, struct oct_message *msg);

#endif
