/* SPDX-License-Identifier: MIT */
/* octbench ab: two builds (or two kernels), verified, measured interleaved in fresh processes, judged. */
#define _GNU_SOURCE
#include "commands/commands.h"

#include "base/output.h"
#include "base/timer.h"
#include "gate/gate.h"

#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_BASE = 0x200,
    KEY_NEW,
    KEY_BASE_KERNEL,
    KEY_NEW_KERNEL,
    KEY_CERTIFICATE,
    KEY_JSON,
    KEY_JUNIT,
    KEY_GITHUB
};

static const struct argp_option ab_options[] = {
    {"base", KEY_BASE, "LIB", 0, "the build to compare with: a liboctconv.so (default: the build linked in)",
     0},
    {"new", KEY_NEW, "LIB", 0, "the build to judge (default: the build linked in)", 0},
    {"base-kernel", KEY_BASE_KERNEL, "NAME", 0,
     "the kernel to compare with, on the config's layers (default: each kernel of the config)", 0},
    {"new-kernel", KEY_NEW_KERNEL, "NAME", 0, "the kernel to judge (default: likewise)", 0},
    {"certificate", KEY_CERTIFICATE, "FILE", 0, "of octbench aa: refuse a tolerance below what it certifies",
     0},
    {"json", KEY_JSON, "FILE", 0, "the verdicts as JSON", 2},
    {"junit", KEY_JUNIT, "FILE", 0, "the verdicts as JUnit XML", 2},
    {"github", KEY_GITHUB, NULL, 0, "GitHub annotations on stdout", 2},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct gate_arguments *a = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = a;
        return 0;
    case KEY_BASE:
        a->options.base = arg;
        return 0;
    case KEY_NEW:
        a->options.new = arg;
        return 0;
    case KEY_BASE_KERNEL:
        a->options.base_kernel = arg;
        return 0;
    case KEY_NEW_KERNEL:
        a->options.new_kernel = arg;
        return 0;
    case KEY_CERTIFICATE:
        a->certificate = arg;
        return 0;
    case KEY_JSON:
        a->json = arg;
        return 0;
    case KEY_JUNIT:
        a->junit = arg;
        return 0;
    case KEY_GITHUB:
        a->github = true;
        return 0;
    case ARGP_KEY_END:
        if (!a->options.base && !a->options.new && !a->options.base_kernel && !a->options.new_kernel)
            argp_error(state, "nothing to compare: give --base and --new, or --base-kernel and --new-kernel");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char ab_doc[] =
    "Compares two builds of liboctconv, or two kernels, and says of each case whether the new one is "
    "slower.\v"
    "Both are measured in the same process, interleaved in ABBA order, over several launches. A case is "
    "regressed "
    "only when fresh launches confirm it.\n\n"
    "  octbench ab --base old/liboctconv.so --new build/kernels/liboctconv.so configs/ci.yaml\n"
    "  octbench ab --base-kernel f32_onednn_postop --new-kernel f32_avx512_direct configs/ci.yaml\n\n"
    "Exit status: 0 nothing got slower, 2 usage, 3 a regression, 4 too noisy to tell, 5 the new build "
    "computes a wrong "
    "result or crashes, 6 a required case cannot run. More: docs/ci.md.";

static const struct argp_child ab_children[] = {{&gate_argp, 0, NULL, 0}, {0}};
static const struct argp ab_argp = {ab_options, parse, "CONFIG", ab_doc, ab_children, NULL, NULL};

static int write_reports(const struct gate_arguments *a, const struct gate_report *report)
{
    const char *const files[] = {a->json, a->junit, a->quads_csv};
    FILE *people = stdout;
    int failed = 0;

    for (int i = 0; i < 3; i++)
        if (files[i] && output_is_stdout(files[i]))
            people = stderr;
    gate_report_table(report, people);
    if (a->github)
        gate_report_annotations(report, people);
    if (a->json)
        failed |= gate_report_json(report, a->json);
    if (a->junit)
        failed |= gate_report_junit(report, a->junit);
    return failed;
}

static int judge(const struct gate_arguments *a, const struct config *config)
{
    struct gate_case *cases = NULL;
    struct gate_state *states = NULL;
    struct gate_run run = {.options = &a->options,
                           .progress = !a->quiet,
                           .interrupted = gate_catch_signals(),
                           .started_ns = timer_now_ns()};
    struct gate_report report = {.options = &a->options, .rule = &a->rule};
    char versions[2][64];
    int status = 1;

    run.count = gate_cases(config, &a->options, &cases);
    run.cases = cases;
    states = calloc((size_t)run.count + 1, sizeof(*states));
    if (!cases || !states)
        goto done;
    status = 6;
    if (run.count == 0) {
        fprintf(stderr, "octbench: error: %s leaves no case to compare\n", a->options.config_path);
        goto done;
    }
    status = gate_check_libraries(&a->options, versions);
    if (!status)
        status = gate_verify(&run);
    if (!status)
        status = gate_open_quads(&run, a->quads_csv);
    if (!status)
        status = gate_decide(&a->rule, states, run.count, gate_launch, &run);
    if (status)
        goto done;
    report.cases = cases;
    report.states = states;
    report.count = run.count;
    report.launches = run.launches;
    report.seconds = (double)(timer_now_ns() - run.started_ns) / 1e9;
    report.base_version = versions[0];
    report.new_version = versions[1];
    status = write_reports(a, &report);
    if (!status)
        status = gate_status(states, run.count);
done:
    status = gate_close_quads(&run, a->quads_csv, status);
    free(states);
    free(cases);
    return status;
}

int ab_main(int argc, char **argv)
{
    struct gate_arguments a = gate_defaults();
    struct config config;
    int status;

    argp_err_exit_status = 2;
    argp_parse(&ab_argp, argc, argv, 0, NULL, &a);
    status = gate_load(&config, &a.options);
    if (status)
        return status;
    status = gate_check_outputs((const char *const[]){a.json, a.junit, a.quads_csv}, 3);
    if (!status && a.certificate)
        status = certificate_check(a.certificate, config.hash, exp(a.rule.tolerance) - 1);
    if (!status)
        status = judge(&a, &config);
    config_free(&config);
    return status;
}
