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

int field_make(struct field *field, struct group_result *result, uint64_t seed, int launch,
               struct oct_message *msg)
{
    size_t room = result->count + 1;

    field->launch = launch;
    field->rng = draw_from(seed, result->group, launch);
    field->case_of = calloc(room, sizeof(*field->case_of));
    field->prepared = calloc(room, sizeof(*field->prepared));
    field->contenders = calloc(room, sizeof(*field->contenders));
    if (!field->case_of || !field->prepared || !field->contenders)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for a group");
    for (size_t i = 0; i < result->count; i++)
        if (result->cases[i].status == CASE_OK)
            field->case_of[field->count++] = i;
    return OCT_OK;
}

void field_release(struct field *field)
{
    for (size_t i = 0; i < field->count; i++)
        if (field->prepared[i].plan)
            prepared_free(&field->prepared[i]);
}

void field_free(struct field *field)
{
    for (size_t i = 0; field->contenders && i < field->count; i++)
        contender_free(&field->contenders[i]);
    free(field->case_of);
    free(field->prepared);
    free(field->contenders);
}

void field_prepare(struct field *field, struct group_result *result)
{
    int *order = malloc((field->count + 1) * sizeof(*order));

    for (size_t i = 0; order && i < field->count; i++)
        order[i] = (int)i;
    if (order)
        stats_shuffle(&field->rng, order, (int)field->count);
    for (size_t i = 0; i < field->count; i++) {
        size_t at = order ? (size_t)order[i] : i;
        struct case_result *c = &result->cases[field->case_of[at]];
        struct contender *contender = &field->contenders[at];
        struct oct_message msg = {""};
        int status;

        contender->prepared = &field->prepared[at];
        if (contender->status)
            continue;
        status =
            prepared_make(&field->prepared[at], c->bench_case->kernel, c->ops, result->group->threads, &msg);
        contender->status = status;
        if (status)
            group_settle_case(c, status, msg.text);
        c->plan_ns = field->prepared[at].plan_ns;
    }
    free(order);
}

static double narrowness(struct interval i)
{
    double half = (i.high - i.low) / 2 / i.mid;

    return isnan(half) ? INFINITY : half;
}

/* The widest relative half-width among the intervals that the group publishes: of each speedup over the
 * fastest vanilla case, and of that case's own median. */
static double widest_interval(const struct field *field, const struct group_result *result, int rounds)
{
    double *base = malloc((size_t)(rounds + 1) * sizeof(*base)),
           *series = malloc((size_t)(rounds + 1) * sizeof(*series));
    double fastest = INFINITY, widest = 0;

    for (size_t i = 0; base && series && i < field->count; i++) {
        rounds_series(&field->contenders[i], rounds, series);
        double median = stats_median_present(series, (size_t)rounds);
        if (!result->cases[field->case_of[i]].bench_case->vanilla || !(median < fastest))
            continue;
        fastest = median;
        memcpy(base, series, (size_t)rounds * sizeof(*base));
        widest = narrowness(stats_present_interval(series, (size_t)rounds, CONFIDENCE));
    }
    for (size_t i = 0; base && series && isfinite(fastest) && i < field->count; i++) {
        rounds_series(&field->contenders[i], rounds, series);
        widest = fmax(widest, narrowness(stats_paired_speedup(base, series, (size_t)rounds, CONFIDENCE)));
    }
    free(base);
    free(series);
    return widest;
}

int field_run(struct group_context *ctx, struct group_result *result, struct field *field)
{
    const struct measure_settings *m = &ctx->config->measure;
    const struct rounds_settings settings = {.cache = result->group->cache,
                                             .threads = result->group->threads,
                                             .sample_ns =
                                                 m->min_time_ns / (uint64_t)(m->rounds > 0 ? m->rounds : 1),
                                             .max_time_ns = m->max_time_ns,
                                             .random_order = m->random_order,
                                             .max_steal = m->max_steal,
                                             .launch = field->launch,
                                             .stop = ctx->stop};
    int first = result->rounds, last = first + m->rounds, reached;

    rounds_warm_up(field->contenders, field->count, &settings);
    for (;;) {
        reached =
            rounds_run(field->contenders, field->count, &settings, first, last, &ctx->sampler, &field->rng);
        if (reached < 0)
            return OCT_NO_MEMORY;
        result->rounds = reached;
        if (reached < last || !(m->precision > 0) || widest_interval(field, result, reached) <= m->precision)
            return OCT_OK;
        first = last;
        last += (m->rounds + 1) / 2;
    }
}
