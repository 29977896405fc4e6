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
        struct operands ops;
        struct oct_message msg;
        int status;

        expect(&ops, &p, FILL_INTEGERS, 1);
        status = judge(&oct_f32_example, &ops, 2, &msg);
        operands_free(&ops);
        ran += status == OCT_OK;
        if (status && status != OCT_UNSUPPORTED)
            fail_msg("%s", msg.text);
    }
    assert_true(ran >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_reference)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
