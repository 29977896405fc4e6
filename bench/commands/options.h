/* SPDX-License-Identifier: MIT */
/* Flags that several subcommands share. A flag wins over its OCTBENCH_* variable, that over the config. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct argp;

/* Which cases of a config, and how loudly. Zero is a good start; then options_from_environment(). */
struct options {
    const char *config; /* the argument CONFIG; NULL: none was given */
    const char *filter; /* NULL: all */
    int shard, shards;  /* 1-based; shards 0: all */
    bool seed_set;
    uint64_t seed;
    bool quiet, verbose, no_progress;
    const char *isa; /* the limit in force; NULL: none */
};

/* Reads OCTBENCH_ISA and OCTBENCH_SEED; the instruction-set limit acts at once. 0, or 2 with a word on
 * stderr. */
int options_from_environment(struct options *options);

/* -q -v --no-progress --isa: the child of every subcommand's parser. Its input is a struct options. */
extern const struct argp options_common;
/* CONFIG --filter --shard --seed: for those that read a config. */
extern const struct argp options_cases;

/* Numbers from the command line, or argp's error that names the flag. `state` is a struct argp_state. */
uint64_t options_number(const void *state, const char *flag, const char *text, uint64_t low, uint64_t high);

#endif
