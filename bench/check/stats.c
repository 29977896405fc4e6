/* SPDX-License-Identifier: MIT */
#include "check/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Ratios of minima scatter around ratios of medians even on a quiet machine: this much is no disagreement. */
#define MINIMUM_SLACK 0.02

#define BOOTSTRAP_RESAMPLES 1000

static const struct interval no_interval = {NAN, NAN, NAN};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* A sorted copy, or NULL. */
static double *sorted(const double *values, size_t n)
{
    double *copy = n ? malloc(n * sizeof(*copy)) : NULL;

    if (!copy)
        return NULL;
    memcpy(copy, values, n * sizeof(*copy));
    qsort(copy, n, sizeof(*copy), compare);
    return copy;
}

static double sorted_median(const double *v, size_t n)
{
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Between order statistics linearly, as numpy and R (type 7) do. */
static double sorted_quantile(const double *v, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t low = (size_t)at;

    if (low + 1 >= n)
        return v[n - 1];
    return v[low] + (at - (double)low) * (v[low + 1] - v[low]);
}

double stats_median(const double *values, size_t n)
{
    return stats_quantile(values, n, 0.5);
}

double stats_quantile(const double *values, size_t n, double q)
{
    double *v = sorted(values, n), result;

    if (!v)
        return NAN;
    result = sorted_quantile(v, n, q);
    free(v);
    return result;
}

double stats_min(const double *values, size_t n)
{
    double least = n ? values[0] : NAN;

    for (size_t i = 1; i < n; i++)
        least = values[i] < least ? values[i] : least;
    return least;
}

size_t stats_interval_rank(size_t n, double confidence)
{
    double tail = 0, log_half_n = (double)n * log(0.5);
    size_t rank = 0;

    /* The k-th and the (n+1-k)-th order statistic bracket the median unless fewer than k values fall on one
     * side of it: coverage 1 - 2 P(Binomial(n, 1/2) < k). */
    for (size_t k = 1; 2 * k <= n; k++) {
        double below = (double)(k - 1);
        tail += exp(lgamma((double)n + 1) - lgamma(below + 1) - lgamma((double)n - below + 1) + log_half_n);
        if (1 - 2 * tail < confidence)
            break;
        rank = k;
    }
    return rank;
}

struct interval stats_median_interval(const double *values, size_t n, double confidence)
{
    struct interval result = no_interval;
    double *v = sorted(values, n);
    size_t rank;

    if (!v)
        return result;
    result.mid = sorted_median(v, n);
    rank = stats_interval_rank(n, confidence);
    if (rank) {
        result.low = v[rank - 1];
        result.high = v[n - rank];
    }
    free(v);
    return result;
}

struct interval stats_median_bootstrap(const double *values, size_t n, double confidence, uint64_t seed)
{
    struct interval result = no_interval;
    double *resample = n > 1 ? malloc(n * sizeof(*resample)) : NULL;
    double *medians = n > 1 ? malloc(BOOTSTRAP_RESAMPLES * sizeof(*medians)) : NULL;

    result.mid = stats_median(values, n);
    if (!resample || !medians)
        goto done;
    for (int i = 0; i < BOOTSTRAP_RESAMPLES; i++) {
        for (size_t j = 0; j < n; j++)
            resample[j] = values[stats_random(&seed) % n];
        qsort(resample, n, sizeof(*resample), compare);
        medians[i] = sorted_median(resample, n);
    }
    qsort(medians, BOOTSTRAP_RESAMPLES, sizeof(*medians), compare);
    result.low = sorted_quantile(medians, BOOTSTRAP_RESAMPLES, (1 - confidence) / 2);
    result.high = sorted_quantile(medians, BOOTSTRAP_RESAMPLES, (1 + confidence) / 2);
done:
    free(resample);
    free(medians);
    return result;
}

struct interval stats_paired_speedup(const double *base, const double *candidate, size_t n, double confidence)
{
    const int end = (int)n;

    return stats_launch_speedup(base, candidate, &end, 1, confidence);
}

size_t stats_compact(double *values, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            values[kept++] = values[i];
    return kept;
}

struct interval stats_present_interval(const double *values, size_t n, double confidence)
{
    struct interval result = no_interval;
    double *copy = n ? malloc(n * sizeof(*copy)) : NULL;

    if (!copy)
        return result;
    memcpy(copy, values, n * sizeof(*copy));
    result = stats_median_interval(copy, stats_compact(copy, n), confidence);
    free(copy);
    return result;
}

double stats_median_present(const double *values, size_t n)
{
    return stats_present_interval(values, n, 0.5).mid;
}

/* As wide as the intervals of all launches together. */
static struct interval hull(const double *values, const int *end, int launches, double confidence)
{
    struct interval result = no_interval;

    for (int l = 0; l < launches; l++) {
        int first = l ? end[l - 1] : 0;
        struct interval own = stats_present_interval(values + first, (size_t)(end[l] - first), confidence);

        if (isnan(own.mid)) /* it sat out that launch */
            continue;
        if (isnan(own.low))
            return no_interval;
        if (!(own.low >= result.low))
            result.low = own.low;
        if (!(own.high <= result.high))
            result.high = own.high;
    }
    return result;
}

struct interval stats_launch_interval(const double *values, const int *end, int launches, double confidence)
{
    struct interval result = no_interval, together;
    double *medians = launches > 0 ? malloc((size_t)launches * sizeof(*medians)) : NULL;

    if (!medians)
        return result;
    for (int l = 0; l < launches; l++) {
        int first = l ? end[l - 1] : 0;
        medians[l] = stats_median_present(values + first, (size_t)(end[l] - first));
    }
    result = stats_present_interval(medians, (size_t)launches, confidence);
    if (isnan(result.low)) {
        together = hull(values, end, launches, confidence);
        result.low = together.low;
        result.high = together.high;
    }
    free(medians);
    return result;
}

struct interval stats_launch_speedup(const double *base, const double *candidate, const int *end,
                                     int launches, double confidence)
{
    size_t n = launches > 0 ? (size_t)end[launches - 1] : 0;
    struct interval result = no_interval;
    double *logs = n ? malloc(n * sizeof(*logs)) : NULL;

    if (!logs)
        return result;
    for (size_t i = 0; i < n; i++)
        logs[i] = base[i] > 0 && candidate[i] > 0 ? log(base[i] / candidate[i]) : NAN;
    result = stats_launch_interval(logs, end, launches, confidence);
    free(logs);
    result.low = exp(result.low);
    result.mid = exp(result.mid);
    result.high = exp(result.high);
    return result;
}

/* The least value over the rounds in which both were measured. */
static double paired_min(const double *values, const double *other, size_t n)
{
    double least = NAN;

    for (size_t i = 0; i < n; i++)
        if (values[i] > 0 && other[i] > 0 && !(values[i] >= least))
            least = values[i];
    return least;
}

bool stats_unresolved(const double *base, const double *candidate, size_t n, struct interval speedup)
{
    double minima = paired_min(base, candidate, n) / paired_min(candidate, base, n);

    if (isnan(minima) || isnan(speedup.low) || isnan(speedup.high))
        return false;
    if ((speedup.low > 1 && minima < 1) || (speedup.high < 1 && minima > 1))
        return true;
    return minima < speedup.low * (1 - MINIMUM_SLACK) || minima > speedup.high * (1 + MINIMUM_SLACK);
}

uint64_t stats_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double stats_uniform(uint64_t *state)
{
    return (double)(stats_random(state) >> 11) * 0x1p-53;
}

void stats_shuffle(uint64_t *state, int *order, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)(stats_random(state) % (uint64_t)(i + 1)), keep = order[i];

        order[i] = order[j];
        order[j] = keep;
    }
}
