/* SPDX-License-Identifier: MIT */
/* One timed sample of one prepared case. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include "config.h"
#include "ledger.h"
#include "prepare.h"

struct sample {
    int launch, round, order; /* order: position within the round */
    long iters;
    uint64_t ns; /* for all iters */
    struct disturbance disturbance;
    bool disturbed; /* the round is dropped, by the config's rule */
};

/* Runs until successive times agree, at most budget_ns. Returns the iterations that fill sample_ns. */
long sample_warm_up(const struct prepared *prepared, enum cache_mode cache, uint64_t sample_ns,
                    uint64_t budget_ns);

/* Untimed iterations to heat what the other cases cooled, then `iters` timed ones (cold modes: one, after
 * flushing). Fills ns and disturbance. */
int sample_take(const struct prepared *prepared, enum cache_mode cache, long iters, struct sample *out);

#endif
