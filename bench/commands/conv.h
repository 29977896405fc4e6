/* SPDX-License-Identifier: MIT */
/* octbench conv: one OctConv on .npy tensors. */
#ifndef BENCH_CONV_H
#define BENCH_CONV_H

#include "check/npy.h"

#define CONV_MOST_SET 32 /* --set options */

/* What the command line says; NULL, 0 or -1 where it says nothing. */
struct conv_request {
    const char *in[OCT_MAX_BANDS], *bias[OCT_MAX_BANDS], *residual[OCT_MAX_BANDS], *out[OCT_MAX_BANDS];
    const char *path[OCT_MAX_BANDS][OCT_MAX_BANDS];
    bool one_band;                   /* weights were given as `w` */
    int bands;                       /* 0: as many as the files name */
    int h, w;                        /* 0: from the input bands */
    int oc[OCT_MAX_BANDS], oc_count; /* for output bands that no weights, bias or residual tell */
    int stride, pad, dilation, groups;
    struct { /* fields by name, over all of the above */
        const struct oct_field *field;
        const char *text;
    } set[CONV_MOST_SET];
    int set_count;
    int down; /* of enum oct_down, -1: average pooling, but a strided convolution for one band */
    enum oct_stride_order stride_order;
    uint32_t activation; /* relu, relu6 or none; bias and residual follow from their files */
};

/* The tensors of a request and the problem that their shapes make. */
struct conv_tensors {
    struct npy in[OCT_MAX_BANDS], bias[OCT_MAX_BANDS], residual[OCT_MAX_BANDS];
    struct npy path[OCT_MAX_BANDS][OCT_MAX_BANDS];
    struct oct_problem problem;
};

/* OCT_OK, or the reason with the file at fault: shapes are checked against each other. conv_tensors_free()
 * either way. */
int conv_tensors_load(struct conv_tensors *out, const struct conv_request *request, struct oct_message *msg);
void conv_tensors_free(struct conv_tensors *tensors);

#endif
