/* SPDX-License-Identifier: MIT */
/* octbench aa: the gate on a build against itself, many times: what this machine lets one claim. */
#define _GNU_SOURCE
#include "commands/commands.h"

#include "base/output.h"
#include "base/timer.h"
#include "gate/gate.h"
#include "machine/topology.h"

#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_RUNS = 0x300, KEY_LIB, KEY_CERTIFICATE };

/* Of the launches that a detectable slowdown must push beyond the tolerance: with this share, 11 of 12
 * confirming launches agree in 95% of gates (Binomial(12, .97)). */
#define LAUNCHES_BEYOND 0.97

static const struct argp_option aa_options[] = {
    {"runs", KEY_RUNS, "N", 0, "gates to run (default 59: none alarmed bounds the rate at 5%)", 0},
    {"lib", KEY_LIB, "LIB", 0,
     "load this liboctconv.so twice, under two names (default: the build linked in)", 0},
    {"certificate", KEY_CERTIFICATE, "FILE", 0, "write the certificate (JSON) that octbench ab checks", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct gate_arguments *a = state->input;
    char *end;
    long runs;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = a;
        return 0;
    case KEY_RUNS:
        runs = strtol(arg, &end, 10);
        if (*end || runs < 1 || runs > 100000)
            argp_error(state, "--runs: '%s' is not a number from 1 to 100000", arg);
        a->runs = (int)runs;
        return 0;
    case KEY_LIB:
        a->options.base = arg;
        return 0;
    case KEY_CERTIFICATE:
        a->certificate = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char aa_doc[] =
    "Certifies this machine for a config: runs the gate on one build against itself, and says how often it "
    "cried "
    "wolf and what slowdown it could have caught.\v"
    "  octbench aa configs/ci.yaml --lib build/kernels/liboctconv.so --certificate ci.json\n\n"
    "Exit status: 0 no false alarm, 4 there was one, 2 usage, 5 or 6 the build computes a wrong result or "
    "cannot run. More: docs/ci.md.";

static const struct argp_child aa_children[] = {{&gate_argp, 0, NULL, 0}, {0}};
static const struct argp aa_argp = {aa_options, parse, "CONFIG", aa_doc, aa_children, NULL, NULL};

/* Every launch estimate of one case, over all runs. */
struct history {
    double *values;
    size_t used;
};

static int add_history(struct history *h, const struct gate_state *s)
{
    double *grown =
        realloc(h->values, (h->used + (size_t)s->screened + (size_t)s->confirmed) * sizeof(*grown));

    if (!grown)
        return 1;
    h->values = grown;
    memcpy(h->values + h->used, s->screen, (size_t)s->screened * sizeof(*grown));
    h->used += (size_t)s->screened;
    memcpy(h->values + h->used, s->confirm, (size_t)s->confirmed * sizeof(*grown));
    h->used += (size_t)s->confirmed;
    return 0;
}

static void certify_case(struct certificate_case *c, const struct history *h, const struct gate_rule *rule,
                         double seconds_per_run)
{
    double low = stats_quantile(h->values, h->used, 0.025), high = stats_quantile(h->values, h->used, 0.975);
    double unlucky = stats_quantile(h->values, h->used, 1 - LAUNCHES_BEYOND);

    c->launches = (int)h->used;
    c->noise = fmax(fabs(low), fabs(high));
    c->smallest_detectable = exp(rule->tolerance - fmin(unlucky, 0)) - 1;
    c->seconds_to_halve = 4 * seconds_per_run;
}

static void summarise(struct certificate *out, const struct history *histories, const struct gate_rule *rule)
{
    for (int i = 0; i < out->count; i++) {
        certify_case(&out->cases[i], &histories[i], rule, out->seconds_per_run);
        out->tolerance_floor = fmax(out->tolerance_floor, exp(out->cases[i].noise) - 1);
    }
    /* Clopper-Pearson for no event in n; with events, their count plus two standard deviations suffices here.
     */
    out->rate_bound = out->false_alarms == 0
                          ? 1 - pow(0.05, 1.0 / out->runs)
                          : fmin(1, (out->false_alarms + 2 * sqrt(out->false_alarms) + 3) / out->runs);
}

static void print_certificate(const struct certificate *c, FILE *f)
{
    int width = 4;

    for (int i = 0; i < c->count; i++)
        width = (int)strlen(c->cases[i].name) > width ? (int)strlen(c->cases[i].name) : width;
    fprintf(f, "%-*s  %8s  %6s  %8s  %10s\n", width, "case", "launches", "alarms", "noise", "detectable");
    for (int i = 0; i < c->count; i++)
        fprintf(f, "%-*s  %8d  %6d  %7.2f%%  %9.2f%%\n", width, c->cases[i].name, c->cases[i].launches,
                c->cases[i].false_alarms, 100 * c->cases[i].noise, 100 * c->cases[i].smallest_detectable);
    fprintf(f,
            "\naa: %d runs, %d false alarms (95%% bound on their rate: %.1f%%), %d runs with an inconclusive "
            "case; "
            "tolerance %.2f%%, at least %.2f%% here; %.0f s a run, %.0f s to halve the noise\n",
            c->runs, c->false_alarms, 100 * c->rate_bound, c->inconclusive, 100 * c->tolerance,
            100 * c->tolerance_floor, c->seconds_per_run, 4 * c->seconds_per_run);
}

/* The same file under a second name, so that the loader maps its code twice. */
static int copy_library(const char *path, char *copy, size_t size)
{
    const char *directory = getenv("TMPDIR");
    FILE *from = fopen(path, "rb"), *to = NULL;
    char block[1 << 16];
    size_t got;
    int fd, failed = 1;

    if (!from) {
        perror(path);
        return 2;
    }
    snprintf(copy, size, "%s/octbench-aa-XXXXXX", directory ? directory : "/tmp");
    fd = mkstemp(copy);
    if (fd >= 0)
        to = fdopen(fd, "wb");
    while (to && (got = fread(block, 1, sizeof(block), from)) > 0)
        if (fwrite(block, 1, got, to) != got)
            break;
    if (to)
        failed = ferror(to) | ferror(from) | fclose(to);
    if (failed)
        perror(copy);
    fclose(from);
    return failed != 0;
}

static int run_all(const struct gate_arguments *a, struct gate_run *run, struct gate_state *states,
                   struct history *histories, struct certificate *out)
{
    for (int r = 0; r < a->runs; r++) {
        bool alarm = false;
        int status;

        run->run = r;
        status = gate_decide(&a->rule, states, run->count, gate_launch, run);
        if (status)
            return status;
        for (int i = 0; i < run->count; i++) {
            if (add_history(&histories[i], &states[i]))
                return 1;
            out->cases[i].false_alarms += states[i].answer == ANSWER_REGRESSED;
            alarm |= states[i].answer == ANSWER_REGRESSED;
        }
        out->runs++;
        out->false_alarms += alarm;
        out->inconclusive += gate_status(states, run->count) == 4;
        if (run->progress)
            fprintf(stderr, "run %d of %d: %d false alarms so far\n", r + 1, a->runs, out->false_alarms);
    }
    return 0;
}

static void name_machine(char *name, size_t size)
{
    struct oct_message msg;
    struct topology *topology = topology_open(NULL, &msg);
    struct machine machine;

    *name = '\0';
    if (!topology)
        return;
    topology_machine(topology, &machine);
    snprintf(name, size, "%s", machine.model);
    topology_close(topology);
}

/* A certificate on the standard output is for a program, which has no use for the table. */
static bool printed_elsewhere(const struct gate_arguments *a)
{
    return (a->certificate && output_is_stdout(a->certificate)) ||
           (a->quads_csv && output_is_stdout(a->quads_csv));
}

static int certify(const struct gate_arguments *a, const struct config *config)
{
    struct certificate certificate = {.tolerance = exp(a->rule.tolerance) - 1};
    struct gate_run run = {.options = &a->options,
                           .progress = !a->quiet,
                           .interrupted = gate_catch_signals(),
                           .started_ns = timer_now_ns()};
    struct gate_case *cases = NULL;
    struct gate_state *states = NULL;
    struct history *histories = NULL;
    int status = 1;

    run.count = certificate.count = gate_cases(config, &a->options, &cases);
    run.cases = cases;
    states = calloc((size_t)run.count + 1, sizeof(*states));
    histories = calloc((size_t)run.count + 1, sizeof(*histories));
    certificate.cases = calloc((size_t)run.count + 1, sizeof(*certificate.cases));
    if (!cases || !states || !histories || !certificate.cases)
        goto done;
    for (int i = 0; i < run.count; i++)
        certificate.cases[i].name = cases[i].name;
    snprintf(certificate.config_hash, sizeof(certificate.config_hash), "%s", config->hash);
    name_machine(certificate.machine, sizeof(certificate.machine));
    status = 6;
    if (run.count == 0) {
        fprintf(stderr, "octbench: error: %s leaves no case to certify\n", a->options.config_path);
        goto done;
    }
    status = gate_open_quads(&run, a->quads_csv);
    if (!status)
        status = gate_verify(&run);
    if (!status)
        status = run_all(a, &run, states, histories, &certificate);
    if (certificate.runs == 0)
        goto done;
    certificate.seconds_per_run = (double)(timer_now_ns() - run.started_ns) / 1e9 / certificate.runs;
    summarise(&certificate, histories, &a->rule);
    print_certificate(&certificate, printed_elsewhere(a) ? stderr : stdout);
    if (!status && a->certificate)
        status = certificate_write(&certificate, a->certificate);
    if (!status && certificate.false_alarms)
        status = 4;
done:
    status = gate_close_quads(&run, a->quads_csv, status);
    for (int i = 0; histories && i < run.count; i++)
        free(histories[i].values);
    free(histories);
    free(certificate.cases);
    free(states);
    free(cases);
    return status;
}

int aa_main(int argc, char **argv)
{
    struct gate_arguments a = gate_defaults();
    struct config config;
    char copy[4096] = "";
    int status;

    argp_err_exit_status = 2;
    argp_parse(&aa_argp, argc, argv, 0, NULL, &a);
    status = gate_load(&config, &a.options);
    if (status)
        return status;
    status = gate_check_outputs((const char *const[]){a.certificate, a.quads_csv}, 2);
    if (!status && a.options.base) {
        status = copy_library(a.options.base, copy, sizeof(copy));
        a.options.new = copy;
    }
    if (!status)
        status = certify(&a, &config);
    if (*copy)
        unlink(copy);
    config_free(&config);
    return status;
}
