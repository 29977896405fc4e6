/* SPDX-License-Identifier: MIT */
/*
 * A manual tool (not run by ctest): what it costs a team of two that its cores are apart (distance.h). Times
 * layers with one thread and with two, alternately, and sorts the times by what looks before and after them
 * say; times between different looks are thrown away. Prints CSV, a row for each state: medians of a line's
 * journey in ns and of the layer's times in us, and one thread's over two's.
 *
 *   distance_speed [SECONDS] > reports/distance.csv
 */
#define _POSIX_C_SOURCE 200809L
#include "machine/distance.h"
#include "check/verify.h"
#include "check/stats.h"
#include "base/timer.h"
#include "machine/topology.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST  20000 /* times */
#define BATCH 4     /* executions a time */
#define STAY  16    /* rounds between pauses */

enum { NEAR, APART, STATES };

static const char *const kernels[] = {"f32_avx512_direct", "f32_avx2_direct", "f32_onednn_postop"};

static const struct layer {
    const char *name;
    int c_in, c_out, hw, k;
} layers[] = {
    {"conv2_1x1_reduce", 256, 64, 56, 1},
    {"conv4_1x1_expand", 256, 1024, 14, 1},
    {"conv3_3x3", 128, 128, 28, 3},
};

struct times {
    size_t count;
    double ns[MOST];
};

static struct oct_problem problem_of(const struct layer *l)
{
    struct oct_problem p = oct_problem_default();
    const double alpha = 0.5;

    p.bands = 2;
    p.h = p.w = l->hw;
    p.kh = p.kw = l->k;
    p.ic[1] = oct_low_channels(l->c_in, alpha);
    p.ic[0] = l->c_in - p.ic[1];
    p.oc[1] = oct_low_channels(l->c_out, alpha);
    p.oc[0] = l->c_out - p.oc[1];
    return p;
}

static double time_batch(const struct prepared *p)
{
    uint64_t start;

    (void)oct_execute(p->plan, &p->io); /* what the other plan cooled */
    start = timer_now_ns();
    for (int i = 0; i < BATCH; i++)
        (void)oct_execute(p->plan, &p->io);
    return (double)(timer_now_ns() - start) / BATCH;
}

static void add(struct times *t, double ns)
{
    if (t->count < MOST)
        t->ns[t->count++] = ns;
}

/* times[2]: the looks. */
static void watch(const struct prepared prepared[2], struct distance *d, double seconds,
                  struct times times[3][STATES])
{
    const struct timespec pause = {0, 10000000};
    uint64_t end = timer_now_ns() + (uint64_t)(seconds * 1e9);

    for (long round = 1; timer_now_ns() < end; round++) {
        for (int i = 0; i < 2; i++) {
            bool before = distance_apart(d, 2);
            double ns = time_batch(&prepared[i]), line = distance_look(2);
            bool after = distance_judge(d, line);

            if (before != after || isnan(line))
                continue;
            add(&times[i][after ? APART : NEAR], ns);
            add(&times[2][after ? APART : NEAR], line);
        }
        if (round % STAY == 0)
            nanosleep(&pause, NULL); /* the host may place the cores anew */
    }
}

static double median(const struct times *t)
{
    return t->count ? stats_median(t->ns, t->count) : NAN;
}

/* States that did not occur have no row. */
static void print_state(const char *model, const struct layer *l, const struct oct_kernel *k,
                        struct times times[3][STATES], int state)
{
    static const char *const names[STATES] = {"near", "apart"};
    double one = median(&times[0][state]), two = median(&times[1][state]);

    if (isnan(one) || isnan(two))
        return;
    printf("\"%s\",%s,%s,%s,%.0f,%zu,%.1f,%.1f,%.3f\n", model, l->name, k->name, names[state],
           median(&times[2][state]), times[1][state].count, one * 1e-3, two * 1e-3, one / two);
}

static int measure(const char *model, const struct layer *l, const struct oct_kernel *k, struct distance *d,
                   double seconds, struct times times[3][STATES])
{
    struct oct_problem p = problem_of(l);
    struct operands ops = {0};
    struct prepared prepared[2] = {{0}};
    struct oct_message msg;
    int status = operands_make(&ops, &p, FILL_REALS, 1, NULL, 1, &msg);

    for (int i = 0; i < 2 && !status; i++)
        status = prepared_make(&prepared[i], k, &ops, i + 1, &msg);
    if (status) {
        fprintf(stderr, "%s, %s: %s\n", l->name, k->name, msg.text);
        goto done;
    }
    for (int i = 0; i < 3 * STATES; i++)
        times[i / STATES][i % STATES].count = 0;
    watch(prepared, d, seconds, times);
    for (int s = 0; s < STATES; s++)
        print_state(model, l, k, times, s);
    fflush(stdout);
done:
    for (int i = 0; i < 2; i++)
        prepared_free(&prepared[i]);
    operands_free(&ops);
    return status;
}

int main(int argc, char **argv)
{
    static struct times times[3][STATES];
    static const struct affinity_settings how = {BIND_CORE, PLACE_COMPACT, false};
    double seconds = argc > 1 ? atof(argv[1]) : 20;
    struct distance d = {0};
    struct machine machine;
    struct oct_message msg;
    int bound[MAX_THREADS];
    struct topology *topology = topology_open(NULL, &msg);

    if (!topology || topology_bind_team(topology, &how, 2, bound, &msg)) {
        fprintf(stderr, "%s\n", msg.text);
        return 1;
    }
    topology_machine(topology, &machine);
    printf("machine,layer,kernel,cores,line_ns,times,one_us,two_us,one_over_two\n");
    for (size_t l = 0; l < sizeof(layers) / sizeof(layers[0]); l++) {
        for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++) {
            const struct oct_kernel *kernel = oct_kernel_find(kernels[k]);

            if (kernel && oct_kernel_available(kernel, NULL) == OCT_OK)
                (void)measure(machine.model, layers + l, kernel, &d, seconds, times);
        }
    }
    topology_close(topology);
    return 0;
}
