/* SPDX-License-Identifier: MIT */
/* Counters over a kernel that follows a script: every way to say no, and what must come of it. */
#define _GNU_SOURCE
#include "counters/counters_seam.h"

#include <errno.h>
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define EVENTS  8
#define THREADS 2
#define BYTES   ((int)sizeof(struct counter_reading))

/* Event "EVn" has config n. Index 0 is not used. */
struct script {
    int open_error[EVENTS];     /* errno; where kernel_hidden only without exclude_kernel */
    bool kernel_hidden[EVENTS]; /* EACCES unless the kernel's side is excluded */
    bool kernel_only[EVENTS];   /* as context switches are */
    int start_error[EVENTS];
    int got[EVENTS][THREADS]; /* what read returns */
    struct counter_reading reading[EVENTS][THREADS];
    int descriptors; /* how many may be open at once */
    int opened, most, open_now;
    struct {
        bool used, started, stopped, excludes;
        int event, thread;
    } fd[256];
};

static int fake_encode(void *context, const char *event, struct counter_code *out, char *why, size_t size)
{
    struct script *s = context;
    int n;

    if (sscanf(event, "EV%d", &n) != 1 || n >= EVENTS) {
        snprintf(why, size, "no such event");
        return OCT_INVALID;
    }
    memset(out, 0, sizeof(*out));
    out->config = (uint64_t)n;
    out->kernel_only = s->kernel_only[n];
    return OCT_OK;
}

static int fake_open(void *context, const struct counter_code *code)
{
    struct script *s = context;
    int n = (int)code->config, result;

#pragma omp critical(script)
    {
        if (s->kernel_hidden[n] && !code->exclude_kernel) {
            result = -EACCES;
        } else if (s->open_error[n]) {
            result = -s->open_error[n];
        } else if (s->open_now == s->descriptors) {
            result = -EMFILE;
        } else {
            result = s->opened++;
            s->open_now++;
            s->most = s->open_now > s->most ? s->open_now : s->most;
            s->fd[result].used = true;
            s->fd[result].event = n;
            s->fd[result].thread = omp_get_thread_num();
            s->fd[result].excludes = code->exclude_kernel;
        }
    }
    return result;
}

static int fake_start(void *context, int fd)
{
    struct script *s = context;

    assert_true(s->fd[fd].used);
    s->fd[fd].started = true;
    return -s->start_error[s->fd[fd].event];
}

static int fake_stop(void *context, int fd)
{
    struct script *s = context;

    assert_true(s->fd[fd].used && s->fd[fd].started);
    s->fd[fd].stopped = true;
    return 0;
}

static int fake_read(void *context, int fd, struct counter_reading *out)
{
    struct script *s = context;

    assert_true(s->fd[fd].used && s->fd[fd].stopped);
    *out = s->reading[s->fd[fd].event][s->fd[fd].thread];
    return s->got[s->fd[fd].event][s->fd[fd].thread];
}

static void fake_close(void *context, int fd)
{
    struct script *s = context;

    assert_true(s->fd[fd].used);
    s->fd[fd].used = false;
    s->open_now--;
}

static double fake_own(void *context, enum counter_source source)
{
    (void)context;
    (void)source;
    return NAN;
}

static struct counter_system system_of(struct script *s)
{
    return (struct counter_system){.paranoid = 2,
                                   .context = s,
                                   .encode = fake_encode,
                                   .open = fake_open,
                                   .start = fake_start,
                                   .stop = fake_stop,
                                   .read = fake_read,
                                   .close = fake_close,
                                   .own = fake_own};
}

/* Event n counts 100 n in thread 0 and 100 n + 1 in thread 1, all the time. */
static void good_script(struct script *s)
{
    memset(s, 0, sizeof(*s));
    s->descriptors = 200;
    for (int n = 0; n < EVENTS; n++) {
        for (int t = 0; t < THREADS; t++) {
            s->got[n][t] = BYTES;
            s->reading[n][t] = (struct counter_reading){(uint64_t)(100 * n + t), 1000, 1000};
        }
    }
}

