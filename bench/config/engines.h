/* SPDX-License-Identifier: MIT */
/* Outside engines by name: those that the project ships, and those of a config's `engines`. */
#ifndef BENCH_ENGINES_H
#define BENCH_ENGINES_H

#include "config/yaml.h"
#include "octconv.h"

#define MAX_ENGINES 24

/* A program that computes cases when told so in lines (docs/engines.md). */
struct engine {
    struct oct_kernel kernel; /* what rows say of it; it cannot plan */
    char *name;
    char *program; /* a path; NULL: one of scripts/engines/, named after the engine */
    uint64_t
        timeout_ns; /* of any answer but that of a run, which has as long and ten times what it should take
                     */
};

struct engines {
    int count;
    struct engine engine[MAX_ENGINES];
};

/* Those that are shipped. False: no memory. */
bool engines_shipped(struct engines *out);
/* Adds those of a config's mapping; paths are relative to the config's folder. */
void engines_read(struct engines *out, const struct yaml_node *map, struct complaints *to);
void engines_free(struct engines *engines);

#endif
