/* SPDX-License-Identifier: MIT */
/* What octconv.h promises of plans, for every kernel of the table: test_plans [LEVEL]. */
#define _POSIX_C_SOURCE 200809L
#include "edge_problems.h"
#include "harness.h"
#include "wrap_malloc.h"

#include <omp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const struct oct_plan_options one_thread = {.threads = 1};

/* Layers that most kernels take, with what a kernel may treat apart: a 3x3 and a 1x1 one. */
static struct oct_problem usual_layer(int which)
{
    struct oct_problem p = oct_problem_default();

    p.bands = 2;
    p.ic[0] = p.ic[1] = 16;
    p.oc[0] = p.oc[1] = which ? 32 : 16;
    p.h = p.w = which ? 28 : 14;
    p.kh = p.kw = which ? 1 : 3;
    return p;
}

static bool takes(const struct oct_kernel *k, const struct oct_problem *p)
{
    struct oct_plan *plan = NULL;
    struct oct_message msg;
    struct operands ops;
    int status;

    assert_int_equal(operands_fill(&ops, p, FILL_ZEROS, 0, &msg), OCT_OK);
    status = oct_plan_create(&plan, k, p, &ops.weights, &one_thread, &msg);
    oct_plan_destroy(plan);
    operands_free(&ops);
    return status == OCT_OK;
}

/* The usual two, or else the first two edge problems that the kernel takes. */
static bool choose_layers(const struct oct_kernel *k, struct oct_problem layers[2])
{
    int cursor = 0, found = 0;

    if (oct_kernel_available(k, NULL))
        return false;
    for (int which = 0; which < 2; which++)
        layers[which] = usual_layer(which);
    if (takes(k, &layers[0]) && takes(k, &layers[1]))
        return true;
    while (found < 2 && edge_problem(&cursor, &layers[found]))
        found += takes(k, &layers[found]);
    if (found < 2)
        fail_msg("%s is available and takes no layer", k->name);
    return found == 2;
}

static void make_ready(struct prepared *out, const struct oct_kernel *k, const struct oct_problem *p,
                       int threads)
{
    struct oct_message msg;
    struct operands ops;

    assert_int_equal(operands_fill(&ops, p, FILL_INTEGERS, 1, &msg), OCT_OK);
    if (prepared_make(out, k, &ops, threads, &msg))
        fail_msg("%s with %d threads: %s", k->name, threads, msg.text);
    operands_free(&ops);
}

static void check_allocations(const struct oct_kernel *k, const struct oct_problem *p, int threads)
{
    struct prepared r;
    unsigned long before;

    make_ready(&r, k, p, threads);
    before = allocations();
    assert_true(before > 0); /* the linker did wrap */
    assert_int_equal(oct_execute(r.plan, &r.io), OCT_OK);
    if (allocations() != before)
        fail_msg("%s allocated %lu times in execute", k->name, allocations() - before);
    prepared_free(&r);
}

static void execute_allocates_nothing(void **state)
{
    struct oct_problem layers[2];

    (void)state;
    for (int k = 0; oct_kernels[k]; k++)
        for (int i = 0; choose_layers(oct_kernels[k], layers) && i < 4; i++)
            check_allocations(oct_kernels[k], &layers[i / 2], 1 + i % 2);
}

#define ROUNDS 300

struct racer {
    struct prepared ready;
    void *want[OCT_MAX_BANDS];
    pthread_barrier_t *start;
    char complaint[300];
};

static size_t out_bytes(const struct prepared *r, int band)
{
    return r->io.out[band] ? oct_tensor_bytes(&r->info->out[band]) : 0;
}

static void *race(void *argument)
{
    struct racer *racer = argument;
    struct prepared *r = &racer->ready;

    pthread_barrier_wait(racer->start);
    for (int round = 0; round < ROUNDS && !racer->complaint[0]; round++) {
        for (int b = 0; b < r->problem.bands; b++)
            if (r->io.out[b])
                memset(r->io.out[b], 0xff, out_bytes(r, b));
        if (oct_execute(r->plan, &r->io))
            snprintf(racer->complaint, sizeof(racer->complaint), "execute failed");
        for (int b = 0; b < r->problem.bands; b++)
            if (r->io.out[b] && memcmp(r->io.out[b], racer->want[b], out_bytes(r, b)) != 0)
                snprintf(racer->complaint, sizeof(racer->complaint), "round %d, band %d: other bits", round,
                         b);
    }
    return NULL;
}

/* What the plan gives when alone; the race must give the same bits. */
static void make_racer(struct racer *racer, const struct oct_kernel *k, const struct oct_problem *p,
                       pthread_barrier_t *start)
{
    struct prepared *r = &racer->ready;

    *racer = (struct racer){.start = start};
    make_ready(r, k, p, 1);
    assert_int_equal(oct_execute(r->plan, &r->io), OCT_OK);
    for (int b = 0; b < p->bands; b++) {
        if (!r->io.out[b])
            continue;
        racer->want[b] = oct_alloc(out_bytes(r, b));
        assert_non_null(racer->want[b]);
        memcpy(racer->want[b], r->io.out[b], out_bytes(r, b));
    }
}

