/* SPDX-License-Identifier: MIT */
/*
 * The operations of a composition as steps of an XNNPACK plan. The library's convolution neither accumulates
 * nor adds a residual, so both become additions; bias and activation ride on whatever writes last.
 */
#include "xnnpack/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
    float min, max;
};

static struct range range_of(uint32_t activation)
{
    struct range range = {-INFINITY, INFINITY};

    if (activation & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6))
        range.min = 0;
    if (activation & OCT_EPILOGUE_RELU6)
        range.max = 6;
    return range;
}

/* ---- steps --------------------------------------------------------------------------------------- */

static struct step *add_step(struct oct_plan *plan, enum step_kind kind, const char *name, int src, int dst)
{
    struct step *step = &plan->steps[plan->nsteps];

    if (plan->status)
        return NULL;
    plan->nsteps++; /* MAX_STEPS suffices for every composition */
    *step = (struct step){.kind = kind, .src = src, .dst = dst};
    snprintf(step->name, sizeof(step->name), "%s", name);
    return step;
}

static void add_clamp(struct oct_plan *plan, int tensor, uint32_t activation)
{
    struct step *step = add_step(plan, STEP_CLAMP, "activation", tensor, tensor);
    size_t channels = (size_t)plan->tensors[tensor].channels;
    struct range range = range_of(activation);

    if (step)
        xnnpack_ok(plan,
                   xnn_create_clamp_nc_f32(channels, channels, channels, range.min, range.max, 0, &step->op),
                   "an activation");
}

/* dst = a + b */
static void add_sum(struct oct_plan *plan, int a, int b, int dst, uint32_t activation)
{
    struct step *step = add_step(plan, STEP_ADD, "add", a, dst);
    struct range range = range_of(activation);

    if (!step)
        return;
    step->src2 = b;
    step->share = calloc((size_t)plan->head.info.threads, sizeof(step->share[0]));
    if (!step->share) {
        plan->status = oct_fail(plan->msg, OCT_NO_MEMORY, "no memory for an XNNPACK plan");
        return;
    }
    for (int i = 0; i < plan->head.info.threads; i++)
        xnnpack_ok(plan, xnn_create_add_nd_f32(range.min, range.max, 0, &step->share[i]), "an addition");
}

/* What of the epilogue the operation before it can do itself. */
static uint32_t rides(const struct oct_plan *plan, struct ending ending)
{
    return ending.epilogue && !(plan->p.epilogue & OCT_EPILOGUE_RESIDUAL) ? plan->p.epilogue : 0;
}

static void add_residual(struct oct_plan *plan, int band, int tensor, struct ending ending)
{
    if (ending.epilogue && plan->p.epilogue & OCT_EPILOGUE_RESIDUAL)
        add_sum(plan, tensor, RESIDUAL + band, tensor, plan->p.epilogue);
}

static void add_pool(struct oct_plan *plan, int src, int dst, int log2)
{
    const struct tensor *from = &plan->tensors[src], *to = &plan->tensors[dst];
    struct step *step = add_step(plan, STEP_POOL, "pool", src, dst);
    uint32_t size = UINT32_C(1) << log2, bottom = (uint32_t)to->e.h * size - (uint32_t)from->e.h,
             right = (uint32_t)to->e.w * size - (uint32_t)from->e.w; /* ceil mode */
    size_t channels = (size_t)from->channels;

    if (step)
        xnnpack_ok(plan,
                   xnn_create_average_pooling2d_nhwc_f32(0, right, bottom, 0, size, size, size, size,
                                                         channels, channels, channels, -INFINITY, INFINITY, 0,
                                                         &step->op),
                   "a pooling");
}

/* ---- convolutions -------------------------------------------------------------------------------- */

/* O I H W -> O H W I. NULL: no memory. */
static float *channels_last(const struct oct_problem *p, const float *weights, size_t rows, size_t columns)
{
    size_t taps = (size_t)p->kh * p->kw;
    float *last = malloc(rows * columns * taps * sizeof(float));

    for (size_t o = 0; last && o < rows; o++)
        for (size_t i = 0; i < columns; i++)
            for (size_t t = 0; t < taps; t++)
                last[(o * taps + t) * columns + i] = weights[(o * columns + i) * taps + t];
    return last;
}

