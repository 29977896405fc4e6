/* SPDX-License-Identifier: MIT */
/* The harness itself: what it adds to a sample, and what it leaves running beside one. */
#define _POSIX_C_SOURCE 200809L
#include "measure/sample.h"
#include "../kernels/fake_kernel.h"
#include "check/stats.h"
#include "base/timer.h"

#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define SAMPLES 1001

static int executed;

static int nothing(struct oct_plan *plan, const struct oct_io *io)
{
    (void)plan, (void)io;
    executed++;
    return OCT_OK;
}

static struct workload empty_case(struct oct_plan_head *plan)
{
    static const struct oct_plan_ops ops = {.execute = nothing};
    struct oct_problem p = oct_problem_default();

    *plan = (struct oct_plan_head){0};
    oct_plan_begin(plan, &ops, &p, OCT_NCHW, 1);
    return workload_of_layer(&(struct prepared){
        .kernel = oct_kernels[0], .problem = p, .plan = (struct oct_plan *)plan, .info = &plan->info});
}

/* An empty kernel costs less than 100 ns a sample: clock, loop and call. */
static void overhead(void **state)
{
    struct ledger *ledger = ledger_open();
    struct oct_plan_head plan;
    struct workload workload = empty_case(&plan);
    struct sampler sampler;
    struct sample sample;
    double ns[SAMPLES];

    (void)state;
    sampler_open(&sampler, ledger, 1 << 16);
    for (int i = 0; i < SAMPLES; i++) {
        memset(&sample, 0, sizeof(sample));
        assert_int_equal(sample_take(&sampler, &workload, CACHE_WARM, 1, &sample), 0);
        assert_int_equal(sample.iters, 1);
        ns[i] = (double)sample.ns;
    }
    assert_int_equal(executed, 2 * SAMPLES); /* each one heated */
    print_message("an empty kernel: median %.0f ns a sample\n", stats_median(ns, SAMPLES));
    assert_true(stats_median(ns, SAMPLES) < 100);
    sampler_close(&sampler);
    ledger_close(ledger);
}

static void iterations(void **state)
{
    struct oct_plan_head plan;
    struct workload workload = empty_case(&plan);
    struct sampler sampler;
    struct sample sample = {0};

    (void)state;
    sampler_open(&sampler, NULL, 1 << 16);
    executed = 0;
    assert_int_equal(sample_take(&sampler, &workload, CACHE_WARM, 7, &sample), 0);
    assert_int_equal(executed, 8);
    assert_int_equal(sample.iters, 7);
    assert_int_equal(sample.disturbance.steal_ns, -1); /* no ledger: unknown, not zero */
    executed = 0;
    assert_int_equal(sample_take(&sampler, &workload, CACHE_COLD, 7, &sample), 0);
    assert_int_equal(executed, 1);
    assert_int_equal(sample.iters, 1);
    assert_true(sample_warm_up(&workload, CACHE_WARM, 1000000, 20000000) > 1000);
    assert_int_equal(sample_warm_up(&workload, CACHE_COLD, 1000000, 20000000), 1);
    sampler_close(&sampler);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void work(int threads)
{
#pragma omp parallel num_threads(threads)
    {
        uint64_t start = timer_now_ns();
        while (timer_now_ns() - start < 5000000)
            ;
    }
}

/* One thread after two: the second one's worker must not spin beside it. Processor time tells, whatever else
 * runs on the machine. */
static void idle_workers_sleep(void **state)
{
    int64_t process, own, others;

    (void)state;
    work(2);
    assert_true(sample_settle());
    process = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    own = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < 4; i++)
        work(1);
    own = clock_ns(CLOCK_THREAD_CPUTIME_ID) - own;
    others = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - process - own;
    print_message("one thread after two: %.1f ms of its own, %.3f ms of idle workers\n", (double)own / 1e6,
                  (double)others / 1e6);
    assert_true(others < own / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overhead),
        cmocka_unit_test(iterations),
        cmocka_unit_test(idle_workers_sleep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
