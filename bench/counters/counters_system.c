/* SPDX-License-Identifier: MIT */
/* The system behind counters_seam.h. The only file that includes libpfm4 or perf_event. */
#define _GNU_SOURCE
#include "counters/counters_seam.h"
#include "machine/cgroup.h"
#include "machine/ledger.h"
#include "base/timer.h"

#include <ctype.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* "r" and hexadecimal digits, as perf spells a raw code: the way to events that libpfm4 lacks or gets wrong.
 */
static bool encode_raw(const char *event, struct counter_code *out)
{
    char *end;

    if (event[0] != 'r' || !isxdigit((unsigned char)event[1]))
        return false;
    memset(out, 0, sizeof(*out));
    out->type = PERF_TYPE_RAW;
    out->config = strtoull(event + 1, &end, 16);
    return *end == '\0';
}

#ifdef BENCH_WITH_PFM
#include <perfmon/pfmlib_perf_event.h>

static const char *find_pmu(void)
{
    for (int i = 0; i < PFM_PMU_MAX; i++) {
        pfm_pmu_info_t info = {.size = sizeof(info)};
        /* the architectural PMU is a subset that every Intel model has beside its own */
        if (pfm_get_pmu_info((pfm_pmu_t)i, &info) == PFM_SUCCESS && info.is_present &&
            info.type == PFM_PMU_TYPE_CORE && strcmp(info.name, "ix86arch") != 0)
            return info.name;
    }
    return NULL;
}

void counters_library(char *version, size_t size)
{
    int v = pfm_get_version();

    snprintf(version, size, "%d.%d", PFM_MAJ_VERSION(v), PFM_MIN_VERSION(v));
}

static int encode(void *context, const char *event, struct counter_code *out, char *why, size_t size)
{
    struct perf_event_attr attr = {.size = sizeof(attr)};
    pfm_perf_encode_arg_t arg = {.attr = &attr, .size = sizeof(arg)};

    (void)context;
    if (encode_raw(event, out))
        return OCT_OK;
    /* user and kernel side both: what may not be seen is taken out when the event is opened */
    int error = pfm_get_os_event_encoding(event, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT, &arg);
    if (error != PFM_SUCCESS) {
        snprintf(why, size, "libpfm4 says: %s", pfm_strerror(error));
        return OCT_INVALID;
    }
    memset(out, 0, sizeof(*out));
    out->type = attr.type;
    out->config = attr.config;
    out->config1 = attr.config1;
    out->config2 = attr.config2;
    out->software = attr.type == PERF_TYPE_SOFTWARE;
    out->kernel_only = out->software && (attr.config == PERF_COUNT_SW_CONTEXT_SWITCHES ||
                                         attr.config == PERF_COUNT_SW_CPU_MIGRATIONS);
    out->exclude_kernel = attr.exclude_kernel;
    return OCT_OK;
}

static const char *start_library(void)
{
    return pfm_initialize() == PFM_SUCCESS ? find_pmu() : NULL;
}
#else

void counters_library(char *version, size_t size)
{
    if (size)
        *version = '\0';
}
static int encode(void *context, const char *event, struct counter_code *out, char *why, size_t size)
{
    (void)context;
    if (encode_raw(event, out))
        return OCT_OK;
    snprintf(why, size, "libpfm4 was left out of this build");
    return OCT_UNSUPPORTED;
}

static const char *start_library(void)
{
    return NULL;
}
#endif

static int open_event(void *context, const struct counter_code *code)
{
    struct perf_event_attr attr = {
        .size = sizeof(attr),
        .type = code->type,
        .config = code->config,
        .config1 = code->config1,
        .config2 = code->config2,
        .disabled = 1,
        .exclude_kernel = code->exclude_kernel,
        .exclude_hv = code->exclude_kernel,
        .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
    };
    long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

    (void)context;
    return fd < 0 ? -errno : (int)fd;
}

static int start_event(void *context, int fd)
{
    (void)context;
    if (ioctl(fd, PERF_EVENT_IOC_RESET, 0) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
        return -errno;
    return 0;
}

static int stop_event(void *context, int fd)
{
    (void)context;
    return ioctl(fd, PERF_EVENT_IOC_DISABLE, 0) ? -errno : 0;
}

static int read_event(void *context, int fd, struct counter_reading *out)
{
    ssize_t got;

    (void)context;
    do
        got = read(fd, out, sizeof(*out));
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : (int)got;
}

static void close_event(void *context, int fd)
{
    (void)context;
    close(fd);
}

/* ---- what is known without perf_event -------------------------------------------------------------- */

static double steal_now(struct ledger *ledger)
{
    struct disturbance now;

    if (!ledger)
        return NAN;
    ledger_read(ledger, &now);
    return now.steal_ns < 0 ? NAN : (double)now.steal_ns;
}

static double own(void *context, enum counter_source source)
{
    struct timespec t;
    struct rusage usage;

    switch (source) {
    case SOURCE_TASK_CLOCK:
        return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) ? NAN : (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
    case SOURCE_PAGE_FAULTS:
        return getrusage(RUSAGE_THREAD, &usage) ? NAN : (double)(usage.ru_minflt + usage.ru_majflt);
    case SOURCE_CONTEXT_SWITCHES:
        return getrusage(RUSAGE_THREAD, &usage) ? NAN : (double)(usage.ru_nvcsw + usage.ru_nivcsw);
    case SOURCE_STEAL:
        return steal_now(context);
    case SOURCE_CHAIN_GHZ:
        return counters_chain_ghz();
    case SOURCE_PERF:
        break;
    }
    return NAN;
}

/* The system is one, libpfm4 keeps state for the process, and the ledger stays open as long. */
static struct counter_system real = {
    .paranoid = -1,
    .encode = encode,
    .open = open_event,
    .start = start_event,
    .stop = stop_event,
    .read = read_event,
    .close = close_event,
    .own = own,
};

static void start_real(void)
{
    char line[32];

    if (file_read_line("/proc/sys/kernel/perf_event_paranoid", line, sizeof(line)) == 0)
        real.paranoid = atoi(line);
    real.pmu = start_library();
    real.context = ledger_open();
}

const struct counter_system *counter_system_real(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, start_real);
    return &real;
}

/* ---- the clock ------------------------------------------------------------------------------------- */

/* Register to register: newer cores drop an add of a constant while renaming. One cycle each on every core
 * that matters here. */
#if defined(__x86_64__)
#define ADD "add %1, %0\n\t"
#elif defined(__aarch64__)
#define ADD "add %0, %0, %1\n\t"
#endif

double counters_chain_ghz(void)
{
#ifdef ADD
    const long rounds = 20000, adds = 16;
    uint64_t x = 0, one = 1;
    double best = 0;

    for (int run = 0; run < 7; run++) {
        uint64_t start = timer_now_ns();
        for (long i = 0; i < rounds; i++)
            __asm__ volatile(ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD
                             : "+r"(x)
                             : "r"(one)
                             : "cc");
        double ghz = (double)(rounds * adds) / (double)(timer_now_ns() - start);
        best = ghz > best ? ghz : best;
    }
    return best;
#else
    return NAN;
#endif
}
