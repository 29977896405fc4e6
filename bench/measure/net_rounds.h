/* SPDX-License-Identifier: MIT */
/* Whole networks in interleaved rounds. */
#ifndef BENCH_NET_ROUNDS_H
#define BENCH_NET_ROUNDS_H

#include "config/network.h"

/* One network through one kernel. */
struct net_case {
    double alpha;
    const struct oct_kernel *kernel; /* NULL: the fastest found for each node */
    struct network network;
    struct oct_net *net;
    float *out;    /* N C D H W of the output's first band */
    size_t values; /* of out */
    uint64_t plan_ns;
    double *ns;           /* one a round */
    uint64_t *node_ns;    /* sums over all profiled rounds */
    double largest_error; /* over the largest value of the reference's output; NAN: not compared */
};

struct net_request {
    const char *path, *tuning;
    struct network_request shape; /* alpha apart */
    int threads, rounds;
    uint64_t seed;
};

/* Plans the case, which names alpha and kernel. OCT_OK, or another status with the reason. */
int net_case_make(struct net_case *c, const struct net_request *request, struct oct_message *msg);
void net_case_free(struct net_case *c);

/* Every case once a round, in random order, after a round that warms up; one more with the clock at every
 * node. OCT_OK or OCT_ERROR. */
int net_rounds(struct net_case *cases, int count, const struct net_request *request);

/* Executes f32_ref through the whole network and compares: fills largest_error of every case of that alpha.
 * OCT_OK, or why not. */
int net_verify(struct net_case *cases, int count, double alpha, const struct net_request *request,
               struct oct_message *msg);

#endif
