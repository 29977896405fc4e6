/* SPDX-License-Identifier: MIT */
#include "onednn/steps.h"

#include <stdio.h>

struct step *onednn_add_step(struct oct_plan *plan, const char *name)
{
    struct step *step = &plan->steps[plan->nsteps];

    if (plan->nsteps == MAX_STEPS)
        onednn_fail(plan, OCT_ERROR, "more steps than a oneDNN plan has room for");
    if (plan->status)
        return NULL;
    plan->nsteps++;
    snprintf(step->name, sizeof(step->name), "%s", name);
    return step;
}

void onednn_add_arg(struct oct_plan *plan, struct step *step, int arg, int tensor)
{
    if (step)
        step->args[step->nargs++] = (dnnl_exec_arg_t){arg, plan->tensors[tensor].memory};
}

/* Steps run one after the other, so all share the memory that the largest needs. */
static void add_scratchpad(struct oct_plan *plan, struct step *step, const_dnnl_primitive_desc_t pd)
{
    api_desc desc = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    size_t bytes = dnnl_memory_desc_get_size(desc);
    int tensor;

    if (!bytes)
        return;
    plan->scratchpad_bytes = bytes > plan->scratchpad_bytes ? bytes : plan->scratchpad_bytes;
    tensor = onednn_add_memory(plan, desc, NULL);
    if (tensor)
        plan->tensors[tensor].place = SCRATCHPAD;
    onednn_add_arg(plan, step, DNNL_ARG_SCRATCHPAD, tensor);
}

struct step *onednn_add_primitive(struct oct_plan *plan, const char *name, const_dnnl_primitive_desc_t pd)
{
    struct step *step = onednn_add_step(plan, name);
    const char *impl = "";

    if (!step || !onednn_ok(plan, dnnl_primitive_create(&step->primitive, pd), name))
        return NULL;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl);
    snprintf(step->impl, sizeof(step->impl), "%s", impl);
    add_scratchpad(plan, step, pd);
    return step;
}

struct onednn_post onednn_post_of(const struct oct_plan *plan, int band, struct ending ending)
{
    struct onednn_post post = {.accumulate = ending.accumulate};

    if (!ending.epilogue)
        return post;
    post.residual = plan->p.epilogue & OCT_EPILOGUE_RESIDUAL ? RESIDUAL + band : 0;
    post.activation = plan->p.epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6);
    return post;
}

static dnnl_status_t append_posts(const struct oct_plan *plan, dnnl_post_ops_t ops, struct onednn_post post)
{
    dnnl_status_t status = dnnl_success;

    if (post.accumulate)
        status = api_append_sum(ops);
    if (!status && post.residual)
        status = dnnl_post_ops_append_binary(ops, dnnl_binary_add, onednn_desc(plan, post.residual));
    if (!status && post.activation & OCT_EPILOGUE_RELU)
        status = api_append_eltwise(ops, dnnl_eltwise_relu, 0, 0);
    if (!status && post.activation & OCT_EPILOGUE_RELU6)
        status = api_append_eltwise(ops, dnnl_eltwise_clip, 0, 6);
    return status;
}

dnnl_primitive_attr_t onednn_make_attr(struct oct_plan *plan, struct onednn_post post)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;

    if (onednn_ok(plan, dnnl_primitive_attr_create(&attr), "attributes") &&
        onednn_ok(plan, dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user),
                  "a scratchpad") &&
        onednn_ok(plan, dnnl_post_ops_create(&ops), "post-ops") &&
        onednn_ok(plan, append_posts(plan, ops, post), "post-ops"))
        onednn_ok(plan, dnnl_primitive_attr_set_post_ops(attr, ops), "post-ops");
    dnnl_post_ops_destroy(ops);
    if (!plan->status)
        return attr;
    dnnl_primitive_attr_destroy(attr);
    return NULL;
}

void onednn_add_post_args(struct oct_plan *plan, struct step *step, struct onednn_post post)
{
    if (post.residual)
        onednn_add_arg(plan, step, DNNL_ARG_ATTR_MULTIPLE_POST_OP(post.accumulate) | DNNL_ARG_SRC_1,
                       post.residual);
}
