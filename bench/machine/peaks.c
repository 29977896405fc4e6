/* SPDX-License-Identifier: MIT */
#include "machine/peaks.h"
#include "base/message.h"
#include "machine/peaks_loops.h"
#include "base/timer.h"
#include "machine/topology.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#define SHORT_RUN_NS UINT64_C(2000000)
#define BLOCK        1024 /* bytes: what the load loops advance by */
/* The ceilings are visited in turn, again and again: a slow phase of the machine, which lasts tenths of a
 * second, then costs each of them a few runs and none of them all. */
#define SWEEPS       12
#define RUNS_A_SWEEP 4

/* What every thread of the team does in one run; returns the work done, in units of the caller's. */
typedef double team_work(void *context, int thread, long repeats);

/* Work a nanosecond of the whole team: all work over the time from the common start to the last end. */
static double team_rate(team_work *work, void *context, int threads, long repeats)
{
    uint64_t start = UINT64_MAX, end = 0;
    double done = 0;

#pragma omp parallel num_threads(threads) reduction(min : start) reduction(max : end) reduction(+ : done)
    {
#pragma omp barrier
        start = timer_now_ns();
        done = work(context, omp_get_thread_num(), repeats);
        end = timer_now_ns();
    }
    return end > start ? done / (double)(end - start) : 0;
}

/* One ceiling: work, how often it must be repeated to last SHORT_RUN_NS, and the best rate so far. */
struct ceiling {
    team_work *work;
    void *context;
    long repeats;
    double best;
};

/* The first runs also bring the clock up and the data in. */
static void find_repeats(struct ceiling *c, int threads)
{
    for (c->repeats = 1; c->repeats < (1L << 40); c->repeats *= 2) {
        uint64_t before = timer_now_ns();
        team_rate(c->work, c->context, threads, c->repeats);
        if (timer_now_ns() - before >= SHORT_RUN_NS)
            return;
    }
}

static void raise_ceiling(struct ceiling *c, int threads, int runs)
{
    for (int i = 0; i < runs; i++) {
        double rate = team_rate(c->work, c->context, threads, c->repeats);
        c->best = rate > c->best ? rate : c->best;
    }
}

/* ---- multiply-adds ---------------------------------------------------------------------------------- */

static double fma_work(void *context, int thread, long repeats)
{
    const struct peak_loops *loops = context;
    const long rounds = 1000 * repeats;
    volatile float keep = loops->fma(rounds);

    (void)thread;
    (void)keep;
    return loops->flops_per_round * (double)rounds;
}

/* ---- loads ------------------------------------------------------------------------------------------ */

struct load {
    const struct peak_loops *loops;
    char *buffer;
    size_t bytes; /* of each thread */
};

static double load_work(void *context, int thread, long repeats)
{
    const struct load *load = context;
    const char *mine = load->buffer + load->bytes * (size_t)thread;

    for (long r = 0; r < repeats; r++)
        load->loops->load(mine, load->bytes);
    return (double)load->bytes * (double)repeats;
}

static const struct peak_loops *widest_loops(void)
{
#ifdef BENCH_WITH_X86
    uint32_t usable = oct_cpu_usable();

    if (usable & OCT_ISA_AVX512)
        return &peak_loops_avx512;
    if (usable & OCT_ISA_AVX2)
        return &peak_loops_avx2;
#endif
    return &peak_loops_base;
}

/* A buffer of that many bytes for each thread, touched by it; false where that is nothing. */
static bool load_prepare(struct load *load, int64_t bytes, int threads)
{
    load->loops = widest_loops();
    load->bytes = bytes > 0 ? (size_t)bytes / BLOCK * BLOCK : 0;
    load->buffer = load->bytes ? oct_alloc(load->bytes * (size_t)threads) : NULL;
    if (!load->buffer)
        return false;
#pragma omp parallel num_threads(threads)
    memset(load->buffer + load->bytes * (size_t)omp_get_thread_num(), 1, load->bytes);
    return true;
}

/* Four times the second level lies in the third, if that is large enough to hold it for every thread. */
static int64_t l3_set(const struct machine *m, int threads)
{
    int64_t share = m->l3_bytes / 2 / threads;

    if (m->l3_bytes < 0 || m->l2_bytes < 0 || share < 2 * m->l2_bytes)
        return -1;
    return share < 4 * m->l2_bytes ? share : 4 * m->l2_bytes;
}

