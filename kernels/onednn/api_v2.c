/* SPDX-License-Identifier: MIT */
/* API 2: an operation is described first, and the library then offers primitives for it. */
#include "onednn/api.h"

const bool api_has_winograd = true;

dnnl_status_t api_memory(dnnl_memory_t *memory, int ndims, const dnnl_dims_t dims, dnnl_format_tag_t tag,
                         dnnl_engine_t engine, void *data)
{
    dnnl_memory_desc_t desc;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&desc, ndims, dims, dnnl_f32, tag);

    return status ? status : dnnl_memory_create(memory, &desc, engine, data);
}

api_desc api_desc_of(dnnl_memory_t memory)
{
    api_desc desc = NULL;

    dnnl_memory_get_memory_desc(memory, &desc);
    return desc;
}

dnnl_status_t api_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1);
}

dnnl_status_t api_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t algorithm, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(ops, 1, algorithm, alpha, beta);
}

dnnl_status_t api_convs_first(struct api_convs *convs, const struct api_conv *conv, dnnl_engine_t engine,
                              const_dnnl_primitive_attr_t attr)
{
    dnnl_memory_desc_t weights, bias;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&weights, conv->weights_ndims, conv->weights,
                                                        dnnl_f32, dnnl_format_tag_any);

    if (!status && conv->bias)
        status = dnnl_memory_desc_init_by_tag(&bias, 1, (dnnl_dims_t){conv->bias}, dnnl_f32, dnnl_a);
    if (!status)
        status = dnnl_dilated_convolution_forward_desc_init(
            &convs->desc, dnnl_forward_inference, conv->algorithm, conv->src, &weights,
            conv->bias ? &bias : NULL, conv->dst, conv->strides, conv->dilates, conv->left, conv->right);
    return status ? status
                  : dnnl_primitive_desc_iterator_create(&convs->at, &convs->desc, attr, engine, NULL);
}

bool api_convs_next(struct api_convs *convs)
{
    return dnnl_primitive_desc_iterator_next(convs->at) == dnnl_success;
}

void api_convs_end(struct api_convs *convs)
{
    dnnl_primitive_desc_iterator_destroy(convs->at);
}

dnnl_primitive_desc_t api_convs_get(const struct api_convs *convs)
{
    return dnnl_primitive_desc_iterator_fetch(convs->at);
}

dnnl_status_t api_pooling(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                          api_desc src, api_desc dst, const dnnl_dims_t window, const dnnl_dims_t right)
{
    const dnnl_dims_t left = {0};
    dnnl_pooling_desc_t desc;
    dnnl_status_t status =
        dnnl_pooling_forward_desc_init(&desc, dnnl_forward_inference, dnnl_pooling_avg_exclude_padding, src,
                                       dst, window, window, left, right);

    return status ? status : dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
}

dnnl_status_t api_resampling(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                             const_dnnl_primitive_attr_t attr, api_desc src, api_desc dst)
{
    dnnl_resampling_desc_t desc;
    dnnl_status_t status = dnnl_resampling_forward_desc_init(&desc, dnnl_forward_inference,
                                                             dnnl_resampling_nearest, NULL, src, dst);

    return status ? status : dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
}

dnnl_status_t api_add(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                      api_desc a, api_desc b, api_desc dst)
{
    dnnl_binary_desc_t desc;
    dnnl_status_t status = dnnl_binary_desc_init(&desc, dnnl_binary_add, a, b, dst);

    return status ? status : dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
}

dnnl_status_t api_eltwise(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                          api_desc data, dnnl_alg_kind_t algorithm, float alpha, float beta)
{
    dnnl_eltwise_desc_t desc;
    dnnl_status_t status =
        dnnl_eltwise_forward_desc_init(&desc, dnnl_forward_inference, algorithm, data, alpha, beta);

    return status ? status : dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
}
