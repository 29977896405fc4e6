/* SPDX-License-Identifier: MIT */
/*
 * The library's C API as the other files call it. API 2 and API 3 differ: in one a descriptor is a value and
 * an operation has a descriptor of its own, in the other descriptors are handles and operations have none.
 * api_v2.c and api_v3.c hide that; CMake builds the one that fits the header.
 */
#ifndef OCT_ONEDNN_API_H
#define OCT_ONEDNN_API_H

#include <stdbool.h>

#include <dnnl.h>

/* A tensor's descriptor that a memory object or a primitive owns. */
#if DNNL_VERSION_MAJOR < 3
typedef const dnnl_memory_desc_t *api_desc;
#else
typedef const_dnnl_memory_desc_t api_desc;
#endif

/* Does this version have Winograd convolutions for x86. */
extern const bool api_has_winograd;

/* A memory object of f32 over `data`. */
dnnl_status_t api_memory(dnnl_memory_t *memory, int ndims, const dnnl_dims_t dims, dnnl_format_tag_t tag,
                         dnnl_engine_t engine, void *data);
api_desc api_desc_of(dnnl_memory_t memory);

dnnl_status_t api_append_sum(dnnl_post_ops_t ops);
dnnl_status_t api_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t algorithm, float alpha, float beta);

struct api_conv {
    dnnl_alg_kind_t algorithm;
    api_desc src, dst;
    int weights_ndims;
    dnnl_dims_t weights;
    int bias; /* channels; 0: none */
    dnnl_dims_t strides, dilates, left, right;
};

/* The library's implementations of a convolution, best first, weights in whatever format each wants. */
struct api_convs {
#if DNNL_VERSION_MAJOR < 3
    dnnl_convolution_desc_t desc; /* the iterator points to it */
    dnnl_primitive_desc_iterator_t at;
#else
    dnnl_primitive_desc_t at;
#endif
};

/* After success, and only then, api_convs_end() has to follow. */
dnnl_status_t api_convs_first(struct api_convs *convs, const struct api_conv *conv, dnnl_engine_t engine,
                              const_dnnl_primitive_attr_t attr);
bool api_convs_next(struct api_convs *convs);
void api_convs_end(struct api_convs *convs);

/* The caller destroys it. NULL: no memory. */
dnnl_primitive_desc_t api_convs_get(const struct api_convs *convs);

/* Averages without padding over windows that do not overlap; `right` is what ceil mode adds. */
dnnl_status_t api_pooling(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                          api_desc src, api_desc dst, const dnnl_dims_t window, const dnnl_dims_t right);

/* Nearest. */
dnnl_status_t api_resampling(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                             const_dnnl_primitive_attr_t attr, api_desc src, api_desc dst);

dnnl_status_t api_add(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                      api_desc a, api_desc b, api_desc dst);

/* In place. */
dnnl_status_t api_eltwise(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const_dnnl_primitive_attr_t attr,
                          api_desc data, dnnl_alg_kind_t algorithm, float alpha, float beta);

#endif
