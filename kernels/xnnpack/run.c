/* SPDX-License-Identifier: MIT */
/* One step of a plan: setting its operator up, and running it. */
#include "xnnpack/plan.h"

#include <string.h>

/* Values of part t of the addition, whole vectors but for the last. */
static size_t share_of(const struct oct_plan *plan, const struct tensor *t, int part, size_t *first)
{
    size_t values = (size_t)t->images * t->e.h * t->e.w * t->channels, vectors = (values + 15) / 16;
    size_t parts = (size_t)plan->head.info.threads, last;

    *first = vectors * (size_t)part / parts * 16;
    last = vectors * (size_t)(part + 1) / parts * 16;
    return (last < values ? last : values) - *first;
}

static bool set_up_add(const struct oct_plan *plan, const struct step *step, const float *a, const float *b)
{
    const struct tensor *dst = &plan->tensors[step->dst];

    for (int i = 0; i < plan->head.info.threads; i++) {
        size_t first, count = share_of(plan, dst, i, &first);

        if (count && xnn_setup_add_nd_f32(step->share[i], 1, &count, 1, &count, a + first, b + first,
                                          dst->data + first, NULL) != xnn_status_success)
            return false;
    }
    return true;
}

/* Y as [rows, factor, columns, factor, channels], to which the factors of the coarse tensor are 1. */
static bool set_up_add_upsampled(const struct oct_plan *plan, const struct step *step)
{
    const struct tensor *low = &plan->tensors[step->src2], *dst = &plan->tensors[step->dst];
    size_t rows = (size_t)low->images * low->e.h, factor = (size_t)1 << step->log2;
    size_t high_shape[] = {rows, factor, (size_t)low->e.w, factor, (size_t)low->channels};
    size_t low_shape[] = {rows, 1, (size_t)low->e.w, 1, (size_t)low->channels};

    return xnn_setup_add_nd_f32(step->op, 5, high_shape, 5, low_shape, plan->tensors[step->src].data,
                                low->data, dst->data, plan->pool) == xnn_status_success;
}

static bool set_up(const struct oct_plan *plan, const struct step *step)
{
    const struct tensor *src = &plan->tensors[step->src], *dst = &plan->tensors[step->dst];
    size_t images = (size_t)src->images, h = (size_t)src->e.h, w = (size_t)src->e.w;

    switch (step->kind) {
    case STEP_CONV:
        return xnn_setup_convolution2d_nhwc_f32(step->op, images, h, w, src->data, dst->data, plan->pool) ==
               xnn_status_success;
    case STEP_POOL:
        return xnn_setup_average_pooling2d_nhwc_f32(step->op, images, h, w, src->data, dst->data,
                                                    plan->pool) == xnn_status_success;
    case STEP_ADD:
        return set_up_add(plan, step, src->data, plan->tensors[step->src2].data);
    case STEP_ADD_UPSAMPLED:
        return set_up_add_upsampled(plan, step);
    case STEP_CLAMP:
        return xnn_setup_clamp_nc_f32(step->op, images * h * w, src->data, dst->data, plan->pool) ==
               xnn_status_success;
    default:
        return true;
    }
}

bool xnnpack_set_up(struct oct_plan *plan, struct step *step)
{
    const float *src = plan->tensors[step->src].data, *src2 = plan->tensors[step->src2].data,
                *dst = plan->tensors[step->dst].data;

    if (src == step->was_src && src2 == step->was_src2 && dst == step->was_dst)
        return true;
    step->was_src = src;
    step->was_src2 = src2;
    step->was_dst = dst;
    return set_up(plan, step);
}

static void add_share(void *context, size_t part)
{
    const struct step *step = context;

    if (step->share[part])
        xnn_run_operator(step->share[part], NULL);
}

struct copy {
    const struct tensor *src, *dst;
    int log2;
};

static void upsample_row(void *context, size_t image, size_t y)
{
    const struct copy *copy = context;
    const struct tensor *src = copy->src, *dst = copy->dst;
    size_t values = (size_t)dst->channels;
    const float *from = src->data + (image * src->e.h + (y >> copy->log2)) * src->e.w * values;
    float *to = dst->data + (image * dst->e.h + y) * dst->e.w * values;

    for (int x = 0; x < dst->e.w; x++)
        memcpy(to + x * values, from + (size_t)(x >> copy->log2) * values, values * sizeof(float));
}

bool xnnpack_run(struct oct_plan *plan, const struct step *step)
{
    struct copy copy = {&plan->tensors[step->src], &plan->tensors[step->dst], step->log2};

    if (step->kind == STEP_UPSAMPLE)
        pthreadpool_parallelize_2d(plan->pool, upsample_row, &copy, (size_t)copy.dst->images,
                                   (size_t)copy.dst->e.h, step->flags);
    else if (step->kind == STEP_ADD)
        pthreadpool_parallelize_1d(plan->pool, add_share, (void *)step, (size_t)plan->head.info.threads,
                                   step->flags);
    else
        return xnn_run_operator(step->op, plan->pool) == xnn_status_success;
    return true;
}
