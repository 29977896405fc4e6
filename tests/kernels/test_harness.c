/* SPDX-License-Identifier: MIT */
/* Kernels that break the contract in one way each: the harness must say so, and of the honest one nothing. */
#include "core/kernel.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BLOCK OCT_NCHW8C /* the layer's 10 channels leave 6 padding lanes */

/* f32_naive behind a blocked output layout. */
struct oct_plan {
    struct oct_plan_head head;
    struct oct_problem p;
    struct oct_plan *naive;
    float *plain, *residual;
    int executed;
};

static const struct oct_kernel *naive(void)
{
    return oct_kernel_find("f32_naive");
}

static void honest_destroy(struct oct_plan *plan)
{
    oct_plan_destroy(plan->naive);
    oct_free(plan->plain);
    oct_free(plan->residual);
    free(plan);
}

static int honest(struct oct_plan *plan, const struct oct_io *io)
{
    struct oct_io inner = {.in = {io->in[0]}, .residual = {plan->residual}, .out = {plan->plain}};
    int status;

    inner.profile = io->profile;
    tensor_to_plain(&plan->head.info.out[0], io->residual[0], plan->residual);
    status = oct_execute(plan->naive, &inner);
    plain_to_tensor(&plan->head.info.out[0], io->out[0], plan->plain);
    plan->executed++;
    return status;
}

/* What plans execute: honest() or one of the faults. */
static int (*fault)(struct oct_plan *plan, const struct oct_io *io);

static int execute(struct oct_plan *plan, const struct oct_io *io)
{
    return fault ? fault(plan, io) : honest(plan, io);
}

static const struct oct_plan_ops plan_ops = {.execute = execute, .destroy = honest_destroy};

static int honest_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                       const struct oct_plan_options *options, struct oct_message *msg)
{
    struct oct_plan *plan = calloc(1, sizeof(*plan));

    assert_non_null(plan);
    plan->p = *p;
    plan->plain = oct_alloc(operands_out_values(p, 0) * sizeof(float));
    plan->residual = oct_alloc(operands_out_values(p, 0) * sizeof(float));
    oct_plan_begin(&plan->head, &plan_ops, p, OCT_NCHW, options->threads);
    plan->head.info.out[0].layout = BLOCK;
    strcpy(plan->head.info.describe, "honest");
    *out = plan;
    return oct_plan_create(&plan->naive, naive(), p, w, options, msg);
}

/* ---- one way each -------------------------------------------------------------------------------- */

static float *out_of(const struct oct_io *io)
{
    return io->out[0];
}

static size_t blocked_values(const struct oct_plan *plan)
{
    return oct_tensor_bytes(&plan->head.info.out[0]) / sizeof(float);
}

static int writes_after(struct oct_plan *plan, const struct oct_io *io)
{
    out_of(io)[blocked_values(plan)] = 0;
    return honest(plan, io);
}

static int writes_before(struct oct_plan *plan, const struct oct_io *io)
{
    out_of(io)[-1] = 0;
    return honest(plan, io);
}

static int changes_input(struct oct_plan *plan, const struct oct_io *io)
{
    int status = honest(plan, io);

    ((float *)io->in[0])[5] += 1;
    return status;
}

static int writes_before_input(struct oct_plan *plan, const struct oct_io *io)
{
    ((float *)io->in[0])[-1] = 0;
    return honest(plan, io);
}

static int changes_residual(struct oct_plan *plan, const struct oct_io *io)
{
    int status = honest(plan, io);

    ((float *)io->residual[0])[5] += 1;
    return status;
}

static int leaves_poison(struct oct_plan *plan, const struct oct_io *io)
{
    float poison = out_of(io)[9];
    int status = honest(plan, io);

    out_of(io)[9] = poison;
    return status;
}

static int fills_padding(struct oct_plan *plan, const struct oct_io *io)
{
    int status = honest(plan, io);

    out_of(io)[blocked_values(plan) - 1] = 1;
    return status;
}

static int drifts(struct oct_plan *plan, const struct oct_io *io)
{
    int status = honest(plan, io);

    out_of(io)[0] *= 1 + (float)plan->executed * 0x1p-23f;
    return status;
}

static int fails(struct oct_plan *plan, const struct oct_io *io)
{
    (void)plan, (void)io;
    return OCT_ERROR;
}

static int profiles_nothing(struct oct_plan *plan, const struct oct_io *io)
{
    struct oct_io blind = *io;

    blind.profile = NULL;
    return honest(plan, &blind);
}

static int profiles_too_much(struct oct_plan *plan, const struct oct_io *io)
{
    int status = honest(plan, io);

    if (io->profile)
        io->profile->part[0].ns += UINT64_C(1) << 50;
    return status;
}

static int profiles_without_names(struct oct_plan *plan, const struct oct_io *io)
{
    int status = honest(plan, io);

    if (io->profile)
        io->profile->part[0].name[0] = '\0';
    return status;
}

