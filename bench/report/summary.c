/* SPDX-License-Identifier: MIT */
#include "report/summary.h"

#include "octconv.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_WIDTH 24

static bool ok(const struct result_row *row)
{
    return strcmp(row->status, "ok") == 0 && !isnan(row->t_median_ns);
}

/* A kernel of another build is taken for a direct one: the table then merely has a line less. */
static bool direct(const struct result_row *row)
{
    const struct oct_kernel *k = oct_kernel_find(row->kernel);

    return !k || k->algorithm == OCT_ALGORITHM_DIRECT;
}

static void print_time(FILE *f, double ns)
{
    if (ns < 1e4)
        fprintf(f, "%8.2f us", ns / 1e3);
    else if (ns < 1e7)
        fprintf(f, "%8.1f us", ns / 1e3);
    else
        fprintf(f, "%8.2f ms", ns / 1e6);
}

/* Fixed width, blank where there is no value. */
static void print_ratio(FILE *f, double value)
{
    if (isnan(value))
        fputs("       ", f);
    else
        fprintf(f, " %6.2f", value);
}

/* Do two rows of a group describe the same layer, but for the kernel? */
static bool same_variant(const struct result_row *a, const struct result_row *b)
{
    return a->alpha_in == b->alpha_in && a->alpha_out == b->alpha_out && a->bands == b->bands &&
           strcmp(a->paths, b->paths) == 0 && strcmp(a->down, b->down) == 0 &&
           strcmp(a->epilogue, b->epilogue) == 0 && strcmp(a->dtype, b->dtype) == 0 && a->macs == b->macs;
}

static void variant_label(const struct result_row *row, char *text, size_t size)
{
    char alpha[32];

    if (row->alpha_in == row->alpha_out)
        snprintf(alpha, sizeof(alpha), "%.4g", row->alpha_in);
    else
        snprintf(alpha, sizeof(alpha), "%.4g>%.4g", row->alpha_in, row->alpha_out);
    snprintf(text, size, "%s%s%s%s", alpha, strcmp(row->paths, "all") ? " " : "",
             strcmp(row->paths, "all") ? row->paths : "", strcmp(row->down, "pool") ? " strided" : "");
}

static const struct result_row *fastest(const struct result_row *rows, size_t count,
                                        const struct result_row *like, bool direct_only)
{
    const struct result_row *best = NULL;

    for (size_t i = 0; i < count; i++)
        if (ok(&rows[i]) && same_variant(&rows[i], like) && (!direct_only || direct(&rows[i])) &&
            (!best || rows[i].t_median_ns < best->t_median_ns))
            best = &rows[i];
    return best;
}

static bool is_vanilla(const struct result_row *row)
{
    return row->bands == 1 && row->alpha_in == 0 && row->alpha_out == 0;
}

static bool first_of_variant(const struct result_row *rows, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (same_variant(&rows[j], &rows[i]))
            return false;
    return true;
}

static void print_title(FILE *f, const struct result_row *row)
{
    fprintf(f, "%s/%s  %lldx%lld %lld->%lld @%lldx%lld", row->suite, row->layer, (long long)row->kh,
            (long long)row->kw, (long long)row->c_in, (long long)row->c_out, (long long)row->h,
            (long long)row->w);
    if (row->kd > 1 || row->d > 1)
        fprintf(f, " kd %lld d %lld", (long long)row->kd, (long long)row->d);
    if (row->n > 1)
        fprintf(f, " n %lld", (long long)row->n);
    if (row->stride > 1)
        fprintf(f, " stride %lld", (long long)row->stride);
    if (strcmp(row->groups, "1") != 0)
        fprintf(f, " groups %s", row->groups);
    fprintf(f, ", %lld thread%s%s%s\n", (long long)row->threads, row->threads > 1 ? "s" : "",
            strcmp(row->cache, "warm") ? ", " : "", strcmp(row->cache, "warm") ? row->cache : "");
}

