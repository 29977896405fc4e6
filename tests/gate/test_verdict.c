/* SPDX-License-Identifier: MIT */
/* The gate's inference on launches that are drawn, not measured: what it answers, and how often it is wrong.
 */
#include "gate/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define CASES 20

struct world {
    uint64_t random;
    double shift[CASES]; /* true log slowdown */
    double noise;        /* scale of a launch estimate */
    int launches, fail_at;
};

static double normal(uint64_t *random)
{
    double u = 1 - stats_uniform(random), v = stats_uniform(random);

    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

/* Noise with a heavy right tail: one launch in ten is disturbed fivefold. */
static int draw(void *context, const bool *want, double *estimate)
{
    struct world *w = context;

    if (++w->launches == w->fail_at)
        return 5;
    for (int i = 0; i < CASES; i++) {
        double scale = stats_uniform(&w->random) < 0.1 ? 5 * w->noise : w->noise;
        if (want[i])
            estimate[i] = w->shift[i] + scale * normal(&w->random);
    }
    return 0;
}

static const struct gate_rule rule = {.tolerance = 0.015, .alpha = 0.01, .quads = 32};

static void sign_test_known_values(void **state)
{
    (void)state;
    assert_float_equal(gate_sign_p(5, 5), 1.0 / 32, 1e-12);
    assert_float_equal(gate_sign_p(12, 11), 13.0 / 4096, 1e-12);
    assert_float_equal(gate_sign_p(10, 0), 1, 1e-12);
    assert_float_equal(gate_sign_p(8, 7), 9.0 / 256, 1e-12);
}

static void nothing_changed(void **state)
{
    struct world w = {.random = 1, .noise = 0.005};
    struct gate_state states[CASES];
    int alarms = 0, inconclusive = 0;

    (void)state;
    for (int run = 0; run < 1000; run++) {
        assert_int_equal(gate_decide(&rule, states, CASES, draw, &w), 0);
        alarms += gate_status(states, CASES) == 3;
        inconclusive += gate_status(states, CASES) == 4;
    }
    assert_int_equal(alarms, 0);
    assert_true(inconclusive < 20);
}

/* The hardest null: every case sits exactly on the tolerance. alpha bounds the share of runs that alarm. */
static void false_alarms_at_the_boundary(void **state)
{
    struct world w = {.random = 2, .noise = 0.005};
    struct gate_state states[CASES];
    int alarms = 0;

    (void)state;
    for (int i = 0; i < CASES; i++)
        w.shift[i] = rule.tolerance;
    for (int run = 0; run < 2000; run++) {
        assert_int_equal(gate_decide(&rule, states, CASES, draw, &w), 0);
        alarms += gate_status(states, CASES) == 3;
    }
    assert_true(alarms <= 2000 * rule.alpha + 3 * sqrt(2000 * rule.alpha));
}

static void one_case_slower(void **state)
{
    struct world w = {.random = 3, .noise = 0.005, .shift = {[7] = 0.03}};
    struct gate_state states[CASES];
    int caught = 0, others = 0;

    (void)state;
    for (int run = 0; run < 200; run++) {
        assert_int_equal(gate_decide(&rule, states, CASES, draw, &w), 0);
        caught += states[7].answer == ANSWER_REGRESSED;
        for (int i = 0; i < CASES; i++)
            others += i != 7 && states[i].answer == ANSWER_REGRESSED;
    }
    assert_true(caught >= 190);
    assert_int_equal(others, 0);
}

static void improvement_and_noise(void **state)
{
    struct world w = {.random = 4, .noise = 0.003, .shift = {[0] = -0.05}};
    struct gate_state states[CASES];

    (void)state;
    assert_int_equal(gate_decide(&rule, states, CASES, draw, &w), 0);
    assert_int_equal(states[0].answer, ANSWER_IMPROVED);
    assert_int_equal(states[1].answer, ANSWER_EQUIVALENT);
    assert_int_equal(gate_status(states, CASES), 0);
    w = (struct world){.random = 5, .noise = 0.5};
    assert_int_equal(gate_decide(&rule, states, CASES, draw, &w), 0);
    assert_int_equal(gate_status(states, CASES), 4);
    for (int i = 0; i < CASES; i++)
        if (states[i].answer == ANSWER_INCONCLUSIVE)
            assert_true(isnan(states[i].pairs_needed) ||
                        states[i].pairs_needed > 2 * rule.quads * states[i].screened);
}

static void stops_early_and_passes_failures_on(void **state)
{
    struct world w = {.random = 6, .noise = 0.0005};
    struct gate_state states[CASES];

    (void)state;
    assert_int_equal(gate_decide(&rule, states, CASES, draw, &w), 0);
    assert_int_equal(w.launches, 5);
    w = (struct world){.random = 6, .noise = 0.0005, .fail_at = 3};
    assert_int_equal(gate_decide(&rule, states, CASES, draw, &w), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sign_test_known_values),       cmocka_unit_test(nothing_changed),
        cmocka_unit_test(false_alarms_at_the_boundary), cmocka_unit_test(one_case_slower),
        cmocka_unit_test(improvement_and_noise),        cmocka_unit_test(stops_early_and_passes_failures_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
