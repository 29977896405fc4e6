/* SPDX-License-Identifier: MIT */
/* A group measured with kernels whose truth is known: right, wrong, declining, failing, of a set speed. They
 * stand in no table, as the kernels of another build of the library would. */
#include "measure/measure_group.h"
#include "report/rows.h"
#include "../kernels/fake_kernel.h"
#include "base/timer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FAST_NS 100000u
#define SLOW_NS 500000u

static int calls_left; /* of failing_late */

static int run_reference(struct oct_plan *plan, const struct oct_io *io)
{
    return fake_run_reference(plan, io);
}

static int run_for(struct oct_plan *plan, const struct oct_io *io, uint64_t ns)
{
    uint64_t start = timer_now_ns();
    int status = run_reference(plan, io);

    while (timer_now_ns() - start < ns)
        ;
    return status;
}

static int fast(struct oct_plan *plan, const struct oct_io *io)
{
    return run_for(plan, io, FAST_NS);
}

static int slow(struct oct_plan *plan, const struct oct_io *io)
{
    return run_for(plan, io, SLOW_NS);
}

static int sluggish(struct oct_plan *plan, const struct oct_io *io)
{
    return run_for(plan, io, 100 * FAST_NS);
}

static int wrong(struct oct_plan *plan, const struct oct_io *io)
{
    int status = run_reference(plan, io);

    ((float *)io->out[0])[3] += 1;
    return status;
}

static int fails_late(struct oct_plan *plan, const struct oct_io *io)
{
    return --calls_left < 0 ? OCT_ERROR : run_reference(plan, io);
}

/* Half of the time in "hh", none in anything else. */
static int profiled(struct oct_plan *plan, const struct oct_io *io)
{
    if (io->profile) {
        io->profile->count = 1;
        strcpy(io->profile->part[0].name, "hh+hl");
        io->profile->part[0].ns = FAST_NS / 2;
    }
    return fast(plan, io);
}

static int declines(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                    const struct oct_plan_options *options, struct oct_message *msg)
{
    (void)out, (void)p, (void)w, (void)options;
    strcpy(msg->text, "not of this kind");
    return OCT_UNSUPPORTED;
}

FAKE_PLAN(run_reference)
FAKE_PLAN(fast)
FAKE_PLAN(slow)
FAKE_PLAN(sluggish)
FAKE_PLAN(wrong)
FAKE_PLAN(fails_late)
FAKE_PLAN(profiled)

typedef int plan_function(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                          const struct oct_plan_options *options, struct oct_message *msg);

static struct oct_kernel kernel(const char *name, plan_function *plan)
{
    struct oct_kernel k = *oct_kernels[0];

    k.name = name;
    k.plan = plan;
    k.profiles = false;
    return k;
}

static struct oct_problem layer(int bands)
{
    struct oct_problem p = oct_problem_default();

    p.h = p.w = 6;
    p.kh = p.kw = 3;
    p.bands = bands;
    p.ic[0] = p.oc[0] = 8 / bands;
    p.ic[1] = p.oc[1] = 8 - 8 / bands;
    return p;
}

struct fixture {
    struct config config;
    struct group group;
    struct bench_case cases[6];
    struct group_context ctx;
    struct group_result result;
    struct result_row rows[6];
};

static char test_path[] = "a config.yaml", test_suite[] = "suite", test_layer[] = "layer";

static void add_case(struct fixture *f, const struct oct_kernel *k, int bands)
{
    static char names[6][48];
    struct bench_case *c = &f->cases[f->group.count];

    snprintf(names[f->group.count], sizeof(names[0]), "suite/layer/a=%s/%s", bands == 2 ? "0.5" : "0",
             k->name);
    c->name = names[f->group.count];
    snprintf(c->id, sizeof(c->id), "case%zu", f->group.count);
    c->alpha_in = c->alpha_out = bands == 2 ? 0.5 : 0;
    c->problem = layer(bands);
    c->kernel = k;
    c->vanilla = bands == 1;
    f->group.count++;
}

