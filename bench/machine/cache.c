/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "machine/cache.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>

#define LINE 64

static bool has_clflushopt(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 23);
}

bool cache_flush_range(const void *from, size_t bytes)
{
    const char *end = (const char *)from + bytes;
    bool opt = has_clflushopt();

    /* every x86-64 has clflush; clflushopt only overtakes itself */
    for (const char *p = (const char *)((uintptr_t)from & ~(uintptr_t)(LINE - 1)); p < end; p += LINE) {
        if (opt)
            __asm__ volatile("clflushopt %0" : : "m"(*p) : "memory");
        else
            __asm__ volatile("clflush %0" : : "m"(*p) : "memory");
    }
    __asm__ volatile("mfence" : : : "memory");
    return true;
}

/* Pages that are not in memory are not in a cache either, and touching them would make them. */
static void flush_resident(char *from, size_t bytes, size_t page)
{
    enum { PAGES = 4096 };
    unsigned char resident[PAGES];

    for (size_t done = 0; done < bytes; done += PAGES * page) {
        size_t part = bytes - done < PAGES * page ? bytes - done : PAGES * page;
        if (mincore(from + done, part, resident))
            continue;
        for (size_t i = 0; i < part / page;) {
            size_t run = 0;
            while (i + run < part / page && (resident[i + run] & 1))
                run++;
            if (run)
                cache_flush_range(from + done + i * page, run * page);
            i += run ? run : 1;
        }
    }
}

bool cache_flush_process(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 0;
    /* more than there is memory is address space that a sanitizer has reserved, not data */
    const size_t most = (size_t)sysconf(_SC_PHYS_PAGES) * page;
    char *line = NULL;

    if (!maps)
        return false;
    while (getline(&line, &size, maps) > 0) {
        uintptr_t first, last;
        char rights[8];
        unsigned long inode;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %lu", &first, &last, rights, &inode) != 4)
            continue;
        if (strncmp(rights, "rw", 2) == 0 && last - first <= most && !strstr(line, "[v"))
            flush_resident((char *)first, last - first, page);
    }
    free(line);
    fclose(maps);
    return true;
}
#else
bool cache_flush_range(const void *from, size_t bytes)
{
    (void)from;
    (void)bytes;
    return false;
}

bool cache_flush_process(void)
{
    return false;
}
#endif
