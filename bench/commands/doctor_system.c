/* SPDX-License-Identifier: MIT */
/* What can be read of the machine's set-up, and what of it will hurt. */
#define _GNU_SOURCE
#include "commands/doctor.h"
#include "machine/cgroup.h"
#include "counters/counters.h"
#include "base/csv.h"
#include "report/runinfo.h"
#include "machine/environment.h"
#include "machine/topology.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The first line of a file below the root, or "". */
static const char *line_of(const struct examination *r, const char *path, char *line, size_t size)
{
    char full[PATH_MAX];

    if (snprintf(full, sizeof(full), "%s%s", r->root, path) >= (int)sizeof(full) ||
        file_read_line(full, line, size))
        line[0] = '\0';
    return line;
}

static bool is_virtual(const struct examination *r)
{
    enum { TEXT = 16384 };
    char path[PATH_MAX], *text = malloc(TEXT);

    snprintf(path, sizeof(path), "%s/proc/cpuinfo", r->root);
    bool found = text && file_read_text(path, text, TEXT) > 0 && strstr(text, " hypervisor") != NULL;
    free(text);
    return found;
}

static void examine_machine(struct examination *r, const struct machine *m)
{
    struct utsname system;

    found_text(r, "machine", "model", m->model);
    found_text(r, "machine", "isa", oct_isa_name(oct_cpu_detected()));
    found_text(r, "machine", "isa_usable", oct_isa_name(oct_cpu_usable()));
    found_text(r, "machine", "virtual", is_virtual(r) ? "yes" : "no sign of it");
    found_text(r, "machine", "kernel", uname(&system) == 0 ? system.release : NULL);
    found_int(r, "machine", "packages", m->packages);
    found_int(r, "machine", "numa_nodes", m->numa_nodes);
    found_int(r, "machine", "cores", m->cores);
    found_int(r, "machine", "pus", m->pus);
    found_int(r, "machine", "smt", m->smt);
    found_int(r, "machine", "l1d_bytes", m->l1d_bytes);
    found_int(r, "machine", "l2_bytes", m->l2_bytes);
    found_int(r, "machine", "l3_bytes", m->l3_bytes);
    found_int(r, "machine", "memory_bytes", m->memory_bytes);
    found_int(r, "machine", "memory_available_bytes", m->memory_available);
    if (is_virtual(r))
        advise(r,
               "This is a virtual machine: neighbours and the host's scheduler disturb it, and the sizes of "
               "caches may be the host's. Compare only what was measured in the same rounds.");
    if (m->smt > 1)
        advise(r,
               "Cores have %d hardware threads: octbench binds one thread a core, but whatever else runs may "
               "share a core with it. Keep the machine idle, or switch SMT off for the last percent.",
               m->smt);
    if (m->l1d_bytes < 0 || m->l2_bytes < 0)
        advise(r, "The sizes of the caches are unknown: bandwidth of the levels will be empty.");
}

static void examine_clock(struct examination *r)
{
    char governor[64], no_turbo[16], boost[16], source[32];
    const char *turbo = NULL;

    line_of(r, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor, sizeof(governor));
    line_of(r, "/sys/devices/system/cpu/intel_pstate/no_turbo", no_turbo, sizeof(no_turbo));
    line_of(r, "/sys/devices/system/cpu/cpufreq/boost", boost, sizeof(boost));
    line_of(r, "/sys/devices/system/clocksource/clocksource0/current_clocksource", source, sizeof(source));
    if (no_turbo[0])
        turbo = no_turbo[0] == '0' ? "on" : "off";
    else if (boost[0])
        turbo = boost[0] == '1' ? "on" : "off";
    found_text(r, "clock", "governor", governor);
    found_text(r, "clock", "turbo", turbo);
    found_text(r, "clock", "clocksource", source);
    found_real(r, "clock", "chain_ghz", counters_chain_ghz());
    if (governor[0] && strcmp(governor, "performance") != 0)
        advise(r,
               "The frequency governor is '%s': the clock follows the load. 'cpupower frequency-set -g "
               "performance' holds it.",
               governor);
    if (turbo && strcmp(turbo, "on") == 0)
        advise(r, "Turbo is on: the clock depends on temperature and on how many cores work. Ratios within a "
                  "round survive that; absolute times and the scaling over threads do not.");
}

