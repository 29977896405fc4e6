/* SPDX-License-Identifier: MIT */
/* The operations of a oneDNN plan: each finds the library's implementation and adds its step. */
#include "onednn/ops.h"
#include "onednn/conv.h"

#include <stdio.h>
#include <string.h>

static void add_pool(struct oct_plan *plan, int src, int dst, int log2)
{
    const struct tensor *from = &plan->tensors[src], *to = &plan->tensors[dst];
    dnnl_primitive_attr_t attr = onednn_make_attr(plan, (struct onednn_post){.accumulate = false});
    dnnl_primitive_desc_t pd = NULL;
    dnnl_dims_t window, right;
    int size = 1 << log2;

    onednn_put_spatial(plan, window, 1, size, size);
    onednn_put_spatial(plan, right, 0, to->e.h * size - from->e.h,
                       to->e.w * size - from->e.w); /* ceil mode */
    if (attr && onednn_ok(plan,
                          api_pooling(&pd, plan->engine, attr, onednn_desc(plan, src), onednn_desc(plan, dst),
                                      window, right),
                          "a pooling")) {
        struct step *step = onednn_add_primitive(plan, "pool", pd);
        onednn_add_arg(plan, step, DNNL_ARG_SRC, src);
        onednn_add_arg(plan, step, DNNL_ARG_DST, dst);
    }
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
}

static dnnl_primitive_desc_t resampling_desc(struct oct_plan *plan, int src, int dst, struct onednn_post post)
{
    dnnl_primitive_attr_t attr = onednn_make_attr(plan, post);
    dnnl_primitive_desc_t pd = NULL;

    if (attr)
        api_resampling(&pd, plan->engine, attr, onednn_desc(plan, src), onednn_desc(plan, dst));
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
    dnnl_primitive_attr_t attr = onednn_make_attr(plan, post);
    dnnl_primitive_desc_t pd = NULL;

    if (attr && onednn_ok(plan,
                          api_add(&pd, plan->engine, attr, onednn_desc(plan, a), onednn_desc(plan, b),
                                  onednn_desc(plan, dst)),
                          "an addition")) {
        struct step *step = onednn_add_primitive(plan, "add", pd);
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
    dnnl_primitive_attr_t attr = onednn_make_attr(plan, (struct onednn_post){.accumulate = false});
    dnnl_primitive_desc_t pd = NULL;

    if (attr && onednn_ok(plan,
                          api_eltwise(&pd, plan->engine, attr, onednn_desc(plan, tensor),
                                      clip ? dnnl_eltwise_clip : dnnl_eltwise_relu, 0, clip ? 6 : 0),
                          "an activation")) {
        struct step *step = onednn_add_primitive(plan, "activation", pd);
        onednn_add_arg(plan, step, DNNL_ARG_SRC, tensor);
        onednn_add_arg(plan, step, DNNL_ARG_DST, tensor);
    }
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
}

/* The epilogue as operations of its own, where it could not ride on another. */
static void add_epilogue(struct oct_plan *plan, int band, int tensor)
{
    struct onednn_post post = onednn_post_of(plan, band, (struct ending){.epilogue = true});

    if (post.residual)
        add_binary(plan, tensor, post.residual, tensor, (struct onednn_post){.activation = post.activation});
    else if (post.activation)
        add_activation(plan, tensor);
}

static void add_sum(struct oct_plan *plan, int band, int a, int b, int dst, bool epilogue)
{
    if (!plan->status)
        add_binary(plan, a, b, dst, onednn_post_of(plan, band, (struct ending){.epilogue = epilogue}));
}

static int add_scratch(struct oct_plan *plan, int band, struct oct_extent e)
{
    return onednn_add_scratch(plan, plan->layout, plan->p.oc[band], e);
}

/* First with everything fused; then with the epilogue apart; last with the sum apart too. */
static void add_conv(struct oct_plan *plan, int from, int to, int src, int dst, struct ending ending)
{
    struct ending less = {.accumulate = ending.accumulate, .bias = ending.bias};
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
        share = add_scratch(plan, to, plan->tensors[dst].e);
        if (onednn_add_conv(plan, from, to, src, share, less)) {
            add_sum(plan, to, dst, share, dst, ending.epilogue);
            return;
        }
    }
    if (!plan->status)
        plan->status =
            oct_fail(plan->msg, OCT_UNSUPPORTED, "oneDNN has only its reference loop for path %s in %s",
                     oct_path_name(&plan->p, from, to, name), oct_layout_name(plan->layout));
}

static void add_upsampling(struct oct_plan *plan, int band, int up, int src, int dst, struct ending ending)
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
    copy = add_scratch(plan, band, high->e);
    add_cropped(plan, src, copy, up);
    add_sum(plan, band, dst, copy, dst, ending.epilogue);
}

/* The plan's tensor that stands for the composition's; its own are made where they are first written, and a
 * pooled copy has the layout of what it copies. */
static int tensor_of(struct oct_plan *plan, const struct composition *c, int tensor, enum oct_layout layout)
{
    const struct composition_tensor *t = &c->tensors[tensor];

    if (tensor < COMPOSITION_OUT)
        return IN + tensor - COMPOSITION_IN;
    if (tensor < COMPOSITION_OWN)
        return OUT + tensor - COMPOSITION_OUT;
    if (!plan->made[tensor])
        plan->made[tensor] = onednn_add_scratch(plan, layout, t->channels, t->e);
    return plan->made[tensor];
}

static void add_operation(struct oct_plan *plan, const struct composition *c, const struct operation *o)
{
    int src = tensor_of(plan, c, o->src, plan->layout);
    enum oct_layout layout = o->kind == OPERATION_POOL ? plan->tensors[src].layout : plan->layout;
    int dst = tensor_of(plan, c, o->dst, layout);

    if (plan->status)
        return;
    switch (o->kind) {
    case OPERATION_POOL:
        add_pool(plan, src, dst, o->log2);
        break;
    case OPERATION_CONV:
        add_conv(plan, o->from, o->to, src, dst, o->ending);
        break;
    case OPERATION_UPSAMPLE:
        add_upsampling(plan, o->to, o->log2, src, dst, o->ending);
        break;
    case OPERATION_ADD:
        add_sum(plan, o->to, src, tensor_of(plan, c, o->src2, layout), dst, o->ending.epilogue);
        break;
    }
}

void onednn_add_operations(struct oct_plan *plan, const struct composition *c)
{
    for (int i = 0; i < c->noperations && !plan->status; i++)
        add_operation(plan, c, &c->operations[i]);
}
