/* SPDX-License-Identifier: MIT */
/* Statistics against values worked by hand or known from tables, and against simulated data whose truth is
 * known: intervals must cover what they claim to. */
#include "check/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define TRIALS 10000
#define ROUNDS 25

static void close_to(double got, double want, double slack)
{
    if (!(fabs(got - want) <= slack))
        fail_msg("got %.9g, want %.9g", got, want);
}

static void known_values(void **state)
{
    const double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, one[] = {7};

    (void)state;
    close_to(stats_median(odd, 3), 3, 0);
    close_to(stats_median(even, 4), 2.5, 0);
    close_to(stats_median(one, 1), 7, 0);
    assert_true(isnan(stats_median(odd, 0)));
    close_to(stats_quantile(even, 4, .9), 3.7, 1e-12); /* numpy.quantile([1,2,3,4], .9) */
    close_to(stats_quantile(even, 4, 0), 1, 0);
    close_to(stats_quantile(even, 4, 1), 4, 0);
    close_to(stats_min(odd, 3), 1, 0);
    assert_true(isnan(stats_min(odd, 0)));
    assert_true(odd[0] == 5 && odd[1] == 1); /* left as it was */
}

/* Ranks from tables of the sign test (e.g. Conover, Practical Nonparametric Statistics): n, two-sided 95%. */
static void interval_ranks(void **state)
{
    static const struct {
        size_t n, rank;
    } rows[] = {{5, 0},  {6, 1},  {8, 1},   {9, 2},   {12, 3},  {15, 4},
                {20, 6}, {25, 8}, {30, 10}, {50, 18}, {100, 40}};
    double values[25];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(stats_interval_rank(rows[i].n, .95), rows[i].rank);
    for (int i = 0; i < 25; i++)
        values[i] = 25 - i;
    struct interval all = stats_median_interval(values, 25, .95), few = stats_median_interval(values, 5, .95);
    close_to(all.low, 8, 0);
    close_to(all.mid, 13, 0);
    close_to(all.high, 18, 0);
    assert_true(isnan(few.low) && isnan(few.high));
    close_to(few.mid, 23, 0);
}

