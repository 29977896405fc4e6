/* SPDX-License-Identifier: MIT */
/* What does not depend on where the topology was learned: who may run where, the order of placement, the
 * team's binding, limits of the control group. */
#define _GNU_SOURCE
#include "machine/topology_internal.h"
#include "machine/cgroup.h"
#include "base/complain.h"
#include "base/message.h"

#include <ctype.h>
#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* ---- which units the process may use --------------------------------------------------------------- */

static int allow_list(bool *allowed, const char *list, struct oct_message *msg)
{
    for (const char *p = list; *p;) {
        int first, last, used = 0;

        if (sscanf(p, "%d%n", &first, &used) != 1)
            return message_fail(msg, OCT_INVALID, "'%s' is no list of processing units", list);
        p += used;
        last = first;
        if (*p == '-' && sscanf(p, "-%d%n", &last, &used) == 1)
            p += used;
        if (first < 0 || last >= MAX_PUS || last < first || (*p && *p != ','))
            return message_fail(msg, OCT_INVALID, "'%s' is no list of processing units", list);
        for (int i = first; i <= last; i++)
            allowed[i] = true;
        p += *p == ',';
    }
    return OCT_OK;
}

/* A runtime told to bind (OMP_PROC_BIND) has narrowed this thread's mask already; its places still hold what
 * the process was given. */
static void allow_openmp_places(bool *allowed)
{
    int places = omp_get_num_places();

    for (int place = 0; place < places; place++) {
        int n = omp_get_place_num_procs(place);
        int *ids = malloc(sizeof(int) * (size_t)(n > 0 ? n : 1));

        if (!ids)
            return;
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < n; i++)
            if (ids[i] >= 0 && ids[i] < MAX_PUS)
                allowed[ids[i]] = true;
        free(ids);
    }
}

static int allow_system(bool *allowed, struct oct_message *msg)
{
    cpu_set_t *set = CPU_ALLOC(MAX_PUS);
    size_t size = CPU_ALLOC_SIZE(MAX_PUS);

    if (!set)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for a set of processors");
    CPU_ZERO_S(size, set);
    if (sched_getaffinity(0, size, set)) {
        CPU_FREE(set);
        return message_fail(msg, OCT_ERROR, "the system does not say where this process may run");
    }
    for (int i = 0; i < MAX_PUS; i++)
        allowed[i] = CPU_ISSET_S(i, size, set);
    CPU_FREE(set);
    allow_openmp_places(allowed);
    return OCT_OK;
}

static int find_allowed(struct topology *t, struct oct_message *msg)
{
    if (t->source.allowed)
        return allow_list(t->allowed, t->source.allowed, msg);
    if (!t->source.synthetic)
        return allow_system(t->allowed, msg);
    memset(t->allowed, true, sizeof(bool) * MAX_PUS);
    return OCT_OK;
}

/* ---- the machine ----------------------------------------------------------------------------------- */

static int distinct(const struct topology *t, size_t member)
{
    int n = 0;

    for (int i = 0; i < t->count; i++) {
        int value = *(const int *)((const char *)&t->units[i] + member), seen = 0;
        for (int j = 0; j < i && !seen; j++)
            seen = *(const int *)((const char *)&t->units[j] + member) == value;
        n += !seen;
    }
    return n;
}

static void read_model(const char *root, char *model, size_t size)
{
    enum { TEXT = 16384 };
    char path[PATH_MAX], *text = malloc(TEXT);
    struct utsname name;

    snprintf(path, sizeof(path), "%s/proc/cpuinfo", root);
    bool known = text && file_read_text(path, text, TEXT) > 0;
    const char *line = known ? strstr(text, "model name") : NULL;
    const char *value = line ? strchr(line, ':') : NULL;
    if (value) {
        int64_t family = text_find_number(text, "cpu family"), number = text_find_number(text, "model\t");
        value += 1 + strspn(value + 1, " \t");
        int length = snprintf(model, size, "%.*s", (int)strcspn(value, "\n"), value);
        /* virtual machines call processors of several generations by one name */
        if (family >= 0 && number >= 0 && length > 0 && (size_t)length < size)
            snprintf(model + length, size - (size_t)length, ", family %lld model %lld", (long long)family,
                     (long long)number);
    } else {
        snprintf(model, size, "%s", uname(&name) == 0 ? name.machine : "unknown");
    }
    free(text);
}

