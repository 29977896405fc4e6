/* SPDX-License-Identifier: MIT */
/* Tensors: memory, and the way between plain NCDHW and the blocked layouts. */
#define _GNU_SOURCE
#include "core/kernel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* From this size on a tensor gets huge pages: the translation of a 1 MB map otherwise costs 256 entries. */
#define HUGE_PAGE      ((size_t)2 << 20)
#define HUGE_PAGE_FROM ((size_t)256 << 10)

int oct_layout_block(enum oct_layout layout)
{
    return layout == OCT_NCHW16C ? 16 : layout == OCT_NCHW8C ? 8 : 1;
}

const char *oct_layout_name(enum oct_layout layout)
{
    static const char *const names[] = {"nchw", "nChw8c", "nChw16c", "nhwc"};

    return names[layout];
}

size_t oct_layout_bytes(enum oct_layout layout, enum oct_dtype dtype, int n, int c, struct oct_extent e)
{
    int block = oct_layout_block(layout);
    size_t channels = (size_t)oct_ceil_div(c, block) * block;

    return (size_t)n * channels * e.d * e.h * e.w * oct_dtype_size(dtype);
}

void *oct_alloc(size_t bytes)
{
    size_t align = bytes >= HUGE_PAGE_FROM ? HUGE_PAGE : 64;
    void *p;

    if (bytes > SIZE_MAX - align)
        return NULL;
    bytes = bytes ? (bytes + align - 1) / align * align : align;
    p = aligned_alloc(align, bytes);
    if (p && align == HUGE_PAGE)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* advice: without it the memory is merely slower */
    return p;
}

void oct_free(void *p)
{
    free(p);
}

/* Values between the pixels of one channel. */
static size_t pixel_stride(enum oct_layout layout, int c)
{
    return layout == OCT_NHWC ? (size_t)c : (size_t)oct_layout_block(layout);
}

/* Of pixel 0 of a channel of image i. */
static size_t channel_offset(enum oct_layout layout, int i, int c, int channel, size_t plane)
{
    int block = oct_layout_block(layout), blocks = oct_ceil_div(c, block);

    if (layout == OCT_NHWC)
        return (size_t)i * plane * c + channel;
    return ((size_t)i * blocks + channel / block) * plane * block + channel % block;
}

void oct_to_layout(enum oct_layout layout, void *dst, const float *src, int n, int c, struct oct_extent e)
{
    int block = oct_layout_block(layout), padded = oct_ceil_div(c, block) * block;
    size_t plane = (size_t)e.d * e.h * e.w, stride = pixel_stride(layout, c);
    float *out = dst;

#pragma omp parallel for collapse(2)
    for (int i = 0; i < n; i++) {
        for (int channel = 0; channel < padded; channel++) {
            const float *from = src + ((size_t)i * c + channel) * plane;
            float *to = out + channel_offset(layout, i, c, channel, plane);
            for (size_t x = 0; x < plane; x++)
                to[x * stride] = channel < c ? from[x] : 0.0f;
        }
    }
}

void oct_from_layout(enum oct_layout layout, float *dst, const void *src, int n, int c, struct oct_extent e)
{
    size_t plane = (size_t)e.d * e.h * e.w, stride = pixel_stride(layout, c);
    const float *in = src;

#pragma omp parallel for collapse(2)
    for (int i = 0; i < n; i++)
        for (int channel = 0; channel < c; channel++) {
            const float *from = in + channel_offset(layout, i, c, channel, plane);
            float *to = dst + ((size_t)i * c + channel) * plane;
            for (size_t x = 0; x < plane; x++)
                to[x] = from[x * stride];
        }
}