/* All threads together twice the last cache, within a quarter of the free memory. */
static int64_t memory_set(const struct machine *m, int threads)
{
    const int64_t least = INT64_C(256) << 20;
    int64_t cache = m->l3_bytes > m->l2_bytes ? m->l3_bytes : m->l2_bytes;
    int64_t want = 2 * cache > least ? 2 * cache : least;

    if (m->memory_available < 0)
        return -1;
    if (want > m->memory_available / 4)
        want = m->memory_available / 4;
    return want > cache + cache / 4 ? want / threads : -1;
}

static int read_machine(struct machine *out, struct oct_message *msg)
{
    struct topology *topology = topology_open(NULL, msg);

    if (!topology)
        return OCT_ERROR;
    topology_machine(topology, out);
    topology_close(topology);
    return OCT_OK;
}

enum { FMA_BASE, FMA_AVX2, FMA_AVX512, LOAD_L1, LOAD_L2, LOAD_L3, LOAD_MEMORY, CEILINGS };

/* NAN where it was not measured: best is 0 then. */
static double reached(const struct ceiling *c)
{
    return c->best > 0 ? c->best : NAN;
}

int peaks_measure(struct peaks *out, int threads, struct oct_message *msg)
{
    const struct peak_loops *fma[] = {
        &peak_loops_base,
#ifdef BENCH_WITH_X86
        &peak_loops_avx2,
        &peak_loops_avx512,
#endif
    };
    struct ceiling all[CEILINGS] = {{0}};
    struct load load[CEILINGS] = {{0}};
    struct machine m;

    if (read_machine(&m, msg))
        return OCT_ERROR;
    for (size_t i = 0; i < sizeof(fma) / sizeof(fma[0]); i++)
        if ((oct_cpu_usable() & fma[i]->isa) == fma[i]->isa)
            all[FMA_BASE + i] = (struct ceiling){.work = fma_work, .context = (void *)(uintptr_t)fma[i]};
    const int64_t bytes[CEILINGS] = {[LOAD_L1] = m.l1d_bytes / 2,
                                     [LOAD_L2] = m.l2_bytes / 2,
                                     [LOAD_L3] = l3_set(&m, threads),
                                     [LOAD_MEMORY] = memory_set(&m, threads)};
    for (int i = LOAD_L1; i < CEILINGS; i++)
        if (load_prepare(&load[i], bytes[i], threads))
            all[i] = (struct ceiling){.work = load_work, .context = &load[i]};
    for (int i = 0; i < CEILINGS; i++)
        if (all[i].work)
            find_repeats(&all[i], threads);
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int i = 0; i < CEILINGS; i++)
            if (all[i].work)
                raise_ceiling(&all[i], threads, i == LOAD_MEMORY ? 1 : RUNS_A_SWEEP);
    for (int i = LOAD_L1; i < CEILINGS; i++)
        oct_free(load[i].buffer);
    *out = (struct peaks){threads,
                          reached(&all[FMA_BASE]),
                          reached(&all[FMA_AVX2]),
                          reached(&all[FMA_AVX512]),
                          reached(&all[LOAD_L1]),
                          reached(&all[LOAD_L2]),
                          reached(&all[LOAD_L3]),
                          reached(&all[LOAD_MEMORY])};
    return OCT_OK;
}

int peaks_raise(struct peaks *peaks, struct oct_message *msg)
{
    struct peaks again;
    int status = peaks_measure(&again, peaks->threads, msg);

    if (status != OCT_OK)
        return status;
    /* fmax takes the other operand where one is NAN */
    peaks->fma_base = fmax(peaks->fma_base, again.fma_base);
    peaks->fma_avx2 = fmax(peaks->fma_avx2, again.fma_avx2);
    peaks->fma_avx512 = fmax(peaks->fma_avx512, again.fma_avx512);
    peaks->l1 = fmax(peaks->l1, again.l1);
    peaks->l2 = fmax(peaks->l2, again.l2);
    peaks->l3 = fmax(peaks->l3, again.l3);
    peaks->memory = fmax(peaks->memory, again.memory);
    return OCT_OK;
}

double peaks_fma(const struct peaks *peaks, uint32_t isa)
{
    if (isa & OCT_ISA_AVX512)
        return peaks->fma_avx512;
    return isa & OCT_ISA_AVX2 ? peaks->fma_avx2 : peaks->fma_base;
}
