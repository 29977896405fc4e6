/* SPDX-License-Identifier: MIT */
/*
 * By hand: depthwise layers of MobileNet and grouped ones of ResNeXt-50 32x4d against oneDNN, one band and
 * alpha = .5, verified first, then timed in interleaved rounds. `ratio` is oneDNN's best over ours.
 *
 *     grouped_speed [THREADS [ROUNDS [ISA [PATTERN]]]]
 */
#include "check/prepare.h"
#include "check/stats.h"
#include "base/timer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 1000, KERNELS = 3, CASES = 2 * KERNELS };

static const double sample_ns = 300e3;

/* Channels, input extent, stride. */
static const int mobilenet[][3] = {{32, 112, 1}, {64, 112, 2}, {128, 56, 1}, {128, 56, 2}, {256, 28, 1},
                                   {256, 28, 2}, {512, 14, 1}, {512, 14, 2}, {1024, 7, 1}};
static const int resnext[][3] = {{128, 56, 1}, {256, 56, 2},  {256, 28, 1}, {512, 28, 2},
                                 {512, 14, 1}, {1024, 14, 2}, {1024, 7, 1}};

struct timed {
    struct prepared prepared;
    bool there;
    int iterations;
    double us[MAX_ROUNDS];
};

static void must(int status, const char *what, const struct oct_message *msg)
{
    if (!status)
        return;
    fprintf(stderr, "%s: %s\n", what, msg->text);
    exit(1);
}

static struct oct_problem layer(const int row[3], int groups, double alpha)
{
    struct oct_problem p = oct_problem_default();

    p.h = p.w = row[1];
    p.kh = p.kw = 3;
    p.stride = row[2];
    p.groups = groups;
    p.bands = alpha > 0 ? 2 : 1;
    p.down = alpha > 0 ? OCT_DOWN_POOL : OCT_DOWN_STRIDED;
    p.ic[1] = p.oc[1] = alpha > 0 ? oct_low_channels(row[0], alpha) : 0;
    p.ic[0] = p.oc[0] = row[0] - p.ic[1];
    return p;
}

static double once(const struct timed *t, int iterations)
{
    uint64_t since = timer_now_ns();

    for (int i = 0; i < iterations; i++)
        oct_execute(t->prepared.kernel, t->prepared.plan, &t->prepared.io);
    return (double)(timer_now_ns() - since) / iterations;
}

static void ready(struct timed *t, const struct oct_kernel *kernel, const struct operands *ops, int threads)
{
    struct oct_message msg;
    int status = prepared_make(&t->prepared, kernel, ops, threads, &msg);

    t->there = status == OCT_OK;
    if (status == OCT_UNSUPPORTED)
        return;
    must(status, kernel->name, &msg);
    must(prepared_verify(&t->prepared, ops, &msg), kernel->name, &msg);
    once(t, 3);
    t->iterations = (int)fmax(sample_ns / once(t, 5), 1);
}

static double median(const struct timed *t, int rounds)
{
    return t->there ? stats_median(t->us, rounds) : NAN;
}

/* Three cases of one problem: ours, and the two compositions of oneDNN. */
static double print_cases(const char *what, const struct timed t[KERNELS], int rounds)
{
    double ours = median(&t[0], rounds), best = fmin(median(&t[1], rounds), median(&t[2], rounds));

    printf("  %-7s %8.1f | %8.1f %8.1f | ratio %5.2f | %s\n", what, ours, median(&t[1], rounds),
           median(&t[2], rounds), best / ours, t[0].there ? t[0].prepared.info->describe : "unsupported");
    return best / ours;
}

static void time_layer(const int row[3], const char *name, int groups,
                       const struct oct_kernel *const k[KERNELS], int threads, int rounds, double log_sum[2])
{
    static struct timed cases[CASES];
    struct operands ops[2];
    struct oct_message msg;

    for (int a = 0; a < 2; a++) {
        struct oct_problem p = layer(row, groups, a * 0.5);

        must(operands_make(&ops[a], &p, FILL_REALS, 1, oct_kernels[0], threads, &msg), name, &msg);
        for (int i = 0; i < KERNELS; i++)
            ready(&cases[a * KERNELS + i], k[i], &ops[a], threads);
    }
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < CASES; i++) {
            struct timed *t = &cases[(i + r) % CASES];

            if (!t->there)
                continue;
            once(t, 2);
            t->us[r] = once(t, t->iterations) / 1e3;
        }
    printf("%s %dx%d stride %d, theory %.2f, ours over oneDNN's best vanilla %.2f\n", name, row[0], row[1],
           row[2], oct_theory_speedup(&ops[1].problem),
           fmin(median(&cases[1], rounds), median(&cases[2], rounds)) / median(&cases[KERNELS], rounds));
    log_sum[0] += log(print_cases("vanilla", cases, rounds));
    log_sum[1] += log(print_cases("a=.5", cases + KERNELS, rounds));
    for (int i = 0; i < CASES; i++)
        if (cases[i].there)
            prepared_free(&cases[i].prepared);
    operands_free(&ops[0]);
    operands_free(&ops[1]);
}

static void time_network(const char *name, const int (*rows)[3], int count, int groups, int threads,
                         int rounds)
{
    const char *ours = oct_cpu_usable() & OCT_ISA_AVX512 ? "f32_avx512_direct" : "f32_avx2_direct";
    const struct oct_kernel *const k[KERNELS] = {
        oct_kernel_find(ours), oct_kernel_find("f32_onednn_framework"), oct_kernel_find("f32_onednn_postop")};
    double log_sum[2] = {0, 0};

    if (!k[0] || !k[1])
        must(1, name, &(struct oct_message){"needs x86 and a build with oneDNN"});
    printf("        %s, us | framework, post-op\n", ours);
    for (int i = 0; i < count; i++)
        time_layer(rows[i], name, groups, k, threads, rounds, log_sum);
    printf("%s: geometric means of the ratio: vanilla %.2f, a=.5 %.2f\n", name, exp(log_sum[0] / count),
           exp(log_sum[1] / count));
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1, rounds = argc > 2 ? atoi(argv[2]) : 50;
    const char *pattern = argc > 4 ? argv[4] : "";
    uint32_t isa = UINT32_MAX;

    if (threads < 1 || rounds < 1 || rounds > MAX_ROUNDS || (argc > 3 && !oct_isa_parse(argv[3], &isa))) {
        fprintf(stderr, "usage: grouped_speed [THREADS [ROUNDS [ISA [PATTERN]]]], rounds up to %d\n",
                MAX_ROUNDS);
        return 2;
    }
    oct_cpu_limit(isa);
    if (strstr("mobilenet", pattern))
        time_network("mobilenet", mobilenet, sizeof(mobilenet) / sizeof(mobilenet[0]), OCT_GROUPS_DEPTHWISE,
                     threads, rounds);
    if (strstr("resnext", pattern))
        time_network("resnext", resnext, sizeof(resnext) / sizeof(resnext[0]), 32, threads, rounds);
    return 0;
}
