/* SPDX-License-Identifier: MIT */
#include "direct/pack_weights.h"

#include "direct/cover_channels.h"
#include "direct/tile_cost.h"

#include <string.h>

/* The weights of one term of one group. */
struct block {
    const struct layer *layer;
    const struct direct_isa *isa;
    const struct job *job;
    const struct group *group;
    const struct term *term;
    const float *src; /* as the user gave them */
    float factor;
};

/* Where a tap has the weight of a block's input channel c and a tile's output o. */
static int weight_index(const struct direct_kind *kind, int lanes, int c, int o)
{
    const int vectors = kind->vectors, channels = kind->channels_per_vector;
    int vector = o / lanes * channels, i = o % lanes;

    if (channels == 4) {
        vector = i % 2;
        i /= 2;
    } else if (channels == 2 && vector + 1 < vectors) {
        vector += i / 2 % 2;
        i = i / 4 * 2 + i % 2;
    }
    return (c / channels * vectors + vector) * lanes + i * channels + c % channels;
}

/* One tap of one block of input channels, in the order of struct direct_kind. */
static void pack_tap(const struct block *b, int in_block, size_t tap, float *dst)
{
    const struct direct_kind *kind = b->isa->kind + b->group->kind;
    int lanes = b->layer->lanes, c0 = in_block * lanes, channels = oct_min(lanes, b->term->ic - c0);
    int first = b->group->block * lanes, outputs = oct_min(kind->blocks * lanes, b->job->oc - first);
    size_t taps = frame_kernel_taps(b->layer);

    memset(dst, 0, (size_t)direct_tap_floats(b->isa, b->group->kind) * sizeof(*dst));
    for (int o = 0; o < outputs; o++) {
        const float *src = b->src + ((size_t)(first + o) * b->term->ic + c0) * taps + tap;

        for (int c = 0; c < channels; c++)
            dst[weight_index(kind, lanes, c, o)] = src[c * taps] * b->factor;
    }
}

static void pack_block(const struct block *b, float *dst)
{
    size_t taps = frame_kernel_taps(b->layer), step = (size_t)direct_tap_floats(b->isa, b->group->kind);

    for (int i = 0; i < oct_ceil_div(b->term->ic, b->layer->lanes); i++)
        for (size_t tap = 0; tap < taps; tap++, dst += step)
            pack_tap(b, i, tap, dst);
}

static void pack_job(struct packed *out, struct block b, const struct group *groups, int count,
                     const struct oct_weights *w, int rider)
{
    for (int g = 0; g < count; g++) {
        b.group = groups + g;
        for (int t = 0; t < b.job->terms; t++) {
            b.term = b.job->term + t;
            b.src = w->path[b.term->from][b.job->to];
            b.factor = b.term->source == rider ? 0.25f : 1;
            pack_block(&b, out->weights + b.group->weights[t]);
        }
    }
}

static int pack_bias(struct packed *out, const struct layer *layer, const struct oct_weights *w)
{
    size_t floats = 0;

    for (int j = 0; j < layer->jobs; j++)
        floats += (size_t)layer->job[j].blocks * layer->lanes;
    out->biases = oct_alloc(floats * sizeof(float));
    if (!out->biases)
        return OCT_NO_MEMORY;
    memset(out->biases, 0, floats * sizeof(float));
    floats = 0;
    for (int j = 0; j < layer->jobs; j++) {
        const struct job *job = layer->job + j;

        out->bias[j] = out->biases + floats;
        floats += (size_t)job->blocks * layer->lanes;
        if ((layer->epilogue & OCT_EPILOGUE_BIAS) && !job->upward && w->bias[job->to])
            memcpy(out->bias[j], w->bias[job->to], (size_t)job->oc * sizeof(float));
    }
    return OCT_OK;
}

int direct_pack(struct packed *out, const struct layer *layer, const struct tiling *tiling,
                const struct direct_isa *isa, const struct oct_weights *w, int rider)
{
    out->bytes = tiling->weights * sizeof(float);
    out->weights = oct_alloc(out->bytes);
    if (!out->weights || pack_bias(out, layer, w))
        return OCT_NO_MEMORY;
    for (int j = 0; j < layer->jobs; j++) {
        const struct block b = {.layer = layer, .isa = isa, .job = layer->job + j};

        pack_job(out, b, tiling->group[j], tiling->groups[j], w, rider);
    }
    return OCT_OK;
}

void direct_free_packed(struct packed *packed)
{
    oct_free(packed->weights);
    oct_free(packed->biases);
}
