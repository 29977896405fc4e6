/* SPDX-License-Identifier: MIT */
/* octbench verify: every kernel that claims a problem agrees with the reference. */
#define _GNU_SOURCE
#include "commands/commands.h"

#include "base/crash.h"
#include "commands/options.h"
#include "check/contract.h"
#include "check/random_problem.h"
#include "commands/selection.h"
#include "check/stats.h"

#include <argp.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_KERNELS      64
#define MAX_TEAMS        8
#define DEFAULT_COUNT    300
#define DEFAULT_MAX_MACS 4000000

enum { KEY_COUNT = 3000, KEY_THREADS, KEY_KERNEL, KEY_MAX_MACS };

struct arguments {
    struct options options;
    uint64_t count, max_macs;
    int teams[MAX_TEAMS], team_count;
    const char *kernel; /* glob; NULL: all */
};

struct tally {
    long checked, exact, unsupported, wrong;
};

struct verification {
    const struct arguments *arguments;
    const struct oct_kernel *reference;
    struct tally tallies[MAX_KERNELS];
};

/* ---- arguments ----------------------------------------------------------------------------------- */

static void parse_threads(struct arguments *a, char *text, struct argp_state *state)
{
    char *rest = NULL;

    a->team_count = 0;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (a->team_count == MAX_TEAMS)
            argp_error(state, "--threads: more than %d team sizes", MAX_TEAMS);
        a->teams[a->team_count++] = (int)options_number(state, "--threads", word, 1, 1024);
    }
    if (!a->team_count)
        argp_error(state, "--threads: which, such as 1,2?");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case KEY_COUNT:
        a->count = options_number(state, "--count", arg, 1, 100000000);
        return 0;
    case KEY_MAX_MACS:
        a->max_macs = options_number(state, "--max-macs", arg, 4096, UINT64_C(1000000000000));
        return 0;
    case KEY_THREADS:
        parse_threads(a, arg, state);
        return 0;
    case KEY_KERNEL:
        a->kernel = arg;
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->child_inputs[1] = &a->options;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option verify_options[] = {
    {"count", KEY_COUNT, "N", 0, "Random layers when no CONFIG is given (300)", 1},
    {"max-macs", KEY_MAX_MACS, "N", 0, "Multiply-adds that a random layer may have (4000000)", 1},
    {"threads", KEY_THREADS, "LIST", 0, "Team sizes, taken in turn (1,2)", 1},
    {"kernel", KEY_KERNEL, "GLOB", 0, "Only kernels whose name matches", 1},
    {0}};

static const struct argp_child children[] = {
    {&options_cases, 0, NULL, 0}, {&options_common, 0, NULL, 0}, {0}};

static const struct argp verify_argp = {
    verify_options,
    parse,
    "[CONFIG]",
    "Compare every kernel that claims a layer with the reference: on small integers, where exact kernels "
    "must be\n"
    "equal to the last bit, and on reals, within a bound. The layers are those of CONFIG, or random ones "
    "over all\n"
    "options of the operator. No timing.\v"
    "Examples:\n"
    "  octbench verify --count 2000\n"
    "  octbench verify configs/resnet50-layers.yaml\n"
    "  octbench verify --seed 1234 --count 1 --kernel 'f32_avx*'   reruns one random layer",
    children,
    NULL,
    NULL};

/* ---- one layer ----------------------------------------------------------------------------------- */

static bool wanted(const struct arguments *a, const struct oct_kernel *k)
{
    return !a->kernel || fnmatch(a->kernel, k->name, 0) == 0;
}

static size_t index_of(const struct oct_kernel *kernel)
{
    size_t i = 0;

    while (oct_kernels[i] != kernel)
        i++;
    return i;
}

/* A failure: what is wrong, of which layer, and the command that shows it again. */
static void report_failure(const struct oct_kernel *k, const struct operands *ops, int threads,
                           const char *what, const char *rerun)
{
    char layer[400];

    problem_text(&ops->problem, layer, sizeof(layer));
    fprintf(stderr, "WRONG %s, %d thread%s, %s, seed %llu: %s\n  layer: %s\n  rerun: %s\n", k->name, threads,
            threads > 1 ? "s" : "", ops->fill == FILL_INTEGERS ? "integers" : "reals",
            (unsigned long long)ops->seed, what, layer, rerun);
}

/* False: the kernel declined. */
static bool verify_kernel(struct verification *v, const struct oct_kernel *k, const struct operands *ops,
                          int threads, const char *rerun)
{
    struct tally *tally = &v->tallies[index_of(k)];
    struct prepared prepared;
    struct oct_message msg = {""};
    char layer[400];
    int status;

    problem_text(&ops->problem, layer, sizeof(layer));
    crash_note("%s, %d thread%s\n  layer: %s\n  rerun: %s\n", k->name, threads, threads > 1 ? "s" : "", layer,
               rerun);
    status = contract_check(&prepared, k, ops, threads, &msg);
    if (status == OCT_UNSUPPORTED)
        return false;
    if (!status) {
        tally->exact += prepared.err_bound == 0;
        prepared_free(&prepared);
    } else {
        tally->wrong++;
        report_failure(k, ops, threads, msg.text, rerun);
    }
    tally->checked++;
    return true;
}

