/* SPDX-License-Identifier: MIT */
/*
 * Register tiles of the direct convolution in AVX-512. Their loops are in direct/tiles-inl.h.
 *
 * 2 blocks x 14 pixels are 28 accumulators, 2 registers of weights and one for broadcasts that feed 2 FMAs:
 * 16 loads for 28 FMAs, and 21 as reads_memory() has it, where a processor does at least as many loads as
 * FMAs a cycle. 14 divides the row of every ResNet layer. Three blocks x 8 pixels serve an odd number of
 * blocks, 4 x 7 the planes of 7 x 7 pixels. One block x 14 pixels has two channels in a vector, for as many
 * loads as two blocks make; so do 1.5 blocks x 8 pixels, which end the 56 channels that alpha = .125 leaves
 * of
 * 64. Half a block, the other 8, has four.
 */
#include "direct/tile.h"
#include "simd/vec_avx512.h"

#define MAX_BLOCKS 4
#define MAX_WIDTH  28

/* Channels a turn of the loop: the 14 or 28 cycles that 28 FMAs take leave room enough to turn it. */
enum { UNROLLED = 1 };

/* The next block is fetched line by line, not at once, and the weights eight channels ahead. Lines to be
 * stored: where a plan asks for it. */
#define FETCH_NEXT_BLOCK false
#define AHEAD            8
#define FETCH_OUT        true

/* Two stores of 512 bits take four cycles; three channels of two blocks give them six. */
#define FINISHED           3
#define FINISHES_MANY_TAPS true

/* 4 x 7 sums, three registers of weights, one of broadcasts: 17 loads for 28 FMAs. */
#define LAST_IN_MEMORY true

/* Of two or three blocks every third pixel is an operand in memory of each FMA that it feeds: a load or two
 * more, and an instruction less. An SMT sibling halves issue width: 2 x 14 with a broadcast per pixel
 * needs 3.4 uops a cycle, and Golden Cove has 3 left. It halves loads too, of which Zen 5 has two a cycle,
 * and Zen 4 one beside one FMA. Every other pixel is best for the first, none for the others. */
INLINE bool reads_memory(int blocks, int pixel)
{
    return (blocks == 2 || blocks == 3) && pixel % 3 == 1;
}

/* Lanes 2o and 2o+1 hold the two sums of output o. */
INLINE vec join_half(vec v)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512 sum = _mm512_add_ps(v, _mm512_permute_ps(v, 0xb1));

    return _mm512_maskz_permutexvar_ps(0x00ff, even, sum);
}

#include "direct/tiles-inl.h"
#include "grouped/grouped.h"

TILE(tile_4x7, 4, 4, 1, 7)
TILE(tile_4x4, 4, 4, 1, 4)
TILE(tile_4x2, 4, 4, 1, 2)
TILE(tile_4x1, 4, 4, 1, 1)
TILE(tile_3x8, 3, 3, 1, 8)
TILE(tile_3x7, 3, 3, 1, 7)
TILE(tile_3x4, 3, 3, 1, 4)
TILE(tile_3x2, 3, 3, 1, 2)
TILE(tile_3x1, 3, 3, 1, 1)
TILE(tile_2x14, 2, 2, 1, 14)
TILE(tile_2x8, 2, 2, 1, 8)
TILE(tile_2x7, 2, 2, 1, 7)
TILE(tile_2x4, 2, 2, 1, 4)
TILE(tile_2x2, 2, 2, 1, 2)
TILE(tile_2x1, 2, 2, 1, 1)
TILE(tile_1x28, 1, 1, 1, 28)
TILE(tile_1x14, 1, 1, 1, 14)
TILE(tile_1x8, 1, 1, 1, 8)
TILE(tile_1x7, 1, 1, 1, 7)
TILE(tile_1x4, 1, 1, 1, 4)
TILE(tile_1x2, 1, 1, 1, 2)
TILE(tile_1x1, 1, 1, 1, 1)
TILE(tile_1_5x8_2c, 2, 3, 2, 8)
TILE(tile_1_5x7_2c, 2, 3, 2, 7)
TILE(tile_1_5x4_2c, 2, 3, 2, 4)
TILE(tile_1_5x2_2c, 2, 3, 2, 2)
TILE(tile_1_5x1_2c, 2, 3, 2, 1)
TILE(tile_1x14_2c, 1, 2, 2, 14)
TILE(tile_1x8_2c, 1, 2, 2, 8)
TILE(tile_1x7_2c, 1, 2, 2, 7)
TILE(tile_1x4_2c, 1, 2, 2, 4)
TILE(tile_1x2_2c, 1, 2, 2, 2)
TILE(tile_1x1_2c, 1, 2, 2, 1)
TILE(tile_0_5x14_4c, 1, 2, 4, 14)
TILE(tile_0_5x8_4c, 1, 2, 4, 8)
TILE(tile_0_5x7_4c, 1, 2, 4, 7)
TILE(tile_0_5x4_4c, 1, 2, 4, 4)
TILE(tile_0_5x2_4c, 1, 2, 4, 2)
TILE(tile_0_5x1_4c, 1, 2, 4, 1)

