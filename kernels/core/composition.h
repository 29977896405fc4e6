/* SPDX-License-Identifier: MIT */
/*
 * A layer as calls of a library: tensors, and operations on them in order of execution. The compositions
 * (compose/) write it from the problem alone; a backend (onednn/, xnnpack/) turns it into calls of its
 * library, and splits an operation that the library cannot fuse.
 */
#ifndef OCT_COMPOSITION_H
#define OCT_COMPOSITION_H

#include "core/kernel.h"

/* The first tensors are the caller's, one of each kind per band; the composition's own follow. */
enum { COMPOSITION_IN = 0, COMPOSITION_OUT = OCT_MAX_BANDS, COMPOSITION_OWN = 2 * OCT_MAX_BANDS };

/* Four bands: at most 16 paths with a convolution, an upsampling and an addition each, and 20 poolings. */
enum { COMPOSITION_TENSORS = 72, COMPOSITION_OPERATIONS = 72 };

struct composition_tensor {
    int channels; /* 0: not there */
    struct oct_extent e;
};

enum operation_kind { OPERATION_POOL, OPERATION_CONV, OPERATION_UPSAMPLE, OPERATION_ADD };

/* What follows the operation that writes dst, in this order. */
struct ending {
    bool accumulate; /* onto what dst already holds */
    bool bias;       /* convolutions only */
    bool epilogue;   /* the band's residual and activation */
};

struct operation {
    enum operation_kind kind;
    int from, to; /* the path of a convolution, the input band of a pooling, else the output band `to` */
    int log2;     /* pooling: window and stride; upsampling: nearest, cropped to dst */
    int src, src2, dst; /* dst = src + src2 in an addition, where src may be dst */
    struct ending ending;
};

struct composition {
    struct composition_tensor tensors[COMPOSITION_TENSORS];
    int ntensors;
    struct operation operations[COMPOSITION_OPERATIONS];
    int noperations;
};

#endif
