/* SPDX-License-Identifier: MIT */
#include "check/prepare.h"

#include "base/message.h"
#include "base/timer.h"
#include "check/guards.h"

#include <math.h>
#include <omp.h>
#include <string.h>

uint64_t prepared_bytes(const struct oct_problem *p)
{
    const int block = oct_layout_block(OCT_NCHW16C) - 1;
    struct oct_problem padded = *p;

    for (int b = 0; b < p->bands; b++) {
        padded.ic[b] = (p->ic[b] + block) & ~block;
        padded.oc[b] = (p->oc[b] + block) & ~block;
    }
    padded.groups = 1;
    return operands_bytes(&padded);
}

uint64_t prepared_tensor_bytes(const struct prepared *prepared)
{
    uint64_t sum = 0;

    for (int b = 0; b < prepared->problem.bands; b++) {
        sum += prepared->problem.ic[b] ? oct_tensor_bytes(&prepared->info->in[b]) : 0;
        sum += prepared->problem.oc[b] ? oct_tensor_bytes(&prepared->info->out[b]) : 0;
    }
    return sum;
}

static void *tensor(const struct oct_tensor *shape, const float *plain, int threads)
{
    void *to = guarded_alloc(oct_tensor_bytes(shape), threads);

    if (to && plain)
        plain_to_tensor(shape, to, plain);
    return to;
}

static int make_buffers(struct prepared *out, const struct operands *ops, int threads,
                        struct oct_message *msg)
{
    const struct oct_problem *p = &out->problem;
    bool good = true;

    for (int b = 0; b < p->bands; b++) {
        if (p->ic[b])
            good &= (out->io.in[b] = tensor(&out->info->in[b], ops->in[b], threads)) != NULL;
        if (!p->oc[b])
            continue;
        good &= (out->io.out[b] = tensor(&out->info->out[b], NULL, threads)) != NULL;
        if (ops->residual[b])
            good &= (out->io.residual[b] = tensor(&out->info->out[b], ops->residual[b], threads)) != NULL;
    }
    if (good)
        return OCT_OK;
    return message_fail(msg, OCT_NO_MEMORY, "no memory for %.1f MB of tensors",
                        (double)prepared_bytes(p) / 1e6);
}

int prepared_make(struct prepared *out, const struct oct_kernel *kernel, const struct operands *ops,
                  int threads, struct oct_message *msg)
{
    const struct oct_plan_options options = {.threads = threads};
    uint64_t start;
    int status;

    memset(out, 0, sizeof(*out));
    out->kernel = kernel;
    out->problem = ops->problem;
    out->max_abs_err = out->err_bound = NAN;
    omp_set_num_threads(threads);
    start = timer_now_ns();
    status = oct_plan_create(&out->plan, kernel, &ops->problem, &ops->weights, &options, msg);
    out->plan_ns = timer_now_ns() - start;
    if (status)
        return status;
    out->info = oct_plan_info(out->plan);
    status = make_buffers(out, ops, threads, msg);
    if (status)
        prepared_free(out);
    return status;
}

void prepared_free(struct prepared *prepared)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        guarded_free(prepared->io.in[b]);
        guarded_free(prepared->io.residual[b]);
        guarded_free(prepared->io.out[b]);
    }
    oct_plan_destroy(prepared->plan);
    memset(prepared, 0, sizeof(*prepared));
}
