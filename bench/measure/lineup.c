/* SPDX-License-Identifier: MIT */
#include "measure/lineup.h"

#include "base/message.h"
#include "check/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A resumed run draws as an undisturbed one does, and every launch draws anew. */
static uint64_t draw_from(uint64_t seed, const struct group *group, int launch)
{
    for (const char *id = group->id; *id; id++)
        seed = seed * 31 + (unsigned char)*id;
    return seed * 31 + (uint64_t)launch;
}

int lineup_make(struct lineup *lineup, struct group_result *result, uint64_t seed, int launch,
                struct oct_message *msg)
{
    size_t room = result->count + 1;

    lineup->launch = launch;
    lineup->rng = draw_from(seed, result->group, launch);
    lineup->case_of = calloc(room, sizeof(*lineup->case_of));
    lineup->workloads = calloc(room, sizeof(*lineup->workloads));
    lineup->contenders = calloc(room, sizeof(*lineup->contenders));
    if (!lineup->case_of || !lineup->workloads || !lineup->contenders)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for a group");
    for (size_t i = 0; i < result->count; i++)
        if (result->cases[i].status == CASE_OK)
            lineup->case_of[lineup->count++] = i;
    return OCT_OK;
}

void lineup_release(struct lineup *lineup)
{
    for (size_t i = 0; i < lineup->count; i++)
        workload_free(&lineup->workloads[i]);
}

void lineup_free(struct lineup *lineup)
{
    for (size_t i = 0; lineup->contenders && i < lineup->count; i++)
        contender_free(&lineup->contenders[i]);
    free(lineup->case_of);
    free(lineup->workloads);
    free(lineup->contenders);
}

void lineup_prepare(struct group_context *ctx, struct lineup *lineup, struct group_result *result)
{
    int *order = malloc((lineup->count + 1) * sizeof(*order));

    for (size_t i = 0; order && i < lineup->count; i++)
        order[i] = (int)i;
    if (order)
        stats_shuffle(&lineup->rng, order, (int)lineup->count);
    for (size_t i = 0; i < lineup->count; i++) {
        size_t at = order ? (size_t)order[i] : i;
        struct case_result *c = &result->cases[lineup->case_of[at]];
        struct contender *contender = &lineup->contenders[at];
        struct oct_message msg = {""};
        int status;

        contender->workload = &lineup->workloads[at];
        if (contender->status)
            continue;
        status = workload_make(&lineup->workloads[at], c->bench_case, c->ops, result->group->threads,
                               ctx->stop, &msg);
        contender->status = status;
        if (status)
            group_settle_case(c, status, msg.text);
        c->plan_ns = lineup->workloads[at].plan_ns;
    }
    free(order);
}

void lineup_settle(struct lineup *lineup, struct group_result *result)
{
    for (size_t i = 0; i < lineup->count; i++) {
        struct case_result *c = &result->cases[lineup->case_of[i]];
        struct contender *contender = &lineup->contenders[i];
        const struct workload *w = &lineup->workloads[i];
        struct oct_message msg = {"execute failed while it was being timed"};

        if (c->status != CASE_OK)
            continue;
        if (contender->status && w->failure.text[0])
            msg = w->failure;
        else if (!contender->status && w->kind && w->kind->judge)
            contender->status = w->kind->judge(w, &msg);
        if (contender->status)
            group_settle_case(c, OCT_ERROR, msg.text);
    }
}

static double narrowness(struct interval i)
{
    double half = (i.high - i.low) / 2 / i.mid;

    return isnan(half) ? INFINITY : half;
}

/* The widest relative half-width among the intervals that the group publishes: of each speedup over the
 * fastest vanilla case, and of that case's own median. */
static double widest_interval(const struct lineup *lineup, const struct group_result *result, int rounds)
{
    double *base = malloc((size_t)(rounds + 1) * sizeof(*base)),
           *series = malloc((size_t)(rounds + 1) * sizeof(*series));
    double fastest = INFINITY, widest = 0;

    for (size_t i = 0; base && series && i < lineup->count; i++) {
        rounds_series(&lineup->contenders[i], rounds, series);
        double median = stats_median_present(series, (size_t)rounds);
        if (!result->cases[lineup->case_of[i]].bench_case->vanilla || !(median < fastest))
            continue;
        fastest = median;
        memcpy(base, series, (size_t)rounds * sizeof(*base));
        widest = narrowness(stats_present_interval(series, (size_t)rounds, CONFIDENCE));
    }
    for (size_t i = 0; base && series && isfinite(fastest) && i < lineup->count; i++) {
        rounds_series(&lineup->contenders[i], rounds, series);
        widest = fmax(widest, narrowness(stats_paired_speedup(base, series, (size_t)rounds, CONFIDENCE)));
    }
    free(base);
    free(series);
    return widest;
}

int lineup_run(struct group_context *ctx, struct group_result *result, struct lineup *lineup)
{
    const struct measure_settings *m = &ctx->config->measure;
    const struct rounds_settings settings = {.cache = result->group->cache,
                                             .threads = result->group->threads,
                                             .sample_ns =
                                                 m->min_time_ns / (uint64_t)(m->rounds > 0 ? m->rounds : 1),
                                             .max_time_ns = m->max_time_ns,
                                             .random_order = m->random_order,
                                             .max_steal = m->max_steal,
                                             .launch = lineup->launch,
                                             .stop = ctx->stop};
    int first = result->rounds, last = first + m->rounds, reached;

    rounds_warm_up(lineup->contenders, lineup->count, &settings);
    for (;;) {
        reached = rounds_run(lineup->contenders, lineup->count, &settings, first, last, &ctx->sampler,
                             &lineup->rng);
        if (reached < 0)
            return OCT_NO_MEMORY;
        result->rounds = reached;
        if (reached < last || !(m->precision > 0) || widest_interval(lineup, result, reached) <= m->precision)
            return OCT_OK;
        first = last;
        last += (m->rounds + 1) / 2;
    }
}
