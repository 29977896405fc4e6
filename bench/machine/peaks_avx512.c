/* SPDX-License-Identifier: MIT */
#include "octconv.h"
#include "machine/peaks_loops.h"

#include <immintrin.h>

#define CHAINS 16

static float fma_avx512(long rounds)
{
    const __m512 m = _mm512_set1_ps(.5f), a = _mm512_set1_ps(1);
    __m512 acc[CHAINS];
    float sum = 0;

    for (int i = 0; i < CHAINS; i++)
        acc[i] = _mm512_set1_ps((float)i);
    for (long r = 0; r < rounds; r++)
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; i++)
            acc[i] = _mm512_fmadd_ps(acc[i], m, a);
    for (int i = 0; i < CHAINS; i++)
        sum += _mm512_cvtss_f32(acc[i]);
    return sum;
}

static void load_avx512(const void *from, size_t bytes)
{
    const char *p = from;

    for (size_t i = 0; i < bytes; i += 1024) {
#pragma GCC unroll 16
        for (size_t k = 0; k < 1024; k += 64)
            __asm__ volatile("" : : "v"(_mm512_load_ps(p + i + k)));
    }
}

const struct peak_loops peak_loops_avx512 = {OCT_ISA_AVX2 | OCT_ISA_AVX512, 2. * 16 * CHAINS, fma_avx512,
                                             load_avx512};
