/* SPDX-License-Identifier: MIT */
/* octbench kernels. */
#include "commands/commands.h"

#include "commands/options.h"
#include "octconv.h"

#include <argp.h>
#include <stdio.h>

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = state->input;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static const struct argp_child children[] = {{&options_common, 0, NULL, 0}, {0}};
static const struct argp argp = {
    NULL,
    parse,
    NULL,
    "Every kernel of this build: what it needs, and whether this machine has it.\v"
    "Example:\n  octbench kernels --isa avx2",
    children,
    NULL,
    NULL};

static void print_dtypes(uint32_t dtypes, char text[32])
{
    int used = 0;

    text[0] = '\0';
    for (int t = OCT_F32; t <= OCT_S8; t++)
        if (dtypes & 1u << t)
            used += snprintf(text + used, (size_t)(32 - used), "%s%s", used ? "," : "",
                             oct_dtype_name((enum oct_dtype)t));
}

int kernels_main(int argc, char **argv)
{
    struct options options = {0};
    int status = options_from_environment(&options);

    argp_err_exit_status = 2;
    if (status)
        return status;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    printf("%-24s %-8s %-9s %-8s %-6s %-9s %s\n", "kernel", "isa", "algorithm", "layout", "types",
           "available", "what it is");
    for (int i = 0; oct_kernels[i]; i++) {
        const struct oct_kernel *k = oct_kernels[i];
        struct oct_message msg = {""};
        char dtypes[32];
        bool missing = oct_kernel_available(k, &msg) != OCT_OK;

        print_dtypes(k->dtypes, dtypes);
        printf("%-24s %-8s %-9s %-8s %-6s %-9s %s\n", k->name, oct_isa_name(k->isa),
               k->algorithm == OCT_ALGORITHM_DIRECT ? "direct" : "winograd", oct_layout_name(k->layout),
               dtypes, missing ? "no" : "yes", missing ? msg.text : k->summary);
    }
    return 0;
}
