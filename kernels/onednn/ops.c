/* SPDX-License-Identifier: MIT */
/* The operations of a oneDNN plan: each finds the library's implementation and adds its step. */
#include "onednn/conv.h"

#include <stdio.h>
#include <string.h>

/* ---- primitives ---------------------------------------------------------------------------------- */

static int add_pool(struct oct_plan *plan, int src, int channels, int log2)
{
    const struct tensor *t = &plan->tensors[src];
    int size = 1 << log2;
    struct oct_extent e = {t->e.d, oct_ceil_div(t->e.h, size), oct_ceil_div(t->e.w, size)};
    int dst = onednn_add_scratch(plan, t->layout, channels, e);
    dnnl_dims_t window, left = {0}, right;
    dnnl_pooling_desc_t desc;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd = NULL;
    struct step *step;

    if (!dst)
        return 0;
    onednn_put_spatial(plan, window, 1, size, size);
    onednn_put_spatial(plan, right, 0, e.h * size - t->e.h, e.w * size - t->e.w); /* ceil mode */
    if (!onednn_ok(plan,
                   dnnl_pooling_forward_desc_init(&desc, dnnl_forward_inference,
                                                  dnnl_pooling_avg_exclude_padding, onednn_desc(plan, src),
                                                  onednn_desc(plan, dst), window, window, left, right),
                   "a pooling"))
        return 0;
    attr = onednn_make_attr(plan, (struct onednn_post){.accumulate = false});
    if (!attr ||
        !onednn_ok(plan, dnnl_primitive_desc_create(&pd, &desc, attr, plan->engine, NULL), "a pooling")) {
        dnnl_primitive_attr_destroy(attr);
        return 0;
    }
    step = onednn_add_primitive(plan, "pool", pd);
    onednn_add_arg(plan, step, DNNL_ARG_SRC, src);
    onednn_add_arg(plan, step, DNNL_ARG_DST, dst);
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    return dst;
}

static dnnl_primitive_desc_t resampling_desc(struct oct_plan *plan, int src, int dst, struct onednn_post post)
{
    dnnl_resampling_desc_t desc;
    dnnl_primitive_attr_t attr = onednn_make_attr(plan, post);
    dnnl_primitive_desc_t pd = NULL;

    if (attr &&
        dnnl_resampling_forward_desc_init(&desc, dnnl_forward_inference, dnnl_resampling_nearest, NULL,
                                          onednn_desc(plan, src), onednn_desc(plan, dst)) == dnnl_success)
        dnnl_primitive_desc_create(&pd, &desc, attr, plan->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    return pd;
}

/* Upsampling by a whole factor; false if the library has none with these post-ops. */
static bool add_resampling(struct oct_plan *plan, int src, int dst, struct onednn_post post)
{
    dnnl_primitive_desc_t pd = resampling_desc(plan, src, dst, post);
    const char *impl = "";
    struct step *step;

    if (!pd)
        return plan->status;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl);
    if (post.residual && strncmp(impl, "jit", 3) != 0) { /* the others read wrong places in oneDNN 2.6.3 */
        dnnl_primitive_desc_destroy(pd);
        return false;
    }
    step = onednn_add_primitive(plan, "upsample", pd);
    onednn_add_arg(plan, step, DNNL_ARG_SRC, src);
    onednn_add_arg(plan, step, DNNL_ARG_DST, dst);
    onednn_add_post_args(plan, step, post);
    dnnl_primitive_desc_destroy(pd);
    return true;
}

static void add_cropped(struct oct_plan *plan, int src, int dst, int up)
{
    struct step *step = onednn_add_step(plan, "upsample");

    if (!step)
        return;
    snprintf(step->impl, sizeof(step->impl), "own:cropped");
    step->src = src;
    step->dst = dst;
    step->up = up;
}

static void add_binary(struct oct_plan *plan, int a, int b, int dst, struct onednn_post post)
{
    dnnl_binary_desc_t desc;
    dnnl_primitive_attr_t attr = onednn_make_attr(plan, post);
    dnnl_primitive_desc_t pd = NULL;
    struct step *step;

    if (!attr)
        return;
    if (onednn_ok(plan,
                  dnnl_binary_desc_init(&desc, dnnl_binary_add, onednn_desc(plan, a), onednn_desc(plan, b),
                                        onednn_desc(plan, dst)),
                  "an addition") &&
        onednn_ok(plan, dnnl_primitive_desc_create(&pd, &desc, attr, plan->engine, NULL), "an addition")) {
        step = onednn_add_primitive(plan, "add", pd);
        onednn_add_arg(plan, step, DNNL_ARG_SRC_0, a);
        onednn_add_arg(plan, step, DNNL_ARG_SRC_1, b);
        onednn_add_arg(plan, step, DNNL_ARG_DST, dst);
        onednn_add_post_args(plan, step, post);
    }
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
}