static void make_conv(struct oct_plan *plan, struct step *step, const struct operation *o,
                      uint32_t activation)
{
    const struct oct_problem *p = &plan->p;
    struct oct_path path = oct_path_get(p, o->from, o->to);
    size_t in = (size_t)p->ic[o->from], out = (size_t)p->oc[o->to], groups = (size_t)path.groups;
    float *weights = channels_last(p, plan->w->path[o->from][o->to], out, in / groups);
    bool bias = o->ending.bias && p->epilogue & OCT_EPILOGUE_BIAS;
    struct range range = range_of(activation);

    if (!weights) {
        plan->status = oct_fail(plan->msg, OCT_NO_MEMORY, "no memory for the weights of an XNNPACK plan");
        return;
    }
    xnnpack_ok(plan,
               xnn_create_convolution2d_nhwc_f32(
                   (uint32_t)path.pad_top, (uint32_t)path.pad_right, (uint32_t)path.pad_bottom,
                   (uint32_t)path.pad_left, (uint32_t)p->kh, (uint32_t)p->kw, (uint32_t)path.stride_h,
                   (uint32_t)path.stride_w, (uint32_t)p->dilation_h, (uint32_t)p->dilation_w,
                   (uint32_t)groups, in / groups, out / groups, in, out, weights,
                   bias ? plan->w->bias[o->to] : NULL, range.min, range.max, 0, &step->op),
               "a convolution");
    free(weights);
    plan->head.info.weight_bytes += oct_path_weights(p, o->from, o->to) * sizeof(float);
}

static void add_conv(struct oct_plan *plan, const struct operation *o, int src, int dst)
{
    bool accumulate = o->ending.accumulate;
    int share =
        accumulate ? xnnpack_add_tensor(plan, plan->tensors[dst].channels, plan->tensors[dst].e) : dst;
    char name[4];
    struct step *step = add_step(plan, STEP_CONV, oct_path_name(&plan->p, o->from, o->to, name), src, share);
    uint32_t activation = rides(plan, o->ending);

    if (!step)
        return;
    make_conv(plan, step, o, accumulate ? 0 : activation);
    if (accumulate)
        add_sum(plan, dst, share, dst, activation);
    add_residual(plan, o->to, dst, o->ending);
}

/* ---- upsampling ---------------------------------------------------------------------------------- */

static void add_copy(struct oct_plan *plan, int src, int dst, int log2)
{
    struct step *step = add_step(plan, STEP_UPSAMPLE, "upsample", src, dst);

    if (step)
        step->log2 = log2;
}

/* dst += src upsampled */
static void add_upsampled(struct oct_plan *plan, int src, int dst, int log2, uint32_t activation)
{
    const struct tensor *low = &plan->tensors[src], *high = &plan->tensors[dst];
    struct range range = range_of(activation);
    struct step *step;
    int copy;

    if (low->e.h << log2 != high->e.h || low->e.w << log2 != high->e.w) {
        copy = xnnpack_add_tensor(plan, high->channels, high->e);
        add_copy(plan, src, copy, log2);
        add_sum(plan, dst, copy, dst, activation);
        return;
    }
    step = add_step(plan, STEP_ADD_UPSAMPLED, "upsample", dst, dst);
    if (!step)
        return;
    step->src2 = src;
    step->log2 = log2;
    xnnpack_ok(plan, xnn_create_add_nd_f32(range.min, range.max, 0, &step->op), "an addition");
}

static void add_upsampling(struct oct_plan *plan, const struct operation *o, int src, int dst)
{
    uint32_t activation = rides(plan, o->ending);

    if (o->ending.accumulate) {
        add_upsampled(plan, src, dst, o->log2, activation);
    } else {
        add_copy(plan, src, dst, o->log2);
        if (activation & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6))
            add_clamp(plan, dst, activation);
    }
    add_residual(plan, o->to, dst, o->ending);
}

/* ---- operations ---------------------------------------------------------------------------------- */

static int tensor_of(struct oct_plan *plan, const struct composition *c, int tensor)
{
    const struct composition_tensor *t = &c->tensors[tensor];

    if (tensor < COMPOSITION_OUT)
        return IN + tensor - COMPOSITION_IN;
    if (tensor < COMPOSITION_OWN)
        return OUT + tensor - COMPOSITION_OUT;
    if (!plan->made[tensor])
        plan->made[tensor] = xnnpack_add_tensor(plan, t->channels, t->e);
    return plan->made[tensor];
}

static void add_operation(struct oct_plan *plan, const struct composition *c, const struct operation *o)
{
    int src = tensor_of(plan, c, o->src), dst = tensor_of(plan, c, o->dst);

    switch (o->kind) {
    case OPERATION_POOL:
        add_pool(plan, src, dst, o->log2);
        break;
    case OPERATION_CONV:
        add_conv(plan, o, src, dst);
        break;
    case OPERATION_UPSAMPLE:
        add_upsampling(plan, o, src, dst);
        break;
    case OPERATION_ADD:
        add_sum(plan, src, tensor_of(plan, c, o->src2), dst, rides(plan, o->ending));
        add_residual(plan, o->to, dst, o->ending);
        break;
    }
}

void xnnpack_add_operations(struct oct_plan *plan, const struct composition *c)
{
    for (int i = 0; i < c->noperations && !plan->status; i++)
        add_operation(plan, c, &c->operations[i]);
}