static char group_file[] = "/tmp/octbench-group-XXXXXX";

static int write_group(void **state)
{
    static const char text[] = "summary for the test\n"
                               "# a comment\n"
                               "event one   * EV1\n"
                               "event two   * EV2\n"
                               "event three * EV3\n"
                               "event three * EV4\n"
                               "metric ratio   * = two / one\n"
                               "metric per_mac * = (one + two) / macs\n";
    int fd = mkstemp(group_file);

    (void)state;
    return fd < 0 || write(fd, text, sizeof(text) - 1) != sizeof(text) - 1 || close(fd);
}

static int remove_group(void **state)
{
    (void)state;
    return unlink(group_file);
}

/* Opens on the script, runs one pass with both threads, and gives the values. */
struct result {
    struct counters *counters;
    const struct counter_value *value;
    size_t count;
};

static struct result run_script(struct script *s, const struct counter_system *system, bool scale)
{
    struct counter_settings settings = {.groups = 1, .group = {group_file}, .scale = scale};
    struct oct_message msg = {""};
    struct result r = {counters_open_on(system, &settings, &msg), NULL, 0};

    assert_non_null(r.counters);
    assert_int_equal(counters_passes(r.counters), 1);
    assert_int_equal(counters_start(r.counters, 0, THREADS), OCT_OK);
    assert_int_equal(counters_stop(r.counters), OCT_OK);
    counters_work(r.counters, 1000);
    r.count = counters_values(r.counters, &r.value);
    assert_int_equal(r.count, 5);
    assert_int_equal(s->open_now, 0); /* nothing leaks, whatever failed */
    return r;
}

static void assert_missing(const struct counter_value *v, const char *reason)
{
    assert_int_equal(v->how, COUNTER_UNAVAILABLE);
    assert_true(isnan(v->total) && isnan(v->running_ratio)); /* never 0 */
    if (!strstr(v->reason, reason))
        fail_msg("'%s' does not say '%s'", v->reason, reason);
}

static void assert_counted(const struct counter_value *v, enum counter_how how, double total)
{
    assert_int_equal(v->how, how);
    assert_float_equal(v->total, total, 1e-9);
}

static void all_threads_are_summed(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    good_script(&s);
    struct result r = run_script(&s, &system, false);
    assert_string_equal(r.value[0].name, "one");
    assert_counted(&r.value[0], COUNTER_MEASURED, 201);
    assert_counted(&r.value[1], COUNTER_MEASURED, 401);
    assert_counted(&r.value[2], COUNTER_MEASURED, 601);
    assert_counted(&r.value[3], COUNTER_DERIVED, 401. / 201);
    assert_counted(&r.value[4], COUNTER_DERIVED, .602);
    assert_float_equal(r.value[0].running_ratio, 1, 0);
    assert_int_equal(s.most, 3 * THREADS);
    counters_close(r.counters);
}

/* Every refusal of open leaves a reason, an empty value and an empty ratio, and spares the other events. */
static void open_refused(void **state)
{
    static const struct {
        int error;
        const char *reason;
    } rows[] = {
        {EACCES, "perf_event_paranoid is 2"},
        {EPERM, "perf_event_paranoid is 2"},
        {ENOENT, "offers no such counter"},
        {EINVAL, "refuses this event"},
        {EMFILE, "ulimit -n"},
        {EBUSY, "another user"},
        {ENOSYS, "no perf_event_open"},
        {EOPNOTSUPP, "offers no such counter"},
        {ENODEV, "offers no such counter"},
        {EIO, "Input/output error"},
    };
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        good_script(&s);
        s.open_error[1] = rows[i].error;
        struct result r = run_script(&s, &system, false);
        assert_missing(&r.value[0], rows[i].reason);
        assert_counted(&r.value[1], COUNTER_MEASURED, 401);
        assert_missing(&r.value[3], "needs one");
        assert_missing(&r.value[4], "needs one");
        counters_close(r.counters);
    }
}

