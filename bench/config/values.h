/* SPDX-License-Identifier: MIT */
/* Single values of a config: each reader returns false after a complaint of the form
 * 'what' must be ..., but is '...'. */
#ifndef BENCH_VALUES_H
#define BENCH_VALUES_H

#include "config/cases.h"
#include "config/yaml.h"

#define MAX_NAME 40 /* of a suite or a layer */

bool integer_read(int64_t *out, const char *what, const struct yaml_node *node, int64_t low, int64_t high,
                  struct complaints *to);
/* An integer, or the word, which sets *is_word. */
bool integer_or_word_read(int64_t *out, bool *is_word, const char *what, const struct yaml_node *node,
                          int64_t low, int64_t high, const char *word, struct complaints *to);
bool real_read(double *out, const char *what, const struct yaml_node *node, double low, double high,
               struct complaints *to);
bool bool_read(bool *out, const char *what, const struct yaml_node *node, struct complaints *to);
/* "200ms", "2s", "1min": a number with ns, us, ms, s or min. */
bool duration_read(uint64_t *out_ns, const char *what, const struct yaml_node *node, struct complaints *to);

/* The index of one of `count` words. */
bool word_read(int *out, const char *what, const struct yaml_node *node, const char *const *words,
               size_t count, struct complaints *to);
/* As word_read for text that is not a node of its own, such as one word of "bias relu". */
bool word_find(int *out, const char *what, const struct yaml_node *at, const char *text,
               const char *const *words, size_t count, struct complaints *to);

/* Letters, digits and . _ - only, as names become paths, patterns and cells. */
bool name_read(const char **out, const char *what, const struct yaml_node *node, struct complaints *to);

bool expect_map(const char *what, const struct yaml_node *node, struct complaints *to);
/* Complains of a key that is none of the words, with the nearest one. */
bool expect_key(const struct yaml_node *key, const char *const *words, size_t count, struct complaints *to);

/* Bits of outside engines in a set, by their place in struct engines; those below are the library's kernels.
 */
#define ENGINE_BIT 40

/* Kernels as bits of their places in oct_kernels[]. */
struct kernel_set {
    uint64_t named;   /* by its whole name: kept whatever the dtype, so that its row can say why not */
    uint64_t matched; /* by `all` or a glob: only those that compute in the dtype */
};

/* Which names are kernels. */
struct kernel_reach {
    bool anywhere; /* an exclude may name kernels that only other machines can run */
    const struct engines *engines;
};

/* A name, a glob, a list of these, or `all`. A name out of reach, or a glob that matches nothing within it,
 * is an error. */
bool kernels_read(struct kernel_set *out, const struct yaml_node *node, const struct kernel_reach *reach,
                  struct complaints *to);
/* Those of the set that stay for that dtype. */
uint64_t kernels_of(const struct kernel_set *set, enum oct_dtype dtype);
/* All that this machine can run, but the reference: what `all` means. */
uint64_t kernels_available(void);
/* The index of a single kernel by its exact name. */
bool kernel_read(const struct oct_kernel **out, const struct yaml_node *node, struct complaints *to);

#endif
