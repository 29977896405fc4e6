/* SPDX-License-Identifier: MIT */
#include "measure/net_rounds.h"

#include "base/message.h"
#include "base/timer.h"
#include "check/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Ordinary reals between -1 and 1, the same for every case. */
static float *make_input(const struct oct_net_info *info, uint64_t seed)
{
    size_t values = oct_tensor_bytes(&info->in[0]) / sizeof(float);
    float *in = oct_alloc(values * sizeof(float));

    for (size_t i = 0; in && i < values; i++)
        in[i] = (float)(2 * stats_uniform(&seed) - 1);
    return in;
}

static int execute(struct net_case *c, const float *in, uint64_t *node_ns)
{
    const void *ins[OCT_MAX_BANDS] = {in};
    void *outs[OCT_MAX_BANDS] = {c->out};

    return oct_net_execute(c->net, ins, outs, node_ns);
}

int net_case_make(struct net_case *c, const struct net_request *request, struct oct_message *msg)
{
    const struct oct_net_options options = {
        .threads = request->threads, .kernel = c->kernel, .tuning = request->tuning};
    struct network_request shape = request->shape;
    uint64_t start;
    int status;

    shape.alpha = c->alpha;
    c->largest_error = NAN;
    if (network_load(&c->network, request->path, &shape, stderr))
        return message_fail(msg, OCT_INVALID, "the network file is not right");
    if (network_fill_weights(&c->network, request->seed))
        return message_fail(msg, OCT_NO_MEMORY, "no memory for the weights");
    start = timer_now_ns();
    status = oct_net_create(&c->net, c->network.nodes, c->network.count, &options, msg);
    c->plan_ns = timer_now_ns() - start;
    if (status)
        return status;
    c->values = oct_tensor_bytes(&oct_net_info(c->net)->out[0]) / sizeof(float);
    c->out = oct_alloc(c->values * sizeof(float));
    c->ns = calloc((size_t)request->rounds, sizeof(*c->ns));
    c->node_ns = calloc((size_t)c->network.count, sizeof(*c->node_ns));
    if (!c->out || !c->ns || !c->node_ns)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for a case");
    return OCT_OK;
}

void net_case_free(struct net_case *c)
{
    oct_net_destroy(c->net);
    network_free(&c->network);
    oct_free(c->out);
    free(c->ns);
    free(c->node_ns);
    memset(c, 0, sizeof(*c));
}

int net_rounds(struct net_case *cases, int count, const struct net_request *request)
{
    float *in = make_input(oct_net_info(cases[0].net), request->seed);
    int *order = calloc((size_t)count, sizeof(*order)), status = in && order ? OCT_OK : OCT_NO_MEMORY;
    uint64_t state = request->seed;

    for (int i = 0; i < count && !status; i++)
        order[i] = i;
    for (int round = -1; round < request->rounds && !status; round++) {
        stats_shuffle(&state, order, count);
        for (int i = 0; i < count && !status; i++) {
            struct net_case *c = &cases[order[i]];
            uint64_t start = timer_now_ns();

            status = execute(c, in, NULL);
            if (round >= 0)
                c->ns[round] = (double)(timer_now_ns() - start);
        }
    }
    for (int i = 0; i < count && !status; i++)
        status = execute(&cases[i], in, cases[i].node_ns);
    oct_free(in);
    free(order);
    return status;
}

static void compare(struct net_case *c, const float *want)
{
    double largest = 0, error = 0;

    for (size_t i = 0; i < c->values; i++) {
        double off = fabs((double)c->out[i] - want[i]);

        largest = fmax(largest, fabs((double)want[i]));
        error = isnan(off) ? INFINITY : fmax(error, off);
    }
    c->largest_error = largest > 0 ? error / largest : INFINITY;
}

int net_verify(struct net_case *cases, int count, double alpha, const struct net_request *request,
               struct oct_message *msg)
{
    struct net_case reference = {.alpha = alpha, .kernel = oct_kernels[0]};
    int status = net_case_make(&reference, request, msg);
    float *in = status ? NULL : make_input(oct_net_info(reference.net), request->seed);

    if (!status && !in)
        status = message_fail(msg, OCT_NO_MEMORY, "no memory for an input");
    if (!status && execute(&reference, in, NULL))
        status = message_fail(msg, OCT_ERROR, "the reference failed");
    for (int i = 0; i < count && !status; i++) {
        if (cases[i].alpha != alpha)
            continue;
        status = execute(&cases[i], in, NULL);
        compare(&cases[i], reference.out);
    }
    oct_free(in);
    net_case_free(&reference);
    return status;
}
