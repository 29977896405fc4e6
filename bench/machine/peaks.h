/* SPDX-License-Identifier: MIT */
/* What the machine can reach, measured with the run's own binding: ceilings of the roofline and of pct_peak.
 * They never rescale a time. */
#ifndef BENCH_PEAKS_H
#define BENCH_PEAKS_H

#include "octconv.h"

struct peaks {
    int threads;
    double fma_base, fma_avx2, fma_avx512; /* GFLOP/s (2 a multiply-add), f32; NAN: not on this machine */
    double l1, l2, l3, memory;             /* load bandwidth of the team, GB/s; NAN: not measured */
};

/* About a second: the best of many short runs, for a ceiling is not an average. The team of that size must be
 * bound already. Memory is NAN where no buffer clearly larger than the last cache could be had. */
int peaks_measure(struct peaks *out, int threads, struct oct_message *msg);
/* Measures once more and keeps what is higher. */
int peaks_raise(struct peaks *peaks, struct oct_message *msg);
/* The FMA peak of the widest set in the mask. */
double peaks_fma(const struct peaks *peaks, uint32_t isa);

#endif