static void examine_limits(struct examination *r, const struct machine *m)
{
    struct cgroup *group = malloc(sizeof(*group));
    char load[64];

    if (group) {
        cgroup_read(r->root, group);
        found_real(r, "limits", "quota_cores", group->quota_cores);
        found_text(r, "limits", "quota_file", group->quota_file);
        found_int(r, "limits", "memory_limit_bytes", group->memory_limit_bytes);
        free(group);
    }
    line_of(r, "/proc/loadavg", load, sizeof(load));
    found_text(r, "limits", "load", load);
    if (!isnan(m->quota_cores) && m->quota_cores < m->cores)
        advise(r, "The control group may use %.2g of %d cores: %s", m->quota_cores, m->cores,
               m->quota_cores < 1
                   ? "even one thread is stopped again and again, and no time taken here is "
                     "worth anything. Raise the quota."
                   : "more busy threads than that are stopped again and again. Measure with fewer "
                     "threads, or raise the quota.");
    if (load[0] && atof(load) > .5)
        advise(r, "Other work runs here (load %.4s): wait until it has ended.", load);
}

static void examine_memory(struct examination *r)
{
    char line[128], mode[32] = "";

    line_of(r, "/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof(line));
    const char *open = strchr(line, '['), *shut = open ? strchr(open, ']') : NULL;
    if (shut)
        snprintf(mode, sizeof(mode), "%.*s", (int)(shut - open - 1), open + 1);
    found_text(r, "memory", "huge_pages", mode);
    if (strcmp(mode, "never") == 0)
        advise(r, "Transparent huge pages are off: large layers pay for TLB misses, all kernels alike. 'echo "
                  "madvise > /sys/kernel/mm/transparent_hugepage/enabled' lets octbench ask for them.");
}

/* Set by launchers or forgotten in a shell, and changing what is measured. */
static void examine_variables(struct examination *r)
{
    for (size_t i = 0; environ[i]; i++) {
        const char *equals = strchr(environ[i], '=');
        char name[40];

        if (!equals || !environment_family(environ[i]) || strncmp(environ[i], "OMP_", 4) == 0 ||
            strncmp(environ[i], "GOMP_", 5) == 0 || strncmp(environ[i], "KMP_", 4) == 0)
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)(equals - environ[i]), environ[i]);
        if (strncmp(name, "HWLOC_", 6) == 0)
            advise(r, "%s is set: octbench reads this machine whatever it says; unset it.", name);
        else
            advise(r, "%s is set, to '%.60s': it changes what is measured, and is recorded in run.json.",
                   name, equals + 1);
    }
}

static void examine_openmp(struct examination *r, const struct machine *m)
{
    static const char *const names[] = {
        "OMP_NUM_THREADS", "OMP_PROC_BIND",  "OMP_PLACES",        "OMP_DYNAMIC",  "OMP_THREAD_LIMIT",
        "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "KMP_BLOCKTIME"};
    char runtimes[160];
    int count = runinfo_openmp(runtimes, sizeof(runtimes));

    found_text(r, "openmp", "runtimes", runtimes);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        found_text(r, "openmp", names[i], getenv(names[i]));
    examine_variables(r);
    if (count > 1)
        advise(r,
               "Two OpenMP runtimes are loaded (%s): each keeps threads of its own, so twice as many run. "
               "Build with the compiler whose runtime oneDNN uses (gcc on Debian).",
               runtimes);
    if (omp_get_dynamic())
        advise(r, "OMP_DYNAMIC lets the runtime make smaller teams than asked: unset it.");
    if (omp_get_thread_limit() < m->cores)
        advise(r, "OMP_THREAD_LIMIT is %d, below the %d cores: unset it.", omp_get_thread_limit(), m->cores);
    if (getenv("OMP_PROC_BIND") || getenv("GOMP_CPU_AFFINITY") || getenv("KMP_AFFINITY"))
        advise(r, "OpenMP is told to bind threads: octbench binds them itself, so unset OMP_PROC_BIND, "
                  "GOMP_CPU_AFFINITY and KMP_AFFINITY.");
}

void examine_system(struct examination *r, const struct topology *topology)
{
    struct machine m;

    topology_machine(topology, &m);
    examine_machine(r, &m);
    examine_clock(r);
    examine_limits(r, &m);
    examine_memory(r);
    examine_openmp(r, &m);
}
