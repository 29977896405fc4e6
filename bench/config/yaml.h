/* SPDX-License-Identifier: MIT */
/* A YAML file as a tree whose nodes know where they stand. */
#ifndef BENCH_YAML_H
#define BENCH_YAML_H

#include "base/complain.h"

#include <stdbool.h>

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    int line, column; /* from 1 */
    bool quoted;      /* a scalar in quotes is text, whatever it looks like */
    char *text;       /* of a scalar; "" where the value is left out */
    size_t count;
    struct yaml_node **key;  /* of a map: `count` scalars, no two alike */
    struct yaml_node **item; /* of a list or a map; an alias shares the node of its anchor */
    struct yaml_node *next;  /* the tree's own list, for freeing */
};

struct yaml_tree {
    struct yaml_node *root; /* NULL after errors */
    struct yaml_node *all;
    uint64_t hash; /* of the file's bytes */
};

/* Reads the file at to->path. Errors (unreadable, too long, not UTF-8, not YAML, nested too deeply, duplicate
 * keys, ...) go to `to`; then root is NULL. yaml_free either way. */
void yaml_read(struct yaml_tree *out, struct complaints *to);
void yaml_free(struct yaml_tree *tree);

/* The value of a key, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* "a list", "a mapping", or the scalar itself, for messages; buf holds what does not fit as it is. */
const char *yaml_show(const struct yaml_node *node, char buf[64]);

#define complain_at(to, node, ...) complain(to, (node)->line, (node)->column, __VA_ARGS__)

#endif
