/* SPDX-License-Identifier: MIT */
/*
 * The composition of f32_onednn_postop with oneDNN's Winograd convolutions, F(2x2,3x3) or F(4x4,3x3), in
 * every path that the library accepts them for. A layer that would get none is unsupported, so that this
 * kernel never is the direct one under another name.
 */
#include "compose/compose.h"
#include "onednn/onednn.h"

static int plan_winograd(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                         const struct oct_plan_options *options, struct oct_message *msg)
{
    struct composition c = compose_accumulating(p, COARSEST_FIRST);
    int status = compose_check(p, msg);

    return status ? status : onednn_plan(out, p, w, options, OCT_ALGORITHM_WINOGRAD, &c, msg);
}

const struct oct_kernel oct_f32_onednn_winograd = {
    .name = "f32_onednn_winograd",
    .summary = "oneDNN's Winograd convolutions in the composition of f32_onednn_postop",
    .isa = OCT_ISA_AVX2 | OCT_ISA_AVX512, /* what the library has them for */
    .library = "oneDNN",
    .algorithm = OCT_ALGORITHM_WINOGRAD,
    .layout = OCT_NCHW16C,
    .dtypes = 1u << OCT_F32,
    .exact = false,
    .error_growth = 16,
    .profiles = true,
    .available = onednn_winograd_available,
    .plan = plan_winograd,
};
