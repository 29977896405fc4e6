/* SPDX-License-Identifier: MIT */
/* What can only be found out by trying. */
#define _GNU_SOURCE
#include "commands/doctor.h"
#include "machine/cgroup.h"
#include "counters/counters_seam.h"
#include "base/csv.h"
#include "machine/distance.h"
#include "machine/ledger.h"
#include "machine/peaks_loops.h"
#include "check/stats.h"
#include "base/timer.h"
#include "machine/topology.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- counters ---------------------------------------------------------------------------------------- */

static void burn(uint64_t ns)
{
    uint64_t end = timer_now_ns() + ns;

    while (timer_now_ns() < end)
        ;
}

static bool is_metric(const struct counter_value *v)
{
    return v->how == COUNTER_DERIVED || strncmp(v->reason, "needs ", 6) == 0 || strstr(v->reason, "divisor");
}

/* Runs every group once and reports what each event gave. Returns the events that counted. */
static int try_groups(struct examination *r, struct counters *c)
{
    const struct counter_value *value;
    int works = 0;

    for (int pass = 0; pass < counters_passes(c); pass++) {
        if (counters_start(c, pass, 1) == OCT_OK) {
            burn(2000000);
            counters_stop(c);
        }
    }
    size_t n = counters_values(c, &value);
    for (size_t i = 0; i < n; i++) {
        bool counted = value[i].how != COUNTER_UNAVAILABLE;
        if (is_metric(&value[i]))
            continue;
        works += counted;
        found_text(r, "counters", value[i].name, counted ? counter_how_name(value[i].how) : value[i].reason);
    }
    return works;
}

