/* SPDX-License-Identifier: MIT */
/*
 * Grouped and depthwise layers with AVX2 and FMA: the vector loops behind grouped.h, nChw8c. Sixteen
 * registers hold a tile of 2 rows x 5 columns, the weights of a row of the kernel, the permutation and one
 * input: too few for the rolling rows of the AVX-512 file. Depthwise layers walk along rows.
 */
#include "grouped.h"
#include "vec_avx2.h"

#define TALL 2
#define WIDE 5

#include "grouped_loops.h"

static void convolve(const struct grouped_conv *c)
{
    if (!convolve_depthwise(c))
        convolve_tiles(c);
}

/* ---- entry --------------------------------------------------------------------------------------- */

static const struct grouped_isa isa = {
    .tile = "8c 2x5",
    .layout = OCT_NCHW8C,
    .conv = convolve,
    .pool = pool,
};

static int plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w, int threads,
                struct oct_message *msg)
{
    return grouped_plan(out, p, w, threads, msg, &isa);
}

const struct oct_kernel oct_f32_avx2_grouped = {
    .name = "f32_avx2_grouped",
    .summary = "grouped and depthwise layers, AVX2: what f32_avx2_direct uses for them",
    .isa = OCT_ISA_AVX2,
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NCHW8C,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan,
    .execute = grouped_execute,
    .destroy = grouped_destroy,
    .info = grouped_info,
};
