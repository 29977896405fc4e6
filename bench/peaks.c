/* SPDX-License-Identifier: MIT */
#include "peaks.h"

#include <math.h>

int peaks_measure(struct peaks *out, int threads, struct oct_message *msg)
{
    (void)msg;
    out->threads = threads;
    out->fma_base = out->fma_avx2 = out->fma_avx512 = NAN;
    out->l1 = out->l2 = out->l3 = out->memory = NAN;
    return OCT_OK;
}

double peaks_fma(const struct peaks *peaks, uint32_t isa)
{
    if (isa & OCT_ISA_AVX512)
        return peaks->fma_avx512;
    return isa & OCT_ISA_AVX2 ? peaks->fma_avx2 : peaks->fma_base;
}
