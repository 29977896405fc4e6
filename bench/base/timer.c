/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "base/timer.h"

#include <time.h>

/* CLOCK_MONOTONIC and not _RAW: it is served by the vDSO everywhere, and slewing by ntp (at most 0.05%)
 * cancels in ratios taken within a round. */
uint64_t timer_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t timer_resolution_ns(void)
{
    uint64_t smallest = UINT64_MAX;

    for (int i = 0; i < 1000; i++) {
        uint64_t a = timer_now_ns(), b = a;
        while (b == a)
            b = timer_now_ns();
        smallest = b - a < smallest ? b - a : smallest;
    }
    return smallest;
}

double timer_overhead_ns(void)
{
    const int readings = 10000;
    uint64_t start = timer_now_ns(), end = start;

    for (int i = 0; i < readings; i++)
        end = timer_now_ns();
    return (double)(end - start) / readings;
}
