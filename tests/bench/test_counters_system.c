/* SPDX-License-Identifier: MIT */
/* Counters over the real kernel: known work by a team that existed before they were opened, and the encodings
 * of four processors by libpfm4. */
#define _GNU_SOURCE
#include "counters/counter_groups.h"
#include "counters/counters_seam.h"
#include "base/sanitized.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- encodings --------------------------------------------------------------------------------------- */

#ifdef BENCH_WITH_PFM
/* From the processors' own lists: Intel's event files (event | umask << 8 | cmask << 24) and AMD's PPR for
 * family 19h model 11h (bits 8 to 11 of the event sit at bit 32). */
static const struct {
    const char *pmu, *group, *name;
    uint64_t config;
} codes[] = {
    {"skx", "cache", "loads", 0x81d0},
    {"skx", "cache", "l1_lines", 0x0151},
    {"skx", "cache", "l2_lines", 0x1ff1},
    {"skx", "cache", "llc_misses", 0x412e},
    {"skx", "tlb", "dtlb_load_walks", 0x0e08},
    {"skx", "tlb", "dtlb_store_walks", 0x0e49},
    {"skx", "tlb", "walk_cycles", 0x1001008},
    {"skx", "branch", "branches", 0x00c4},
    {"skx", "branch", "branch_misses", 0x00c5},
    {"skx", "fp", "fp_128", 0x08c7},
    {"skx", "fp", "fp_256", 0x20c7},
    {"skx", "fp", "fp_512", 0x80c7},
    {"skx", "topdown", "td_not_delivered", 0x019c},
    {"skx", "topdown", "td_retired", 0x02c2},
    {"skx", "topdown", "td_issued", 0x010e},
    {"skx", "topdown", "td_recovery", 0x010d},
    {"icx", "cache", "loads", 0x81d0},
    {"icx", "cache", "l1_lines", 0x0151},
    {"icx", "cache", "l2_lines", 0x1ff1},
    {"icx", "cache", "llc_misses", 0x412e},
    {"icx", "tlb", "dtlb_load_walks", 0x0e08},
    {"icx", "tlb", "dtlb_store_walks", 0x0e49},
    {"icx", "tlb", "walk_cycles", 0x1001008},
    {"icx", "branch", "branches", 0x00c4},
    {"icx", "branch", "branch_misses", 0x00c5},
    {"icx", "fp", "fp_128", 0x08c7},
    {"icx", "fp", "fp_256", 0x20c7},
    {"icx", "fp", "fp_512", 0x80c7},
    {"icx", "topdown", "td_slots", 0x01a4},
    {"icx", "topdown", "td_backend", 0x02a4},
    {"icx", "topdown", "td_retired", 0x02c2},
    {"icx", "topdown", "td_not_delivered", 0x019c},
    {"spr", "cache", "loads", 0x81d0},
    {"spr", "cache", "l1_lines", 0x0151},
    {"spr", "cache", "l2_lines", 0x1f25},
    {"spr", "cache", "llc_misses", 0x412e},
    {"spr", "tlb", "dtlb_load_walks", 0x0e12},
    {"spr", "tlb", "dtlb_store_walks", 0x0e13},
    {"spr", "tlb", "walk_cycles", 0x1001012},
    {"spr", "branch", "branches", 0x00c4},
    {"spr", "branch", "branch_misses", 0x00c5},
    {"spr", "fp", "fp_128", 0x08c7},
    {"spr", "fp", "fp_256", 0x20c7},
    {"spr", "fp", "fp_512", 0x80c7},
    {"spr", "topdown", "td_slots", 0x01a4},
    {"spr", "topdown", "td_backend", 0x02a4},
    {"spr", "topdown", "td_retired", 0x02c2},
    {"spr", "topdown", "td_not_delivered", 0x019c},
    {"amd64_fam19h_zen4", "cache", "loads", 0x0129},
    {"amd64_fam19h_zen4", "cache", "l1_lines", 0xdf44},
    {"amd64_fam19h_zen4", "cache", "l2_lines", 0xde44},
    {"amd64_fam19h_zen4", "cache", "llc_misses", 0xc844},
    {"amd64_fam19h_zen4", "tlb", "dtlb_load_walks", 0xf045},
    {"amd64_fam19h_zen4", "branch", "branches", 0x00c2},
    {"amd64_fam19h_zen4", "branch", "branch_misses", 0x00c3},
    {"amd64_fam19h_zen4", "fp", "fp_flops", 0x1f03},
    {"amd64_fam19h_zen4", "topdown", "td_cycles", 0x0076},
    {"amd64_fam19h_zen4", "topdown", "td_not_delivered", 0x1000001a0},
    {"amd64_fam19h_zen4", "topdown", "td_retired", 0x00c1},
    {"amd64_fam19h_zen4", "topdown", "td_backend", 0x100001ea0},
    {"amd64_fam19h_zen4", "topdown", "td_smt", 0x1000060a0},
};

