/* SPDX-License-Identifier: MIT */
/* libpfm4 + perf_event behind a door: the only file that includes either is counters.c. */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include "config.h"

enum counter_how { COUNTER_UNAVAILABLE, COUNTER_MEASURED, COUNTER_SCALED, COUNTER_DERIVED };

struct counter_value {
    char name[48];
    enum counter_how how;
    double total;         /* all threads, all iterations of the pass; NAN when unavailable */
    double running_ratio; /* time_running / time_enabled; NAN when unavailable */
    char reason[96];      /* why unavailable */
};

struct counters;

/* Opens nothing yet: resolves names, learns what this machine can count, and says on `err` once why the rest
 * is unavailable. NULL with msg on a bad name. 6 from counters_missing() where `required` is not met. */
struct counters *counters_open(const struct counter_settings *settings, struct oct_message *msg);
int counters_passes(const struct counters *counters); /* one group a pass */
int counters_missing(const struct counters *counters, char *reason, size_t size);

/* Opens the pass's events in each of the team's threads and starts them; stops, reads, sums, closes. The team
 * must have the same size in both calls. */
int counters_start(struct counters *counters, int pass, int threads);
int counters_stop(struct counters *counters);

size_t counters_values(const struct counters *counters, const struct counter_value **out);
void counters_close(struct counters *counters);
const char *counter_how_name(enum counter_how how);

/* GHz by a timed chain of dependent adds on the calling thread: the ladder's rung below the PMU. */
double counters_chain_ghz(void);

#endif
