/* SPDX-License-Identifier: MIT */
/*
 * Winograd convolution, 3x3 at stride 1 (Lavin and Gray, arXiv 1509.09308; the
 * points' theory: Barabasz et al., arXiv 1803.10986): what the frame and an
 * instruction set say to each other.
 *
 * A tile of m x m outputs (m = 4 or 2 on each axis) is computed from a window
 * of (m+2) x (m+2) inputs, which is evaluated at as many pairs of points; for
 * each pair the sum over input channels is a matrix product. The points of m =
 * 2 are among those of m = 4, and what scales them is in the inputs' transform,
 * so that tiles of all sizes share one set of transformed weights: a row of 10
 * pixels is 4 + 4 + 2.
 *
 * Tensors are N C/L D H W L, L = lanes of one vector. `slots` are the tiles of
 * a block; transformed inputs and sums are [pair of points][channel
 * block][slot][lane].
 */
#ifndef OCT_WINOGRAD_H
#define OCT_WINOGRAD_H

#include "core/kernel.h"

#define WINOGRAD_TAPS    3
#define WINOGRAD_POINTS  6 /* of m = 4: 0, a, -a, infinity, b, -b; of m = 2 the first four */
#define WINOGRAD_WINDOW  6
#define WINOGRAD_GROUP   4 /* blocks of output channels that one product computes, at most */
#define WINOGRAD_WIDEST  14
#define WINOGRAD_ADDENDS OCT_MAX_BANDS

/* Exact in few bits, as are the products of their squares; chosen for small
 * errors (docs/octconv.md). */
#define WINOGRAD_A 0.625
#define WINOGRAD_B 1.5

/* Points of an axis whose largest tile is of 4, or of 2. */
static inline int winograd_points(bool large)
{
    return large ? 6 : 4;
}

/* Input channels that lie behind each other, transformed. */
struct winograd_segment {
    ptrdiff_t v; /* floats from the product's v */
    int channels;
};

/* sums[slot] of `blocks` x `tiles`, of one pair of points. All steps are in
 * floats. */
struct winograd_product {
    const float *v; /* of the first tile */
    ptrdiff_t v_block, v_time;
    const float *u;      /* [time][segment][channel][block][lane] */
    int times, segments; /* times: slices of a 3-D window */
    struct winograd_segment segment[OCT_MAX_BANDS];
    float *m;
    ptrdiff_t m_block;
    const float *fetch; /* weights of later: a line for each block a channel,
                           fetch_step apart */
    ptrdiff_t fetch_step;
};

/* rows x cols tiles of one size, of one block of input channels. */
struct winograd_scatter {
    const float *src; /* of the plane's pixel (first, 0) */
    int first, h, w;  /* the plane's rows [first, h) are needed and there */
    int y, x;         /* of the first window; outside of the plane lie zeros */
    int rows, cols;
    float *v; /* of the first slot */
    ptrdiff_t slab, points;
};

/* A result at lower resolution: pixel (y, x) adds src's (y >> up) - first, x >>
 * up. */
struct winograd_addend {
    const float *src;
    int first, w, up;
};

/* rows x cols tiles of one size, of one block of output channels. */
struct winograd_gather {
    const float *m; /* of the first slot */
    ptrdiff_t slab, points;
    float *out; /* of the plane's pixel (first, 0) */
    int first, h, w;
    int y, x; /* of the first tile */
    int rows, cols;
    const float *bias;     /* L floats, or NULL */
    const float *residual; /* as out, or NULL */
    int addends;
    struct winograd_addend addend[WINOGRAD_ADDENDS];
    uint32_t epilogue; /* relu, relu6 */
};

typedef void winograd_product_fn(const struct winograd_product *product);
typedef void winograd_scatter_fn(const struct winograd_scatter *scatter);
typedef void winograd_gather_fn(const struct winograd_gather *gather);

struct winograd_isa {
    int lanes;
    enum oct_layout layout;
    int widest[WINOGRAD_GROUP]; /* tiles of a product of 1, 2, ... blocks */
    winograd_product_fn *product[WINOGRAD_GROUP][WINOGRAD_WIDEST];
    winograd_scatter_fn *scatter[2][2]; /* by whether rows, columns are of 4 */
    winograd_gather_fn *gather[2][2];
    /* Rows [first, last) of one channel block of one plane (h x w before pooling;
     * src is its pixel (from, 0)), averaged over windows of 2^log2 squared, those
     * at the edge over what they have. dst is at row `first`. */
    void (*pool)(float *dst, const float *src, struct oct_extent e, int log2, int from, int first, int last);
};

/* The instruction sets. */
extern const struct winograd_isa winograd_avx2, winograd_avx512;

int winograd_plan(struct oct_plan **out, const struct winograd_isa *isa, const struct oct_problem *p,
                  const struct oct_weights *w, const struct oct_plan_options *options,
                  struct oct_message *msg);

#endif