static void print_variant(FILE *f, const struct result_row *row, const struct result_row *best)
{
    char label[128] = "vanilla";
    bool vanilla = is_vanilla(row);

    if (!vanilla)
        variant_label(row, label, sizeof(label));
    if (!best) {
        fprintf(f, "  %-12.12s none of its kernels was measured\n", label);
        return;
    }
    fprintf(f, "  %-12.12s %-*.*s ", label, KERNEL_WIDTH, KERNEL_WIDTH, best->kernel);
    print_time(f, best->t_median_ns);
    if (vanilla) {
        fprintf(f, "  %7.1f GFLOP/s", best->gflops);
        if (!isnan(best->pct_peak))
            fprintf(f, ", %.0f%% of peak", best->pct_peak);
        fputc('\n', f);
        return;
    }
    print_ratio(f, best->speedup);
    if (isnan(best->speedup_lo))
        fputs("               ", f);
    else
        fprintf(f, " [%5.2f,%5.2f] ", best->speedup_lo, best->speedup_hi);
    print_ratio(f, best->theory_speedup);
    print_ratio(f, best->octave_efficiency);
    print_ratio(f, best->self_efficiency);
    fputs(strstr(best->reason, "unresolved") ? " ?\n" : "\n", f);
}

/* The best kernel of every variant, and the best direct one where a fast algorithm wins. */
static void print_group(FILE *f, const struct result_row *rows, size_t count)
{
    print_title(f, &rows[0]);
    for (size_t i = 0; i < count; i++) {
        const struct result_row *best, *best_direct;

        if (!first_of_variant(rows, i))
            continue;
        best = fastest(rows, count, &rows[i], false);
        best_direct = fastest(rows, count, &rows[i], true);
        print_variant(f, &rows[i], best);
        if (best_direct && best_direct != best)
            print_variant(f, &rows[i], best_direct);
    }
}

/* ---- all groups together ------------------------------------------------------------------------- */

/* A geometric mean in the making, and the least value. */
struct mean {
    int count;
    double log_sum, least;
};

struct tally {
    const char *kernel;
    int ok, unsupported, wrong, failed;
    struct mean octave, direct, self;
};

static void mean_add(struct mean *mean, double value)
{
    if (!(value > 0))
        return;
    if (!mean->count || value < mean->least)
        mean->least = value;
    mean->log_sum += log(value);
    mean->count++;
}

static void print_mean(FILE *f, const struct mean *mean)
{
    print_ratio(f, mean->count ? exp(mean->log_sum / mean->count) : NAN);
    print_ratio(f, mean->count ? mean->least : NAN);
}

static struct tally *find_tally(struct tally *tallies, size_t *count, const char *kernel)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(tallies[i].kernel, kernel) == 0)
            return &tallies[i];
    tallies[*count] = (struct tally){.kernel = kernel};
    return &tallies[(*count)++];
}

/* `baseline`: the fastest direct vanilla row of the same group, or NULL. */
static void add_to_tally(struct tally *t, const struct result_row *row, const struct result_row *baseline)
{
    if (!ok(row)) {
        bool unsupported = strcmp(row->status, "unsupported") == 0, wrong = strcmp(row->status, "wrong") == 0;
        t->unsupported += unsupported;
        t->wrong += wrong;
        t->failed += !unsupported && !wrong;
        return;
    }
    t->ok++;
    if (row->bands == 1)
        return;
    mean_add(&t->octave, row->octave_efficiency);
    mean_add(&t->self, row->self_efficiency);
    if (direct(row) && baseline)
        mean_add(&t->direct, row->octave_efficiency / baseline->speedup);
}

static void print_tally(FILE *f, const struct tally *t)
{
    fprintf(f, "  %-*.*s", KERNEL_WIDTH, KERNEL_WIDTH, t->kernel);
    print_mean(f, &t->octave);
    print_mean(f, &t->direct);
    print_mean(f, &t->self);
    fprintf(f, " %6d", t->ok);
    if (t->unsupported)
        fprintf(f, "  %d unsupported", t->unsupported);
    if (t->wrong)
        fprintf(f, "  %d WRONG", t->wrong);
    if (t->failed)
        fprintf(f, "  %d failed", t->failed);
    fputc('\n', f);
}

