/* SPDX-License-Identifier: MIT */
/* Layers and kernels gathered into the groups that are measured together. */
#ifndef BENCH_GROUPS_H
#define BENCH_GROUPS_H

#include "base/idmap.h"
#include "config/layer.h"

struct group_extra; /* what only the gathering needs to know of a group */

struct gathering {
    struct config *config;
    struct complaints *to;
    struct id_map groups, cases;
    size_t room;
    struct group_extra *extra; /* beside config->groups */
};

/* Adds the layer's cases to its group, which is made with its vanilla cases at need. */
bool gather(struct gathering *g, const char *suite, const struct layer *layer, uint64_t kernels);
/* Orders, names and numbers what was gathered; complains of groups that do not fit into memory. */
bool gather_finish(struct gathering *g);
void gather_free(struct gathering *g);

#endif
