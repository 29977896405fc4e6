/* SPDX-License-Identifier: MIT */
/* Where a case's time goes. */
#ifndef BENCH_BREAKDOWN_H
#define BENCH_BREAKDOWN_H

#include "measure/result.h"

/* Of a layer, by the kernel's own profile, else by leaving one path out. Returns the number of parts; 0:
 * unknown. */
int breakdown_take(struct sampler *sampler, struct workload *layer, const struct operands *ops,
                   double whole_ns, struct part parts[MAX_PARTS]);

#endif