static const struct group_line *line_for(const struct counter_group *g, const char *name, const char *pmu)
{
    for (int i = 0; i < g->events; i++)
        if (strcmp(g->event[i].name, name) == 0 && counter_pmu_matches(g->event[i].pmu, pmu))
            return &g->event[i];
    return NULL;
}

/* libpfm4 fixes its PMU when it starts, so each is tried in a process of its own. */
static int check_pmu(const char *pmu)
{
    struct counter_group *g = malloc(sizeof(*g));
    struct counter_code code;
    char why[96];
    int wrong = 0;

    setenv("LIBPFM_FORCE_PMU", pmu, 1);
    const struct counter_system *system = counter_system_real();
    if (!system->pmu || strcmp(system->pmu, pmu) != 0) {
        fprintf(stderr, "libpfm4 chose %s for %s\n", system->pmu ? system->pmu : "nothing", pmu);
        return 1;
    }
    for (int i = 0; counters_group_names()[i]; i++) {
        counter_group_load(g, counters_group_names()[i], NULL);
        for (int e = 0; e < g->events; e++) {
            const struct group_line *l = &g->event[e];
            if (l->text[0] == '@' || strncmp(l->text, "perf::", 6) == 0 || !counter_pmu_matches(l->pmu, pmu))
                continue;
            if (system->encode(system->context, l->text, &code, why, sizeof(why))) {
                fprintf(stderr, "%s: %s: %s\n", pmu, l->text, why);
                wrong++;
            }
        }
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(codes[i].pmu, pmu) != 0)
            continue;
        counter_group_load(g, codes[i].group, NULL);
        const struct group_line *l = line_for(g, codes[i].name, pmu);
        if (!l || system->encode(system->context, l->text, &code, why, sizeof(why)) ||
            code.config != codes[i].config || code.type != 4 /* PERF_TYPE_RAW */) {
            fprintf(stderr, "%s: %s is type %u, %#llx, not %#llx\n", pmu, codes[i].name, code.type,
                    (unsigned long long)code.config, (unsigned long long)codes[i].config);
            wrong++;
        }
    }
    free(g);
    return wrong;
}