static void begin(struct fixture *f)
{
    struct oct_message msg;

    memset(f, 0, sizeof(*f));
    f->config.path = test_path;
    f->config.measure = (struct measure_settings){.min_time_ns = 4000000,
                                                  .max_time_ns = 1000000000,
                                                  .rounds = 8,
                                                  .launches = 1,
                                                  .random_order = true,
                                                  .seed = 5,
                                                  .max_steal = 1e9};
    f->config.affinity.bind = BIND_NONE;
    f->group = (struct group){.id = "group",
                              .suite = test_suite,
                              .layer = test_layer,
                              .c_in = 8,
                              .c_out = 8,
                              .threads = 1,
                              .cases = f->cases};
    f->ctx.config = &f->config;
    f->ctx.topology = topology_open(NULL, &msg);
    assert_non_null(f->ctx.topology);
    sampler_open(&f->ctx.sampler, NULL, 1 << 20);
}

static void measure(struct fixture *f)
{
    struct oct_message msg = {""};
    bool stopped;

    if (group_measure(&f->ctx, &f->group, &f->result, &stopped, &msg))
        fail_msg("%s", msg.text);
    assert_false(stopped);
    assert_int_equal(rows_make(f->rows, &f->ctx, &f->result, &msg), OCT_OK);
}

static void end(struct fixture *f)
{
    group_result_free(&f->result);
    sampler_close(&f->ctx.sampler);
    topology_close(f->ctx.topology);
    free(f->ctx.peaks);
}

static const struct result_row *row(const struct fixture *f, int i)
{
    return &f->rows[i];
}

/* Vanilla in 300 us and in 100 us, OctConv in 100 us: the baseline is the fast one, the own vanilla the slow.
 */
static void speeds(void **state)
{
    struct oct_kernel plodder = kernel("plodder", plan_slow), runner = kernel("runner", plan_fast);
    struct fixture f;

    (void)state;
    begin(&f);
    add_case(&f, &plodder, 1);
    add_case(&f, &runner, 1);
    add_case(&f, &plodder, 2);
    add_case(&f, &runner, 2);
    measure(&f);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(row(&f, i)->status, "ok");
        assert_string_equal(row(&f, i)->vanilla_kernel, "runner");
        assert_int_equal(row(&f, i)->samples, 8);
        assert_true(row(&f, i)->iters >= 8);
        assert_true(row(&f, i)->t_min_ns <= row(&f, i)->t_median_ns);
        assert_true(row(&f, i)->t_ci_lo_ns <= row(&f, i)->t_median_ns);
        assert_true(row(&f, i)->t_median_ns <= row(&f, i)->t_ci_hi_ns);
        assert_true(row(&f, i)->t_median_ns <= row(&f, i)->t_p90_ns);
        assert_true(row(&f, i)->t_min_ns >= (i % 2 ? FAST_NS : SLOW_NS));
    }
    assert_true(row(&f, 0)->speedup > 0.07 && row(&f, 0)->speedup < 0.5);
    assert_true(row(&f, 1)->speedup == 1 && row(&f, 1)->speedup_lo == 1 && row(&f, 1)->speedup_hi == 1);
    assert_true(row(&f, 3)->speedup > 0.6 && row(&f, 3)->speedup < 1.7);
    assert_true(row(&f, 2)->self_speedup > 0.6 && row(&f, 2)->self_speedup < 1.7);
    assert_int_equal(row(&f, 2)->macs * 16, row(&f, 2)->macs_vanilla * 7); /* 1 - 3/4 a (2 - a) at a = 1/2 */
    assert_true(fabs(row(&f, 3)->octave_efficiency - row(&f, 3)->speedup * 7 / 16) < 1e-9);
    assert_true(fabs(row(&f, 3)->gflops - 2 * (double)row(&f, 3)->macs / row(&f, 3)->t_median_ns) < 1e-9);
    assert_string_equal(row(&f, 3)->rerun,
                        "octbench run 'a config.yaml' --filter '^suite/layer/a=0\\.5/runner$'");
    end(&f);
}

