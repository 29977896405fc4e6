/* SPDX-License-Identifier: MIT */
/* octbench run. */
#define _GNU_SOURCE
#include "commands/commands.h"

#include "base/child.h"
#include "base/crash.h"
#include "base/file.h"
#include "commands/options.h"
#include "commands/selection.h"
#include "measure/launch.h"
#include "measure/measure_group.h"
#include "report/peak_share.h"
#include "report/progress.h"
#include "report/report.h"
#include "report/rows.h"
#include "report/runinfo.h"
#include "report/summary.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CACHE ((int64_t)128 << 20)

enum { KEY_RESUME = 2000, KEY_DRY_RUN, KEY_LAUNCH };

struct run_arguments {
    struct options options;
    const char *out;
    bool resume, dry_run;
    const char *launch; /* not NULL: this process is one launch of another one's run */
};

/* The one thing that a signal handler may touch. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* A second signal ends the program at once: the handler is for one. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* `octbench run | head` must still write its report */
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error that write reports */
}

/* ---- arguments ----------------------------------------------------------------------------------- */

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
    struct run_arguments *a = state->input;

    switch (key) {
    case 'o':
        a->out = arg;
        return 0;
    case KEY_RESUME:
        a->resume = true;
        return 0;
    case KEY_DRY_RUN:
        a->dry_run = true;
        return 0;
    case KEY_LAUNCH:
        a->launch = arg;
        child_die_with_parent();
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->child_inputs[1] = &a->options;
        return 0;
    case ARGP_KEY_END:
        if (!a->options.config)
            argp_error(state, "which CONFIG? configs/quick.yaml is a good start");
        if (a->resume && !a->out)
            argp_error(state, "--resume needs -o DIR: which run is to be continued?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child run_children[] = {
    {&options_cases, 0, NULL, 0}, {&options_common, 0, NULL, 0}, {0}};

static const struct argp_option run_options[] = {
    {"output", 'o', "DIR", 0, "Where the report goes; reports/<time>-<config> unless given (OCTBENCH_OUT)",
     1},
    {"resume", KEY_RESUME, NULL, 0, "Go on with the run in DIR: what it holds is not measured again", 1},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "Say what would be measured and about how long it takes; write nothing",
     1},
    {"launch", KEY_LAUNCH, "TEXT", OPTION_HIDDEN, NULL, 1},
    {0}};

static const struct argp run_argp = {
    run_options,
    parse_run,
    "CONFIG",
    "Measure every case of CONFIG: verify it against the reference, then time all cases of a layer in\n"
    "interleaved rounds. Prints a table; writes results.csv, samples.csv, paths.csv, counters.csv and "
    "run.json.\v"
    "Examples:\n"
    "  octbench run configs/quick.yaml\n"
    "  octbench run configs/resnet50-layers.yaml -o reports/mine --filter 'conv3_3x3.*/t=1/'\n"
    "  octbench run configs/resnet50-layers.yaml -o reports/mine --resume\n"
    "The meaning of every column is in reports/README.md. Ctrl-C keeps what was measured (exit 130); a "
    "second\n"
    "one ends at once.",
    run_children,
    NULL,
    NULL};

/* ---- the sweep ----------------------------------------------------------------------------------- */

struct sweep {
    struct run_arguments *arguments;
    struct config config;
    struct group_context ctx;
    struct report report;
    struct run_notes notes;
    struct progress progress;
    char *command;
};

static int fail(struct sweep *s, int status, const char *text)
{
    progress_clear(&s->progress);
    fprintf(stderr, "octbench: %s\n", text);
    return status;
}

/* A word as a shell reads it back. */
static void write_word(FILE *f, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_";

    if (*word && !word[strspn(word, plain)]) {
        fputs(word, f);
        return;
    }
    fputc('\'', f);
    for (; *word; word++)
        fputs(*word == '\'' ? "'\\''" : (const char[]){*word, '\0'}, f);
    fputc('\'', f);
}

static char *join_command(int argc, char **argv)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    for (int i = 0; i < argc; i++) {
        fputs(i ? " " : "", f);
        if (i) /* the first is "octbench COMMAND" */
            write_word(f, argv[i]);
        else
            fputs(argv[i], f);
    }
    fclose(f);
    return text;
}

static int most_threads(const struct config *config)
{
    int most = 1;

    for (size_t g = 0; g < config->count; g++)
        most = config->groups[g].threads > most ? config->groups[g].threads : most;
    return most;
}

/* Binds the largest team once: the ledger then watches exactly the processors that the run uses, and teams
 * that must share a core are warned of before anything is measured. */
