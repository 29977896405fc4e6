/* SPDX-License-Identifier: MIT */
/* Register tiles of the direct convolution in AVX2 and FMA. */
#include "direct.h"

static const struct direct_isa isa = {
    .lanes = 8,
    .layout = OCT_NCHW8C,
    .grouped = &oct_f32_avx2_grouped,
};

static int plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w, int threads,
                struct oct_message *msg)
{
    if (p->groups == 1)
        return oct_fail(msg, OCT_UNSUPPORTED, "not written yet");
    return direct_plan(out, &isa, p, w, threads, msg);
}

const struct oct_kernel oct_f32_avx2_direct = {
    .name = "f32_avx2_direct",
    .summary = "fused direct convolution, AVX2 and FMA",
    .isa = OCT_ISA_AVX2,
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NCHW8C,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan,
    .execute = direct_execute,
    .destroy = direct_destroy,
    .info = direct_info,
};
