/* SPDX-License-Identifier: MIT */
/*
 * Grouped and depthwise layers: what the frame (execute.c, pack_weights.c) and the files of the instruction
 * sets share. A block is as many channels as a vector has lanes.
 *
 * Groups are narrow, so a block of outputs spans several of them and its lanes need different inputs. Each
 * path into a block is a list of steps: load a block of inputs, let every lane take the channel it wants,
 * multiply by packed weights that are zero where a lane wants nothing. A depthwise layer has one step and
 * takes the block as it is; where all lanes belong to one group a step is a broadcast.
 */
#ifndef OCT_GROUPED_H
#define OCT_GROUPED_H

#include "core/kernel.h"

#define GROUPED_MAX_BLOCK 16

enum grouped_lanes {
    GROUPED_OWN, /* lane l takes channel l of the block: depthwise */
    GROUPED_ANY, /* lane l takes channel lanes[l] */
    GROUPED_ONE, /* all lanes take one channel, at which the offset points */
};

/* One path into one block of outputs, as planned. */
struct grouped_steps {
    enum grouped_lanes lanes;
    int count;
    const ptrdiff_t *offset; /* floats from where the first step's block lies to what each step reads */
    const int32_t *lane;     /* `block` indices a step; GROUPED_ANY needs them */
    const float *weights;    /* [step][ky][kx][lane] */
};

/* ... and where it reads: the plane of the first step's block, from row `top` on. */
struct grouped_segment {
    struct grouped_steps steps;
    const float *src;
    size_t row; /* floats from one row to the next */
    int top;
    int h, w;             /* of the plane */
    int stride, stride_h; /* along w, along h */
    int pad_h;
};

/* A result at lower resolution, to be added to the 2^log2 x 2^log2 outputs over each value. */
struct grouped_up {
    const float *src;
    size_t row;
    int top, log2;
};

/* Rows [first, last) of one block of outputs. */
struct grouped_conv {
    int segments, ups;
    struct grouped_segment segment[OCT_MAX_BANDS];
    struct grouped_up up[OCT_MAX_BANDS];
    int kh, kw, dilation_h, dilation_w;
    int pad_h;  /* of all segments; only where `three` */
    int pad_w;  /* columns of zeros that the buffers do not hold; only where `three` */
    bool three; /* 3 wide, undilated, pad_w at most 1, stride 1 or 2 on both axes: read in place, edges
                   clipped */
    int first, last, w;
    float *dst;
    size_t row; /* of dst and residual */
    int top;    /* of dst and residual */
    const float *bias;
    const float *residual; /* or NULL */
    bool clamp;
    float low, high;
};

/* Rows [first, last) of one block, averaged over windows of 2^log2 (0: copied), with margins of zeros. */
struct grouped_pool {
    const float *src;
    size_t src_row;
    int src_top, src_h, src_w; /* the plane's extents */
    float *dst;
    size_t dst_row;
    int first, last, w;
    int left, right; /* columns of zeros beside the w columns; dst points at the first of them */
    int log2;
};

struct grouped_isa {
    const char *tile, *block_tile; /* the latter of 3x3 layers whose groups fill whole blocks */
    enum oct_layout layout;        /* names the block */
    void (*conv)(const struct grouped_conv *job);
    void (*pool)(const struct grouped_pool *job);
};

/* All the steps of one path. */
struct grouped_packed {
    enum grouped_lanes lanes;
    int32_t *first; /* of each output block, and one more: the end */
    int32_t *from;  /* input block of each step */
    int32_t *lane;
    ptrdiff_t *offset;
    float *weights;
};

struct grouped_shape {
    int ic, oc, groups;
    int taps; /* kh * kw */
    int block;
};

/* OCT_OK or OCT_NO_MEMORY; either way to be freed. */
int grouped_pack(struct grouped_packed *out, const float *weights, const struct grouped_shape *s);
/* Sets the offsets, `plane` floats from block to block. */
void grouped_place(struct grouped_packed *packed, int blocks, int block, size_t plane);
void grouped_packed_free(struct grouped_packed *packed);
size_t grouped_packed_bytes(const struct grouped_packed *packed, int blocks, int taps, int block);
/* Steps into an output block. */
int grouped_step_count(const struct grouped_packed *packed, int out_block);
/* The input block that the first step into an output block reads. */
int grouped_first_block(const struct grouped_packed *packed, int out_block);
struct grouped_steps grouped_steps_of(const struct grouped_packed *packed, int out_block, int taps,
                                      int block);

int grouped_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                 const struct oct_plan_options *options, struct oct_message *msg,
                 const struct grouped_isa *isa);

/* The same in each instruction set: where the direct kernels send grouped and depthwise layers. */
int grouped_plan_avx2(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                      const struct oct_plan_options *options, struct oct_message *msg);
int grouped_plan_avx512(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                        const struct oct_plan_options *options, struct oct_message *msg);

#endif
