/* SPDX-License-Identifier: MIT */
/*
 * Plans made of XNNPACK operators. All are made while the plan is built, and set up for tensors at made-up
 * addresses, so that what the library allocates for a shape is there before the first execution. Execution
 * tells the operators where the tensors lie, if that has changed, and runs them.
 */
#define _POSIX_C_SOURCE 200809L
#include "xnnpack/plan.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static enum xnn_status initialized;

static void initialize(void)
{
    initialized = xnn_initialize(NULL);
}

int xnnpack_available(struct oct_message *msg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint32_t limited = oct_cpu_detected() & ~oct_cpu_usable() & (OCT_ISA_AVX2 | OCT_ISA_AVX512);

    if (limited)
        return oct_fail(msg, OCT_UNSUPPORTED, "XNNPACK cannot be kept from the instructions of %s",
                        oct_isa_name(limited));
    pthread_once(&once, initialize);
    if (initialized != xnn_status_success)
        return oct_fail(msg, OCT_UNSUPPORTED, "XNNPACK does not start on this machine (xnn_status %d)",
                        (int)initialized);
    return OCT_OK;
}

static bool run(struct oct_plan *plan, struct oct_profile *profile)
{
    uint64_t start = profile ? oct_clock_ns() : 0, end;

    for (int i = 0; i < plan->nsteps; i++) {
        if (!xnnpack_set_up(plan, &plan->steps[i]) || !xnnpack_run(plan, &plan->steps[i]))
            return false;
        if (!profile)
            continue;
        end = oct_clock_ns();
        oct_profile_add(profile, plan->steps[i].name, end - start);
        start = end;
    }
    return true;
}

static int execute(struct oct_plan *plan, const struct oct_io *io)
{
    xnnpack_place_tensors(plan, io);
    return run(plan, io->profile) ? OCT_OK : OCT_ERROR;
}

static void destroy(struct oct_plan *plan)
{
    for (int i = 0; i < plan->nsteps; i++) {
        struct step *step = &plan->steps[i];

        xnn_delete_operator(step->op);
        for (int t = 0; step->share && t < plan->head.info.threads; t++)
            xnn_delete_operator(step->share[t]);
        free(step->share);
    }
    pthreadpool_destroy(plan->pool);
    free(plan);
}

static const struct oct_plan_ops ops = {.execute = execute, .destroy = destroy};

/* Any addresses serve: no operator runs. */
static void set_up_once(struct oct_plan *plan)
{
    struct oct_io io = {.scratch = plan};

    for (int b = 0; b < plan->p.bands; b++)
        io.in[b] = io.residual[b] = io.out[b] = plan;
    xnnpack_place_tensors(plan, &io);
    for (int i = 0; i < plan->nsteps && !plan->status; i++)
        if (!xnnpack_set_up(plan, &plan->steps[i]))
            plan->status = oct_fail(plan->msg, OCT_UNSUPPORTED, "XNNPACK refused the extents of step %s",
                                    plan->steps[i].name);
}

/* "hh,lh=convolution pool=average_pooling": what each kind of call is used for. */
static void describe(struct oct_plan *plan)
{
    static const char *const kinds[] = {[STEP_CONV] = "convolution",
                                        [STEP_POOL] = "average_pooling",
                                        [STEP_ADD] = "add",
                                        [STEP_ADD_UPSAMPLED] = "add_broadcast",
                                        [STEP_UPSAMPLE] = "own:cropped",
                                        [STEP_CLAMP] = "clamp"};
    char *text = plan->head.info.describe;
    size_t size = sizeof(plan->head.info.describe), used = 0;

    for (enum step_kind kind = STEP_CONV; kind <= STEP_CLAMP; kind++) {
        int count = 0;

        for (int i = 0; i < plan->nsteps && used < size; i++)
            if (plan->steps[i].kind == kind)
                used += (size_t)snprintf(text + used, size - used, "%s%s",
                                         count++ ? ","
                                         : used  ? " "
                                                 : "",
                                         plan->steps[i].name);
        if (count && used < size)
            used += (size_t)snprintf(text + used, size - used, "=%s", kinds[kind]);
    }
}

static int check_problem(const struct oct_problem *p, const struct oct_plan_options *options,
                         struct oct_message *msg)
{
    if (p->kd > 1 || p->stride_d > 1)
        return oct_fail(msg, OCT_UNSUPPORTED, "XNNPACK has no convolution in three dimensions");
    if ((options->in != OCT_LAYOUT_ANY && options->in != OCT_NHWC) ||
        (options->out != OCT_LAYOUT_ANY && options->out != OCT_NHWC))
        return oct_fail(msg, OCT_UNSUPPORTED, "XNNPACK reads and writes nhwc alone");
    return OCT_OK;
}

static void build(struct oct_plan *plan, const struct composition *c)
{
    if (plan->head.info.threads > 1) {
        plan->pool = xnnpack_team(plan->head.info.threads);
        if (!plan->pool)
            plan->status = oct_fail(plan->msg, OCT_NO_MEMORY, "no memory for the threads of an XNNPACK plan");
    }
    xnnpack_add_bands(plan);
    xnnpack_add_operations(plan, c);
    set_up_once(plan);
    plan->head.info.scratch_bytes = plan->head.info.outside_bytes;
    describe(plan);
}

int xnnpack_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                 const struct oct_plan_options *options, const struct composition *c, struct oct_message *msg)
{
    struct oct_plan *plan;
    int status = check_problem(p, options, msg);

    if (status)
        return status;
    plan = calloc(1, sizeof(*plan));
    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for an XNNPACK plan");
    oct_plan_begin(&plan->head, &ops, p, OCT_NHWC, options->threads);
    plan->p = *p;
    plan->w = w;
    plan->msg = msg;
    build(plan, c);
    status = plan->status;
    if (status) {
        destroy(plan);
        return status;
    }
    plan->w = NULL;
    plan->msg = NULL;
    *out = plan;
    return OCT_OK;
}
