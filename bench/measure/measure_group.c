/* SPDX-License-Identifier: MIT */
#include "measure/measure_group.h"

#include "base/crash.h"
#include "base/message.h"
#include "check/stats.h"
#include "check/verify.h"
#include "measure/breakdown.h"
#include "measure/launch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTER_PASS_NS 20000000.0

/* The distinct problems of a group with what they are computed from, shared by all their kernels. */
struct problems {
    size_t count;
    struct operands *ops;
};

static bool stopped(const struct group_context *ctx)
{
    return ctx->stop && *ctx->stop;
}

static void step(struct group_context *ctx, const struct group *group, const char *what, double done)
{
    if (ctx->progress)
        ctx->progress(ctx->progress_arg, group, what, done);
}

/* ---- verification -------------------------------------------------------------------------------- */

/* Makes the case ready and compares its result with the reference's once. */
static void verify_case(const struct group_context *ctx, struct case_result *c, const struct operands *ops,
                        int threads)
{
    struct workload w;
    struct oct_message msg = {""};
    bool wrong = false;
    int status;

    crash_note("%s; octbench verify with a config and --filter shows it again\n", c->bench_case->name);
    status = workload_make(&w, c->bench_case, ops, threads, ctx->stop, &msg);
    if (status) {
        group_settle_case(c, status, msg.text);
        return;
    }
    snprintf(c->impl, sizeof(c->impl), "%s", w.describe);
    c->tensor_bytes = w.tensor_bytes;
    c->scratch_bytes = w.scratch_bytes;
    status = w.kind->verify(&w, ops, &wrong, &msg);
    if (wrong) {
        c->status = CASE_WRONG;
        snprintf(c->reason, sizeof(c->reason), "%s: %s",
                 ops->fill == FILL_INTEGERS ? "on integers" : "on reals", msg.text);
    } else if (status) {
        group_settle_case(c, status, msg.text);
    }
    c->max_abs_err = w.max_abs_err;
    c->err_bound = w.err_bound;
    workload_free(&w);
}

/* All cases of one problem against operands of one kind; leaves the operands without the expected values. */
static void verify_problem(struct group_context *ctx, struct group_result *result,
                           const struct oct_problem *p, enum fill fill, struct operands *ops)
{
    const struct config *config = ctx->config;
    const struct oct_kernel *reference = config->check_against ? config->check_against : oct_kernels[0];
    struct oct_message msg = {""};
    int threads = result->group->threads;
    int status = operands_make(ops, p, fill, config->measure.seed, reference, threads, &msg);

    for (size_t i = 0; i < result->count && !stopped(ctx); i++) {
        struct case_result *c = &result->cases[i];

        if (c->status || !same_problem(&c->bench_case->problem, p))
            continue;
        if (status) {
            group_settle_case(c, OCT_ERROR, msg.text);
            continue;
        }
        if (c->bench_case->engine && result->group->cache != CACHE_WARM) {
            group_settle_case(c, OCT_UNSUPPORTED,
                              "the caches of another program cannot be emptied from here");
            continue;
        }
        verify_case(ctx, c, ops, threads);
        c->ops = ops;
    }
    operands_drop_expected(ops);
}

static int verify_group(struct group_context *ctx, struct group_result *result, struct problems *problems,
                        struct oct_message *msg)
{
    problems->ops = calloc(result->count + 1, sizeof(*problems->ops));
    if (!problems->ops)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for the operands of a group");
    for (size_t i = 0; i < result->count && !stopped(ctx); i++) {
        const struct oct_problem *p = &result->cases[i].bench_case->problem;
        struct operands integers;
        bool seen = false;

        for (size_t j = 0; j < i && !seen; j++)
            seen = same_problem(&result->cases[j].bench_case->problem, p);
        if (seen)
            continue;
        step(ctx, result->group, "verify", 0.2 * (double)i / (double)result->count);
        verify_problem(ctx, result, p, FILL_INTEGERS, &integers);
        operands_free(&integers);
        verify_problem(ctx, result, p, FILL_REALS, &problems->ops[problems->count++]);
    }
    return OCT_OK;
}

static void problems_free(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        operands_free(&problems->ops[i]);
    free(problems->ops);
}

/* ---- after the rounds ---------------------------------------------------------------------------- */

static double contender_median(const struct contender *c, int rounds)
{
    double *series = malloc((size_t)(rounds + 1) * sizeof(*series)), median = NAN;

    if (series) {
        rounds_series(c, rounds, series);
        median = stats_median_present(series, (size_t)rounds);
    }
    free(series);
    return median;
}

