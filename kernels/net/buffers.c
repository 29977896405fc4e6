/* SPDX-License-Identifier: MIT */
/* Networks: the tensors between nodes, how long each lives, and which take another's place. */
#include "net/net.h"

#define LINE 64

size_t net_bands_bytes(const struct oct_tensor band[OCT_MAX_BANDS])
{
    size_t bytes = 0;

    for (int b = 0; b < OCT_MAX_BANDS; b++)
        bytes += (oct_tensor_bytes(&band[b]) + LINE - 1) / LINE * LINE;
    return bytes;
}

static int add_buffer(struct oct_net *net, size_t bytes, int first, int last)
{
    net->buffer[net->buffers] =
        (struct net_buffer){.bytes = bytes, .first = first, .last = last, .shares = -1};
    return net->buffers++;
}

static enum oct_layout layout_of(const struct oct_tensor band[OCT_MAX_BANDS])
{
    for (int b = 0; b < OCT_MAX_BANDS; b++)
        if (band[b].c)
            return band[b].layout;
    return OCT_LAYOUT_ANY;
}

/* Copies for a kernel that wants another layout; the network's input may also be read as it is given. */
static void add_copies(struct oct_net *net, int index)
{
    struct net_node *node = net->node + index;
    const struct oct_plan_info *info = oct_plan_info(node->plan);

    if (node->input[0] == 0 && layout_of(info->in) == OCT_NCHW)
        node->reads_plain = true;
    else if (layout_of(info->in) != net->layout)
        node->copies.in = add_buffer(net, net_bands_bytes(info->in), index, index);
    if (layout_of(info->out) == net->layout)
        return;
    node->copies.out = add_buffer(net, net_bands_bytes(info->out), index, index);
    if (node->p.epilogue & OCT_EPILOGUE_RESIDUAL)
        node->copies.residual = add_buffer(net, net_bands_bytes(info->out), index, index);
}

/* The node that reads it last. */
static int last_reader(const struct oct_net *net, int index)
{
    int last = index == net->count - 1 ? index : 0;

    for (int i = index + 1; i < net->count; i++)
        for (int w = 0; w < 2; w++)
            if (net->node[i].input[w] == index)
                last = i;
    return last;
}

/* The input whose memory the node's output may take, or -1. */
static int place_of(const struct oct_net *net, int index)
{
    const struct net_node *node = net->node + index;
    int from = -1;

    if (node->op == OCT_OP_ADD || node->op == OCT_OP_SCALE)
        from = node->input[0];
    if (node->op == OCT_OP_CONV && (node->p.epilogue & OCT_EPILOGUE_RESIDUAL) &&
        oct_plan_info(node->plan)->residual_in_place && node->copies.out < 0 &&
        node->input[1] != node->input[0])
        from = node->input[1];
    return from > 0 && last_reader(net, from) == index ? from : -1;
}

int net_make_buffers(struct oct_net *net, bool keep_all)
{
    for (int i = 0; i < net->count; i++) {
        struct net_node *node = net->node + i;

        node->copies = (struct net_copies){-1, -1, -1};
        if (node->op == OCT_OP_CONV)
            add_copies(net, i);
        for (int w = 0; w < 2; w++)
            net->blocks_input |= i > 0 && node->input[w] == 0 && !(w == 0 && node->reads_plain);
        node->buffer =
            add_buffer(net, net_bands_bytes(node->out), i, keep_all ? net->count : last_reader(net, i));
        node->info.act_bytes = net->buffer[node->buffer].bytes;
    }
    if (!net->blocks_input)
        net->buffer[net->node[0].buffer].bytes = 0;
    for (int i = 1; i < net->count && !keep_all; i++) {
        int from = place_of(net, i);

        net->node[i].info.in_place = from >= 0;
        if (from >= 0)
            net->buffer[net->node[i].buffer].shares = net->node[from].buffer;
    }
    for (int i = 0; i < net->count; i++) {
        const struct net_copies *c = &net->node[i].copies;

        net->info.reorders += (c->in >= 0) + (c->out >= 0) + (c->residual >= 0);
    }
    net->info.reorders += net->blocks_input;
    net->info.arena_bytes = net_place_buffers(net->buffer, net->buffers);
    return net->info.arena_bytes == SIZE_MAX ? OCT_NO_MEMORY : OCT_OK;
}
