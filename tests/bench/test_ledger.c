/* SPDX-License-Identifier: MIT */
/* The ledger of disturbance: what it reads, and what a reading costs. */
#define _GNU_SOURCE
#include "machine/ledger.h"
#include "base/timer.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void steal_of_the_processors_asked_for(void **state)
{
    static const char text[] = "cpu  9 9 9 9 9 9 9 1000 9 9\n"
                               "cpu0 1 2 3 4 5 6 7 11 0 0\n"
                               "cpu1 1 2 3 4 5 6 7 22 0 0\n"
                               "cpu10 1 2 3 4 5 6 7 44 0 0\n"
                               "intr 1 2 3 4 5 6 7 8 9\n";
    bool cpus[16] = {false};

    (void)state;
    assert_int_equal(ledger_parse_steal(text, cpus, 16), -1); /* nobody asked for */
    cpus[1] = true;
    assert_int_equal(ledger_parse_steal(text, cpus, 16), 22);
    cpus[0] = cpus[10] = true;
    assert_int_equal(ledger_parse_steal(text, cpus, 16), 77);
    assert_int_equal(ledger_parse_steal(text, cpus, 2), 33);
    /* a kernel older than steal has seven numbers */
    assert_int_equal(ledger_parse_steal("cpu0 1 2 3 4 5 6 7\n", cpus, 16), -1);
    assert_int_equal(ledger_parse_steal("", cpus, 16), -1);
}

static void differences(void **state)
{
    const struct disturbance before = {10, 5, -1, 100}, after = {30, 5, 7, -1};
    struct disturbance d = ledger_between(&before, &after);

    (void)state;
    assert_int_equal(d.steal_ns, 20);
    assert_int_equal(d.involuntary, 0);
    assert_int_equal(d.migrations, -1); /* unknown before */
    assert_int_equal(d.throttled_ns, -1);
}

/* A processor shared with a busy child: this process is preempted again and again. */
static void preemption_is_seen(void **state)
{
    cpu_set_t was, one;
    struct ledger *ledger = ledger_open();
    struct disturbance before, after;
    uint64_t end;

    (void)state;
    assert_non_null(ledger);
    assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    pid_t child = fork();
    if (child == 0)
        for (;;)
            ;
    ledger_read(ledger, &before);
    end = timer_now_ns() + 300000000;
    while (timer_now_ns() < end)
        ;
    ledger_read(ledger, &after);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    sched_setaffinity(0, sizeof(was), &was);
    assert_true(ledger_between(&before, &after).involuntary > 0);
    ledger_close(ledger);
}

static void migrations_are_seen(void **state)
{
    cpu_set_t was;
    struct ledger *ledger = ledger_open();
    struct disturbance before, after;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
    ledger_read(ledger, &before);
    if (CPU_COUNT(&was) < 2 || before.migrations < 0) {
        ledger_close(ledger);
        skip();
    }
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (CPU_ISSET(cpu, &was))
            assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    }
    ledger_read(ledger, &after);
    sched_setaffinity(0, sizeof(was), &was);
    assert_true(ledger_between(&before, &after).migrations >= CPU_COUNT(&was) - 1);
    ledger_close(ledger);
}

/* Printed for the record; the bound only catches a blunder. */
static void a_reading_is_cheap(void **state)
{
    const int readings = 1000;
    struct ledger *ledger = ledger_open();
    struct disturbance d;
    uint64_t start = timer_now_ns();

    (void)state;
    for (int i = 0; i < readings; i++)
        ledger_read(ledger, &d);
    double us = (double)(timer_now_ns() - start) / readings / 1000;
    print_message("a reading of the ledger takes %.1f us\n", us);
    assert_true(us < 5000);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steal_of_the_processors_asked_for),
        cmocka_unit_test(differences),
        cmocka_unit_test(preemption_is_seen),
        cmocka_unit_test(migrations_are_seen),
        cmocka_unit_test(a_reading_is_cheap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
