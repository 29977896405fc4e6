/* SPDX-License-Identifier: MIT */
#include "report/peak_share.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void padding_is_left_out(void **state)
{
    struct oct_problem p = oct_problem_default();

    (void)state;
    assert_float_equal(percent_useful_share(&p), 1, 0); /* 1x1: no padding */
    p.h = p.w = 7;
    p.kh = p.kw = 3;
    /* along each axis 7 x 3 pairs, of which the first output's first tap and the last one's last miss */
    assert_float_equal(percent_useful_share(&p), 19. / 21 * 19 / 21, 1e-12);
    oct_problem_set_pad(&p, 0);
    assert_float_equal(percent_useful_share(&p), 1, 0);
    /* both bands with 4 channels each: hh on 8x8, the rest on 4x4 */
    p = oct_problem_default();
    p.bands = 2;
    p.ic[0] = p.ic[1] = p.oc[0] = p.oc[1] = 4;
    p.h = p.w = 8;
    p.kh = p.kw = 3;
    double high = 22. / 24 * 22 / 24, low = 10. / 12 * 10 / 12;
    assert_float_equal(percent_useful_share(&p), (64 * high + 3 * 16 * low) / (64 + 3 * 16), 1e-12);
}

/* A ceiling that was exceeded is none: measured again, and empty if it still is exceeded. */
static void above_the_peak_is_empty(void **state)
{
    struct oct_kernel kernel = {.isa = 0, .algorithm = OCT_ALGORITHM_DIRECT};
    struct bench_case bench_case = {.problem = oct_problem_default(), .kernel = &kernel};
    struct case_result cases[3] = {
        {.bench_case = &bench_case}, {.bench_case = &bench_case}, {.bench_case = &bench_case}};
    struct group_result result = {.count = 3, .cases = cases};
    struct result_row rows[3];
    struct peaks peaks = {.threads = 1, .fma_base = 1, .fma_avx2 = 1, .fma_avx512 = 1};

    (void)state;
    for (int i = 0; i < 3; i++)
        result_row_clear(&rows[i]);
    rows[0].gflops = 1e9; /* more than any machine */
    rows[1].gflops = .01; /* less than any */
    oct_cpu_limit(0);
    percent_settle(&result, rows, &peaks);
    oct_cpu_limit(UINT32_MAX);
    assert_true(isnan(rows[0].pct_peak));
    assert_true(rows[1].pct_peak > 0 && rows[1].pct_peak < 1); /* of the raised peak, not of 1 */
    assert_true(isnan(rows[2].pct_peak));
    assert_true(peaks.fma_base > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(padding_is_left_out),
        cmocka_unit_test(above_the_peak_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