static const struct direct_kind kinds[] = {
    {.blocks = 4,
     .vectors = 4,
     .channels_per_vector = 1,
     .width = {7, 4, 2, 1},
     .tile = {tile_4x7, tile_4x4, tile_4x2, tile_4x1}},
    {.blocks = 3,
     .vectors = 3,
     .channels_per_vector = 1,
     .width = {8, 7, 4, 2, 1},
     .tile = {tile_3x8, tile_3x7, tile_3x4, tile_3x2, tile_3x1}},
    {.blocks = 2,
     .vectors = 2,
     .channels_per_vector = 1,
     .width = {14, 8, 7, 4, 2, 1},
     .tile = {tile_2x14, tile_2x8, tile_2x7, tile_2x4, tile_2x2, tile_2x1}},
    {.blocks = 1,
     .vectors = 1,
     .channels_per_vector = 1,
     .width = {28, 14, 8, 7, 4, 2, 1},
     .tile = {tile_1x28, tile_1x14, tile_1x8, tile_1x7, tile_1x4, tile_1x2, tile_1x1}},
    {.blocks = 2,
     .vectors = 3,
     .channels_per_vector = 2,
     .width = {8, 7, 4, 2, 1},
     .tile = {tile_1_5x8_2c, tile_1_5x7_2c, tile_1_5x4_2c, tile_1_5x2_2c, tile_1_5x1_2c}},
    {.blocks = 1,
     .vectors = 2,
     .channels_per_vector = 2,
     .width = {14, 8, 7, 4, 2, 1},
     .tile = {tile_1x14_2c, tile_1x8_2c, tile_1x7_2c, tile_1x4_2c, tile_1x2_2c, tile_1x1_2c}},
    {.blocks = 1,
     .vectors = 2,
     .channels_per_vector = 4,
     .width = {14, 8, 7, 4, 2, 1},
     .tile = {tile_0_5x14_4c, tile_0_5x8_4c, tile_0_5x7_4c, tile_0_5x4_4c, tile_0_5x2_4c, tile_0_5x1_4c}},
};

static const struct direct_isa isa = {
    .lanes = LANES,
    .layout = OCT_NCHW16C,
    .kind = kinds,
    .kinds = (int)(sizeof(kinds) / sizeof(kinds[0])),
    .pool = pool,
    .plan_grouped = grouped_plan_avx512,
};

static int plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                const struct oct_plan_options *options, struct oct_message *msg)
{
    return direct_plan(out, &isa, p, w, options, msg);
}

const struct oct_kernel oct_f32_avx512_direct = {
    .name = "f32_avx512_direct",
    .summary = "the whole layer fused, AVX-512 register tiles over nChw16c",
    .isa = OCT_ISA_AVX2 | OCT_ISA_AVX512,
    .library = "octconv",
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NCHW16C,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan,
};
