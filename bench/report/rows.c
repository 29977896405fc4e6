/* SPDX-License-Identifier: MIT */
/* Columns: reports/README.md. */
#define _GNU_SOURCE
#include "report/rows.h"

#include "base/message.h"
#include "check/stats.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SET(cell, text) set_text(cell, sizeof(cell), text)

static void set_text(char *cell, size_t size, const char *text)
{
    snprintf(cell, size, "%s", text);
}

static void add_text(char *cell, size_t size, const char *separator, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_text(char *cell, size_t size, const char *separator, const char *format, ...)
{
    size_t used = strlen(cell);
    va_list args;

    if (used && used + strlen(separator) < size)
        used += (size_t)snprintf(cell + used, size - used, "%s", separator);
    va_start(args, format);
    vsnprintf(cell + used, size - used, format, args);
    va_end(args);
}

/* ---- what the config says ------------------------------------------------------------------------ */

static void list_paths(const struct oct_problem *p, char *cell, size_t size)
{
    bool all = true;
    char name[4];

    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            all &= (p->paths & OCT_PATH_BIT(from, to)) != 0;
    if (all) {
        set_text(cell, size, "all");
        return;
    }
    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            if (oct_path_exists(p, from, to))
                add_text(cell, size, "+", "%s", oct_path_name(p, from, to, name));
    if (!*cell)
        set_text(cell, size, "none");
}

/* The pattern of a regular expression that matches the name and nothing else. */
static void quote_pattern(const char *name, char *to, size_t size)
{
    size_t used = 0;

    for (; *name && used + 3 < size; name++) {
        if (strchr(".[]()*+?{}|^$\\", *name))
            to[used++] = '\\';
        to[used++] = *name;
    }
    to[used] = '\0';
}

/* A word that a shell reads as it is. */
static void quote_word(const char *word, char *to, size_t size)
{
    size_t used = 0;

    if (!word[strcspn(word, " \t\n'\"\\$`&;|<>()*?[]#~!{}^")]) {
        set_text(to, size, word);
        return;
    }
    to[used++] = '\'';
    for (; *word && used + 6 < size; word++) {
        if (*word == '\'')
            used += (size_t)snprintf(to + used, size - used, "'\\''");
        else
            to[used++] = *word;
    }
    to[used++] = '\'';
    to[used] = '\0';
}

static void rerun_command(const struct group_context *ctx, const struct bench_case *c, char *cell,
                          size_t size)
{
    char pattern[320], anchored[328], filter[360], path[200];

    quote_pattern(c->name, pattern, sizeof(pattern));
    snprintf(anchored, sizeof(anchored), "^%s$", pattern);
    quote_word(anchored, filter, sizeof(filter));
    quote_word(ctx->config->path, path, sizeof(path));
    int length = snprintf(cell, size, "octbench run %s --filter %s%s%s", path, filter,
                          ctx->isa ? " --isa " : "", ctx->isa ? ctx->isa : "");

    if (length >= (int)size) /* half a command is worse than none */
        *cell = '\0';
}

static void list_pads(const struct oct_problem *p, char *cell, size_t size)
{
    static const char *const sides[] = {"pad_front",  "pad_back", "pad_top",
                                        "pad_bottom", "pad_left", "pad_right"};
    char text[24];

    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
        add_text(cell, size, "/", "%s", oct_field_text(oct_field_find(sides[i]), p, text, sizeof(text)));
}

static void describe_problem(const struct oct_problem *p, struct result_row *row)
{
    struct oct_problem vanilla = oct_problem_vanilla(p);

    row->n = p->n, row->d = p->d, row->h = p->h, row->w = p->w;
    row->kd = p->kd, row->kh = p->kh, row->kw = p->kw;
    row->stride = p->stride_h;
    row->stride_d = p->stride_d, row->stride_h = p->stride_h, row->stride_w = p->stride_w;
    list_pads(p, row->pads, sizeof(row->pads));
    row->dilation = p->dilation_h;
    row->bands = p->bands;
    SET(row->pad, "same");
    if (p->pad_top != OCT_PAD_SAME)
        snprintf(row->pad, sizeof(row->pad), "%d", p->pad_top);
    SET(row->groups, "depthwise");
    if (p->groups != OCT_GROUPS_DEPTHWISE)
        snprintf(row->groups, sizeof(row->groups), "%d", p->groups);
    snprintf(row->down, sizeof(row->down), "%s%s", p->down == OCT_DOWN_POOL ? "pool" : "strided",
             p->stride_order == OCT_STRIDE_POOL_FIRST ? "+first" : "");
    list_paths(p, row->paths, sizeof(row->paths));
    SET(row->dtype, oct_dtype_name(p->types.src));
    oct_field_text(oct_field_find("epilogue"), p, row->epilogue, sizeof(row->epilogue));
    row->macs = (int64_t)oct_macs(p);
    row->macs_vanilla = (int64_t)oct_macs(&vanilla);
    row->act_bytes = (int64_t)oct_act_bytes(p);
    row->act_bytes_vanilla = (int64_t)oct_act_bytes(&vanilla);
    row->weight_bytes = (int64_t)oct_weight_bytes(p);
    row->theory_speedup = oct_theory_speedup(p);
}

static void describe_case(const struct group_context *ctx, const struct group *group,
                          const struct bench_case *c, struct result_row *row)
{
    result_row_clear(row);
    row->schema = RESULTS_SCHEMA;
    SET(row->run_id, ctx->run_id);
    SET(row->case_id, c->id);
    SET(row->group_id, group->id);
    SET(row->suite, group->suite);
    SET(row->layer, group->layer);
    row->c_in = group->c_in;
    row->c_out = group->c_out;
    row->alpha_in = c->alpha_in;
    row->alpha_out = c->alpha_out;
    row->threads = group->threads;
    SET(row->cache, cache_mode_name(group->cache));
    SET(row->kernel, c->kernel->name);
    SET(row->isa, oct_isa_name(c->kernel->isa));
    SET(row->kind, "layer");
    SET(row->library, c->kernel->library);
    SET(row->algorithm, oct_algorithm_name(c->kernel->algorithm));
    snprintf(row->machine_id, sizeof(row->machine_id), "%016" PRIx64, ctx->machine_id);
    describe_problem(&c->problem, row);
    rerun_command(ctx, c, row->rerun, sizeof(row->rerun));
}

/* ---- what was measured --------------------------------------------------------------------------- */

static void summarize_times(const struct group_result *result, const struct case_result *c,
                            const double *series, double *scratch, struct result_row *row)
{
    struct interval median = stats_launch_interval(series, result->launch_end, result->launches, CONFIDENCE);
    size_t rounds = (size_t)result->rounds, kept;

    memcpy(scratch, series, rounds * sizeof(*scratch));
    kept = stats_compact(scratch, rounds);
    row->samples = (int64_t)kept;
    row->iters = 0;
    for (size_t s = 0; s < c->contender.count; s++)
        if (!c->contender.samples[s].disturbed)
            row->iters += c->contender.samples[s].iters;
    row->t_median_ns = median.mid;
    row->t_ci_lo_ns = median.low;
    row->t_ci_hi_ns = median.high;
    row->t_min_ns = stats_min(scratch, kept);
    row->t_p90_ns = stats_quantile(scratch, kept, 0.9);
    row->t_p99_ns = stats_quantile(scratch, kept, 0.99);
    row->gflops = 2 * (double)row->macs / median.mid;
}

static void summarize_steal(const struct case_result *c, struct result_row *row)
{
    int64_t steal = 0;

    for (size_t s = 0; s < c->contender.count; s++) {
        if (c->contender.samples[s].disturbance.steal_ns < 0)
            return;
        steal += c->contender.samples[s].disturbance.steal_ns;
    }
    if (c->contender.total_ns)
        row->steal_pct = 100 * (double)steal / (double)c->contender.total_ns;
}

static double counted(const struct case_result *c, const char *name)
{
    for (size_t i = 0; i < c->counter_count; i++) {
        const struct counter_value *v = &c->counters[i];
        if (strcmp(v->name, name) == 0 && v->how != COUNTER_UNAVAILABLE)
            return v->how == COUNTER_DERIVED ? v->total : v->total / (double)c->counter_iters;
    }
    return NAN;
}

static void summarize_counters(const struct case_result *c, struct result_row *row)
{
    row->cycles = counted(c, "cycles");
    row->instructions = counted(c, "instructions");
    row->ipc = counted(c, "ipc");
    row->llc_misses = counted(c, "llc_misses");
    row->freq_ghz = counted(c, "ghz");
    if (isnan(row->freq_ghz))
        row->freq_ghz = counted(c, "chain_ghz");
}

static void note(struct result_row *row, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct result_row *row, const char *format, ...)
{
    char text[200];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    add_text(row->reason, sizeof(row->reason), "; ", "%s", text);
}

/* What an ok row's reader should know. */
static void add_notes(struct result_row *row, const struct group_result *result, bool unresolved)
{
    if (unresolved)
        note(row, "unresolved: minimum and median disagree about the speedup");
    if (result->units && result->units < result->group->threads)
        note(row, "shared: %d threads on %d processor%s, so the time says little", result->group->threads,
             result->units, result->units == 1 ? "" : "s");
    if (result->kept_disturbed)
        note(row, "noisy: more than half of the rounds were disturbed, so none was dropped");
    else if (result->disturbed)
        note(row, "%d of %d rounds dropped (time stolen: %d, cores apart: %d)", result->disturbed,
             result->rounds, result->stolen, result->apart);
}

/* ---- comparisons --------------------------------------------------------------------------------- */

static bool measured(const struct case_result *c)
{
    return c->status == CASE_OK && c->contender.count > 0;
}

/* Index of the fastest one-band case, whatever its algorithm; -1 where none was measured. */
static int fastest_vanilla(const struct group_result *result, const struct result_row *rows)
{
    int best = -1;

    for (size_t i = 0; i < result->count; i++) {
        const struct case_result *c = &result->cases[i];
        if (!measured(c) || !c->bench_case->vanilla || isnan(rows[i].t_median_ns))
            continue;
        if (best < 0 || rows[i].t_median_ns < rows[best].t_median_ns)
            best = (int)i;
    }
    return best;
}

static int own_vanilla(const struct group_result *result, const struct case_result *c)
{
    for (size_t i = 0; i < result->count; i++)
        if (measured(&result->cases[i]) && result->cases[i].bench_case->vanilla &&
            result->cases[i].bench_case->kernel == c->bench_case->kernel)
            return (int)i;
    return -1;
}

/* Fills the speedups of case `at`, over the case `vanilla` (-1: none) and over its own kernel's vanilla. */
static void compare_case(const struct group_result *result, size_t at, double *const *series, int vanilla,
                         struct result_row *rows)
{
    const struct case_result *c = &result->cases[at];
    struct result_row *row = &rows[at];
    struct interval ratio;
    int own = own_vanilla(result, c);
    bool unresolved = false;

    if (vanilla >= 0) {
        ratio = stats_launch_speedup(series[vanilla], series[at], result->launch_end, result->launches,
                                     CONFIDENCE);
        SET(row->vanilla_kernel, result->cases[vanilla].bench_case->kernel->name);
        row->vanilla_median_ns = rows[vanilla].t_median_ns;
        row->speedup = ratio.mid;
        row->speedup_lo = ratio.low;
        row->speedup_hi = ratio.high;
        row->octave_efficiency = ratio.mid / row->theory_speedup;
        unresolved = stats_unresolved(series[vanilla], series[at], (size_t)result->rounds, ratio);
    }
    if (own >= 0) {
        ratio =
            stats_launch_speedup(series[own], series[at], result->launch_end, result->launches, CONFIDENCE);
        row->self_speedup = ratio.mid;
        row->self_efficiency = ratio.mid / row->theory_speedup;
    }
    add_notes(row, result, unresolved);
}

/* One array a case, NAN where it has no sample. NULL: no memory. */
static double **make_series(const struct group_result *result)
{
    double **series = calloc(result->count + 1, sizeof(*series));

    for (size_t i = 0; series && i < result->count; i++) {
        series[i] = malloc((size_t)(result->rounds + 1) * sizeof(**series));
        if (!series[i]) {
            while (i)
                free(series[--i]);
            free(series);
            return NULL;
        }
        rounds_series(&result->cases[i].contender, result->rounds, series[i]);
    }
    return series;
}

static void fill_row(const struct group_context *ctx, const struct group_result *result,
                     const struct case_result *c, const double *series, double *scratch,
                     struct result_row *row)
{
    describe_case(ctx, result->group, c->bench_case, row);
    SET(row->status, case_status_name(c->status));
    SET(row->reason, c->reason);
    SET(row->impl, c->impl);
    if (c->tensor_bytes)
        row->act_peak_bytes = (int64_t)(c->tensor_bytes + c->scratch_bytes);
    row->max_abs_err = c->max_abs_err;
    row->err_bound = c->err_bound;
    if (!measured(c))
        return;
    row->plan_ns = (int64_t)c->plan_ns;
    summarize_times(result, c, series, scratch, row);
    summarize_steal(c, row);
    summarize_counters(c, row);
}

int rows_make(struct result_row *rows, const struct group_context *ctx, const struct group_result *result,
              struct oct_message *msg)
{
    double **series = make_series(result), *scratch = malloc((size_t)(result->rounds + 1) * sizeof(*scratch));
    int vanilla, status = OCT_OK;

    if (!series || !scratch) {
        status = message_fail(msg, OCT_NO_MEMORY, "no memory for the statistics");
        goto done;
    }
    for (size_t i = 0; i < result->count; i++)
        fill_row(ctx, result, &result->cases[i], series[i], scratch, &rows[i]);
    vanilla = fastest_vanilla(result, rows);
    for (size_t i = 0; i < result->count; i++)
        if (measured(&result->cases[i]))
            compare_case(result, i, series, vanilla, rows);
done:
    for (size_t i = 0; series && i < result->count; i++)
        free(series[i]);
    free(series);
    free(scratch);
    return status;
}
