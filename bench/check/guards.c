/* SPDX-License-Identifier: MIT */
#include "check/guards.h"

#include "octconv.h"

#include <omp.h>
#include <string.h>

#define GUARD_BYTES 64 /* on each side; keeps the alignment */
#define GUARD_BYTE  0xa5

void team_fill(void *to, int byte, size_t bytes, int threads)
{
#pragma omp parallel num_threads(threads)
    {
        size_t parts = (size_t)omp_get_num_threads(), t = (size_t)omp_get_thread_num();
        size_t first = bytes / parts * t, last = t + 1 == parts ? bytes : bytes / parts * (t + 1);

        memset((char *)to + first, byte, last - first);
    }
}

void *guarded_alloc(size_t bytes, int threads)
{
    char *base = oct_alloc(bytes + 2 * GUARD_BYTES);

    if (!base)
        return NULL;
    team_fill(base + GUARD_BYTES, 0, bytes, threads);
    memset(base, GUARD_BYTE, GUARD_BYTES);
    memset(base + GUARD_BYTES + bytes, GUARD_BYTE, GUARD_BYTES);
    return base + GUARD_BYTES;
}

void guarded_free(const void *p)
{
    if (p)
        oct_free((char *)(uintptr_t)p - GUARD_BYTES);
}

bool guards_whole(const void *p, size_t bytes)
{
    const unsigned char *before = (const unsigned char *)p - GUARD_BYTES,
                        *after = (const unsigned char *)p + bytes;

    for (int i = 0; i < GUARD_BYTES; i++)
        if (before[i] != GUARD_BYTE || after[i] != GUARD_BYTE)
            return false;
    return true;
}
