/* SPDX-License-Identifier: MIT */
#include "octconv.h"
#include "machine/peaks_loops.h"

#include <immintrin.h>

/* Two units of latency 4 want 8 chains; 12 leave room for worse. */
#define CHAINS 12

static float fma_avx2(long rounds)
{
    const __m256 m = _mm256_set1_ps(.5f), a = _mm256_set1_ps(1);
    __m256 acc[CHAINS];
    float sum = 0;

    for (int i = 0; i < CHAINS; i++)
        acc[i] = _mm256_set1_ps((float)i);
    for (long r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            acc[i] = _mm256_fmadd_ps(acc[i], m, a);
    for (int i = 0; i < CHAINS; i++)
        sum += _mm256_cvtss_f32(acc[i]);
    return sum;
}

static void load_avx2(const void *from, size_t bytes)
{
    const char *p = from;

    for (size_t i = 0; i < bytes; i += 512) {
#pragma GCC unroll 16
        for (size_t k = 0; k < 512; k += 32)
            __asm__ volatile("" : : "x"(_mm256_load_ps((const float *)(p + i + k))));
    }
}

const struct peak_loops peak_loops_avx2 = {OCT_ISA_AVX2, 2. * 8 * CHAINS, fma_avx2, load_avx2};
