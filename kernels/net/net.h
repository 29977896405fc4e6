/* SPDX-License-Identifier: MIT */
/* What the files of a network share: its nodes as planned, and the memory between them. */
#ifndef OCT_NET_H
#define OCT_NET_H

#include "core/kernel.h"

/* A stretch of the arena that tensors take while steps [first, last] run. */
struct net_buffer {
    size_t bytes, offset;
    int first, last; /* steps */
    int shares;      /* the buffer whose memory it is, or -1: its own */
};

/* Copies of a convolution's tensors in a layout that its kernel wants and the network has not. */
struct net_copies {
    int in, out, residual; /* buffers; -1: none */
};

struct net_node {
    enum oct_op op;
    int input[2];
    struct oct_problem p;
    struct oct_tensor out[OCT_MAX_BANDS]; /* in the network's layout */
    struct oct_plan *plan;                /* CONV */
    bool reads_plain;                     /* the network's input as it is given */
    struct net_copies copies;
    int buffer; /* of out */
    struct oct_net_node_info info;
};

struct oct_net {
    struct net_node *node;
    struct net_buffer *buffer;
    int count, buffers;
    enum oct_layout layout; /* of all that lies between nodes */
    bool blocks_input;      /* some node reads the input in that layout */
    void *arena, *scratch;
    struct oct_net_info info;
};

/* check.c: shapes of every node's output; the first contradiction. OCT_OK or OCT_INVALID. */
int net_check(const struct oct_node *nodes, int count, struct oct_message *msg);
/* How many inputs an operation has; a convolution's second is its residual. */
int net_inputs(const struct oct_node *node);
/* The geometry of a pooling node's band, as a layer of that band alone. */
struct oct_path net_pool_path(const struct oct_problem *p, int band);
/* Extents of a node's output. */
struct oct_extent net_out_extent(enum oct_op op, const struct oct_problem *p, int band);
/* Its channels. */
int net_out_channels(enum oct_op op, const struct oct_problem *p, int band);

/* plan.c: a plan for each convolution. OCT_OK, or why one has none. */
int net_plan_convs(struct oct_net *net, const struct oct_node *nodes, const struct oct_net_options *options,
                   struct oct_message *msg);
/* Bytes of all bands, each on a line of its own. */
size_t net_bands_bytes(const struct oct_tensor band[OCT_MAX_BANDS]);

/* buffers.c: one for each tensor, with its lifetime, and which share memory. OCT_OK or OCT_NO_MEMORY. */
int net_make_buffers(struct oct_net *net, bool keep_all);

/* memory.c: which buffers share memory, and where each lies. Returns the bytes of the arena. */
size_t net_place_buffers(struct net_buffer *buffer, int count);

/* ops.c: a thread's share of a node that is no convolution. */
struct net_maps {
    enum oct_layout layout;
    const float *in[2][OCT_MAX_BANDS];
    float *out[OCT_MAX_BANDS];
};
void net_run_op(const struct net_node *node, const struct net_maps *maps, int thread, int team);

#endif
