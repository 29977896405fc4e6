/* SPDX-License-Identifier: MIT */
/* Weights: transformed, and in the order in which products read them. */
#include "winograd/plan.h"

#include <stdlib.h>
#include <string.h>

/* g(p) of the polynomial g0 + g1 p + g2 p^2 at each point, over the divisor
 * that B^T lacks. */
static void evaluate(const double g[WINOGRAD_TAPS], double at[WINOGRAD_POINTS])
{
    const double a = WINOGRAD_A, b = WINOGRAD_B, difference = a * a - b * b;

    at[0] = g[0] / (a * a * b * b);
    at[1] = (g[0] + a * g[1] + a * a * g[2]) / (2 * a * a * difference);
    at[2] = (g[0] - a * g[1] + a * a * g[2]) / (2 * a * a * difference);
    at[3] = g[2];
    at[4] = (g[0] + b * g[1] + b * b * g[2]) / (-2 * b * b * difference);
    at[5] = (g[0] - b * g[1] + b * b * g[2]) / (-2 * b * b * difference);
}

void winograd_transform_weights(const float *w, int points_h, int points_w, double *to)
{
    double rows[WINOGRAD_TAPS][WINOGRAD_POINTS], column[WINOGRAD_TAPS], at[WINOGRAD_POINTS];

    for (int y = 0; y < WINOGRAD_TAPS; y++) {
        for (int x = 0; x < WINOGRAD_TAPS; x++)
            column[x] = w[y * WINOGRAD_TAPS + x];
        evaluate(column, rows[y]);
    }
    for (int j = 0; j < points_w; j++) {
        for (int y = 0; y < WINOGRAD_TAPS; y++)
            column[y] = rows[y][j];
        evaluate(column, at);
        for (int i = 0; i < points_h; i++)
            to[i * points_w + j] = at[i];
    }
}

/* Floats of all weights under one block of outputs and one pair of points. */
static size_t block_floats(const struct oct_plan *plan, const struct job *job)
{
    return (size_t)plan->layer.kd * job->channels * plan->isa->lanes;
}

static int first_block(const struct job *job, int group)
{
    int first, last;

    oct_share(job->blocks, job->groups, group, &first, &last);
    return first;
}

size_t winograd_weights_at(const struct oct_plan *plan, const struct job *job, int super, int pair, int group)
{
    int pairs = winograd_pairs(plan->layer.plane + job->plane), first, last;
    size_t floats = block_floats(plan, job);

    oct_share(job->groups, job->supers, super, &first, &last);
    first = first_block(job, first);
    last = first_block(job, last);
    return floats * ((size_t)first * pairs + (size_t)pair * (last - first) + first_block(job, group) - first);
}

/* Where the weights of one output channel begin, under the first pair, and what
 * lies between pairs. */
struct place {
    float *to;
    size_t pair, channel;
};

static struct place place_output(const struct oct_plan *plan, const struct job *job, int o)
{
    int lanes = plan->isa->lanes, block = o / lanes, group = 0, super = 0, first, last;
    struct place place;

    while (first_block(job, group + 1) <= block)
        group++;
    oct_share(job->groups, job->supers, super, &first, &last);
    while (last <= group)
        oct_share(job->groups, job->supers, ++super, &first, &last);
    place.to = plan->weights + job->weights + winograd_weights_at(plan, job, super, 0, group);
    place.to += (size_t)(block - first_block(job, group)) * lanes + o % lanes;
    place.pair = block_floats(plan, job) * (first_block(job, last) - first_block(job, first));
    place.channel = (size_t)(first_block(job, group + 1) - first_block(job, group)) * lanes;
    return place;
}

static void pack_output(const struct oct_plan *plan, const struct job *job, int o)
{
    const struct plane *plane = plan->layer.plane + job->plane;
    int points_h = winograd_points(plane->rows.large > 0), points_w = winograd_points(plane->cols.large > 0);
    int kd = plan->layer.kd, taps = WINOGRAD_TAPS * WINOGRAD_TAPS;
    struct place place = place_output(plan, job, o);
    double at[MAX_PAIRS];

    for (int z = 0; z < kd; z++) {
        for (int t = 0; t < job->terms; t++) {
            const struct term *term = job->term + t;

            for (int i = 0; i < term->ic; i++, place.to += place.channel) {
                winograd_transform_weights(term->weights + (((size_t)o * term->ic + i) * kd + z) * taps,
                                           points_h, points_w, at);
                for (int pair = 0; pair < points_h * points_w; pair++)
                    place.to[pair * place.pair] = (float)at[pair];
            }
        }
    }
}

static void pack_bias(struct oct_plan *plan, const struct oct_weights *w)
{
    for (int j = 0; j < plan->layer.jobs; j++) {
        const struct job *job = plan->layer.job + j;

        if (job->up == 0 && (plan->layer.epilogue & OCT_EPILOGUE_BIAS))
            memcpy(plan->bias + job->bias, w->bias[job->to], job->oc * sizeof(float));
    }
}

int winograd_pack(struct oct_plan *plan, const struct oct_weights *w)
{
    size_t weights = 0, bias = 0;

    for (int j = 0; j < plan->layer.jobs; j++) {
        struct job *job = plan->layer.job + j;

        job->weights = weights;
        job->bias = bias;
        weights += block_floats(plan, job) * job->blocks * winograd_pairs(plan->layer.plane + job->plane);
        bias += (size_t)job->blocks * plan->isa->lanes;
    }
    plan->head.info.weight_bytes = (weights + bias) * sizeof(float);
    plan->weights = oct_alloc(weights * sizeof(float));
    plan->head.info.weights = plan->weights;
    plan->bias = oct_alloc(bias * sizeof(float));
    if (!plan->weights || !plan->bias)
        return OCT_NO_MEMORY;
    memset(plan->weights, 0, weights * sizeof(float));
    memset(plan->bias, 0, bias * sizeof(float));
    for (int j = 0; j < plan->layer.jobs; j++)
        for (int o = 0; o < plan->layer.job[j].oc; o++)
            pack_output(plan, plan->layer.job + j, o);
    pack_bias(plan, w);
    return OCT_OK;
}
