/* SPDX-License-Identifier: MIT */
/*
 * How often the gate is wrong, and how often it is right: its own decision code on launches resampled from
 * recorded ones (octbench aa --quads-csv FILE). A manual tool, which wrote the table of docs/ci.md:
 *   gate_power FILE [TOLERANCE_PERCENT [RUNS]]
 * A launch is resampled whole, so that cases disturbed together stay together. Nothing is centred: what bias
 * the machine had stays in.
 */
#include "verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CASES 64
#define MAX_NAME  128
#define MAX_QUADS 4096

struct pool {
    char name[MAX_CASES][MAX_NAME];
    int cases, launches;
    double (*estimate)[MAX_CASES]; /* a row a recorded launch; NAN where it did not measure the case */
};

struct world {
    const struct pool *pool;
    uint64_t random;
    int slowed;
    double shift;
    int launches;
};

static int find_case(struct pool *pool, const char *name)
{
    for (int i = 0; i < pool->cases; i++)
        if (strcmp(pool->name[i], name) == 0)
            return i;
    if (pool->cases == MAX_CASES)
        return -1;
    snprintf(pool->name[pool->cases], MAX_NAME, "%s", name);
    return pool->cases++;
}

/* Closes the launch under way: medians of its quads become a row. */
static int close_launch(struct pool *pool, double quads[][MAX_QUADS], int *used)
{
    void *grown = realloc(pool->estimate, ((size_t)pool->launches + 1) * sizeof(*pool->estimate));

    if (!grown)
        return 1;
    pool->estimate = grown;
    for (int c = 0; c < MAX_CASES; c++) {
        pool->estimate[pool->launches][c] = stats_median(quads[c], (size_t)used[c]);
        used[c] = 0;
    }
    pool->launches++;
    return 0;
}

static int read_pool(struct pool *pool, const char *path)
{
    static double quads[MAX_CASES][MAX_QUADS];
    int used[MAX_CASES] = {0}, run, launch, last = -1;
    char line[512], name[MAX_NAME];
    double ratio;
    FILE *f = fopen(path, "r");

    if (!f) {
        perror(path);
        return 1;
    }
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%d,%d,\"%127[^\"]\",%lf", &run, &launch, name, &ratio) != 4)
            continue;
        if (launch != last && last >= 0 && close_launch(pool, quads, used))
            break;
        last = launch;
        int c = find_case(pool, name);
        if (c >= 0 && used[c] < MAX_QUADS)
            quads[c][used[c]++] = ratio;
    }
    fclose(f);
    return last < 0 || close_launch(pool, quads, used);
}

/* Only launches that measured every case are drawn from. */
static bool whole(const struct pool *pool, int launch)
{
    for (int c = 0; c < pool->cases; c++)
        if (isnan(pool->estimate[launch][c]))
            return false;
    return true;
}

static int draw(void *context, const bool *want, double *estimate)
{
    struct world *w = context;
    int launch;

    do
        launch = (int)(stats_uniform(&w->random) * w->pool->launches);
    while (!whole(w->pool, launch));
    for (int c = 0; c < w->pool->cases; c++)
        if (want[c])
            estimate[c] = w->pool->estimate[launch][c] + (c == w->slowed ? w->shift : 0);
    w->launches++;
    return 0;
}

static void row(const struct pool *pool, const struct gate_rule *rule, double percent, int runs)
{
    struct world w = {.pool = pool, .random = 1, .shift = log1p(percent / 100)};
    struct gate_state states[MAX_CASES];
    int caught = 0, wrong = 0, inconclusive = 0;

    for (int i = 0; i < runs; i++) {
        bool others = false;
        w.slowed = i % pool->cases;
        if (gate_decide(rule, states, pool->cases, draw, &w))
            return;
        for (int c = 0; c < pool->cases; c++)
            others |= (c != w.slowed || percent == 0) && states[c].answer == ANSWER_REGRESSED;
        caught += percent > 0 && states[w.slowed].answer == ANSWER_REGRESSED;
        wrong += others;
        inconclusive += gate_status(states, pool->cases) == 4;
    }
    printf("| %g%% | ", percent);
    if (percent > 0)
        printf("%.1f%%", 100.0 * caught / runs);
    else
        printf("-");
    printf(" | %.2f%% | %.1f%% | %.1f |\n", 100.0 * wrong / runs, 100.0 * inconclusive / runs,
           (double)w.launches / runs);
}

int main(int argc, char **argv)
{
    static const double slowdowns[] = {0, 1, 2, 3, 5};
    struct pool pool = {0};
    double tolerance = argc > 2 ? atof(argv[2]) : 1.5;
    int runs = argc > 3 ? atoi(argv[3]) : 10000, recorded = 0;
    struct gate_rule rule = {.tolerance = log1p(tolerance / 100), .alpha = 0.01, .quads = 32};

    if (argc < 2) {
        fprintf(stderr, "usage: gate_power FILE [TOLERANCE_PERCENT [RUNS]]\n");
        return 2;
    }
    if (read_pool(&pool, argv[1]))
        return 1;
    for (int i = 0; i < pool.launches; i++)
        recorded += whole(&pool, i);
    if (recorded == 0) {
        fprintf(stderr, "%s: no launch measured every case\n", argv[1]);
        return 1;
    }
    printf("%s: %d cases, %d recorded launches; tolerance %g%%, %d simulated gates a row\n\n", argv[1],
           pool.cases, recorded, tolerance, runs);
    printf("| slowdown of one case | caught | another case flagged | inconclusive | launches |\n"
           "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof(slowdowns) / sizeof(slowdowns[0]); i++)
        row(&pool, &rule, slowdowns[i], runs);
    free(pool.estimate);
    return 0;
}
