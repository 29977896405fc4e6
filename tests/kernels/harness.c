/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include "check/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GUARD_FLOATS 64
#define GUARD_BYTE   0xa5

static int complain(struct oct_message *msg, const char *text, int band)
{
    snprintf(msg->text, sizeof(msg->text), "%s (band %d)", text, band);
    return OCT_ERROR;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *checked(void *p)
{
    if (p)
        return p;
    fputs("no memory for a test\n", stderr);
    abort();
}

bool limit_isa(int argc, char **argv)
{
    uint32_t mask = UINT32_MAX;

    if (argc > 1 && !oct_isa_parse(argv[1], &mask)) {
        fprintf(stderr, "%s is no instruction-set level\n", argv[1]);
        exit(2);
    }
    if (argc > 1 && mask & ~oct_cpu_detected())
        return false;
    oct_cpu_limit(mask);
    return true;
}

/* ---- plain tensors ------------------------------------------------------------------------------- */

size_t in_values(const struct oct_problem *p, int band)
{
    struct oct_tensor t = oct_in_tensor(p, band, OCT_NCHW, NULL);

    return oct_tensor_bytes(&t) / sizeof(float);
}

size_t out_values(const struct oct_problem *p, int band)
{
    struct oct_tensor t = oct_out_tensor(p, band, OCT_NCHW, NULL);

    return oct_tensor_bytes(&t) / sizeof(float);
}

static float *zeros(size_t count)
{
    return count ? checked(calloc(count, sizeof(float))) : NULL;
}

void tensors_make(struct tensors *t, const struct oct_problem *p)
{
    *t = (struct tensors){.p = *p};
    for (int b = 0; b < p->bands; b++) {
        if (p->ic[b] > 0)
            t->in[b] = zeros(in_values(p, b));
        for (int from = 0; from < p->bands; from++)
            t->path[from][b] = zeros(oct_path_weights(p, from, b));
        if (p->oc[b] == 0)
            continue;
        t->out[b] = zeros(out_values(p, b));
        if (p->epilogue & OCT_EPILOGUE_BIAS)
            t->bias[b] = zeros(p->oc[b]);
        if (p->epilogue & OCT_EPILOGUE_RESIDUAL)
            t->residual[b] = zeros(out_values(p, b));
    }
}

static void fill(float *to, size_t count, enum values values, uint64_t *state)
{
    for (size_t i = 0; to && i < count; i++) {
        uint64_t r = stats_random(state);

        to[i] = values == VALUES_INTEGER ? (float)(r % (2 * INTEGER_MAGNITUDE + 1)) - INTEGER_MAGNITUDE
                                         : (float)(r >> 40) * 0x1p-23f - 1.0f;
    }
}

void tensors_fill(struct tensors *t, enum values values, uint64_t seed)
{
    const struct oct_problem *p = &t->p;

    for (int b = 0; b < p->bands; b++) {
        fill(t->in[b], in_values(p, b), values, &seed);
        fill(t->bias[b], p->oc[b], values, &seed);
        fill(t->residual[b], out_values(p, b), values, &seed);
        for (int from = 0; from < p->bands; from++)
            fill(t->path[from][b], oct_path_weights(p, from, b), values, &seed);
    }
}

void tensors_free(struct tensors *t)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        free(t->in[b]);
        free(t->bias[b]);
        free(t->residual[b]);
        free(t->out[b]);
        for (int from = 0; from < OCT_MAX_BANDS; from++)
            free(t->path[from][b]);
    }
}

struct oct_weights tensors_weights(const struct tensors *t)
{
    struct oct_weights w = {0};

    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        w.bias[b] = t->bias[b];
        for (int from = 0; from < OCT_MAX_BANDS; from++)
            w.path[from][b] = t->path[from][b];
    }
    return w;
}

/* ---- guarded buffers ----------------------------------------------------------------------------- */

struct guarded {
    unsigned char *all; /* guard, data, guard */
    size_t bytes;       /* of data */
};

