/* SPDX-License-Identifier: MIT */
/* The keys of a layer: names, types, ranges, and how their values become a problem. */
#ifndef BENCH_LAYER_H
#define BENCH_LAYER_H

#include "config/values.h"

/* What a key sets; `k` sets two of them, `alpha` too. */
enum field {
    FIELD_LAYER,
    FIELD_N,
    FIELD_D,
    FIELD_H,
    FIELD_W,
    FIELD_KD,
    FIELD_KH,
    FIELD_KW,
    FIELD_STRIDE,
    FIELD_PAD,
    FIELD_DILATION,
    FIELD_GROUPS,
    FIELD_C_IN,
    FIELD_C_OUT,
    FIELD_ALPHA_IN,
    FIELD_ALPHA_OUT,
    FIELD_BANDS,
    FIELD_IC,
    FIELD_OC,
    FIELD_DOWN,
    FIELD_STRIDE_ORDER,
    FIELD_PATHS,
    FIELD_DTYPE,
    FIELD_EPILOGUE,
    FIELD_CACHE,
    FIELD_KERNEL,
    FIELD_THREADS,
    FIELDS,
};

struct value {
    const struct yaml_node *at; /* NULL: not set */
    int64_t number;             /* integers, words, sets of words as bits */
    double real;
    int channels[OCT_MAX_BANDS], bands;
    struct kernel_set kernels;
};

struct layer_values {
    struct value field[FIELDS];
};

struct layer_key;

/* The key of that name, or NULL after a complaint that offers the nearest one. */
const struct layer_key *layer_key_find(const struct yaml_node *name, struct complaints *to);
/* One value of a key. False after a complaint. */
bool layer_value_read(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                      enum kernel_reach reach, struct complaints *to);
/* Is it one of kernel, threads, cache, dtype: how a layer is run, not what it is? */
bool layer_key_is_how(const struct layer_key *key);
void layer_set(struct layer_values *values, const struct layer_key *key, const struct value *value);
/* Does the key set a field that `values` has already? */
bool layer_has(const struct layer_values *values, const struct layer_key *key);
/* A whole mapping of layer keys with one value each. Keys that set the same field are an error. */
bool layer_values_read(struct layer_values *out, const struct yaml_node *map, enum kernel_reach reach,
                       struct complaints *to);
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
