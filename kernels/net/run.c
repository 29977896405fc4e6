/* SPDX-License-Identifier: MIT */
/* Networks: one execution. Nodes whose kernels join a team run in one, with a barrier behind each; the others
 * run between teams, since they open one of their own. */
#include "net/net.h"

#include <omp.h>

/* What an execution was given. */
struct call {
    const void *const *in;
    uint64_t *ns;
};

/* The bands of a tensor from one place on. */
static void lay_bands(const struct oct_tensor band[OCT_MAX_BANDS], char *at, void *out[OCT_MAX_BANDS])
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        struct oct_tensor one[OCT_MAX_BANDS] = {band[b]};

        out[b] = band[b].c ? at : NULL;
        at += net_bands_bytes(one);
    }
}

static char *memory_of(const struct oct_net *net, int buffer)
{
    return (char *)net->arena + net->buffer[buffer].offset;
}

static void lay_node(const struct oct_net *net, int node, void *out[OCT_MAX_BANDS])
{
    lay_bands(net->node[node].out, memory_of(net, net->node[node].buffer), out);
}

static void copy_bands(const struct oct_tensor to[OCT_MAX_BANDS], void *const dst[OCT_MAX_BANDS],
                       const struct oct_tensor from[OCT_MAX_BANDS], void *const src[OCT_MAX_BANDS])
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        struct oct_tensor d = to[b], s = from[b];

        d.data = dst[b];
        s.data = src[b];
        if (d.c)
            (void)oct_tensor_copy(&d, &s); /* of one shape: checked when the network was made */
    }
}

/* Where a convolution reads and writes; tensors in other layouts have places of their own. */
static struct oct_io io_of(const struct oct_net *net, const struct net_node *node, const struct call *call)
{
    const struct oct_plan_info *info = oct_plan_info(node->plan);
    struct oct_io io = {.scratch = net->scratch};
    void *in[OCT_MAX_BANDS], *residual[OCT_MAX_BANDS] = {NULL};

    lay_node(net, node->input[0], in);
    lay_node(net, (int)(node - net->node), io.out);
    if (node->input[1] >= 0)
        lay_node(net, node->input[1], residual);
    if (node->copies.in >= 0)
        lay_bands(info->in, memory_of(net, node->copies.in), in);
    if (node->copies.out >= 0)
        lay_bands(info->out, memory_of(net, node->copies.out), io.out);
    if (node->copies.residual >= 0)
        lay_bands(info->out, memory_of(net, node->copies.residual), residual);
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        io.in[b] = node->reads_plain ? call->in[b] : in[b];
        io.residual[b] = residual[b];
    }
    return io;
}

static bool joins_team(const struct net_node *node)
{
    return node->op != OCT_OP_CONV || (oct_plan_info(node->plan)->joins_team && node->copies.in < 0 &&
                                       node->copies.out < 0 && node->copies.residual < 0);
}

static void run_in_team(const struct oct_net *net, int index, const struct call *call, int thread, int team)
{
    const struct net_node *node = net->node + index;
    struct net_maps maps = {.layout = net->layout};
    void *bands[OCT_MAX_BANDS];

    if (node->op == OCT_OP_CONV) {
        struct oct_io io = io_of(net, node, call);

        oct_execute_in_team(node->plan, &io, thread, team);
        return;
    }
    for (int w = 0; w < 2 && node->input[w] >= 0; w++) {
        lay_node(net, node->input[w], bands);
        for (int b = 0; b < OCT_MAX_BANDS; b++)
            maps.in[w][b] = bands[b];
    }
    lay_node(net, index, bands);
    for (int b = 0; b < OCT_MAX_BANDS; b++)
        maps.out[b] = bands[b];
    net_run_op(node, &maps, thread, team);
}

static int run_alone(const struct oct_net *net, int index, const struct call *call)
{
    const struct net_node *node = net->node + index;
    const struct oct_plan_info *info = oct_plan_info(node->plan);
    struct oct_io io = io_of(net, node, call);
    void *bands[OCT_MAX_BANDS];
    int status;

    if (node->copies.in >= 0) {
        lay_node(net, node->input[0], bands);
        copy_bands(info->in, (void **)io.in, net->node[node->input[0]].out, bands);
    }
    if (node->copies.residual >= 0) {
        lay_node(net, node->input[1], bands);
        copy_bands(info->out, (void **)io.residual, net->node[node->input[1]].out, bands);
    }
    status = oct_execute(node->plan, &io);
    if (node->copies.out >= 0) {
        lay_node(net, index, bands);
        copy_bands(node->out, bands, info->out, io.out);
    }
    return status;
}

/* Adds the time since `*since` to a node's, and goes on from now. */
static void lap(const struct call *call, int node, uint64_t *since)
{
    uint64_t now;

    if (!call->ns)
        return;
    now = oct_clock_ns();
    call->ns[node] += now - *since;
    *since = now;
}

static void run_stretch(const struct oct_net *net, int first, int last, const struct call *call, int thread,
                        int team)
{
    uint64_t since = call->ns && thread == 0 ? oct_clock_ns() : 0;

    for (int i = first; i < last; i++) {
        run_in_team(net, i, call, thread, team);
        if (team > 1) {
#pragma omp barrier
        }
        if (thread == 0)
            lap(call, i, &since);
    }
}

/* Nodes [first, ...) that join one team; the first that does not. */
static int run_team(const struct oct_net *net, int first, const struct call *call)
{
    int last = first;

    while (last < net->count && joins_team(net->node + last))
        last++;
    if (net->info.threads == 1) {
        run_stretch(net, first, last, call, 0, 1);
        return last;
    }
#pragma omp parallel num_threads(net->info.threads)
    run_stretch(net, first, last, call, omp_get_thread_num(), omp_get_num_threads());
    return last;
}

int oct_net_execute(struct oct_net *net, const void *const in[OCT_MAX_BANDS], void *const out[OCT_MAX_BANDS],
                    uint64_t *ns)
{
    const struct call call = {in, ns};
    void *bands[OCT_MAX_BANDS];
    uint64_t since = ns ? oct_clock_ns() : 0;
    int status = OCT_OK, i = 1, before = omp_get_max_threads();

    omp_set_num_threads(net->info.threads); /* of copies between layouts */
    if (net->blocks_input) {
        lay_node(net, 0, bands);
        copy_bands(net->node[0].out, bands, net->info.in, (void *const *)in);
        lap(&call, 0, &since);
    }
    while (i < net->count && !status) {
        if (joins_team(net->node + i)) {
            i = run_team(net, i, &call);
            continue;
        }
        since = ns ? oct_clock_ns() : 0;
        status = run_alone(net, i, &call);
        lap(&call, i++, &since);
    }
    lay_node(net, net->count - 1, bands);
    copy_bands(net->info.out, out, net->node[net->count - 1].out, bands);
    omp_set_num_threads(before);
    return status;
}
