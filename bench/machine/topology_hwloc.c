/* SPDX-License-Identifier: MIT */
/* The machine by hwloc. The only file that includes it. */
#define _GNU_SOURCE
#include "machine/topology_internal.h"
#include "base/file.h"
#include "base/message.h"

#include <hwloc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int64_t cache_bytes(hwloc_obj_t unit, hwloc_obj_type_t type)
{
    for (hwloc_obj_t o = unit; o; o = o->parent)
        if (o->type == type)
            return (int64_t)o->attr->cache.size;
    return -1;
}

static int ancestor(hwloc_topology_t hw, hwloc_obj_t unit, hwloc_obj_type_t type, int otherwise)
{
    hwloc_obj_t o = hwloc_get_ancestor_obj_by_type(hw, type, unit);

    return o ? (int)o->logical_index : otherwise;
}

static void add_unit(struct topology *topology, hwloc_topology_t hw, hwloc_obj_t o)
{
    struct place_unit *u = &topology->units[topology->count];
    hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(hw, HWLOC_OBJ_CORE, o);
    int siblings = core ? hwloc_get_nbobjs_inside_cpuset_by_type(hw, core->cpuset, HWLOC_OBJ_PU) : 1;

    u->pu = (int)o->os_index;
    u->core = core ? (int)core->logical_index : (int)o->logical_index;
    u->package = ancestor(hw, o, HWLOC_OBJ_PACKAGE, 0);
    u->node = o->nodeset && !hwloc_bitmap_iszero(o->nodeset) ? hwloc_bitmap_first(o->nodeset) : 0;
    u->sibling = 0;
    if (topology->count > 0 && u[-1].core == u->core)
        u->sibling = u[-1].sibling + 1;
    if (topology->count == 0) {
        topology->machine.l1d_bytes = cache_bytes(o, HWLOC_OBJ_L1CACHE);
        topology->machine.l2_bytes = cache_bytes(o, HWLOC_OBJ_L2CACHE);
        topology->machine.l3_bytes = cache_bytes(o, HWLOC_OBJ_L3CACHE);
    }
    if (siblings > topology->machine.smt)
        topology->machine.smt = siblings;
    topology->count++;
}

/* MPI launchers set these for their own processes; with them hwloc describes another machine and binds
 * nothing. */
static const char *const misleading[] = {"HWLOC_XMLFILE", "HWLOC_SYNTHETIC",  "HWLOC_COMPONENTS",
                                         "HWLOC_FSROOT",  "HWLOC_CPUID_PATH", "HWLOC_THISSYSTEM"};
#define MISLEADING (sizeof(misleading) / sizeof(misleading[0]))

static void hide_variables(char *kept[MISLEADING])
{
    for (size_t i = 0; i < MISLEADING; i++) {
        const char *value = getenv(misleading[i]);

        kept[i] = value ? strdup(value) : NULL;
        unsetenv(misleading[i]);
    }
}

/* run.json and doctor tell of them. */
static void restore_variables(char *kept[MISLEADING])
{
    for (size_t i = 0; i < MISLEADING; i++) {
        if (kept[i])
            setenv(misleading[i], kept[i], 1);
        free(kept[i]);
    }
}

static int load(struct topology *topology, struct oct_message *msg)
{
    hwloc_topology_t hw;

    if (hwloc_topology_init(&hw))
        return message_fail(msg, OCT_NO_MEMORY, "hwloc cannot start: %s", strerror(errno));
    topology->backend = hw;
    if (topology->source.synthetic && hwloc_topology_set_synthetic(hw, topology->source.synthetic))
        return message_fail(msg, OCT_INVALID, "hwloc does not understand the topology '%s'",
                            topology->source.synthetic);
    if (hwloc_topology_load(hw))
        return message_fail(msg, OCT_ERROR, "hwloc cannot read this machine's topology: %s", strerror(errno));
    return OCT_OK;
}

int backend_discover(struct topology *topology, struct oct_message *msg)
{
    char *kept[MISLEADING];
    hwloc_topology_t hw;
    int status;

    hide_variables(kept);
    status = load(topology, msg);
    restore_variables(kept);
    if (status)
        return status;
    hw = topology->backend;

    int all = hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_PU);
    topology->units = calloc(all > 0 ? (size_t)all : 1, sizeof(*topology->units));
    if (!topology->units)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for %d processing units", all);
    for (int i = 0; i < all; i++) {
        hwloc_obj_t o = hwloc_get_obj_by_type(hw, HWLOC_OBJ_PU, (unsigned)i);
        if (o->os_index < MAX_PUS && topology->allowed[o->os_index])
            add_unit(topology, hw, o);
    }
    return OCT_OK;
}

void backend_release(struct topology *topology)
{
    if (topology->backend)
        hwloc_topology_destroy(topology->backend);
}

int backend_bind(const struct topology *topology, int pu)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    int error = ENOMEM;

    if (!set)
        return error;
    hwloc_bitmap_only(set, (unsigned)pu);
    error = hwloc_set_cpubind(topology->backend, set, HWLOC_CPUBIND_THREAD) ? errno : 0;
    hwloc_bitmap_free(set);
    /* Memory where it is first touched, even under an inherited policy such as interleave. Containers may
     * forbid the call; the system's default is the same policy, so a refusal changes nothing. */
    if (!error)
        hwloc_set_membind(topology->backend, hwloc_topology_get_topology_nodeset(topology->backend),
                          HWLOC_MEMBIND_FIRSTTOUCH, HWLOC_MEMBIND_THREAD | HWLOC_MEMBIND_BYNODESET);
    return error;
}

int backend_bound(const struct topology *topology)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    int pu = -1;

    if (set && hwloc_get_cpubind(topology->backend, set, HWLOC_CPUBIND_THREAD) == 0 &&
        hwloc_bitmap_weight(set) == 1)
        pu = hwloc_bitmap_first(set);
    hwloc_bitmap_free(set);
    return pu;
}

void backend_unbind(const struct topology *topology)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();

    if (!set)
        return;
    for (int i = 0; i < topology->count; i++)
        hwloc_bitmap_set(set, (unsigned)topology->units[i].pu);
    hwloc_set_cpubind(topology->backend, set, HWLOC_CPUBIND_PROCESS);
    hwloc_bitmap_free(set);
}

int backend_write_xml(const struct topology *topology, const char *path, struct oct_message *msg)
{
    char *text;
    int size, status;

    if (hwloc_topology_export_xmlbuffer(topology->backend, &text, &size, 0))
        return message_fail(msg, OCT_ERROR, "hwloc cannot say the topology as XML: %s", strerror(errno));
    status =
        file_replace(path, text, size > 0 ? (size_t)size - 1 : 0, msg); /* its size counts the final zero */
    hwloc_free_xmlbuffer(topology->backend, text);
    return status;
}
