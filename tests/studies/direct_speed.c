/* SPDX-License-Identifier: MIT */
/*
 * A manual tool (not run by ctest): efficiency of one direct kernel on ResNet-50's nine layers (-l 9-12: on
 * those of stride 2), while tuning it. All cases of a layer are timed in the same rounds, in random order;
 * medians over the rounds.
 *
 *   direct_speed [-k KERNEL] [-t THREADS] [-r ROUNDS] [-l FIRST-LAST] [-i ISA] [-c COMPARED,...] [-p]
 *
 * Prints for each layer the time and GFLOP/s of the kernel's own vanilla, of the fastest direct vanilla of
 * the kernels compared with, and at each alpha: octave efficiency, self-efficiency, and how many times faster
 * than the compared kernels' composition.
 */
#define _POSIX_C_SOURCE 200809L
#include "octconv.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALPHAS     4
#define OTHERS     2
#define CASES      ((1 + ALPHAS) * (1 + OTHERS))
#define MAX_ROUNDS 1000

static const double alphas[1 + ALPHAS] = {0, .125, .25, .5, .75};

static const struct layer {
    const char *name;
    int k, c_in, c_out, hw, stride;
} layers[] = {
    {"3x3 64->64 @56", 3, 64, 64, 56, 1},         {"3x3 128->128 @28", 3, 128, 128, 28, 1},
    {"3x3 256->256 @14", 3, 256, 256, 14, 1},     {"1x1 64->256 @56", 1, 64, 256, 56, 1},
    {"1x1 256->64 @56", 1, 256, 64, 56, 1},       {"1x1 128->512 @28", 1, 128, 512, 28, 1},
    {"1x1 512->128 @28", 1, 512, 128, 28, 1},     {"1x1 256->1024 @14", 1, 256, 1024, 14, 1},
    {"1x1 1024->256 @14", 1, 1024, 256, 14, 1},   {"3x3/2 128->128 @56", 3, 128, 128, 56, 2},
    {"3x3/2 256->256 @28", 3, 256, 256, 28, 2},   {"1x1/2 256->512 @56", 1, 256, 512, 56, 2},
    {"1x1/2 512->1024 @28", 1, 512, 1024, 28, 2},
};

enum { usual = 9 }; /* layers that are timed where no other are asked for; those behind have stride 2 */

struct subject {
    const struct oct_kernel *kernel;
    struct oct_plan *plan; /* NULL: not available, unsupported */
    struct oct_io io;
    double ns[MAX_ROUNDS];
};

static void *checked(void *p)
{
    if (p)
        return p;
    fputs("no memory\n", stderr);
    exit(1);
}