/* Every wanted kernel on one layer; OCT_ERROR where the reference itself failed. */
static int verify_layer(struct verification *v, const struct oct_problem *p, uint64_t seed, int threads,
                        const char *rerun)
{
    bool declined[MAX_KERNELS] = {false};

    for (enum fill fill = FILL_INTEGERS; fill <= FILL_REALS; fill++) {
        struct operands ops;
        struct oct_message msg;

        if (operands_make(&ops, p, fill, seed, v->reference, threads, &msg) ||
            operands_add_magnitudes(&ops, v->reference, threads, &msg)) {
            fprintf(stderr, "octbench: the reference failed: %s\n  rerun: %s\n", msg.text, rerun);
            operands_free(&ops);
            return OCT_ERROR;
        }
        for (int i = 0; oct_kernels[i] && i < MAX_KERNELS; i++) {
            const struct oct_kernel *k = oct_kernels[i];
            if (k == v->reference || !wanted(v->arguments, k) || declined[i])
                continue;
            declined[i] = !verify_kernel(v, k, &ops, threads, rerun);
            v->tallies[i].unsupported += declined[i];
        }
        operands_free(&ops);
    }
    return OCT_OK;
}

/* ---- many layers --------------------------------------------------------------------------------- */

static void show_progress(const struct arguments *a, uint64_t done, uint64_t all)
{
    if (a->options.quiet || a->options.no_progress || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r\033[K%llu/%llu layers", (unsigned long long)done, (unsigned long long)all);
    if (done == all)
        fputs("\r\033[K", stderr);
    fflush(stderr);
}

/* Each layer has a seed of its own, the run's plus its number, so that one of them can be had again alone. */
static int verify_random(struct verification *v)
{
    const struct arguments *a = v->arguments;
    int status = OCT_OK;

    for (uint64_t i = 0; i < a->count && !status; i++) {
        uint64_t seed = a->options.seed + i, state = seed;
        int threads = a->teams[seed % (uint64_t)a->team_count];
        struct oct_problem p = random_problem(&state, a->max_macs);
        char rerun[200];

        snprintf(rerun, sizeof(rerun),
                 "octbench verify --count 1 --seed %llu --threads %d --max-macs %llu%s%s",
                 (unsigned long long)seed, threads, (unsigned long long)a->max_macs,
                 a->options.isa ? " --isa " : "", a->options.isa ? a->options.isa : "");
        show_progress(a, i, a->count);
        status = verify_layer(v, &p, seed, threads, rerun);
    }
    show_progress(a, a->count, a->count);
    return status;
}

static bool seen_before(const struct config *config, size_t group, size_t at)
{
    const struct group *now = &config->groups[group];

    for (size_t g = 0; g <= group; g++) {
        const struct group *then = &config->groups[g];
        for (size_t i = 0; i < (g == group ? at : then->count); i++)
            if (then->threads == now->threads &&
                memcmp(&then->cases[i].problem, &now->cases[at].problem, sizeof(then->cases[i].problem)) == 0)
                return true;
    }
    return false;
}

static int verify_config(struct verification *v)
{
    const struct options *options = &v->arguments->options;
    struct config config;
    char rerun[400];
    size_t done = 0;
    int status = selection_load(&config, options);

    if (status)
        return status;
    for (size_t g = 0; g < config.count && !status; g++)
        for (size_t i = 0; i < config.groups[g].count && !status; i++) {
            const struct bench_case *c = &config.groups[g].cases[i];
            show_progress(v->arguments, ++done, config_cases(&config));
            if (seen_before(&config, g, i))
                continue;
            snprintf(rerun, sizeof(rerun), "octbench verify %s --filter '%s'", options->config, c->name);
            status =
                verify_layer(v, &c->problem, config.measure.seed, config.groups[g].threads, rerun) ? 1 : 0;
        }
    config_free(&config);
    return status;
}

static int conclude(const struct verification *v)
{
    long checked = 0, wrong = 0;

    printf("%-24s %9s %9s %12s %7s\n", "kernel", "checked", "exactly", "unsupported", "wrong");
    for (int i = 0; oct_kernels[i] && i < MAX_KERNELS; i++) {
        const struct tally *t = &v->tallies[i];

        if (oct_kernels[i] == v->reference || !wanted(v->arguments, oct_kernels[i]))
            continue;
        printf("%-24s %9ld %9ld %12ld %7ld\n", oct_kernels[i]->name, t->checked, t->exact, t->unsupported,
               t->wrong);
        checked += t->checked;
        wrong += t->wrong;
    }
    printf("%ld comparisons with %s, %ld wrong\n", checked, v->reference->name, wrong);
    if (wrong)
        return 5;
    if (checked)
        return 0;
    fprintf(stderr, "octbench: nothing was checked: no kernel claimed any of these layers\n");
    return 6;
}

int verify_main(int argc, char **argv)
{
    struct arguments a = {
        .count = DEFAULT_COUNT, .max_macs = DEFAULT_MAX_MACS, .teams = {1, 2}, .team_count = 2};
    struct verification v = {.arguments = &a, .reference = oct_kernels[0]};
    int status = options_from_environment(&a.options);

    argp_err_exit_status = 2;
    if (status)
        return status;
    if (!a.options.seed_set)
        a.options.seed = 1;
    argp_parse(&verify_argp, argc, argv, 0, NULL, &a);
    crash_install();
    if (a.options.config)
        status = verify_config(&v);
    else
        status = verify_random(&v) ? 1 : 0;
    return status ? status : conclude(&v);
}
