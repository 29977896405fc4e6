/* SPDX-License-Identifier: MIT */
/*
 * Winograd convolution in AVX-512. Two blocks x 14 tiles are 28 accumulators,
 * two registers of weights and a broadcast; 3 x 9 and 4 x 6 serve where there
 * are fewer tiles, for their weights are read more slowly than they are used.
 */
#include "winograd/winograd.h"
#include "simd/vec_avx512.h"

/* Every third tile is an operand in memory of each FMA that it feeds: as in
 * direct tiles, an instruction less. */
#define READS_MEMORY(blocks, tile) ((blocks) == 2 && (tile) % 3 == 1)

#include "winograd/transforms-inl.h"
#include "winograd/product-inl.h"

PRODUCT(1, 1)
PRODUCT(1, 2)
PRODUCT(1, 3)
PRODUCT(1, 4)
PRODUCT(1, 5)
PRODUCT(1, 6)
PRODUCT(1, 7)
PRODUCT(1, 8)
PRODUCT(1, 9)
PRODUCT(1, 10)
PRODUCT(1, 11)
PRODUCT(1, 12)
PRODUCT(1, 13)
PRODUCT(1, 14)
PRODUCT(2, 1)
PRODUCT(2, 2)
PRODUCT(2, 3)
PRODUCT(2, 4)
PRODUCT(2, 5)
PRODUCT(2, 6)
PRODUCT(2, 7)
PRODUCT(2, 8)
PRODUCT(2, 9)
PRODUCT(2, 10)
PRODUCT(2, 11)
PRODUCT(2, 12)
PRODUCT(2, 13)
PRODUCT(2, 14)
PRODUCT(3, 1)
PRODUCT(3, 2)
PRODUCT(3, 3)
PRODUCT(3, 4)
PRODUCT(3, 5)
PRODUCT(3, 6)
PRODUCT(3, 7)
PRODUCT(3, 8)
PRODUCT(3, 9)
PRODUCT(4, 1)
PRODUCT(4, 2)
PRODUCT(4, 3)
PRODUCT(4, 4)
PRODUCT(4, 5)
PRODUCT(4, 6)

const struct winograd_isa winograd_avx512 = {
    .lanes = LANES,
    .layout = OCT_NCHW16C,
    .widest = {14, 14, 9, 6},
    .product =
        {
            {product_1x1, product_1x2, product_1x3, product_1x4, product_1x5, product_1x6, product_1x7,
             product_1x8, product_1x9, product_1x10, product_1x11, product_1x12, product_1x13, product_1x14},
            {product_2x1, product_2x2, product_2x3, product_2x4, product_2x5, product_2x6, product_2x7,
             product_2x8, product_2x9, product_2x10, product_2x11, product_2x12, product_2x13, product_2x14},
            {product_3x1, product_3x2, product_3x3, product_3x4, product_3x5, product_3x6, product_3x7,
             product_3x8, product_3x9},
            {product_4x1, product_4x2, product_4x3, product_4x4, product_4x5, product_4x6},
        },
    .scatter = {{scatter_2x2, scatter_2x4}, {scatter_4x2, scatter_4x4}},
    .gather = {{gather_2x2, gather_2x4}, {gather_4x2, gather_4x4}},
    .pool = pool,
};

static int plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                const struct oct_plan_options *options, struct oct_message *msg)
{
    return winograd_plan(out, &winograd_avx512, p, w, options, msg);
}

const struct oct_kernel oct_f32_avx512_winograd = {
    .name = "f32_avx512_winograd",
    .summary = "the whole layer by Winograd's F(4x4,3x3) and F(2x2,3x3), "
               "AVX-512 over nChw16c",
    .isa = OCT_ISA_AVX2 | OCT_ISA_AVX512,
    .library = "octconv",
    .algorithm = OCT_ALGORITHM_WINOGRAD,
    .layout = OCT_NCHW16C,
    .dtypes = 1u << OCT_F32,
    .exact = false,
    .error_growth = 4, /* docs/octconv.md, Numbers */
    .profiles = true,
    .plan = plan,
};
