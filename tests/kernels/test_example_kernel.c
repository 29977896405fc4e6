/* SPDX-License-Identifier: MIT */
/* The kernel that docs/adding-a-kernel.md prints, held to what every kernel is held to. */
#include "edge_problems.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

extern const struct oct_kernel oct_f32_example;

static void agrees_with_the_reference(void **state)
{
    struct oct_problem p;
    int cursor = 0, ran = 0;

    (void)state;
    while (edge_problem(&cursor, &p)) {
        struct tensors want, t;
        struct oct_message msg;
        int status;

        tensors_make(&want, &p);
        tensors_make(&t, &p);
        tensors_fill(&want, VALUES_INTEGER, 1);
        tensors_fill(&t, VALUES_INTEGER, 1);
        status = run_kernel(&oct_f32_example, &t, 2, &msg);
        if (status == OCT_OK) {
            ran++;
            assert_int_equal(run_kernel(oct_kernels[0], &want, 1, &msg), OCT_OK);
            status = compare(&t, &want, NULL, &msg);
        }
        if (status && status != OCT_UNSUPPORTED)
            fail_msg("%s", msg.text);
        tensors_free(&want);
        tensors_free(&t);
    }
    assert_true(ran >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_reference)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
