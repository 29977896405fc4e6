/* SPDX-License-Identifier: MIT */
/* API 3: descriptors of tensors are handles, and a primitive is described in one call. */
#include "onednn/api.h"

const bool api_has_winograd = false;

dnnl_status_t api_memory(dnnl_memory_t *memory, int ndims, const dnnl_dims_t dims, dnnl_format_tag_t tag,
                         dnnl_engine_t engine, void *data)
{
    dnnl_memory_desc_t desc = NULL;
    dnnl_status_t status = dnnl_memory_desc_create_with_tag(&desc, ndims, dims, dnnl_f32, tag);

    if (status)
        return status;
    status = dnnl_memory_create(memory, desc, engine, data);
    dnnl_memory_desc_destroy(desc);
    return status;
}

api_desc api_desc_of(dnnl_memory_t memory)
{
    api_desc desc = NULL;

    dnnl_memory_get_memory_desc(memory, &desc);
    return desc;
}

dnnl_status_t api_append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
}

dnnl_status_t api_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t algorithm, float alpha, float beta)
{
    return dnnl_post_ops_append_eltwise(ops, algorithm, alpha, beta);
}

dnnl_status_t api_convs_first(struct api_convs *convs, const struct api_conv *conv, dnnl_engine_t engine,
                              const_dnnl_primitive_attr_t attr)
{
    dnnl_memory_desc_t weights = NULL, bias = NULL;
    dnnl_status_t status = dnnl_memory_desc_create_with_tag(&weights, conv->weights_ndims, conv->weights,
                                                            dnnl_f32, dnnl_format_tag_any);

    if (!status && conv->bias)
        status = dnnl_memory_desc_create_with_tag(&bias, 1, (dnnl_dims_t){conv->bias}, dnnl_f32, dnnl_a);
    if (!status)
        status = dnnl_convolution_forward_primitive_desc_create(
            &convs->at, engine, dnnl_forward_inference, conv->algorithm, conv->src, weights, bias, conv->dst,
            conv->strides, conv->dilates, conv->left, conv->right, attr);
    dnnl_memory_desc_destroy(bias);
    dnnl_memory_desc_destroy(weights);
    return status;
}

bool api_convs_next(struct api_convs *convs)
{
    return dnnl_primitive_desc_next_impl(convs->at) == dnnl_success;
}

void api_convs_end(struct api_convs *convs)
{
    dnnl_primitive_desc_destroy(convs->at);
}

dnnl_primitive_desc_t api_convs_get(const struct api_convs *convs)
{
    dnnl_primitive_desc_t copy = NULL;

    dnnl_primitive_desc_clone(&copy, convs->at);
    return copy;
}

dnnl_status_t api_pooling(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                          api_desc src, api_desc dst, const dnnl_dims_t window, const dnnl_dims_t right)
{
    const dnnl_dims_t none = {0};

    return dnnl_pooling_forward_primitive_desc_create(pd, engine, dnnl_forward_inference,
                                                      dnnl_pooling_avg_exclude_padding, src, dst, window,
                                                      window, none, none, right, attr);
}

dnnl_status_t api_resampling(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                             const_dnnl_primitive_attr_t attr, api_desc src, api_desc dst)
{
    return dnnl_resampling_forward_primitive_desc_create(pd, engine, dnnl_forward_inference,
                                                         dnnl_resampling_nearest, NULL, src, dst, attr);
}

dnnl_status_t api_add(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                      api_desc a, api_desc b, api_desc dst)
{
    return dnnl_binary_primitive_desc_create(pd, engine, dnnl_binary_add, a, b, dst, attr);
}

dnnl_status_t api_eltwise(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                          api_desc data, dnnl_alg_kind_t algorithm, float alpha, float beta)
{
    return dnnl_eltwise_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, algorithm, data,
                                                      data, alpha, beta, attr);
}
