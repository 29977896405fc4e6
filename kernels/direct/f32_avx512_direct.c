/* SPDX-License-Identifier: MIT */
/*
 * Register tiles of the direct convolution in AVX-512. Their loops are in direct/tiles-inl.h.
 *
 * 2 blocks x 14 pixels are 28 accumulators, 2 registers of weights and one for broadcasts that feed 2 FMAs:
 * 16 loads for 28 FMAs, and 21 as reads_memory() has it, where a processor does at least as many loads as
 * FMAs a cycle. 14 divides the row of every ResNet layer. Three blocks x 8 pixels serve an odd number of
 * blocks, 4 x 7 the planes of 7 x 7 pixels. One block is two halves x 14 pixels, for as many loads as two
 * blocks make; three halves x 8 pixels end the 56 channels that alpha = .125 leaves of 64, and a half by
 * itself is the other 8.
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

/* Of two or three blocks every third pixel is an operand in memory of each FMA that it feeds, and no
 * register's: a load or two more and an instruction less. A thread that shares its core begins half of the
 * instructions that the core can, three a cycle of Golden Cove, and 2 x 14 sums with a broadcast for each
 * pixel need 3.4; but it also does half of the loads, of which Zen 5 has two a cycle, and Zen 4 but one with
 * one FMA. Every other pixel would be better for the first, none for the others. */
INLINE bool reads_memory(int blocks, int pixel)
{
    return (blocks == 2 || blocks == 3) && pixel % 3 == 1;
}

/* Lanes 2o and 2o+1 hold the two halves of output o's sum. */
INLINE vec join_half(vec v)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512 sum = _mm512_add_ps(v, _mm512_permute_ps(v, 0xb1));

    return _mm512_maskz_permutexvar_ps(0x00ff, even, sum);
}

#include "direct/tiles-inl.h"
#include "grouped/grouped.h"

TILE(tile_4x7, 4, 0, 7)
TILE(tile_4x4, 4, 0, 4)
TILE(tile_4x2, 4, 0, 2)
TILE(tile_4x1, 4, 0, 1)
TILE(tile_3x8, 3, 0, 8)
TILE(tile_3x7, 3, 0, 7)
TILE(tile_3x4, 3, 0, 4)
TILE(tile_3x2, 3, 0, 2)
TILE(tile_3x1, 3, 0, 1)
TILE(tile_2x14, 2, 0, 14)
TILE(tile_2x8, 2, 0, 8)
TILE(tile_2x7, 2, 0, 7)
TILE(tile_2x4, 2, 0, 4)
TILE(tile_2x2, 2, 0, 2)
TILE(tile_2x1, 2, 0, 1)
TILE(tile_1x28, 1, 0, 28)
TILE(tile_1x14, 1, 0, 14)
TILE(tile_1x8, 1, 0, 8)
TILE(tile_1x7, 1, 0, 7)
TILE(tile_1x4, 1, 0, 4)
TILE(tile_1x2, 1, 0, 2)
TILE(tile_1x1, 1, 0, 1)
TILE(tile_3halves_x8, 2, 3, 8)
TILE(tile_3halves_x7, 2, 3, 7)
TILE(tile_3halves_x4, 2, 3, 4)
TILE(tile_3halves_x2, 2, 3, 2)
TILE(tile_3halves_x1, 2, 3, 1)
TILE(tile_2halves_x14, 1, 2, 14)
TILE(tile_2halves_x8, 1, 2, 8)
TILE(tile_2halves_x7, 1, 2, 7)
TILE(tile_2halves_x4, 1, 2, 4)
TILE(tile_2halves_x2, 1, 2, 2)
TILE(tile_2halves_x1, 1, 2, 1)
TILE(tile_half_x14, 1, 1, 14)
TILE(tile_half_x8, 1, 1, 8)
TILE(tile_half_x7, 1, 1, 7)
TILE(tile_half_x4, 1, 1, 4)
TILE(tile_half_x2, 1, 1, 2)
TILE(tile_half_x1, 1, 1, 1)

static const struct direct_kind kinds[] = {
    {.blocks = 4, .width = {7, 4, 2, 1}, .tile = {tile_4x7, tile_4x4, tile_4x2, tile_4x1}},
    {.blocks = 3, .width = {8, 7, 4, 2, 1}, .tile = {tile_3x8, tile_3x7, tile_3x4, tile_3x2, tile_3x1}},
    {.blocks = 2,
     .width = {14, 8, 7, 4, 2, 1},
     .tile = {tile_2x14, tile_2x8, tile_2x7, tile_2x4, tile_2x2, tile_2x1}},
    {.blocks = 1,
     .width = {28, 14, 8, 7, 4, 2, 1},
     .tile = {tile_1x28, tile_1x14, tile_1x8, tile_1x7, tile_1x4, tile_1x2, tile_1x1}},
    {.blocks = 2,
     .halves = 3,
     .width = {8, 7, 4, 2, 1},
     .tile = {tile_3halves_x8, tile_3halves_x7, tile_3halves_x4, tile_3halves_x2, tile_3halves_x1}},
    {.blocks = 1,
     .halves = 2,
     .width = {14, 8, 7, 4, 2, 1},
     .tile = {tile_2halves_x14, tile_2halves_x8, tile_2halves_x7, tile_2halves_x4, tile_2halves_x2,
              tile_2halves_x1}},
    {.blocks = 1,
     .halves = 1,
     .width = {14, 8, 7, 4, 2, 1},
     .tile = {tile_half_x14, tile_half_x8, tile_half_x7, tile_half_x4, tile_half_x2, tile_half_x1}},
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
