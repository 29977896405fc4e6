/* SPDX-License-Identifier: MIT */
/* The keys of a layer, what they set, and how that becomes a problem. Every field of a problem is a key by
 * its own name; shorter keys set several. */
#ifndef BENCH_LAYER_H
#define BENCH_LAYER_H

#include "config/values.h"

#define PROBLEM_SLOTS 48 /* at least the rows of oct_fields[] */

/* What a key sets: slot i below PROBLEM_SLOTS is row i of oct_fields[]; the others are the config's own. */
enum slot {
    SLOT_LAYER = PROBLEM_SLOTS,
    SLOT_C_IN,
    SLOT_C_OUT,
    SLOT_ALPHA_IN,
    SLOT_ALPHA_OUT,
    SLOT_CACHE,
    SLOT_KERNEL,
    SLOT_THREADS,
    SLOTS,
};

/* The slot of a problem's field. */
int slot_of(const char *field);

struct value {
    const struct yaml_node *at; /* NULL: not set */
    int64_t number;             /* integers, words, sets of words as bits */
    double real;
    int channels[OCT_MAX_BANDS], bands;
    int side[4];   /* padding as a list: top, bottom, left, right */
    bool per_path; /* groups: {per_path: N} */
    struct kernel_set kernels;
};

struct layer_values {
    struct value slot[SLOTS];
};

#define MOST_SETS 4

enum layer_type {
    TYPE_INTEGER,
    TYPE_REAL,
    TYPE_WORD,
    TYPE_FLAGS,
    TYPE_CHANNELS,
    TYPE_GROUPS, /* a number, depthwise, or {per_path: N} */
    TYPE_SIDES,  /* a number, a word, [h, w] or [top, bottom, left, right] */
    TYPE_NAME,
    TYPE_KERNEL,
};

struct layer_key {
    const char *name;
    enum layer_type type;
    int sets[MOST_SETS]; /* slots */
    int64_t low, high;
    const struct oct_word *words; /* ended by a NULL name; an integer may have some beside its numbers */
    int count;                    /* of sets */
};

/* The key of that name. False after a complaint that offers the nearest one. */
bool layer_key_find(struct layer_key *out, const struct yaml_node *name, struct complaints *to);
/* One value of a key. False after a complaint. */
bool layer_value_read(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                      const struct kernel_reach *reach, struct complaints *to);
/* Is it one of kernel, threads, cache, dtype: how a layer is run, not what it is? */
bool layer_key_is_how(const struct layer_key *key);
void layer_set(struct layer_values *values, const struct layer_key *key, const struct value *value);
/* Does the key set a field that `values` has already? */
bool layer_has(const struct layer_values *values, const struct layer_key *key);
/* A whole mapping of layer keys with one value each. Keys that set the same field are an error. */
bool layer_values_read(struct layer_values *out, const struct yaml_node *map,
                       const struct kernel_reach *reach, struct complaints *to);
/* Every field that `over` sets replaces that of `base`. */
void layer_overlay(struct layer_values *base, const struct layer_values *over);
/* Do all fields that `pattern` sets, but the kernel, have the same value in `values`? */
bool layer_matches(const struct layer_values *values, const struct layer_values *pattern);

struct layer {
    struct oct_problem problem;
    double alpha_in, alpha_out;
    bool listed; /* channels came as lists, so alpha does not tell the split */
    int threads;
    enum cache_mode cache;
    const char *name; /* NULL: named by its geometry */
    const struct yaml_node *at;
};

/* The problem that the values describe, checked. `suite` is the place to complain of what is missing. */
bool layer_resolve(struct layer *out, const struct layer_values *values, const struct yaml_node *suite,
                   struct complaints *to);

#endif
