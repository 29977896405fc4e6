/* SPDX-License-Identifier: MIT */
/*
 * One launch: a fresh process that loads both builds, prepares the cases it was told and measures them in
 * ABBA quads. Speaks lines on stdout, to the parent alone (parent_side.c):
 *
 * - "at SIDE CASE": about to plan and run; what a crash is blamed on
 * - "quad CASE LOGRATIO": log(new / base) of one quad
 * - "wrong CASE TEXT": the new build's result differs from the reference's
 * - "fail STATUS TEXT": cannot go on
 * - "done"
 */
#include "base/child.h"
#include "gate/gate.h"
#include "gate/library.h"
#include "check/verify.h"
#include "base/timer.h"
#include "machine/topology.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define ATTEMPTS 8 /* at a sample, before a disturbed one is taken as it is */

/* A case ready on both sides. Both run on the same tensors, so that no side has the luckier addresses. */
struct pair {
    int index;
    struct prepared base, new;
    struct oct_io new_io;
    long iters;
};

static int say_failure(int status, const char *text)
{
    printf("fail %d %s\n", status, text);
    fflush(stdout);
    return status;
}

static int prepare_side(struct prepared *out, const struct library *library, const char *side,
                        const struct gate_case *c, const char *kernel_name, int index,
                        const struct operands *ops)
{
    const struct oct_kernel *kernel = library_kernel(library, kernel_name);
    struct oct_message msg;
    char text[512];

    printf("at %s %d\n", side, index);
    fflush(stdout);
    if (!kernel) {
        snprintf(text, sizeof(text), "%s has no kernel %s: the two builds do not offer the same cases",
                 library->path, kernel_name);
        return say_failure(6, text);
    }
    if (prepared_make(out, kernel, ops, c->threads, &msg)) {
        snprintf(text, sizeof(text), "%s: %s", c->name, msg.text);
        return say_failure(6, text);
    }
    return 0;
}

static bool same_layouts(const struct oct_plan_info *a, const struct oct_plan_info *b)
{
    return memcmp(a->in, b->in, sizeof(a->in)) == 0 && memcmp(a->out, b->out, sizeof(a->out)) == 0;
}

/* How often the system took a processor away from one of this process's threads. */
static long preemptions(void)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nivcsw;
}

/* Neighbours on the same processors cost whole time slices. A sample that met one is taken again: the system
 * says that it was disturbed, its own duration is never asked, so that both sides are treated alike. */
static uint64_t time_side(struct oct_plan *plan, const struct oct_io *io, long iters)
{
    uint64_t ns = 0;

    oct_execute(plan, io); /* brings back what the other side pushed out of the caches */
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        long before;
        uint64_t start;

        if (attempt > 0)
            sched_yield(); /* to begin with a whole time slice */
        before = preemptions();
        start = timer_now_ns();
        for (long i = 0; i < iters; i++)
            oct_execute(plan, io);
        ns = timer_now_ns() - start;
        if (preemptions() == before)
            break;
    }
    return ns;
}

static uint64_t time_base(const struct pair *p)
{
    return time_side(p->base.plan, &p->base.io, p->iters);
}

static uint64_t time_new(const struct pair *p)
{
    return time_side(p->new.plan, &p->new_io, p->iters);
}

/* ABBA or BAAB: a drift that is linear over the quad cancels. */
static double quad(const struct pair *p, bool base_first)
{
    double base, new;

    if (base_first) {
        base = (double)time_base(p);
        new = (double)time_new(p);
        new *= (double)time_new(p);
        base *= (double)time_base(p);
    } else {
        new = (double)time_new(p);
        base = (double)time_base(p);
        base *= (double)time_base(p);
        new *= (double)time_new(p);
    }
    return (log(new) - log(base)) / 2;
}

/* Warm until the base's time stops falling; then as many iterations as fill a sample. */
static void choose_iterations(struct pair *p, uint64_t sample_ns)
{
    uint64_t best = UINT64_MAX, spent = 0;

    p->iters = 1;
    for (int calm = 0; calm < 3 && spent < 10 * sample_ns;) {
        uint64_t ns = time_base(p);
        time_new(p);
        spent += 4 * ns;
        calm = ns < best - best / 50 ? 0 : calm + 1;
        best = ns < best ? ns : best;
    }
    p->iters = best ? (long)(sample_ns / best) : 1000;
    p->iters = p->iters < 1 ? 1 : p->iters;
}

static int make_pair(struct pair *out, const struct gate_options *o, const struct gate_case *c, int index,
                     const struct library *base, const struct library *new, uint64_t *random)
{
    struct operands ops;
    struct oct_message msg;
    bool base_first = stats_uniform(random) < 0.5; /* who allocates first is luck too: sample it */
    int status = 0;

    *out = (struct pair){.index = index};
    if (operands_make(&ops, c->problem, FILL_REALS, o->seed, NULL, c->threads, &msg))
        return say_failure(1, msg.text);
    if (base_first)
        status = prepare_side(&out->base, base, "base", c, c->base_kernel, index, &ops);
    if (!status)
        status = prepare_side(&out->new, new, "new", c, c->new_kernel, index, &ops);
    if (!status && !base_first)
        status = prepare_side(&out->base, base, "base", c, c->base_kernel, index, &ops);
    operands_free(&ops);
    if (status) {
        prepared_free(&out->base);
        prepared_free(&out->new);
        return status;
    }
    out->new_io = same_layouts(out->base.info, out->new.info) ? out->base.io : out->new.io;
    choose_iterations(out, o->sample_ns);
    return 0;
}

