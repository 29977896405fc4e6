/* SPDX-License-Identifier: MIT */
#include "check/verify.h"

#include "base/message.h"
#include "base/timer.h"
#include "check/guards.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define UNIT_ROUNDOFF 0x1p-24
#define POISON        0xff /* of every byte: a NaN, and what is added to one stays one */

/* ---- what is expected ---------------------------------------------------------------------------- */

/* The reference's outputs as plain tensors; the caller frees them, on failure too. */
static int run_reference(const struct operands *ops, const struct oct_kernel *reference, int threads,
                         float *out[OCT_MAX_BANDS], struct oct_message *msg)
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
        out[b] = oct_alloc(operands_out_values(p, b) * sizeof(float));
        if (!out[b])
            status = message_fail(msg, OCT_NO_MEMORY, "no memory for the reference's output");
        else
            tensor_to_plain(&run.info->out[b], run.io.out[b], out[b]);
    }
    prepared_free(&run);
    return status;
}

int operands_make(struct operands *out, const struct oct_problem *p, enum fill fill, uint64_t seed,
                  const struct oct_kernel *reference, int threads, struct oct_message *msg)
{
    int status = operands_fill(out, p, fill, seed, msg);

    if (!status && reference)
        status = run_reference(out, reference, threads, out->expected, msg);
    if (status)
        operands_free(out);
    return status;
}

static void copy_magnitudes(float *to, const float *from, size_t count)
{
    for (size_t i = 0; to && from && i < count; i++)
        to[i] = fabsf(from[i]);
}

int operands_add_magnitudes(struct operands *ops, const struct oct_kernel *reference, int threads,
                            struct oct_message *msg)
{
    struct oct_problem p = ops->problem;
    struct operands m;
    int status;

    p.epilogue &= ~(uint32_t)(OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6);
    status = operands_fill(&m, &p, FILL_ZEROS, 0, msg);
    if (status)
        return status;
    for (int b = 0; b < p.bands; b++) {
        copy_magnitudes(m.in[b], ops->in[b], operands_in_values(&p, b));
        copy_magnitudes(m.residual[b], ops->residual[b], operands_out_values(&p, b));
        copy_magnitudes(m.bias[b], ops->bias[b], (size_t)p.oc[b]);
        for (int to = 0; to < p.bands; to++)
            copy_magnitudes(m.path[b][to], ops->path[b][to], oct_path_weights(&p, b, to));
    }
    status = run_reference(&m, reference, threads, ops->magnitudes, msg);
    operands_free(&m);
    return status;
}

/* ---- bounds -------------------------------------------------------------------------------------- */

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

/* What an output may be wrong by: `flat`, or growth times its magnitude where that is larger. */
struct allowance {
    double flat, growth;
    float *magnitudes; /* in the kernel's layout; NULL: flat alone */
};

static float largest(const float *values, size_t count)
{
    float most = 0;

    for (size_t i = 0; i < count; i++)
        most = fmaxf(most, values[i]);
    return most;
}

/* False: no memory. The caller frees the magnitudes. */
static bool allow(struct allowance *out, const struct prepared *prepared, const struct operands *ops,
                  int band)
{
    const struct oct_problem *p = &prepared->problem;
    const struct oct_kernel *k = prepared->kernel;
    const struct oct_tensor *shape = &prepared->info->out[band];
    const float *plain = ops->magnitudes[band];
    double growth = k->error_growth > 0 ? k->error_growth : 1;

    *out = (struct allowance){.flat = 0};
    if (ops->exact && k->exact)
        return true;
    if (!plain) {
        out->flat = ops->bound * growth;
        return true;
    }
    out->growth = growth * ((double)oct_sum_length(p) + roundings(p)) * UNIT_ROUNDOFF;
    if (!k->exact)
        out->flat = out->growth * largest(plain, operands_out_values(p, band));
    out->magnitudes = oct_alloc(oct_tensor_bytes(shape));
    if (out->magnitudes)
        plain_to_tensor(shape, out->magnitudes, plain);
    return out->magnitudes;
}

static double allowed_at(const struct allowance *a, size_t i)
{
    return a->magnitudes ? fmax(a->flat, a->growth * a->magnitudes[i]) : a->flat;
}

/* ---- comparison ---------------------------------------------------------------------------------- */

struct place {
    size_t image, channel, z, y, x;
};

/* Of value i of a tensor; the channel of a padding lane lies behind the last one. */
static struct place place_of(const struct oct_tensor *t, size_t i)
{
    size_t block = t->layout == OCT_NHWC ? (size_t)t->c : (size_t)oct_layout_block(t->layout);
    size_t lane = i % block, pixel = i / block, blocks = ((size_t)t->c + block - 1) / block;
    size_t w = (size_t)t->e.w, h = (size_t)t->e.h, plane = (size_t)t->e.d * h * w;

    return (struct place){.image = pixel / plane / blocks,
                          .channel = pixel / plane % blocks * block + lane,
                          .z = pixel / (h * w) % (size_t)t->e.d,
                          .y = pixel / w % h,
                          .x = pixel % w};
}