static int is_wrong_in_one_place(struct oct_plan *plan, const struct oct_io *io)
{
    int status = honest(plan, io);

    out_of(io)[3] += 0.25f;
    return status;
}

static int declines_without_reason(struct oct_plan **out, const struct oct_problem *p,
                                   const struct oct_weights *w, const struct oct_plan_options *options,
                                   struct oct_message *msg)
{
    (void)out, (void)p, (void)w, (void)options, (void)msg;
    return OCT_UNSUPPORTED;
}

static int describes_nothing(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                             const struct oct_plan_options *options, struct oct_message *msg)
{
    int status = honest_plan(out, p, w, options, msg);

    (*out)->head.info.describe[0] = '\0';
    return status;
}

static int miscounts_threads(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                             const struct oct_plan_options *options, struct oct_message *msg)
{
    int status = honest_plan(out, p, w, options, msg);

    (*out)->head.info.threads++;
    return status;
}

/* ---- the tests ----------------------------------------------------------------------------------- */

static const struct oct_kernel honest_kernel = {
    .name = "honest",
    .summary = "f32_naive behind a blocked layout",
    .layout = BLOCK,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = honest_plan,
};

static struct oct_problem layer(void)
{
    struct oct_problem p = oct_problem_default();

    p.ic[0] = 3;
    p.oc[0] = 10;
    p.h = p.w = 6;
    p.kh = p.kw = 3;
    p.epilogue = OCT_EPILOGUE_RESIDUAL;
    return p;
}

/* The kernel on the layer; values and all that the contract asks. */
static int judge_on(const struct oct_kernel *k, enum fill fill, struct oct_message *msg)
{
    struct oct_problem p = layer();
    struct operands ops;
    int status;

    expect(&ops, &p, fill, 1);
    status = judge(k, &ops, 2, msg);
    operands_free(&ops);
    return status;
}

static void the_honest_kernel_passes(void **state)
{
    struct oct_message msg;

    (void)state;
    assert_int_equal(judge_on(&honest_kernel, FILL_INTEGERS, &msg), OCT_OK);
    assert_int_equal(judge_on(&honest_kernel, FILL_REALS, &msg), OCT_OK);
}

static void each_fault_is_found(void **state)
{
    static const struct {
        int (*execute)(struct oct_plan *plan, const struct oct_io *io);
        const char *complaint;
    } faults[] = {
        {writes_after, "band 0: wrote outside its output"},
        {writes_before, "band 0: wrote outside its output"},
        {writes_before_input, "band 0: wrote outside its input"},
        {changes_input, "band 0: changed its input"},
        {changes_residual, "band 0: changed its residual"},
        {leaves_poison, "band 0, image 0, channel 1, z 0, y 0, x 1: "},
        {fills_padding, "band 0, image 0, channel 15 (a padding lane), z 0, y 5, x 5: "},
        {fails, "execute failed: error"},
        {profiles_nothing, "the profile is empty"},
        {profiles_too_much, "the profile's parts take longer than the whole"},
        {profiles_without_names, "a part of the profile has no name"},
        {is_wrong_in_one_place, "band 0, image 0, channel 3, z 0, y 0, x 0: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        for (enum fill fill = FILL_INTEGERS; fill <= FILL_REALS; fill++) {
            struct oct_message msg;

            fault = faults[i].execute;
            assert_int_equal(judge_on(&honest_kernel, fill, &msg), OCT_ERROR);
            assert_memory_equal(msg.text, faults[i].complaint, strlen(faults[i].complaint));
        }
    }
    fault = NULL;
}

/* By so little that the bound on reals says nothing; integers have none. */
static void drift_is_found(void **state)
{
    struct oct_message msg;

    (void)state;
    fault = drifts;
    assert_int_equal(judge_on(&honest_kernel, FILL_REALS, &msg), OCT_ERROR);
    assert_string_equal(msg.text, "band 0: gave other bits the second time");
    assert_int_equal(judge_on(&honest_kernel, FILL_INTEGERS, &msg), OCT_ERROR);
    assert_memory_equal(msg.text, "band 0, image 0, channel 0, z 0, y 0, x 0: ", 43);
    fault = NULL;
}

static void each_bad_plan_is_found(void **state)
{
    static const struct {
        int (*plan)(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                    const struct oct_plan_options *options, struct oct_message *msg);
        const char *complaint;
    } faults[] = {
        {declines_without_reason, "unsupported without a reason"},
        {describes_nothing, "the plan's info does not describe it"},
        {miscounts_threads, "the plan's info does not name its threads"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct oct_kernel k = honest_kernel;
        struct oct_message msg;

        k.plan = faults[i].plan;
        assert_int_equal(judge_on(&k, FILL_INTEGERS, &msg), OCT_ERROR);
        assert_memory_equal(msg.text, faults[i].complaint, strlen(faults[i].complaint));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_honest_kernel_passes),
        cmocka_unit_test(each_fault_is_found),
        cmocka_unit_test(drift_is_found),
        cmocka_unit_test(each_bad_plan_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
