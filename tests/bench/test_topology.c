/* SPDX-License-Identifier: MIT */
/* Which thread runs where: on machines made up for the test, and on this one. */
#define _GNU_SOURCE
#include "machine/cgroup.h"
#include "machine/topology_internal.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const struct affinity_settings compact = {BIND_CORE, PLACE_COMPACT, false};
static const struct affinity_settings scatter = {BIND_CORE, PLACE_SCATTER, false};

#ifdef BENCH_WITH_HWLOC
static const struct affinity_settings siblings = {BIND_CORE, PLACE_COMPACT, true};

struct expectation {
    const char *synthetic, *allowed;
    const struct affinity_settings *how;
    int threads, cores;
    int pu[8];
};

static void check_placement(const struct expectation *e)
{
    struct topology_source source = {e->synthetic, e->allowed, ""};
    struct oct_message msg;
    struct topology *t = topology_open_source(&source, &msg);
    int pu[8];

    assert_non_null(t);
    assert_int_equal(topology_place(t, e->how, e->threads, pu), e->cores);
    for (int i = 0; i < e->threads; i++)
        assert_int_equal(pu[i], e->pu[i]);
    topology_close(t);
}

#define ONE_PACKAGE "package:1 core:4 pu:1"
#define TWO_BY_TWO  "package:2 group:2 [numa] core:2 pu:1"
#define SMT_2       "package:1 core:4 pu:2"

