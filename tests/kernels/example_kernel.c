/* SPDX-License-Identifier: MIT */
/* Pointwise convolutions of one band: out[o] = sum over i of weight[o][i] * in[i]. */
#include "core/kernel.h"

#include <stdlib.h>
#include <string.h>

struct oct_plan {
    struct oct_plan_head head; /* every plan begins with it */
    struct oct_problem p;
    float *weights;
};

static void destroy(struct oct_plan *plan)
{
    oct_free(plan->weights);
    free(plan);
}

/* The problem has passed oct_problem_check(); what this kernel does not do it declines, with the reason. */
static int check(const struct oct_problem *p, struct oct_message *msg)
{
    if (p->bands != 1 || p->kd * p->kh * p->kw != 1 || p->stride_d * p->stride_h * p->stride_w != 1)
        return oct_fail(msg, OCT_UNSUPPORTED, "needs one band, a 1x1 kernel and stride 1");
    if (p->groups != 1 || p->epilogue || !oct_path_exists(p, 0, 0))
        return oct_fail(msg, OCT_UNSUPPORTED, "has no groups, no epilogue, and needs its one path");
    if (oct_act_bytes(p) != (size_t)p->n * (p->ic[0] + p->oc[0]) * p->d * p->h * p->w * sizeof(float))
        return oct_fail(msg, OCT_UNSUPPORTED, "does not pad");
    return OCT_OK;
}

static int execute(struct oct_plan *plan, const struct oct_io *io)
{
    const struct oct_problem *p = &plan->p;
    int plane = p->d * p->h * p->w, inputs = p->ic[0], outputs = p->oc[0];

#pragma omp parallel for collapse(2) num_threads(plan->head.info.threads)
    for (int n = 0; n < p->n; n++) {
        for (int o = 0; o < outputs; o++) {
            const float *in = (const float *)io->in[0] + (size_t)n * inputs * plane;
            float *out = (float *)io->out[0] + ((size_t)n * outputs + o) * plane;

            memset(out, 0, (size_t)plane * sizeof(float));
            for (int i = 0; i < inputs; i++)
                for (int x = 0; x < plane; x++)
                    out[x] += plan->weights[(size_t)o * inputs + i] * in[(size_t)i * plane + x];
        }
    }
    return OCT_OK;
}

static const struct oct_plan_ops ops = {.execute = execute, .destroy = destroy};

static int plan_create(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                       const struct oct_plan_options *options, struct oct_message *msg)
{
    size_t bytes = oct_path_weights(p, 0, 0) * sizeof(float);
    struct oct_plan *plan;
    int status = check(p, msg);

    if (status)
        return status;
    plan = calloc(1, sizeof(*plan));
    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    plan->p = *p;
    plan->weights = oct_alloc(bytes);
    if (!plan->weights) {
        destroy(plan);
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for %zu bytes of weights", bytes);
    }
    memcpy(plan->weights, w->path[0][0], bytes); /* w is the caller's again when this returns */
    oct_plan_begin(&plan->head, &ops, p, OCT_NCHW, options->threads); /* operations, shapes, threads */
    plan->head.info.weight_bytes = bytes;
    strcpy(plan->head.info.describe, "one dot product");
    *out = plan;
    return OCT_OK;
}

const struct oct_kernel oct_f32_example = {
    .name = "f32_example",
    .summary = "pointwise convolutions of one band",
    .library = "octconv",
    .isa = 0,
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NCHW,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = false,
    .plan = plan_create,
};
