/* SPDX-License-Identifier: MIT */
/*
 * The best composition of oneDNN calls: coarser bands are convolved at their own resolution and upsampled
 * into Y, the other paths accumulate onto Y by a sum post-op, and bias, residual and activation ride on the
 * last operation of each band. One band is the library's plain convolution.
 */
#include "onednn/onednn.h"

static int next_path(const struct oct_problem *p, int from, int to)
{
    do
        from--;
    while (from >= 0 && !oct_path_exists(p, from, to));
    return from;
}

/* From the coarsest band to the finest: upsampling, which can write but not cheaply add, comes first. */
static void compose_band(struct oct_plan *plan, int to)
{
    const struct oct_problem *p = onednn_problem(plan);
    struct onednn_ending ending = {.accumulate = false};
    int y = onednn_output(plan, to);

    for (int from = next_path(p, p->bands, to), next; from >= 0; from = next) {
        struct oct_path path = oct_path_get(p, from, to);

        next = next_path(p, from, to);
        ending.bias = ending.epilogue = next < 0;
        if (path.up) {
            int low = onednn_scratch(plan, to, path.out);
            /* Upsampling copies the bias along; adding it at low resolution is cheaper. */
            onednn_conv(plan, from, to, onednn_pooled(plan, from, to), low,
                        (struct onednn_ending){.bias = ending.bias});
            onednn_upsample(plan, to, path.up, low, y, ending);
        } else {
            onednn_conv(plan, from, to, onednn_pooled(plan, from, to), y, ending);
        }
        ending.accumulate = true;
    }
}

void onednn_compose_postop(struct oct_plan *plan)
{
    for (int to = 0; to < onednn_problem(plan)->bands; to++)
        if (onednn_problem(plan)->oc[to])
            compose_band(plan, to);
}

static int plan_postop(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                       int threads, struct oct_message *msg)
{
    return onednn_plan(out, p, w, threads, OCT_ALGORITHM_DIRECT, onednn_compose_postop, msg);
}

const struct oct_kernel oct_f32_onednn_postop = {
    .name = "f32_onednn_postop",
    .summary = "oneDNN, fewest calls: upsample into Y, sum post-ops, fused epilogue",
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NHWC,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan_postop,
    .execute = onednn_execute,
    .destroy = onednn_destroy,
    .info = onednn_info,
};
