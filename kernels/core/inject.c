/* SPDX-License-Identifier: MIT */
/*
 * A defect on purpose, to prove the gate (docs/ci.md): built only with -DOCT_INJECT=KERNEL:KIND[:PERCENT],
 * which puts this entry into the table in that kernel's place and refuses to be installed. Kinds: slow (by
 * PERCENT), wrong (one value), crash, hang.
 */
#include "core/kernel.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* The real entry; in this file alone it keeps its name. */
extern const struct oct_kernel OCT_INJECT_TARGET;

enum { INJECT_SLOW, INJECT_WRONG, INJECT_CRASH, INJECT_HANG };

static void spin_until(uint64_t ns)
{
    while (oct_clock_ns() < ns)
        continue;
}

static void spoil(const struct oct_io *io, uint64_t took)
{
    switch (OCT_INJECT_KIND) {
    case INJECT_SLOW:
        spin_until(oct_clock_ns() + (uint64_t)((double)took * OCT_INJECT_PERCENT / 100.0));
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
}

/* A plan round the real one. */
struct oct_plan {
    struct oct_plan_head head;
    struct oct_plan *real;
};

static int execute(struct oct_plan *plan, const struct oct_io *io)
{
    uint64_t start = oct_clock_ns();
    int status = oct_execute(plan->real, io);

    spoil(io, oct_clock_ns() - start);
    return status;
}

static void destroy(struct oct_plan *plan)
{
    oct_plan_destroy(plan->real);
    free(plan);
}

static int plan_injected(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                         const struct oct_plan_options *options, struct oct_message *msg)
{
    static const struct oct_plan_ops ops = {.execute = execute, .destroy = destroy};
    struct oct_plan *plan = calloc(1, sizeof(*plan));
    int status;

    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    status = oct_plan_create(&plan->real, &OCT_INJECT_TARGET, p, w, options, msg);
    if (status) {
        free(plan);
        return status;
    }
    plan->head.ops = &ops;
    plan->head.info = *oct_plan_info(plan->real);
    *out = plan;
    return OCT_OK;
}

struct oct_kernel oct_injected;

/* A table entry is constant data everywhere else; a copy of another entry can only be made at load time. */
__attribute__((constructor)) static void copy_entry(void)
{
    memcpy(&oct_injected, &OCT_INJECT_TARGET, sizeof(oct_injected));
    oct_injected.plan = plan_injected;
}
