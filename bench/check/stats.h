/* SPDX-License-Identifier: MIT */
/* Median, order-statistic (sign-test) interval, bootstrap, paired ratios. Methods: docs/measuring.md. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
    double low, mid, high; /* NAN where the sample is too small to bound */
};

/* All of these leave `values` as it was and return NAN for n == 0. */
double stats_median(const double *values, size_t n);
double stats_quantile(const double *values, size_t n, double q);
double stats_min(const double *values, size_t n);

/* k, so that the k-th smallest and k-th largest of n values bound the median with at least that confidence
 * (binomial law, exact); 0 where n is too small for it. */
size_t stats_interval_rank(size_t n, double confidence);

/* The median with its distribution-free interval: the narrowest pair of order statistics whose coverage is at
 * least `confidence` under the binomial law. */
struct interval stats_median_interval(const double *values, size_t n, double confidence);
/* Percentile bootstrap of the median: a cross-check. */
struct interval stats_median_bootstrap(const double *values, size_t n, double confidence, uint64_t seed);

/* Ratio base/candidate from pairs taken in the same rounds: exp of the median paired log-ratio. A round in
 * which one of the two is NAN is left out. */
struct interval stats_paired_speedup(const double *base, const double *candidate, size_t n,
                                     double confidence);
/* The median of the launches' medians; launch l has values[end[l - 1]] to values[end[l] - 1], NAN where one
 * is missing. The interval is the sign test's over those medians where they are enough for it (six for 95%),
 * for what a launch is lucky or unlucky with is the same in all of its values. Fewer have one as wide as all
 * their own intervals together; a single one has its own, which knows nothing of other launches. */
struct interval stats_launch_interval(const double *values, const int *end, int launches, double confidence);
/* exp of stats_launch_interval of the paired log-ratios. */
struct interval stats_launch_speedup(const double *base, const double *candidate, const int *end,
                                     int launches, double confidence);
/* Of the values that are not NAN: the series of a case that sat out some rounds. */
double stats_median_present(const double *values, size_t n);
struct interval stats_present_interval(const double *values, size_t n, double confidence);
/* Moves the values that are not NAN to the front; returns how many. */
size_t stats_compact(double *values, size_t n);

/* Do minimum and median disagree: the ratio of minima is more than 2% outside the interval, or on the other
 * side of 1 than all of it. Then the comparison is unresolved. */
bool stats_unresolved(const double *base, const double *candidate, size_t n, struct interval speedup);

/* splitmix64: small, seedable, the same everywhere. */
uint64_t stats_random(uint64_t *state);
double stats_uniform(uint64_t *state); /* [0, 1) */
void stats_shuffle(uint64_t *state, int *order, int n);

#endif
