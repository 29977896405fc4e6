/* SPDX-License-Identifier: MIT */
/* Files stay open and are read again from the start with pread: one system call a file and reading. */
#define _GNU_SOURCE
#include "machine/ledger.h"
#include "machine/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_CPUS 8192

struct ledger {
    int stat, sched, throttle; /* descriptors, -1 where the system has no such file */
    int64_t ns_per_tick;       /* /proc/stat counts in these */
    bool *cpus;                /* whose steal counts */
    char *text;
    size_t text_size;
};

/* What one reading of `fd` from its start gives, NUL-ended; false where it gives nothing. */
static bool reread(struct ledger *l, int fd)
{
    ssize_t got = fd < 0 ? -1 : pread(fd, l->text, l->text_size - 1, 0);

    if (got <= 0)
        return false;
    l->text[got] = '\0';
    return true;
}

static void add_mask(struct ledger *l, pid_t thread)
{
    cpu_set_t *set = CPU_ALLOC(MAX_CPUS);
    size_t size = CPU_ALLOC_SIZE(MAX_CPUS);

    if (!set)
        return;
    CPU_ZERO_S(size, set);
    if (sched_getaffinity(thread, size, set) == 0)
        for (int i = 0; i < MAX_CPUS; i++)
            l->cpus[i] |= CPU_ISSET_S(i, size, set) != 0;
    CPU_FREE(set);
}

/* All processors on which any thread of the process may run now. */
static void find_cpus(struct ledger *l)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;

    add_mask(l, 0);
    if (!tasks)
        return;
    while ((entry = readdir(tasks))) {
        int thread;
        if (sscanf(entry->d_name, "%d", &thread) == 1)
            add_mask(l, thread);
    }
    closedir(tasks);
}

static int open_throttle(void)
{
    struct cgroup *group = malloc(sizeof(*group));
    int fd = -1;

    if (!group)
        return -1;
    cgroup_read("", group);
    if (group->stat_file[0])
        fd = open(group->stat_file, O_RDONLY | O_CLOEXEC);
    free(group);
    return fd;
}

struct ledger *ledger_open(void)
{
    struct ledger *l = calloc(1, sizeof(*l));
    long ticks = sysconf(_SC_CLK_TCK), cpus = sysconf(_SC_NPROCESSORS_CONF);

    if (!l)
        return NULL;
    l->stat = l->sched = l->throttle = -1;
    l->ns_per_tick = 1000000000 / (ticks > 0 ? ticks : 100);
    /* a processor's line has ten numbers of at most 20 digits; nothing after those lines is wanted */
    l->text_size = 4096 + 256 * (size_t)(cpus > 0 ? cpus : 1);
    l->text = malloc(l->text_size);
    l->cpus = calloc(MAX_CPUS, sizeof(bool));
    if (!l->text || !l->cpus) {
        ledger_close(l);
        return NULL;
    }
    find_cpus(l);
    l->stat = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    l->sched = open("/proc/thread-self/sched", O_RDONLY | O_CLOEXEC);
    l->throttle = open_throttle();
    return l;
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    if (l->stat >= 0)
        close(l->stat);
    if (l->sched >= 0)
        close(l->sched);
    if (l->throttle >= 0)
        close(l->throttle);
    free(l->text);
    free(l->cpus);
    free(l);
}

/* Lines "cpuN user nice system idle iowait irq softirq steal ...". */
int64_t ledger_parse_steal(const char *text, const bool *cpus, int count)
{
    int64_t ticks = -1;

    for (const char *line = text; line; line = strchr(line, '\n')) {
        char *p;

        line += *line == '\n';
        if (strncmp(line, "cpu", 3) != 0)
            break;
        long cpu = strtol(line + 3, &p, 10);
        if (p == line + 3 || cpu >= count || !cpus[cpu])
            continue;
        for (int field = 0; field < 7; field++)
            strtoll(p, &p, 10);
        char *end;
        int64_t steal = strtoll(p, &end, 10);
        if (end != p)
            ticks = (ticks < 0 ? 0 : ticks) + steal;
    }
    return ticks;
}

static int64_t read_throttled(struct ledger *l)
{
    if (!reread(l, l->throttle))
        return -1;
    int64_t us = text_find_number(l->text, "throttled_usec"); /* version 2 */
    return us >= 0 ? us * 1000 : text_find_number(l->text, "throttled_time");
}

static int64_t read_migrations(struct ledger *l)
{
    const char *at = reread(l, l->sched) ? strstr(l->text, "nr_migrations") : NULL;

    at = at ? strchr(at, ':') : NULL;
    return at ? strtoll(at + 1, NULL, 10) : -1;
}

void ledger_read(struct ledger *l, struct disturbance *now)
{
    struct rusage usage;
    int64_t ticks = reread(l, l->stat) ? ledger_parse_steal(l->text, l->cpus, MAX_CPUS) : -1;

    now->steal_ns = ticks < 0 ? -1 : ticks * l->ns_per_tick;
    now->involuntary = getrusage(RUSAGE_SELF, &usage) ? -1 : usage.ru_nivcsw;
    now->migrations = read_migrations(l);
    now->throttled_ns = read_throttled(l);
}

static int64_t difference(int64_t before, int64_t after)
{
    return before < 0 || after < 0 ? -1 : after > before ? after - before : 0;
}

struct disturbance ledger_between(const struct disturbance *before, const struct disturbance *after)
{
    return (struct disturbance){
        .steal_ns = difference(before->steal_ns, after->steal_ns),
        .involuntary = difference(before->involuntary, after->involuntary),
        .migrations = difference(before->migrations, after->migrations),
        .throttled_ns = difference(before->throttled_ns, after->throttled_ns),
    };
}
