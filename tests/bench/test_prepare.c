/* SPDX-License-Identifier: MIT */
/* Verification finds what is wrong with a kernel: each of these breaks the reference in one way. */
#include "check/verify.h"
#include "../kernels/fake_kernel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct oct_problem octave(void)
{
    struct oct_problem p = oct_problem_default();

    p.h = p.w = 7;
    p.kh = p.kw = 3;
    p.bands = 2;
    p.ic[0] = 5, p.ic[1] = 3;
    p.oc[0] = 9, p.oc[1] = 4;
    p.epilogue = OCT_EPILOGUE_BIAS | OCT_EPILOGUE_RESIDUAL;
    return p;
}

static int off_by_a_little(struct oct_plan *plan, const struct oct_io *io)
{
    int status = fake_run_reference(plan, io);

    ((float *)io->out[1])[16 + 3] += 0.001f; /* band 1, 4x4: channel 1, y 0, x 3 */
    return status;
}

static int leaves_one_out(struct oct_plan *plan, const struct oct_io *io)
{
    float before = ((float *)io->out[0])[0];
    int status = fake_run_reference(plan, io);

    ((float *)io->out[0])[0] = before;
    return status;
}

static int writes_behind(struct oct_plan *plan, const struct oct_io *io)
{
    ((float *)io->out[0])[9 * 49] = 0;
    return fake_run_reference(plan, io);
}

static int writes_before(struct oct_plan *plan, const struct oct_io *io)
{
    ((float *)io->out[1])[-1] = 0;
    return fake_run_reference(plan, io);
}

static int fails(struct oct_plan *plan, const struct oct_io *io)
{
    (void)plan, (void)io;
    return OCT_ERROR;
}

static int plain_zeros(struct oct_plan *plan, const struct oct_io *io)
{
    for (int b = 0; b < 2; b++)
        memset(io->out[b], 0, oct_tensor_bytes(&fake_head(plan)->info.out[b]));
    return OCT_OK;
}

static int dirty_padding(struct oct_plan *plan, const struct oct_io *io)
{
    plain_zeros(plan, io);
    ((float *)io->out[0])[16 * 8 + 12] = 1; /* y 1, x 1, lane 12 of 9 channels */
    return OCT_OK;
}

static int plan_blocked(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                        const struct oct_plan_options *options, struct oct_message *msg)
{
    int status = oct_kernels[0]->plan(out, p, w, options, msg);

    for (int b = 0; !status && b < OCT_MAX_BANDS; b++)
        fake_head(*out)->info.in[b].layout = fake_head(*out)->info.out[b].layout = OCT_NCHW16C;
    return status;
}

static int verify(int (*execute)(struct oct_plan *, const struct oct_io *), enum fill fill,
                  struct prepared *report, struct oct_message *msg)
{
    struct oct_problem p = octave();
    struct operands ops;
    struct prepared prepared;
    struct fake_ops fake;
    int status;

    msg->text[0] = '\0';
    assert_int_equal(operands_make(&ops, &p, fill, 7, oct_kernels[0], 2, msg), OCT_OK);
    assert_int_equal(prepared_make(&prepared, oct_kernels[0], &ops, 1, msg), OCT_OK);
    fake_replace(prepared.plan, &fake, execute);
    assert_true(isnan(prepared.max_abs_err));
    status = prepared_verify(&prepared, &ops, msg);
    *report = prepared;
    prepared_free(&prepared);
    operands_free(&ops);
    return status;
}

static void right(void **state)
{
    struct prepared report;
    struct oct_message msg;

    (void)state;
    assert_int_equal(verify(fake_run_reference, FILL_INTEGERS, &report, &msg), OCT_OK);
    assert_true(report.max_abs_err == 0 && report.err_bound == 0);
    assert_int_equal(verify(fake_run_reference, FILL_REALS, &report, &msg), OCT_OK);
    assert_true(report.max_abs_err == 0);
    assert_true(report.err_bound > 1e-7 && report.err_bound < 1e-3);
}

