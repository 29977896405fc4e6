/* SPDX-License-Identifier: MIT */
/*
 * Walks oct_kernels[] against the reference: test_kernels [LEVEL [SEED [COUNT [EVERY]]]]. CMake registers it
 * once a level, because oneDNN fixes its instruction set at first use. Integers in, equality out; then reals
 * and a bound.
 */
#include "edge_problems.h"
#include "harness.h"
#include "check/random_problem.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MOST_KERNELS 64
#define MANY_THREADS 16
#define MOST_MACS    600000

struct walk {
    const char *level; /* argv[1] */
    uint64_t first_seed;
    uint64_t seed;  /* of the problem at hand */
    uint64_t again; /* argv[2] of the run that meets it again */
    int random_problems, every;
    int ran[MOST_KERNELS];
    double worst[MOST_KERNELS]; /* error over the bound of kernels that are never exact */
};

static void check_kernel(struct walk *walk, int index, const struct operands *ops, int threads)
{
    const struct oct_kernel *k = oct_kernels[index];
    struct oct_message msg;
    char text[400];
    struct prepared prepared;
    int status = contract_check(&prepared, k, ops, threads, &msg);

    if (status == OCT_UNSUPPORTED)
        return;
    walk->ran[index]++;
    if (!status) {
        if (!k->exact && prepared.err_bound > 0)
            walk->worst[index] = fmax(walk->worst[index], prepared.max_abs_err / prepared.err_bound);
        prepared_free(&prepared);
    }
    problem_text(&ops->problem, text, sizeof(text));
    if (status)
        fail_msg("%s, %s\n  %s, %d threads, seed %" PRIu64 ": %s\n  rerun: test_kernels %s %" PRIu64 " 1",
                 k->name, msg.text, text, threads, walk->seed,
                 ops->fill == FILL_INTEGERS ? "integers" : "reals", walk->level, walk->again);
}

/* Both thread counts where `thorough`, else by turns. `auto` is one of the others, and asks them all. */
static bool is_due(const struct walk *walk, const struct oct_kernel *k, int turn, bool thorough)
{
    if (k->algorithm == OCT_ALGORITHM_ANY)
        return (walk->seed + turn) % 16 == 0 || walk->random_problems < 16;
    return thorough || (walk->seed + turn) % 2 == 0;
}

static void check_problem(struct walk *walk, const struct oct_problem *p, enum fill fill, bool thorough)
{
    struct operands ops;

    expect(&ops, p, fill, walk->seed);
    for (int k = 0; oct_kernels[k]; k++)
        for (int threads = 1; threads <= 2; threads++)
            if (is_due(walk, oct_kernels[k], k + threads, thorough))
                check_kernel(walk, k, &ops, threads);
    operands_free(&ops);
}

static void edges(void **state)
{
    struct walk *walk = *state;
    struct oct_problem p;
    int cursor = 0, count = 0;

    walk->again = walk->first_seed;
    while (edge_problem(&cursor, &p)) {
        walk->seed = walk->first_seed + count;
        if (count++ % walk->every == 0)
            check_problem(walk, &p, FILL_INTEGERS, false);
    }
    print_message("%d edge problems\n", count);
    assert_true(count > 400);
}

static void random_walk(struct walk *walk, enum fill fill, bool thorough)
{
    for (int i = 0; i < walk->random_problems; i++) {
        uint64_t draw = walk->seed = walk->again = walk->first_seed + i;
        struct oct_problem p = random_problem(&draw, MOST_MACS);

        check_problem(walk, &p, fill, thorough);
    }
}

static void random_integers(void **state)
{
    random_walk(*state, FILL_INTEGERS, true);
}

static void random_reals(void **state)
{
    random_walk(*state, FILL_REALS, false);
}

/* Layers that are worth a barrier to so many threads, which smaller ones are not. */
static void many_threads(void **state)
{
    struct walk *walk = *state;
    const struct {
        int ic[OCT_MAX_BANDS], oc[OCT_MAX_BANDS], bands, d, h, k;
    } layers[] = {
        {{64, 64}, {64, 64}, 2, 1, 14, 3},
        {{48, 16}, {32, 32}, 2, 3, 14, 3},
        {{32, 32, 64}, {64, 32, 32}, 3, 1, 28, 3},
        {{96, 160}, {160, 96}, 2, 1, 28, 1},
    };

    walk->again = walk->first_seed;
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        struct oct_problem p = oct_problem_default();
        struct operands ops;

        memcpy(p.ic, layers[i].ic, sizeof(p.ic));
        memcpy(p.oc, layers[i].oc, sizeof(p.oc));
        p.bands = layers[i].bands;
        p.d = layers[i].d;
        p.h = p.w = layers[i].h;
        p.kh = p.kw = layers[i].k;
        p.kd = layers[i].d;
        walk->seed = walk->first_seed + i;
        expect(&ops, &p, FILL_INTEGERS, walk->seed);
        for (int k = 0; oct_kernels[k]; k++)
            if (oct_kernels[k]->algorithm != OCT_ALGORITHM_ANY)
                check_kernel(walk, k, &ops, MANY_THREADS);
        operands_free(&ops);
    }
}

/* Last: a kernel that declined everything was not tested. */
static void every_available_kernel_ran(void **state)
{
    struct walk *walk = *state;

    for (int k = 0; oct_kernels[k]; k++) {
        bool available = oct_kernel_available(oct_kernels[k], NULL) == OCT_OK;

        print_message("%-24s %d runs%s\n", oct_kernels[k]->name, walk->ran[k],
                      available ? "" : ", not at this level");
        if (walk->worst[k] > 0)
            print_message("%-24s worst error %.3f of the bound\n", "", walk->worst[k]);
        assert_true(available == (walk->ran[k] > 0));
    }
}

int main(int argc, char **argv)
{
    struct walk walk = {.level = argc > 1 ? argv[1] : oct_isa_name(oct_cpu_detected()),
                        .first_seed = 20190410,
                        .random_problems = 100,
                        .every = 1};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(edges, &walk),
        cmocka_unit_test_prestate(random_integers, &walk),
        cmocka_unit_test_prestate(random_reals, &walk),
        cmocka_unit_test_prestate(many_threads, &walk),
        cmocka_unit_test_prestate(every_available_kernel_ran, &walk),
    };

    if (!limit_isa(argc, argv))
        return EXIT_SKIPPED;
    if (argc > 2)
        walk.first_seed = strtoull(argv[2], NULL, 10);
    if (argc > 3)
        walk.random_problems = atoi(argv[3]);
    if (argc > 4)
        walk.every = atoi(argv[4]);
    print_message("seed %" PRIu64 ", %d random problems\n", walk.first_seed, walk.random_problems);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