static void check_race(const struct oct_kernel *k, const struct oct_problem layers[2])
{
    struct racer racers[2];
    pthread_barrier_t start;
    pthread_t threads[2];

    pthread_barrier_init(&start, NULL, 2);
    for (int i = 0; i < 2; i++)
        make_racer(&racers[i], k, &layers[i], &start);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    for (int i = 0; i < 2; i++) {
        if (racers[i].complaint[0])
            fail_msg("%s, layer %d: %s", k->name, i, racers[i].complaint);
        prepared_free(&racers[i].ready);
        for (int b = 0; b < OCT_MAX_BANDS; b++)
            oct_free(racers[i].want[b]);
    }
}

static void two_plans_at_once(void **state)
{
    struct oct_problem layers[2];

    (void)state;
    for (int k = 0; oct_kernels[k]; k++)
        if (choose_layers(oct_kernels[k], layers))
            check_race(oct_kernels[k], layers);
}

static void table_rows_are_complete(void **state)
{
    (void)state;
    assert_string_equal(oct_kernels[0]->name, "f32_ref");
    for (int k = 0; oct_kernels[k]; k++) {
        const struct oct_kernel *kernel = oct_kernels[k];

        assert_true(kernel->name && kernel->summary && kernel->dtypes);
        assert_ptr_equal(oct_kernel_find(kernel->name), kernel); /* so no name occurs twice */
        assert_true(kernel->plan && kernel->library);
        assert_true(kernel->error_growth >= 1);
    }
    assert_null(oct_kernel_find("f32_nothing"));
}

/* Refused before any kernel is entered, with a reason and without a plan. */
static void refusals(void **state)
{
    const struct oct_kernel *k = oct_kernels[0];
    struct oct_problem p = usual_layer(0), bad = p;
    struct oct_plan *plan = (struct oct_plan *)&p;
    struct oct_message msg;
    struct oct_weights none = {0};
    const struct oct_plan_options no_thread = {0};

    (void)state;
    assert_int_equal(oct_plan_create(&plan, k, &p, &none, &one_thread, &msg), OCT_INVALID);
    assert_string_equal(msg.text, "path hh contributes, but has no weights");
    assert_null(plan);
    assert_int_equal(oct_plan_create(&plan, k, &p, &none, &no_thread, &msg), OCT_INVALID);
    assert_string_equal(msg.text, "threads is 0, but must be at least 1");
    bad.kh = 0;
    assert_int_equal(oct_plan_create(&plan, k, &bad, &none, &one_thread, &msg), OCT_INVALID);
    assert_string_equal(msg.text, "kh is 0, but must be from 1 to 1024");
    bad = p;
    bad.types = (struct oct_types){OCT_S8, OCT_S8, OCT_S8, OCT_S32};
    assert_int_equal(oct_plan_create(&plan, k, &bad, &none, &one_thread, &msg), OCT_UNSUPPORTED);
    assert_string_equal(msg.text, "f32_ref does not compute in s8");
    oct_plan_destroy(NULL);
}

static void kernels_above_the_level_are_refused(void **state)
{
    (void)state;
    for (int k = 0; oct_kernels[k]; k++) {
        struct oct_message msg = {""};
        bool covered = (oct_kernels[k]->isa & ~oct_cpu_usable()) == 0;

        int status = oct_kernel_available(oct_kernels[k], &msg);

        if (covered && oct_kernels[k]->available) {
            assert_int_equal(status, oct_kernels[k]->available(NULL));
            assert_true(status == OCT_OK || *msg.text);
            continue;
        }
        assert_int_equal(status, covered ? OCT_OK : OCT_UNSUPPORTED);
        assert_true(covered || strstr(msg.text, oct_kernels[k]->name));
    }
}

/* ---- seams for networks -------------------------------------------------------------------------- */

/* Puts another plan of the same layer, made with those options, in the place of a prepared one's. */
static void replan(struct prepared *r, const struct oct_plan_options *options)
{
    struct oct_message msg;
    struct operands ops;

    assert_int_equal(operands_fill(&ops, &r->problem, FILL_INTEGERS, 1, &msg), OCT_OK);
    oct_plan_destroy(r->plan);
    assert_int_equal(oct_plan_create(&r->plan, r->kernel, &r->problem, &ops.weights, options, &msg), OCT_OK);
    r->info = oct_plan_info(r->plan);
    operands_free(&ops);
}

