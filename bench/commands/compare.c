/* SPDX-License-Identifier: MIT */
/* octbench compare: two stored runs. Their absolute times are never compared, only the speedups that each run
 * measured within its own rounds, and where the machines differ that too is only advice. */
#include "commands/commands.h"

#include "base/json.h"
#include "check/stats.h"
#include "gate/gate.h"
#include "report/results.h"

#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct arguments {
    const char *old, *new;
    double tolerance;
};

struct table {
    struct result_row *rows;
    size_t count;
    bool torn; /* the last line is not whole */
};

/* What the two runs do not have in common as they should. */
struct gaps {
    size_t only_old, only_new, lost, wrong, doubled;
};

static const struct argp_option options[] = {
    {"tolerance", 't', "PERCENT", 0, "a speedup that fell by less is not worth a flag (default 5)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    char *end;

    switch (key) {
    case 't':
        a->tolerance = strtod(arg, &end) / 100;
        if (*end || !(a->tolerance >= 0 && a->tolerance < 10))
            argp_error(state, "--tolerance: '%s' is not a percentage", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            return ARGP_ERR_UNKNOWN;
        *(state->arg_num == 0 ? &a->old : &a->new) = arg;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_error(state, "which two results.csv?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] =
    "Compares the speedups over vanilla of two stored runs, case by case.\v"
    "  octbench compare reports/before/results.csv reports/after/results.csv\n\n"
    "A case is flagged when the two 95% intervals do not meet and the speedup fell by more than the "
    "tolerance. Runs of "
    "different machines or configs are compared all the same, with what differs said and exit status 0: they "
    "are "
    "advice. For a verdict on a change of the code use octbench ab, which measures both builds at once.\n\n"
    "Cases that only one of the runs has, that were ok and are not, that stand twice, and a run that is not "
    "whole "
    "are named.\n\n"
    "Exit status: 0 nothing flagged, 2 usage or a malformed file, 3 flagged, or a case that was ok is lost, "
    "5 a "
    "case is wrong in the new run, 6 no case in common.";

static const struct argp compare_argp = {options, parse, "OLD.csv NEW.csv", doc, NULL, NULL, NULL};

static bool ends_torn(const char *path, int64_t whole)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > whole;
}

static int read_table(struct table *out, const char *path)
{
    char message[512];
    struct results_reader *reader = results_open(path, message, sizeof(message));
    struct result_row row, *grown;
    int status = 2;

    *out = (struct table){0};
    if (!reader)
        goto done;
    while ((status = results_next(reader, &row, message, sizeof(message))) == 0) {
        grown = realloc(out->rows, (out->count + 1) * sizeof(row));
        if (!grown) {
            snprintf(message, sizeof(message), "%s: not enough memory", path);
            status = 2;
            break;
        }
        out->rows = grown;
        out->rows[out->count++] = row;
    }
    out->torn = status == 1 && ends_torn(path, results_whole(reader));
    results_close(reader);
done:
    if (status == 2)
        fprintf(stderr, "octbench: error: %s\n", message);
    return status == 2 ? 2 : 0;
}

static const struct result_row *find(const struct table *t, const char *case_id)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->rows[i].case_id, case_id) == 0)
            return &t->rows[i];
    return NULL;
}

/* run.json beside a results.csv; NULL where there is none. */
static struct json_t *read_run(const char *csv_path)
{
    const char *slash = strrchr(csv_path, '/');
    char path[4096];
    struct oct_message msg;

    snprintf(path, sizeof(path), "%.*srun.json", slash ? (int)(slash - csv_path + 1) : 0, csv_path);
    return js_read_file(path, &msg);
}

static bool differs(const struct json_t *old, const struct json_t *new, const char *section, const char *key)
{
    const char *a = js_get_text(section ? js_get(old, section) : old, key);
    const char *b = js_get_text(section ? js_get(new, section) : new, key);

    if (!a || !b || strcmp(a, b) == 0)
        return false;
    printf("differs: %s%s%s: %s / %s\n", section ? section : "", section ? "." : "", key, a, b);
    return true;
}

/* What tells two machines or builds of the world below apart; a differing revision is the point of comparing.
 */
static bool worlds_differ(const struct arguments *a)
{
    struct json_t *old = read_run(a->old), *new = read_run(a->new);
    bool different = false;

    if (!old || !new) {
        printf("differs: run.json is missing beside one of the files, so the machines are not known to be "
               "the same\n");
        different = true;
    } else {
        different |= differs(old, new, "machine", "model");
        different |= differs(old, new, "build", "compiler");
        different |= differs(old, new, "build", "flags");
        different |= differs(old, new, "libraries", "onednn");
        different |= differs(old, new, NULL, "isa");
    }
    js_free(old);
    js_free(new);
    return different;
}

static bool comparable(const struct result_row *row)
{
    return strcmp(row->status, "ok") == 0 && !isnan(row->speedup) && !isnan(row->speedup_lo);
}

static bool flagged(const struct arguments *a, const struct result_row *old, const struct result_row *new)
{
    return new->speedup_hi < old->speedup_lo &&new->speedup < old->speedup *(1 - a->tolerance);
}

/* A speedup is over the fastest vanilla kernel of its run, and where two are close another one may be it in
 * the other run: then the old speedup is taken over the new run's baseline, with the widest interval that can
 * be. Else a kernel that was the baseline, 1 by definition, would seem to fall. */
static void rebase(struct result_row *before, const struct table *old, const struct result_row *after)
{
    if (strcmp(before->vanilla_kernel, after->vanilla_kernel) == 0)
        return;
    for (size_t i = 0; i < old->count; i++) {
        const struct result_row *r = &old->rows[i];
        if (r->bands != 1 || !comparable(r) || strcmp(r->group_id, before->group_id) != 0 ||
            strcmp(r->kernel, after->vanilla_kernel) != 0)
            continue;
        before->speedup /= r->speedup;
        before->speedup_lo /= r->speedup_hi;
        before->speedup_hi /= r->speedup_lo;
        return;
    }
}

/* Do the two 95% intervals meet. */
static bool agree(const struct result_row *old, const struct result_row *new)
{
    return new->speedup_lo <= old->speedup_hi && old->speedup_lo <= new->speedup_hi;
}

static void print_row(const struct result_row *old, const struct result_row *new, const char *verdict)
{
    printf("%-24.24s %5.3g %2d  %-24.24s %6.2f [%5.2f %5.2f]  %6.2f [%5.2f %5.2f]  %+6.1f%%%s\n", new->layer,
           new->alpha_out, (int)new->threads, new->kernel, old->speedup, old->speedup_lo, old->speedup_hi,
           new->speedup, new->speedup_lo, new->speedup_hi, 100 * (new->speedup / old->speedup - 1), verdict);
}

/* How all cases of a group moved together: the median of new / old speedup. That is the baseline's doing, a
 * vanilla kernel whose memory lay better or worse in that run, not of the kernels over it. 1 where fewer than
 * four vanilla kernels beside the baseline saw it move: one kernel could be the majority. */
static double baseline_shift(const struct table *old, const struct table *new, const char *group_id)
{
    enum { ENOUGH = 4 };
    double *ratio = malloc((new->count + 1) * sizeof(*ratio)), shift = 1;
    size_t n = 0, kernels = 0;

    if (!ratio)
        return shift;
    for (size_t i = 0; i < new->count; i++) {
        const struct result_row *after = &new->rows[i], *found;
        struct result_row before;
        bool is_baseline;

        if (strcmp(after->group_id, group_id) != 0 || !comparable(after))
            continue;
        found = find(old, after->case_id);
        if (!found || !comparable(found))
            continue;
        before = *found;
        rebase(&before, old, after);
        is_baseline = after->bands == 1 && strcmp(after->kernel, after->vanilla_kernel) == 0;
        if (!is_baseline)
            ratio[n++] = after->speedup / before.speedup;
        kernels += after->bands == 1 && !is_baseline;
    }
    if (kernels >= ENOUGH)
        shift = stats_median_present(ratio, n);
    free(ratio);
    return shift;
}

static void scale(struct result_row *row, double factor)
{
    row->speedup *= factor;
    row->speedup_lo *= factor;
    row->speedup_hi *= factor;
}

static bool has_status(const struct result_row *row, const char *status)
{
    return strcmp(row->status, status) == 0;
}

static void name_row(const char *what, const struct result_row *row)
{
    printf("%s: %s a=%g t=%d %s%s%s\n", what, row->layer, row->alpha_out, (int)row->threads, row->kernel,
           *row->reason ? ": " : "", row->reason);
}

static size_t name_doubled(const char *which, const struct table *t)
{
    size_t count = 0;

    for (size_t i = 0; i < t->count; i++) {
        if (find(t, t->rows[i].case_id) == &t->rows[i])
            continue;
        printf("twice in the %s run", which);
        name_row("", &t->rows[i]);
        count++;
    }
    return count;
}

static void say_state(const char *which, const char *path, const struct table *t)
{
    struct json_t *run = read_run(path);
    const char *state = run ? js_get_text(run, "status") : NULL;

    if (state && strcmp(state, "complete") != 0)
        printf("the %s run is not whole: run.json says %s\n", which, state);
    if (t->torn)
        printf("the %s run is not whole: its last line is torn\n", which);
    js_free(run);
}

/* Names every case that one of the runs lacks, or that went wrong: a speedup that is not there cannot fall.
 */
static struct gaps name_gaps(const struct arguments *a, const struct table *old, const struct table *new)
{
    struct gaps gaps = {0};

    say_state("old", a->old, old);
    say_state("new", a->new, new);
    gaps.doubled = name_doubled("old", old) + name_doubled("new", new);
    for (size_t i = 0; i < old->count; i++) {
        const struct result_row *before = &old->rows[i], *after = find(new, before->case_id);

        if (find(old, before->case_id) != before)
            continue;
        gaps.only_old += !after;
        if (after && has_status(after, "wrong")) {
            gaps.wrong++;
            name_row("wrong now", after);
        } else if (has_status(before, "ok") && (!after || !has_status(after, "ok"))) {
            gaps.lost++;
            name_row(after ? "ok before and not now" : "only in the old run", after ? after : before);
        }
    }
    for (size_t i = 0; i < new->count; i++) {
        const struct result_row *after = &new->rows[i];

        if (find(old, after->case_id) || find(new, after->case_id) != after)
            continue;
        gaps.only_new++;
        gaps.wrong += has_status(after, "wrong");
        name_row(has_status(after, "wrong") ? "wrong, and only in the new run" : "only in the new run",
                 after);
    }
    return gaps;
}

static int compare(const struct arguments *a, const struct table *old, const struct table *new)
{
    size_t common = 0, agreeing = 0, worse = 0;
    bool advisory = worlds_differ(a);
    struct gaps gaps = name_gaps(a, old, new);
    const char *group = "";
    double shift = 1;

    printf("%-24s %5s %2s  %-24s %-21s  %-21s  %7s\n", "layer", "alpha", "t", "kernel", "old speedup [95%]",
           "new speedup [95%]", "change");
    for (size_t i = 0; i < new->count; i++) {
        const struct result_row *after = &new->rows[i], *found = find(old, after->case_id);
        struct result_row before, shifted;
        bool fell, flag;
        if (!found || find(new, after->case_id) != after)
            continue;
        if (!comparable(found) || !comparable(after))
            continue;
        before = *found;
        rebase(&before, old, after);
        common++;
        agreeing += agree(&before, after);
        if (strcmp(group, after->group_id) != 0) { /* a group's rows are neighbours */
            group = after->group_id;
            shift = baseline_shift(old, new, group);
        }
        shifted = before;
        scale(&shifted, shift);
        fell = flagged(a, &before, after);
        flag = fell && flagged(a, &shifted, after);
        worse += flag;
        print_row(&before, after,
                  flag   ? "  slower"
                  : fell ? "  with all of its group: the baseline moved"
                         : "");
    }
    printf("\ncompare: %zu cases in common, %zu agree within their intervals, %zu slower beyond them and "
           "%.1f%%; %zu only in the new run, %zu only in the old run, %zu lost, %zu wrong, %zu doubled%s\n",
           common, agreeing, worse, 100 * a->tolerance, gaps.only_new, gaps.only_old, gaps.lost, gaps.wrong,
           gaps.doubled, advisory ? "; the runs differ, so this is advice" : "");
    if (gaps.wrong)
        return 5;
    if (common == 0)
        return 6;
    return (worse || gaps.lost) && !advisory ? 3 : 0;
}

int compare_main(int argc, char **argv)
{
    struct arguments a = {.tolerance = 0.05};
    struct table old = {0}, new = {0};
    int status;

    argp_err_exit_status = 2;
    argp_parse(&compare_argp, argc, argv, 0, NULL, &a);
    status = read_table(&old, a.old);
    if (!status)
        status = read_table(&new, a.new);
    if (!status)
        status = compare(&a, &old, &new);
    free(old.rows);
    free(new.rows);
    return status;
}
