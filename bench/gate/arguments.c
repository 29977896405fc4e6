/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "gate/gate.h"

#include "base/output.h"
#include "config/config.h"
#include "gate/library.h"

#include <argp.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_BASE_KERNEL = 0x100,
    KEY_NEW_KERNEL,
    KEY_ISA,
    KEY_QUADS,
    KEY_SAMPLE,
    KEY_FILTER,
    KEY_SEED,
    KEY_TIMEOUT,
    KEY_QUADS_CSV,
    KEY_NO_PROGRESS,
};

static const struct argp_option shared_options[] = {
    {"tolerance", 't', "PERCENT", 0, "slowdown that is still acceptable (default 1.5)", 0},
    {"alpha", 'a', "P", 0, "chance of any false alarm in the whole gate (default 0.01)", 0},
    {"filter", KEY_FILTER, "REGEX", 0, "only cases whose name matches", 0},
    {"isa", KEY_ISA, "LEVEL", 0, "use no instruction set above base, avx2, avx512, ...", 0},
    {"quads", KEY_QUADS, "N", 0, "ABBA quads a launch and case (default 32)", 1},
    {"sample", KEY_SAMPLE, "MICROSECONDS", 0, "length of one sample (default 400)", 1},
    {"seed", KEY_SEED, "N", 0, "of the data and of every random order (default 1)", 1},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "a launch that takes longer has failed (default 120)", 1},
    {"quads-csv", KEY_QUADS_CSV, "FILE", 0, "keep every quad's log-ratio", 1},
    {"quiet", 'q', NULL, 0, "no progress on stderr", 2},
    {"no-progress", KEY_NO_PROGRESS, NULL, 0, "the same as --quiet", 2},
    {"verbose", 'v', NULL, 0, "accepted as everywhere; the gate has no more to say", 2},
    {0},
};

struct gate_arguments gate_defaults(void)
{
    return (struct gate_arguments){
        .options = {.seed = 1, .quads = 32, .sample_ns = 400000, .timeout_ns = UINT64_C(120000000000)},
        .rule = {.tolerance = log1p(0.015), .alpha = 0.01},
        .runs = 59,
    };
}

/* A number within [low, high], or argp's error, which names the option's argument. */
static double number(struct argp_state *state, const char *what, const char *text, double low, double high)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= low && value <= high))
        argp_error(state, "%s: '%s' is not a number from %g to %g", what, text, low, high);
    return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct gate_arguments *a = state->input;
    uint32_t mask;

    switch (key) {
    case 't':
        a->rule.tolerance = log1p(number(state, "--tolerance", arg, 0.01, 100) / 100);
        return 0;
    case 'a':
        a->rule.alpha = number(state, "--alpha", arg, 1e-6, 0.5);
        return 0;
    case KEY_FILTER:
        a->options.filter = arg;
        return 0;
    case KEY_ISA:
        if (!oct_isa_parse(arg, &mask))
            argp_error(state, "--isa: '%s' is none of base, avx2, avx512, avx512_vnni, avx512_bf16, amx",
                       arg);
        a->options.isa = arg;
        return 0;
    case KEY_QUADS:
        a->options.quads = (int)number(state, "--quads", arg, 1, 100000);
        return 0;
    case KEY_SAMPLE:
        a->options.sample_ns = (uint64_t)(1000 * number(state, "--sample", arg, 1, 1e7));
        return 0;
    case KEY_SEED:
        a->options.seed = (uint64_t)number(state, "--seed", arg, 0, 1e15);
        return 0;
    case KEY_TIMEOUT:
        a->options.timeout_ns = (uint64_t)(1e9 * number(state, "--timeout", arg, 0.1, 1e6));
        return 0;
    case KEY_QUADS_CSV:
        a->quads_csv = arg;
        return 0;
    case 'q':
    case KEY_NO_PROGRESS:
        a->quiet = true;
        return 0;
    case 'v':
        return 0;
    case ARGP_KEY_ARG:
        if (a->options.config_path)
            return ARGP_ERR_UNKNOWN;
        a->options.config_path = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->options.config_path)
            argp_error(state, "which CONFIG? configs/ci.yaml is made for the gate");
        a->rule.quads = a->options.quads;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp gate_argp = {.options = shared_options, .parser = parse};

/* A signal handler can reach nothing but file scope. */
static volatile int interrupted;

static void interrupt(int number_of_signal)
{
    (void)number_of_signal;
    interrupted = 1;
}

volatile const int *gate_catch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &interrupted;
}

int gate_load(struct config *config, const struct gate_options *options)
{
    uint32_t mask;
    int status;

    if (options->isa && oct_isa_parse(options->isa, &mask))
        oct_cpu_limit(mask);
    status = config_load(config, options->config_path, stderr);
    if (status || !options->filter)
        return status;
    status = config_filter(config, options->filter, stderr);
    if (status)
        config_free(config);
    return status;
}

int gate_fail(int status, const struct oct_message *msg)
{
    fprintf(stderr, "octbench: error: %s\n", msg->text);
    return status;
}

int gate_check_outputs(const char *const paths[], int count)
{
    struct oct_message msg;

    for (int i = 0; i < count; i++)
        if (paths[i] && output_check(paths[i], &msg))
            return gate_fail(2, &msg);
    return 0;
}

int gate_open_quads(struct gate_run *run, const char *path)
{
    struct oct_message msg;

    if (!path)
        return 0;
    run->quads = output_stream(path, &msg);
    if (!run->quads)
        return gate_fail(2, &msg);
    fputs("run,launch,case,log_ratio\n", run->quads);
    return 0;
}

int gate_close_quads(struct gate_run *run, const char *path, int status)
{
    struct oct_message msg;

    if (!run->quads || !output_stream_close(run->quads, path, &msg))
        return status;
    return gate_fail(status ? status : 1, &msg);
}

int gate_check_libraries(const struct gate_options *options, char versions[2][64])
{
    const char *paths[2] = {options->base, options->new};

    for (int i = 0; i < 2; i++) {
        struct library library;
        struct oct_message msg;
        if (library_open(&library, paths[i], &msg)) {
            fprintf(stderr, "octbench: error: %s\n", msg.text);
            return 2;
        }
        snprintf(versions[i], 64, "%s", library.version);
        library_close(&library);
    }
    return 0;
}
