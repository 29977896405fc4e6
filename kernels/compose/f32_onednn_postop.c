/* SPDX-License-Identifier: MIT */
/*
 * The best composition of oneDNN calls: coarser bands are convolved at their own resolution and upsampled
 * into Y, the other paths accumulate onto Y by a sum post-op, and bias, residual and activation ride on the
 * last operation of each band. One band is the library's plain convolution.
 */
#include "compose/compose.h"
#include "onednn/onednn.h"

/* From the coarsest band to the finest: upsampling, which can write but not cheaply add, comes first. */
static void compose_band(struct composer *o, int to)
{
    struct ending ending = {.accumulate = false};
    int y = compose_output(to);

    for (int from = compose_next_path(o, o->p->bands, to, -1), next; from >= 0; from = next) {
        struct oct_path path = oct_path_get(o->p, from, to);

        next = compose_next_path(o, from, to, -1);
        ending.bias = ending.epilogue = next < 0;
        if (path.up) {
            int low = compose_scratch(o, to, path.out);
            /* Upsampling copies the bias along; adding it at low resolution is cheaper. */
            compose_conv(o, from, to, low, (struct ending){.bias = ending.bias});
            compose_upsample(o, from, to, low, y, ending);
        } else {
            compose_conv(o, from, to, y, ending);
        }
        ending.accumulate = true;
    }
}

struct composition compose_postop(const struct oct_problem *p)
{
    struct composer o = composer_of(p);

    for (int to = 0; to < p->bands; to++)
        if (p->oc[to])
            compose_band(&o, to);
    return o.c;
}

static int plan_postop(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                       const struct oct_plan_options *options, struct oct_message *msg)
{
    struct composition c = compose_postop(p);
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
