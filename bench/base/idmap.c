/* SPDX-License-Identifier: MIT */
#include "base/idmap.h"

#include <stdlib.h>

static struct id_slot *find(const struct id_map *map, uint64_t hash)
{
    size_t i = (size_t)hash & (map->room - 1);

    while (map->slot[i].full && map->slot[i].hash != hash)
        i = (i + 1) & (map->room - 1);
    return &map->slot[i];
}

static bool grow(struct id_map *map)
{
    struct id_map wider = {.room = map->room ? 2 * map->room : 256, .used = map->used};

    wider.slot = calloc(wider.room, sizeof(*wider.slot));
    if (!wider.slot)
        return false;
    for (size_t i = 0; i < map->room; i++)
        if (map->slot[i].full)
            *find(&wider, map->slot[i].hash) = map->slot[i];
    free(map->slot);
    *map = wider;
    return true;
}

struct id_slot *id_slot(struct id_map *map, uint64_t hash)
{
    if (2 * map->used >= map->room && !grow(map))
        return NULL;
    return find(map, hash);
}

void id_fill(struct id_map *map, struct id_slot *slot, uint64_t hash, size_t index)
{
    *slot = (struct id_slot){hash, index, true};
    map->used++;
}
