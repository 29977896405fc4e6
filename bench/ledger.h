/* SPDX-License-Identifier: MIT */
/* What disturbed a stretch of time: differences of counters that the system keeps. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/* A count the system does not offer is -1, never 0. */
struct disturbance {
    int64_t steal_ns;     /* time the hypervisor gave to others, all processors of the process (/proc/stat) */
    int64_t involuntary;  /* involuntary context switches of the process (getrusage) */
    int64_t migrations;   /* of the calling thread (/proc/self/sched, where there) */
    int64_t throttled_ns; /* of the control group (cpu.stat) */
};

/* Files kept open, so that a reading costs few system calls. Not thread-safe. */
struct ledger;

struct ledger *ledger_open(void); /* NULL: no memory */
void ledger_close(struct ledger *ledger);
void ledger_read(struct ledger *ledger, struct disturbance *now);
struct disturbance ledger_between(const struct disturbance *before, const struct disturbance *after);

#endif