static void encodings(void **state)
{
    static const char *const pmus[] = {"skx", "icx", "spr", "amd64_fam19h_zen4"};

    (void)state;
    for (size_t i = 0; i < sizeof(pmus) / sizeof(pmus[0]); i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(check_pmu(pmus[i]) ? 1 : 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}
#endif

/* ---- known work --------------------------------------------------------------------------------------- */

static const struct counter_value *find(struct counters *c, const char *name)
{
    const struct counter_value *value;
    size_t n = counters_values(c, &value);

    for (size_t i = 0; i < n; i++)
        if (strcmp(value[i].name, name) == 0)
            return &value[i];
    return NULL;
}

static void touch(char *memory, size_t pages, size_t page)
{
    for (size_t i = 0; i < pages; i++)
        ((volatile char *)memory)[i * page] = 1;
}

/* The faults of `threads` threads on fresh pages, as counted. */
static double faults_of(struct counters *c, int threads, size_t pages)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = pages * page;
    char *memory =
        mmap(NULL, bytes * (size_t)threads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(memory, MAP_FAILED);
    madvise(memory, bytes * (size_t)threads, MADV_NOHUGEPAGE);
    assert_int_equal(counters_start(c, 0, threads), OCT_OK);
#pragma omp parallel num_threads(threads)
    touch(memory + (size_t)omp_get_thread_num() * bytes, pages, page);
    assert_int_equal(counters_stop(c), OCT_OK);
    munmap(memory, bytes * (size_t)threads);
    return find(c, "page_faults")->total;
}

static void work_of_all_threads_is_counted(struct counters *c)
{
    const size_t pages = 2000;
    const double few = SANITIZED ? 20 + (double)pages / 2 : 20; /* a sanitizer's shadow is an eighth */

    /* the team exists before anything is opened */
#pragma omp parallel num_threads(2)
    (void)omp_get_thread_num();
    for (int threads = 1; threads <= 2; threads++) {
        double want = (double)pages * threads, got = faults_of(c, threads, pages);
        assert_true(got >= want && got <= want * 1.02 + few);
    }
    /* and again, after the team has shrunk */
    assert_true(faults_of(c, 1, pages) < 1.02 * (double)pages + few);
}

static void known_work(void **state)
{
    struct counter_settings settings = {.groups = 1, .group = {"software"}};
    struct oct_message msg;
    struct counters *c = counters_open(&settings, &msg);

    (void)state;
    assert_non_null(c);
    work_of_all_threads_is_counted(c);
    counters_close(c);
}

/* The same where perf_event is forbidden, by the thread's own accounts. */
static void known_work_without_perf(void **state)
{
    char path[] = "/tmp/octbench-own-XXXXXX";
    struct counter_settings settings = {.groups = 1, .group = {path}};
    FILE *f = fdopen(mkstemp(path), "w");
    struct oct_message msg;

    (void)state;
    fputs("event page_faults * @page_faults\nevent task_clock_ns * @task_clock\n", f);
    fclose(f);
    struct counters *c = counters_open(&settings, &msg);
    assert_non_null(c);
    work_of_all_threads_is_counted(c);
    assert_true(find(c, "task_clock_ns")->total > 0);
    counters_close(c);
    unlink(path);
}

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void burn(double amount)
{
    double end = seconds(CLOCK_THREAD_CPUTIME_ID) + amount;

    while (seconds(CLOCK_THREAD_CPUTIME_ID) < end)
        ;
}

/* Nothing is lost: the team's work is there. Nothing is invented: it is within what the process spent, which
 * also holds the waiting of idle workers before and after. */
static bool clocks_agree(struct counters *c, int threads)
{
#pragma omp parallel num_threads(threads)
    burn(.001);
    double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    assert_int_equal(counters_start(c, 0, threads), OCT_OK);
#pragma omp parallel num_threads(threads)
    burn(.3);
    assert_int_equal(counters_stop(c), OCT_OK);
    double spent = (seconds(CLOCK_PROCESS_CPUTIME_ID) - before) * 1e9;
    double counted = find(c, "task_clock_ns")->total;
    print_message("%d threads: %.1f ms counted, %.1f ms spent\n", threads, counted * 1e-6, spent * 1e-6);
    return counted >= .98 * threads * .3e9 && counted <= 1.02 * spent;
}

/* Three attempts: what a hypervisor steals is taken out of the process's account, not out of the task clock.
 */
static void task_clock_agrees(void **state)
{
    struct counter_settings settings = {.groups = 1, .group = {"software"}};
    struct oct_message msg;
    struct counters *c = counters_open(&settings, &msg);

    (void)state;
    for (int threads = 1; threads <= 2; threads++)
        assert_true(clocks_agree(c, threads) || clocks_agree(c, threads) || clocks_agree(c, threads));
    counters_close(c);
}

/* What this machine cannot count is empty with a reason; what it can is not. */
static void the_ladder(void **state)
{
    struct counter_settings settings = {.groups = 2, .group = {"ipc", "software"}};
    struct oct_message msg;
    struct counters *c = counters_open(&settings, &msg);
    const struct counter_value *value;

    (void)state;
    assert_non_null(c);
    for (int pass = 0; pass < counters_passes(c); pass++) {
        assert_int_equal(counters_start(c, pass, 1), OCT_OK);
        burn(.05);
        assert_int_equal(counters_stop(c), OCT_OK);
    }
    size_t n = counters_values(c, &value);
    for (size_t i = 0; i < n; i++) {
        print_message("%-22s %-12s %-12g %s\n", value[i].name, counter_how_name(value[i].how), value[i].total,
                      value[i].reason);
        assert_int_equal(isnan(value[i].total), value[i].how == COUNTER_UNAVAILABLE);
        assert_int_equal(value[i].reason[0] != '\0', value[i].how == COUNTER_UNAVAILABLE);
    }
    assert_int_equal(find(c, "task_clock_ns")->how, COUNTER_MEASURED);
#if defined(__x86_64__) || defined(__aarch64__)
    assert_in_range((int)(find(c, "chain_ghz")->total * 1000), 300, 10000);
#endif
    counters_close(c);
}

/* For test_perf_stat.sh: work that dwarfs the start of a process, counted, and printed to be compared. */
static int work_for_perf_stat(int threads)
{
    const size_t pages = 30000;
    const struct timespec nap = {0, 100000};
    struct counter_settings settings = {.groups = 1, .group = {"software"}};
    size_t bytes = pages * (size_t)sysconf(_SC_PAGESIZE), all = bytes * (size_t)threads;
    char *memory = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct counters *c = counters_open(&settings, NULL);

    if (!c || memory == MAP_FAILED || madvise(memory, all, MADV_NOHUGEPAGE))
        return 1;
#pragma omp parallel num_threads(threads)
    (void)omp_get_thread_num();
    if (counters_start(c, 0, threads))
        return 1;
#pragma omp parallel num_threads(threads)
    {
        char *own = memory + bytes * (size_t)omp_get_thread_num();

        for (int i = 0; i < 4; i++) {
            touch(own, pages, (size_t)sysconf(_SC_PAGESIZE));
            madvise(own, bytes, MADV_DONTNEED);
        }
        burn(1.6);
        for (int i = 0; i < 2000; i++)
            nanosleep(&nap, NULL);
    }
    counters_stop(c);
    printf("task-clock %.0f\npage-faults %.0f\ncontext-switches %.0f\n", find(c, "task_clock_ns")->total,
           find(c, "page_faults")->total, find(c, "context_switches")->total);
    counters_close(c);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return work_for_perf_stat(atoi(argv[1]));
    const struct CMUnitTest tests[] = {
#ifdef BENCH_WITH_PFM
        cmocka_unit_test(encodings), /* first: it forks, and this process has no team yet */
#endif
        cmocka_unit_test(known_work),        cmocka_unit_test(known_work_without_perf),
        cmocka_unit_test(task_clock_agrees), cmocka_unit_test(the_ladder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
