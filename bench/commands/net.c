/* SPDX-License-Identifier: MIT */
/* octbench net: whole networks, vanilla and octave, in interleaved rounds. */
#include "check/stats.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "measure/net_rounds.h"

#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_RATIOS  12
#define MOST_KERNELS 12
#define CONFIDENCE   0.95
#define ERROR_BOUND  1e-3 /* of the largest output: fifty layers of float sums, Winograd's among them */

struct command {
    struct options common;
    struct net_request request;
    double alpha[MOST_RATIOS];
    const struct oct_kernel *kernel[MOST_KERNELS]; /* NULL: auto */
    int ratios, kernels;
    bool nodes, verify;
    const char *csv;
};

enum {
    KEY_ALPHA = 2000,
    KEY_KERNEL,
    KEY_THREADS,
    KEY_ROUNDS,
    KEY_BATCH,
    KEY_HW,
    KEY_TUNING,
    KEY_SEED,
    KEY_NODES,
    KEY_CSV,
    KEY_NO_VERIFY
};

static void take_ratios(struct command *c, char *arg, struct argp_state *state)
{
    for (char *word = strtok(arg, ","); word; word = strtok(NULL, ",")) {
        char *end;
        double alpha = strtod(word, &end);

        if (*end || !(alpha >= 0 && alpha <= 1))
            argp_error(state, "--alpha: '%s' is no ratio from 0 to 1", word);
        if (c->ratios == MOST_RATIOS)
            argp_error(state, "--alpha: more than %d ratios", MOST_RATIOS);
        c->alpha[c->ratios++] = alpha;
    }
}

