/* SPDX-License-Identifier: MIT */
#include "check/prepare.h"

#include "base/message.h"
#include "check/stats.h"
#include "base/timer.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#define GUARD_BYTES   64 /* on each side of every tensor; keeps the alignment */
#define GUARD_BYTE    0xa5
#define LARGEST_INT   4
#define UNIT_ROUNDOFF 0x1p-24

/* ---- memory -------------------------------------------------------------------------------------- */

/* Touched by the team in equal shares, so that pages lie near who will use them. */
static void team_fill(void *to, int byte, size_t bytes, int threads)
{
#pragma omp parallel num_threads(threads)
    {
        size_t parts = (size_t)omp_get_num_threads(), t = (size_t)omp_get_thread_num();
        size_t first = bytes / parts * t, last = t + 1 == parts ? bytes : bytes / parts * (t + 1);

        memset((char *)to + first, byte, last - first);
    }
}

static char *guarded_alloc(size_t bytes, int threads)
{
    char *base = oct_alloc(bytes + 2 * GUARD_BYTES);

    if (!base)
        return NULL;
    team_fill(base + GUARD_BYTES, 0, bytes, threads);
    memset(base, GUARD_BYTE, GUARD_BYTES);
    memset(base + GUARD_BYTES + bytes, GUARD_BYTE, GUARD_BYTES);
    return base + GUARD_BYTES;
}

static void guarded_free(const void *p)
{
    if (p)
        oct_free((char *)(uintptr_t)p - GUARD_BYTES);
}

static bool guards_whole(const void *p, size_t bytes)
{
    const unsigned char *before = (const unsigned char *)p - GUARD_BYTES,
                        *after = (const unsigned char *)p + bytes;

    for (int i = 0; i < GUARD_BYTES; i++)
        if (before[i] != GUARD_BYTE || after[i] != GUARD_BYTE)
            return false;
    return true;
}

static size_t plain_values(const struct oct_problem *p, int channels, struct oct_extent e)
{
    return (size_t)p->n * channels * e.d * e.h * e.w;
}

static size_t in_values(const struct oct_problem *p, int band)
{
    return p->ic[band] ? plain_values(p, p->ic[band], oct_in_extent(p, band)) : 0;
}

static size_t out_values(const struct oct_problem *p, int band)
{
    return p->oc[band] ? plain_values(p, p->oc[band], oct_out_extent(p, band)) : 0;
}

uint64_t operands_bytes(const struct oct_problem *p)
{
    uint64_t values = 0;

    for (int b = 0; b < p->bands; b++) {
        values += in_values(p, b) + out_values(p, b);
        if (p->epilogue & OCT_EPILOGUE_RESIDUAL)
            values += out_values(p, b);
        for (int from = 0; from < p->bands; from++)
            values += oct_path_weights(p, from, b);
    }
    return values * sizeof(float);
}

uint64_t prepared_bytes(const struct oct_problem *p)
{
    const int block = oct_layout_block(OCT_NCHW16C) - 1;
    struct oct_problem padded = *p;

    for (int b = 0; b < p->bands; b++) {
        padded.ic[b] = (p->ic[b] + block) & ~block;
        padded.oc[b] = (p->oc[b] + block) & ~block;
    }
    padded.groups = 1;
    return operands_bytes(&padded);
}

/* ---- operands ------------------------------------------------------------------------------------ */

static float *random_values(size_t count, enum fill fill, double most, uint64_t *rng)
{
    float *values = oct_alloc(count * sizeof(float));
    int span = 2 * (int)most + 1;

    if (!values)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (fill == FILL_INTEGERS)
            values[i] = (float)((int)(stats_random(rng) % (uint64_t)span) - (int)most);
        else
            values[i] = (float)((2 * stats_uniform(rng) - 1) * most);
    }
    return values;
}

