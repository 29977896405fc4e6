/* SPDX-License-Identifier: MIT */
/*
 * How often the gate is wrong, and how often it is right: its own decision code (bench/gate/verdict.c) on
 * launches resampled from recorded ones (scripts/launches.py). Wrote reports/gate/power.csv, by
 * scripts/soak.sh: gate_power [-H] CONDITIONS LAUNCHES.csv [GATES] A launch is resampled whole, so that cases
 * disturbed together stay together. Where one case or none is slowed, nothing is centred: what bias the
 * machine had stays in. -H prints the header first; CONDITIONS fills the first column.
 */
#include "gate/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CASES 64
#define MAX_LINE  16384

/* The launches that measured every case, estimates[launch * cases + case]. */
struct pool {
    int cases, launches;
    double *estimates;
};

struct world {
    const struct pool *pool;
    uint64_t random;
    int slowed; /* a case, or ALL_SLOWED */
    double shift;
    int launches;
};

#define ALL_SLOWED -1

/* The values behind run and launch; false where one is missing. */
static bool read_row(char *line, int cases, double *values)
{
    char *at = line, *end;

    for (int column = -2; column < cases; column++) {
        double value = strtod(at, &end);
        if (end == at || (*end != ',' && *end != '\n' && *end != '\0'))
            return false;
        if (column >= 0)
            values[column] = value;
        at = *end == ',' ? end + 1 : end;
    }
    return true;
}

static int add_launch(struct pool *pool, const double *values)
{
    size_t row = (size_t)pool->cases * sizeof(*values);
    double *grown = realloc(pool->estimates, ((size_t)pool->launches + 1) * row);

    if (!grown)
        return 1;
    pool->estimates = grown;
    memcpy(&grown[pool->launches * pool->cases], values, row);
    pool->launches++;
    return 0;
}

/* 0, or 1 with the reason said. Names of cases hold no commas. */
static int read_pool(struct pool *pool, const char *path)
{
    double values[MAX_CASES];
    char line[MAX_LINE];
    FILE *f = fopen(path, "r");
    int failed = 0;

    if (!f) {
        perror(path);
        return 1;
    }
    if (fgets(line, sizeof(line), f) && strncmp(line, "run,launch,", 11) == 0) {
        pool->cases = -1;
        for (const char *c = line; *c; c++)
            pool->cases += *c == ',';
    }
    if (pool->cases < 1 || pool->cases > MAX_CASES) {
        fprintf(stderr, "%s:1: is no header of scripts/launches.py with 1 to %d cases\n", path, MAX_CASES);
        fclose(f);
        return 1;
    }
    while (!failed && fgets(line, sizeof(line), f))
        if (read_row(line, pool->cases, values))
            failed = add_launch(pool, values);
    fclose(f);
    if (!failed && pool->launches == 0) {
        fprintf(stderr, "%s: no launch measured every case\n", path);
        failed = 1;
    }
    return failed;
}

static int draw(void *context, const bool *want, double *estimate)
{
    struct world *w = context;
    const int cases = w->pool->cases, launch = (int)(stats_uniform(&w->random) * w->pool->launches);

    for (int c = 0; c < cases; c++)
        if (want[c])
            estimate[c] = w->pool->estimates[launch * cases + c] +
                          (w->slowed == c || w->slowed == ALL_SLOWED ? w->shift : 0);
    w->launches++;
    return 0;
}

/* Takes each case's median over the recorded launches away from it. 0, or 1 without memory. */
static int centre(struct pool *pool)
{
    double *column = malloc((size_t)pool->launches * sizeof(*column));

    if (!column)
        return 1;
    for (int c = 0; c < pool->cases; c++) {
        for (int i = 0; i < pool->launches; i++)
            column[i] = pool->estimates[i * pool->cases + c];
        double median = stats_median(column, (size_t)pool->launches);
        for (int i = 0; i < pool->launches; i++)
            pool->estimates[i * pool->cases + c] -= median;
    }
    free(column);
    return 0;
}

struct tally {
    int caught;       /* gates that flagged the slowed case */
    int alarms;       /* gates that flagged a case that is not slower than the tolerance */
    int inconclusive; /* gates that ended with status 4 */
    int launches;
};

/* GATES simulated gates. One case is `percent` slower, each in turn, or all of them are. */
static int simulate(const struct pool *pool, const struct gate_rule *rule, double percent, bool all,
                    int gates, struct tally *tally)
{
    struct world w = {.pool = pool, .random = 1, .shift = log1p(percent / 100)};
    struct gate_state states[MAX_CASES];
    const bool too_slow = w.shift > rule->tolerance;

    *tally = (struct tally){0};
    for (int i = 0; i < gates; i++) {
        bool alarm = false;
        w.slowed = all ? ALL_SLOWED : i % pool->cases;
        if (gate_decide(rule, states, pool->cases, draw, &w))
            return 1;
        for (int c = 0; c < pool->cases; c++) {
            bool flagged = states[c].answer == ANSWER_REGRESSED;
            tally->caught += flagged && c == w.slowed && percent > 0;
            alarm |= flagged && !(too_slow && (all || c == w.slowed));
        }
        tally->alarms += alarm;
        tally->inconclusive += gate_status(states, pool->cases) == 4;
    }
    tally->launches = w.launches;
    return 0;
}

static int print_row(const char *conditions, const struct pool *pool, const struct gate_rule *rule,
                     double percent, bool all, int gates)
{
    struct tally tally;

    if (simulate(pool, rule, percent, all, gates, &tally))
        return 1;
    printf("%s,%d,%d,%g,%s,%g,%d,", conditions, pool->cases, pool->launches, 100 * expm1(rule->tolerance),
           percent == 0 ? "none"
           : all        ? "all"
                        : "one",
           percent, gates);
    if (percent > 0 && !all)
        printf("%.2f", 100.0 * tally.caught / gates);
    printf(",%.2f,%.2f,%.1f\n", 100.0 * tally.alarms / gates, 100.0 * tally.inconclusive / gates,
           (double)tally.launches / gates);
    return 0;
}

int main(int argc, char **argv)
{
    static const double slowdowns[] = {0, 1, 2, 3, 5};
    const struct gate_rule rule = {.tolerance = log1p(0.015), .alpha = 0.01, .quads = 32};
    const bool header = argc > 1 && strcmp(argv[1], "-H") == 0;
    char **arguments = argv + 1 + header;
    int count = argc - 1 - header, gates = count > 2 ? atoi(arguments[2]) : 10000, failed = 0;
    struct pool pool = {0};

    if (count < 2 || count > 3 || gates < 1) {
        fprintf(stderr, "usage: gate_power [-H] CONDITIONS LAUNCHES.csv [GATES]\n");
        return 2;
    }
    if (read_pool(&pool, arguments[1]))
        return 1;
    if (header)
        puts("conditions,cases,recorded_launches,tolerance_pct,slowed_cases,slowdown_pct,gates,caught_pct,"
             "false_alarm_pct,inconclusive_pct,launches");
    for (size_t i = 0; i < sizeof(slowdowns) / sizeof(slowdowns[0]); i++)
        failed |= print_row(arguments[0], &pool, &rule, slowdowns[i], false, gates);
    /* The hardest null: the true median of every case exactly as slow as is still acceptable. */
    failed |=
        centre(&pool) || print_row(arguments[0], &pool, &rule, 100 * expm1(rule.tolerance), true, gates);
    free(pool.estimates);
    return failed;
}
