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
    copy_plain(&plan->head.info.out[0], (void *)io->residual[0], plan->residual, false);
    status = oct_execute(plan->naive, &inner);
    copy_plain(&plan->head.info.out[0], io->out[0], plan->plain, true);
    plan->executed++;
    return status;
}

/* What plans execute: honest() or one of the faults. */
static int (*fault)(struct oct_plan *plan, const struct oct_io *io);

static int execute(struct oct_plan *plan, const struct oct_io *io)
{
    return fault ? fault(plan, io) : honest(plan, io);
}

static const struct oct_plan_ops ops = {.execute = execute, .destroy = honest_destroy};

static int honest_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                       const struct oct_plan_options *options, struct oct_message *msg)
{
    struct oct_plan *plan = calloc(1, sizeof(*plan));

    assert_non_null(plan);
    plan->p = *p;
    plan->plain = oct_alloc(out_values(p, 0) * sizeof(float));
    plan->residual = oct_alloc(out_values(p, 0) * sizeof(float));
    oct_plan_begin(&plan->head, &ops, p, OCT_NCHW, options->threads);
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

    out_of(io)[0] += (float)plan->executed;
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

/* Runs the kernel on the layer and compares with the reference. */
static int judge(const struct oct_kernel *k, enum values values, struct oct_message *msg)
{
    struct oct_problem p = layer();
    struct tensors t, want, bound = {0};
    int status;

    tensors_make(&t, &p);
    tensors_make(&want, &p);
    tensors_fill(&t, values, 1);
    tensors_fill(&want, values, 1);
    assert_int_equal(run_kernel(oct_kernels[0], &want, 1, msg), OCT_OK);
    status = run_kernel(k, &t, 2, msg);
    if (status == OCT_OK && values == VALUES_REAL)
        error_bounds(k, &t, &bound);
    if (status == OCT_OK)
        status = compare(&t, &want, values == VALUES_REAL ? &bound : NULL, msg);
    tensors_free(&t);
    tensors_free(&want);
    tensors_free(&bound);
    return status;
}

static void the_honest_kernel_passes(void **state)
{
    struct oct_message msg;

    (void)state;
    assert_int_equal(judge(&honest_kernel, VALUES_INTEGER, &msg), OCT_OK);
    assert_int_equal(judge(&honest_kernel, VALUES_REAL, &msg), OCT_OK);
}

static void each_fault_is_found(void **state)
{
    static const struct {
        int (*execute)(struct oct_plan *plan, const struct oct_io *io);
        const char *complaint;
    } faults[] = {
        {writes_after, "wrote outside a buffer"},
        {writes_before, "wrote outside a buffer"},
        {changes_input, "changed its input"},
        {changes_residual, "changed the residual"},
        {leaves_poison, "an output was not written"},
        {fills_padding, "a padding lane of the output is not zero"},
        {drifts, "gave other bits the second time"},
        {fails, "error"},
        {profiles_nothing, "the profile is empty"},
        {profiles_too_much, "the profile's parts take longer than the whole"},
        {profiles_without_names, "a part of the profile has no name"},
        {is_wrong_in_one_place, "band 0, image 0, channel 3, z 0, y 0, x 0: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        for (enum values values = VALUES_INTEGER; values <= VALUES_REAL; values++) {
            struct oct_message msg;

            fault = faults[i].execute;
            assert_int_equal(judge(&honest_kernel, values, &msg), OCT_ERROR);
            assert_memory_equal(msg.text, faults[i].complaint, strlen(faults[i].complaint));
        }
    }
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
        assert_int_equal(judge(&k, VALUES_INTEGER, &msg), OCT_ERROR);
        assert_memory_equal(msg.text, faults[i].complaint, strlen(faults[i].complaint));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_honest_kernel_passes),
        cmocka_unit_test(each_fault_is_found),
        cmocka_unit_test(each_bad_plan_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
