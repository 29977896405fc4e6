/* SPDX-License-Identifier: MIT */
/*
 * What blocked kernels read of a problem: the tensors that its convolutions read, and the convolutions.
 *
 * The words of this room, one meaning each:
 *   band        a tensor of the layer as the caller has it, at 1/2^b of the resolution
 *   octave      log2 of how much coarser a plane is than output band 0
 *   lanes       values of one vector; a block is that many channels, and tensors are N C/lanes D H W lanes
 *   source      a tensor that convolutions read: an input band, or one pooled from it into scratch
 *   job         one convolution into one tensor: an output band, or the low-resolution result of a path
 * upward term        what one source contributes to a job: one path of the layer addend      an upward job,
 * as the output job sees it that adds its nearest-upsampled result axis        window, stride, dilation and
 * padding of a term along d, h or w tap         one element of the window flat        a 1x1 job at stride 1,
 * whose plane is a single row of h * w pixels deep        a layer whose output planes read other planes than
 * their own number level       jobs and pooled sources of one level need only what lower levels made coarse
 * row  one row of the coarsest plane of a layer, and the rows over it of all other planes strip neighbouring
 * coarse rows that one thread computes of all jobs before it goes on conv_group  a group of a group
 * convolution tile        the sums that one function keeps in registers: blocks of output channels by pixels
 * of a row run         equal neighbouring tiles group       blocks of output channels of a job that one kind
 * of tile computes task        work that is dealt to threads by items: a pooled block of a source, or a group
 * of a job item        a row of a task's plane, or one tile of a flat row piece       items of one task that
 * one thread does rider       the source that tiles of the first output pool while they read its parent
 */
#ifndef OCT_FRAME_LAYER_H
#define OCT_FRAME_LAYER_H

#include "core/kernel.h"

#define MAX_SOURCES 20 /* input bands, then pooled ones and copies */
#define MAX_JOBS    12 /* paths that go up, then output bands */
#define MAX_TERMS   OCT_MAX_BANDS
#define MAX_ADDENDS OCT_MAX_BANDS

struct axis {
    int k, stride, dilation;
    int pad; /* before the first input */
};

/* A tensor under a kernel: an input band, or `parent` average-pooled by 2^log2 into scratch. */
struct source {
    int band, parent; /* parent: -1 for an input band */
    int log2;         /* 0: an input band, or a copy of it */
    int level, channels, blocks;
    int first_job; /* the first to read it, or -1 */
    struct oct_extent e;
};

/* One path's contribution to a job. */
struct term {
    int from, source;
    int groups, ic; /* conv_groups of the path; input channels of one */
    struct axis d, h, w;
};

struct job {
    int to;
    bool upward; /* into scratch; no epilogue */
    bool flat;
    int octave, level;
    int oc, blocks;
    struct oct_extent e;
    int terms, addends;
    struct term term[MAX_TERMS];
    int addend[MAX_ADDENDS]; /* jobs */
    char name[24];           /* its paths: "ll+hl" */
};

struct layer {
    int n, lanes;
    int conv_groups; /* or OCT_GROUPS_DEPTHWISE, or 0 where every path has its own number */
    uint32_t epilogue;
    struct oct_extent kernel; /* taps along each axis */
    struct oct_extent out;    /* of output band 0, whether or not it has channels */
    bool deep;
    int inputs, sources; /* the first `inputs` sources are the input bands */
    int jobs, first_output, levels;
    int coarsest; /* octave */
    int coarse_rows;
    struct source source[MAX_SOURCES];
    struct job job[MAX_JOBS];
};

void frame_make_layer(struct layer *out, const struct oct_problem *p, int lanes);
/* OCT_OK, or OCT_UNSUPPORTED where a plane is beyond 32-bit offsets. */
int frame_check_offsets(const struct layer *layer, struct oct_message *msg);

/* Makes that the octave of coarse rows, so that strips begin at its rows. */
void frame_align(struct layer *layer, int octave);
/* The source that is a copy of an input: parent at log2 = 0. */
int frame_copy_source(struct layer *layer, int source);

static inline size_t frame_kernel_taps(const struct layer *layer)
{
    return (size_t)layer->kernel.d * layer->kernel.h * layer->kernel.w;
}

#endif