static void count_case(struct group_context *ctx, struct case_result *c, const struct prepared *prepared,
                       double median_ns)
{
    int passes = counters_passes(ctx->counters), threads = prepared->info->threads;
    const struct counter_value *values;

    c->counter_iters = median_ns > 0 ? (long)(COUNTER_PASS_NS / median_ns) + 1 : 1;
    for (int pass = 0; pass < passes; pass++) {
        (void)oct_execute(prepared->plan, &prepared->io);
        if (counters_start(ctx->counters, pass, threads))
            return;
        for (long i = 0; i < c->counter_iters; i++)
            (void)oct_execute(prepared->plan, &prepared->io);
        if (counters_stop(ctx->counters))
            return;
    }
    counters_work(ctx->counters, (double)oct_macs(&prepared->problem) * (double)c->counter_iters);
    c->counter_count = counters_values(ctx->counters, &values);
    c->counters = malloc((c->counter_count + 1) * sizeof(*values));
    if (c->counters)
        memcpy(c->counters, values, c->counter_count * sizeof(*values));
    else
        c->counter_count = 0;
}

static void look_inside(struct group_context *ctx, struct group_result *result, struct lineup *lineup)
{
    for (size_t i = 0; i < lineup->count && !stopped(ctx); i++) {
        struct case_result *c = &result->cases[lineup->case_of[i]];
        double median = contender_median(&lineup->contenders[i], result->rounds);

        step(ctx, result->group, "look inside", 0.9 + 0.1 * (double)i / (double)lineup->count);
        if (lineup->contenders[i].status)
            continue;
        if (!lineup->workloads[i].layer.plan)
            continue;
        if (result->group->cache == CACHE_WARM)
            c->part_count = breakdown_take(&ctx->sampler, &lineup->workloads[i], c->ops, median, c->parts);
        if (ctx->counters)
            count_case(ctx, c, &lineup->workloads[i].layer, median);
    }
}

/* In this process, or in as many fresh ones as the config asks for. */
static int run_launches(struct group_context *ctx, struct group_result *result, struct lineup *lineup,
                        struct oct_message *msg)
{
    int launches = ctx->config->measure.launches, status = OCT_OK;

    for (int i = 0; i < launches && !status && !stopped(ctx); i++) {
        step(ctx, result->group, "measure", 0.3 + 0.6 * i / launches);
        if (launches > 1)
            status = launch_measure(ctx, result, lineup, i, msg);
        else if (lineup_run(ctx, result, lineup))
            status = message_fail(msg, OCT_NO_MEMORY, "no memory for the samples");
        result->launch_end[result->launches++] = result->rounds;
    }
    return status;
}

static int measure_lineup(struct group_context *ctx, struct group_result *result, struct lineup *lineup,
                          struct oct_message *msg)
{
    bool here = ctx->config->measure.launches == 1;
    int status;

    if (here)
        lineup_prepare(ctx, lineup, result);
    else
        topology_unbind(ctx->topology); /* a fresh process inherits where this thread may run */
    status = run_launches(ctx, result, lineup, msg);
    if (!here && !status)
        status = topology_bind_team(ctx->topology, &ctx->config->affinity, result->group->threads,
                                    result->bound, msg);
    if (!here && !status && !stopped(ctx))
        lineup_prepare(ctx, lineup, result);
    lineup_settle(lineup, result);
    if (!status)
        look_inside(ctx, result, lineup);
    lineup_release(lineup);
    result->kept_disturbed = rounds_keep_if_most_disturbed(lineup->contenders, lineup->count, result->rounds);
    result->disturbed = rounds_disturbed(lineup->contenders, lineup->count, result->rounds,
                                         DISTURBED_STEAL | DISTURBED_APART);
    result->stolen = rounds_disturbed(lineup->contenders, lineup->count, result->rounds, DISTURBED_STEAL);
    result->apart = rounds_disturbed(lineup->contenders, lineup->count, result->rounds, DISTURBED_APART);
    for (size_t i = 0; i < lineup->count; i++) {
        struct case_result *c = &result->cases[lineup->case_of[i]];

        c->contender = lineup->contenders[i];
        lineup->contenders[i] = (struct contender){0};
    }
    return status;
}

/* The ceilings of a team, once for each thread count; all NAN where they cannot be had. Without memory to
 * keep them in, ctx->peaks has none for this team. */
