/* SPDX-License-Identifier: MIT */
/* octbench: subcommands and the flags that may stand before them; nothing else. */
#define _GNU_SOURCE
#include "base/complain.h"
#include "commands/commands.h"
#include "gate/gate.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FLAGS 16

enum { KEY_NO_PROGRESS = 1000, KEY_ISA };

static const struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *summary; /* NULL: internal */
} commands[] = {
    {"run", run_main, "measure what a config asks for: a table, CSV files, run.json"},
    {"list", list_main, "the cases a config expands to, one a line, and their number"},
    {"net", net_main, "whole networks, vanilla and octave: how much faster, and where the time goes"},
    {"verify", verify_main, "correctness alone, no timing"},
    {"kernels", kernels_main, "every kernel: what it needs, available here or why not"},
    {"doctor", doctor_main, "what this machine can measure, and what will disturb it"},
    {"conv", conv_main, "one OctConv on .npy tensors, to compare with any framework"},
    {"export", export_main, "cases as ONNX with their weights, for other programs"},
    {"ab", ab_main, "two builds of liboctconv, interleaved: the regression gate"},
    {"aa", aa_main, "certify this machine: false alarms, smallest detectable change"},
    {"compare", compare_main, "two stored results.csv"},
    {"gate-launch", gate_launch_main, NULL},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

struct front {
    char *flags[MAX_FLAGS]; /* those before the command, to be given to it */
    int flag_count;
    int command; /* index into argv; 0: none */
};

static void keep(struct front *front, char *flag, struct argp_state *state)
{
    if (front->flag_count == MAX_FLAGS)
        argp_error(state, "too many flags before the command");
    front->flags[front->flag_count++] = flag;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static char quiet[] = "-q", verbose[] = "-v", no_progress[] = "--no-progress", isa[] = "--isa";
    struct front *front = state->input;

    switch (key) {
    case 'q':
        keep(front, quiet, state);
        return 0;
    case 'v':
        keep(front, verbose, state);
        return 0;
    case KEY_NO_PROGRESS:
        keep(front, no_progress, state);
        return 0;
    case KEY_ISA:
        keep(front, isa, state);
        keep(front, arg, state);
        return 0;
    case ARGP_KEY_ARG:
        front->command = state->next - 1;
        state->next = state->argc; /* the rest is the command's own */
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *filter_help(int key, const char *text, void *input)
{
    char *help = NULL;
    size_t size;
    FILE *f;

    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC || !(f = open_memstream(&help, &size)))
        return (char *)(uintptr_t)text;
    fputs("Commands (octbench COMMAND --help tells more):\n", f);
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].summary)
            fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fputs("\nExample: how fast is OctConv against vanilla convolution on this machine?\n"
          "  octbench run configs/quick.yaml\n\n"
          "Exit status: 0 good; 1 internal; 2 usage or config; 3 regression; 4 inconclusive; 5 a wrong "
          "result;\n"
          "6 nothing was measured, or something required could not be; 130 interrupted.",
          f);
    fclose(f);
    return help;
}

static const struct argp_option options[] = {
    {"quiet", 'q', NULL, 0, "Say nothing but results and errors", 0},
    {"verbose", 'v', NULL, 0, "Say more on stderr", 0},
    {"no-progress", KEY_NO_PROGRESS, NULL, 0, "No progress line", 0},
    {"isa", KEY_ISA, "MASK", 0, "Use no instruction set above MASK, such as avx2 or base (OCTBENCH_ISA)", 0},
    {0}};

static const struct argp argp = {
    options,       parse,
    "COMMAND ...", "Octave Convolution on CPUs: benchmarks, correctness, a regression gate.\v",
    NULL,          filter_help,
    NULL};

static int unknown_command(const char *name)
{
    const char *names[COMMANDS], *near;
    size_t count = 0;

    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].summary)
            names[count++] = commands[i].name;
    near = nearest_word(name, names, count);
    fprintf(stderr, "octbench: there is no command '%s'", name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?\n", near);
    else
        fputs("; 'octbench --help' lists them\n", stderr);
    return 2;
}

/* A result that did not arrive is no success, whichever command printed it. */
static void close_stdout(int status, void *unused)
{
    (void)unused;
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    fprintf(stderr, "octbench: the standard output cannot be written: %s\n", strerror(errno ? errno : EIO));
    _exit(status ? status : 1);
}

/* "octbench -q run X" becomes "run -q X", with the program's name for argp's messages. */
static int dispatch(const struct command *command, const struct front *front, int argc, char **argv)
{
    int rest = argc - front->command - 1, count = 0, status;
    char **args = calloc((size_t)(front->flag_count + rest + 2), sizeof(*args)), name[64];

    if (!args) {
        fputs("octbench: no memory\n", stderr);
        return 1;
    }
    snprintf(name, sizeof(name), "octbench %s", command->name);
    args[count++] = name;
    for (int i = 0; i < front->flag_count; i++)
        args[count++] = front->flags[i];
    for (int i = 0; i < rest; i++)
        args[count++] = argv[front->command + 1 + i];
    status = command->main(count, args);
    free(args);
    return status;
}

static void print_version(FILE *f, struct argp_state *state)
{
    const char *onednn = oct_onednn_version();

    (void)state;
    fprintf(f, "octbench %s, oneDNN %s\n", oct_version(), onednn ? onednn : "left out");
}

int main(int argc, char **argv)
{
    static char program[] = "octbench";
    struct front front = {0};

    argp_err_exit_status = 2;
    argp_program_version_hook = print_version;
    on_exit(close_stdout, NULL);
    if (argc > 0)
        argv[0] = program;
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &front);
    if (!front.command) {
        fputs("octbench: which command? Try 'octbench run configs/quick.yaml' or 'octbench --help'\n",
              stderr);
        return 2;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, argv[front.command]) == 0)
            return dispatch(&commands[i], &front, argc, argv);
    return unknown_command(argv[front.command]);
}
