/* SPDX-License-Identifier: MIT */
/* Kernels whose plans are those of f32_ref, but which execute something else. */
#ifndef TESTS_FAKE_KERNEL_H
#define TESTS_FAKE_KERNEL_H

#include "core/kernel.h"

typedef int fake_execute(struct oct_plan *plan, const struct oct_io *io);

static inline struct oct_plan_head *fake_head(struct oct_plan *plan)
{
    return (struct oct_plan_head *)plan;
}

/* f32_ref's own operations, from a plan's own or from the copy that a fake made. */
struct fake_ops {
    struct oct_plan_ops ops;
    const struct oct_plan_ops *reference;
};

static inline int fake_run_reference(struct oct_plan *plan, const struct oct_io *io)
{
    return ((const struct fake_ops *)fake_head(plan)->ops)->reference->execute(plan, io);
}

/* Makes a plan of f32_ref execute `execute`, which may call fake_run_reference(). */
static inline void fake_replace(struct oct_plan *plan, struct fake_ops *fake, fake_execute *execute)
{
    fake->reference = fake_head(plan)->ops;
    fake->ops = (struct oct_plan_ops){.execute = execute, .destroy = fake->reference->destroy};
    fake_head(plan)->ops = &fake->ops;
}

/* plan_NAME(): of a kernel that executes NAME(). */
#define FAKE_PLAN(name)                                                                                     \
    static int plan_##name(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w, \
                           const struct oct_plan_options *options, struct oct_message *msg)                 \
    {                                                                                                       \
        static struct fake_ops fake;                                                                        \
        int status = oct_kernels[0]->plan(out, p, w, options, msg);                                         \
                                                                                                            \
        if (!status)                                                                                        \
            fake_replace(*out, &fake, name);                                                                \
        return status;                                                                                      \
    }

#endif
