/* SPDX-License-Identifier: MIT */
/*
 * Grouped and depthwise layers with AVX2 and FMA: the vector loops behind grouped.h, nChw8c. Sixteen
 * registers hold a tile of 2 rows x 5 columns, the weights of a row of the kernel, the permutation and one
 * input: too few for the rolling rows of the AVX-512 file.
 */
#include "grouped.h"

#include <immintrin.h>

#define BLOCK 8
#define TALL  2
#define WIDE  5

#define INLINE static inline __attribute__((always_inline))

typedef __m256 vec;
typedef __m256i vec_index;

INLINE vec vec_zero(void)
{
    return _mm256_setzero_ps();
}

INLINE vec vec_set1(float value)
{
    return _mm256_set1_ps(value);
}

INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

INLINE void vec_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}

INLINE vec_index vec_load_index(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

INLINE vec vec_permute(vec v, vec_index index)
{
    return _mm256_permutevar8x32_ps(v, index);
}

INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return _mm256_div_ps(a, b);
}

INLINE vec vec_min(vec a, vec b)
{
    return _mm256_min_ps(a, b);
}

INLINE vec vec_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}

#include "grouped_loops.h"

/* ---- entry --------------------------------------------------------------------------------------- */

static const struct grouped_isa isa = {
    .tile = "8c 2x5",
    .layout = OCT_NCHW8C,
    .conv = convolve_tiles,
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
