/* SPDX-License-Identifier: MIT */
/*
 * What deep-learning frameworks run for an OctConv layer: pooling, one convolution per path into a buffer of
 * its own, nearest resampling, additions. One band is the library's plain convolution with its epilogue
 * fused.
 */
#include "compose/compose.h"
#include "onednn/onednn.h"

static int count_paths(const struct oct_problem *p, int to)
{
    int count = 0;

    for (int from = 0; from < p->bands; from++)
        count += oct_path_exists(p, from, to);
    return count;
}

/* The path's share of Y, in a buffer of its own. */
static int compose_path(struct composer *o, int from, int to, bool bias)
{
    struct oct_path path = oct_path_get(o->p, from, to);
    int share = compose_scratch(o, to, path.out), high;

    compose_conv(o, from, to, share, (struct ending){.bias = bias});
    if (!path.up)
        return share;
    high = compose_scratch(o, to, oct_out_extent(o->p, to));
    compose_upsample(o, from, to, share, high, (struct ending){.accumulate = false});
    return high;
}

/* A band that a single path feeds has nothing to add up. */
static void compose_alone(struct composer *o, int from, int to)
{
    struct oct_path path = oct_path_get(o->p, from, to);
    int y = compose_output(to), low;

    if (!path.up) {
        compose_conv(o, from, to, y, (struct ending){.bias = true, .epilogue = true});
        return;
    }
    low = compose_scratch(o, to, path.out);
    compose_conv(o, from, to, low, (struct ending){.bias = true});
    compose_upsample(o, from, to, low, y, (struct ending){.epilogue = true});
}

static void compose_band(struct composer *o, int to)
{
    int y = compose_output(to), paths = count_paths(o->p, to), done = 0, sum = 0;

    for (int from = compose_next_path(o, -1, to, 1); from < o->p->bands;
         from = compose_next_path(o, from, to, 1)) {
        int share;

        if (paths == 1) {
            compose_alone(o, from, to);
            return;
        }
        share = compose_path(o, from, to, done == 0);
        done++;
        if (done == 1) {
            sum = share;
            continue;
        }
        compose_add(o, to, sum, share, y, done == paths);
        sum = y;
    }
}

static struct composition compose_framework(const struct oct_problem *p)
{
    struct composer o = composer_of(p);

    for (int to = 0; to < p->bands; to++)
        if (p->oc[to])
            compose_band(&o, to);
    return o.c;
}

static int plan_framework(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                          const struct oct_plan_options *options, struct oct_message *msg)
{
    struct composition c = compose_framework(p);
    int status = compose_check(p, msg);

    return status ? status : onednn_plan(out, p, w, options, OCT_ALGORITHM_DIRECT, &c, msg);
}

const struct oct_kernel oct_f32_onednn_framework = {
    .name = "f32_onednn_framework",
    .summary = "oneDNN as frameworks call it: pool, a convolution per path, resample, add",
    .library = "oneDNN",
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NHWC,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan_framework,
};