static void *guarded_make(struct guarded *g, size_t bytes)
{
    const size_t guard = GUARD_FLOATS * sizeof(float);

    g->bytes = bytes;
    g->all = checked(oct_alloc(bytes + 2 * guard));
    memset(g->all, GUARD_BYTE, bytes + 2 * guard);
    return g->all + guard;
}

static bool guards_intact(const struct guarded *g)
{
    const size_t guard = GUARD_FLOATS * sizeof(float);

    for (size_t i = 0; g->all && i < guard; i++)
        if (g->all[i] != GUARD_BYTE || g->all[guard + g->bytes + i] != GUARD_BYTE)
            return false;
    return true;
}

/* ---- one kernel, watched ------------------------------------------------------------------------- */

struct run {
    const struct oct_kernel *kernel;
    struct oct_plan *plan;
    const struct oct_plan_info *info;
    struct guarded in[OCT_MAX_BANDS], residual[OCT_MAX_BANDS], out[OCT_MAX_BANDS];
    void *first[OCT_MAX_BANDS]; /* the first execute's outputs */
    struct oct_io io;
};

static float *copy_then_forget(const float *values, size_t count)
{
    return values ? memcpy(checked(malloc(count * sizeof(float))), values, count * sizeof(float)) : NULL;
}

static void scribble(float *values, size_t count)
{
    for (size_t i = 0; values && i < count; i++)
        values[i] = NAN;
    free(values);
}

/* The plan must keep nothing of what it was made from: all of that is destroyed here. */
/* Between plain N C D H W values and a tensor of that shape and layout. */
void copy_plain(const struct oct_tensor *shape, void *data, float *plain, bool to_layout)
{
    struct oct_tensor laid = *shape, flat = *shape;

    laid.data = data;
    flat.layout = OCT_NCHW;
    flat.data = plain;
    (void)oct_tensor_copy(to_layout ? &laid : &flat, to_layout ? &flat : &laid); /* shapes agree */
}

static int make_plan(struct run *run, const struct tensors *t, int threads, struct oct_message *msg)
{
    struct tensors copy = {.p = t->p};
    struct oct_problem *p = memcpy(checked(malloc(sizeof(*p))), &t->p, sizeof(*p));
    const struct oct_plan_options options = {.threads = threads};
    struct oct_weights w;
    int status;

    for (int b = 0; b < p->bands; b++) {
        copy.bias[b] = copy_then_forget(t->bias[b], p->oc[b]);
        for (int from = 0; from < p->bands; from++)
            copy.path[from][b] = copy_then_forget(t->path[from][b], oct_path_weights(p, from, b));
    }
    w = tensors_weights(&copy);
    msg->text[0] = '\0';
    status = oct_plan_create(&run->plan, run->kernel, p, &w, &options, msg);
    for (int b = 0; b < t->p.bands; b++) {
        scribble(copy.bias[b], t->p.oc[b]);
        for (int from = 0; from < t->p.bands; from++)
            scribble(copy.path[from][b], oct_path_weights(&t->p, from, b));
    }
    memset(p, 0xff, sizeof(*p));
    free(p);
    if (status == OCT_UNSUPPORTED && !msg->text[0])
        return complain(msg, "unsupported without a reason", 0);
    return status;
}

static void make_buffers(struct run *run, const struct tensors *t)
{
    const struct oct_problem *p = &t->p;

    for (int b = 0; b < p->bands; b++) {
        const struct oct_tensor *in = &run->info->in[b], *out = &run->info->out[b];
        size_t bytes = oct_tensor_bytes(out);

        if (t->in[b]) {
            void *to = guarded_make(&run->in[b], oct_tensor_bytes(in));
            copy_plain(in, to, t->in[b], true);
            run->io.in[b] = to;
        }
        if (t->residual[b]) {
            void *to = guarded_make(&run->residual[b], bytes);
            copy_plain(out, to, t->residual[b], true);
            run->io.residual[b] = to;
        }
        if (p->oc[b] > 0) {
            run->io.out[b] = guarded_make(&run->out[b], bytes);
            run->first[b] = checked(malloc(bytes));
        }
    }
}