static void read_memory(const char *root, const struct cgroup *group, struct machine *m)
{
    char path[PATH_MAX], text[8192];

    m->memory_bytes = m->memory_available = -1;
    snprintf(path, sizeof(path), "%s/proc/meminfo", root);
    if (file_read_text(path, text, sizeof(text)) > 0) {
        int64_t total = text_find_number(text, "MemTotal"),
                available = text_find_number(text, "MemAvailable");
        m->memory_bytes = total < 0 ? -1 : total * 1024;
        m->memory_available = available < 0 ? -1 : available * 1024;
    }
    if (group->memory_limit_bytes < 0)
        return;
    int64_t usage = group->memory_usage_bytes < 0 ? 0 : group->memory_usage_bytes;
    int64_t room = group->memory_limit_bytes > usage ? group->memory_limit_bytes - usage : 0;
    if (m->memory_bytes < 0 || group->memory_limit_bytes < m->memory_bytes)
        m->memory_bytes = group->memory_limit_bytes;
    if (m->memory_available < 0 || room < m->memory_available)
        m->memory_available = room;
}

static void describe_machine(struct topology *t)
{
    struct cgroup *group = malloc(sizeof(*group));
    struct machine *m = &t->machine;

    m->quota_cores = NAN;
    m->pus = t->count;
    m->cores = distinct(t, offsetof(struct place_unit, core));
    m->packages = distinct(t, offsetof(struct place_unit, package));
    m->numa_nodes = distinct(t, offsetof(struct place_unit, node));
    read_model(t->source.root, m->model, sizeof(m->model));
    if (!group)
        return;
    cgroup_read(t->source.root, group);
    m->quota_cores = group->quota_cores;
    read_memory(t->source.root, group, m);
    free(group);
}

struct topology *topology_open_source(const struct topology_source *source, struct oct_message *msg)
{
    struct topology *t = calloc(1, sizeof(*t));
    struct topology_source defaults = {.root = ""};

    if (!t || !(t->allowed = calloc(MAX_PUS, sizeof(bool)))) {
        message_fail(msg, OCT_NO_MEMORY, "no memory for the topology");
        goto fail;
    }
    t->source = source ? *source : defaults;
    t->machine.smt = 1;
    t->machine.l1d_bytes = t->machine.l2_bytes = t->machine.l3_bytes = -1;
    if (find_allowed(t, msg) || backend_discover(t, msg))
        goto fail;
    if (t->count == 0) {
        message_fail(msg, OCT_ERROR, "no processing unit is left to this process");
        goto fail;
    }
    describe_machine(t);
    return t;
fail:
    topology_close(t);
    return NULL;
}

struct topology *topology_open(const char *synthetic, struct oct_message *msg)
{
    struct topology_source source = {.synthetic = synthetic, .root = ""};

    return topology_open_source(&source, msg);
}

void topology_close(struct topology *t)
{
    if (!t)
        return;
    backend_release(t);
    free(t->units);
    free(t->allowed);
    free(t);
}

void topology_machine(const struct topology *t, struct machine *out)
{
    *out = t->machine;
}

uint64_t topology_machine_id(const struct topology *t)
{
    struct utsname host = {0};
    struct machine machine;
    uint64_t hash = HASH_START;

    uname(&host);
    topology_machine(t, &machine);
    hash = hash_bytes(hash, host.nodename, strlen(host.nodename) + 1);
    return hash_bytes(hash, machine.model, strlen(machine.model));
}

/* ---- placement ------------------------------------------------------------------------------------- */

/* Where a unit stands when packages, then nodes, then cores are dealt out in turn. */
struct deal {
    int sibling, core, node, package; /* ranks: core within its node, node within its package */
    int index;
};

static int by_turn(const void *left, const void *right)
{
    const struct deal *a = left, *b = right;

    if (a->sibling != b->sibling)
        return a->sibling - b->sibling;
    if (a->core != b->core)
        return a->core - b->core;
    if (a->node != b->node)
        return a->node - b->node;
    if (a->package != b->package)
        return a->package - b->package;
    return a->index - b->index;
}

/* Units come in the machine's order, so ranks are counts of what came before. */
static struct deal deal_of(const struct place_unit *units, int i)
{
    struct deal d = {.sibling = units[i].sibling, .index = i};
    int last_package = -1, last_node = -1;

