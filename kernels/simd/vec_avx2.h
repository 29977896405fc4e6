/* SPDX-License-Identifier: MIT */
/* A vector of floats in AVX2 and FMA, under the names that direct/tiles-inl.h and grouped/loops-inl.h are
 * written in. Only files that are compiled for it may include this. */
#ifndef OCT_VEC_AVX2_H
#define OCT_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES     8
#define REGISTERS 16

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

/* Two neighbours, over and over. */
INLINE vec vec_set2(const float *p)
{
    double both;

    memcpy(&both, p, sizeof(both));
    return _mm256_castpd_ps(_mm256_set1_pd(both));
}

/* Four neighbours, twice. */
INLINE vec vec_set4(const float *p)
{
    return _mm256_broadcast_ps((const __m128 *)p);
}

INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

/* Zeros where not wanted. */
INLINE vec vec_load_if(bool wanted, const float *p)
{
    return _mm256_maskload_ps(p, _mm256_set1_epi32(wanted ? -1 : 0));
}

/* In a register: a compiler may else load a value once for each use of it. */
INLINE vec vec_held(vec v)
{
    __asm__("" : "+x"(v));
    return v;
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

INLINE vec vec_fma_each(vec a, const float *b, vec c)
{
    return vec_fma(a, vec_set1(*b), c);
}

INLINE vec vec_fma_load(vec a, const float *b, vec c)
{
    return vec_fma(a, vec_load(b), c);
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

/* Sums of neighbours: of every four results two are a's, two b's. */
INLINE vec vec_join_pairs(vec a, vec b)
{
    return _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xdd));
}

INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
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

#endif
