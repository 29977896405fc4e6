/* SPDX-License-Identifier: MIT */
/* Networks: where activations lie. Greedy by size over lifetimes (Pisarchyk and Lee, arXiv 2001.03288): the
 * largest buffer first, each at the lowest place that none alive at the same time holds. */
#include "net/net.h"

#include <stdlib.h>

#define ALIGN 64

static bool meet(const struct net_buffer *a, const struct net_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The buffer that owns the memory. */
static int owner(const struct net_buffer *buffer, int i)
{
    while (buffer[i].shares >= 0)
        i = buffer[i].shares;
    return i;
}

/* The lowest offset at which `b` meets none of those placed before. */
static size_t lowest_gap(const struct net_buffer *buffer, const bool *placed, int count,
                         const struct net_buffer *b)
{
    size_t offset = 0;
    bool moved = true;

    while (moved) {
        moved = false;
        for (int i = 0; i < count; i++) {
            const struct net_buffer *o = buffer + i;

            if (!placed[i] || !meet(o, b) || offset >= o->offset + o->bytes || offset + b->bytes <= o->offset)
                continue;
            offset = o->offset + o->bytes;
            moved = true;
        }
    }
    return offset;
}

static int largest_left(const struct net_buffer *buffer, const bool *placed, int count)
{
    int best = -1;

    for (int i = 0; i < count; i++)
        if (!placed[i] && buffer[i].shares < 0 && (best < 0 || buffer[i].bytes > buffer[best].bytes))
            best = i;
    return best;
}

size_t net_place_buffers(struct net_buffer *buffer, int count)
{
    bool *placed = calloc((size_t)count + 1, sizeof(*placed));
    size_t peak = 0;

    if (!placed)
        return SIZE_MAX;
    for (int i = 0; i < count; i++) {
        struct net_buffer *own = buffer + owner(buffer, i);

        buffer[i].bytes = (buffer[i].bytes + ALIGN - 1) / ALIGN * ALIGN;
        own->first = oct_min(own->first, buffer[i].first);
        own->last = oct_max(own->last, buffer[i].last);
    }
    for (int i = largest_left(buffer, placed, count); i >= 0; i = largest_left(buffer, placed, count)) {
        buffer[i].offset = lowest_gap(buffer, placed, count, buffer + i);
        placed[i] = true;
        if (buffer[i].offset + buffer[i].bytes > peak)
            peak = buffer[i].offset + buffer[i].bytes;
    }
    for (int i = 0; i < count; i++)
        buffer[i].offset = buffer[owner(buffer, i)].offset;
    free(placed);
    return peak;
}
