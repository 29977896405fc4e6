/* SPDX-License-Identifier: MIT */
/* What the onednn/ files share: the plan in the library's own types (C API). */
#ifndef OCT_ONEDNN_PLAN_H
#define OCT_ONEDNN_PLAN_H

#include "onednn/api.h"
#include "onednn/onednn.h"

/* Four bands make at most 16 paths, each with a pool, a convolution, an upsampling and an addition. */
enum { MAX_TENSORS = 256, MAX_STEPS = 96, MAX_ARGS = 6, NAME = 12 };
/* The first tensors are the caller's, one of each kind per band. */
enum { IN = 0, OUT = OCT_MAX_BANDS, RESIDUAL = 2 * OCT_MAX_BANDS, OWNED = 3 * OCT_MAX_BANDS };

struct tensor {
    dnnl_memory_t memory;
    void *data; /* owned by the plan; NULL for the caller's tensors and those in the scratch */
    enum place { ELSEWHERE, IN_SCRATCH, SCRATCHPAD } place;
    size_t offset; /* in the scratch */
    enum oct_layout layout;
    int channels; /* with padding lanes */
    struct oct_extent e;
};

struct step {
    char name[NAME], impl[48];
    dnnl_primitive_t primitive; /* NULL: upsample_cropped() */
    dnnl_exec_arg_t args[MAX_ARGS];
    int nargs;
    int src, dst, up;
};

struct oct_plan {
    struct oct_plan_head head;
    struct oct_problem p;
    const struct oct_weights *w; /* while the plan is built */
    enum oct_algorithm algorithm;
    enum oct_layout layout, in_layout; /* in_layout ANY: as it suits the layer */
    int status;
    struct oct_message *msg; /* while the plan is built */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct tensor tensors[MAX_TENSORS];
    int ntensors;
    struct step steps[MAX_STEPS];
    int nsteps;
    int made[COMPOSITION_TENSORS]; /* tensors of the composition */
    int bias[OCT_MAX_BANDS];       /* 0: not made */
    size_t scratchpad_bytes;
    const void *scratch; /* where the memory objects point now */
    bool winograd;       /* some path has it */
};

void onednn_fail(struct oct_plan *plan, int status, const char *what);

/* True if the call succeeded and nothing failed before; else the plan has its status and message. */
bool onednn_ok(struct oct_plan *plan, dnnl_status_t status, const char *call);

/* From oct_alloc(); NULL after an error. */
void *onednn_allocate(struct oct_plan *plan, size_t bytes);

/* An entry for a memory object over `data`, which the plan owns from now on. 0 after an error. */
int onednn_add_memory(struct oct_plan *plan, api_desc desc, void *data);

/* The same for a plain tensor of these dimensions. */
int onednn_add_plain(struct oct_plan *plan, int ndims, const dnnl_dims_t dims, dnnl_format_tag_t tag,
                     void *data);

/* One of the caller's: its address comes with each execution. Nothing for a band without channels. */
void onednn_add_outside(struct oct_plan *plan, int index, enum oct_layout layout, int channels,
                        struct oct_extent e);

/* Room in the scratch: its offset. */
size_t onednn_take_scratch(struct oct_plan *plan, size_t bytes);

/* A tensor in the scratch. 0 after an error. */
int onednn_add_scratch(struct oct_plan *plan, enum oct_layout layout, int channels, struct oct_extent e);

api_desc onednn_desc(const struct oct_plan *plan, int tensor);

/* 2, or 3 where the layer has time. */
int onednn_spatial_axes(const struct oct_plan *plan);

/* Fills the spatial part of a list of dimensions. */
void onednn_put_spatial(const struct oct_plan *plan, dnnl_dim_t *dims, int d, int h, int w);

/* dst[y][x] = src[y >> up][x >> up] for every y and x that dst has. */
void onednn_upsample_cropped(const struct tensor *src, const struct tensor *dst, int n, int up);

#endif
