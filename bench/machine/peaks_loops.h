/* SPDX-License-Identifier: MIT */
/* The loops behind peaks.c, one file for each instruction set. */
#ifndef BENCH_PEAKS_LOOPS_H
#define BENCH_PEAKS_LOOPS_H

#include <stddef.h>
#include <stdint.h>

struct peak_loops {
    uint32_t isa;
    double flops_per_round;
    float (*fma)(long rounds); /* independent chains of acc * m + a, enough to fill the units */
    void (*load)(const void *from, size_t bytes); /* touches every byte once; a multiple of 1024 */
};

extern const struct peak_loops peak_loops_base; /* 16-byte vectors, whatever they become here */
#ifdef BENCH_WITH_X86
extern const struct peak_loops peak_loops_avx2, peak_loops_avx512;
#endif

#endif
