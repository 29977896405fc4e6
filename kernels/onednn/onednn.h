/* SPDX-License-Identifier: MIT */
/*
 * Compositions of oneDNN primitives. A kernel file says which primitives a layer becomes (its
 * `compose`); everything that knows the library's types stays in plan.c.
 *
 * A tensor is an index into the plan. Errors stick to the plan: after the first one every call does
 * nothing and returns tensor 0, so that a composition reads as a list of operations.
 */
#ifndef OCT_ONEDNN_H
#define OCT_ONEDNN_H

#include "core/kernel.h"

/* What follows the operation that writes dst, in this order. */
struct onednn_ending {
    bool accumulate; /* onto what dst already holds */
    bool bias;       /* convolutions only */
    bool epilogue;   /* the band's residual and activation */
};

/* Adds the operations of the whole layer, in order of execution. */
typedef void onednn_compose(struct oct_plan *plan);

/* The composition of f32_onednn_postop, which f32_onednn_winograd shares. */
onednn_compose onednn_compose_postop;

/* OCT_ALGORITHM_WINOGRAD: that algorithm wherever the library has it, and OCT_UNSUPPORTED where no path has.
 */
int onednn_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w, int threads,
                enum oct_algorithm algorithm, onednn_compose *compose, struct oct_message *msg);
int onednn_execute(struct oct_plan *plan, const struct oct_io *io);
void onednn_destroy(struct oct_plan *plan);
const struct oct_plan_info *onednn_info(const struct oct_plan *plan);

/* ---- for a composition --------------------------------------------------------------------------- */

const struct oct_problem *onednn_problem(const struct oct_plan *plan);

/* Y of an output band. */
int onednn_output(const struct oct_plan *plan, int band);

/* What the path convolves: the input band, or a pooled copy, which paths that pool alike share. */
int onednn_pooled(struct oct_plan *plan, int from, int to);

/* Memory of the plan with the channels of output band `band`. */
int onednn_scratch(struct oct_plan *plan, int band, struct oct_extent e);

void onednn_conv(struct oct_plan *plan, int from, int to, int src, int dst, struct onednn_ending ending);

/* Nearest-upsamples by 2^up, cropped to dst, which belongs to output band `band`. */
void onednn_upsample(struct oct_plan *plan, int band, int up, int src, int dst, struct onednn_ending ending);

/* dst = a + b; a may be dst. */
void onednn_add(struct oct_plan *plan, int band, int a, int b, int dst, bool epilogue);

#endif
