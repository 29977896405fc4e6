/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "measure/sample.h"

#include "machine/cache.h"
#include "base/timer.h"

#include <dirent.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CACHE_LINE     64
#define WARM_BATCH_NS  1000000u
#define WARM_AGREEMENT 0.02 /* successive batches within this are steady */
#define WARM_STREAK    2
#define SETTLE_STEP_NS 1000000
#define SETTLE_STEPS   1000

void sampler_open(struct sampler *sampler, struct ledger *ledger, size_t cache_bytes)
{
    memset(sampler, 0, sizeof(*sampler));
    sampler->ledger = ledger;
    sampler->flush_bytes = 2 * cache_bytes;
    if (ledger)
        ledger_read(ledger, &sampler->last);
}

void sampler_close(struct sampler *sampler)
{
    oct_free(sampler->flush);
    memset(sampler, 0, sizeof(*sampler));
}

static long at_least_one(double iters)
{
    return iters < 1 ? 1 : iters > 1e9 ? 1000000000 : (long)iters;
}

long sample_warm_up(struct workload *workload, enum cache_mode cache, uint64_t sample_ns, uint64_t budget_ns)
{
    uint64_t ns, start = timer_now_ns();
    double each, before;
    long batch;
    int streak = 0;

    if (workload->kind->run(workload, 1, &ns))
        return 0;
    each = (double)ns;
    while (streak < WARM_STREAK && timer_now_ns() - start < budget_ns) {
        before = each;
        batch = at_least_one(WARM_BATCH_NS / (each + 1));
        if (workload->kind->run(workload, batch, &ns))
            return 0;
        each = (double)ns / (double)batch;
        streak = fabs(each - before) <= WARM_AGREEMENT * before ? streak + 1 : 0;
    }
    return cache == CACHE_WARM ? at_least_one(round((double)sample_ns / (each + 1))) : 1;
}

/* Exact where the processor can flush lines. Else every thread walks its share of a large buffer, so that
 * each core's own caches are emptied too; the writes leave no clean line of anything else. */
static void flush_caches(struct sampler *sampler, int threads)
{
    if (cache_flush_process())
        return;
    if (!sampler->flush && sampler->flush_bytes)
        sampler->flush = oct_alloc(sampler->flush_bytes);
    if (!sampler->flush)
        return;
#pragma omp parallel num_threads(threads)
    {
        size_t parts = (size_t)omp_get_num_threads(), t = (size_t)omp_get_thread_num();
        size_t first = sampler->flush_bytes / parts * t, last = first + sampler->flush_bytes / parts;

        for (size_t i = first; i < last; i += CACHE_LINE)
            sampler->flush[i]++;
    }
}

/* Is a thread of the process, other than `but`, running or ready to run? A spinning worker is, even while
 * something else holds its processor. */
static bool others_run(pid_t process, pid_t but)
{
    char folder[40];
    struct dirent *entry;
    bool found = false;
    DIR *tasks;

    snprintf(folder, sizeof(folder), "/proc/%d/task", (int)process);
    tasks = opendir(folder);

    while (tasks && !found && (entry = readdir(tasks))) {
        char path[320], stat[256], *end;
        FILE *f;

        if (*entry->d_name == '.' || atol(entry->d_name) == but)
            continue;
        snprintf(path, sizeof(path), "%s/%s/stat", folder, entry->d_name);
        f = fopen(path, "re");
        if (!f)
            continue;
        /* The state follows the name, which is in parentheses and may hold some itself. */
        end = fgets(stat, sizeof(stat), f) ? strrchr(stat, ')') : NULL;
        found = end && strncmp(end, ") R", 3) == 0;
        fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return found;
}

static bool settle(pid_t process, pid_t but)
{
    const struct timespec step = {0, SETTLE_STEP_NS};

    for (int i = 0; i < SETTLE_STEPS; i++) {
        if (!others_run(process, but))
            return true;
        nanosleep(&step, NULL);
    }
    return false;
}

bool sample_settle(void)
{
    return settle(getpid(), (pid_t)syscall(SYS_gettid));
}

int sample_take(struct sampler *sampler, struct workload *workload, enum cache_mode cache, long iters,
                struct sample *out)
{
    int threads = workload->threads, status = 0;
    struct disturbance now;
    uint64_t ns;

    if (workload->process && threads > 1)
        (void)sample_settle();
    if (cache == CACHE_WARM) {
        status = workload->kind->run(workload, 1, &ns);
    } else {
        flush_caches(sampler, threads);
        if (cache == CACHE_COLD_WEIGHTS)
            workload->kind->read_tensors(workload);
    }
    out->iters = cache == CACHE_WARM ? iters : 1;
    status |= workload->kind->run(workload, out->iters, &out->ns);
    if (workload->process && threads > 1)
        (void)settle(workload->process, workload->process);
    memset(&out->disturbance, 0xff, sizeof(out->disturbance));
    if (sampler->ledger) {
        ledger_read(sampler->ledger, &now);
        out->disturbance = ledger_between(&sampler->last, &now);
        sampler->last = now;
    }
    return status;
}