static void add_activation(struct oct_plan *plan, int tensor)
{
    bool clip = plan->p.epilogue & OCT_EPILOGUE_RELU6;
    dnnl_eltwise_desc_t desc;
    dnnl_primitive_attr_t attr = onednn_make_attr(plan, (struct onednn_post){.accumulate = false});
    dnnl_primitive_desc_t pd = NULL;
    struct step *step;

    if (!attr)
        return;
    if (onednn_ok(plan,
                  dnnl_eltwise_forward_desc_init(&desc, dnnl_forward_inference,
                                                 clip ? dnnl_eltwise_clip : dnnl_eltwise_relu,
                                                 onednn_desc(plan, tensor), 0, clip ? 6 : 0),
                  "an activation") &&
        onednn_ok(plan, dnnl_primitive_desc_create(&pd, &desc, attr, plan->engine, NULL), "an activation")) {
        step = onednn_add_primitive(plan, "activation", pd);
        onednn_add_arg(plan, step, DNNL_ARG_SRC, tensor);
        onednn_add_arg(plan, step, DNNL_ARG_DST, tensor);
    }
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
}

/* The epilogue as operations of its own, where it could not ride on another. */
static void add_epilogue(struct oct_plan *plan, int band, int tensor)
{
    struct onednn_post post = onednn_post_of(plan, band, (struct onednn_ending){.epilogue = true});

    if (post.residual)
        add_binary(plan, tensor, post.residual, tensor, (struct onednn_post){.activation = post.activation});
    else if (post.activation)
        add_activation(plan, tensor);
}

/* ---- what compositions call ---------------------------------------------------------------------- */

int onednn_pooled(struct oct_plan *plan, int from, int to)
{
    struct oct_path path = oct_path_get(&plan->p, from, to);
    int *pooled = plan->pooled[from][path.pre];

    if (path.pre && !pooled[0])
        pooled[0] = add_pool(plan, IN + from, plan->p.ic[from], path.pre);
    if (!path.pool)
        return path.pre ? pooled[0] : IN + from;
    if (!pooled[path.pool])
        pooled[path.pool] = add_pool(plan, path.pre ? pooled[0] : IN + from, plan->p.ic[from], path.pool);
    return pooled[path.pool];
}

int onednn_scratch(struct oct_plan *plan, int band, struct oct_extent e)
{
    return onednn_add_scratch(plan, plan->layout, plan->p.oc[band], e);
}

/* First with everything fused; then with the epilogue apart; last with the sum apart too. */
void onednn_conv(struct oct_plan *plan, int from, int to, int src, int dst, struct onednn_ending ending)
{
    struct onednn_ending less = {.accumulate = ending.accumulate, .bias = ending.bias};
    char name[4];
    int share;

    if (plan->status || !onednn_fills_blocks(plan, from, to) ||
        onednn_add_conv(plan, from, to, src, dst, ending))
        return;
    if (ending.epilogue && onednn_add_conv(plan, from, to, src, dst, less)) {
        add_epilogue(plan, to, dst);
        return;
    }
    less.accumulate = false;
    if (ending.accumulate) {
        share = onednn_scratch(plan, to, plan->tensors[dst].e);
        if (onednn_add_conv(plan, from, to, src, share, less)) {
            onednn_add(plan, to, dst, share, dst, ending.epilogue);
            return;
        }
    }
    if (!plan->status)
        plan->status =
            oct_fail(plan->msg, OCT_UNSUPPORTED, "oneDNN has only its reference loop for path %s in %s",
                     oct_path_name(&plan->p, from, to, name), oct_layout_name(plan->layout));
}

void onednn_upsample(struct oct_plan *plan, int band, int up, int src, int dst, struct onednn_ending ending)
{
    const struct tensor *low = &plan->tensors[src], *high = &plan->tensors[dst];
    /* The library scales by the ratio of the extents, so that 4 -> 7 would not be a factor of 2. */
    bool whole = low->e.h << up == high->e.h && low->e.w << up == high->e.w;
    int copy;

    if (plan->status || (whole && add_resampling(plan, src, dst, onednn_post_of(plan, band, ending))))
        return;
    if (!ending.accumulate) {
        if (!whole || !add_resampling(plan, src, dst, (struct onednn_post){.accumulate = false}))
            add_cropped(plan, src, dst, up);
        if (ending.epilogue)
            add_epilogue(plan, band, dst);
        return;
    }
    copy = onednn_scratch(plan, band, high->e);
    add_cropped(plan, src, copy, up);
    onednn_add(plan, band, dst, copy, dst, ending.epilogue);
}

void onednn_add(struct oct_plan *plan, int band, int a, int b, int dst, bool epilogue)
{
    if (!plan->status)
        add_binary(plan, a, b, dst, onednn_post_of(plan, band, (struct onednn_ending){.epilogue = epilogue}));
}
