/* SPDX-License-Identifier: MIT */
/*
 * What deep-learning frameworks run for an OctConv layer: pooling, one convolution per path into a buffer of
 * its own, nearest resampling, additions. One band is the library's plain convolution with its epilogue
 * fused.
 */
#include "onednn/onednn.h"

static int count_paths(const struct oct_problem *p, int to)
{
    int count = 0;

    for (int from = 0; from < p->bands; from++)
        count += oct_path_exists(p, from, to);
    return count;
}

/* The path's share of Y, in a buffer of its own. */
static int compose_path(struct oct_plan *plan, int from, int to, bool bias)
{
    const struct oct_problem *p = onednn_problem(plan);
    struct oct_path path = oct_path_get(p, from, to);
    int share = onednn_scratch(plan, to, path.out), high;

    onednn_conv(plan, from, to, onednn_pooled(plan, from, to), share, (struct onednn_ending){.bias = bias});
    if (!path.up)
        return share;
    high = onednn_scratch(plan, to, oct_out_extent(p, to));
    onednn_upsample(plan, to, path.up, share, high, (struct onednn_ending){.accumulate = false});
    return high;
}

/* A band that a single path feeds has nothing to add up. */
static void compose_alone(struct oct_plan *plan, int from, int to)
{
    const struct oct_problem *p = onednn_problem(plan);
    struct oct_path path = oct_path_get(p, from, to);
    int y = onednn_output(plan, to), low;

    if (!path.up) {
        onednn_conv(plan, from, to, onednn_pooled(plan, from, to), y,
                    (struct onednn_ending){.bias = true, .epilogue = true});
        return;
    }
    low = onednn_scratch(plan, to, path.out);
    onednn_conv(plan, from, to, onednn_pooled(plan, from, to), low, (struct onednn_ending){.bias = true});
    onednn_upsample(plan, to, path.up, low, y, (struct onednn_ending){.epilogue = true});
}

static void compose_band(struct oct_plan *plan, int to)
{
    const struct oct_problem *p = onednn_problem(plan);
    int y = onednn_output(plan, to), paths = count_paths(p, to), done = 0, sum = 0;

    for (int from = 0; from < p->bands; from++) {
        int share;

        if (!oct_path_exists(p, from, to))
            continue;
        if (paths == 1) {
            compose_alone(plan, from, to);
            return;
        }
        share = compose_path(plan, from, to, done == 0);
        done++;
        if (done == 1) {
            sum = share;
            continue;
        }
        onednn_add(plan, to, sum, share, y, done == paths);
        sum = y;
    }
}

static void compose(struct oct_plan *plan)
{
    for (int to = 0; to < onednn_problem(plan)->bands; to++)
        if (onednn_problem(plan)->oc[to])
            compose_band(plan, to);
}

static int plan_framework(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                          int threads, struct oct_message *msg)
{
    return onednn_plan(out, p, w, threads, OCT_ALGORITHM_DIRECT, compose, msg);
}

const struct oct_kernel oct_f32_onednn_framework = {
    .name = "f32_onednn_framework",
    .summary = "oneDNN as frameworks call it: pool, a convolution per path, resample, add",
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NHWC,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan_framework,
    .execute = onednn_execute,
    .destroy = onednn_destroy,
    .info = onednn_info,
};
