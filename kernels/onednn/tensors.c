/* SPDX-License-Identifier: MIT */
/* Memory objects of a oneDNN plan, and how its errors stick. */
#include "onednn/plan.h"

#include <string.h>

/* ---- errors -------------------------------------------------------------------------------------- */

void onednn_fail(struct oct_plan *plan, int status, const char *what)
{
    if (!plan->status)
        plan->status = oct_fail(plan->msg, status, "%s", what);
}

/* True if the call succeeded and nothing failed before. */
bool onednn_ok(struct oct_plan *plan, dnnl_status_t status, const char *call)
{
    if (plan->status)
        return false;
    if (status == dnnl_success)
        return true;
    plan->status = status == dnnl_out_of_memory ? OCT_NO_MEMORY : OCT_ERROR;
    if (status == dnnl_unimplemented || status == dnnl_invalid_arguments)
        plan->status = OCT_UNSUPPORTED;
    oct_fail(plan->msg, plan->status, "oneDNN refused %s for this layer (dnnl_status_t %d)", call,
             (int)status);
    return false;
}

/* ---- tensors ------------------------------------------------------------------------------------- */

static bool is_3d(const struct oct_plan *plan)
{
    return plan->p.d > 1 || plan->p.kd > 1;
}

int onednn_spatial_axes(const struct oct_plan *plan)
{
    return is_3d(plan) ? 3 : 2;
}

/* Fills the spatial part of a list of dimensions. */
void onednn_put_spatial(const struct oct_plan *plan, dnnl_dim_t *dims, int d, int h, int w)
{
    if (is_3d(plan))
        *dims++ = d;
    dims[0] = h;
    dims[1] = w;
}

static int lanes(enum oct_layout layout, int channels)
{
    int block = oct_layout_block(layout);

    return oct_ceil_div(channels, block) * block;
}

static dnnl_format_tag_t tag_of(enum oct_layout layout, bool three)
{
    switch (layout) {
    case OCT_NCHW8C:
        return three ? dnnl_nCdhw8c : dnnl_nChw8c;
    case OCT_NCHW16C:
        return three ? dnnl_nCdhw16c : dnnl_nChw16c;
    case OCT_NHWC:
        return three ? dnnl_ndhwc : dnnl_nhwc;
    default:
        return three ? dnnl_ncdhw : dnnl_nchw;
    }
}

/* An entry for a memory object over `data`, which the plan owns from now on. 0 after an error. */
int onednn_add_memory(struct oct_plan *plan, api_desc desc, void *data)
{
    struct tensor *t = &plan->tensors[plan->ntensors];

    if (plan->ntensors == MAX_TENSORS)
        onednn_fail(plan, OCT_ERROR, "more tensors than a oneDNN plan has room for");
    if (plan->status ||
        !onednn_ok(plan, dnnl_memory_create(&t->memory, desc, plan->engine, data), "a memory object")) {
        oct_free(data);
        return 0;
    }
    t->data = data;
    return plan->ntensors++;
}

void *onednn_allocate(struct oct_plan *plan, size_t bytes)
{
    void *data = plan->status ? NULL : oct_alloc(bytes);

    if (!data && !plan->status)
        plan->status = oct_fail(plan->msg, OCT_NO_MEMORY, "no memory for %zu bytes of a oneDNN plan", bytes);
    return data;
}

int onednn_add_plain(struct oct_plan *plan, int ndims, const dnnl_dims_t dims, dnnl_format_tag_t tag,
                     void *data)
{
    struct tensor *t = &plan->tensors[plan->ntensors];

    if (plan->ntensors == MAX_TENSORS)
        onednn_fail(plan, OCT_ERROR, "more tensors than a oneDNN plan has room for");
    if (plan->status ||
        !onednn_ok(plan, api_memory(&t->memory, ndims, dims, tag, plan->engine, data), "a memory object")) {
        oct_free(data);
        return 0;
    }
    t->data = data;
    return plan->ntensors++;
}

/* The entry's memory object, and what it holds. */
static bool make_tensor(struct oct_plan *plan, struct tensor *t, enum oct_layout layout, int channels,
                        struct oct_extent e)
{
    dnnl_dims_t dims = {plan->p.n, lanes(layout, channels)};

    onednn_put_spatial(plan, dims + 2, e.d, e.h, e.w);
    t->layout = layout;
    t->channels = lanes(layout, channels);
    t->e = e;
    return onednn_ok(plan,
                     api_memory(&t->memory, 2 + onednn_spatial_axes(plan), dims, tag_of(layout, is_3d(plan)),
                                plan->engine, DNNL_MEMORY_NONE),
                     "a tensor");
}

void onednn_add_outside(struct oct_plan *plan, int index, enum oct_layout layout, int channels,
                        struct oct_extent e)
{
    if (channels)
        make_tensor(plan, &plan->tensors[index], layout, channels, e);
}

int onednn_add_scratch(struct oct_plan *plan, enum oct_layout layout, int channels, struct oct_extent e)
{
    const struct oct_tensor shape = {OCT_F32, layout, plan->p.n, channels, e, NULL};
    size_t bytes = oct_tensor_bytes(&shape);
    struct tensor *t = &plan->tensors[plan->ntensors];

    if (plan->ntensors == MAX_TENSORS)
        onednn_fail(plan, OCT_ERROR, "more tensors than a oneDNN plan has room for");
    if (!make_tensor(plan, t, layout, channels, e))
        return 0;
    t->place = IN_SCRATCH;
    t->offset = onednn_take_scratch(plan, bytes);
    return plan->ntensors++;
}

size_t onednn_take_scratch(struct oct_plan *plan, size_t bytes)
{
    size_t offset = plan->head.info.outside_bytes;

    plan->head.info.outside_bytes += (bytes + 63) / 64 * 64;
    return offset;
}

api_desc onednn_desc(const struct oct_plan *plan, int tensor)
{
    return api_desc_of(plan->tensors[tensor].memory);
}

/* Values that move together: the innermost channels of one pixel. */
static size_t pixel_values(const struct tensor *t)
{
    return t->layout == OCT_NHWC ? (size_t)t->channels : (size_t)oct_layout_block(t->layout);
}

static void upsample_row(float *to, const float *from, int w, int up, size_t values)
{
    for (int x = 0; x < w; x++)
        memcpy(to + x * values, from + (size_t)(x >> up) * values, values * sizeof(float));
}

void onednn_upsample_cropped(const struct tensor *src, const struct tensor *dst, int n, int up)
{
    size_t values = pixel_values(dst);
    int planes = (int)((size_t)n * dst->channels / values) * dst->e.d;
    void *from, *to;

    dnnl_memory_get_data_handle(src->memory, &from);
    dnnl_memory_get_data_handle(dst->memory, &to);
#pragma omp parallel for collapse(2)
    for (int i = 0; i < planes; i++)
        for (int y = 0; y < dst->e.h; y++)
            upsample_row((float *)to + ((size_t)i * dst->e.h + y) * dst->e.w * values,
                         (const float *)from + ((size_t)i * src->e.h + (y >> up)) * src->e.w * values,
                         dst->e.w, up, values);
}
