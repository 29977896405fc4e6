/* SPDX-License-Identifier: MIT */
/* Weights for a network that nobody trained. */
#include "config/network.h"

#include <math.h>
#include <stdlib.h>

#define BIAS 0.05 /* largest */

/* splitmix64, as a number from -1 to 1. */
static float draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (float)(z >> 40) * 0x1p-23f - 1;
}

static void fill(float *out, size_t count, double largest, uint64_t *state)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)largest * draw(state);
}

/* Weights behind one value of an output band. */
static size_t fan_in(const struct oct_problem *p, int to)
{
    size_t sum = 0;

    for (int from = 0; from < p->bands; from++)
        if (oct_path_exists(p, from, to))
            sum += oct_path_weights(p, from, to) / (size_t)p->oc[to];
    return sum;
}

static size_t node_floats(const struct oct_node *node)
{
    size_t sum = 0;

    for (int to = 0; node->op == OCT_OP_CONV && to < node->problem.bands; to++) {
        sum += (size_t)node->problem.oc[to];
        for (int from = 0; from < node->problem.bands; from++)
            sum += oct_path_weights(&node->problem, from, to);
    }
    return sum;
}

/* Does node i end a residual branch, by its own sum or by one that reads it (scaled or not)? */
static bool ends_branch(const struct network *net, int i)
{
    if (net->nodes[i].problem.epilogue & OCT_EPILOGUE_RESIDUAL)
        return true;
    for (int j = i + 1; j < net->count; j++) {
        const struct oct_node *reader = &net->nodes[j];

        if (reader->input[0] != i)
            continue;
        if (reader->op == OCT_OP_ADD)
            return true;
        if (reader->op == OCT_OP_SCALE)
            return ends_branch(net, j);
    }
    return false;
}

/* The share of the second moment that is meant to pass a convolution: twice where an activation halves it,
 * and so little where it ends a branch that all branches together double it. */
static double gain(const struct network *net, int i, int branches)
{
    uint32_t epilogue = net->nodes[i].problem.epilogue;

    if (ends_branch(net, i))
        return 1.0 / branches;
    return epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6) ? 2 : 1;
}

static float *fill_node(struct oct_node *node, float *next, double wanted, uint64_t *state)
{
    const struct oct_problem *p = &node->problem;

    for (int to = 0; to < p->bands; to++) {
        size_t behind = fan_in(p, to);
        double largest = behind ? sqrt(3 * wanted / (double)behind) : 0;

        for (int from = 0; from < p->bands; from++) {
            size_t count = oct_path_weights(p, from, to);

            if (count == 0)
                continue;
            fill(next, count, largest, state);
            node->weights.path[from][to] = next;
            next += count;
        }
        if (p->oc[to] == 0)
            continue;
        fill(next, (size_t)p->oc[to], BIAS, state);
        node->weights.bias[to] = next;
        next += p->oc[to];
    }
    return next;
}

int network_fill_weights(struct network *net, uint64_t seed)
{
    size_t floats = 0;
    int branches = 0;
    float *next;

    for (int i = 0; i < net->count; i++) {
        floats += node_floats(&net->nodes[i]);
        branches += net->nodes[i].op == OCT_OP_CONV && ends_branch(net, i);
    }
    next = malloc((floats ? floats : 1) * sizeof(*next));
    if (!next)
        return OCT_NO_MEMORY;
    free(net->weights);
    net->weights = next;
    for (int i = 0; i < net->count; i++)
        if (net->nodes[i].op == OCT_OP_CONV)
            next = fill_node(&net->nodes[i], next, gain(net, i, branches), &seed);
    return OCT_OK;
}
