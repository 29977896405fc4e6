/* SPDX-License-Identifier: MIT */
/* What topology_common.c shares with the backends: topology_hwloc.c or topology_sysfs.c. */
#ifndef BENCH_TOPOLOGY_INTERNAL_H
#define BENCH_TOPOLOGY_INTERNAL_H

#include "machine/topology.h"

#define MAX_PUS 8192

/* One processing unit the process may use. Numbers of core, package and node only tell apart. */
struct place_unit {
    int pu; /* the system's number */
    int core, package, node;
    int sibling; /* rank among the usable units of its core */
};

struct topology_source {
    const char *synthetic; /* hwloc's notation, or NULL: this machine */
    const char *allowed;   /* units such as "1,3-5", or NULL: what the system allows */
    const char *root;      /* before every path of /proc and /sys; "" is this machine */
};

struct topology {
    struct topology_source source;
    bool *allowed; /* MAX_PUS */
    struct place_unit *units;
    int count;
    struct machine machine;
    void *backend;
};

struct topology *topology_open_source(const struct topology_source *source, struct oct_message *msg);

/* Pure: which unit for which thread. Returns the distinct cores in use. */
int topology_place_units(const struct place_unit *units, int count, const struct affinity_settings *how,
                         int threads, int pu[]);

/* ---- a backend ----------------------------------------------------------------------------------- */

/* Fills units (allowed ones only, in the machine's order, siblings adjacent), count, and of machine: smt and
 * the cache sizes. */
int backend_discover(struct topology *topology, struct oct_message *msg);
void backend_release(struct topology *topology);
/* The calling thread: 0, or an errno. */
int backend_bind(const struct topology *topology, int pu);
/* The calling thread's binding, -1 where it is not one unit. */
int backend_bound(const struct topology *topology);
/* All threads of the process, to all allowed units. */
void backend_unbind(const struct topology *topology);
int backend_write_xml(const struct topology *topology, const char *path, struct oct_message *msg);

#endif
