/* SPDX-License-Identifier: MIT */
/* Sizes of the caches of a core. */
#define _GNU_SOURCE
#include "core/cache.h"

#include <unistd.h>

size_t oct_cache_bytes(int level)
{
    long bytes = 0;

#if defined(_SC_LEVEL1_DCACHE_SIZE) && defined(_SC_LEVEL2_CACHE_SIZE)
    bytes = sysconf(level == 1 ? _SC_LEVEL1_DCACHE_SIZE : _SC_LEVEL2_CACHE_SIZE);
#endif
    if (bytes > 0)
        return (size_t)bytes;
    return level == 1 ? (size_t)32 << 10 : (size_t)512 << 10;
}
