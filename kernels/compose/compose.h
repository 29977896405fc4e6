/* SPDX-License-Identifier: MIT */
/* How a composition is written down: each call adds its operations, and what it returns is a tensor. */
#ifndef OCT_COMPOSE_H
#define OCT_COMPOSE_H

#include "core/composition.h"

struct composer {
    const struct oct_problem *p;
    struct composition c;
    int pooled[OCT_MAX_BANDS][2][OCT_MAX_BANDS + 1]; /* by pre and pool; 0: not made */
};

/* OCT_UNSUPPORTED where a band has no path: no call would write it. */
int compose_check(const struct oct_problem *p, struct oct_message *msg);

/* With the caller's tensors and no operation. */
struct composer composer_of(const struct oct_problem *p);

/* The next finer (`step` -1) or coarser (1) band than `from` with a path to `to`; -1 or p->bands: none. */
int compose_next_path(const struct composer *o, int from, int to, int step);

/* Y of an output band. */
int compose_output(int band);

/* What the path convolves: the input band, or a pooled copy, which paths that pool alike share. */
int compose_pooled(struct composer *o, int from, int to);

/* Memory with the channels of output band `band`. */
int compose_scratch(struct composer *o, int band, struct oct_extent e);

/* The path's convolution of compose_pooled() into dst. */
void compose_conv(struct composer *o, int from, int to, int dst, struct ending ending);

void compose_upsample(struct composer *o, int from, int to, int src, int dst, struct ending ending);

/* dst = a + b; a may be dst. */
void compose_add(struct composer *o, int band, int a, int b, int dst, bool epilogue);

enum band_order { COARSEST_FIRST = -1, FINEST_FIRST = 1 };

/* The fewest passes where a path can accumulate: the first one writes Y, the others add to it, and the last
 * one ends with the epilogue. */
struct composition compose_accumulating(const struct oct_problem *p, enum band_order order);

#endif
