/* SPDX-License-Identifier: MIT */
/*
 * A defect on purpose, to prove the gate (docs/ci.md): built only with -DOCT_INJECT=KERNEL:KIND[:PERCENT],
 * which puts this entry into the table in that kernel's place and refuses to be installed. Kinds: slow (by
 * PERCENT), wrong (one value), crash, hang.
 */
#include "core/kernel.h"

#include <signal.h>
#include <string.h>

/* The real entry; in this file alone it keeps its name. */
extern const struct oct_kernel OCT_INJECT_TARGET;

enum { INJECT_SLOW, INJECT_WRONG, INJECT_CRASH, INJECT_HANG };

static void spin_until(uint64_t ns)
{
    while (oct_clock_ns() < ns)
        continue;
}

static int execute(struct oct_plan *plan, const struct oct_io *io)
{
    uint64_t start = oct_clock_ns(), end;
    int status = OCT_INJECT_TARGET.execute(plan, io);

    end = oct_clock_ns();
    switch (OCT_INJECT_KIND) {
    case INJECT_SLOW:
        spin_until(end + (uint64_t)((double)(end - start) * OCT_INJECT_PERCENT / 100.0));
        break;
    case INJECT_WRONG:
        for (int b = 0; b < OCT_MAX_BANDS; b++)
            if (io->out[b]) {
                *(float *)io->out[b] += 1.0f;
                break;
            }
        break;
    case INJECT_CRASH:
        raise(SIGSEGV);
        break;
    case INJECT_HANG:
        spin_until(UINT64_MAX);
    }
    return status;
}

struct oct_kernel oct_injected;

/* A table entry is constant data everywhere else; a copy of another entry can only be made at load time. */
__attribute__((constructor)) static void copy_entry(void)
{
    memcpy(&oct_injected, &OCT_INJECT_TARGET, sizeof(oct_injected));
    oct_injected.execute = execute;
}
