/* SPDX-License-Identifier: MIT */
/* octbench list. */
#include "commands/commands.h"

#include "commands/options.h"
#include "commands/selection.h"

#include <argp.h>
#include <stdio.h>

static error_t parse_list(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;

    (void)arg;
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = state->child_inputs[1] = options;
        return 0;
    }
    if (key == ARGP_KEY_END && !options->config)
        argp_error(state, "which CONFIG?");
    return key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp_child children[] = {
    {&options_cases, 0, NULL, 0}, {&options_common, 0, NULL, 0}, {0}};

static const struct argp list_argp = {
    NULL,
    parse_list,
    "CONFIG",
    "Print the cases that CONFIG expands to, one a line, and their number.\v"
    "Example:\n  octbench list configs/quick.yaml --filter 'a=0.5'",
    children,
    NULL,
    NULL};

int list_main(int argc, char **argv)
{
    struct options options = {0};
    struct config config;
    int status = options_from_environment(&options);

    argp_err_exit_status = 2;
    if (status)
        return status;
    argp_parse(&list_argp, argc, argv, 0, NULL, &options);
    status = selection_load(&config, &options);
    if (status)
        return status;
    for (size_t g = 0; g < config.count; g++)
        for (size_t i = 0; i < config.groups[g].count; i++)
            printf("%s\n", config.groups[g].cases[i].name);
    printf("%zu cases in %zu groups\n", config_cases(&config), config.count);
    config_free(&config);
    return 0;
}