/* The largest integers that keep every sum exact; 0 where none do. */
static int exact_magnitude(const struct oct_problem *p)
{
    int most = LARGEST_INT;

    while (most > 0 && !oct_integers_exact(p, most))
        most--;
    return most;
}

/* Rounding errors of a long f32 sum walk randomly: about u * K / 4 times the largest product for K terms of
 * alternating sign, whatever the order. Four times K leaves a factor of ten or more, and still is far below
 * the size of a single missing product. The rest is pooling, bias, residual. */
static double sum_bound(const struct oct_problem *p, double in_most, double weight_most)
{
    return UNIT_ROUNDOFF * (4 * ((double)oct_sum_length(p) + 8) * in_most * weight_most + 16 * in_most);
}

static bool fill_operands(struct operands *ops, double in_most, double weight_most)
{
    const struct oct_problem *p = &ops->problem;
    uint64_t rng = ops->seed;
    bool good = true;

    for (int b = 0; b < p->bands; b++) {
        if (p->ic[b])
            good &= (ops->in[b] = random_values(in_values(p, b), ops->fill, in_most, &rng)) != NULL;
        if (p->oc[b] && (p->epilogue & OCT_EPILOGUE_RESIDUAL))
            good &= (ops->residual[b] = random_values(out_values(p, b), ops->fill, in_most, &rng)) != NULL;
        if (p->oc[b] && (p->epilogue & OCT_EPILOGUE_BIAS))
            good &= (ops->bias[b] = random_values((size_t)p->oc[b], ops->fill, in_most, &rng)) != NULL;
        ops->weights.bias[b] = ops->bias[b];
        for (int to = 0; to < p->bands; to++) {
            size_t count = oct_path_weights(p, b, to);
            if (count)
                good &= (ops->path[b][to] = random_values(count, ops->fill, weight_most, &rng)) != NULL;
            ops->weights.path[b][to] = ops->path[b][to];
        }
    }
    return good;
}

/* Between plain N C D H W values and a tensor of that shape and layout. */
static void copy_plain(const struct oct_tensor *shape, void *data, float *plain, bool to_layout)
{
    struct oct_tensor laid = *shape, flat = *shape;

    laid.data = data;
    flat.layout = OCT_NCHW;
    flat.data = plain;
    (void)oct_tensor_copy(to_layout ? &laid : &flat, to_layout ? &flat : &laid); /* shapes agree */
}

/* Runs any kernel on the plain operands and leaves plain outputs in `expected`. */
static int compute_expected(struct operands *ops, const struct oct_kernel *reference, int threads,
                            struct oct_message *msg)
{
    const struct oct_problem *p = &ops->problem;
    struct prepared run;
    int status = prepared_make(&run, reference, ops, threads, msg);

    if (status)
        return status;
    status = oct_execute(run.plan, &run.io);
    if (status)
        message_fail(msg, status, "the reference %s failed: %s", reference->name, oct_status_name(status));
    for (int b = 0; b < p->bands && !status; b++) {
        if (!p->oc[b])
            continue;
        ops->expected[b] = oct_alloc(out_values(p, b) * sizeof(float));
        if (!ops->expected[b])
            status = message_fail(msg, OCT_NO_MEMORY, "no memory for the reference's output");
        else
            copy_plain(&run.info->out[b], run.io.out[b], ops->expected[b], false);
    }
    prepared_free(&run);
    return status;
}

