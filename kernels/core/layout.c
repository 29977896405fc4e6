/* SPDX-License-Identifier: MIT */
/* Tensors: the layouts, and the way from one to another. */
#include "core/kernel.h"

int oct_layout_block(enum oct_layout layout)
{
    return layout == OCT_NCHW16C ? 16 : layout == OCT_NCHW8C ? 8 : 1;
}

const char *oct_layout_name(enum oct_layout layout)
{
    static const char *const names[] = {"any", "nchw", "nChw8c", "nChw16c", "nhwc"};

    return names[layout];
}

static int padded_channels(const struct oct_tensor *t)
{
    int block = oct_layout_block(t->layout);

    return oct_ceil_div(t->c, block) * block;
}

static size_t plane_values(const struct oct_tensor *t)
{
    return (size_t)t->e.d * t->e.h * t->e.w;
}

size_t oct_tensor_bytes(const struct oct_tensor *t)
{
    return (size_t)t->n * padded_channels(t) * plane_values(t) * oct_dtype_size(t->dtype);
}

/* Values between the pixels of one channel. */
static size_t pixel_stride(const struct oct_tensor *t)
{
    return t->layout == OCT_NHWC ? (size_t)t->c : (size_t)oct_layout_block(t->layout);
}

/* Pixel 0 of a channel of an image. */
static float *channel_of(const struct oct_tensor *t, int image, int channel)
{
    int block = oct_layout_block(t->layout), blocks = oct_ceil_div(t->c, block);
    size_t plane = plane_values(t);

    if (t->layout == OCT_NHWC)
        return (float *)t->data + image * plane * t->c + channel;
    return (float *)t->data + ((size_t)image * blocks + channel / block) * plane * block + channel % block;
}

/* NULL `from`: zeros. */
static void copy_channel(float *to, size_t to_stride, const float *from, size_t from_stride, size_t pixels)
{
    for (size_t x = 0; x < pixels; x++)
        to[x * to_stride] = from ? from[x * from_stride] : 0.0f;
}

int oct_tensor_copy(const struct oct_tensor *dst, const struct oct_tensor *src)
{
    bool same = dst->n == src->n && dst->c == src->c && dst->e.d == src->e.d && dst->e.h == src->e.h &&
                dst->e.w == src->e.w;
    int channels = padded_channels(dst);

    if (!same)
        return OCT_INVALID;
    if (dst->dtype != OCT_F32 || src->dtype != OCT_F32)
        return OCT_UNSUPPORTED;
#pragma omp parallel for collapse(2)
    for (int i = 0; i < dst->n; i++)
        for (int c = 0; c < channels; c++)
            copy_channel(channel_of(dst, i, c), pixel_stride(dst), c < src->c ? channel_of(src, i, c) : NULL,
                         pixel_stride(src), plane_values(dst));
    return OCT_OK;
}