static void placements(void **state)
{
    static const struct expectation rows[] = {
        {ONE_PACKAGE, NULL, &compact, 4, 4, {0, 1, 2, 3}},
        {ONE_PACKAGE, NULL, &scatter, 3, 3, {0, 1, 2}},
        /* nodes 0 and 1 in package 0, 2 and 3 in package 1; two cores each */
        {TWO_BY_TWO, NULL, &compact, 8, 8, {0, 1, 2, 3, 4, 5, 6, 7}},
        {TWO_BY_TWO, NULL, &scatter, 8, 8, {0, 4, 2, 6, 1, 5, 3, 7}},
        {TWO_BY_TWO, NULL, &scatter, 2, 2, {0, 4}},
        /* hardware siblings are left alone unless asked for */
        {SMT_2, NULL, &compact, 4, 4, {0, 2, 4, 6}},
        {SMT_2, NULL, &siblings, 4, 2, {0, 1, 2, 3}},
        {SMT_2, NULL, &siblings, 8, 4, {0, 1, 2, 3, 4, 5, 6, 7}},
        /* a cpuset keeps the system's numbers */
        {ONE_PACKAGE, "1,3", &compact, 2, 2, {1, 3}},
        {SMT_2, "3-5", &compact, 2, 2, {3, 4}},
        {SMT_2, "3-5", &siblings, 3, 2, {3, 4, 5}},
        /* more threads than cores share them, and that shows in the number of cores */
        {ONE_PACKAGE, NULL, &compact, 6, 4, {0, 1, 2, 3, 0, 1}},
        {ONE_PACKAGE, "1,3", &scatter, 4, 2, {1, 3, 1, 3}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_placement(&rows[i]);
}

static void synthetic_machines(void **state)
{
    struct machine m;
    struct topology *t = topology_open(TWO_BY_TWO, NULL);

    (void)state;
    assert_non_null(t);
    topology_machine(t, &m);
    assert_int_equal(m.packages, 2);
    assert_int_equal(m.numa_nodes, 4);
    assert_int_equal(m.cores, 8);
    assert_int_equal(m.smt, 1);
    topology_close(t);
    t = topology_open("package:1 l3:1(size=33554432) l2:2(size=1048576) l1d:1(size=49152) core:1 pu:2", NULL);
    assert_non_null(t);
    topology_machine(t, &m);
    assert_int_equal(m.cores, 2);
    assert_int_equal(m.pus, 4);
    assert_int_equal(m.smt, 2);
    assert_int_equal(m.l1d_bytes, 48 << 10);
    assert_int_equal(m.l2_bytes, 1 << 20);
    assert_int_equal(m.l3_bytes, 32 << 20);
    topology_close(t);
}

static void xml_is_written(void **state)
{
    char path[] = "/tmp/octbench-topology-XXXXXX", first[64];
    struct oct_message msg;
    struct topology *t = topology_open(ONE_PACKAGE, NULL);
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(topology_write_xml(t, path, &msg), OCT_OK);
    assert_int_equal(file_read_line(path, first, sizeof(first)), 0);
    assert_non_null(strstr(first, "<?xml"));
    unlink(path);
    assert_int_equal(topology_write_xml(t, "/nowhere/topology.xml", &msg), OCT_ERROR);
    assert_non_null(strstr(msg.text, "/nowhere/topology.xml"));
    topology_close(t);
}

static void a_bad_description_is_refused(void **state)
{
    struct oct_message msg;

    (void)state;
    assert_null(topology_open("package:what", &msg));
    assert_non_null(strstr(msg.text, "package:what"));
}
#endif

/* The order itself, with whatever backend. */
static void pure_placement(void **state)
{
    /* package 0 has cores 0 and 1 with two siblings each, package 1 has core 2 alone */
    static const struct place_unit units[] = {
        {10, 0, 0, 0, 0}, {11, 0, 0, 0, 1}, {12, 1, 0, 0, 0}, {13, 1, 0, 0, 1}, {20, 2, 1, 1, 0},
    };
    int pu[5];

    (void)state;
    assert_int_equal(topology_place_units(units, 5, &scatter, 3, pu), 3);
    assert_int_equal(pu[0], 10);
    assert_int_equal(pu[1], 20);
    assert_int_equal(pu[2], 12);
    struct affinity_settings both = {BIND_CORE, PLACE_SCATTER, true};
    assert_int_equal(topology_place_units(units, 5, &both, 4, pu), 3);
    assert_int_equal(pu[3], 11); /* siblings come last when scattered */
}

/* ---- limits -------------------------------------------------------------------------------------- */

static void put(const char *root, const char *name, const char *text)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void remove_tree(const char *root)
{
    char command[PATH_MAX + 16];

    snprintf(command, sizeof(command), "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
}

static void quota_version_2(void **state)
{
    char root[] = "/tmp/octbench-cgroup-XXXXXX";
    struct cgroup group;

    (void)state;
    assert_non_null(mkdtemp(root));
    put(root, "proc/self/mounts", "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
    put(root, "proc/self/cgroup", "0::/outer/inner\n");
    put(root, "sys/fs/cgroup/outer/cpu.max", "50000 100000\n");
    put(root, "sys/fs/cgroup/outer/cpu.stat", "usage_usec 5\nnr_throttled 3\nthrottled_usec 700\n");
    put(root, "sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
    put(root, "sys/fs/cgroup/outer/inner/cpu.stat", "usage_usec 5\nnr_throttled 0\nthrottled_usec 0\n");
    put(root, "sys/fs/cgroup/outer/inner/memory.max", "1048576\n");
    put(root, "sys/fs/cgroup/outer/inner/memory.current", "4096\n");
    cgroup_read(root, &group);
    assert_float_equal(group.quota_cores, .5, 1e-9); /* of the parent: the tightest counts */
    assert_non_null(strstr(group.quota_file, "outer/cpu.max"));
    assert_non_null(strstr(group.stat_file, "outer/cpu.stat"));
    assert_int_equal(group.memory_limit_bytes, 1048576);
    assert_int_equal(group.memory_usage_bytes, 4096);
    remove_tree(root);
}

static void quota_version_1(void **state)
{
    char root[] = "/tmp/octbench-cgroup-XXXXXX";
    struct cgroup group;

    (void)state;
    assert_non_null(mkdtemp(root));
    put(root, "proc/self/mounts",
        "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n"
        "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n");
    /* the path is the host's, unknown in here: the mount's top is this group */
    put(root, "proc/self/cgroup", "4:memory:/docker/123\n2:cpu,cpuacct:/docker/123\n");
    put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
    put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.stat", "nr_periods 9\nnr_throttled 1\nthrottled_time 12345\n");
    put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    cgroup_read(root, &group);
    assert_float_equal(group.quota_cores, 1.5, 1e-9);
    assert_non_null(strstr(group.stat_file, "cpu,cpuacct/cpu.stat"));
    assert_int_equal(group.memory_limit_bytes, -1); /* that number means none */
    put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    cgroup_read(root, &group);
    assert_true(isnan(group.quota_cores));
    remove_tree(root);
}

static void no_groups_no_quota(void **state)
{
    struct cgroup group;

    (void)state;
    cgroup_read("/nowhere", &group);
    assert_true(isnan(group.quota_cores));
    assert_string_equal(group.stat_file, "");
    assert_int_equal(group.memory_limit_bytes, -1);
}

#ifndef BENCH_WITH_HWLOC
/* Two packages whose cores have the same numbers, two siblings each, no cpu2. */
static void sysfs_machine(void **state)
{
    static const struct {
        int pu, core, package, node;
    } cpus[] = {{0, 0, 0, 0}, {1, 0, 1, 1}, {3, 1, 1, 1}, {4, 0, 0, 0}, {5, 0, 1, 1}};
    static const int want[] = {0, 1, 3};
    char root[] = "/tmp/octbench-sysfs-XXXXXX", name[128], text[16];
    struct machine m;

    (void)state;
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
        snprintf(name, sizeof(name), "sys/devices/system/cpu/cpu%d/topology/core_id", cpus[i].pu);
        snprintf(text, sizeof(text), "%d\n", cpus[i].core);
        put(root, name, text);
        snprintf(name, sizeof(name), "sys/devices/system/cpu/cpu%d/topology/physical_package_id", cpus[i].pu);
        snprintf(text, sizeof(text), "%d\n", cpus[i].package);
        put(root, name, text);
        snprintf(name, sizeof(name), "sys/devices/system/cpu/cpu%d/node%d/x", cpus[i].pu, cpus[i].node);
        put(root, name, "");
    }
    put(root, "sys/devices/system/cpu/cpu0/cache/index0/level", "1\n");
    put(root, "sys/devices/system/cpu/cpu0/cache/index0/type", "Instruction\n");
    put(root, "sys/devices/system/cpu/cpu0/cache/index1/level", "1\n");
    put(root, "sys/devices/system/cpu/cpu0/cache/index1/type", "Data\n");
    put(root, "sys/devices/system/cpu/cpu0/cache/index1/size", "48K\n");
    struct topology_source source = {NULL, "0-5", root};
    struct topology *t = topology_open_source(&source, NULL);
    assert_non_null(t);
    topology_machine(t, &m);
    assert_int_equal(m.pus, 5);
    assert_int_equal(m.cores, 3);
    assert_int_equal(m.packages, 2);
    assert_int_equal(m.numa_nodes, 2);
    assert_int_equal(m.smt, 2);
    assert_int_equal(m.l1d_bytes, 48 << 10);
    assert_int_equal(m.l3_bytes, -1);
    int pu[3];
    assert_int_equal(topology_place(t, &compact, 3, pu), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pu[i], want[i]);
    topology_close(t);
    remove_tree(root);
}
#endif

/* ---- this machine --------------------------------------------------------------------------------- */

static void this_machine(void **state)
{
    struct machine m;
    struct topology *t = topology_open(NULL, NULL);

    (void)state;
    assert_non_null(t);
    topology_machine(t, &m);
    assert_in_range(m.cores, 1, m.pus);
    assert_true(m.model[0] != '\0');
    assert_true(m.memory_available > 0 && m.memory_available <= m.memory_bytes);
    topology_close(t);
}

/* Grown, shrunk and grown again: new workers inherit the master's binding, so each call must bind anew. */
static void the_team_is_bound_and_read_back(void **state)
{
    static const int sizes[] = {1, 2, 1, 3};
    struct oct_message msg;
    struct topology *t = topology_open(NULL, NULL);
    int bound[3], want[3], seen[3];

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int n = sizes[i];
        assert_int_equal(topology_bind_team(t, &compact, n, bound, &msg), OCT_OK);
        topology_place(t, &compact, n, want);
#pragma omp parallel num_threads(n)
        seen[omp_get_thread_num()] = backend_bound(t);
        for (int k = 0; k < n; k++) {
            assert_int_equal(bound[k], want[k]);
            assert_int_equal(seen[k], want[k]);
        }
    }
    topology_unbind(t);
    struct machine m;
    topology_machine(t, &m);
    if (m.pus > 1)
        assert_int_equal(backend_bound(t), -1);
    topology_close(t);
}

static void a_team_that_openmp_refuses(void **state)
{
    struct oct_message msg;
    struct topology *t = topology_open(NULL, NULL);
    static int bound[MAX_THREADS];

    (void)state;
    assert_int_equal(topology_bind_team(t, &compact, 0, bound, &msg), OCT_INVALID);
    assert_int_equal(topology_bind_team(t, &compact, MAX_THREADS + 1, bound, &msg), OCT_INVALID);
    omp_set_dynamic(1); /* the runtime may now give fewer than asked, and does on a small machine */
    if (topology_bind_team(t, &compact, MAX_THREADS, bound, &msg) != OCT_OK)
        assert_non_null(strstr(msg.text, "OMP_THREAD_LIMIT"));
    omp_set_dynamic(0);
    topology_unbind(t);
    topology_close(t);
}

static void bad_lists(void **state)
{
    static const char *const lists[] = {"x", "1-", "3-1", "1;2", "99999", "-1"};
    struct oct_message msg;

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct topology_source source = {NULL, lists[i], ""};
        assert_null(topology_open_source(&source, &msg));
        assert_non_null(strstr(msg.text, lists[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef BENCH_WITH_HWLOC
        cmocka_unit_test(placements),
        cmocka_unit_test(synthetic_machines),
        cmocka_unit_test(xml_is_written),
        cmocka_unit_test(a_bad_description_is_refused),
#else
        cmocka_unit_test(sysfs_machine),
#endif
        cmocka_unit_test(pure_placement),
        cmocka_unit_test(quota_version_2),
        cmocka_unit_test(quota_version_1),
        cmocka_unit_test(no_groups_no_quota),
        cmocka_unit_test(this_machine),
        cmocka_unit_test(the_team_is_bound_and_read_back),
        cmocka_unit_test(a_team_that_openmp_refuses),
        cmocka_unit_test(bad_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
