/* SPDX-License-Identifier: MIT */
/* The formulas of the operator against the paper's table 1 and against cases worked by hand. */
#include "octconv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct oct_problem octave(int c_in, int c_out, int hw, int k, double alpha)
{
    struct oct_problem p = oct_problem_default();

    p.h = p.w = hw;
    p.kh = p.kw = k;
    p.bands = 2;
    p.ic[1] = oct_low_channels(c_in, alpha);
    p.ic[0] = c_in - p.ic[1];
    p.oc[1] = oct_low_channels(c_out, alpha);
    p.oc[0] = c_out - p.oc[1];
    return p;
}

static void table_1(void **state)
{
    static const struct {
        double alpha;
        int macs, memory; /* percent */
    } rows[] = {{0, 100, 100}, {.125, 82, 91}, {.25, 67, 81}, {.5, 44, 63},
                {.75, 30, 44}, {.875, 26, 34}, {1, 25, 25}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oct_problem p = octave(64, 64, 56, 3, rows[i].alpha), v = oct_problem_vanilla(&p);

        assert_int_equal(oct_problem_check(&p, NULL), OCT_OK);
        assert_int_equal(lround(100.0 * (double)oct_macs(&p) / (double)oct_macs(&v)), rows[i].macs);
        assert_int_equal(lround(100.0 * (double)oct_act_bytes(&p) / (double)oct_act_bytes(&v)),
                         rows[i].memory);
        assert_int_equal(oct_weight_bytes(&p), oct_weight_bytes(&v));
    }
}

/* With stride 2: hh pools by 2, hl by 4, ll by 2, lh neither pools nor upsamples. */
static void stride_2_official(void **state)
{
    struct oct_problem p = octave(8, 8, 56, 3, .5);

    (void)state;
    oct_problem_set_stride(&p, 2);
    assert_int_equal(oct_path_get(&p, 0, 0).pool, 1);
    assert_int_equal(oct_path_get(&p, 0, 1).pool, 2);
    assert_int_equal(oct_path_get(&p, 1, 1).pool, 1);
    assert_int_equal(oct_path_get(&p, 1, 0).pool, 0);
    assert_int_equal(oct_path_get(&p, 1, 0).up, 0);
    assert_int_equal(oct_out_extent(&p, 0).h, 28);
    assert_int_equal(oct_out_extent(&p, 1).h, 14);
    p.stride_order = OCT_STRIDE_POOL_FIRST;
    assert_int_equal(oct_path_get(&p, 1, 0).pre, 1);
    assert_int_equal(oct_path_get(&p, 1, 0).up, 1);
}

static void odd_extents(void **state)
{
    struct oct_problem p = octave(8, 8, 7, 3, .5);

    (void)state;
    assert_int_equal(oct_problem_check(&p, NULL), OCT_OK);
    assert_int_equal(oct_in_extent(&p, 1).h, 4);
    assert_int_equal(oct_path_get(&p, 1, 0).out.h, 4);
    assert_int_equal(oct_out_extent(&p, 0).h, 7);
}

static void resnet_first_layer_strided(void **state)
{
    struct oct_problem p = oct_problem_default();

    (void)state;
    p.ic[0] = 3;
    p.oc[0] = 64;
    p.h = p.w = 224;
    p.kh = p.kw = 7;
    oct_problem_set_stride(&p, 2);
    p.down = OCT_DOWN_STRIDED;
    assert_int_equal(oct_out_extent(&p, 0).h, 112);
    assert_int_equal(oct_macs(&p), 64ull * 3 * 49 * 112 * 112);
}

static void integers_exact(void **state)
{
    struct oct_problem p = octave(8, 8, 7, 3, .5);

    (void)state;
    assert_true(oct_integers_exact(&p, 2)); /* windows of 4, 2 and 1 */
    oct_problem_set_stride(&p, 2);
    assert_false(oct_integers_exact(&p, 2)); /* hl pools by 4: 4 + 3 along each axis */
    p.paths &= ~OCT_PATH_BIT(0, 1);
    assert_true(oct_integers_exact(&p, 2));
    p = octave(1 << 16, 8, 8, 3, .5);
    assert_false(oct_integers_exact(&p, 4)); /* 4 * 4 * 9 * 2^16 quarters */
}

static void contradictions(void **state)
{
    struct oct_message msg;
    struct oct_problem p = octave(8, 8, 8, 3, .5);

    (void)state;
    oct_problem_set_pad(&p, 0); /* the upsampled low band is 4x4, the high band 6x6 */
    assert_int_equal(oct_problem_check(&p, &msg), OCT_INVALID);
    assert_non_null(strstr(msg.text, "do not line up"));
    p = octave(8, 8, 8, 3, .5);
    p.groups = 3;
    assert_int_equal(oct_problem_check(&p, &msg), OCT_INVALID);
    p = octave(8, 8, 8, 11, .5);
    oct_problem_set_pad(&p, 0);
    assert_int_equal(oct_problem_check(&p, &msg), OCT_INVALID);
    assert_non_null(strstr(msg.text, "larger than the padded plane"));
    p = octave(8, 8, 8, 3, .5);
    p.epilogue = OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6;
    assert_int_equal(oct_problem_check(&p, &msg), OCT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_1),        cmocka_unit_test(stride_2_official),
        cmocka_unit_test(odd_extents),    cmocka_unit_test(resnet_first_layer_strided),
        cmocka_unit_test(contradictions), cmocka_unit_test(integers_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