/* What could be tried once may still fail when every thread wants one. */
static void descriptors_run_out_in_the_team(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    good_script(&s);
    s.descriptors = 5; /* of the 6 that two threads with three events need */
    struct result r = run_script(&s, &system, false);
    int missing = 0;
    for (int i = 0; i < 3; i++)
        missing += r.value[i].how == COUNTER_UNAVAILABLE && strstr(r.value[i].reason, "ulimit -n");
    assert_int_equal(missing, 1);
    counters_close(r.counters);
}

static void alternatives_are_tried_in_order(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    good_script(&s);
    s.open_error[3] = ENOENT;
    struct result r = run_script(&s, &system, false);
    assert_counted(&r.value[2], COUNTER_MEASURED, 801); /* EV4 */
    counters_close(r.counters);
    s.open_error[4] = EBUSY;
    r = run_script(&s, &system, false);
    assert_missing(&r.value[2], "another user");
    counters_close(r.counters);
}

static void the_kernels_side_is_left_out_where_it_must(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    good_script(&s);
    s.kernel_hidden[1] = true;
    s.kernel_hidden[2] = s.kernel_only[2] = true;
    struct result r = run_script(&s, &system, false);
    assert_counted(&r.value[0], COUNTER_MEASURED, 201);
    assert_missing(&r.value[1], "happens in the kernel"); /* counted without the kernel it would be 0 */
    assert_counted(&r.value[2], COUNTER_MEASURED, 601);
    for (int fd = 0; fd < s.opened; fd++)
        assert_int_equal(s.fd[fd].excludes, s.fd[fd].event == 1);
    counters_close(r.counters);
}

static void a_counter_that_never_ran(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    good_script(&s);
    s.reading[1][1] = (struct counter_reading){0, 1000, 0};
    struct result r = run_script(&s, &system, false);
    assert_missing(&r.value[0], "thread 1: never ran");
    counters_close(r.counters);
    r = run_script(&s, &system, true); /* nothing to scale from */
    assert_missing(&r.value[0], "never ran");
    counters_close(r.counters);
}

/* A thread that slept through the pass was never enabled: it did nothing, and that is a count. */
static void a_thread_that_slept(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    good_script(&s);
    s.reading[1][1] = (struct counter_reading){0, 0, 0};
    struct result r = run_script(&s, &system, false);
    assert_counted(&r.value[0], COUNTER_MEASURED, 100);
    counters_close(r.counters);
    s.reading[1][0] = s.reading[1][1];
    r = run_script(&s, &system, false);
    assert_missing(&r.value[0], "no thread");
    counters_close(r.counters);
}

static void multiplexed_reads_are_scaled_on_request_alone(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    good_script(&s);
    s.reading[1][0] = (struct counter_reading){100, 1000, 500};
    s.reading[1][1] = (struct counter_reading){100, 1000, 250};
    struct result r = run_script(&s, &system, false);
    assert_missing(&r.value[0], "ran 38% of the time");
    assert_missing(&r.value[3], "needs one");
    counters_close(r.counters);
    r = run_script(&s, &system, true);
    assert_counted(&r.value[0], COUNTER_SCALED, 200 + 400);
    assert_float_equal(r.value[0].running_ratio, .375, 1e-9);
    assert_counted(&r.value[1], COUNTER_MEASURED, 401); /* scaling was allowed, but not needed */
    counters_close(r.counters);
}

static void short_reads_and_dead_threads(void **state)
{
    static const struct {
        int got;
        const char *reason;
    } rows[] = {{8, "thread 1: read 8 bytes of 24"},
                {0, "thread 1: read 0 bytes of 24"}, /* the end of file: an event in error state */
                {-ESRCH, "thread 1: No such process"},
                {-EBADF, "thread 1: Bad file"}};
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        good_script(&s);
        s.got[1][1] = rows[i].got;
        struct result r = run_script(&s, &system, true);
        assert_missing(&r.value[0], rows[i].reason); /* thread 0's half is not the work */
        assert_counted(&r.value[1], COUNTER_MEASURED, 401);
        counters_close(r.counters);
    }
}