static void free_run(struct run *run)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        oct_free(run->in[b].all);
        oct_free(run->residual[b].all);
        oct_free(run->out[b].all);
        free(run->first[b]);
    }
    oct_plan_destroy(run->plan);
}

/* 0xff... is a NaN: a value that was never written, or was added to, stays one. */
static int execute_poisoned(struct run *run)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++)
        if (run->io.out[b])
            memset(run->io.out[b], 0xff, run->out[b].bytes);
    return oct_execute(run->plan, &run->io);
}

static bool unchanged(const struct oct_tensor *shape, const void *now, float *plain)
{
    size_t bytes = oct_tensor_bytes(shape);
    void *want;
    bool same;

    if (!plain)
        return true;
    want = checked(malloc(bytes));
    copy_plain(shape, want, plain, true);
    same = memcmp(now, want, bytes) == 0;
    free(want);
    return same;
}

/* Padding lanes are zero if and only if a round trip through the plain layout changes nothing. */
static int read_output(struct run *run, struct tensors *t, int b, struct oct_message *msg)
{
    const struct oct_problem *p = &t->p;

    copy_plain(&run->info->out[b], run->io.out[b], t->out[b], false);
    for (size_t i = 0; i < out_values(p, b); i++)
        if (isnan(t->out[b][i]))
            return complain(msg, "an output was not written", b);
    if (!unchanged(&run->info->out[b], run->io.out[b], t->out[b]))
        return complain(msg, "a padding lane of the output is not zero", b);
    return OCT_OK;
}

static bool text_ends(const char *text, size_t size)
{
    return text[0] && memchr(text, '\0', size);
}

static int check_info(const struct run *run, int threads, struct oct_message *msg)
{
    if (!run->info || run->info->threads != threads)
        return complain(msg, "the plan's info does not name its threads", 0);
    if (!text_ends(run->info->describe, sizeof(run->info->describe)))
        return complain(msg, "the plan's info does not describe it", 0);
    return OCT_OK;
}

static int check_profile(const struct oct_profile *profile, uint64_t ns, struct oct_message *msg)
{
    uint64_t sum = 0;

    for (int i = 0; i < profile->count; i++) {
        if (!text_ends(profile->part[i].name, sizeof(profile->part[i].name)))
            return complain(msg, "a part of the profile has no name", 0);
        sum += profile->part[i].ns;
    }
    if (profile->count == 0 || sum == 0)
        return complain(msg, "the profile is empty", 0);
    return sum <= ns ? OCT_OK : complain(msg, "the profile's parts take longer than the whole", 0);
}

static int check_contract(struct run *run, struct tensors *t, struct oct_message *msg)
{
    const struct oct_problem *p = &t->p;

    for (int b = 0; b < p->bands; b++) {
        if (!guards_intact(&run->in[b]) || !guards_intact(&run->residual[b]) || !guards_intact(&run->out[b]))
            return complain(msg, "wrote outside a buffer", b);
        if (!unchanged(&run->info->in[b], run->io.in[b], t->in[b]))
            return complain(msg, "changed its input", b);
        if (!unchanged(&run->info->out[b], run->io.residual[b], t->residual[b]))
            return complain(msg, "changed the residual", b);
        if (p->oc[b] > 0 && memcmp(run->first[b], run->io.out[b], run->out[b].bytes) != 0)
            return complain(msg, "gave other bits the second time", b);
        if (p->oc[b] > 0 && read_output(run, t, b, msg))
            return OCT_ERROR;
    }
    return OCT_OK;
}

static int execute_twice(struct run *run, struct oct_message *msg)
{
    struct oct_profile profile = {0};
    uint64_t since;
    int status = execute_poisoned(run);

    if (status)
        return complain(msg, oct_status_name(status), 0);
    for (int b = 0; b < OCT_MAX_BANDS; b++)
        if (run->io.out[b])
            memcpy(run->first[b], run->io.out[b], run->out[b].bytes);
    run->io.profile = run->kernel->profiles ? &profile : NULL;
    since = now_ns();
    status = execute_poisoned(run);
    if (status)
        return complain(msg, oct_status_name(status), 0);
    return run->kernel->profiles ? check_profile(&profile, now_ns() - since, msg) : OCT_OK;
}

