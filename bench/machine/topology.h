/* SPDX-License-Identifier: MIT */
/* hwloc behind a door: the machine, and which thread runs where. The only file that includes hwloc is
 * topology_hwloc.c; without hwloc the same calls use sched_setaffinity and sysfs. */
#ifndef BENCH_TOPOLOGY_H
#define BENCH_TOPOLOGY_H

#include "octconv.h"

#define MAX_THREADS 1024

enum bind_mode { BIND_NONE, BIND_CORE };
enum place_mode { PLACE_COMPACT, PLACE_SCATTER };

/* Which threads run where. */
struct affinity_settings {
    enum bind_mode bind;
    enum place_mode place;
    bool smt; /* use hardware siblings too */
};

struct topology;

struct machine {
    char model[128];
    int packages, numa_nodes, cores, pus;   /* that the process may use */
    int smt;                                /* hardware threads a core */
    int64_t l1d_bytes, l2_bytes, l3_bytes;  /* of the first core; -1 unknown */
    int64_t memory_bytes, memory_available; /* -1 unknown */
    double quota_cores;                     /* control group's CPU quota in cores; NAN: none */
};

/* `synthetic` (hwloc's notation) for tests, else NULL: this machine, as the cpuset allows. */
struct topology *topology_open(const char *synthetic, struct oct_message *msg);
void topology_close(struct topology *topology);
void topology_machine(const struct topology *topology, struct machine *out);
/* The same for every run on one host: of its name and its processor. */
uint64_t topology_machine_id(const struct topology *topology);

/* The processing unit (system number) for each of `threads` threads. Returns how many distinct cores that
 * takes; fewer than `threads` means sharing, which the caller warns of. */
int topology_place(const struct topology *topology, const struct affinity_settings *how, int threads,
                   int pu[]);

/* The largest team worth timing: what OpenMP may start (OMP_THREAD_LIMIT), and no more than 16 threads a
 * unit. */
int topology_largest_team(const struct topology *topology);

/* Makes the OpenMP team of that size and binds each member; call again whenever the team's size changed, as
 * new workers inherit the master's binding. bound[] is the binding as read back, -1 where it is not a single
 * unit. */
int topology_bind_team(const struct topology *topology, const struct affinity_settings *how, int threads,
                       int bound[], struct oct_message *msg);
/* The whole team back to where the process was allowed to run. */
void topology_unbind(const struct topology *topology);

/* hwloc's XML, or OCT_UNSUPPORTED. */
int topology_write_xml(const struct topology *topology, const char *path, struct oct_message *msg);

#endif
