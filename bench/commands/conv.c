/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "commands/conv.h"

#include "base/complain.h"
#include "base/message.h"
#include "base/output.h"
#include "check/prepare.h"
#include "commands/commands.h"
#include "commands/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_IN = 2000,
    KEY_WEIGHTS,
    KEY_BIAS,
    KEY_RESIDUAL,
    KEY_OUT,
    KEY_BANDS,
    KEY_HW,
    KEY_OC,
    KEY_STRIDE,
    KEY_PAD,
    KEY_DILATION,
    KEY_GROUPS,
    KEY_SET,
    KEY_DOWN,
    KEY_STRIDE_ORDER,
    KEY_EPILOGUE,
    KEY_KERNEL,
    KEY_THREADS,
};

struct command {
    struct options common;
    struct conv_request request;
    const struct oct_kernel *kernel;
    const char *kernel_name;
    int threads;
};

/* ---- the command line ---------------------------------------------------------------------------- */

/* "FILE" for the next band, "1=FILE", "h=FILE" or "l=FILE" for that one. */
static void take_band_file(const char *to[OCT_MAX_BANDS], const char *flag, const char *arg,
                           struct argp_state *state)
{
    static const char bands[] = "0123hl";
    const char *file = arg;
    int band = 0;

    if (arg[0] && arg[1] == '=' && strchr(bands, arg[0])) {
        band = (int)(strchr(bands, arg[0]) - bands) % OCT_MAX_BANDS;
        file = arg + 2;
    } else {
        for (int b = 0; b < OCT_MAX_BANDS; b++)
            if (to[b])
                band = b + 1;
    }
    if (band == OCT_MAX_BANDS)
        argp_error(state, "%s: there are at most %d bands", flag, OCT_MAX_BANDS);
    else if (to[band])
        argp_error(state, "%s: two files for band %d: '%s' and '%s'", flag, band, to[band], file);
    else
        to[band] = file;
}

/* "hh", "10", "w": false where it is neither. */
static bool parse_path(const char *name, size_t length, int *from, int *to)
{
    static const char bands[] = "0123hl";

    *from = *to = 0;
    if (length == 1 && name[0] == 'w')
        return true;
    if (length != 2 || !strchr(bands, name[0]) || !strchr(bands, name[1]))
        return false;
    *from = (int)(strchr(bands, name[0]) - bands) % OCT_MAX_BANDS;
    *to = (int)(strchr(bands, name[1]) - bands) % OCT_MAX_BANDS;
    return true;
}

static void take_weights(struct conv_request *r, const char *arg, struct argp_state *state)
{
    const char *equals = strchr(arg, '=');
    int from, to;

    if (!equals || !parse_path(arg, (size_t)(equals - arg), &from, &to)) {
        argp_error(state, "--weights: '%s' is not PATH=FILE with a path such as hh, hl, lh, ll, 21 or w",
                   arg);
        return;
    }
    if (r->path[from][to])
        argp_error(state, "--weights: two files for the same path: '%s' and '%s'", r->path[from][to],
                   equals + 1);
    r->path[from][to] = equals + 1;
    r->one_band = r->one_band || arg[0] == 'w';
}

static void take_extents(struct conv_request *r, const char *arg, struct argp_state *state)
{
    char end;

    if (sscanf(arg, "%dx%d%c", &r->h, &r->w, &end) != 2 || r->h < 1 || r->w < 1)
        argp_error(state, "--hw: '%s' is not HEIGHTxWIDTH such as 7x7", arg);
}

static void take_channels(struct conv_request *r, const char *arg, struct argp_state *state)
{
    const char *p = arg;

    for (r->oc_count = 0; r->oc_count < OCT_MAX_BANDS; p++) {
        char *end;
        long channels = strtol(p, &end, 10);

        if (end == p || channels < 0 || channels > 1 << 20)
            break;
        r->oc[r->oc_count++] = (int)channels;
        p = end;
        if (*p != ',')
            break;
    }
    if (*p || !r->oc_count)
        argp_error(state, "--oc: '%s' is not a list of channels such as 32,32", arg);
}

static int take_word(const char *flag, const char *arg, const char *const *words, int count,
                     struct argp_state *state)
{
    const char *near = nearest_word(arg, words, (size_t)count);

    for (int i = 0; i < count; i++)
        if (strcmp(arg, words[i]) == 0)
            return i;
    argp_error(state, "%s: unknown word '%s'%s%s%s", flag, arg, near ? "; did you mean '" : "",
               near ? near : "", near ? "'?" : "");
    return 0;
}

