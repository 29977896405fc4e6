/* SPDX-License-Identifier: MIT */
/* The four sweep words: matrix (crossed), zip (side by side), exclude, include. */
#ifndef BENCH_SUITE_H
#define BENCH_SUITE_H

#include "config/layer.h"

/* Values of one key; all columns of a dimension advance together. */
struct column {
    struct layer_key key;
    struct value *values;
};

struct dimension {
    size_t length, columns;
    struct column *column;
};

struct pattern {
    struct layer_values values;
    const struct yaml_node *at;
    bool used;
};

struct suite {
    const char *name;
    const struct yaml_node *at; /* its name in the file */
    size_t dims, excludes, includes;
    struct dimension *dim; /* zip first, then matrix in the file's order: the last one turns fastest */
    struct pattern *exclude, *include;
};

/* False after complaints; suite_free either way. */
bool suite_read(struct suite *out, const struct yaml_node *name, const struct yaml_node *body,
                const struct engines *engines, struct complaints *to);
void suite_free(struct suite *suite);

/* Combinations before any exclude, at most `limit`. */
size_t suite_combinations(const struct suite *suite, size_t limit);

/* Calls `each` with the values of every combination that is left and the kernels that are left of it. Stops
 * when it returns false. Marks the patterns that were of use. */
typedef bool (*suite_each)(void *user, const struct suite *suite, const struct layer_values *values,
                           uint64_t kernels);
bool suite_walk(struct suite *suite, const struct layer_values *defaults, struct complaints *to,
                suite_each each, void *user);

#endif
