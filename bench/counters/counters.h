/* SPDX-License-Identifier: MIT */
/* What the processor and the kernel count while a case runs. Groups of events are data
 * (groups/); libpfm4 and perf_event are included by counters_system.c alone. */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include "octconv.h"

#define MAX_COUNTER_GROUPS 16
#define MAX_RAW_EVENTS     32

/* What is to be counted. */
struct counter_settings {
    int groups, events;
    char *group[MAX_COUNTER_GROUPS]; /* names of data files: ipc, cache, ... */
    char *event[MAX_RAW_EVENTS];     /* raw libpfm4 event strings */
    bool required, scale;
};

enum counter_how { COUNTER_UNAVAILABLE, COUNTER_MEASURED, COUNTER_SCALED, COUNTER_DERIVED };

struct counter_value {
    char name[48];
    enum counter_how how;
    double total; /* all threads, all iterations of the pass; NAN when unavailable. DERIVED: a ratio or
                     a level, not to be divided by the iterations */
    double running_ratio; /* time_running / time_enabled; NAN when unavailable or derived */
    char reason[96];      /* why unavailable */
};

struct counters;

/* Resolves names, tries each event once, and says once on stderr why some are unavailable. NULL with msg on a
 * bad name. */
struct counters *counters_open(const struct counter_settings *settings, struct oct_message *msg);
int counters_passes(const struct counters *counters); /* one group a pass; may be 0 */
/* 0, or 6 where `required` is not met, with the reason. */
int counters_missing(const struct counters *counters, char *reason, size_t size);

/* Opens the pass's events in each of the team's threads and starts them; stops, reads, sums, closes. The team
 * must have the same size in both calls. What a pass could not count is unavailable, not an error. */
int counters_start(struct counters *counters, int pass, int threads);
int counters_stop(struct counters *counters);
/* Multiply-adds of one pass (all iterations), for formulas such as bytes a multiply-add. Before
 * counters_values; until it is called such formulas are unavailable. */
void counters_work(struct counters *counters, double macs);

/* Each name once, in the order of groups and files; the same names in the same order at every call. */
size_t counters_values(struct counters *counters, const struct counter_value **out);
void counters_close(struct counters *counters);
const char *counter_how_name(enum counter_how how);

/* Writes libpfm4's version; nothing where it was left out. */
void counters_library(char *version, size_t size);

/* Names of the built-in groups, NULL-ended. */
const char *const *counters_group_names(void);

/* GHz by a timed chain of dependent adds on the calling thread: the ladder's rung below the PMU. NAN where
 * this architecture has no such chain here. */
double counters_chain_ghz(void);

#endif