static void take_kernels(struct command *c, char *arg, struct argp_state *state)
{
    for (char *word = strtok(arg, ","); word; word = strtok(NULL, ",")) {
        const struct oct_kernel *kernel = oct_kernel_find(word);
        struct oct_message msg = {"'octbench kernels' lists those there are"};

        if (!kernel || oct_kernel_available(kernel, &msg))
            argp_error(state, "--kernel: '%s': %s", word, msg.text);
        if (c->kernels == MOST_KERNELS)
            argp_error(state, "--kernel: more than %d kernels", MOST_KERNELS);
        c->kernel[c->kernels++] = kernel && kernel->algorithm == OCT_ALGORITHM_ANY ? NULL : kernel;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct command *c = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case KEY_ALPHA:
        take_ratios(c, arg, state);
        return 0;
    case KEY_KERNEL:
        take_kernels(c, arg, state);
        return 0;
    case KEY_THREADS:
        c->request.threads = (int)options_number(state, "--threads", arg, 1, 1024);
        return 0;
    case KEY_ROUNDS:
        c->request.rounds = (int)options_number(state, "--rounds", arg, 1, 10000);
        return 0;
    case KEY_BATCH:
        c->request.shape.n = (int)options_number(state, "--batch", arg, 1, 1024);
        return 0;
    case KEY_HW:
        c->request.shape.hw = (int)options_number(state, "--hw", arg, 1, 1 << 14);
        return 0;
    case KEY_SEED:
        c->request.seed = options_number(state, "--seed", arg, 0, INT64_MAX);
        return 0;
    case KEY_TUNING:
        c->request.tuning = arg;
        return 0;
    case KEY_NODES:
        c->nodes = true;
        return 0;
    case KEY_CSV:
        c->csv = arg;
        return 0;
    case KEY_NO_VERIFY:
        c->verify = false;
        return 0;
    case ARGP_KEY_ARG:
        if (c->request.path)
            argp_error(state, "one network at a time");
        c->request.path = arg;
        return 0;
    case ARGP_KEY_END:
        if (!c->request.path)
            argp_error(state, "which network FILE? (configs/networks/ has some)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"alpha", KEY_ALPHA, "A,A,...", 0,
     "Ratios of low-resolution channels; 0, the vanilla network, is always there "
     "(default: 0.5)",
     1},
    {"kernel", KEY_KERNEL, "NAME,NAME,...", 0,
     "One for every convolution that it takes, or auto: the fastest for each (default: auto)", 1},
    {"threads", KEY_THREADS, "N", 0, "1 by default", 1},
    {"batch", KEY_BATCH, "N", 0, "Images; as the file says", 1},
    {"hw", KEY_HW, "N", 0, "Height and width of the input; as the file says", 1},
    {"rounds", KEY_ROUNDS, "N", 0, "Executions of each case, in random order (default: 20)", 2},
    {"seed", KEY_SEED, "N", 0, "Of weights, input and order", 2},
    {"tuning", KEY_TUNING, "FILE", 0,
     "What auto found, read and added to, so that a second run plans at once", 2},
    {"no-verify", KEY_NO_VERIFY, NULL, 0, "Do not compare with f32_ref first, which takes seconds a ratio",
     2},
    {"nodes", KEY_NODES, NULL, 0, "Then the time of every node", 3},
    {"csv", KEY_CSV, "FILE", 0, "Also write the table, and with --nodes the nodes, as CSV", 3},
    {0}};

static const struct argp_child children[] = {{&options_common, 0, NULL, 0}, {0}};

static const struct argp net_argp = {options,
                                     parse,
                                     "FILE",
                                     "Run a whole network, vanilla and octave, through the kernels named, "
                                     "all in the same rounds, and print how much "
                                     "faster the octave networks are.\vExample:\n  octbench net "
                                     "configs/networks/resnet50.yaml --alpha 0.25,0.5",
                                     children,
                                     NULL,
                                     NULL};

static const char *kernel_name(const struct net_case *c)
{
    return c->kernel ? c->kernel->name : "auto";
}

/* Index of the vanilla case with the least median. */
static int fastest_vanilla(const struct net_case *cases, int count, int rounds)
{
    int best = -1;

    for (int i = 0; i < count; i++)
        if (cases[i].alpha == 0 && (best < 0 || stats_median(cases[i].ns, (size_t)rounds) <
                                                    stats_median(cases[best].ns, (size_t)rounds)))
            best = i;
    return best;
}

static void write_case(FILE *f, const struct command *c, const struct net_case *k,
                       const struct net_case *vanilla, bool csv)
{
    size_t rounds = (size_t)c->request.rounds;
    struct interval gain = stats_paired_speedup(vanilla->ns, k->ns, rounds, CONFIDENCE);
    double median = stats_median(k->ns, rounds) / 1e6,
           theory = (double)vanilla->network.macs / (double)k->network.macs;
    const struct oct_net_info *info = oct_net_info(k->net);
    const char *line =
        csv ? "%s,%g,%s,%d,%llu,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%zu,%zu,%d,%.3f,%.3g\n"
            : "%-14.14s %5g  %-20s %2d %6.0llu %9.2f %9.2f %8.3f  [%.3f, %.3f] %7.3f %9.3f %10zu "
              "%11zu %3d %8.1f  %.2g\n";

    fprintf(f, line, k->network.name, k->alpha, kernel_name(k), info->threads,
            (unsigned long long)(csv ? k->network.macs : k->network.macs / 1000000), median,
            stats_min(k->ns, rounds) / 1e6, gain.mid, gain.low, gain.high, theory, gain.mid / theory,
            info->arena_bytes, info->weight_bytes, info->reorders, (double)k->plan_ns / 1e6,
            k->largest_error);
}

static void write_table(FILE *f, const struct command *c, const struct net_case *cases, int count, bool csv)
{
    const struct net_case *vanilla = &cases[fastest_vanilla(cases, count, c->request.rounds)];

    fputs(csv ? "network,alpha,kernel,threads,macs,median_ms,min_ms,speedup,speedup_lo,speedup_hi,theory,"
                "octave_efficiency,arena_bytes,weight_bytes,reorders,plan_ms,error\n"
              : "network        alpha  kernel               t  MMACs   median ms    min ms  speedup  95%     "
                "         "
                "theory  efficiency activations     weights reo  plan ms  error\n",
          f);
    for (int i = 0; i < count; i++)
        write_case(f, c, &cases[i], vanilla, csv);
}

static void write_nodes(FILE *f, const struct net_case *k)
{
    uint64_t sum = 0;

    for (int i = 0; i < k->network.count; i++)
        sum += k->node_ns[i];
    for (int i = 0; i < k->network.count; i++) {
        const struct oct_net_node_info *n = oct_net_node(k->net, i);

        fprintf(f, "%s,%g,%s,%s,%s,%s,%llu,%llu,%.5f,%zu,%zu,\"%s\"\n", k->network.name, k->alpha,
                kernel_name(k), n->name, oct_op_name(n->op), n->kernel ? n->kernel : "",
                (unsigned long long)n->macs, (unsigned long long)k->node_ns[i],
                sum ? (double)k->node_ns[i] / (double)sum : 0, n->act_bytes, n->weight_bytes, n->describe);
    }
}

static void write_all_nodes(FILE *f, const struct net_case *cases, int count)
{
    fputs("\nnetwork,alpha,kernel,node,op,node_kernel,macs,ns,share,act_bytes,weight_bytes,impl\n", f);
    for (int i = 0; i < count; i++)
        write_nodes(f, &cases[i]);
}

/* 0, or the exit status after a word on stderr. */
static int make_cases(struct command *c, struct net_case *cases, int *count)
{
    struct oct_message msg;

    for (int a = 0; a < c->ratios; a++)
        for (int k = 0; k < c->kernels; k++) {
            struct net_case *each = &cases[(*count)++];

            each->alpha = c->alpha[a];
            each->kernel = c->kernel[k];
            if (net_case_make(each, &c->request, &msg) == OCT_OK)
                continue;
            fprintf(stderr, "octbench net: %s, alpha %g, %s: %s\n", c->request.path, each->alpha,
                    kernel_name(each), msg.text);
            return 2;
        }
    return 0;
}

static int verify_cases(const struct command *c, struct net_case *cases, int count)
{
    struct oct_message msg;
    int status = 0;

    for (int a = 0; a < c->ratios; a++)
        if (net_verify(cases, count, c->alpha[a], &c->request, &msg)) {
            fprintf(stderr, "octbench net: %s\n", msg.text);
            return 1;
        }
    for (int i = 0; i < count; i++)
        if (!(cases[i].largest_error <= ERROR_BOUND)) {
            fprintf(
                stderr,
                "octbench net: wrong: alpha %g through %s is off by %.3g of the largest output (bound %g)\n",
                cases[i].alpha, kernel_name(&cases[i]), cases[i].largest_error, ERROR_BOUND);
            status = 5;
        }
    return status;
}

static int write_csv(const struct command *c, const struct net_case *cases, int count)
{
    FILE *f = fopen(c->csv, "w");

    if (!f) {
        perror(c->csv);
        return 1;
    }
    write_table(f, c, cases, count, true);
    if (c->nodes)
        write_all_nodes(f, cases, count);
    if (fclose(f)) {
        perror(c->csv);
        return 1;
    }
    return 0;
}

static void put_vanilla_first(struct command *c)
{
    for (int i = 0; i < c->ratios; i++)
        if (c->alpha[i] == 0)
            return;
    memmove(c->alpha + 1, c->alpha, (size_t)c->ratios++ * sizeof(c->alpha[0]));
    c->alpha[0] = 0;
}

static int measure(struct command *c, struct net_case *cases)
{
    int count = 0, status = make_cases(c, cases, &count);

    if (!status && c->verify)
        status = verify_cases(c, cases, count);
    if (!status && net_rounds(cases, count, &c->request))
        status = 1;
    if (!status) {
        write_table(stdout, c, cases, count, false);
        if (c->nodes)
            write_all_nodes(stdout, cases, count);
        status = c->csv ? write_csv(c, cases, count) : 0;
    }
    for (int i = 0; i < count; i++)
        net_case_free(&cases[i]);
    return status ? status : fflush(stdout) ? 1 : 0;
}

int net_main(int argc, char **argv)
{
    struct command c = {.request = {.threads = 1, .rounds = 20, .seed = 1}, .verify = true};
    struct net_case *cases;
    int status = options_from_environment(&c.common);

    argp_err_exit_status = 2;
    if (status)
        return status;
    argp_parse(&net_argp, argc, argv, 0, NULL, &c);
    if (c.ratios == 0)
        c.alpha[c.ratios++] = 0.5;
    if (c.kernels == 0)
        c.kernel[c.kernels++] = NULL;
    if (c.ratios < MOST_RATIOS)
        put_vanilla_first(&c);
    cases = calloc((size_t)c.ratios * c.kernels, sizeof(*cases));
    if (!cases)
        return 1;
    status = measure(&c, cases);
    free(cases);
    return status;
}