static int open_machine(struct sweep *s)
{
    struct machine machine;
    struct oct_message msg;
    char openmp[200], reason[256];
    int threads = most_threads(&s->config), cores, *pu = malloc((size_t)threads * sizeof(*pu));
    struct ledger *ledger;
    int64_t cache;

    s->ctx.topology = topology_open(NULL, &msg);
    if (!pu || !s->ctx.topology) {
        free(pu);
        return fail(s, 1, pu ? msg.text : "no memory");
    }
    s->ctx.machine_id = topology_machine_id(s->ctx.topology);
    if (threads > topology_largest_team(s->ctx.topology)) /* larger groups are skipped */
        threads = topology_largest_team(s->ctx.topology);
    cores = topology_place(s->ctx.topology, &s->config.affinity, threads, pu);
    if (cores < threads && !s->arguments->options.quiet)
        fprintf(stderr, "octbench: warning: %d threads share %d core%s; their times say little\n", threads,
                cores, cores == 1 ? "" : "s");
    if (topology_bind_team(s->ctx.topology, &s->config.affinity, threads, pu, &msg)) {
        free(pu);
        return fail(s, 1, msg.text);
    }
    free(pu);
    if (runinfo_openmp(openmp, sizeof(openmp)) > 1 && !s->arguments->options.quiet)
        fprintf(stderr,
                "octbench: warning: two OpenMP runtimes are loaded (%s): teams may disturb each other\n",
                openmp);
    topology_machine(s->ctx.topology, &machine);
    /* Virtual machines may show the whole host's cache; what they can keep of it is unknown, and less. */
    cache = (machine.l3_bytes > 0 ? machine.l3_bytes : 32 << 20) +
            (machine.l2_bytes > 0 ? machine.l2_bytes : 0) * (int64_t)machine.cores;
    cache = cache > MOST_CACHE ? MOST_CACHE : cache;
    ledger = ledger_open();
    if (!ledger)
        return fail(s, 1, "no memory");
    sampler_open(&s->ctx.sampler, ledger, (size_t)cache);
    ledger_read(ledger, &s->notes.begin);
    s->notes.now = s->notes.begin;
    if (s->arguments->launch || s->config.counters.groups + s->config.counters.events == 0)
        return 0;
    s->ctx.counters = counters_open(&s->config.counters, &msg);
    if (!s->ctx.counters)
        return fail(s, 2, msg.text);
    if (counters_missing(s->ctx.counters, reason, sizeof(reason)))
        return fail(s, 6, reason);
    return 0;
}

static void close_machine(struct sweep *s)
{
    struct ledger *ledger = s->ctx.sampler.ledger;

    sampler_close(&s->ctx.sampler);
    ledger_close(ledger);
    counters_close(s->ctx.counters);
    free(s->ctx.peaks);
    topology_close(s->ctx.topology);
}

/* The machine in hwloc's words, beside run.json; a build without hwloc has none, and no number needs it. */
static void write_topology(struct sweep *s)
{
    struct oct_message msg;
    char path[4096];
    int status;

    if (!file_join(path, sizeof(path), s->report.dir, "topology.xml"))
        return;
    status = topology_write_xml(s->ctx.topology, path, &msg);
    if (status && status != OCT_UNSUPPORTED && !s->arguments->options.quiet)
        fprintf(stderr, "octbench: warning: %s\n", msg.text);
}

static int write_runinfo(struct sweep *s, const char *status)
{
    const struct options *o = &s->arguments->options;
    const struct run_request request = {s->command, o->filter, o->shard, o->shards, o->isa};
    struct oct_message msg;

    if (runinfo_write(&s->report, &s->ctx, &request, &s->notes, status, &msg))
        return fail(s, 1, msg.text);
    return 0;
}

/* What went wrong is said when it happens, not only in a row hours later. */
static void report_troubles(struct sweep *s, const struct group_result *result, const struct result_row *rows)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct case_result *c = &result->cases[i];

        if (c->status == CASE_OK || (c->status == CASE_UNSUPPORTED && !s->arguments->options.verbose))
            continue;
        progress_clear(&s->progress);
        fprintf(stderr, "octbench: %s %s: %s\n  rerun: %s\n", c->bench_case->name,
                case_status_name(c->status), c->reason, rows[i].rerun);
    }
}

static void settle_percent(struct sweep *s, const struct group_result *result, struct result_row *rows)
{
    for (size_t i = 0; i < s->ctx.peak_count; i++)
        if (s->ctx.peaks[i].threads == result->group->threads)
            percent_settle(result, rows, &s->ctx.peaks[i]);
}

/* The rows of a measured group, on disk and in the report. 0 or an exit status. */
static int keep_group(struct sweep *s, const struct group_result *result)
{
    struct result_row *rows = malloc((result->count + 1) * sizeof(*rows));
    struct oct_message msg = {"no memory"};
    int status = 1;

    if (!rows || rows_make(rows, &s->ctx, result, &msg)) {
        fail(s, 1, msg.text);
        goto done;
    }
    settle_percent(s, result, rows);
    if (report_append(&s->report, result, rows, &msg)) {
        fail(s, 1, msg.text);
        fprintf(stderr, "octbench: what was measured before is kept in %s\n", s->report.dir);
        goto done;
    }
    report_troubles(s, result, rows);
    run_notes_add(&s->notes, &s->ctx, result);
    progress_group_done(&s->progress, result->group);
    status = 0;
done:
    free(rows);
    return status;
}

