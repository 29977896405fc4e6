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

static int execute_batch(const struct prepared *prepared, long iters, uint64_t *ns)
{
    struct oct_plan *plan = prepared->plan;
    const struct oct_io *io = &prepared->io;
    int status = 0;
    uint64_t start = timer_now_ns();

    for (long i = 0; i < iters; i++)
        status |= oct_execute(plan, io);
    *ns = timer_now_ns() - start;
    return status;
}

static long at_least_one(double iters)
{
    return iters < 1 ? 1 : iters > 1e9 ? 1000000000 : (long)iters;
}

long sample_warm_up(const struct prepared *prepared, enum cache_mode cache, uint64_t sample_ns,
                    uint64_t budget_ns)
{
    uint64_t ns, start = timer_now_ns();
    double each, before;
    long batch;
    int streak = 0;

    if (execute_batch(prepared, 1, &ns))
        return 0;
    each = (double)ns;
    while (streak < WARM_STREAK && timer_now_ns() - start < budget_ns) {
        before = each;
        batch = at_least_one(WARM_BATCH_NS / (each + 1));
        if (execute_batch(prepared, batch, &ns))
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

static void read_tensor(const void *tensor, size_t bytes, int threads)
{
    const volatile char *lines = tensor;

#pragma omp parallel for num_threads(threads)
    for (size_t i = 0; i < bytes; i += CACHE_LINE)
        (void)lines[i];
}

static void read_tensors(const struct prepared *prepared, int threads)
{
    const struct oct_problem *p = &prepared->problem;

    for (int b = 0; b < p->bands; b++) {
        if (p->ic[b])
            read_tensor(prepared->io.in[b], oct_tensor_bytes(&prepared->info->in[b]), threads);
        if (!p->oc[b])
            continue;
        size_t bytes = oct_tensor_bytes(&prepared->info->out[b]);
        read_tensor(prepared->io.out[b], bytes, threads);
        if (prepared->io.residual[b])
            read_tensor(prepared->io.residual[b], bytes, threads);
    }
}

int sample_take(struct sampler *sampler, const struct prepared *prepared, enum cache_mode cache, long iters,
                struct sample *out)
{
    int threads = prepared->info->threads, status = 0;
    struct disturbance now;
    uint64_t ns;

    if (cache == CACHE_WARM) {
        status = execute_batch(prepared, 1, &ns);
    } else {
        flush_caches(sampler, threads);
        if (cache == CACHE_COLD_WEIGHTS)
            read_tensors(prepared, threads);
    }
    out->iters = cache == CACHE_WARM ? iters : 1;
    status |= execute_batch(prepared, out->iters, &out->ns);
    memset(&out->disturbance, 0xff, sizeof(out->disturbance));
    if (sampler->ledger) {
        ledger_read(sampler->ledger, &now);
        out->disturbance = ledger_between(&sampler->last, &now);
        sampler->last = now;
    }
    return status;
}

/* Is a thread of this process, other than the caller, running or ready to run? A spinning worker is, even
 * while something else holds its processor. */
static bool others_run(void)
{
    DIR *tasks = opendir("/proc/self/task");
    long self = (long)syscall(SYS_gettid);
    struct dirent *entry;
    bool found = false;

    while (tasks && !found && (entry = readdir(tasks))) {
        char path[300], stat[256], *end;
        FILE *f;

        if (*entry->d_name == '.' || atol(entry->d_name) == self)
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
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

bool sample_settle(void)
{
    const struct timespec step = {0, SETTLE_STEP_NS};

    for (int i = 0; i < SETTLE_STEPS; i++) {
        if (!others_run())
            return true;
        nanosleep(&step, NULL);
    }
    return false;
}
