/* SPDX-License-Identifier: MIT */
/* octbench doctor: what this machine can measure, and what will disturb it. */
#ifndef BENCH_DOCTOR_H
#define BENCH_DOCTOR_H

#include "commands/findings.h"

struct topology;

/* The system as it is set up: processor, clock, limits, memory, runtime. */
void examine_system(struct examination *examination, const struct topology *topology);
/* By trying: counters, the ledger, the timer, how steady the machine is. */
void examine_measuring(struct examination *examination, const struct topology *topology);

#endif
