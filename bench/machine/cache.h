/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CACHE_H
#define BENCH_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/* Evicts the lines of a range from all caches of all cores. False where the processor has no such instruction
 * here: then the caller sweeps a buffer larger than the last cache. */
bool cache_flush_range(const void *from, size_t bytes);

/* Evicts all that the process itself has written and that is in memory: whatever a plan has packed away,
 * wherever it is, and however large the last cache claims to be. False as above, or where the system does not
 * tell. */
bool cache_flush_process(void);

#endif
