/* SPDX-License-Identifier: MIT */
#ifndef BENCH_TIMER_H
#define BENCH_TIMER_H

#include <stdint.h>

uint64_t timer_now_ns(void);        /* monotonic, raw where the system has it without a system call */
uint64_t timer_resolution_ns(void); /* smallest step seen between two readings */
double timer_overhead_ns(void);     /* of one reading: the mean of many */

#endif
