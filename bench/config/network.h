/* SPDX-License-Identifier: MIT */
/* A network file (docs/networks.md) as the nodes that oct_net_create() takes. */
#ifndef BENCH_NETWORK_H
#define BENCH_NETWORK_H

#include "octconv.h"

#include <stdint.h>
#include <stdio.h>

/* What differs from run to run. 0: as the file says, but a vanilla network of alpha. */
struct network_request {
    double alpha; /* what the file calls alpha */
    int n;        /* batch */
    int hw;       /* height and width of the input */
    int d;        /* frames */
};

struct network {
    char name[64];
    struct oct_node *nodes; /* the last one is the output */
    int count;
    uint64_t macs;
    char **names;   /* of the nodes; NULL where there is no more */
    float *weights; /* of all convolutions; NULL before network_fill_weights() */
};

/* What a node leaves to its readers: channels by band, the extents of band 0. */
struct network_shape {
    int bands, c[OCT_MAX_BANDS];
    struct oct_extent e;
};

struct network_shape network_shape_of(const struct oct_node *node);

/* 0, or 2 after lines `file:line:column: error: message` on err; *out is then empty. network_free() either
 * way.
 */
int network_load(struct network *out, const char *path, const struct network_request *request, FILE *err);

/* Weights and biases drawn from the seed, f32, such that activations keep their size through the network:
 * He's scaling by each output's fan-in, less for the convolution that ends a residual branch. OCT_OK or
 * OCT_NO_MEMORY. */
int network_fill_weights(struct network *net, uint64_t seed);

void network_free(struct network *net);

#endif
