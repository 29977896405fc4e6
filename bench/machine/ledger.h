/* SPDX-License-Identifier: MIT */
/* What disturbed a stretch of time: differences of counters that the system keeps. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/* A count the system does not offer is -1, never 0. */
struct disturbance {
    int64_t steal_ns;     /* time the hypervisor gave to others, all processors of the process (/proc/stat).
                             The system shows it in ticks of 10 ms: a short stretch sees none or a whole one */
    int64_t involuntary;  /* involuntary context switches of the process (getrusage) */
    int64_t migrations;   /* of the thread that opened the ledger (/proc/thread-self/sched) */
    int64_t throttled_ns; /* of the control group (cpu.stat) */
};

/* Files kept open, so that a reading costs few system calls. Not thread-safe. */
struct ledger;

/* Watches the processors on which the process's threads may run at this moment: open it before binding, or
 * with the largest team bound. NULL: no memory. */
struct ledger *ledger_open(void);
void ledger_close(struct ledger *ledger);
void ledger_read(struct ledger *ledger, struct disturbance *now);
struct disturbance ledger_between(const struct disturbance *before, const struct disturbance *after);

/* Ticks of steal in the text of /proc/stat, of the processors with cpus[i]; -1 where it has none. */
int64_t ledger_parse_steal(const char *text, const bool *cpus, int count);

#endif
