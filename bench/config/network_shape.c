/* SPDX-License-Identifier: MIT */
/* What a node of a network leaves to its readers. */
#include "config/network_build.h"

#include <string.h>

struct oct_extent pooled_extent(const struct oct_problem *p, int band)
{
    struct oct_extent e = oct_in_extent(p, band);
    struct oct_problem q = *p;

    q.bands = 1;
    q.d = e.d;
    q.h = e.h;
    q.w = e.w;
    q.down = OCT_DOWN_STRIDED;
    return oct_out_extent(&q, 0);
}

struct network_shape network_shape_of(const struct oct_node *node)
{
    const struct oct_problem *p = &node->problem;
    struct network_shape s = {.bands = 1};

    memcpy(s.c, p->oc, sizeof(s.c));
    for (int b = 1; b < p->bands; b++)
        if (s.c[b] > 0)
            s.bands = b + 1;
    s.e = oct_in_extent(p, 0);
    if (node->op == OCT_OP_CONV)
        s.e = oct_out_extent(p, 0);
    else if (node->op == OCT_OP_MAX_POOL || node->op == OCT_OP_AVG_POOL)
        s.e = pooled_extent(p, 0);
    else if (node->op == OCT_OP_GLOBAL_POOL)
        s.e = (struct oct_extent){1, 1, 1};
    return s;
}
