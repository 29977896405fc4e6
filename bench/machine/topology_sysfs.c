/* SPDX-License-Identifier: MIT */
/* The machine by sched_getaffinity and /sys: what is used where hwloc is not. */
#define _GNU_SOURCE
#include "machine/topology_internal.h"
#include "machine/cgroup.h"
#include "base/message.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_int(const char *root, int pu, const char *name, int otherwise)
{
    char path[PATH_MAX], line[64];
    int value;

    snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%d/%s", root, pu, name);
    if (file_read_line(path, line, sizeof(line)) || sscanf(line, "%d", &value) != 1)
        return otherwise;
    return value;
}

static bool exists(const char *root, int pu)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%d", root, pu);
    return access(path, F_OK) == 0;
}

static int node_of(const char *root, int pu)
{
    char path[PATH_MAX];
    struct dirent *entry;
    int node = 0;

    snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%d", root, pu);
    DIR *directory = opendir(path);
    if (!directory)
        return 0;
    while ((entry = readdir(directory)))
        if (sscanf(entry->d_name, "node%d", &node) == 1)
            break;
    closedir(directory);
    return node;
}

/* Bytes of a data or unified cache of that level; -1 unknown. */
static int64_t cache_bytes(const char *root, int pu, int level)
{
    for (int i = 0; i < 8; i++) {
        char path[PATH_MAX], name[64], line[64];
        long size;
        char unit = ' ';

        snprintf(name, sizeof(name), "cache/index%d/level", i);
        if (read_int(root, pu, name, -1) != level)
            continue;
        snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%d/cache/index%d/type", root, pu, i);
        if (file_read_line(path, line, sizeof(line)) || strcmp(line, "Instruction") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/cpu%d/cache/index%d/size", root, pu, i);
        if (file_read_line(path, line, sizeof(line)) || sscanf(line, "%ld%c", &size, &unit) < 1)
            continue;
        return size * (unit == 'K' ? INT64_C(1024) : unit == 'M' ? INT64_C(1048576) : 1);
    }
    return -1;
}

static int by_place(const void *left, const void *right)
{
    const struct place_unit *a = left, *b = right;

    if (a->package != b->package)
        return a->package - b->package;
    if (a->node != b->node)
        return a->node - b->node;
    if (a->core != b->core)
        return a->core - b->core;
    return a->pu - b->pu;
}

/* Core numbers of the system are unique only within a package. */
static void number_cores(struct topology *t)
{
    int core = -1, package = -1, number = -1, siblings = 0;

    for (int i = 0; i < t->count; i++) {
        struct place_unit *u = &t->units[i];
        bool same = u->core == core && u->package == package;

        core = u->core;
        package = u->package;
        number += !same;
        siblings = same ? siblings + 1 : 0;
        u->core = number;
        u->sibling = siblings;
        if (siblings + 1 > t->machine.smt)
            t->machine.smt = siblings + 1;
    }
}

int backend_discover(struct topology *t, struct oct_message *msg)
{
    const char *root = t->source.root;

    if (t->source.synthetic)
        return message_fail(msg, OCT_UNSUPPORTED, "synthetic topologies need hwloc, which was left out");
    t->units = calloc(MAX_PUS, sizeof(*t->units));
    if (!t->units)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for the topology");
    for (int pu = 0; pu < MAX_PUS; pu++) {
        if (!t->allowed[pu] || !exists(root, pu))
            continue;
        struct place_unit *u = &t->units[t->count++];
        u->pu = pu;
        u->core = read_int(root, pu, "topology/core_id", pu);
        u->package = read_int(root, pu, "topology/physical_package_id", 0);
        u->node = node_of(root, pu);
    }
    qsort(t->units, (size_t)t->count, sizeof(*t->units), by_place);
    number_cores(t);
    if (t->count == 0)
        return OCT_OK;
    t->machine.l1d_bytes = cache_bytes(root, t->units[0].pu, 1);
    t->machine.l2_bytes = cache_bytes(root, t->units[0].pu, 2);
    t->machine.l3_bytes = cache_bytes(root, t->units[0].pu, 3);
    return OCT_OK;
}

void backend_release(struct topology *t)
{
    (void)t;
}

static int set_affinity(pid_t thread, const struct place_unit *units, int count)
{
    cpu_set_t *set = CPU_ALLOC(MAX_PUS);
    size_t size = CPU_ALLOC_SIZE(MAX_PUS);

    if (!set)
        return ENOMEM;
    CPU_ZERO_S(size, set);
    for (int i = 0; i < count; i++)
        CPU_SET_S(units[i].pu, size, set);
    int error = sched_setaffinity(thread, size, set) ? errno : 0;
    CPU_FREE(set);
    return error;
}

int backend_bind(const struct topology *t, int pu)
{
    struct place_unit unit = {.pu = pu};

    (void)t;
    return set_affinity(0, &unit, 1);
}

int backend_bound(const struct topology *t)
{
    cpu_set_t *set = CPU_ALLOC(MAX_PUS);
    size_t size = CPU_ALLOC_SIZE(MAX_PUS);
    int pu = -1;

    (void)t;
    if (!set)
        return -1;
    CPU_ZERO_S(size, set);
    if (sched_getaffinity(0, size, set) == 0 && CPU_COUNT_S(size, set) == 1)
        for (pu = 0; !CPU_ISSET_S(pu, size, set);)
            pu++;
    CPU_FREE(set);
    return pu;
}

void backend_unbind(const struct topology *t)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;

    if (!tasks) {
        set_affinity(0, t->units, t->count);
        return;
    }
    while ((entry = readdir(tasks))) {
        int thread;
        if (sscanf(entry->d_name, "%d", &thread) == 1)
            set_affinity(thread, t->units, t->count);
    }
    closedir(tasks);
}

int backend_write_xml(const struct topology *t, const char *path, struct oct_message *msg)
{
    (void)t;
    (void)path;
    return message_fail(msg, OCT_UNSUPPORTED, "the topology as XML needs hwloc, which was left out");
}