static void measure_peaks(struct group_context *ctx, int threads)
{
    struct peaks none = {threads, NAN, NAN, NAN, NAN, NAN, NAN, NAN}, *grown;
    struct oct_message msg;

    for (size_t i = 0; i < ctx->peak_count; i++)
        if (ctx->peaks[i].threads == threads)
            return;
    grown = realloc(ctx->peaks, (ctx->peak_count + 1) * sizeof(*grown));
    if (!grown)
        return;
    ctx->peaks = grown;
    if (peaks_measure(&grown[ctx->peak_count], threads, &msg))
        grown[ctx->peak_count] = none;
    ctx->peak_count++;
}

/* A group that does not fit is skipped and says so, rather than be killed half way by the system. */
static bool fits(const struct group_context *ctx, struct group_result *result)
{
    struct machine machine;
    uint64_t need = 0;

    for (size_t i = 0; i < result->count; i++)
        need += (ctx->config->measure.launches > 1 ? 2 : 1) * /* the launch has its own */
                    operands_bytes(&result->cases[i].bench_case->problem) +
                prepared_bytes(&result->cases[i].bench_case->problem);
    topology_machine(ctx->topology, &machine);
    if (machine.memory_available < 0 || need <= (uint64_t)machine.memory_available)
        return true;
    for (size_t i = 0; i < result->count; i++) {
        result->cases[i].status = CASE_SKIPPED;
        snprintf(result->cases[i].reason, sizeof(result->cases[i].reason),
                 "the group needs %.2f GB of memory, but only %.2f GB are available", (double)need / 1e9,
                 (double)machine.memory_available / 1e9);
    }
    return false;
}

/* A team that OpenMP may not start, or that would take minutes to say nothing, is no group to measure. */
static bool team_fits(const struct group_context *ctx, struct group_result *result)
{
    int threads = result->group->threads, largest = topology_largest_team(ctx->topology);

    if (threads <= largest)
        return true;
    for (int t = 0; t < threads; t++)
        result->bound[t] = -1;
    for (size_t i = 0; i < result->count; i++) {
        result->cases[i].status = CASE_SKIPPED;
        snprintf(result->cases[i].reason, sizeof(result->cases[i].reason),
                 "%d threads, but at most %d can be timed here (OMP_THREAD_LIMIT, and 16 a processor)",
                 threads, largest);
    }
    return false;
}

/* How many distinct processors the team runs on; as many as threads where they are not bound. */
static int units_of(const struct group_result *result)
{
    int threads = result->group->threads, units = 0;

    for (int i = 0; i < threads; i++) {
        bool seen = false;

        for (int j = 0; j < i && result->bound[i] >= 0 && !seen; j++)
            seen = result->bound[j] == result->bound[i];
        units += !seen;
    }
    return units;
}

static bool any_ok(const struct group_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        if (result->cases[i].status == CASE_OK)
            return true;
    return false;
}

int group_measure(struct group_context *ctx, const struct group *group, struct group_result *out,
                  bool *interrupted, struct oct_message *msg)
{
    struct problems problems = {0};
    struct lineup lineup = {0};
    int status;

    memset(out, 0, sizeof(*out));
    *interrupted = false;
    out->group = group;
    out->count = group->count;
    out->cases = calloc(group->count + 1, sizeof(*out->cases));
    if (!out->cases)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for a group of %zu cases", group->count);
    for (size_t i = 0; i < group->count; i++) {
        out->cases[i].bench_case = &group->cases[i];
        out->cases[i].max_abs_err = out->cases[i].err_bound = NAN;
    }
    if (!team_fits(ctx, out))
        return OCT_OK;
    status = topology_bind_team(ctx->topology, &ctx->config->affinity, group->threads, out->bound, msg);
    if (status)
        goto done;
    out->units = units_of(out);
    (void)sample_settle();
    if (fits(ctx, out))
        status = verify_group(ctx, out, &problems, msg);
    crash_note("the timed rounds of %s/%s, %d threads\n", group->suite, group->layer, group->threads);
    if (!status)
        status = lineup_make(&lineup, out, ctx->config->measure.seed, 0, msg);
    if (status || stopped(ctx))
        goto done;
    if (any_ok(out)) {
        measure_peaks(ctx, group->threads);
        status = measure_lineup(ctx, out, &lineup, msg);
    }
done:
    *interrupted = stopped(ctx);
    lineup_free(&lineup);
    problems_free(&problems);
    return status;
}