static void examine_counters(struct examination *r)
{
    const struct counter_system *system = counter_system_real();
    struct counter_settings settings = {0};
    struct oct_message msg;
    struct counter_code cycles;
    char why[96], paranoid[16];
    int fd = -ENOENT;

    if (file_read_line("/proc/sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid)))
        paranoid[0] = '\0';
    found_text(r, "counters", "pmu", system->pmu);
    found_text(r, "counters", "perf_event_paranoid", paranoid);
    for (; counters_group_names()[settings.groups]; settings.groups++)
        settings.group[settings.groups] = (char *)(uintptr_t)counters_group_names()[settings.groups];
    struct counters *c = counters_open_on(system, &settings, &msg);
    if (!c) {
        advise(r, "Counters cannot be tried: %s", msg.text);
        return;
    }
    try_groups(r, c);
    counters_close(c);
    if (system->encode(system->context, "perf::CYCLES", &cycles, why, sizeof(why)) == 0) {
        cycles.exclude_kernel = true;
        fd = system->open(system->context, &cycles);
    }
    if (fd >= 0)
        system->close(system->context, fd);
    else if (fd == -EACCES || fd == -EPERM)
        advise(r, "Hardware counters are forbidden: 'sysctl kernel.perf_event_paranoid=1' allows them; in a "
                  "container add the capability CAP_PERFMON.");
    else
        advise(r,
               "No hardware counters here (the hypervisor does not pass them on, or libpfm4 was left out): "
               "cycles, IPC and cache traffic stay empty; software events and the clock's chain remain.");
}

/* ---- ledger and timer ---------------------------------------------------------------------------------- */

static void examine_ledger(struct examination *r, struct ledger *ledger)
{
    const int readings = 200;
    struct disturbance now;
    uint64_t start = timer_now_ns();

    for (int i = 0; i < readings; i++)
        ledger_read(ledger, &now);
    found_real(r, "ledger", "reading_us", (double)(timer_now_ns() - start) / readings * 1e-3);
    found_text(r, "ledger", "steal", now.steal_ns < 0 ? "unavailable" : "ticks of 10 ms");
    found_text(r, "ledger", "involuntary", now.involuntary < 0 ? "unavailable" : "available");
    found_text(r, "ledger", "migrations", now.migrations < 0 ? "unavailable" : "available");
    found_text(r, "ledger", "throttled", now.throttled_ns < 0 ? "unavailable" : "available");
}

static void examine_timer(struct examination *r)
{
    double overhead = timer_overhead_ns();

    found_int(r, "timer", "resolution_ns", (int64_t)timer_resolution_ns());
    found_real(r, "timer", "overhead_ns", overhead);
    if (overhead > 200)
        advise(
            r,
            "Reading the clock takes %.0f ns: the clock source is slow (see clock/clocksource; tsc is fast).",
            overhead);
}

/* ---- steadiness ---------------------------------------------------------------------------------------- */

#define PAIR_NS   UINT64_C(4000000)
#define MAX_PAIRS 4096

/* A millisecond or two of the same arithmetic in every thread. */
static uint64_t sample(int threads, long rounds)
{
    uint64_t start = timer_now_ns();

#pragma omp parallel num_threads(threads)
    {
        volatile float keep = peak_loops_base.fma(rounds);
        (void)keep;
    }
    return timer_now_ns() - start;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

struct steadiness {
    double median, p95; /* |log-ratio| of pairs, percent */
    double range;       /* slowest over fastest sample, all of them */
    int pairs;
    struct distance distance;
};

static struct steadiness watch(int threads, double seconds, double *ratio)
{
    struct steadiness s = {NAN, NAN, NAN, 0, {.threads = threads}};
    uint64_t end, fastest = UINT64_MAX, slowest = 0;
    long rounds = 1000;

    while (rounds < (1L << 30) && sample(threads, rounds) < PAIR_NS / 2)
        rounds *= 2;
    end = timer_now_ns() + (uint64_t)(seconds * 1e9);
    while (s.pairs < MAX_PAIRS && timer_now_ns() < end) {
        uint64_t a = sample(threads, rounds), b = sample(threads, rounds);
        uint64_t low = a < b ? a : b, high = a < b ? b : a;
        ratio[s.pairs++] = 100 * log((double)high / (double)low);
        fastest = low < fastest ? low : fastest;
        slowest = high > slowest ? high : slowest;
        (void)distance_judge(&s.distance, distance_look(threads));
    }
    if (s.pairs == 0)
        return s;
    qsort(ratio, (size_t)s.pairs, sizeof(*ratio), by_size);
    s.median = stats_median(ratio, (size_t)s.pairs);
    s.p95 = stats_quantile(ratio, (size_t)s.pairs, .95);
    s.range = (double)slowest / (double)fastest;
    return s;
}

static void report_team(struct examination *r, const char *team, const struct steadiness *s)
{
    char name[48];

    snprintf(name, sizeof(name), "%s_pairs", team);
    found_int(r, "steadiness", name, s->pairs);
    snprintf(name, sizeof(name), "%s_median_pct", team);
    found_real(r, "steadiness", name, s->median);
    snprintf(name, sizeof(name), "%s_p95_pct", team);
    found_real(r, "steadiness", name, s->p95);
    snprintf(name, sizeof(name), "%s_slowest_over_fastest", team);
    found_real(r, "steadiness", name, s->range);
}

static void report_distance(struct examination *r, const struct distance *d)
{
    bool seen = d->least_ns > 0;

    found_real(r, "steadiness", "all_line_trip_least_ns", seen ? d->least_ns : NAN);
    found_real(r, "steadiness", "all_line_trip_most_ns", seen ? d->most_ns : NAN);
    if (d->most_ns > DISTANCE_APART * d->least_ns)
        advise(
            r,
            "The host moves the processors: a cache line takes %.0f to %.0f ns from one core to another and "
            "back. octbench run waits until a team's cores are near; other times of several threads mix "
            "both.",
            d->least_ns, d->most_ns);
}

static void advise_steadiness(struct examination *r, const char *team, const struct steadiness *s)
{
    if (s->median > 2)
        advise(r,
               "Not steady (%s): two runs of the same code, one after the other, differ by %.1f%% in "
               "the median. "
               "Small effects cannot be seen now; wait, or take more rounds.",
               team, s->median);
    else if (s->range > 1.1)
        advise(
            r,
            "The speed wanders (%s): the slowest sample took %.2f times the fastest, while neighbouring ones "
            "differ by %.1f%%. Never compare times taken minutes apart.",
            team, s->range, s->median);
}

static void examine_steadiness(struct examination *r, const struct topology *topology, struct ledger *ledger)
{
    static const struct affinity_settings how = {BIND_CORE, PLACE_COMPACT, false};
    struct disturbance before, after, d;
    struct steadiness one, all;
    struct oct_message msg;
    struct machine m;
    double *ratio = malloc(sizeof(*ratio) * MAX_PAIRS);
    int bound[MAX_THREADS];

    topology_machine(topology, &m);
    int threads = m.cores < MAX_THREADS ? m.cores : MAX_THREADS;
    ledger_read(ledger, &before);
    if (!ratio || topology_bind_team(topology, &how, 1, bound, &msg))
        goto done;
    one = watch(1, r->seconds / 2, ratio);
    report_team(r, "one", &one);
    if (topology_bind_team(topology, &how, threads, bound, &msg)) {
        advise(r, "A team over all cores cannot be had: %s", msg.text);
        goto done;
    }
    all = watch(threads, r->seconds / 2, ratio);
    found_int(r, "steadiness", "all_threads", threads);
    report_team(r, "all", &all);
    report_distance(r, &all.distance);
    advise_steadiness(r, "one thread", &one);
    advise_steadiness(r, "all cores", &all);
done:
    ledger_read(ledger, &after);
    d = ledger_between(&before, &after);
    found_real(r, "steadiness", "steal_ms", d.steal_ns < 0 ? NAN : (double)d.steal_ns * 1e-6);
    found_int(r, "steadiness", "involuntary", d.involuntary);
    found_int(r, "steadiness", "migrations", d.migrations);
    found_real(r, "steadiness", "throttled_ms", d.throttled_ns < 0 ? NAN : (double)d.throttled_ns * 1e-6);
    if (d.steal_ns > 0)
        advise(r,
               "The hypervisor took %.0f ms away meanwhile: rounds that lose more than measure.max_steal are "
               "dropped and counted.",
               (double)d.steal_ns * 1e-6);
    if (d.throttled_ns > 0)
        advise(r,
               "The control group was throttled for %.0f ms meanwhile: use fewer threads or raise its quota.",
               (double)d.throttled_ns * 1e-6);
    topology_unbind(topology);
    free(ratio);
}

void examine_measuring(struct examination *r, const struct topology *topology)
{
    struct ledger *ledger = ledger_open();

    examine_counters(r);
    examine_timer(r);
    if (!ledger)
        return;
    examine_ledger(r, ledger);
    examine_steadiness(r, topology, ledger);
    ledger_close(ledger);
}
