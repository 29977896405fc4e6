/* SPDX-License-Identifier: MIT */
#include "machine/peaks_loops.h"

#include <stdbool.h>

typedef float vector __attribute__((vector_size(16)));

/* Latency of a multiply and an add (8) times two a cycle, less what 16 registers cannot hold. */
#define CHAINS 12

static float fma_base(long rounds)
{
    const vector m = {.5f, .5f, .5f, .5f}, a = {1, 1, 1, 1};
    vector acc[CHAINS];
    float sum = 0;

    for (int i = 0; i < CHAINS; i++)
        acc[i] = a * (float)i;
    for (long r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            acc[i] = acc[i] * m + a;
    for (int i = 0; i < CHAINS; i++)
        sum += acc[i][0];
    return sum;
}

static void load_base(const void *from, size_t bytes)
{
    const vector *p = from;

    for (size_t i = 0; i < bytes / sizeof(vector); i += 8) {
        /* the value must arrive in a register, and nothing more is done with it */
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            vector v = p[i + (size_t)k];
#if defined(__x86_64__)
            __asm__ volatile("" : : "x"(v));
#elif defined(__aarch64__)
            __asm__ volatile("" : : "w"(v));
#else
            __asm__ volatile("" : : "m"(v));
#endif
        }
    }
}

const struct peak_loops peak_loops_base = {0, 2. * 4 * CHAINS, fma_base, load_base};