int run_kernel(const struct oct_kernel *k, struct tensors *t, int threads, struct oct_message *msg)
{
    struct run run = {.kernel = k};
    int status = make_plan(&run, t, threads, msg);

    if (status)
        return status;
    run.info = oct_plan_info(run.plan);
    status = check_info(&run, threads, msg);
    if (status) {
        free_run(&run);
        return status;
    }
    make_buffers(&run, t);
    status = execute_twice(&run, msg);
    if (status == OCT_OK)
        status = check_contract(&run, t, msg);
    free_run(&run);
    return status;
}

/* ---- comparison ---------------------------------------------------------------------------------- */

static void magnitudes(float *to, const float *from, size_t count)
{
    for (size_t i = 0; from && i < count; i++)
        to[i] = fabsf(from[i]);
}

static float largest(const float *values, size_t count)
{
    float most = 0;

    for (size_t i = 0; i < count; i++)
        most = fmaxf(most, values[i]);
    return most;
}

/* Additions of the largest pooling window, and a few for averaging and epilogue. */
static double roundings(const struct oct_problem *p)
{
    int most = 0;

    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++) {
            struct oct_path path = oct_path_get(p, from, to);
            if (oct_path_exists(p, from, to) && path.pre + path.pool > most)
                most = path.pre + path.pool;
        }
    return (1 << 2 * most) + 8;
}

void error_bounds(const struct oct_kernel *k, const struct tensors *t, struct tensors *bound)
{
    struct oct_problem p = t->p;
    double growth = k->error_growth * ((double)oct_sum_length(&p) + roundings(&p)) * 0x1p-24;
    struct oct_message msg;

    p.epilogue &= ~(OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6);
    tensors_make(bound, &p);
    for (int b = 0; b < p.bands; b++) {
        magnitudes(bound->in[b], t->in[b], in_values(&p, b));
        magnitudes(bound->bias[b], t->bias[b], p.oc[b]);
        magnitudes(bound->residual[b], t->residual[b], out_values(&p, b));
        for (int from = 0; from < p.bands; from++)
            magnitudes(bound->path[from][b], t->path[from][b], oct_path_weights(&p, from, b));
    }
    if (run_kernel(oct_kernels[0], bound, 1, &msg)) {
        fprintf(stderr, "the reference failed on magnitudes: %s\n", msg.text);
        abort();
    }
    for (int b = 0; b < p.bands; b++) {
        float most = k->exact || !bound->out[b] ? 0 : largest(bound->out[b], out_values(&p, b));

        for (size_t i = 0; bound->out[b] && i < out_values(&p, b); i++)
            bound->out[b][i] = (float)(growth * fmaxf(bound->out[b][i], most));
    }
}

int compare(const struct tensors *got, const struct tensors *want, const struct tensors *bound,
            struct oct_message *msg)
{
    const struct oct_problem *p = &want->p;

    for (int b = 0; b < p->bands; b++) {
        struct oct_extent e = oct_out_extent(p, b);

        for (size_t i = 0; want->out[b] && i < out_values(p, b); i++) {
            double allowed = bound ? bound->out[b][i] : 0,
                   error = fabs((double)got->out[b][i] - want->out[b][i]);
            size_t plane = (size_t)e.h * e.w, channel = i / plane / e.d;

            if (error <= allowed)
                continue;
            snprintf(msg->text, sizeof(msg->text),
                     "band %d, image %zu, channel %zu, z %zu, y %zu, x %zu: %.9g, should be %.9g +- %.3g", b,
                     channel / p->oc[b], channel % p->oc[b], i / plane % e.d, i % plane / e.w, i % e.w,
                     got->out[b][i], want->out[b][i], allowed);
            return OCT_ERROR;
        }
    }
    return OCT_OK;
}
