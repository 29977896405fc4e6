/* SPDX-License-Identifier: MIT */
/*
 * XNNPACK's operators on channels last: each path is convolved, the finest first, straight into Y; the others
 * are added onto it, coarser ones as they are upsampled. One band is the library's plain convolution.
 */
#include "compose/compose.h"
#include "xnnpack/xnnpack.h"

static int plan_xnnpack(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                        const struct oct_plan_options *options, struct oct_message *msg)
{
    struct composition c = compose_accumulating(p, FINEST_FIRST);
    int status = compose_check(p, msg);

    return status ? status : xnnpack_plan(out, p, w, options, &c, msg);
}

const struct oct_kernel oct_f32_xnnpack = {
    .name = "f32_xnnpack",
    .summary = "XNNPACK, fewest passes: convolutions, additions with upsampling as a broadcast",
    .library = "XNNPACK",
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NHWC,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .available = xnnpack_available,
    .plan = plan_xnnpack,
};