static void failures_have_rows(void **state)
{
    struct oct_kernel good = kernel("good", plan_run_reference), bad = kernel("bad", plan_wrong),
                      picky = kernel("picky", plan_run_reference), late = kernel("late", plan_fails_late);
    struct fixture f;

    (void)state;
    picky.plan = declines;
    calls_left = 20;
    begin(&f);
    f.ctx.isa = "avx2";
    add_case(&f, &good, 1);
    add_case(&f, &bad, 2);
    add_case(&f, &picky, 2);
    add_case(&f, &late, 2);
    add_case(&f, &good, 2);
    measure(&f);
    assert_string_equal(row(&f, 0)->status, "ok");
    assert_string_equal(row(&f, 0)->reason, "");
    assert_string_equal(row(&f, 1)->status, "wrong");
    assert_memory_equal(row(&f, 1)->reason, "on integers: band 0, image 0, channel 0, z 0, y 0, x 3: ", 54);
    assert_true(row(&f, 1)->max_abs_err == 1);
    assert_string_equal(row(&f, 2)->status, "unsupported");
    assert_string_equal(row(&f, 2)->reason, "not of this kind");
    assert_string_equal(row(&f, 3)->status, "error");
    for (int i = 1; i < 4; i++) {
        assert_true(isnan(row(&f, i)->t_median_ns) && isnan(row(&f, i)->speedup));
        assert_int_equal(row(&f, i)->samples, EMPTY_INT);
        assert_non_null(strstr(row(&f, i)->rerun, " --isa avx2"));
    }
    assert_string_equal(row(&f, 4)->status, "ok");
    assert_true(row(&f, 4)->max_abs_err == 0);
    end(&f);
}

static void rounds_and_pairs(void **state)
{
    struct oct_kernel a = kernel("a", plan_fast), b = kernel("b", plan_fast);
    struct fixture f;

    (void)state;
    begin(&f);
    add_case(&f, &a, 1);
    add_case(&f, &b, 2);
    measure(&f);
    assert_int_equal(f.result.rounds, 8);
    assert_int_equal(f.result.launches, 1);
    assert_int_equal(f.result.launch_end[0], 8);
    for (int i = 0; i < 2; i++) {
        const struct contender *c = &f.result.cases[i].contender;
        assert_int_equal(c->count, 8);
        for (int s = 0; s < 8; s++) {
            assert_int_equal(c->samples[s].round, s);
            assert_int_equal(c->samples[s].launch, 0);
            assert_int_equal(c->samples[s].order + f.result.cases[1 - i].contender.samples[s].order, 1);
        }
    }
    end(&f);
}

/* One that is slow beyond the time allowed takes fewer rounds; the others take theirs. */
static void slow_ones_drop_out(void **state)
{
    struct oct_kernel a = kernel("a", plan_fast), b = kernel("b", plan_sluggish);
    struct fixture f;

    (void)state;
    begin(&f);
    f.config.measure.min_time_ns = 8 * FAST_NS;
    f.config.measure.max_time_ns = 500 * FAST_NS; /* three samples of it, each heated once */
    add_case(&f, &a, 1);
    add_case(&f, &b, 2);
    measure(&f);
    assert_int_equal(row(&f, 0)->samples, 8);
    assert_in_range(row(&f, 1)->samples, 1, 3);
    assert_string_equal(row(&f, 1)->status, "ok");
    assert_true(isnan(row(&f, 1)->speedup_lo)); /* too few pairs for an interval */
    assert_false(isnan(row(&f, 1)->speedup));
    end(&f);
}

static void precision_adds_rounds(void **state)
{
    struct oct_kernel a = kernel("a", plan_fast), b = kernel("b", plan_fast);
    struct fixture f;

    (void)state;
    begin(&f);
    f.config.measure.precision = 1e-9;
    f.config.measure.max_time_ns = 40 * FAST_NS;
    f.config.measure.min_time_ns = 8 * FAST_NS;
    add_case(&f, &a, 1);
    add_case(&f, &b, 2);
    measure(&f);
    assert_true(f.result.rounds > 8);
    assert_true(f.result.rounds <= 21);
    end(&f);
}