static double gaussian(uint64_t *rng)
{
    double u = 1 - stats_uniform(rng), v = stats_uniform(rng);

    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* Times as machines give them: each returns one sample of round i, and *median is the truth. */
static double skewed(uint64_t *rng, int i, double *median)
{
    (void)i;
    *median = 1;
    return exp(0.5 * gaussian(rng));
}

static double bimodal(uint64_t *rng, int i, double *median)
{
    bool slow = stats_uniform(rng) < 0.3;

    (void)i;
    *median = 1 + 0.05 * 0.566; /* P(x < m) = .7 * P(z < .566) = .5 */
    return slow ? 2 + 0.05 * gaussian(rng) : 1 + 0.05 * gaussian(rng);
}

static double spiky(uint64_t *rng, int i, double *median)
{
    double u = stats_uniform(rng);

    (void)i;
    *median = 1.5 + .025 / .475; /* .475 lie below 1.5, .475 a unit above it */
    return u < .05 ? 100 + u : u < .525 ? 1 + stats_uniform(rng) / 2 : 1.5 + stats_uniform(rng);
}

static double coverage(double (*draw)(uint64_t *, int, double *))
{
    uint64_t rng = 1;
    int covered = 0;

    for (int t = 0; t < TRIALS; t++) {
        double values[ROUNDS], median = 0;
        for (int i = 0; i < ROUNDS; i++)
            values[i] = draw(&rng, i, &median);
        struct interval found = stats_median_interval(values, ROUNDS, .95);
        covered += found.low <= median && median <= found.high;
    }
    return (double)covered / TRIALS;
}

static void intervals_cover(void **state)
{
    (void)state;
    /* The exact coverage of ranks 8 and 18 of 25 is 95.7%; 10,000 trials are known to +/- 0.5%. */
    close_to(coverage(skewed), .957, .01);
    close_to(coverage(bimodal), .957, .01);
    close_to(coverage(spiky), .957, .01);
}

/* A machine that gets slower while it measures, hitting both alike: pairs do not notice, and the interval for
 * the ratio covers; the ratio of medians taken one after the other is far off. */
static void pairs_under_drift(void **state)
{
    const double truth = 1.03;
    uint64_t rng = 7;
    int covered = 0;
    double bias = 0, bias_in_turn = 0;

    (void)state;
    for (int t = 0; t < TRIALS; t++) {
        double base[ROUNDS], candidate[ROUNDS], first[ROUNDS], second[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            double drift = 1 + 0.02 * i, both = exp(0.1 * fabs(gaussian(&rng)));
            base[i] = truth * drift * both * exp(0.01 * gaussian(&rng));
            candidate[i] = drift * both * exp(0.01 * gaussian(&rng));
            first[i] = truth * (1 + 0.01 * i) * exp(0.01 * gaussian(&rng));
            second[i] = (1 + 0.01 * (i + ROUNDS)) * exp(0.01 * gaussian(&rng));
        }
        struct interval ratio = stats_paired_speedup(base, candidate, ROUNDS, .95);
        covered += ratio.low <= truth && truth <= ratio.high;
        bias += log(ratio.mid / truth) / TRIALS;
        bias_in_turn += log(stats_median(first, ROUNDS) / stats_median(second, ROUNDS) / truth) / TRIALS;
    }
    close_to((double)covered / TRIALS, .957, .01);
    close_to(bias, 0, 0.0005);
    assert_true(bias_in_turn < -0.1);
}

/* What a launch is lucky with is in all of its rounds. An interval over the launches' medians covers the
 * truth all the same; one over all rounds alike takes six throws of the dice for 96. */
static void launches_cover_their_luck(void **state)
{
    enum { LAUNCHES = 6, EACH = 16 };
    uint64_t rng = 7;
    int covered = 0, pooled_covered = 0;

    (void)state;
    for (int i = 0; i < TRIALS; i++) {
        double values[LAUNCHES * EACH];
        int end[LAUNCHES];

        for (int l = 0; l < LAUNCHES; l++) {
            double luck = .02 * (stats_uniform(&rng) - .5);
            for (int r = 0; r < EACH; r++)
                values[l * EACH + r] = 1 + luck + .005 * (stats_uniform(&rng) - .5);
            end[l] = (l + 1) * EACH;
        }
        struct interval over = stats_launch_interval(values, end, LAUNCHES, .95);
        struct interval pooled = stats_median_interval(values, LAUNCHES * EACH, .95);
        covered += over.low <= 1 && 1 <= over.high;
        pooled_covered += pooled.low <= 1 && 1 <= pooled.high;
    }
    close_to((double)covered / TRIALS, 1 - 2 / 64., .01); /* all six on one side */
    assert_true(pooled_covered < .75 * TRIALS);
}

static void launch_intervals(void **state)
{
    /* Medians 2, 9, 3, 1, 8, 4; the last has a gap. */
    const double values[] = {1, 2, 3, 9, 9, 9, 3, 3, 3, 1, 1, 1, 8, 8, 8, 4, NAN, 4};
    const int end[] = {3, 6, 9, 12, 15, 18};
    double rising[20], base[20], candidate[20];
    const int two[] = {10, 20};
    struct interval i = stats_launch_interval(values, end, 6, .95);

    (void)state;
    assert_true(i.low == 1 && i.mid == 3.5 && i.high == 9);
    i = stats_launch_interval(values, end, 3, .95); /* neither launches nor rounds are enough */
    assert_true(i.mid == 3 && isnan(i.low) && isnan(i.high));
    for (int k = 0; k < 20; k++) {
        rising[k] = k < 10 ? k : 100 + k;
        candidate[k] = 1 + k;
        base[k] = (k < 10 ? 2 : 8) * candidate[k];
    }
    i = stats_launch_interval(rising, two, 2, .95); /* ranks 2 and 9 of each ten */
    assert_true(i.low == 1 && i.mid == (4.5 + 114.5) / 2 && i.high == 118);
    i = stats_launch_interval(rising, two, 1, .95);
    assert_true(i.low == 1 && i.mid == 4.5 && i.high == 8);
    i = stats_launch_speedup(base, candidate, two, 2, .95);
    close_to(i.low, 2, 1e-9);
    close_to(i.mid, 4, 1e-9);
    close_to(i.high, 8, 1e-9);
    i = stats_launch_interval(rising, two, 0, .95);
    assert_true(isnan(i.mid));
}

static void pairs_leave_out_what_is_missing(void **state)
{
    const double base[] = {2, NAN, 4, 6, 8, 10, 12, 900}, candidate[] = {1, 5, 2, 3, 4, 5, 6, NAN};
    struct interval ratio = stats_paired_speedup(base, candidate, 8, .95);

    (void)state;
    close_to(ratio.low, 2, 1e-12);
    close_to(ratio.mid, 2, 1e-12);
    close_to(ratio.high, 2, 1e-12);
    assert_true(isnan(stats_paired_speedup(base, candidate, 2, .95).low));
    assert_true(isnan(stats_paired_speedup(base, candidate, 0, .95).mid));
}

static void unresolved(void **state)
{
    const double base[] = {10, 11, 12, 13}, half[] = {5, 5.5, 6, 6.5}, lucky[] = {2, 5.5, 6, 6.5};
    const struct interval two = {1.95, 2, 2.05}, slightly = {1.001, 1.005, 1.01};
    const double same[] = {10.01, 11, 12, 13};

    (void)state;
    assert_false(stats_unresolved(base, half, 4, two));
    assert_true(stats_unresolved(base, lucky, 4, two));
    assert_true(stats_unresolved(base, same, 4, slightly)); /* the minimum says slower, the median faster */
    assert_false(stats_unresolved(base, lucky, 4, (struct interval){NAN, 2, NAN}));
}

/* The bootstrap agrees with the order statistics: a cross-check of both. */
static void bootstrap(void **state)
{
    uint64_t rng = 3;
    double values[101], median;

    (void)state;
    for (int i = 0; i < 101; i++)
        values[i] = skewed(&rng, i, &median);
    struct interval a = stats_median_interval(values, 101, .95),
                    b = stats_median_bootstrap(values, 101, .95, 5);
    close_to(b.mid, a.mid, 0);
    close_to(b.low, a.low, 0.08);
    close_to(b.high, a.high, 0.08);
    assert_true(b.low < b.mid && b.mid < b.high);
    assert_true(isnan(stats_median_bootstrap(values, 1, .95, 5).low));
}

static void random_numbers(void **state)
{
    uint64_t rng = 1234567;
    int order[10], seen[10] = {0}, first[10] = {0};

    (void)state;
    /* From the author's splitmix64.c, seed 1234567. */
    assert_true(stats_random(&rng) == UINT64_C(6457827717110365317));
    assert_true(stats_random(&rng) == UINT64_C(3203168211198807973));
    for (int t = 0; t < TRIALS; t++) {
        for (int i = 0; i < 10; i++)
            order[i] = i;
        stats_shuffle(&rng, order, 10);
        first[order[0]]++;
        memset(seen, 0, sizeof(seen));
        for (int i = 0; i < 10; i++)
            assert_int_equal(seen[order[i]]++, 0);
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(first[i], 850, 1150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(interval_ranks),
        cmocka_unit_test(intervals_cover),
        cmocka_unit_test(pairs_under_drift),
        cmocka_unit_test(launches_cover_their_luck),
        cmocka_unit_test(launch_intervals),
        cmocka_unit_test(unresolved),
        cmocka_unit_test(pairs_leave_out_what_is_missing),
        cmocka_unit_test(bootstrap),
        cmocka_unit_test(random_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
