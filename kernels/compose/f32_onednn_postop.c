/* SPDX-License-Identifier: MIT */
/*
 * The best composition of oneDNN calls: coarser bands are convolved at their own resolution and upsampled
 * into Y, the other paths accumulate onto Y by a sum post-op, and bias, residual and activation ride on the
 * last operation of each band. Upsampling, which can write but not cheaply add, comes first. One band is the
 * library's plain convolution.
 */
#include "compose/compose.h"
#include "onednn/onednn.h"

static int plan_postop(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                       const struct oct_plan_options *options, struct oct_message *msg)
{
    struct composition c = compose_accumulating(p, COARSEST_FIRST);
    int status = compose_check(p, msg);

    return status ? status : onednn_plan(out, p, w, options, OCT_ALGORITHM_DIRECT, &c, msg);
}

const struct oct_kernel oct_f32_onednn_postop = {
    .name = "f32_onednn_postop",
    .summary = "oneDNN, fewest calls: upsample into Y, sum post-ops, fused epilogue",
    .library = "oneDNN",
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NHWC,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan_postop,
};