    for (int j = 0; j <= i; j++) {
        const struct place_unit *u = &units[j];
        if (u->package != last_package) {
            d.package += last_package >= 0;
            d.node = 0;
            d.core = 0;
        } else if (u->node != last_node) {
            d.node++;
            d.core = 0;
        } else if (u->core != units[j - 1].core) {
            d.core++;
        }
        last_package = u->package;
        last_node = u->node;
    }
    return d;
}

static int cores_used(const struct place_unit *units, const int *order, int n)
{
    int cores = 0;

    for (int i = 0; i < n; i++) {
        int seen = 0;
        for (int j = 0; j < i && !seen; j++)
            seen = units[order[j]].core == units[order[i]].core;
        cores += !seen;
    }
    return cores;
}

int topology_place_units(const struct place_unit *units, int count, const struct affinity_settings *how,
                         int threads, int pu[])
{
    struct deal *deals = malloc(sizeof(*deals) * (size_t)count);
    int *order = malloc(sizeof(*order) * (size_t)count), n = 0, cores = 0;

    if (!deals || !order)
        goto done;
    for (int i = 0; i < count; i++)
        if (how->smt || units[i].sibling == 0)
            deals[n++] = deal_of(units, i);
    if (how->place == PLACE_SCATTER)
        qsort(deals, (size_t)n, sizeof(*deals), by_turn);
    for (int i = 0; i < n; i++)
        order[i] = deals[i].index;
    for (int t = 0; t < threads; t++)
        pu[t] = units[order[t % n]].pu;
    cores = cores_used(units, order, threads < n ? threads : n);
done:
    free(deals);
    free(order);
    return cores;
}

int topology_place(const struct topology *t, const struct affinity_settings *how, int threads, int pu[])
{
    return topology_place_units(t->units, t->count, how, threads, pu);
}

/* ---- binding --------------------------------------------------------------------------------------- */

/* OMP_DYNAMIC and OMP_MAX_ACTIVE_LEVELS=0 make smaller teams than a config asks for. */
static void let_teams_be(void)
{
    omp_set_dynamic(0);
    if (omp_get_max_active_levels() < 1)
        omp_set_max_active_levels(1);
}

int topology_largest_team(const struct topology *t)
{
    enum { PER_UNIT = 16 };
    int limit = omp_get_thread_limit(), sane = PER_UNIT * t->machine.pus;

    return limit < sane ? limit : sane;
}

/* The first thread that runs anywhere although it was bound, or -1. */
static int first_loose(const struct topology *t, const struct affinity_settings *how, int threads,
                       const int bound[])
{
    for (int i = 0; i < threads && how->bind != BIND_NONE && !t->source.synthetic; i++)
        if (bound[i] < 0)
            return i;
    return -1;
}

int topology_bind_team(const struct topology *t, const struct affinity_settings *how, int threads,
                       int bound[], struct oct_message *msg)
{
    int pu[MAX_THREADS], error = 0, failed = -1, got = 0;

    if (threads < 1 || threads > MAX_THREADS)
        return message_fail(msg, OCT_INVALID, "a team of %d threads, but it must have from 1 to %d", threads,
                            MAX_THREADS);
    let_teams_be();
    if (how->bind == BIND_NONE)
        backend_unbind(t);
    else if (topology_place(t, how, threads, pu) == 0)
        return message_fail(msg, OCT_NO_MEMORY, "no memory to place %d threads", threads);
#pragma omp parallel num_threads(threads)
    {
        int self = omp_get_thread_num();
        int e = how->bind == BIND_NONE ? 0 : backend_bind(t, pu[self]);

        bound[self] = backend_bound(t);
#pragma omp critical
        {
            got++;
            if (e && !error) {
                error = e;
                failed = self;
            }
        }
    }
    if (got != threads)
        return message_fail(
            msg, OCT_ERROR,
            "asked OpenMP for %d threads and got %d: look at OMP_THREAD_LIMIT and OMP_DYNAMIC", threads, got);
    if (error)
        return message_fail(msg, OCT_ERROR, "thread %d cannot be bound to processor %d: %s", failed,
                            pu[failed], strerror(error));
    failed = first_loose(t, how, threads, bound);
    if (failed >= 0)
        return message_fail(
            msg, OCT_ERROR,
            "thread %d was bound to processor %d, but the system says that it is not: write bind: "
            "none where that is meant",
            failed, pu[failed]);
    return OCT_OK;
}

void topology_unbind(const struct topology *t)
{
    backend_unbind(t);
}

int topology_write_xml(const struct topology *t, const char *path, struct oct_message *msg)
{
    return backend_write_xml(t, path, msg);
}
