/* SPDX-License-Identifier: MIT */
/* octbench export: cases as directories that other programs read: case.json, .npy files, model.onnx. */
#define _GNU_SOURCE
#include "commands/commands.h"

#include "base/file.h"
#include "commands/options.h"
#include "check/verify.h"
#include "commands/selection.h"
#include "measure/engine_case.h"
#include "measure/engine_scripts.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    struct options options;
    const char *out;
};

/* Directories written so far. */
struct exported {
    size_t count, room;
    char **directory;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case 'o':
        a->out = arg;
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->child_inputs[1] = &a->options;
        return 0;
    case ARGP_KEY_END:
        if (!a->options.config)
            argp_error(state, "which CONFIG?");
        if (!a->out)
            argp_error(state, "where to: -o DIR?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option export_options[] = {
    {"output", 'o', "DIR", 0, "Where the cases go: DIR/SUITE/LAYER/ALPHA", 1}, {0}};

static const struct argp_child children[] = {
    {&options_cases, 0, NULL, 0}, {&options_common, 0, NULL, 0}, {0}};

static const struct argp export_argp = {
    export_options,
    parse,
    "CONFIG",
    "Write the layers of CONFIG, vanilla and octave, for other programs: case.json, weights and inputs as\n"
    ".npy files, and model.onnx (this takes Debian's python3-onnx, or scripts/engines.sh; exit 6 without).\v"
    "Example:\n  octbench export configs/quick.yaml --filter 'a=0.5' -o cases",
    children,
    NULL,
    NULL};

static int fail(int status, const char *text)
{
    fprintf(stderr, "octbench: %s\n", text);
    return status;
}

/* DIR/SUITE/LAYER/ALPHA: the name of a case without how it is run. NULL: no memory. */
static char *directory_of(const char *out, const struct bench_case *c)
{
    const char *end = c->name;
    char *path;

    for (int slashes = 0; *end && !(*end == '/' && ++slashes == 3);)
        end++;
    return asprintf(&path, "%s/%.*s", out, (int)(end - c->name), c->name) < 0 ? NULL : path;
}

static bool has(const struct exported *e, const char *directory)
{
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->directory[i], directory) == 0)
            return true;
    return false;
}

/* Takes the string. */
static bool add(struct exported *e, char *directory)
{
    if (e->count + 1 >= e->room) { /* a NULL ends the list */
        size_t room = e->room ? 2 * e->room : 16;
        char **grown = realloc(e->directory, room * sizeof(*grown));

        if (!grown) {
            free(directory);
            return false;
        }
        e->directory = grown;
        e->room = room;
    }
    e->directory[e->count++] = directory;
    e->directory[e->count] = NULL;
    return true;
}

static int write_case(const char *directory, const struct bench_case *c, uint64_t seed)
{
    struct operands ops;
    struct oct_message msg;
    int status = operands_make(&ops, &c->problem, FILL_REALS, seed, NULL, 1, &msg);

    if (status)
        return fail(1, msg.text);
    status = file_make_directory(directory, &msg);
    if (!status)
        status = engine_case_write(directory, c->name, &ops, &msg);
    operands_free(&ops);
    return status ? fail(1, msg.text) : 0;
}

static int export_all(struct exported *e, const struct config *config, const char *out)
{
    int status = 0;

    for (size_t g = 0; g < config->count && !status; g++) {
        for (size_t i = 0; i < config->groups[g].count && !status; i++) {
            const struct bench_case *c = &config->groups[g].cases[i];
            char *directory = directory_of(out, c);

            if (directory && has(e, directory))
                free(directory);
            else if (!directory || !add(e, directory))
                status = fail(1, "no memory");
            else
                status = write_case(directory, c, config->measure.seed);
        }
    }
    return status;
}

static int make_onnx(struct exported *e)
{
    struct oct_message msg;
    int status = engine_script_run("to_onnx.py", e->directory, &msg);

    return status ? fail(status == OCT_UNSUPPORTED ? 6 : 1, msg.text) : 0;
}

int export_main(int argc, char **argv)
{
    struct arguments a = {0};
    struct config config;
    struct exported exported = {0};
    int status = options_from_environment(&a.options);

    argp_err_exit_status = 2;
    if (status)
        return status;
    argp_parse(&export_argp, argc, argv, 0, NULL, &a);
    status = selection_load(&config, &a.options);
    if (status)
        return status;
    status = export_all(&exported, &config, a.out);
    if (!status)
        status = make_onnx(&exported);
    for (size_t i = 0; i < exported.count; i++) {
        if (!status)
            printf("%s\n", exported.directory[i]);
        free(exported.directory[i]);
    }
    free(exported.directory);
    config_free(&config);
    return status ? status : fflush(stdout) ? 1 : 0;
}
