/* SPDX-License-Identifier: MIT */
/*
 * Grouped and depthwise layers with AVX2 and FMA: the vector loops behind grouped.h, nChw8c. Sixteen
 * registers are too few for the rolling rows of the AVX-512 file. Where groups fill whole blocks they hold a
 * tile of 12 pixels, the weights of a row of the kernel and one input; elsewhere a tile of 2 rows x 5 columns
 * leaves one for the permutation. Depthwise layers walk along rows.
 */
#include "grouped/grouped.h"
#include "simd/vec_avx2.h"

#define TALL 2
#define WIDE 5

#include "grouped/loops-inl.h"

/* ---- 3x3, groups of whole blocks ----------------------------------------------------------------- */

#define BLOCK_WIDE 4
#include "grouped/blocks-inl.h"

BLOCK_PLAIN(1, 1)
BLOCK_PLAIN(2, 1)
BLOCK_PLAIN(3, 1)
BLOCK_PLAIN(4, 1)
BLOCK_PLAIN(1, 3)
BLOCK_PLAIN(2, 3)
BLOCK_CLIPPED(3, 3)
BLOCK_CLIPPED(4, 3)
BLOCK_PLAIN(1, 4)
BLOCK_CLIPPED(2, 4)
BLOCK_CLIPPED(3, 4)

/* Tiles of 12 sums fill the registers: columns of 3 x 4 and of 4 x 3 pixels. */
static void convolve_blocks(const struct grouped_conv *c)
{
    static const struct block_shape shapes[BLOCK_WIDE + 1][BLOCK_TALL] = {
        [1] = {SHAPE(ANY, 1, 1), SHAPE(ANY, 2, 1), SHAPE(ANY, 3, 1), SHAPE(ANY, 4, 1)},
        [3] = {SHAPE(ANY, 1, 3), SHAPE(ANY, 2, 3), SHAPE(CLIPPED, 3, 3), SHAPE(CLIPPED, 4, 3)},
        [4] = {SHAPE(ANY, 1, 4), SHAPE(CLIPPED, 2, 4), SHAPE(CLIPPED, 3, 4)},
    };
    struct block_pass pass[OCT_MAX_BANDS];
    struct block_tile sums;

    start_passes(c, pass, &sums);
    for (int x0 = 0, wide; x0 < c->w; x0 += wide) {
        const int left = c->w - x0;

        wide = left < 3 ? 1 : left % 3 == 0 ? 3 : 4;
        convolve_block_columns(c, pass, &sums, shapes[wide], wide == 4 ? 3 : 4, x0, wide);
    }
}

/* ---- which loop ---------------------------------------------------------------------------------- */

static void convolve(const struct grouped_conv *c)
{
    if (convolve_depthwise(c))
        return;
    if (blocks_can(c))
        convolve_blocks(c);
    else
        convolve_tiles(c);
}

/* ---- entry --------------------------------------------------------------------------------------- */

static const struct grouped_isa isa = {
    .tile = "8c 2x5",
    .block_tile = "8c 3x4",
    .layout = OCT_NCHW8C,
    .conv = convolve,
    .pool = pool,
};

int grouped_plan_avx2(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                      const struct oct_plan_options *options, struct oct_message *msg)
{
    return grouped_plan(out, p, w, options, msg, &isa);
}
