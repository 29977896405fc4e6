/* SPDX-License-Identifier: MIT */
/* What counters.c (which events) and counters_pass.c (opened when, summed how) share. */
#ifndef BENCH_COUNTERS_INTERNAL_H
#define BENCH_COUNTERS_INTERNAL_H

#include "counters/counter_groups.h"
#include "counters/counters_seam.h"

#define MAX_EVENTS 24
struct event {
    char name[48];
    enum counter_source source;
    struct counter_code code;
    bool usable;
};

struct pass {
    char group[32];
    bool ran;
    int events, metrics;
    struct event event[MAX_EVENTS];
    struct group_line metric[MAX_EVENTS];
    struct counter_value value[2 * MAX_EVENTS]; /* events, then metrics */
};

/* One event in one thread. */
struct cell {
    int fd;       /* or -errno */
    double start; /* of counts that are not perf's */
    double count;
};

struct counters {
    const struct counter_system *system;
    bool required, scale;
    int passes, current, threads;
    struct pass *pass;
    struct cell *cells; /* threads x MAX_EVENTS, while a pass runs */
    uint64_t start_ns;
    double wall_ns, macs;
    size_t count;
    struct counter_value *values;
};

/* Marks a value; the reason may be the value's own. */
void counter_unavailable(struct counter_value *v, const char *reason);
void counter_explain_errno(const struct counter_system *system, int error, char *out, size_t size);

#endif
