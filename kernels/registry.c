/* SPDX-License-Identifier: MIT */
/* The one table of kernels, and the checks that every plan passes first. */
#include "core/kernel.h"

#include <stdlib.h>
#include <string.h>

const struct oct_kernel *const oct_kernels[] = {
    &oct_f32_ref,
    &oct_f32_naive,
#ifdef OCT_WITH_X86
    &oct_f32_avx2_direct,
    &oct_f32_avx512_direct,
#endif
#ifdef OCT_WITH_ONEDNN
    &oct_f32_onednn_framework,
    &oct_f32_onednn_postop,
    &oct_f32_onednn_winograd,
#endif
    NULL,
};

const struct oct_kernel *oct_kernel_find(const char *name)
{
    for (int i = 0; oct_kernels[i]; i++)
        if (strcmp(oct_kernels[i]->name, name) == 0)
            return oct_kernels[i];
    return NULL;
}

int oct_kernel_available(const struct oct_kernel *k, struct oct_message *msg)
{
    uint32_t missing = k->isa & ~oct_cpu_usable();

    if (!missing)
        return OCT_OK;
    return oct_fail(msg, OCT_UNSUPPORTED, "%s needs %s, which %s", k->name, oct_isa_name(missing),
                    missing & ~oct_cpu_detected() ? "this processor or system does not have"
                                                  : "the isa limit excludes");
}

static int check_weights(const struct oct_problem *p, const struct oct_weights *w, struct oct_message *msg)
{
    char name[4];

    for (int to = 0; to < p->bands; to++) {
        for (int from = 0; from < p->bands; from++)
            if (oct_path_exists(p, from, to) && !w->path[from][to])
                return oct_fail(msg, OCT_INVALID, "path %s contributes, but has no weights",
                                oct_path_name(p, from, to, name));
        if ((p->epilogue & OCT_EPILOGUE_BIAS) && p->oc[to] > 0 && !w->bias[to])
            return oct_fail(msg, OCT_INVALID, "the epilogue adds a bias, but band %d has none", to);
    }
    return OCT_OK;
}

int oct_plan_create(struct oct_plan **out, const struct oct_kernel *k, const struct oct_problem *p,
                    const struct oct_weights *w, int threads, struct oct_message *msg)
{
    int status;

    *out = NULL;
    status = oct_problem_check(p, msg);
    if (status)
        return status;
    status = oct_kernel_available(k, msg);
    if (status)
        return status;
    if (threads < 1)
        return oct_fail(msg, OCT_INVALID, "threads is %d, but must be at least 1", threads);
    if (!(k->dtypes & 1u << p->dtype))
        return oct_fail(msg, OCT_UNSUPPORTED, "%s does not compute in %s", k->name, oct_dtype_name(p->dtype));
    status = check_weights(p, w, msg);
    if (status)
        return status;
    return k->plan(out, p, w, threads, msg);
}

int oct_execute(const struct oct_kernel *k, struct oct_plan *plan, const struct oct_io *io)
{
    return k->execute(plan, io);
}

void oct_plan_destroy(const struct oct_kernel *k, struct oct_plan *plan)
{
    if (plan)
        k->destroy(plan);
}

int oct_abi(void)
{
    return OCT_ABI;
}

const char *oct_version(void)
{
    return OCT_VERSION;
}

#ifndef OCT_WITH_ONEDNN
const char *oct_onednn_version(void)
{
    return NULL;
}
#endif
