/* SPDX-License-Identifier: MIT */
/* What counters.c asks of the system, so that tests can bring a kernel that follows a script. */
#ifndef BENCH_COUNTERS_SEAM_H
#define BENCH_COUNTERS_SEAM_H

#include "counters/counters.h"

#include <stdint.h>
#include <stdio.h>

/* What is counted without perf_event: by thread (getrusage, the thread's clock), or once a pass. */
enum counter_source {
    SOURCE_PERF,
    SOURCE_TASK_CLOCK,
    SOURCE_PAGE_FAULTS,
    SOURCE_CONTEXT_SWITCHES,
    SOURCE_STEAL,
    SOURCE_CHAIN_GHZ,
};

struct counter_code {
    uint32_t type;
    uint64_t config, config1, config2;
    bool software;       /* counted by the kernel, needs no PMU */
    bool kernel_only;    /* happens inside the kernel: excluding the kernel would leave a false zero */
    bool exclude_kernel; /* set where the system demands it */
};

struct counter_reading {
    uint64_t value, enabled, running;
};

/* open, start, stop and read return 0 (open: a descriptor) or -errno; read returns the bytes it got. */
struct counter_system {
    const char *pmu; /* libpfm4's name of the core PMU; NULL: none known */
    int paranoid;    /* perf_event_paranoid; -1: unknown */
    void *context;
    int (*encode)(void *context, const char *event, struct counter_code *out, char *why, size_t size);
    int (*open)(void *context, const struct counter_code *code); /* for the calling thread, disabled */
    int (*start)(void *context, int fd);
    int (*stop)(void *context, int fd);
    int (*read)(void *context, int fd, struct counter_reading *out);
    void (*close)(void *context, int fd);
    double (*own)(void *context, enum counter_source source); /* a running total; NAN: not here */
};

/* The real one. Its strings and state live until the process ends. */
const struct counter_system *counter_system_real(void);

struct counters *counters_open_on(const struct counter_system *system,
                                  const struct counter_settings *settings, struct oct_message *msg);
/* One line for each thing that is unavailable, equal reasons together. */
void counters_explain(const struct counters *counters, FILE *out);

#endif