static int take_number_or(const char *flag, const char *arg, const char *word, int word_value, int low,
                          struct argp_state *state)
{
    return strcmp(arg, word) == 0 ? word_value
                                  : (int)options_number(state, flag, arg, (uint64_t)low, 1 << 20);
}

static const struct oct_field *field_named(const char *arg, size_t length)
{
    for (const struct oct_field *f = oct_fields; f->name; f++)
        if (strlen(f->name) == length && strncmp(f->name, arg, length) == 0)
            return f;
    return NULL;
}

/* FIELD=VALUE of any field that the files do not tell. */
static void take_field(struct conv_request *r, const char *arg, struct argp_state *state)
{
    size_t length = strcspn(arg, "=");
    const struct oct_field *f = field_named(arg, length);
    struct oct_problem scratch = oct_problem_default();
    const char *names[64], *near;
    char name[48];
    size_t count = 0;

    for (const struct oct_field *each = oct_fields; each->name; each++)
        names[count++] = each->name;
    snprintf(name, sizeof(name), "%.*s", (int)(length < 47 ? length : 47), arg);
    near = nearest_word(name, names, count);
    if (!f)
        argp_error(state, "--set: unknown field '%s'%s%s%s", name, near ? "; did you mean '" : "",
                   near ? near : "", near ? "'?" : "");
    else if (!arg[length] || !oct_field_parse(f, &scratch, arg + length + 1))
        argp_error(state, "--set: '%s' is no value of %s (%s)", arg[length] ? arg + length + 1 : "", f->name,
                   f->help);
    else if (r->set_count == CONV_MOST_SET)
        argp_error(state, "--set: more than %d fields", CONV_MOST_SET);
    else
        r->set[r->set_count].field = f, r->set[r->set_count++].text = arg + length + 1;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    static const char *const downs[] = {"pool", "strided"};
    static const char *const orders[] = {"official", "pool_first"};
    static const char *const activations[] = {"none", "relu", "relu6"};
    static const uint32_t activation_bits[] = {0, OCT_EPILOGUE_RELU, OCT_EPILOGUE_RELU6};
    struct command *c = state->input;
    struct conv_request *r = &c->request;

    switch (key) {
    case KEY_STRIDE:
        r->stride = (int)options_number(state, "--stride", arg, 1, OCT_MAX_STRIDE);
        return 0;
    case KEY_PAD:
        r->pad = take_number_or("--pad", arg, "same", OCT_PAD_SAME, 0, state);
        return 0;
    case KEY_DILATION:
        r->dilation = (int)options_number(state, "--dilation", arg, 1, 1024);
        return 0;
    case KEY_SET:
        take_field(r, arg, state);
        return 0;
    case KEY_GROUPS:
        r->groups = take_number_or("--groups", arg, "depthwise", OCT_GROUPS_DEPTHWISE, 1, state);
        return 0;
    case KEY_DOWN:
        r->down = take_word("--down", arg, downs, 2, state) ? OCT_DOWN_STRIDED : OCT_DOWN_POOL;
        return 0;
    case KEY_STRIDE_ORDER:
        r->stride_order =
            take_word("--stride-order", arg, orders, 2, state) ? OCT_STRIDE_POOL_FIRST : OCT_STRIDE_OFFICIAL;
        return 0;
    case KEY_EPILOGUE:
        r->activation = activation_bits[take_word("--epilogue", arg, activations, 3, state)];
        return 0;
    case KEY_KERNEL:
        c->kernel_name = arg;
        return 0;
    case KEY_THREADS:
        c->threads = (int)options_number(state, "--threads", arg, 1, 1024);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct command *c = state->input;
    struct conv_request *r = &c->request;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case KEY_IN:
        take_band_file(r->in, "--in", arg, state);
        return 0;
    case KEY_BIAS:
        take_band_file(r->bias, "--bias", arg, state);
        return 0;
    case KEY_RESIDUAL:
        take_band_file(r->residual, "--residual", arg, state);
        return 0;
    case KEY_OUT:
        take_band_file(r->out, "--out", arg, state);
        return 0;
    case KEY_WEIGHTS:
    case ARGP_KEY_ARG: /* so that --weights hh=a hl=b works */
        take_weights(r, arg, state);
        return 0;
    case KEY_BANDS:
        r->bands = (int)options_number(state, "--bands", arg, 1, OCT_MAX_BANDS);
        return 0;
    case KEY_HW:
        take_extents(r, arg, state);
        return 0;
    case KEY_OC:
        take_channels(r, arg, state);
        return 0;
    default:
        return parse_option(key, arg, state);
    }
}

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Tensors (FILE is a .npy; band 0 has full resolution, band 1 half of it, ...):", 1},
    {"in", KEY_IN, "[BAND=]FILE", 0, "An input band, N C H W or N C D H W; repeat for the next band", 1},
    {"weights", KEY_WEIGHTS, "PATH=FILE", 0,
     "Weights O I H W or O I D H W of one path: hh, hl, lh, ll (from, to), or 00, 01, 21, ..., or w for one "
     "band. "
     "Paths without weights contribute nothing. More PATH=FILE may follow",
     1},
    {"bias", KEY_BIAS, "[BAND=]FILE", 0, "Bias of an output band, one value a channel", 1},
    {"residual", KEY_RESIDUAL, "[BAND=]FILE", 0, "Added to an output band before the activation", 1},
    {"out", KEY_OUT, "[BAND=]FILE", 0, "Where an output band goes", 1},
    {"bands", KEY_BANDS, "N", 0, "Number of bands, where the files do not tell", 1},
    {"hw", KEY_HW, "HxW", 0, "Extents of the layer, where band 0 has no input and they are odd", 1},
    {"oc", KEY_OC, "N,N,...", 0, "Channels of the output bands, where nothing else tells", 1},
    {NULL, 0, NULL, 0, "The layer:", 2},
    {"stride", KEY_STRIDE, "N", 0, "Of height and width, 1 to 16; with two bands or more 1, 2 or 4", 2},
    {"pad", KEY_PAD, "N", 0, "Zeros on each side, or same (default): dilation * (k - 1) / 2", 2},
    {"dilation", KEY_DILATION, "N", 0, "Distance between the taps of the window", 2},
    {"groups", KEY_GROUPS, "N", 0, "A number, or depthwise", 2},
    {"set", KEY_SET, "FIELD=VALUE", 0,
     "Any other field of a layer as configs name it: stride_h=3, dilation_d=2, pad_left=1, "
     "pad_top=same_upper, "
     "pad_front=causal, groups_per_path=true. Padding words stand on both sides of an axis. May be repeated",
     2},
    {"down", KEY_DOWN, "HOW", 0,
     "pool: average pooling (default); strided: strided convolution (default for one band)", 2},
    {"stride-order", KEY_STRIDE_ORDER, "HOW", 0, "official (default), or pool_first", 2},
    {"epilogue", KEY_EPILOGUE, "WHAT", 0, "relu, relu6 or none; bias and residual follow from their files",
     2},
    {NULL, 0, NULL, 0, "How to run it:", 3},
    {"kernel", KEY_KERNEL, "NAME", 0, "f32_ref (default), or another of 'octbench kernels'", 3},
    {"threads", KEY_THREADS, "N", 0, "1 by default", 3},
    {0}};

