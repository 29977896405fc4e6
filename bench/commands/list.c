/* SPDX-License-Identifier: MIT */
/* octbench list. */
#include "commands/commands.h"

#include "commands/list_nodes.h"
#include "commands/options.h"
#include "commands/selection.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_NODES = 2000, KEY_ALPHA };

struct command {
    struct options options;
    const char *network; /* NULL: list a config */
    double alpha;
};

static double ratio(const struct argp_state *state, const char *text)
{
    char *end;
    double alpha = strtod(text, &end);

    if (end == text || *end || !(alpha >= 0 && alpha <= 1))
        argp_error(state, "--alpha: '%s' is no ratio from 0 to 1", text);
    return alpha;
}

static error_t parse_list(int key, char *arg, struct argp_state *state)
{
    struct command *c = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->child_inputs[1] = &c->options;
        return 0;
    case KEY_NODES:
        c->network = arg;
        return 0;
    case KEY_ALPHA:
        c->alpha = ratio(state, arg);
        return 0;
    case ARGP_KEY_END:
        if (!c->options.config == !c->network)
            argp_error(state, "which CONFIG, or --nodes of which FILE?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option list_options[] = {
    {"nodes", KEY_NODES, "FILE", 0, "Print the nodes of a network file instead: shapes, multiply-adds, bytes",
     1},
    {"alpha", KEY_ALPHA, "A", 0, "Its ratio of low-resolution channels (default: 0)", 1},
    {0}};

static const struct argp_child children[] = {
    {&options_cases, 0, NULL, 0}, {&options_common, 0, NULL, 0}, {0}};

static const struct argp list_argp = {
    list_options,
    parse_list,
    "CONFIG\n--nodes FILE",
    "Print the cases that CONFIG expands to, one a line, and their number.\v"
    "Example:\n  octbench list configs/quick.yaml --filter 'a=0.5'\n"
    "  octbench list --nodes configs/networks/resnet50.yaml --alpha 0.5",
    children,
    NULL,
    NULL};

int list_main(int argc, char **argv)
{
    struct command command = {0};
    struct config config;
    int status = options_from_environment(&command.options);

    argp_err_exit_status = 2;
    if (status)
        return status;
    argp_parse(&list_argp, argc, argv, 0, NULL, &command);
    if (command.network)
        return list_nodes(command.network, command.alpha);
    status = selection_load(&config, &command.options);
    if (status)
        return status;
    for (size_t g = 0; g < config.count; g++)
        for (size_t i = 0; i < config.groups[g].count; i++)
            printf("%s\n", config.groups[g].cases[i].name);
    printf("%zu cases in %zu groups\n", config_cases(&config), config.count);
    config_free(&config);
    return 0;
}
