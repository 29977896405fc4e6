/* SPDX-License-Identifier: MIT */
/* Memory of tensors, weights and scratch. */
#define _GNU_SOURCE
#include "core/kernel.h"

#include <stdlib.h>
#include <sys/mman.h>

/* From this size on a tensor gets huge pages: the translation of a 1 MB map otherwise costs 256 entries. */
#define HUGE_PAGE      ((size_t)2 << 20)
#define HUGE_PAGE_FROM ((size_t)256 << 10)

#define READ_PAST 16 /* what XNNPACK may read behind a tensor */

void *oct_alloc(size_t bytes)
{
    size_t align = bytes >= HUGE_PAGE_FROM ? HUGE_PAGE : 64;
    void *p;

    if (bytes > SIZE_MAX - READ_PAST - align)
        return NULL;
    bytes = (bytes + READ_PAST + align - 1) / align * align;
    p = aligned_alloc(align, bytes);
    if (p && align == HUGE_PAGE)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* advice: without it the memory is merely slower */
    return p;
}

void oct_free(void *p)
{
    free(p);
}
