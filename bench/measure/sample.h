/* SPDX-License-Identifier: MIT */
/* One timed sample of one workload. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include "config/cases.h"
#include "machine/distance.h"
#include "machine/ledger.h"
#include "measure/workload.h"

/* Why a round is dropped, by rules that ask for no time that was taken. */
enum {
    DISTURBED_STEAL = 1, /* more of it was stolen than the config allows */
    DISTURBED_APART = 2, /* the team's cores were apart */
};

struct sample {
    int launch, round, order; /* order: position within the round; rounds count on through all launches */
    long iters;
    uint64_t ns;                    /* for all iters */
    struct disturbance disturbance; /* since the sample before it */
    unsigned disturbed;             /* DISTURBED_...: the whole round is dropped */
};

/* What sampling needs besides the case. One per run; not thread-safe. */
struct sampler {
    struct ledger *ledger;   /* NULL: no disturbance is recorded (all -1) */
    struct disturbance last; /* at the end of the sample before */
    struct distance distance;
    char *flush; /* larger than the last level of cache, for the cold modes */
    size_t flush_bytes;
};

/* `cache_bytes`: all that the processor can keep (L2s and L3); the flush buffer is twice that. It is made at
 * the first cold sample. */
void sampler_open(struct sampler *sampler, struct ledger *ledger, size_t cache_bytes);
void sampler_close(struct sampler *sampler);

/* Runs until successive times agree, at most budget_ns. Returns the iterations that fill sample_ns (1 in the
 * cold modes), or 0 where execute failed. */
long sample_warm_up(struct workload *workload, enum cache_mode cache, uint64_t sample_ns, uint64_t budget_ns);

/* One untimed iteration to heat what the other cases cooled, then `iters` timed ones; in the cold modes one,
 * after flushing the caches (and, for cold weights, reading the tensors again). Fills iters, ns, disturbance.
 * Threads of engines, and of ours before an engine,
 * come to rest first. Returns the run's status. */
int sample_take(struct sampler *sampler, struct workload *workload, enum cache_mode cache, long iters,
                struct sample *out);

/* Waits (at most a second) until OpenMP workers of earlier, larger teams have gone to sleep: a spinning
 * worker takes time, power and memory bandwidth from a team that does not include it. False: they still spin.
 */
bool sample_settle(void);

#endif
