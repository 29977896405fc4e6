/* SPDX-License-Identifier: MIT */
/* Open addressing from a 64-bit hash to an index. Zeroed is empty; free(map.slot) ends it. */
#ifndef BENCH_IDMAP_H
#define BENCH_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_slot {
    uint64_t hash;
    size_t index;
    bool full;
};

struct id_map {
    size_t room, used;
    struct id_slot *slot;
};

/* The slot of the hash, known (full) or new; valid until the next call. NULL without memory. */
struct id_slot *id_slot(struct id_map *map, uint64_t hash);
void id_fill(struct id_map *map, struct id_slot *slot, uint64_t hash, size_t index);

#endif