int operands_make(struct operands *out, const struct oct_problem *p, enum fill fill, uint64_t seed,
                  const struct oct_kernel *reference, int threads, struct oct_message *msg)
{
    int exact = fill == FILL_INTEGERS ? exact_magnitude(p) : 0, status = OCT_OK;
    double in_most = 1, weight_most = 1;

    memset(out, 0, sizeof(*out));
    out->problem = *p;
    out->fill = fill;
    out->seed = seed;
    out->exact = exact > 0;
    if (p->types.src != OCT_F32)
        return message_fail(msg, OCT_UNSUPPORTED, "no operands of type %s yet", oct_dtype_name(p->types.src));
    if (fill == FILL_INTEGERS)
        in_most = weight_most = exact ? exact : LARGEST_INT;
    else /* outputs of about 1, as a trained network has */
        weight_most = 3 / sqrt((double)oct_sum_length(p) + 1);
    out->bound = sum_bound(p, in_most, weight_most);
    if (!fill_operands(out, in_most, weight_most))
        status = message_fail(msg, OCT_NO_MEMORY, "no memory for %.1f MB of operands",
                              (double)operands_bytes(p) / 1e6);
    if (!status && reference)
        status = compute_expected(out, reference, threads, msg);
    if (status)
        operands_free(out);
    return status;
}

void operands_drop_expected(struct operands *ops)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        oct_free(ops->expected[b]);
        ops->expected[b] = NULL;
    }
}

void operands_free(struct operands *ops)
{
    operands_drop_expected(ops);
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        oct_free(ops->in[b]);
        oct_free(ops->residual[b]);
        oct_free(ops->bias[b]);
        for (int to = 0; to < OCT_MAX_BANDS; to++)
            oct_free(ops->path[b][to]);
    }
    memset(ops, 0, sizeof(*ops));
}

/* ---- a kernel's side ----------------------------------------------------------------------------- */

static size_t in_bytes(const struct prepared *prepared, int band)
{
    return oct_tensor_bytes(&prepared->info->in[band]);
}

static size_t out_bytes(const struct prepared *prepared, int band)
{
    return oct_tensor_bytes(&prepared->info->out[band]);
}

uint64_t prepared_tensor_bytes(const struct prepared *prepared)
{
    uint64_t sum = 0;

    for (int b = 0; b < prepared->problem.bands; b++) {
        sum += prepared->problem.ic[b] ? in_bytes(prepared, b) : 0;
        sum += prepared->problem.oc[b] ? out_bytes(prepared, b) : 0;
    }
    return sum;
}

static void *tensor(const struct oct_tensor *shape, const float *plain, int threads)
{
    void *to = guarded_alloc(oct_tensor_bytes(shape), threads);

    if (to && plain)
        copy_plain(shape, to, (float *)plain, true); /* which is only read */
    return to;
}

static int make_buffers(struct prepared *out, const struct operands *ops, int threads,
                        struct oct_message *msg)
{
    const struct oct_problem *p = &out->problem;
    bool good = true;

    for (int b = 0; b < p->bands; b++) {
        if (p->ic[b])
            good &= (out->io.in[b] = tensor(&out->info->in[b], ops->in[b], threads)) != NULL;
        if (!p->oc[b])
            continue;
        good &= (out->io.out[b] = tensor(&out->info->out[b], NULL, threads)) != NULL;
        if (ops->residual[b])
            good &= (out->io.residual[b] = tensor(&out->info->out[b], ops->residual[b], threads)) != NULL;
    }
    if (good)
        return OCT_OK;
    return message_fail(msg, OCT_NO_MEMORY, "no memory for %.1f MB of tensors",
                        (double)prepared_bytes(p) / 1e6);
}

int prepared_make(struct prepared *out, const struct oct_kernel *kernel, const struct operands *ops,
                  int threads, struct oct_message *msg)
{
    const struct oct_plan_options options = {.threads = threads};
    uint64_t start;
    int status;

    memset(out, 0, sizeof(*out));
    out->kernel = kernel;
    out->problem = ops->problem;
    out->max_abs_err = out->err_bound = NAN;
    omp_set_num_threads(threads);
    start = timer_now_ns();
    status = oct_plan_create(&out->plan, kernel, &ops->problem, &ops->weights, &options, msg);
    out->plan_ns = timer_now_ns() - start;
    if (status)
        return status;
    out->info = oct_plan_info(out->plan);
    status = make_buffers(out, ops, threads, msg);
    if (status)
        prepared_free(out);
    return status;
}

