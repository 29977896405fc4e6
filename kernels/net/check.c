/* SPDX-License-Identifier: MIT */
/* Networks: do the shapes of the nodes follow from one another? */
#include "net/net.h"

#include <string.h>

const char *oct_op_name(enum oct_op op)
{
    static const char *const names[] = {"input",       "conv", "max_pool", "avg_pool",
                                        "global_pool", "add",  "scale"};

    return names[op];
}

int net_inputs(const struct oct_node *node)
{
    switch (node->op) {
    case OCT_OP_INPUT:
        return 0;
    case OCT_OP_CONV:
        return node->problem.epilogue & OCT_EPILOGUE_RESIDUAL ? 2 : 1;
    case OCT_OP_ADD:
    case OCT_OP_SCALE:
        return 2;
    default:
        return 1;
    }
}

struct oct_path net_pool_path(const struct oct_problem *p, int band)
{
    struct oct_extent e = oct_in_extent(p, band);
    struct oct_problem q = *p;

    q.bands = 1;
    q.ic[0] = q.oc[0] = p->ic[band];
    q.d = e.d;
    q.h = e.h;
    q.w = e.w;
    q.groups = OCT_GROUPS_DEPTHWISE;
    q.down = OCT_DOWN_STRIDED;
    q.stride_order = OCT_STRIDE_OFFICIAL;
    return oct_path_get(&q, 0, 0);
}

struct oct_extent net_out_extent(enum oct_op op, const struct oct_problem *p, int band)
{
    switch (op) {
    case OCT_OP_CONV:
        return oct_out_extent(p, band);
    case OCT_OP_MAX_POOL:
    case OCT_OP_AVG_POOL:
        return net_pool_path(p, band).out;
    case OCT_OP_GLOBAL_POOL:
        return (struct oct_extent){1, 1, 1};
    default:
        return oct_in_extent(p, band);
    }
}

int net_out_channels(enum oct_op op, const struct oct_problem *p, int band)
{
    int sum = 0;

    if (op != OCT_OP_GLOBAL_POOL)
        return op == OCT_OP_CONV ? p->oc[band] : p->ic[band];
    for (int b = 0; b < p->bands; b++)
        sum += p->ic[b];
    return band == 0 ? sum : 0;
}

static bool same_extent(struct oct_extent a, struct oct_extent b)
{
    return a.d == b.d && a.h == b.h && a.w == b.w;
}

/* Does the producer write what the node says that it reads (or adds)? */
static int check_band(const struct oct_node *from, const struct oct_node *node, int band, int channels,
                      struct oct_extent want, struct oct_message *msg)
{
    int has = band < from->problem.bands ? net_out_channels(from->op, &from->problem, band) : 0;
    struct oct_extent e = net_out_extent(from->op, &from->problem, band);

    if (has != channels)
        return oct_fail(msg, OCT_INVALID, "%s reads %d channels in band %d of %s, which has %d", node->name,
                        channels, band, from->name, has);
    if (channels == 0 || same_extent(e, want))
        return OCT_OK;
    return oct_fail(msg, OCT_INVALID, "%s reads %dx%dx%d pixels in band %d of %s, which has %dx%dx%d",
                    node->name, want.d, want.h, want.w, band, from->name, e.d, e.h, e.w);
}

static int sum_channels(const struct oct_problem *p)
{
    int sum = 0;

    for (int b = 0; b < p->bands; b++)
        sum += p->ic[b];
    return sum;
}

static int check_input(const struct oct_node *nodes, int index, int which, struct oct_message *msg)
{
    const struct oct_node *node = nodes + index, *from;
    const struct oct_problem *p = &node->problem;
    bool residual = which == 1 && node->op == OCT_OP_CONV;

    if (node->input[which] < 0 || node->input[which] >= index)
        return oct_fail(msg, OCT_INVALID, "%s reads node %d, which does not come before it", node->name,
                        node->input[which]);
    from = nodes + node->input[which];
    if (from->problem.n != p->n)
        return oct_fail(msg, OCT_INVALID, "%s has %d images, and %s, which it reads, %d", node->name, p->n,
                        from->name, from->problem.n);
    if (which == 1 && node->op == OCT_OP_SCALE)
        return check_band(from, node, 0, sum_channels(p), (struct oct_extent){1, 1, 1}, msg);
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        int status = check_band(from, node, b, residual ? p->oc[b] : p->ic[b],
                                residual ? oct_out_extent(p, b) : oct_in_extent(p, b), msg);
        if (status)
            return status;
    }
    return OCT_OK;
}

static int check_shape(const struct oct_node *node, struct oct_message *msg)
{
    struct oct_message why;

    if (node->op == OCT_OP_CONV) {
        if (oct_problem_check(&node->problem, &why) == OCT_OK)
            return OCT_OK;
        return oct_fail(msg, OCT_INVALID, "%s: %.200s", node->name, why.text);
    }
    for (int b = 0; b < node->problem.bands; b++) {
        struct oct_extent e = net_out_extent(node->op, &node->problem, b);

        if (node->problem.ic[b] > 0 && (e.d < 1 || e.h < 1 || e.w < 1))
            return oct_fail(msg, OCT_INVALID, "%s: band %d is smaller than its window", node->name, b);
    }
    return OCT_OK;
}

static bool is_read(const struct oct_node *nodes, int count, int index)
{
    bool read = index == count - 1;

    for (int i = index + 1; i < count; i++)
        for (int w = 0; w < net_inputs(nodes + i); w++)
            read |= nodes[i].input[w] == index;
    return read;
}

int net_check(const struct oct_node *nodes, int count, struct oct_message *msg)
{
    if (count < 2)
        return oct_fail(msg, OCT_INVALID, "a network has an input and at least one node behind it");
    for (int i = 0; i < count; i++) {
        if ((nodes[i].op == OCT_OP_INPUT) != (i == 0))
            return oct_fail(msg, OCT_INVALID, "%s: the first node, and no other, is the input",
                            nodes[i].name);
        if (check_shape(nodes + i, msg))
            return OCT_INVALID;
        for (int w = 0; w < net_inputs(nodes + i); w++)
            if (check_input(nodes, i, w, msg))
                return OCT_INVALID;
    }
    for (int i = 0; i < count; i++)
        if (!is_read(nodes, count, i))
            return oct_fail(msg, OCT_INVALID, "nothing reads %s", nodes[i].name);
    return OCT_OK;
}