static void an_event_that_does_not_start(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);

    (void)state;
    good_script(&s);
    s.start_error[2] = EBUSY;
    struct result r = run_script(&s, &system, false);
    assert_missing(&r.value[1], "another user");
    assert_counted(&r.value[0], COUNTER_MEASURED, 201);
    counters_close(r.counters);
}

static void required_counters(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);
    struct counter_settings settings = {.groups = 1, .group = {group_file}, .required = true};
    char reason[256];

    (void)state;
    good_script(&s);
    struct counters *c = counters_open_on(&system, &settings, NULL);
    assert_int_equal(counters_missing(c, reason, sizeof(reason)), 0);
    s.reading[2][0].running = 0; /* found out only by running */
    counters_start(c, 0, 1);
    counters_stop(c);
    assert_int_equal(counters_missing(c, reason, sizeof(reason)), 6);
    assert_non_null(strstr(reason, "never ran"));
    counters_close(c);
    s.open_error[1] = ENOENT;
    c = counters_open_on(&system, &settings, NULL);
    assert_int_equal(counters_missing(c, reason, sizeof(reason)), 6);
    assert_non_null(strstr(reason, "one"));
    counters_close(c);
    settings.required = false;
    c = counters_open_on(&system, &settings, NULL);
    assert_int_equal(counters_missing(c, reason, sizeof(reason)), 0);
    counters_close(c);
}

static void reasons_are_said_once(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);
    struct counter_settings settings = {.groups = 1, .group = {group_file}};
    char *text = NULL;
    size_t size = 0;

    (void)state;
    good_script(&s);
    s.open_error[1] = s.open_error[2] = ENOENT;
    struct counters *c = counters_open_on(&system, &settings, NULL);
    FILE *f = open_memstream(&text, &size);
    counters_explain(c, f);
    fclose(f);
    assert_string_equal(text, "octbench: not counted: one, two (this machine, or its hypervisor, offers no "
                              "such counter)\n");
    free(text);
    counters_close(c);
}

/* Raw events of the config: four a pass; an unknown name is the user's mistake. */
static void raw_events(void **state)
{
    struct script s;
    struct counter_system system = system_of(&s);
    struct counter_settings settings = {.events = 6, .event = {"EV1", "EV2", "EV3", "EV4", "EV5", "EV6"}};
    struct oct_message msg;
    const struct counter_value *value;

    (void)state;
    good_script(&s);
    struct counters *c = counters_open_on(&system, &settings, &msg);
    assert_int_equal(counters_passes(c), 2);
    for (int pass = 0; pass < 2; pass++) {
        assert_int_equal(counters_start(c, pass, THREADS), OCT_OK);
        assert_int_equal(counters_stop(c), OCT_OK);
    }
    assert_int_equal(counters_values(c, &value), 6);
    assert_string_equal(value[5].name, "EV6");
    assert_counted(&value[5], COUNTER_MEASURED, 1201);
    assert_int_equal(s.most, 4 * THREADS);
    counters_close(c);
    settings.event[3] = "EV77";
    assert_null(counters_open_on(&system, &settings, &msg));
    assert_non_null(strstr(msg.text, "'EV77': no such event"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_threads_are_summed),
        cmocka_unit_test(open_refused),
        cmocka_unit_test(descriptors_run_out_in_the_team),
        cmocka_unit_test(alternatives_are_tried_in_order),
        cmocka_unit_test(the_kernels_side_is_left_out_where_it_must),
        cmocka_unit_test(a_counter_that_never_ran),
        cmocka_unit_test(a_thread_that_slept),
        cmocka_unit_test(multiplexed_reads_are_scaled_on_request_alone),
        cmocka_unit_test(short_reads_and_dead_threads),
        cmocka_unit_test(an_event_that_does_not_start),
        cmocka_unit_test(required_counters),
        cmocka_unit_test(reasons_are_said_once),
        cmocka_unit_test(raw_events),
    };

    return cmocka_run_group_tests(tests, write_group, remove_group);
}
