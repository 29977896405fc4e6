/* SPDX-License-Identifier: MIT */
/* The one table of kernels. */
#include "core/kernel.h"

#include <string.h>

const struct oct_kernel *const oct_kernels[] = {
    &oct_f32_ref,
    &oct_f32_naive,
#ifdef OCT_WITH_X86
    &oct_f32_avx2_direct,
    &oct_f32_avx512_direct,
    &oct_f32_avx2_winograd,
    &oct_f32_avx512_winograd,
#endif
#ifdef OCT_WITH_ONEDNN
    &oct_f32_onednn_framework,
    &oct_f32_onednn_postop,
    &oct_f32_onednn_winograd,
#endif
#ifdef OCT_WITH_XNNPACK
    &oct_f32_xnnpack,
#endif
    &oct_auto,
    NULL,
};

const struct oct_kernel *oct_kernel_find(const char *name)
{
    for (int i = 0; oct_kernels[i]; i++)
        if (strcmp(oct_kernels[i]->name, name) == 0)
            return oct_kernels[i];
    return NULL;
}

int oct_plan_create(struct oct_plan **out, const struct oct_kernel *k, const struct oct_problem *p,
                    const struct oct_weights *w, const struct oct_plan_options *options,
                    struct oct_message *msg)
{
    struct oct_plan_options all = *options;

    if (!all.candidates)
        all.candidates = oct_kernels;
    return oct_plan_make(out, k, p, w, &all, msg);
}
