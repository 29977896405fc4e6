/* SPDX-License-Identifier: MIT */
#ifndef OCT_CACHE_H
#define OCT_CACHE_H

#include <stddef.h>

/* Bytes of a core's level 1 (data) or 2. Virtual machines may hide them: then what most processors have. */
size_t oct_cache_bytes(int level);

#endif
