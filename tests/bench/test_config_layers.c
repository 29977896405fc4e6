/* SPDX-License-Identifier: MIT */
/* What the keys of a layer become. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config_loading.h"

static void ratio_is_rounded_down_once(void **state)
{
    struct config c =
        one("alpha_in: 0.3, alpha_out: 0.7, c_in: 9, c_out: 5, h: 7, w: 9, kh: 1, kw: 3, d: 4, kd: 3");
    const struct bench_case *bc = &c.groups[0].cases[c.groups[0].count - 1];

    (void)state;
    assert_int_equal(bc->problem.bands, 2);
    assert_int_equal(bc->problem.ic[1], 2);
    assert_int_equal(bc->problem.ic[0], 7);
    assert_int_equal(bc->problem.oc[1], 3);
    assert_int_equal(bc->problem.oc[0], 2);
    assert_int_equal(bc->problem.kd, 3);
    assert_int_equal(c.groups[0].c_in, 9);
    assert_int_equal(c.groups[0].c_out, 5);
    assert_string_equal(bc->name, "s/3x1x3_9-5_4x7x9/a=0.3:0.7/t=1/f32_naive");
    config_free(&c);
}

static void alpha_0_is_the_vanilla_layer(void **state)
{
    struct config c = one("alpha: [0, 0.0, 0.5, 0.51], c_in: 2, c_out: 2, hw: 8, k: 3, stride: 2");

    (void)state;
    assert_int_equal(c.count, 1);
    assert_int_equal(octave_cases(&c), 1); /* 0.5 and 0.51 of two channels are the same problem */
    assert_int_equal(c.groups[0].cases[0].problem.down, OCT_DOWN_STRIDED);
    assert_int_equal(c.groups[0].cases[c.groups[0].count - 1].problem.down, OCT_DOWN_POOL);
    config_free(&c);
}

/* Axes and sides one by one, and what the shorter keys mean for those that nobody names. */
static void axes_reach_the_problem(void **state)
{
    struct config c =
        one("c_in: 4, c_out: 4, d: 9, hw: 20, kd: 3, kh: 5, kw: 7, stride_d: 2, stride_h: 3, stride_w: 1, "
            "dilation_h: 2, pad: [[1, 2, 3, 4]], pad_d: causal, groups: {per_path: 2}");
    const struct group *g = &c.groups[0];
    const struct oct_problem *p = &g->cases[0].problem;
    struct config same = one("c_in: 4, c_out: 4, hw: 20, kd: 3, k: 3, stride: 4, pad: same_upper, d: 4");
    struct config two = one("c_in: 4, c_out: 4, hw: 20, k: 3, pad: [[0, 1]]");

    (void)state;
    assert_true(p->stride_d == 2 && p->stride_h == 3 && p->stride_w == 1);
    assert_true(p->dilation_d == 2 && p->dilation_h == 2 && p->dilation_w == 1);
    assert_true(p->pad_top == 1 && p->pad_bottom == 2 && p->pad_left == 3 && p->pad_right == 4);
    assert_true(p->pad_front == OCT_PAD_CAUSAL && p->pad_back == OCT_PAD_CAUSAL);
    assert_true(p->groups == 2 && p->groups_per_path);
    assert_string_equal(g->layer,
                        "3x5x7_4-4_9x20x20_s3_p1_l2_g2_stride_d2_stride_w1_dilation_w1_pad_frontcausal_"
                        "pad_backcausal_pad_bottom2_pad_left3_pad_right4_groups_per_pathtrue");
    p = &same.groups[0].cases[0].problem;
    assert_true(p->stride_h == 4 && p->pad_top == OCT_PAD_SAME_UPPER && p->pad_front == OCT_PAD_SAME_UPPER);
    p = &two.groups[0].cases[0].problem;
    assert_true(p->pad_top == 0 && p->pad_bottom == 0 && p->pad_left == 1 && p->pad_right == 1);
    config_free(&c);
    config_free(&same);
    config_free(&two);
}

static void options_reach_the_problem(void **state)
{
    struct config c =
        one("ic: [[4, 2, 2]], oc: [[2, 4, 2]], hw: 16, k: 1, n: 3, stride: 2, pad: 0, dilation: 2, "
            "groups: 2, down: strided, stride_order: pool_first, paths: '00 11,22', "
            "epilogue: ['bias + relu6'], cache: cold, threads: 2");
    const struct group *g = &c.groups[0];
    const struct oct_problem *p = &g->cases[g->count - 1].problem;

    (void)state;
    assert_int_equal(p->bands, 3);
    assert_int_equal(p->oc[1], 4);
    assert_int_equal(p->n, 3);
    assert_int_equal(p->stride_h, 2);
    assert_int_equal(p->stride_w, 2);
    assert_int_equal(p->pad_top, 0);
    assert_int_equal(p->pad_right, 0);
    assert_int_equal(p->dilation_h, 2);
    assert_int_equal(p->dilation_w, 2);
    assert_int_equal(p->groups, 2);
    assert_int_equal(p->down, OCT_DOWN_STRIDED);
    assert_int_equal(p->stride_order, OCT_STRIDE_POOL_FIRST);
    assert_int_equal(p->paths, OCT_PATH_BIT(0, 0) | OCT_PATH_BIT(1, 1) | OCT_PATH_BIT(2, 2));
    assert_int_equal(p->epilogue, OCT_EPILOGUE_BIAS | OCT_EPILOGUE_RELU6);
    assert_int_equal(g->cache, CACHE_COLD);
    assert_int_equal(g->threads, 2);
    assert_string_equal(
        g->cases[g->count - 1].name,
        "s/1x1_8-8_16_s2_p0_l2_g2_n3_bias_relu6/a=0.5:0.75,bands=4-2-2:2-4-2,strided,pool_first,"
        "paths=00-11-22/t=2,cold/f32_naive");
    config_free(&c);
}

static void depthwise_stays_depthwise(void **state)
{
    struct config c = one("alpha: 0.5, c_in: 8, c_out: 8, hw: 8, k: 3, groups: depthwise");

    (void)state;
    for (size_t i = 0; i < c.groups[0].count; i++)
        assert_int_equal(c.groups[0].cases[i].problem.groups, OCT_GROUPS_DEPTHWISE);
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratio_is_rounded_down_once), cmocka_unit_test(alpha_0_is_the_vanilla_layer),
        cmocka_unit_test(axes_reach_the_problem),     cmocka_unit_test(options_reach_the_problem),
        cmocka_unit_test(depthwise_stays_depthwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