static const struct argp_child children[] = {{&options_common, 0, NULL, 0}, {0}};
static const struct argp argp = {
    options,
    parse,
    "",
    "One OctConv on .npy tensors, to compare it with any framework.\v"
    "Example: alpha 0.5; then compare y0.npy and y1.npy with what your framework computes.\n"
    "  octbench conv --in xh.npy --in xl.npy \\\n"
    "      --weights hh=hh.npy hl=hl.npy lh=lh.npy ll=ll.npy \\\n"
    "      --out y0.npy --out y1.npy\n"
    "The first layer of a network has one input band and two output bands:\n"
    "  octbench conv --in x.npy --weights hh=hh.npy hl=hl.npy --stride 2 \\\n"
    "      --out y0.npy --out y1.npy\n"
    "A vanilla convolution:\n"
    "  octbench conv --in x.npy --weights w=w.npy --out y.npy\n\n"
    "Exit status: 0 good; 1 internal, or an output cannot be written; 2 usage, or tensors that do not fit "
    "together; 6 the kernel does not do this layer.",
    children,
    NULL,
    NULL};

/* ---- running ------------------------------------------------------------------------------------- */

static int find_kernel(struct command *c, struct oct_message *msg)
{
    const char *names[64], *near;
    size_t count = 0;

    c->kernel = c->kernel_name ? oct_kernel_find(c->kernel_name) : oct_kernels[0];
    if (c->kernel)
        return oct_kernel_available(c->kernel, msg);
    for (; oct_kernels[count] && count < 64; count++)
        names[count] = oct_kernels[count]->name;
    near = nearest_word(c->kernel_name, names, count);
    return message_fail(msg, OCT_INVALID, "unknown kernel '%s'%s%s%s", c->kernel_name,
                        near ? "; did you mean '" : "; 'octbench kernels' lists them", near ? near : "",
                        near ? "'?" : "");
}

