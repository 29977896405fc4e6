/* SPDX-License-Identifier: MIT */
/* octbench list --nodes: what a network file describes. */
#include "commands/list_nodes.h"

#include "config/network.h"

#include <stdbool.h>
#include <stdio.h>

struct sums {
    uint64_t weight_bytes, act_bytes;
};

/* "56x56x64 + 28x28x64": pixels and channels of each band. */
static const char *shape_text(char out[96], const struct network_shape *s)
{
    int used = 0;

    for (int b = 0; b < s->bands; b++) {
        int h = (s->e.h + (1 << b) - 1) >> b, w = (s->e.w + (1 << b) - 1) >> b;

        used += snprintf(out + used, 96 - (size_t)used, b ? " + " : "");
        if (s->e.d > 1)
            used += snprintf(out + used, 96 - (size_t)used, "%dx", s->e.d);
        used += snprintf(out + used, 96 - (size_t)used, "%dx%dx%d", h, w, s->c[b]);
    }
    return out;
}

static uint64_t shape_bytes(const struct network_shape *s, int n)
{
    uint64_t values = 0;

    for (int b = 0; b < s->bands; b++)
        values += (uint64_t)s->c[b] * (uint64_t)s->e.d * (uint64_t)((s->e.h + (1 << b) - 1) >> b) *
                  (uint64_t)((s->e.w + (1 << b) - 1) >> b);
    return values * (uint64_t)n * sizeof(float);
}

static void print_node(const struct network *net, int i, struct sums *sums)
{
    const struct oct_node *node = &net->nodes[i];
    const struct oct_problem *p = &node->problem;
    struct network_shape out = network_shape_of(node), in = out;
    bool conv = node->op == OCT_OP_CONV;
    uint64_t weights = conv ? oct_weight_bytes(p) : 0, act = shape_bytes(&out, p->n);
    char from[96], to[96];

    if (node->input[0] >= 0)
        in = network_shape_of(&net->nodes[node->input[0]]);
    sums->weight_bytes += weights;
    sums->act_bytes += act;
    printf("%-22s %-11s %-26s %-26s %10.3f %10.1f %10.1f\n", node->name, oct_op_name(node->op),
           node->input[0] >= 0 ? shape_text(from, &in) : "-", shape_text(to, &out),
           conv ? (double)oct_macs(p) / 1e6 : 0, (double)weights / 1e3, (double)act / 1e3);
}

int list_nodes(const char *path, double alpha)
{
    struct network_request request = {.alpha = alpha};
    struct sums sums = {0};
    struct network net;

    if (network_load(&net, path, &request, stderr))
        return 2;
    printf("%-22s %-11s %-26s %-26s %10s %10s %10s\n", "node", "op", "in", "out", "Mmacs", "weights kB",
           "out kB");
    for (int i = 0; i < net.count; i++)
        print_node(&net, i, &sums);
    printf("%s, alpha %g: %d nodes, %.3f Gmacs, %.2f MB of weights, %.2f MB of outputs\n", net.name, alpha,
           net.count, (double)net.macs / 1e9, (double)sums.weight_bytes / 1e6, (double)sums.act_bytes / 1e6);
    network_free(&net);
    return 0;
}