static int run_group(struct sweep *s, const struct group *group)
{
    struct group_result *result = malloc(sizeof(*result));
    struct oct_message msg;
    bool stopped;
    int status;

    if (!result)
        return fail(s, 1, "no memory");
    if (group_measure(&s->ctx, group, result, &stopped, &msg))
        status = fail(s, result->crashed ? 5 : 1, msg.text);
    else
        status = stopped ? 130 : keep_group(s, result);
    group_result_free(result);
    free(result);
    return status;
}

static int count_status(const struct report *report, const char *status)
{
    int count = 0;

    for (size_t i = 0; i < report->count; i++)
        count += strcmp(report->rows[i].status, status) == 0;
    return count;
}

/* The table, and the exit status that the rows deserve. */
static int conclude(struct sweep *s, int status)
{
    progress_clear(&s->progress);
    if (!s->report.count && status != 130)
        fprintf(stderr, "octbench: nothing was measured\n");
    summary_print(stdout, s->report.rows, s->report.count);
    if (s->report.count) {
        fputc('\n', stdout);
        summary_next_step(stdout, s->report.rows, s->report.count, s->report.dir);
    }
    if (!s->arguments->options.quiet)
        fprintf(stderr, "octbench: report in %s\n", s->report.dir);
    if (status)
        return status;
    if (count_status(&s->report, "wrong"))
        return 5;
    return count_status(&s->report, "ok") ? 0 : 6;
}

static int launch(struct sweep *s)
{
    int status;

    s->arguments->options.quiet = true; /* whoever started it has said all that */
    status = open_machine(s);
    if (status)
        return status;
    crash_install();
    return launch_answer(&s->ctx, s->arguments->launch);
}

static int sweep(struct sweep *s)
{
    const struct run_arguments *a = s->arguments;
    const struct report_identity identity = {s->config.hash, a->options.isa};
    struct oct_message msg;
    size_t left = 0;
    int status;

    catch_signals();
    status = report_open(&s->report, a->out, s->config.path, a->resume, &identity, &msg);
    if (status)
        return fail(s, status, msg.text);
    snprintf(s->ctx.run_id, sizeof(s->ctx.run_id), "%s", s->report.run_id);
    status = open_machine(s);
    if (!status)
        status = write_runinfo(s, "running");
    if (status)
        return status;
    write_topology(s);
    status = report_begin(&s->report, &s->config, &msg);
    if (status)
        return fail(s, status, msg.text);
    for (size_t g = 0; g < s->config.count; g++)
        left += report_has_group(&s->report, &s->config.groups[g]) ? 0 : s->config.groups[g].count;
    progress_start(&s->progress, left, a->options.quiet || a->options.no_progress);
    s->ctx.progress = progress_step;
    s->ctx.progress_arg = &s->progress;
    s->ctx.stop = &interrupted;
    crash_install();
    for (size_t g = 0; g < s->config.count && !status; g++)
        if (!report_has_group(&s->report, &s->config.groups[g]))
            status = run_group(s, &s->config.groups[g]);
    if (write_runinfo(s, status == 130 ? "interrupted" : status ? "failed" : "complete") && !status)
        status = 1;
    return conclude(s, status);
}

/* ---- dry run ------------------------------------------------------------------------------------- */

static int dry_run(const struct config *config)
{
    const struct measure_settings *m = &config->measure;
    double seconds = 0;

    for (size_t g = 0; g < config->count; g++) {
        const struct group *group = &config->groups[g];
        double each = 1.3 * (double)m->min_time_ns / 1e9 + 0.1; /* heating, planning */

        printf("%s/%s  %d thread%s, %s: %zu cases, %d rounds\n", group->suite, group->layer, group->threads,
               group->threads > 1 ? "s" : "", cache_mode_name(group->cache), group->count,
               m->rounds * m->launches);
        seconds += (double)group->count * m->launches * each;
    }
    printf("%zu cases in %zu groups, about %.0f s of measuring, and the reference's time; nothing was run\n",
           config_cases(config), config->count, ceil(seconds));
    return 0;
}

int run_main(int argc, char **argv)
{
    struct run_arguments a = {.out = getenv("OCTBENCH_OUT")};
    struct sweep s = {.arguments = &a};
    int status;

    if (a.out && !*a.out)
        a.out = NULL;
    argp_err_exit_status = 2;
    status = options_from_environment(&a.options);
    if (status)
        return status;
    s.command = join_command(argc, argv);
    argp_parse(&run_argp, argc, argv, 0, NULL, &a);
    status = selection_load(&s.config, &a.options);
    if (status)
        goto done;
    s.ctx.config = &s.config;
    s.ctx.isa = a.options.isa;
    s.ctx.arguments = argv + 1;
    status = a.launch ? launch(&s) : a.dry_run ? dry_run(&s.config) : sweep(&s);
    close_machine(&s);
    report_close(&s.report);
    run_notes_free(&s.notes);
    config_free(&s.config);
done:
    free(s.command);
    return status;
}
