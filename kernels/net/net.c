/* SPDX-License-Identifier: MIT */
/* Networks: from an array of nodes to one that runs. */
#include "net/net.h"

#include <stdlib.h>
#include <string.h>

/* What the fastest kernels here read and write. */
static enum oct_layout best_layout(void)
{
    uint32_t isa = oct_cpu_usable();

    return isa & OCT_ISA_AVX512 ? OCT_NCHW16C : isa & OCT_ISA_AVX2 ? OCT_NCHW8C : OCT_NCHW;
}

static void take_node(struct oct_net *net, int index, const struct oct_node *given)
{
    struct net_node *node = net->node + index;
    int inputs = net_inputs(given);

    node->op = given->op;
    node->p = given->problem;
    node->input[0] = inputs > 0 ? given->input[0] : -1;
    node->input[1] = inputs > 1 ? given->input[1] : -1;
    for (int b = 0; b < given->problem.bands; b++) {
        node->out[b] = (struct oct_tensor){.dtype = OCT_F32,
                                           .layout = net->layout,
                                           .n = given->problem.n,
                                           .c = net_out_channels(given->op, &given->problem, b),
                                           .e = net_out_extent(given->op, &given->problem, b)};
        if (given->op != OCT_OP_INPUT)
            node->info.in[b] = oct_in_tensor(&given->problem, b, net->layout, NULL);
    }
    memcpy(node->info.out, node->out, sizeof(node->out));
    node->info.op = given->op;
    node->info.fused_into = -1;
    node->info.macs = given->op == OCT_OP_CONV ? oct_macs(&given->problem) : 0;
    net->info.macs += node->info.macs;
}

/* Names go into one piece of memory, which the first node's name begins. */
static bool keep_names(struct oct_net *net, const struct oct_node *nodes)
{
    size_t bytes = 0;
    char *at;

    for (int i = 0; i < net->count; i++)
        bytes += strlen(nodes[i].name) + 1;
    at = malloc(bytes);
    for (int i = 0; at && i < net->count; i++) {
        net->node[i].info.name = strcpy(at, nodes[i].name);
        at += strlen(at) + 1;
    }
    return at;
}

static void describe_ends(struct oct_net *net)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        net->info.in[b] = net->node[0].out[b];
        net->info.out[b] = net->node[net->count - 1].out[b];
        net->info.in[b].layout = net->info.out[b].layout = OCT_NCHW;
    }
}

static int allocate(struct oct_net *net, struct oct_message *msg)
{
    net->arena = oct_alloc(net->info.arena_bytes);
    net->scratch = oct_alloc(net->info.scratch_bytes);
    net->info.arena = net->arena;
    if (net->arena && net->scratch)
        return OCT_OK;
    return oct_fail(msg, OCT_NO_MEMORY, "no memory for %zu bytes of activations and %zu of scratch",
                    net->info.arena_bytes, net->info.scratch_bytes);
}

/* Where kept tensors lie. */
static void publish_tensors(struct oct_net *net)
{
    for (int i = 0; i < net->count; i++) {
        struct net_node *node = net->node + i;
        char *at = (char *)net->arena + net->buffer[node->buffer].offset;

        for (int b = 0; b < OCT_MAX_BANDS && (i > 0 || net->blocks_input); b++) {
            struct oct_tensor band[OCT_MAX_BANDS] = {node->out[b]};

            node->info.out[b].data = node->out[b].c ? at : NULL;
            at += net_bands_bytes(band);
        }
    }
}

static int build(struct oct_net *net, const struct oct_node *nodes, const struct oct_net_options *options,
                 struct oct_message *msg)
{
    int status;

    net->node = calloc((size_t)net->count, sizeof(*net->node));
    net->buffer = calloc(4 * (size_t)net->count, sizeof(*net->buffer));
    if (!net->node || !net->buffer || !keep_names(net, nodes))
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a network of %d nodes", net->count);
    for (int i = 0; i < net->count; i++)
        take_node(net, i, nodes + i);
    net->info.nodes = net->count;
    net->info.threads = options->threads;
    describe_ends(net);
    status = net_plan_convs(net, nodes, options, msg);
    if (status)
        return status;
    if (net_make_buffers(net, options->keep_all))
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a network of %d nodes", net->count);
    status = allocate(net, msg);
    if (!status && options->keep_all)
        publish_tensors(net);
    return status;
}

int oct_net_create(struct oct_net **out, const struct oct_node *nodes, int count,
                   const struct oct_net_options *options, struct oct_message *msg)
{
    int status = net_check(nodes, count, msg);

    *out = NULL;
    if (status)
        return status;
    if (options->threads < 1)
        return oct_fail(msg, OCT_INVALID, "threads is %d, but must be at least 1", options->threads);
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a network");
    (*out)->count = count;
    (*out)->layout = best_layout();
    status = build(*out, nodes, options, msg);
    if (status) {
        oct_net_destroy(*out);
        *out = NULL;
    }
    return status;
}

void oct_net_destroy(struct oct_net *net)
{
    if (!net)
        return;
    for (int i = 0; net->node && i < net->count; i++)
        oct_plan_destroy(net->node[i].plan);
    if (net->node)
        free((char *)net->node[0].info.name);
    free(net->node);
    free(net->buffer);
    oct_free(net->arena);
    oct_free(net->scratch);
    free(net);
}

const struct oct_net_info *oct_net_info(const struct oct_net *net)
{
    return &net->info;
}

const struct oct_net_node_info *oct_net_node(const struct oct_net *net, int node)
{
    return &net->node[node].info;
}