static float *random_values(size_t count)
{
    float *v = checked(oct_alloc(count * sizeof(float)));

    for (size_t i = 0; i < count; i++)
        v[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    return v;
}

static struct oct_problem problem_of(const struct layer *l, double alpha)
{
    struct oct_problem p = oct_problem_default();

    p.h = p.w = l->hw;
    p.kh = p.kw = l->k;
    p.stride = l->stride;
    p.bands = alpha > 0 ? 2 : 1;
    p.ic[1] = oct_low_channels(l->c_in, alpha);
    p.ic[0] = l->c_in - p.ic[1];
    p.oc[1] = oct_low_channels(l->c_out, alpha);
    p.oc[0] = l->c_out - p.oc[1];
    return p;
}

static void *make_tensor(enum oct_layout layout, int c, struct oct_extent e)
{
    size_t plain = (size_t)c * e.h * e.w;
    void *t;
    float *v;

    if (c == 0)
        return NULL;
    t = checked(oct_alloc(oct_layout_bytes(layout, OCT_F32, 1, c, e)));
    v = random_values(plain);
    oct_to_layout(layout, t, v, 1, c, e);
    oct_free(v);
    return t;
}

static void make_subject(struct subject *s, const struct oct_kernel *k, const struct oct_problem *p,
                         int threads)
{
    struct oct_weights w = {0};
    const struct oct_plan_info *info;

    s->kernel = k;
    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            if (oct_path_weights(p, from, to))
                w.path[from][to] = random_values(oct_path_weights(p, from, to));
    if (oct_plan_create(&s->plan, k, p, &w, threads, NULL))
        s->plan = NULL;
    for (int i = 0; i < OCT_MAX_BANDS * OCT_MAX_BANDS; i++)
        oct_free((void *)(uintptr_t)w.path[i / OCT_MAX_BANDS][i % OCT_MAX_BANDS]);
    if (!s->plan)
        return;
    info = k->info(s->plan);
    for (int b = 0; b < p->bands; b++) {
        s->io.in[b] = make_tensor(info->in[b], p->ic[b], oct_in_extent(p, b));
        s->io.out[b] = make_tensor(info->out[b], p->oc[b], oct_out_extent(p, b));
    }
}

static void free_subject(struct subject *s)
{
    if (!s->plan)
        return;
    oct_plan_destroy(s->kernel, s->plan);
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        oct_free((void *)(uintptr_t)s->io.in[b]);
        oct_free(s->io.out[b]);
    }
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double time_subject(struct subject *s)
{
    const int warm = 2, timed = 3;
    double start;

    for (int i = 0; i < warm; i++)
        oct_execute(s->kernel, s->plan, &s->io);
    start = now();
    for (int i = 0; i < timed; i++)
        oct_execute(s->kernel, s->plan, &s->io);
    return (now() - start) / timed;
}

static void run_rounds(struct subject *s, int n, int rounds)
{
    int order[CASES];

    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int r = -1; r < rounds; r++) {
        for (int i = n - 1; i > 0; i--) {
            int j = rand() % (i + 1), t = order[i];
            order[i] = order[j];
            order[j] = t;
        }
        for (int i = 0; i < n; i++)
            if (s[order[i]].plan)
                s[order[i]].ns[r < 0 ? 0 : r] = time_subject(s + order[i]);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const double *v, int n)
{
    double sorted[MAX_ROUNDS];

    memcpy(sorted, v, (size_t)n * sizeof(*v));
    qsort(sorted, (size_t)n, sizeof(*sorted), ascending);
    return sorted[n / 2];
}

/* Median over the rounds of a's time over b's; NAN where one is missing. */
static double ratio(const struct subject *a, const struct subject *b, int rounds)
{
    double v[MAX_ROUNDS];

    if (!a || !b || !a->plan || !b->plan)
        return NAN;
    for (int r = 0; r < rounds; r++)
        v[r] = a->ns[r] / b->ns[r];
    return median(v, rounds);
}

struct mean {
    double log;
    int n;
};

static void count(struct mean *m, double v)
{
    if (isnan(v))
        return;
    m->log += log(v);
    m->n++;
}

static double geometric(struct mean m)
{
    return m.n ? exp(m.log / m.n) : NAN;
}

struct options {
    const struct oct_kernel *kernel, *other[OTHERS];
    int threads, rounds, first, last;
    bool parts;
};

struct totals {
    struct mean efficiency, efficiency_1x1, self, vanilla, faster, gflops;
    double worst;
};

static struct subject *at(struct subject *s, int kernel, int alpha)
{
    return s + kernel * (1 + ALPHAS) + alpha;
}

/* Multiply-adds of the paths in a name such as "ll+hl". */
static double named_macs(const struct oct_problem *p, const char *name)
{
    double macs = 0;
    char path[4];

    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            if (strstr(name, oct_path_name(p, from, to, path)))
                macs += (double)oct_path_get(p, from, to).macs;
    return macs;
}

static void print_parts(struct subject *s, const struct oct_problem *p)
{
    const int runs = 100;
    struct oct_profile profile = {0};

    s->io.profile = &profile;
    for (int i = 0; i < runs; i++)
        oct_execute(s->kernel, s->plan, &s->io);
    s->io.profile = NULL;
    for (int i = 0; i < profile.count; i++) {
        double ns = (double)profile.part[i].ns / runs;
        printf("        %-8s %7.1f us", profile.part[i].name, ns / 1e3);
        if (named_macs(p, profile.part[i].name) > 0)
            printf("  %5.1f GF", 2 * named_macs(p, profile.part[i].name) / ns);
        printf("\n");
    }
}

static void report(const struct layer *l, struct subject *s, const struct options *o, struct totals *sum)
{
    struct oct_problem vanilla = problem_of(l, 0);
    struct subject *own = at(s, 0, 0), *best = NULL;
    double flops = 2.0 * (double)oct_macs(&vanilla), own_ns = median(own->ns, o->rounds);

    for (int k = 1; k <= OTHERS; k++)
        if (at(s, k, 0)->plan && (!best || ratio(at(s, k, 0), best, o->rounds) < 1))
            best = at(s, k, 0);
    printf("%-18s %6.1f us %5.1f GF", l->name, own_ns / 1e3, flops / own_ns);
    count(&sum->gflops, flops / own_ns);
    if (best) {
        double vs = ratio(best, own, o->rounds);
        printf("  other %6.1f us, own/other %.3f", median(best->ns, o->rounds) / 1e3, vs);
        count(&sum->vanilla, vs);
    }
    printf("\n    %s\n", own->kernel->info(own->plan)->describe);
    for (int a = 1; a <= ALPHAS; a++) {
        struct oct_problem p = problem_of(l, alphas[a]);
        struct subject *c = at(s, 0, a);
        double theory = oct_theory_speedup(&p), self = ratio(own, c, o->rounds) / theory;
        double efficiency = ratio(best, c, o->rounds) / theory, faster = NAN;

        for (int k = 1; k <= OTHERS; k++)
            faster = fmin(faster, ratio(at(s, k, a), c, o->rounds));
        count(&sum->efficiency, efficiency);
        if (l->k == 1)
            count(&sum->efficiency_1x1, efficiency);
        count(&sum->self, self);
        count(&sum->faster, faster);
        sum->worst = fmin(sum->worst, efficiency);
        printf("    %.3f %7.1f us  efficiency %.3f  self %.3f  faster %.2fx  %5.1f GF  %s\n", alphas[a],
               median(c->ns, o->rounds) / 1e3, efficiency, self, faster,
               2.0 * (double)oct_macs(&p) / median(c->ns, o->rounds), c->kernel->info(c->plan)->describe);
        if (o->parts)
            print_parts(c, &p);
    }
    fflush(stdout);
}

static void measure(const struct layer *l, const struct options *o, struct totals *sum)
{
    struct subject *s = checked(calloc(CASES, sizeof(*s)));

    for (int k = 0; k <= OTHERS; k++) {
        const struct oct_kernel *kernel = k ? o->other[k - 1] : o->kernel;

        for (int a = 0; kernel && a <= ALPHAS; a++) {
            struct oct_problem p = problem_of(l, alphas[a]);
            make_subject(at(s, k, a), kernel, &p, o->threads);
        }
    }
    run_rounds(s, CASES, o->rounds);
    report(l, s, o, sum);
    for (int i = 0; i < CASES; i++)
        free_subject(s + i);
    free(s);
}

static const struct oct_kernel *find(const char *name)
{
    const struct oct_kernel *k = oct_kernel_find(name);
    struct oct_message msg;

    if (!k || oct_kernel_available(k, &msg)) {
        fprintf(stderr, "%s: %s\n", name, k ? msg.text : "no such kernel");
        exit(2);
    }
    return k;
}

static void set_isa(const char *name)
{
    uint32_t mask;

    if (!oct_isa_parse(name, &mask)) {
        fprintf(stderr, "no such instruction set: %s\n", name);
        exit(2);
    }
    oct_cpu_limit(mask);
}

int main(int argc, char **argv)
{
    const int last = (int)(sizeof(layers) / sizeof(layers[0])) - 1;
    struct options o = {.threads = 1, .rounds = 30, .last = usual - 1};
    struct totals sum = {.worst = INFINITY};
    const char *kernel = "f32_avx512_direct";
    char others[256] = "f32_onednn_postop";
    int c, n = 0;

    while ((c = getopt(argc, argv, "k:t:r:l:i:c:p")) != -1) {
        if (c == 'k')
            kernel = optarg;
        else if (c == 't')
            o.threads = atoi(optarg);
        else if (c == 'r')
            o.rounds = atoi(optarg) < MAX_ROUNDS ? atoi(optarg) : MAX_ROUNDS;
        else if (c == 'l' && sscanf(optarg, "%d-%d", &o.first, &o.last) == 1)
            o.last = o.first;
        else if (c == 'i')
            set_isa(optarg);
        else if (c == 'c')
            snprintf(others, sizeof(others), "%s", optarg);
        else if (c == 'p')
            o.parts = true;
        else if (c == '?')
            return 2;
    }
    o.kernel = find(kernel);
    for (char *name = strtok(others, ","); name && n < OTHERS; name = strtok(NULL, ","))
        o.other[n++] = find(name);
    for (int i = o.first; i <= o.last && i <= last; i++)
        measure(layers + i, &o, &sum);
    printf("geometric means: own/other vanilla %.3f (%.1f GF), efficiency %.3f (1x1 %.3f, worst %.3f), self "
           "%.3f, "
           "faster %.2fx\n",
           geometric(sum.vanilla), geometric(sum.gflops), geometric(sum.efficiency),
           geometric(sum.efficiency_1x1), sum.worst, geometric(sum.self), geometric(sum.faster));
    return 0;
}