void prepared_free(struct prepared *prepared)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        guarded_free(prepared->io.in[b]);
        guarded_free(prepared->io.residual[b]);
        guarded_free(prepared->io.out[b]);
    }
    oct_plan_destroy(prepared->plan);
    memset(prepared, 0, sizeof(*prepared));
}

/* ---- verification -------------------------------------------------------------------------------- */

/* Where value i of a tensor in that layout belongs, for people. */
static void place_name(enum oct_layout layout, int channels, struct oct_extent e, size_t i, char text[160])
{
    size_t block = layout == OCT_NHWC ? (size_t)channels : (size_t)oct_layout_block(layout);
    size_t lane = i % block, pixel = i / block, blocks = ((size_t)channels + block - 1) / block;
    size_t plane = (size_t)e.d * e.h * e.w, channel = pixel / plane % blocks * block + lane;

    snprintf(text, 160, "image %zu, channel %zu%s, z %zu, y %zu, x %zu", pixel / plane / blocks, channel,
             channel < (size_t)channels ? "" : " (a padding lane)", pixel / ((size_t)e.h * e.w) % (size_t)e.d,
             pixel / (size_t)e.w % (size_t)e.h, pixel % (size_t)e.w);
}

/* Compares in the kernel's own layout, so that padding lanes are looked at too: they must be zero. */
static int compare_band(struct prepared *prepared, const float *expected, int band, struct oct_message *msg)
{
    const struct oct_problem *p = &prepared->problem;
    struct oct_extent e = oct_out_extent(p, band);
    enum oct_layout layout = prepared->info->out[band].layout;
    size_t bytes = out_bytes(prepared, band);
    const float *got = prepared->io.out[band];
    float *want = oct_alloc(bytes);
    int status = OCT_OK;
    char place[160];

    if (!want)
        return message_fail(msg, OCT_NO_MEMORY, "no memory to compare %.1f MB", (double)bytes / 1e6);
    copy_plain(&prepared->info->out[band], want, (float *)expected, true);
    for (size_t i = 0; i < bytes / sizeof(float); i++) {
        double error = fabs((double)got[i] - want[i]);

        if (isnan(error))
            error = INFINITY;
        if (error > prepared->max_abs_err)
            prepared->max_abs_err = error;
        if (error <= prepared->err_bound || status)
            continue;
        place_name(layout, p->oc[band], e, i, place);
        status = message_fail(msg, OCT_ERROR, "band %d, %s: %.9g, but should be %.9g%s", band, place, got[i],
                              want[i], isnan(got[i]) ? " (never written?)" : "");
    }
    oct_free(want);
    return status;
}

int prepared_verify(struct prepared *prepared, const struct operands *ops, struct oct_message *msg)
{
    const struct oct_problem *p = &prepared->problem;
    const struct oct_kernel *k = prepared->kernel;
    int status;

    prepared->max_abs_err = 0;
    prepared->err_bound =
        ops->exact && k->exact ? 0 : ops->bound * (k->error_growth > 0 ? k->error_growth : 1);
    for (int b = 0; b < p->bands; b++)
        if (p->oc[b])
            team_fill(prepared->io.out[b], 0xff, out_bytes(prepared, b), prepared->info->threads);
    status = oct_execute(prepared->plan, &prepared->io);
    if (status)
        return message_fail(msg, OCT_ERROR, "execute failed: %s", oct_status_name(status));
    for (int b = 0; b < p->bands; b++) {
        struct oct_message here;

        if (!p->oc[b])
            continue;
        if (!guards_whole(prepared->io.out[b], out_bytes(prepared, b)))
            return message_fail(msg, OCT_ERROR, "band %d: wrote outside its output", b);
        if (compare_band(prepared, ops->expected[b], b, &here) && !status)
            status = message_fail(msg, OCT_ERROR, "%s", here.text);
    }
    return status;
}
