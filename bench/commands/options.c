/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "commands/options.h"

#include "octconv.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_NO_PROGRESS = 1000, KEY_ISA, KEY_FILTER, KEY_SHARD, KEY_SEED };

#define ISA_NAMES "base, avx2, avx512, avx512_vnni, avx512_bf16, amx"

uint64_t options_number(const void *state, const char *flag, const char *text, uint64_t low, uint64_t high)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value < low || value > high)
        argp_error(state, "%s: '%s' is not a whole number from %llu to %llu", flag, text,
                   (unsigned long long)low, (unsigned long long)high);
    return value;
}

/* Before the first plan: the libraries below fix their choice at first use. */
static bool limit_isa(struct options *options, const char *name)
{
    uint32_t mask;

    if (!oct_isa_parse(name, &mask))
        return false;
    oct_cpu_limit(mask);
    options->isa = name;
    return true;
}

int options_from_environment(struct options *options)
{
    const char *isa = getenv("OCTBENCH_ISA"), *seed = getenv("OCTBENCH_SEED");
    char *end;

    if (isa && *isa && !limit_isa(options, isa)) {
        fprintf(stderr, "octbench: OCTBENCH_ISA: '%s' is none of " ISA_NAMES "\n", isa);
        return 2;
    }
    if (!seed || !*seed)
        return 0;
    errno = 0;
    options->seed = strtoull(seed, &end, 10);
    options->seed_set = true;
    if (errno || *end || *seed == '-') {
        fprintf(stderr, "octbench: OCTBENCH_SEED: '%s' is not a whole number\n", seed);
        return 2;
    }
    return 0;
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'q':
        options->quiet = true;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case KEY_NO_PROGRESS:
        options->no_progress = true;
        return 0;
    case KEY_ISA:
        if (!limit_isa(options, arg))
            argp_error(state, "--isa: '%s' is none of " ISA_NAMES, arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option common_options[] = {
    {"quiet", 'q', NULL, 0, "Say nothing but results and errors", 10},
    {"verbose", 'v', NULL, 0, "Say more on stderr", 10},
    {"no-progress", KEY_NO_PROGRESS, NULL, 0, "No progress line", 10},
    {"isa", KEY_ISA, "MASK", 0, "Use no instruction set above MASK: " ISA_NAMES " (OCTBENCH_ISA)", 10},
    {0}};

const struct argp options_common = {.options = common_options, .parser = parse_common};

static void parse_shard(struct options *options, const char *arg, struct argp_state *state)
{
    char end;

    if (sscanf(arg, "%d/%d%c", &options->shard, &options->shards, &end) != 2 || options->shard < 1 ||
        options->shards < options->shard)
        argp_error(state, "--shard: '%s' is not I/N with I from 1 to N, such as 2/4", arg);
}

static error_t parse_cases(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case KEY_FILTER:
        options->filter = arg;
        return 0;
    case KEY_SHARD:
        parse_shard(options, arg, state);
        return 0;
    case KEY_SEED:
        options->seed = options_number(state, "--seed", arg, 0, UINT64_MAX);
        options->seed_set = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->config)
            argp_error(state, "one CONFIG at a time: '%s' and '%s'", options->config, arg);
        options->config = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option case_options[] = {
    {"filter", KEY_FILTER, "RE", 0,
     "Only cases whose name matches this extended regular expression, and the vanilla cases that they are "
     "compared with ('octbench list' prints names)",
     1},
    {"shard", KEY_SHARD, "I/N", 0, "Only the I-th of N parts: run the parts on N equal machines", 1},
    {"seed", KEY_SEED, "N", 0, "Of operands and of the order in the rounds (OCTBENCH_SEED)", 1},
    {0}};

const struct argp options_cases = {.options = case_options, .parser = parse_cases};
