/* SPDX-License-Identifier: MIT */
/* A vector of floats in AVX-512, under the names that direct/tiles-inl.h and grouped/loops-inl.h are written
 * in. Only files that are compiled for it may include this. */
#ifndef OCT_VEC_AVX512_H
#define OCT_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES     16
#define REGISTERS 32

#define INLINE static inline __attribute__((always_inline))

typedef __m512 vec;
typedef __m512i vec_index;

INLINE vec vec_zero(void)
{
    return _mm512_setzero_ps();
}

INLINE vec vec_set1(float value)
{
    return _mm512_set1_ps(value);
}

/* Two neighbours, over and over. */
INLINE vec vec_set2(const float *p)
{
    double both;

    memcpy(&both, p, sizeof(both));
    return _mm512_castpd_ps(_mm512_set1_pd(both));
}

/* Four neighbours, over and over. */
INLINE vec vec_set4(const float *p)
{
    return _mm512_broadcast_f32x4(_mm_loadu_ps(p));
}

INLINE vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

/* Zeros where not wanted. */
INLINE vec vec_load_if(bool wanted, const float *p)
{
    return _mm512_maskz_loadu_ps(wanted ? 0xffff : 0, p);
}

/* In a register: a compiler may else load a value once for each use of it. */
INLINE vec vec_held(vec v)
{
    __asm__("" : "+v"(v));
    return v;
}

INLINE void vec_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}

INLINE vec_index vec_load_index(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}

INLINE vec vec_permute(vec v, vec_index index)
{
    return _mm512_permutexvar_ps(index, v);
}

INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* The same with one value that the instruction itself reads and broadcasts: a compiler would rather load it
 * once for all FMAs that it feeds. */
INLINE vec vec_fma_each(vec a, const float *b, vec c)
{
    __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(c) : "v"(a), "m"(*b));
    return c;
}

/* The same with a whole vector in memory. */
INLINE vec vec_fma_load(vec a, const float *b, vec c)
{
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "m"(*(const vec *)b));
    return c;
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

/* Sums of neighbours: of every four results two are a's, two b's. */
INLINE vec vec_join_pairs(vec a, vec b)
{
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd));
}

INLINE vec vec_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}

INLINE vec vec_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}

INLINE vec vec_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

#endif
