/* SPDX-License-Identifier: MIT */
/*
 * Register tiles of the direct convolution in AVX2 and FMA, 16 registers of 8 lanes.
 *
 * 3 blocks x 4 pixels are 12 accumulators, 3 registers of weights and one broadcast that feeds 3 FMAs: 7
 * loads for 12 FMAs, where the processor does as many loads as FMAs a cycle. 4 blocks x 3 pixels keep 3
 * broadcasts instead, and let the weights pass through one register: 7 loads again. 2 blocks x 6 pixels take
 * 8 loads, one block x 12 pixels 13; they serve what threes and fours leave over.
 */
#include "direct/tile.h"
#include "simd/vec_avx2.h"

#define MAX_BLOCKS 4
#define MAX_WIDTH  12

/* Channels a turn of the loop. Nineteen instructions do the work of one and three turn the loop; a core that
 * decodes four a cycle, or shares its decoders with another thread, has no more than 18 to 24 in the six
 * cycles of 12 FMAs. */
enum { UNROLLED = 2 };

/* One block of channels is only 48 cycles of work: too little to hide level 2 behind. Its pixels are two
 * lines, fetched at once; among the channels there is no room to fetch more. */
#define FETCH_NEXT_BLOCK true
#define AHEAD            0
#define FETCH_OUT        false

/* Four blocks of three: their weights pass through one register, as the broadcasts are fewer. */
#define LAST_IN_MEMORY false

/* Two channels of three blocks take three cycles, as three stores do. Reductions over the taps of a kernel
 * are too long to notice stores, and lose more at the end of the loop that the last channels are taken from.
 */
#define FINISHED           2
#define FINISHES_MANY_TAPS false

/* The instruction set has no such operand. */
INLINE bool reads_memory(int blocks, int pixel)
{
    (void)blocks, (void)pixel;
    return false;
}

/* Half a block would be 4 outputs: too few for a kind of tile. */
INLINE vec join_half(vec v)
{
    return v;
}

#include "direct/tiles-inl.h"
#include "grouped/grouped.h"

TILE(tile_4x3, 4, 4, 1, 3)
TILE(tile_4x2, 4, 4, 1, 2)
TILE(tile_4x1, 4, 4, 1, 1)
TILE(tile_3x4, 3, 3, 1, 4)
TILE(tile_3x3, 3, 3, 1, 3)
TILE(tile_3x2, 3, 3, 1, 2)
TILE(tile_3x1, 3, 3, 1, 1)
TILE(tile_2x6, 2, 2, 1, 6)
TILE(tile_2x4, 2, 2, 1, 4)
TILE(tile_2x2, 2, 2, 1, 2)
TILE(tile_2x1, 2, 2, 1, 1)
TILE(tile_1x12, 1, 1, 1, 12)
TILE(tile_1x8, 1, 1, 1, 8)
TILE(tile_1x6, 1, 1, 1, 6)
TILE(tile_1x4, 1, 1, 1, 4)
TILE(tile_1x2, 1, 1, 1, 2)
TILE(tile_1x1, 1, 1, 1, 1)
TILE(tile_1x6_2c, 1, 2, 2, 6)
TILE(tile_1x4_2c, 1, 2, 2, 4)
TILE(tile_1x2_2c, 1, 2, 2, 2)
TILE(tile_1x1_2c, 1, 2, 2, 1)

static const struct direct_kind kinds[] = {
    {.blocks = 4,
     .vectors = 4,
     .channels_per_vector = 1,
     .width = {3, 2, 1},
     .tile = {tile_4x3, tile_4x2, tile_4x1}},
    {.blocks = 3,
     .vectors = 3,
     .channels_per_vector = 1,
     .width = {4, 3, 2, 1},
     .tile = {tile_3x4, tile_3x3, tile_3x2, tile_3x1}},
    {.blocks = 2,
     .vectors = 2,
     .channels_per_vector = 1,
     .width = {6, 4, 2, 1},
     .tile = {tile_2x6, tile_2x4, tile_2x2, tile_2x1}},
    {.blocks = 1,
     .vectors = 1,
     .channels_per_vector = 1,
     .width = {12, 8, 6, 4, 2, 1},
     .tile = {tile_1x12, tile_1x8, tile_1x6, tile_1x4, tile_1x2, tile_1x1}},
    {.blocks = 1,
     .vectors = 2,
     .channels_per_vector = 2,
     .width = {6, 4, 2, 1},
     .tile = {tile_1x6_2c, tile_1x4_2c, tile_1x2_2c, tile_1x1_2c}},
};

static const struct direct_isa isa = {
    .lanes = LANES,
    .layout = OCT_NCHW8C,
    .kind = kinds,
    .kinds = (int)(sizeof(kinds) / sizeof(kinds[0])),
    .pool = pool,
    .plan_grouped = grouped_plan_avx2,
};

static int plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                const struct oct_plan_options *options, struct oct_message *msg)
{
    return direct_plan(out, &isa, p, w, options, msg);
}

const struct oct_kernel oct_f32_avx2_direct = {
    .name = "f32_avx2_direct",
    .summary = "the whole layer fused, AVX2 register tiles over nChw8c",
    .isa = OCT_ISA_AVX2,
    .library = "octconv",
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NCHW8C,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan,
};