/* The tensors stay the loader's. */
static void borrow(struct operands *ops, const struct conv_tensors *t)
{
    *ops = (struct operands){.problem = t->problem};
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        ops->in[b] = t->in[b].data;
        ops->bias[b] = t->bias[b].data;
        ops->residual[b] = t->residual[b].data;
        ops->weights.bias[b] = t->bias[b].data;
        for (int to = 0; to < OCT_MAX_BANDS; to++) {
            ops->path[b][to] = t->path[b][to].data;
            ops->weights.path[b][to] = t->path[b][to].data;
        }
    }
}

static int write_band(const struct prepared *run, int band, int rank, const char *path,
                      struct oct_message *msg)
{
    const struct oct_problem *p = &run->problem;
    struct oct_extent e = oct_out_extent(p, band);
    struct npy y = {.rank = rank, .shape = {(size_t)p->n, (size_t)p->oc[band]}};
    struct oct_tensor laid = run->info->out[band], plain = laid;
    int axis = 2, status;

    if (rank == 5)
        y.shape[axis++] = (size_t)e.d;
    y.shape[axis++] = (size_t)e.h;
    y.shape[axis] = (size_t)e.w;
    y.count = (size_t)p->n * (size_t)p->oc[band] * (size_t)e.d * (size_t)e.h * (size_t)e.w;
    y.data = malloc(y.count * sizeof(float));
    if (!y.data)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for output band %d", band);
    plain.layout = OCT_NCHW;
    plain.data = y.data;
    laid.data = run->io.out[band];
    (void)oct_tensor_copy(&plain, &laid); /* of one shape */
    status = npy_write(&y, path, msg);
    npy_free(&y);
    return status;
}

static int check_outputs(const struct command *c, struct oct_message *msg)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++)
        if (c->request.out[b] && output_check(c->request.out[b], msg))
            return OCT_ERROR;
    return OCT_OK;
}

static bool writes_stdout(const struct command *c)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++)
        if (c->request.out[b] && output_is_stdout(c->request.out[b]))
            return true;
    return false;
}

static int compute(const struct command *c, const struct conv_tensors *t, struct oct_message *msg)
{
    const struct oct_problem *p = &t->problem;
    struct operands ops;
    struct prepared run;
    int rank = 4, status;

    borrow(&ops, t);
    for (int b = 0; b < p->bands; b++)
        rank = t->in[b].data ? t->in[b].rank : rank;
    status = prepared_make(&run, c->kernel, &ops, c->threads, msg);
    if (status)
        return status;
    status = oct_execute(run.plan, &run.io);
    if (status)
        message_fail(msg, OCT_ERROR, "execute failed: %s", oct_status_name(status));
    for (int b = 0; !status && b < p->bands; b++)
        if (p->oc[b])
            status = write_band(&run, b, rank, c->request.out[b], msg);
    if (!status && !c->common.quiet)
        fprintf(writes_stdout(c) ? stderr : stdout, "%s: %s\n", c->kernel->name, run.info->describe);
    prepared_free(&run);
    return status;
}

static int fail(const struct oct_message *msg, int status)
{
    fprintf(stderr, "octbench conv: %s\n", msg->text);
    return status;
}

int conv_main(int argc, char **argv)
{
    struct command c = {.request = {.stride = 1, .pad = OCT_PAD_SAME, .dilation = 1, .groups = 1, .down = -1},
                        .threads = 1};
    struct conv_tensors tensors = {0};
    struct oct_message msg = {""};
    int status = options_from_environment(&c.common);

    argp_err_exit_status = 2;
    if (status)
        return status;
    argp_parse(&argp, argc, argv, 0, NULL, &c);
    if (find_kernel(&c, &msg))
        return fail(&msg, 2);
    status = conv_tensors_load(&tensors, &c.request, &msg);
    if (status) {
        status = fail(&msg, status == OCT_NO_MEMORY ? 1 : 2);
    } else {
        status = check_outputs(&c, &msg);
        if (!status)
            status = compute(&c, &tensors, &msg);
        if (status)
            status = fail(&msg, status == OCT_UNSUPPORTED ? 6 : status == OCT_INVALID ? 2 : 1);
    }
    conv_tensors_free(&tensors);
    return status;
}