/* The same bits with scratch from outside, inside a team that exists. */
static void check_seams(const struct oct_kernel *k, const struct oct_problem *p, int threads)
{
    const struct oct_plan_options options = {.threads = threads, .outside_scratch = true};
    struct prepared own, seam;

    make_ready(&own, k, p, threads);
    assert_int_equal(oct_execute(own.plan, &own.io), OCT_OK);
    make_ready(&seam, k, p, threads);
    replan(&seam, &options);
    seam.io.scratch = oct_alloc(seam.info->outside_bytes + 1);
    if (seam.info->joins_team) {
#pragma omp parallel num_threads(threads)
        oct_execute_in_team(seam.plan, &seam.io, omp_get_thread_num(), omp_get_num_threads());
    } else {
        assert_int_equal(oct_execute(seam.plan, &seam.io), OCT_OK);
    }
    for (int b = 0; b < p->bands; b++)
        if (own.io.out[b] && memcmp(own.io.out[b], seam.io.out[b], out_bytes(&own, b)) != 0)
            fail_msg("%s with %d threads and scratch from outside: other bits in band %d", k->name, threads,
                     b);
    oct_free(seam.io.scratch);
    prepared_free(&own);
    prepared_free(&seam);
}

static void outside_scratch_and_teams(void **state)
{
    struct oct_problem layers[2];

    (void)state;
    for (int k = 0; oct_kernels[k]; k++)
        for (int i = 0;
             oct_kernels[k]->algorithm != OCT_ALGORITHM_ANY && choose_layers(oct_kernels[k], layers) && i < 4;
             i++)
            check_seams(oct_kernels[k], &layers[i / 2], 1 + i % 2);
}

/* A plan has the layouts that were asked for, or there is none. */
static void requested_layouts(void **state)
{
    static const enum oct_layout layouts[] = {OCT_NCHW, OCT_NCHW8C, OCT_NCHW16C, OCT_NHWC};
    int granted = 0;

    (void)state;
    for (int k = 0; oct_kernels[k]; k++) {
        struct oct_problem layers[2];
        struct operands ops;
        struct oct_message why;

        if (!choose_layers(oct_kernels[k], layers))
            continue;
        assert_int_equal(operands_fill(&ops, &layers[0], FILL_INTEGERS, 1, &why), OCT_OK);
        for (int i = 0; i < 16; i++) {
            struct oct_plan_options options = {.threads = 1, .in = layouts[i / 4], .out = layouts[i % 4]};
            struct oct_message msg = {""};
            struct oct_plan *plan;
            int status = oct_plan_create(&plan, oct_kernels[k], &layers[0], &ops.weights, &options, &msg);

            assert_true(status == OCT_OK || (status == OCT_UNSUPPORTED && msg.text[0]));
            for (int b = 0; status == OCT_OK && b < layers[0].bands; b++) {
                assert_int_equal(oct_plan_info(plan)->in[b].layout, options.in);
                assert_int_equal(oct_plan_info(plan)->out[b].layout, options.out);
            }
            granted += status == OCT_OK;
            oct_plan_destroy(plan);
        }
        operands_free(&ops);
    }
    assert_true(granted > 2);
}

/* auto chooses what the file says, and adds what it does not. */
static void tuning_file(void **state)
{
    char path[] = "/tmp/octconv-tuning-XXXXXX", line[2048];
    struct oct_plan_options options = {.threads = 1, .tuning = path};
    struct oct_problem p = usual_layer(0);
    struct operands ops;
    struct oct_message msg;
    struct oct_plan *plan;
    int file = mkstemp(path);
    FILE *f;

    (void)state;
    assert_true(file >= 0);
    close(file);
    assert_int_equal(operands_fill(&ops, &p, FILL_INTEGERS, 1, &msg), OCT_OK);
    assert_int_equal(oct_plan_create(&plan, oct_kernel_find("auto"), &p, &ops.weights, &options, &msg),
                     OCT_OK);
    oct_plan_destroy(plan);
    f = fopen(path, "r+");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    assert_non_null(strchr(line, '\t'));
    fprintf(f, "f32_naive%s", strchr(line, '\t')); /* a later line counts */
    fclose(f);
    assert_int_equal(oct_plan_create(&plan, oct_kernel_find("auto"), &p, &ops.weights, &options, &msg),
                     OCT_OK);
    assert_memory_equal(oct_plan_info(plan)->describe, "f32_naive: ", 11);
    oct_plan_destroy(plan);
    operands_free(&ops);
    unlink(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_rows_are_complete),
        cmocka_unit_test(kernels_above_the_level_are_refused),
        cmocka_unit_test(refusals),
        cmocka_unit_test(execute_allocates_nothing),
        cmocka_unit_test(two_plans_at_once),
        cmocka_unit_test(outside_scratch_and_teams),
        cmocka_unit_test(requested_layouts),
        cmocka_unit_test(tuning_file),
    };

    if (!limit_isa(argc, argv))
        return EXIT_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
