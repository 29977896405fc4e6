/* SPDX-License-Identifier: MIT */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

/* Bytes that this process could still get: what the system calls available, or less where a control group
 * says so. INFINITY where the system tells neither. */
double memory_available(void);

#endif