static void parts(void **state)
{
    struct oct_kernel a = kernel("a", plan_profiled), b = kernel("b", plan_run_reference);
    struct fixture f;

    (void)state;
    a.profiles = true;
    begin(&f);
    add_case(&f, &a, 2);
    add_case(&f, &b, 2);
    measure(&f);
    const struct case_result *by_profile = &f.result.cases[0], *left_out = &f.result.cases[1];
    assert_int_equal(by_profile->part_count, 2);
    assert_string_equal(by_profile->parts[0].name, "hh+hl");
    assert_int_equal(by_profile->parts[0].macs, 4 * 4 * 9 * 36 + 4 * 4 * 9 * 9);
    assert_true(by_profile->parts[0].share > 0.2 && by_profile->parts[0].share < 0.51);
    assert_string_equal(by_profile->parts[1].name, "other");
    assert_int_equal(by_profile->parts[1].macs, EMPTY_INT);
    assert_int_equal(left_out->part_count, 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(left_out->parts[i].name, ((const char *[]){"hh", "hl", "lh", "ll", "other"})[i]);
    end(&f);
}

static void stopped(void **state)
{
    volatile sig_atomic_t stop = 1;
    struct oct_kernel a = kernel("a", plan_fast);
    struct oct_message msg;
    struct fixture f;
    bool interrupted;

    (void)state;
    begin(&f);
    f.ctx.stop = &stop;
    add_case(&f, &a, 1);
    assert_int_equal(group_measure(&f.ctx, &f.group, &f.result, &interrupted, &msg), OCT_OK);
    assert_true(interrupted);
    end(&f);
}

static void does_not_fit(void **state)
{
    struct oct_kernel a = kernel("a", plan_fast);
    struct fixture f;

    (void)state;
    begin(&f);
    add_case(&f, &a, 1);
    f.cases[0].problem.h = f.cases[0].problem.w = 1 << 20; /* 8 channels of 4 TB */
    measure(&f);
    assert_string_equal(row(&f, 0)->status, "skipped");
    assert_memory_equal(row(&f, 0)->reason, "the group needs ", 16);
    end(&f);
}

/* The rule drops whole rounds, unless it would drop most of them. */
static void disturbed_rounds(void **state)
{
    struct contender contenders[2] = {{0}};
    double ns[3];

    (void)state;
    for (int i = 0; i < 2; i++) {
        contenders[i].samples = calloc(3, sizeof(struct sample));
        contenders[i].count = 3;
        for (int s = 0; s < 3; s++)
            contenders[i].samples[s] =
                (struct sample){.round = s, .iters = 2, .ns = 20, .disturbed = s == 1 ? DISTURBED_APART : 0};
    }
    assert_int_equal(rounds_disturbed(contenders, 2, 3, DISTURBED_APART), 1);
    assert_int_equal(rounds_disturbed(contenders, 2, 3, DISTURBED_STEAL), 0);
    assert_false(rounds_keep_if_most_disturbed(contenders, 2, 3));
    rounds_series(&contenders[0], 3, ns);
    assert_true(ns[0] == 10 && isnan(ns[1]) && ns[2] == 10);
    for (int i = 0; i < 2; i++)
        contenders[i].samples[0].disturbed = DISTURBED_STEAL;
    assert_true(rounds_keep_if_most_disturbed(contenders, 2, 3));
    assert_int_equal(rounds_disturbed(contenders, 2, 3, DISTURBED_STEAL | DISTURBED_APART), 0);
    contender_free(&contenders[0]);
    contender_free(&contenders[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speeds),
        cmocka_unit_test(failures_have_rows),
        cmocka_unit_test(parts),
        cmocka_unit_test(rounds_and_pairs),
        cmocka_unit_test(stopped),
        cmocka_unit_test(slow_ones_drop_out),
        cmocka_unit_test(does_not_fit),
        cmocka_unit_test(precision_adds_rounds),
        cmocka_unit_test(disturbed_rounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
