/* SPDX-License-Identifier: MIT */
/* What the readers of a network file share: where names and numbers of an entry come from, and the nodes so
 * far. Every bool is false after a complaint. */
#ifndef BENCH_NETWORK_BUILD_H
#define BENCH_NETWORK_BUILD_H

#include "config/network.h"
#include "config/values.h"

#define MAX_PARAMETERS 16
#define MAX_USES       64   /* names of blocks in use */
#define MAX_NODES      4096 /* of a network */
#define MAX_NODE_NAME  96

struct parameter {
    const char *name;
    double value;
};

/* Where an entry stands: the file's list of nodes, or one use of a block. */
struct scope {
    const struct scope *outer;     /* of a block: the file's */
    const char *prefix;            /* of the names of its nodes: "stage2.1." */
    const struct yaml_node *nodes; /* the list that is being read */
    int in;                        /* what a block calls `in`; -1 in the file's list */
    struct parameter parameter[MAX_PARAMETERS];
    int count;
};

/* A name under which blocks were used: the number goes on from use to use. */
struct use {
    const char *name;
    int times;
    int output; /* last node of the latest */
};

struct builder {
    struct complaints *to;
    struct network *net;
    const struct yaml_node *blocks;        /* NULL: none */
    const struct yaml_node *at[MAX_NODES]; /* the entry of each node */
    bool read[MAX_NODES];                  /* by a later node */
    int previous;                          /* what an entry without `from` reads */
    struct use use[MAX_USES];
    int uses;
};

/* ---- network_values.c ---------------------------------------------------------------------------- */

/* Numbers and names of parameters, multiplied: "4 * width". */
bool product_read(double *out, const char *what, const struct yaml_node *node, const struct scope *s,
                  struct complaints *to);
bool whole_read(int *out, const char *what, const struct yaml_node *node, int low, int high,
                const struct scope *s, struct complaints *to);
bool parameter_add(struct scope *s, const struct yaml_node *name, double value, struct complaints *to);

/* The node that an entry of scope `s` calls by that name; -1 after a complaint. */
int reference_read(const struct builder *b, const struct scope *s, const struct yaml_node *node);

/* ---- network_shape.c ----------------------------------------------------------------------------- */

/* What pooling leaves of a band by itself. */
struct oct_extent pooled_extent(const struct oct_problem *p, int band);

/* ---- network_nodes.c ----------------------------------------------------------------------------- */

extern const char *const network_ops[];
#define NETWORK_OPS 7

/* A node behind the last one, named by the scope's prefix and `name`. Counts its multiply-adds. */
bool node_append(struct builder *b, const struct scope *s, const struct yaml_node *at, const char *name,
                 const struct oct_node *node);
/* The nodes of an entry of the operation network_ops[op]. */
bool entry_add(struct builder *b, const struct scope *s, const struct yaml_node *entry, int op);

/* ---- network_conv.c ------------------------------------------------------------------------------ */

/* A problem whose input is the output of node `from`. */
struct oct_problem problem_after(const struct builder *b, int from);
/* kernel, stride and pad of an entry. */
bool window_read(struct oct_problem *p, const struct yaml_node *entry, const struct scope *s,
                 struct complaints *to);
bool activation_read(struct oct_problem *p, const struct yaml_node *entry, struct complaints *to);
bool conv_read(struct oct_node *node, const struct builder *b, const struct scope *s,
               const struct yaml_node *entry);
bool fc_read(struct oct_node *node, const struct builder *b, const struct scope *s,
             const struct yaml_node *entry);

#endif
