/* SPDX-License-Identifier: MIT */
/* A network of three nodes: an input of ones, a convolution that splits it into two bands, their averages. */
#include "octconv.h"

#include <stdio.h>

int main(void)
{
    static float image[8 * 8], weights[2][3 * 3], averages[2];
    struct oct_node nodes[3] = {{.name = "image", .op = OCT_OP_INPUT, .input = {-1, -1}},
                                {.name = "conv", .op = OCT_OP_CONV, .input = {0, -1}},
                                {.name = "mean", .op = OCT_OP_GLOBAL_POOL, .input = {1, -1}}};
    struct oct_net_options options = {.threads = 1}; /* kernel: the fastest found for each convolution */
    struct oct_message msg;
    struct oct_net *net;
    const void *in[OCT_MAX_BANDS] = {image};
    void *out[OCT_MAX_BANDS] = {averages};

    for (int i = 0; i < 8 * 8; i++)
        image[i] = 1;
    for (int band = 0; band < 2; band++) {
        weights[band][4] = 2 + (float)band; /* the centre of the window */
        nodes[1].weights.path[0][band] = weights[band];
    }
    for (int i = 0; i < 3; i++) {
        nodes[i].problem = oct_problem_default();
        nodes[i].problem.h = nodes[i].problem.w = 8;
    }
    nodes[1].problem.bands = nodes[2].problem.bands = 2;
    nodes[1].problem.oc[1] = nodes[2].problem.ic[1] = 1; /* one channel in each band */
    nodes[1].problem.kh = nodes[1].problem.kw = 3;
    nodes[2].problem.oc[0] = 2;                         /* a vector */
    if (oct_net_create(&net, nodes, 3, &options, &msg)) /* checks, copies the weights */
        return fprintf(stderr, "%s\n", msg.text), 1;
    oct_net_execute(net, in, out, NULL); /* as often as needed; it allocates nothing */
    printf("%g %g\n", averages[0], averages[1]);
    oct_net_destroy(net);
    return 0;
}