static void wrong(void **state)
{
    static const struct {
        int (*execute)(struct oct_plan *, const struct oct_io *);
        const char *message;
    } rows[] = {
        {off_by_a_little, "band 1, image 0, channel 1, z 0, y 0, x 3: "},
        {leaves_one_out, "band 0, image 0, channel 0, z 0, y 0, x 0: -nan, but should be "},
        {writes_behind, "band 0: wrote outside its output"},
        {writes_before, "band 1: wrote outside its output"},
        {fails, "execute failed: error"},
    };
    struct prepared report;
    struct oct_message msg;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int fill = FILL_INTEGERS; fill <= FILL_REALS; fill++) {
            assert_int_equal(verify(rows[i].execute, fill, &report, &msg), OCT_ERROR);
            assert_memory_equal(msg.text, rows[i].message, strlen(rows[i].message));
        }
    assert_int_equal(verify(leaves_one_out, FILL_REALS, &report, &msg), OCT_ERROR);
    assert_true(isinf(report.max_abs_err));
    assert_int_equal(verify(off_by_a_little, FILL_INTEGERS, &report, &msg), OCT_ERROR);
    assert_true(fabs(report.max_abs_err - 0.001) < 1e-5);
}

/* All-zero operands make zero the right answer, so that only the padding can be wrong. */
static void padding_lanes(void **state)
{
    struct oct_kernel kernel = *oct_kernels[0];
    struct oct_problem p = octave();
    struct operands ops;
    struct prepared prepared;
    struct oct_message msg;
    struct fake_ops fake;

    (void)state;
    kernel.plan = plan_blocked;
    assert_int_equal(operands_make(&ops, &p, FILL_INTEGERS, 7, oct_kernels[0], 1, &msg), OCT_OK);
    memset(ops.expected[0], 0, 9 * 49 * sizeof(float));
    memset(ops.expected[1], 0, 4 * 16 * sizeof(float));
    assert_int_equal(prepared_make(&prepared, &kernel, &ops, 1, &msg), OCT_OK);
    fake_replace(prepared.plan, &fake, plain_zeros);
    assert_int_equal(prepared_verify(&prepared, &ops, &msg), OCT_OK);
    fake.ops.execute = dirty_padding;
    assert_int_equal(prepared_verify(&prepared, &ops, &msg), OCT_ERROR);
    assert_string_equal(msg.text,
                        "band 0, image 0, channel 12 (a padding lane), z 0, y 1, x 1: 1, but should be 0");
    prepared_free(&prepared);
    operands_free(&ops);
}

/* The same seed makes the same operands, another seed others; the expected values do not depend on threads.
 */
static void seeds(void **state)
{
    struct oct_problem p = octave();
    struct operands a, b, c;
    struct oct_message msg;
    size_t bytes = 5 * 49 * sizeof(float), out = 9 * 49 * sizeof(float);

    (void)state;
    assert_int_equal(operands_make(&a, &p, FILL_REALS, 1, oct_kernels[0], 1, &msg), OCT_OK);
    assert_int_equal(operands_make(&b, &p, FILL_REALS, 1, oct_kernels[0], 2, &msg), OCT_OK);
    assert_int_equal(operands_make(&c, &p, FILL_REALS, 2, oct_kernels[0], 1, &msg), OCT_OK);
    assert_memory_equal(a.in[0], b.in[0], bytes);
    assert_memory_equal(a.expected[0], b.expected[0], out);
    assert_memory_not_equal(a.in[0], c.in[0], bytes);
    operands_free(&a);
    operands_free(&b);
    operands_free(&c);
}

static void not_exact(void **state)
{
    struct oct_problem p = octave();
    struct operands ops;
    struct oct_message msg;

    (void)state;
    p.bands = 3;
    p.ic[2] = p.oc[2] = 2; /* pooling 7x7 by 4 averages 12 values */
    assert_int_equal(operands_make(&ops, &p, FILL_INTEGERS, 1, oct_kernels[0], 1, &msg), OCT_OK);
    assert_false(ops.exact);
    assert_true(ops.bound > 0);
    operands_free(&ops);
    p.types.src = OCT_S8;
    assert_int_equal(operands_make(&ops, &p, FILL_REALS, 1, oct_kernels[0], 1, &msg), OCT_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right), cmocka_unit_test(wrong),     cmocka_unit_test(padding_lanes),
        cmocka_unit_test(seeds), cmocka_unit_test(not_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
