/* SPDX-License-Identifier: MIT */
/* Networks: a plan for each convolution, in the network's layout where a kernel has it. */
#include "net/net.h"

#include <stdio.h>
#include <string.h>

/* What a convolution is asked to read and write, from what fits best to what fits always. */
struct wish {
    const struct oct_kernel *kernel;
    enum oct_layout in, out;
};

#define MOST_WISHES 8

/* A network's input has few channels: blocked they would be nearly all padding, so a kernel that reads it as
 * it is given comes first. */
static int list_wishes(const struct oct_net *net, const struct net_node *node,
                       const struct oct_kernel *kernel, struct wish wish[MOST_WISHES])
{
    const struct oct_kernel *automatic = oct_kernel_find("auto");
    bool plain = node->input[0] == 0;
    int n = 0;

    if (kernel && plain)
        wish[n++] = (struct wish){kernel, OCT_NCHW, net->layout};
    if (kernel) {
        wish[n++] = (struct wish){kernel, net->layout, net->layout};
        wish[n++] = (struct wish){kernel, OCT_LAYOUT_ANY, OCT_LAYOUT_ANY};
    }
    if (plain)
        wish[n++] = (struct wish){automatic, OCT_NCHW, net->layout};
    wish[n++] = (struct wish){automatic, net->layout, net->layout};
    wish[n++] = (struct wish){automatic, OCT_LAYOUT_ANY, OCT_LAYOUT_ANY};
    return n;
}

static int make_plan(struct net_node *node, const struct oct_node *given, struct wish wish,
                     const struct oct_net_options *options, struct oct_message *msg)
{
    const struct oct_plan_options asked = {.threads = options->threads,
                                           .in = wish.in,
                                           .out = wish.out,
                                           .outside_scratch = true,
                                           .cold_weights = true,
                                           .tuning = options->tuning};

    return oct_plan_create(&node->plan, wish.kernel, &given->problem, &given->weights, &asked, msg);
}

static int plan_conv(struct oct_net *net, struct net_node *node, const struct oct_node *given,
                     const struct oct_net_options *options, struct oct_message *msg)
{
    struct wish wish[MOST_WISHES];
    struct oct_message why = {"no kernel"};
    int count = list_wishes(net, node, options->kernel, wish), status = OCT_UNSUPPORTED;

    for (int i = 0; i < count && status == OCT_UNSUPPORTED; i++) {
        status = make_plan(node, given, wish[i], options, &why);
        node->info.kernel = wish[i].kernel->name;
    }
    if (status)
        return oct_fail(msg, status, "%s: %.200s", given->name, why.text);
    return OCT_OK;
}

/* `auto` says whom it chose at the head of its plan's description: "kernel: what". */
static void name_kernel(struct oct_net_node_info *info, const struct oct_plan_info *plan)
{
    const char *colon = strchr(plan->describe, ':');
    char name[64];

    snprintf(info->describe, sizeof(info->describe), "%s", plan->describe);
    if (strcmp(info->kernel, "auto") != 0 || !colon || colon - plan->describe >= (int)sizeof(name))
        return;
    snprintf(name, sizeof(name), "%.*s", (int)(colon - plan->describe), plan->describe);
    if (oct_kernel_find(name)) {
        info->kernel = oct_kernel_find(name)->name;
        snprintf(info->describe, sizeof(info->describe), "%s", colon + 2);
    }
}

int net_plan_convs(struct oct_net *net, const struct oct_node *nodes, const struct oct_net_options *options,
                   struct oct_message *msg)
{
    for (int i = 0; i < net->count; i++) {
        struct net_node *node = net->node + i;
        const struct oct_plan_info *info;
        int status;

        if (node->op != OCT_OP_CONV)
            continue;
        status = plan_conv(net, node, nodes + i, options, msg);
        if (status)
            return status;
        info = oct_plan_info(node->plan);
        name_kernel(&node->info, info);
        node->info.weight_bytes = info->weight_bytes;
        net->info.weight_bytes += info->weight_bytes;
        if (info->outside_bytes > net->info.scratch_bytes)
            net->info.scratch_bytes = info->outside_bytes;
    }
    return OCT_OK;
}