static size_t end_of_group(const struct result_row *rows, size_t count, size_t first)
{
    size_t last = first + 1;

    while (last < count && strcmp(rows[last].group_id, rows[first].group_id) == 0)
        last++;
    return last;
}

static void print_tallies(FILE *f, const struct result_row *rows, size_t count)
{
    struct tally *tallies = calloc(count + 1, sizeof(*tallies));
    size_t kernels = 0;

    if (!tallies)
        return;
    for (size_t first = 0, last; first < count; first = last) {
        const struct result_row *baseline = NULL;

        last = end_of_group(rows, count, first);
        for (size_t i = first; i < last && !baseline; i++)
            if (is_vanilla(&rows[i]))
                baseline = fastest(rows + first, last - first, &rows[i], true);
        for (size_t i = first; i < last; i++)
            add_to_tally(find_tally(tallies, &kernels, rows[i].kernel), &rows[i], baseline);
    }
    fprintf(f, "\n  %-*s %6s %6s %6s %6s %6s %6s %6s\n", KERNEL_WIDTH, "speedup / theory", "octave", "least",
            "direct", "least", "self", "least", "cases");
    for (size_t i = 0; i < kernels; i++)
        print_tally(f, &tallies[i]);
    fputs(
        "  Geometric means over the OctConv cases, and the least. 1.00: all saved multiply-adds became "
        "time.\n"
        "  octave: against the fastest vanilla kernel; direct: among direct kernels (no Winograd on either\n"
        "  side); self: against the kernel's own vanilla.\n",
        f);
    free(tallies);
}

void summary_print(FILE *f, const struct result_row *rows, size_t count)
{
    bool doubtful = false;

    if (!count)
        return;
    fprintf(f, "  %-12s %-*s %11s %6s %-14s %6s %6s %6s\n", "alpha", KERNEL_WIDTH, "best kernel", "time",
            "faster", " (95%)", "theory", "octave", "self");
    for (size_t first = 0, last; first < count; first = last) {
        last = end_of_group(rows, count, first);
        print_group(f, rows + first, last - first);
    }
    for (size_t i = 0; i < count; i++)
        doubtful |= strstr(rows[i].reason, "unresolved") != NULL;
    if (doubtful)
        fputs("  ? unresolved: minimum and median disagree\n", f);
    print_tallies(f, rows, count);
}

/* Among the best kernel of each layer and ratio, the one furthest below theory. */
static const struct result_row *worst_best(const struct result_row *rows, size_t count)
{
    const struct result_row *worst = NULL;

    for (size_t first = 0, last; first < count; first = last) {
        last = end_of_group(rows, count, first);
        for (size_t i = first; i < last; i++) {
            const struct result_row *best = fastest(rows + first, last - first, &rows[i], false);
            if (best && best->bands > 1 && best->octave_efficiency > 0 &&
                (!worst || best->octave_efficiency < worst->octave_efficiency))
                worst = best;
        }
    }
    return worst;
}

void summary_next_step(FILE *f, const struct result_row *rows, size_t count, const char *dir)
{
    const struct result_row *worst = worst_best(rows, count);
    char label[128];

    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].status, "wrong") != 0 && strcmp(rows[i].status, "error") != 0)
            continue;
        fprintf(f, "Look at this first: %s %s on %s/%s (%s). %s\n", rows[i].kernel, rows[i].status,
                rows[i].suite, rows[i].layer, rows[i].reason, rows[i].rerun);
        return;
    }
    if (!worst) {
        fprintf(f, "Look at next: %s/results.csv\n", dir);
        return;
    }
    variant_label(worst, label, sizeof(label));
    fprintf(f,
            "Look at next: %s/%s at alpha %s, %lld thread%s, keeps %.0f%% of what theory promises; where its "
            "time\n"
            "goes: grep %s %s/paths.csv\n",
            worst->suite, worst->layer, label, (long long)worst->threads, worst->threads > 1 ? "s" : "",
            100 * worst->octave_efficiency, worst->case_id, dir);
}
