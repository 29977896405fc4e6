/* SPDX-License-Identifier: MIT */
/* By hand: the tables of docs/measuring.md, by the functions that octbench itself infers with, on drawn times
 * whose truth is known. Prints CSV: build/tests/measuring_simulation > reports/measuring-simulation.csv */
#include "check/stats.h"

#include <math.h>
#include <stdio.h>

#define TRIALS     10000
#define SAMPLES    32
#define CONFIDENCE 0.95
#define TRUTH      1.5 /* base over candidate */
#define PI         3.14159265358979323846

static double gaussian(uint64_t *rng)
{
    return sqrt(-2 * log(1 - stats_uniform(rng))) * cos(2 * PI * stats_uniform(rng));
}

/* What a sample suffers on its own: 1% either way, and now and then a neighbour, who only ever slows. */
static double noise(uint64_t *rng)
{
    double slow = stats_uniform(rng) < .1 ? .1 * -log(1 - stats_uniform(rng)) : 0;

    return exp(.01 * gaussian(rng)) * (1 + slow);
}

/* ---- a machine whose speed changes while it is measured --------------------------------------------------
 */

/* At time t in [0, 1) of the measurement; `phase` is the trial's own. */
typedef double machine_speed(double t, double phase);

static double steady(double t, double phase)
{
    (void)t, (void)phase;
    return 1;
}

static double drifting(double t, double phase)
{
    (void)phase;
    return 1 + .2 * t;
}

static double stepping(double t, double phase)
{
    return t < phase ? 1 : 1.15;
}

static double wandering(double t, double phase)
{
    return 1 + .1 * sin(2 * PI * (t + phase));
}

struct estimate {
    double bias, spread, coverage; /* of the median estimate; 5% to 95% of the estimates; of the interval */
};

typedef struct interval design(machine_speed *speed, double phase, uint64_t *rng);

/* All samples of one, then all of the other; medians divided, intervals combined. */
static struct interval one_after_the_other(machine_speed *speed, double phase, uint64_t *rng)
{
    double base[SAMPLES], candidate[SAMPLES];

    for (int i = 0; i < SAMPLES; i++) {
        base[i] = TRUTH * speed((double)i / (2 * SAMPLES), phase) * noise(rng);
        candidate[i] = speed(.5 + (double)i / (2 * SAMPLES), phase) * noise(rng);
    }
    struct interval b = stats_median_interval(base, SAMPLES, CONFIDENCE);
    struct interval c = stats_median_interval(candidate, SAMPLES, CONFIDENCE);
    return (struct interval){b.low / c.high, b.mid / c.mid, b.high / c.low};
}

/* Rounds with both in random order; ratios within the round. */
static struct interval paired_rounds(machine_speed *speed, double phase, uint64_t *rng)
{
    double base[SAMPLES], candidate[SAMPLES];

    for (int i = 0; i < SAMPLES; i++) {
        bool base_first = stats_uniform(rng) < .5;
        double first = speed((2. * i) / (2 * SAMPLES), phase);
        double second = speed((2. * i + 1) / (2 * SAMPLES), phase);
        base[i] = TRUTH * (base_first ? first : second) * noise(rng);
        candidate[i] = (base_first ? second : first) * noise(rng);
    }
    return stats_paired_speedup(base, candidate, SAMPLES, CONFIDENCE);
}

static struct estimate repeat(design *measure, machine_speed *speed)
{
    static double estimates[TRIALS];
    uint64_t rng = 1;
    int covered = 0;

    for (int i = 0; i < TRIALS; i++) {
        struct interval s = measure(speed, stats_uniform(&rng), &rng);
        estimates[i] = s.mid;
        covered += s.low <= TRUTH && TRUTH <= s.high;
    }
    return (struct estimate){
        stats_median(estimates, TRIALS) / TRUTH - 1,
        (stats_quantile(estimates, TRIALS, .95) - stats_quantile(estimates, TRIALS, .05)) / TRUTH,
        (double)covered / TRIALS};
}

/* ---- intervals for a median ------------------------------------------------------------------------------
 */

static double skewed(uint64_t *rng)
{
    return exp(gaussian(rng)); /* median 1 */
}

/* Two speeds, as of a clock that jumps; the median lies at the edge of the slower one's share. */
static double bimodal(uint64_t *rng)
{
    double slow = stats_uniform(rng) < .5 ? 0 : .2;

    return 1 + slow + .02 * gaussian(rng);
}

static double spiky(uint64_t *rng)
{
    double spike = stats_uniform(rng) < .05 ? 10 * stats_uniform(rng) : 0;

    return 1 + .01 * gaussian(rng) + spike;
}

static double median_of(double (*draw)(uint64_t *), uint64_t *rng)
{
    enum { MANY = 1000001 };
    static double values[MANY];

    for (int i = 0; i < MANY; i++)
        values[i] = draw(rng);
    return stats_median(values, MANY);
}

static double coverage(double (*draw)(uint64_t *), double truth)
{
    uint64_t rng = 2;
    int covered = 0;

    for (int i = 0; i < TRIALS; i++) {
        double values[SAMPLES];
        for (int k = 0; k < SAMPLES; k++)
            values[k] = draw(&rng);
        struct interval m = stats_median_interval(values, SAMPLES, CONFIDENCE);
        covered += m.low <= truth && truth <= m.high;
    }
    return (double)covered / TRIALS;
}

int main(void)
{
    static const struct {
        const char *name;
        machine_speed *speed;
    } machines[] = {{"steady", steady},
                    {"drifts by 20%", drifting},
                    {"steps by 15%", stepping},
                    {"wanders by 10%", wandering}};
    static const struct {
        const char *name;
        design *measure;
    } designs[] = {{"one after the other", one_after_the_other}, {"paired rounds", paired_rounds}};
    static const struct {
        const char *name;
        double (*draw)(uint64_t *);
    } laws[] = {{"skewed", skewed}, {"bimodal", bimodal}, {"spiky", spiky}};
    uint64_t rng = 3;

    puts("what,case,design,bias_pct,spread_pct,coverage_pct");
    for (size_t m = 0; m < sizeof(machines) / sizeof(machines[0]); m++) {
        for (size_t d = 0; d < sizeof(designs) / sizeof(designs[0]); d++) {
            struct estimate e = repeat(designs[d].measure, machines[m].speed);
            printf("speedup,%s,%s,%.2f,%.2f,%.1f\n", machines[m].name, designs[d].name, 100 * e.bias,
                   100 * e.spread, 100 * e.coverage);
        }
    }
    for (size_t i = 0; i < sizeof(laws) / sizeof(laws[0]); i++)
        printf("median,%s,,,,%.1f\n", laws[i].name,
               100 * coverage(laws[i].draw, median_of(laws[i].draw, &rng)));
    return 0;
}
