/* SPDX-License-Identifier: MIT */
#include "kernel.h"

static int plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w, int threads,
                struct oct_message *msg)
{
    (void)out, (void)p, (void)w, (void)threads;
    return oct_fail(msg, OCT_UNSUPPORTED, "not written yet");
}

const struct oct_kernel oct_f32_naive = {
    .name = "f32_naive", .summary = "not written yet", .dtypes = 1u << OCT_F32, .plan = plan};
