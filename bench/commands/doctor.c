/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "commands/doctor.h"

#include "commands/commands.h"
#include "commands/options.h"
#include "machine/topology_internal.h"

#include <argp.h>
#include <stdlib.h>

enum { KEY_JSON = 2000, KEY_SECONDS, KEY_ROOT };

struct settings {
    struct options options;
    bool json;
    double seconds;
    const char *root;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct settings *s = state->input;
    char *end;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &s->options;
        return 0;
    case KEY_JSON:
        s->json = true;
        return 0;
    case KEY_SECONDS:
        s->seconds = strtod(arg, &end);
        if (end == arg || *end || !(s->seconds > 0 && s->seconds <= 600))
            argp_error(state, "--seconds is '%s', but must be a number above 0 and up to 600", arg);
        return 0;
    case KEY_ROOT:
        s->root = arg;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "doctor takes no argument, but got '%s'", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&options_common, 0, NULL, 0}, {0}};
static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "One JSON object instead of text; what is unknown is null", 0},
    {"seconds", KEY_SECONDS, "N", 0, "Watch the machine for about N seconds (3)", 0},
    {"root", KEY_ROOT, "DIR", OPTION_HIDDEN, "Read the control group's files below DIR", 0},
    {0}};
static const struct argp argp = {options,
                                 parse,
                                 NULL,
                                 "What this machine can measure, and what will disturb it.\v"
                                 "Example:\n  octbench doctor --json > doctor.json",
                                 children,
                                 NULL,
                                 NULL};

int doctor_main(int argc, char **argv)
{
    struct settings settings = {.seconds = 3, .root = ""};
    struct examination *report = NULL;
    struct topology_source source = {0};
    struct topology *topology;
    struct oct_message msg;
    int status = options_from_environment(&settings.options);

    argp_err_exit_status = 2;
    if (status)
        return status;
    argp_parse(&argp, argc, argv, 0, NULL, &settings);
    report = calloc(1, sizeof(*report));
    source.root = settings.root;
    topology = report ? topology_open_source(&source, &msg) : NULL;
    if (!topology) {
        fprintf(stderr, "octbench doctor: %s\n", report ? msg.text : "no memory");
        free(report);
        return 1;
    }
    report->root = settings.root;
    report->seconds = settings.seconds;
    examine_system(report, topology);
    examine_measuring(report, topology);
    topology_close(topology);
    if (settings.json)
        status = print_examination_json(report);
    else
        print_examination(report);
    free(report);
    return status;
}
