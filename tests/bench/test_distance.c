/* SPDX-License-Identifier: MIT */
/* The distance of a team's cores: the rule on scripted looks, and looks at what there is. */
#define _GNU_SOURCE
#include "machine/distance.h"
#include "base/timer.h"

#include <math.h>
#include <omp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* The threads of a team of `threads` on the first `cpus` processors, in turn; false: there are fewer. */
static bool bind(int threads, int cpus)
{
    static cpu_set_t all; /* as it was at first */
    int number[CPU_SETSIZE], count = 0;

    if (CPU_COUNT(&all) == 0)
        (void)sched_getaffinity(0, sizeof(all), &all);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all))
            number[count++] = cpu;
    if (count < cpus)
        return false;
#pragma omp parallel num_threads(threads)
    {
        cpu_set_t one;

        CPU_ZERO(&one);
        CPU_SET(number[omp_get_thread_num() % cpus], &one);
        (void)sched_setaffinity(0, sizeof(one), &one);
    }
    return true;
}

static void the_shortest_look_is_near(void **state)
{
    struct distance d = {.threads = 2};

    (void)state;
    assert_false(distance_judge(&d, NAN)); /* nothing was seen: nothing is held against it */
    assert_false(distance_judge(&d, 400)); /* a machine whose cores are always so */
    assert_false(distance_judge(&d, 430));
    assert_false(distance_judge(&d, 70));
    assert_false(distance_judge(&d, 110));
    assert_true(distance_judge(&d, 400));
    assert_true(distance_judge(&d, NAN)); /* still */
    assert_false(distance_judge(&d, 80));
    assert_float_equal(d.least_ns, 70, 0);
    assert_float_equal(d.most_ns, 430, 0);
}

/* Every real look is far from one of a thousandth of a nanosecond. */
static void waiting_has_an_end(void **state)
{
    const uint64_t free_ns = 1000000000;
    volatile sig_atomic_t stop = 1;
    struct distance d = {.threads = 2, .apart = true, .least_ns = 1e-3};
    uint64_t start;

    (void)state;
    if (!bind(2, 2))
        skip();
    assert_true(distance_wait(&d, 2, &stop));
    assert_int_equal(d.waited_ns, 0);
    d.waited_ns = free_ns - 1;
    assert_true(distance_wait(&d, 2, NULL));
    assert_in_range(d.waited_ns, free_ns + 1, free_ns + free_ns / 2); /* one step; another where it is long */
    d.measured_ns = 2 * free_ns - d.waited_ns + free_ns / 20;
    start = timer_now_ns();
    assert_true(distance_wait(&d, 2, NULL)); /* what was measured gives more time */
    assert_true(timer_now_ns() - start > free_ns / 50);
}

static void looks(void **state)
{
    (void)state;
    assert_true(isnan(distance_look(1)));
    assert_true(isnan(distance_look(0)));
    if (!bind(2, 2))
        skip();
    assert_in_range((long)distance_look(2), 2, 1000000);
}

/* Threads that share a processor have no distance, and nobody waits for them. */
static void one_processor(void **state)
{
    struct distance d = {0};
    uint64_t start;

    (void)state;
    assert_true(bind(3, 1));
    start = timer_now_ns();
    assert_true(isnan(distance_look(3)));
    assert_false(distance_wait(&d, 3, NULL));
    assert_true(timer_now_ns() - start < UINT64_C(5000000000));
    assert_true(d.least_ns == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_look_is_near),
        cmocka_unit_test(waiting_has_an_end),
        cmocka_unit_test(looks),
        cmocka_unit_test(one_processor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
