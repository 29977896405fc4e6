/* SPDX-License-Identifier: MIT */
/*
 * The frame of the direct convolutions: everything about a layer that does not depend on the instruction
 * set (geometry, blocking, weight packing, threads). An instruction-set file supplies a struct direct_isa,
 * that is, its register tiles and its pooling, and gets a whole kernel from four functions.
 *
 * Tensors are N C/L D H W L, L = lanes of one vector. A register tile holds `blocks` blocks of L output
 * channels of `width` neighbouring pixels of one row, and is a sum over segments: a source tensor under a
 * k x k kernel. So hl + ll is one tile with two segments, and a 1x1 layer is one tap. The frame lists for
 * each tile which taps of the kernel fall inside the plane: no padded copy exists, and taps on padding cost
 * nothing.
 */
#ifndef OCT_DIRECT_H
#define OCT_DIRECT_H

#include "core/kernel.h"

#define DIRECT_WIDTHS   7 /* tile widths of one kind, at most */
#define DIRECT_SEGMENTS OCT_MAX_BANDS
#define DIRECT_ADDENDS  OCT_MAX_BANDS
#define DIRECT_KINDS    7

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
 * A kind of tile: how many blocks of output channels. Weights are weights[c][block][lane].
 * Or its outputs are in halves, vectors of L/2 output channels of two input channels each: weights[c/2][half]
 * [lane], lane = 2 * i + (c & 1) for the half's i-th output. A block is two halves, output 4k + j being
 * number 2k + j%2 of half j/2, but for the last block if the halves are odd: that has L/2 outputs, in order,
 * and is still written with L lanes, the upper ones zero. A half by itself is in quarters of four input
 * channels, weights[c/4][quarter][lane], lane = 4 * i + (c & 3), output 2i + j being number i of quarter j.
 * All have room for L channels, missing ones being zero.
 */
struct direct_kind {
    int blocks;               /* that are written */
    int halves;               /* 0, or that they are computed in: 2 * blocks, or one less */
    int width[DIRECT_WIDTHS]; /* descending, the last is 1; 0 ends the list early */
    direct_tile_fn *tile[DIRECT_WIDTHS];
};

/* Vectors of sums that a pixel of a tile takes. */
static inline int direct_vectors(int blocks, int halves)
{
    return halves == 0 ? blocks : halves == 1 ? 2 : halves;
}

/* Input channels in each of them, which holds L outputs divided by that: so many vectors are a block. */
static inline int direct_channels(int halves)
{
    return halves == 0 ? 1 : halves == 1 ? 4 : 2;
}

struct direct_isa {
    int lanes;
    enum oct_layout layout;
    const struct direct_kind *kind; /* by descending number of blocks, those in halves behind */
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