static bool is_padding(const struct oct_tensor *t, size_t i)
{
    return place_of(t, i).channel >= (size_t)t->c;
}

static int complain(struct oct_message *msg, int band, const struct oct_tensor *t, size_t i, float got,
                    float want, double allowed)
{
    struct place at = place_of(t, i);
    char within[40] = "";

    if (allowed > 0)
        snprintf(within, sizeof(within), " +- %.3g", allowed);
    return message_fail(
        msg, OCT_ERROR,
        "band %d, image %zu, channel %zu%s, z %zu, y %zu, x %zu: %.9g, but should be %.9g%s%s", band,
        at.image, at.channel, is_padding(t, i) ? " (a padding lane)" : "", at.z, at.y, at.x, (double)got,
        (double)want, within, isnan(got) ? " (never written?)" : "");
}

/* Compares in the kernel's own layout, so that padding lanes are looked at too. */
static int compare_band(struct prepared *prepared, const struct operands *ops, int band,
                        struct oct_message *msg)
{
    const struct oct_tensor *shape = &prepared->info->out[band];
    size_t bytes = oct_tensor_bytes(shape);
    const float *got = prepared->io.out[band];
    float *want = oct_alloc(bytes);
    bool padded = shape->layout != OCT_NHWC && shape->c % oct_layout_block(shape->layout) != 0;
    struct allowance allowance = {.flat = 0};
    int status = OCT_OK;

    if (!want || !allow(&allowance, prepared, ops, band)) {
        oct_free(want);
        return message_fail(msg, OCT_NO_MEMORY, "no memory to compare %.1f MB", (double)bytes / 1e6);
    }
    plain_to_tensor(shape, want, ops->expected[band]);
    for (size_t i = 0; i < bytes / sizeof(float); i++) {
        double error = fabs((double)got[i] - (double)want[i]), allowed = allowed_at(&allowance, i);

        prepared->err_bound = fmax(prepared->err_bound, allowed);
        if (isnan(error))
            error = INFINITY;
        prepared->max_abs_err = fmax(prepared->max_abs_err, error);
        if (status || error == 0 || (error <= allowed && !(padded && is_padding(shape, i))))
            continue;
        status = complain(msg, band, shape, i, got[i], want[i], allowed);
    }
    oct_free(allowance.magnitudes);
    oct_free(want);
    return status;
}

/* Is the tensor still what was made of `plain`, and nothing round it written? */
static int check_source(const struct oct_tensor *shape, const void *now, const float *plain, int band,
                        const char *what, struct oct_message *msg)
{
    size_t bytes = oct_tensor_bytes(shape);
    void *want;
    bool same;

    if (!now)
        return OCT_OK;
    if (!guards_whole(now, bytes))
        return message_fail(msg, OCT_ERROR, "band %d: wrote outside its %s", band, what);
    want = oct_alloc(bytes);
    if (!want)
        return message_fail(msg, OCT_NO_MEMORY, "no memory to compare %.1f MB", (double)bytes / 1e6);
    plain_to_tensor(shape, want, plain);
    same = memcmp(now, want, bytes) == 0;
    oct_free(want);
    return same ? OCT_OK : message_fail(msg, OCT_ERROR, "band %d: changed its %s", band, what);
}

static int check_guards(const struct prepared *prepared, const struct operands *ops, struct oct_message *msg)
{
    int status = OCT_OK;

    for (int b = 0; b < prepared->problem.bands && !status; b++) {
        const struct oct_tensor *in = &prepared->info->in[b], *out = &prepared->info->out[b];

        if (prepared->io.out[b] && !guards_whole(prepared->io.out[b], oct_tensor_bytes(out)))
            return message_fail(msg, OCT_ERROR, "band %d: wrote outside its output", b);
        status = check_source(in, prepared->io.in[b], ops->in[b], b, "input", msg);
        if (!status)
            status = check_source(out, prepared->io.residual[b], ops->residual[b], b, "residual", msg);
    }
    return status;
}

int prepared_verify(struct prepared *prepared, const struct operands *ops, struct oct_message *msg)
{
    const struct oct_problem *p = &prepared->problem;
    uint64_t start;
    int status;

    for (int b = 0; b < p->bands; b++)
        if (p->oc[b])
            team_fill(prepared->io.out[b], POISON, oct_tensor_bytes(&prepared->info->out[b]),
                      prepared->info->threads);
    start = timer_now_ns();
    status = oct_execute(prepared->plan, &prepared->io);
    prepared->execute_ns = timer_now_ns() - start;
    if (status)
        return message_fail(msg, OCT_ERROR, "execute failed: %s", oct_status_name(status));
    prepared->max_abs_err = prepared->err_bound = 0;
    status = check_guards(prepared, ops, msg);
    for (int b = 0; b < p->bands; b++)
        if (p->oc[b] && compare_band(prepared, ops, b, status ? NULL : msg) && !status)
            status = OCT_ERROR;
    return status;
}
