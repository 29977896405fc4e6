/* SPDX-License-Identifier: MIT */
/* Memory between two bands that nobody may write. */
#ifndef BENCH_GUARDS_H
#define BENCH_GUARDS_H

#include <stdbool.h>
#include <stddef.h>

/* Zeros, 64-byte aligned, from oct_alloc() and first touched by a team of that size; NULL: no memory. */
void *guarded_alloc(size_t bytes, int threads);
void guarded_free(const void *p); /* NULL: nothing */
bool guards_whole(const void *p, size_t bytes);

/* By the team in equal shares, so that pages lie near who will use them. */
void team_fill(void *to, int byte, size_t bytes, int threads);

#endif