static int measure(const struct gate_options *o, const struct gate_case *cases, const bool *want, int count,
                   const struct library *base, const struct library *new)
{
    struct pair *pairs = calloc((size_t)count, sizeof(*pairs));
    int *order = calloc((size_t)count, sizeof(*order));
    uint64_t random = o->seed;
    int made = 0, status = 1;

    if (!pairs || !order)
        goto done;
    for (int i = 0; i < count; i++) {
        if (!want[i])
            continue;
        status = make_pair(&pairs[made], o, &cases[i], i, base, new, &random);
        if (status)
            goto done;
        made++;
    }
    for (int q = 0; q < o->quads; q++) {
        for (int i = 0; i < made; i++)
            order[i] = i;
        stats_shuffle(&random, order, made);
        for (int i = 0; i < made; i++) {
            const struct pair *p = &pairs[order[i]];
            printf("quad %d %.9g\n", p->index, quad(p, stats_uniform(&random) < 0.5));
        }
    }
    status = 0;
done:
    for (int i = 0; i < made; i++) {
        prepared_free(&pairs[i].base);
        prepared_free(&pairs[i].new);
    }
    free(pairs);
    free(order);
    return status;
}

/* Integers, so that an exact kernel must match to the last bit. */
static int verify_case(const struct gate_options *o, const struct gate_case *c, int index,
                       const struct library *base, const struct library *new)
{
    struct operands ops;
    struct prepared prepared;
    struct oct_message msg;
    int status;

    if (operands_make(&ops, c->problem, FILL_INTEGERS, o->seed, oct_kernels[0], c->threads, &msg))
        return say_failure(1, msg.text);
    status = prepare_side(&prepared, base, "base", c, c->base_kernel, index, &ops);
    if (!status) {
        if (prepared_verify(&prepared, &ops, &msg))
            status = say_failure(
                6, "the base build computes a wrong result itself, so it is no base to compare with");
        prepared_free(&prepared);
    }
    if (!status)
        status = prepare_side(&prepared, new, "new", c, c->new_kernel, index, &ops);
    if (!status) {
        if (prepared_verify(&prepared, &ops, &msg))
            printf("wrong %d %s\n", index, msg.text);
        prepared_free(&prepared);
    }
    operands_free(&ops);
    return status;
}

static int verify(const struct gate_options *o, const struct gate_case *cases, int count,
                  const struct library *base, const struct library *new)
{
    for (int i = 0; i < count; i++) {
        int status = verify_case(o, &cases[i], i, base, new);
        if (status)
            return status;
    }
    return 0;
}

static int bind_threads(const struct config *config, const struct gate_case *cases, int count)
{
    struct oct_message msg;
    struct topology *topology = topology_open(NULL, &msg);
    int bound[MAX_THREADS], most = 1, status;

    if (!topology)
        return say_failure(1, msg.text);
    for (int i = 0; i < count; i++)
        most = cases[i].threads > most ? cases[i].threads : most;
    status = topology_bind_team(topology, &config->affinity, most, bound, &msg);
    topology_close(topology);
    return status ? say_failure(1, msg.text) : 0;
}

static const char *argument(const char *text)
{
    return *text ? text : NULL;
}

/* Positional, written by parent_side.c alone: MODE CONFIG BASE NEW BASE_KERNEL NEW_KERNEL FILTER ISA SEED
 * QUADS SAMPLE_NS WANT, where WANT has a 0 or 1 a case. */
int gate_launch_main(int argc, char **argv)
{
    struct gate_options o;
    struct config config;
    struct library base = {0}, new = {0};
    struct gate_case *cases = NULL;
    struct oct_message msg;
    bool *want = NULL;
    int count, status;

    child_die_with_parent();
    if (argc != 13) {
        fprintf(stderr, "octbench gate-launch is internal to octbench ab and aa\n");
        return 2;
    }
    o = (struct gate_options){.config_path = argv[2],
                              .base = argument(argv[3]),
                              .new = argument(argv[4]),
                              .base_kernel = argument(argv[5]),
                              .new_kernel = argument(argv[6]),
                              .filter = argument(argv[7]),
                              .isa = argument(argv[8]),
                              .seed = strtoull(argv[9], NULL, 10),
                              .quads = atoi(argv[10]),
                              .sample_ns = strtoull(argv[11], NULL, 10)};
    status = gate_load(&config, &o);
    if (status)
        return status;
    count = gate_cases(&config, &o, &cases);
    want = calloc((size_t)count + 1, sizeof(*want));
    status = 1;
    if (!cases || !want || strlen(argv[12]) != (size_t)count)
        goto done;
    for (int i = 0; i < count; i++)
        want[i] = argv[12][i] == '1';
    status = 2;
    if (library_open(&base, o.base, &msg) || library_open(&new, o.new, &msg)) {
        say_failure(2, msg.text);
        goto done;
    }
    status = bind_threads(&config, cases, count);
    if (!status && strcmp(argv[1], "verify") == 0)
        status = verify(&o, cases, count, &base, &new);
    else if (!status)
        status = measure(&o, cases, want, count, &base, &new);
    if (!status)
        printf("done\n");
done:
    fflush(stdout);
    library_close(&base);
    library_close(&new);
    free(want);
    free(cases);
    config_free(&config);
    return status;
}
