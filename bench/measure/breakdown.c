/* SPDX-License-Identifier: MIT */
#include "measure/breakdown.h"

#include "base/csv.h"
#include "base/timer.h"
#include "check/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A breakdown takes at most this long, and tells nothing from fewer repetitions than the least. */
#define BUDGET_NS     500000000.0
#define MOST_REPEATS  15
#define LEAST_REPEATS 3
#define LEAVE_OUT_NS  1000000u
#define MAX_LEFT_OUT  (OCT_MAX_BANDS * OCT_MAX_BANDS)

static int repeats_within_budget(double each_ns)
{
    double repeats = BUDGET_NS / (each_ns + 1);

    return repeats > MOST_REPEATS ? MOST_REPEATS : (int)repeats;
}

/* Multiply-adds of the paths in a name such as "ll+hl"; EMPTY_INT where it names none. */
static int64_t macs_of_part(const struct oct_problem *p, const char *name)
{
    int64_t macs = EMPTY_INT;

    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++) {
            char path[4], between[32], wanted[8];

            oct_path_name(p, from, to, path);
            snprintf(between, sizeof(between), "+%s+", name);
            snprintf(wanted, sizeof(wanted), "+%s+", path);
            if (oct_path_exists(p, from, to) && strstr(between, wanted))
                macs = (macs == EMPTY_INT ? 0 : macs) + (int64_t)oct_path_get(p, from, to).macs;
        }
    return macs;
}

/* What the parts leave unexplained; negative where looking at the clock itself cost time. */
static int add_other(struct part *parts, int count, double whole_ns)
{
    double explained = 0;

    for (int i = 0; i < count; i++) {
        explained += parts[i].ns;
        parts[i].share = parts[i].ns / whole_ns;
    }
    parts[count].ns = whole_ns - explained;
    parts[count].share = parts[count].ns / whole_ns;
    parts[count].macs = EMPTY_INT;
    snprintf(parts[count].name, sizeof(parts[count].name), "other");
    return count + 1;
}

static double profile_ns(const struct oct_profile *profile)
{
    double sum = 0;

    for (int i = 0; i < profile->count; i++)
        sum += (double)profile->part[i].ns;
    return sum;
}

/* Plain and profiled executes in turn, so that both see the same machine, and the quietest of each: where
 * others preempt, a whole is hit more often than a part, so that medians would not add up. Returns the number
 * of parts. */
static int by_profile(const struct prepared *prepared, double whole_ns, struct part *parts)
{
    int repeats = repeats_within_budget(2 * whole_ns);
    double plain_ns = INFINITY;
    struct oct_profile profile, quietest = {0};
    struct oct_io io = prepared->io;

    if (repeats < LEAST_REPEATS || oct_execute(prepared->plan, &io))
        return 0;
    for (int r = 0; r < repeats; r++) {
        uint64_t start = timer_now_ns();

        io.profile = NULL;
        if (oct_execute(prepared->plan, &io))
            return 0;
        plain_ns = fmin(plain_ns, (double)(timer_now_ns() - start));
        memset(&profile, 0, sizeof(profile));
        io.profile = &profile;
        if (oct_execute(prepared->plan, &io))
            return 0;
        if (r == 0 || profile_ns(&profile) < profile_ns(&quietest))
            quietest = profile;
    }
    for (int i = 0; i < quietest.count; i++) {
        snprintf(parts[i].name, sizeof(parts[i].name), "%s", quietest.part[i].name);
        parts[i].ns = (double)quietest.part[i].ns;
        parts[i].macs = macs_of_part(&prepared->problem, quietest.part[i].name);
    }
    return quietest.count ? add_other(parts, quietest.count, plain_ns) : 0;
}

/* The same layer without one of its paths. The copy of the operands shares the tensors. */
static bool prepare_without(struct workload *out, const struct prepared *whole, const struct operands *ops,
                            int from, int to)
{
    struct operands without = *ops;
    struct prepared layer;
    struct oct_message msg;

    without.problem.paths &= ~OCT_PATH_BIT(from, to);
    without.weights.path[from][to] = NULL;
    if (prepared_make(&layer, whole->kernel, &without, whole->info->threads, &msg))
        return false;
    *out = workload_of_layer(&layer);
    return true;
}

static double paired_difference(const struct contender *a, const struct contender *b, int rounds)
{
    double x[MOST_REPEATS], y[MOST_REPEATS];

    rounds_series(a, rounds, x);
    rounds_series(b, rounds, y);
    for (int i = 0; i < rounds; i++)
        x[i] -= y[i];
    return stats_median(x, (size_t)rounds);
}

static int by_leaving_out(struct sampler *sampler, struct workload *whole, const struct operands *ops,
                          double whole_ns, struct part *parts)
{
    const struct rounds_settings settings = {.cache = CACHE_WARM,
                                             .sample_ns = LEAVE_OUT_NS,
                                             .max_time_ns = UINT64_MAX,
                                             .random_order = true,
                                             .max_steal = INFINITY};
    const struct oct_problem *p = &whole->layer.problem;
    struct workload without[MAX_LEFT_OUT];
    struct contender contenders[MAX_LEFT_OUT + 1] = {{.workload = whole}};
    int paths = 0, count = 0, rounds;
    uint64_t rng = ops->seed;
    double plain[MOST_REPEATS];

    for (int i = 0; i < p->bands * p->bands; i++)
        paths += oct_path_exists(p, i / p->bands, i % p->bands);
    rounds = repeats_within_budget((paths + 1) * fmax(2 * whole_ns, LEAVE_OUT_NS));
    if (paths < 2 || rounds < LEAST_REPEATS)
        return 0;
    for (int i = 0; i < p->bands * p->bands; i++) {
        int from = i / p->bands, to = i % p->bands;
        char name[4];

        if (!oct_path_exists(p, from, to))
            continue;
        if (!prepare_without(&without[count], &whole->layer, ops, from, to))
            goto done;
        snprintf(parts[count].name, sizeof(parts[count].name), "%s", oct_path_name(p, from, to, name));
        parts[count].macs = (int64_t)oct_path_get(p, from, to).macs;
        contenders[count + 1].workload = &without[count];
        count++;
    }
    rounds_warm_up(contenders, (size_t)count + 1, &settings);
    if (rounds_run(contenders, (size_t)count + 1, &settings, 0, rounds, sampler, &rng) != rounds)
        goto done;
    for (int i = 0; i < count; i++)
        parts[i].ns = paired_difference(&contenders[0], &contenders[i + 1], rounds);
    rounds_series(&contenders[0], rounds, plain);
    whole_ns = stats_median(plain, (size_t)rounds);
    paths = 0;
done:
    for (int i = 0; i < count; i++)
        workload_free(&without[i]);
    for (int i = 0; i <= count; i++)
        contender_free(&contenders[i]);
    return paths ? 0 : add_other(parts, count, whole_ns);
}

int breakdown_take(struct sampler *sampler, struct workload *layer, const struct operands *ops,
                   double whole_ns, struct part parts[MAX_PARTS])
{
    if (!(whole_ns > 0))
        return 0;
    if (layer->layer.kernel->profiles)
        return by_profile(&layer->layer, whole_ns, parts);
    return by_leaving_out(sampler, layer, ops, whole_ns, parts);
}
