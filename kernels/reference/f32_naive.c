/* SPDX-License-Identifier: MIT */
/*
 * What one would write first: average-pool into a copy, convolve with seven loops, upsample and add. Plain C
 * in NCHW, the innermost loop along a row so that a compiler can vectorise it. Shares nothing with f32_ref,
 * so that the two check each other.
 */
#include "core/kernel.h"

#include <stdlib.h>
#include <string.h>

struct oct_plan {
    struct oct_plan_head head;
    struct oct_problem p;
    float *weights[OCT_MAX_BANDS][OCT_MAX_BANDS], *bias[OCT_MAX_BANDS];
    float *halved; /* input of a path after its first pooling (stride order pool_first) */
    float *pooled; /* input of a path as it is convolved */
    float *low;    /* result of a path that has yet to be upsampled */
};

/* n images of c channels. */
struct map {
    float *values;
    int n, c;
    struct oct_extent e;
};

static size_t plane_size(struct oct_extent e)
{
    return (size_t)e.d * e.h * e.w;
}

static float *plane_of(struct map m, int n, int c)
{
    return m.values + ((size_t)n * m.c + c) * plane_size(m.e);
}

/* ---- the three steps ----------------------------------------------------------------------------- */

static void pool_rows(const float *in, int in_h, int in_w, float *out, int out_w, int y, int window)
{
    int bottom = oct_min((y + 1) * window, in_h);

    for (int x = 0; x < out_w; x++) {
        int right = oct_min((x + 1) * window, in_w), count = 0;
        float sum = 0;

        for (int iy = y * window; iy < bottom; iy++)
            for (int ix = x * window; ix < right; ix++, count++)
                sum += in[(size_t)iy * in_w + ix];
        out[x] = sum / (float)count;
    }
}

static void pool_map(struct map in, struct map out, int window, int threads)
{
#pragma omp parallel for collapse(2) num_threads(threads)
    for (int n = 0; n < in.n; n++)
        for (int c = 0; c < in.c; c++)
            for (int z = 0; z < in.e.d; z++)
                for (int y = 0; y < out.e.h; y++)
                    pool_rows(plane_of(in, n, c) + (size_t)z * in.e.h * in.e.w, in.e.h, in.e.w,
                              plane_of(out, n, c) + ((size_t)z * out.e.h + y) * out.e.w, out.e.w, y, window);
}

/* out += weight * in shifted by one tap, over the outputs whose tap lies inside the input. */
static void shift_and_add(const struct oct_problem *p, const struct oct_path *path, const float *in,
                          float *out, int kz, int ky, int kx, float weight)
{
    int s = path->stride_w, left = kx * p->dilation_w - path->pad_left;
    int x0 = 0, x1 = path->out.w;

    while (x0 < x1 && x0 * s + left < 0)
        x0++;
    while (x1 > x0 && (x1 - 1) * s + left >= path->in.w)
        x1--;
    for (int z = 0; z < path->out.d; z++) {
        int iz = z * path->stride_d + kz * p->dilation_d - path->pad_front;

        if (iz < 0 || iz >= path->in.d)
            continue;
        for (int y = 0; y < path->out.h; y++) {
            int iy = y * path->stride_h + ky * p->dilation_h - path->pad_top;
            const float *from;
            float *to = out + ((size_t)z * path->out.h + y) * path->out.w;

            if (iy < 0 || iy >= path->in.h)
                continue;
            from = in + ((size_t)iz * path->in.h + iy) * path->in.w;
            for (int x = x0; x < x1; x++)
                to[x] += weight * from[x * s + left];
        }
    }
}

/* Adds a path's convolution to `out`, which lies at the path's own resolution. */
static void convolve(const struct oct_plan *plan, const struct oct_path *path, const float *weights,
                     struct map in, struct map out)
{
    const struct oct_problem *p = &plan->p;
    int inputs = in.c / path->groups, outputs = out.c / path->groups;

#pragma omp parallel for collapse(2) num_threads(plan->head.info.threads)
    for (int n = 0; n < out.n; n++) {
        for (int o = 0; o < out.c; o++) {
            const float *w = weights + (size_t)o * inputs * p->kd * p->kh * p->kw;

            for (int i = 0; i < inputs; i++)
                for (int kz = 0; kz < p->kd; kz++)
                    for (int ky = 0; ky < p->kh; ky++)
                        for (int kx = 0; kx < p->kw; kx++)
                            shift_and_add(p, path, plane_of(in, n, o / outputs * inputs + i),
                                          plane_of(out, n, o), kz, ky, kx, *w++);
        }
    }
}

static void upsample_and_add(struct map low, struct map out, int times, int threads)
{
#pragma omp parallel for collapse(2) num_threads(threads)
    for (int n = 0; n < out.n; n++)
        for (int c = 0; c < out.c; c++)
            for (int z = 0; z < out.e.d; z++)
                for (int y = 0; y < out.e.h; y++) {
                    const float *from = plane_of(low, n, c) + ((size_t)z * low.e.h + (y >> times)) * low.e.w;
                    float *to = plane_of(out, n, c) + ((size_t)z * out.e.h + y) * out.e.w;

                    for (int x = 0; x < out.e.w; x++)
                        to[x] += from[x >> times];
                }
}

/* ---- a layer ------------------------------------------------------------------------------------- */

static void clear(struct map m)
{
    memset(m.values, 0, (size_t)m.n * m.c * plane_size(m.e) * sizeof(float));
}

static void lap(const struct oct_io *io, const char *name, uint64_t *since)
{
    uint64_t now;

    if (!io->profile)
        return;
    now = oct_clock_ns();
    oct_profile_add(io->profile, name, now - *since);
    *since = now;
}

static uint64_t lap_start(const struct oct_io *io)
{
    return io->profile ? oct_clock_ns() : 0;
}

/* Reads *in, which may be pooled on the way, and leaves there what the path convolves. */
static void pool_input(const struct oct_plan *plan, const struct oct_path *path, struct map *in)
{
    if (path->pre) {
        struct map halved = {plan->halved, in->n, in->c, in->e};

        halved.e.h = oct_ceil_div(in->e.h, 1 << path->pre);
        halved.e.w = oct_ceil_div(in->e.w, 1 << path->pre);
        pool_map(*in, halved, 1 << path->pre, plan->head.info.threads);
        *in = halved;
    }
    if (path->pool) {
        struct map pooled = {plan->pooled, in->n, in->c, path->in};

        pool_map(*in, pooled, 1 << path->pool, plan->head.info.threads);
        *in = pooled;
    }
}

static void add_path(struct oct_plan *plan, const struct oct_io *io, int from, int to, struct map out)
{
    const struct oct_problem *p = &plan->p;
    struct oct_path path = oct_path_get(p, from, to);
    /* The cast drops const: nothing writes through a map that is read. */
    struct map in = {(float *)io->in[from], p->n, p->ic[from], oct_in_extent(p, from)};
    struct map low = {plan->low, p->n, p->oc[to], path.out};
    uint64_t since = lap_start(io);
    char name[4];

    if (path.pre || path.pool) {
        pool_input(plan, &path, &in);
        lap(io, "pool", &since);
    }
    if (path.up)
        clear(low);
    convolve(plan, &path, plan->weights[from][to], in, path.up ? low : out);
    lap(io, oct_path_name(p, from, to, name), &since);
    if (path.up) {
        upsample_and_add(low, out, path.up, plan->head.info.threads);
        lap(io, "upsample", &since);
    }
}

static float finish_value(uint32_t epilogue, float value)
{
    if (epilogue & OCT_EPILOGUE_RELU)
        return value > 0 ? value : 0;
    if (epilogue & OCT_EPILOGUE_RELU6)
        return value > 6 ? 6 : value > 0 ? value : 0;
    return value;
}

static void epilogue(const struct oct_plan *plan, const float *bias, const float *residual, struct map out)
{
    size_t plane = plane_size(out.e);

#pragma omp parallel for collapse(2) num_threads(plan->head.info.threads)
    for (int n = 0; n < out.n; n++) {
        for (int c = 0; c < out.c; c++) {
            float *to = plane_of(out, n, c);
            const float *more = residual ? residual + (to - out.values) : NULL;
            float shift = bias ? bias[c] : 0;

            for (size_t i = 0; i < plane; i++)
                to[i] = finish_value(plan->p.epilogue, to[i] + shift + (more ? more[i] : 0));
        }
    }
}

static int execute(struct oct_plan *plan, const struct oct_io *io)
{
    const struct oct_problem *p = &plan->p;

    for (int to = 0; to < p->bands; to++) {
        struct map out = {io->out[to], p->n, p->oc[to], oct_out_extent(p, to)};
        const void *residual = p->epilogue & OCT_EPILOGUE_RESIDUAL ? io->residual[to] : NULL;
        uint64_t since = lap_start(io);

        if (p->oc[to] == 0)
            continue;
        clear(out);
        lap(io, "add", &since);
        for (int from = 0; from < p->bands; from++)
            if (oct_path_exists(p, from, to))
                add_path(plan, io, from, to, out);
        since = lap_start(io);
        if (p->epilogue)
            epilogue(plan, plan->bias[to], residual, out);
        lap(io, "add", &since);
    }
    return OCT_OK;
}

/* ---- plan ---------------------------------------------------------------------------------------- */

static void destroy(struct oct_plan *plan)
{
    for (int to = 0; to < OCT_MAX_BANDS; to++) {
        oct_free(plan->bias[to]);
        for (int from = 0; from < OCT_MAX_BANDS; from++)
            oct_free(plan->weights[from][to]);
    }
    oct_free(plan->halved);
    oct_free(plan->pooled);
    oct_free(plan->low);
    free(plan);
}

/* false: no memory. A NULL source (an absent path, no bias) has no copy. */
static bool keep(float **to, const float *from, size_t count, size_t *bytes)
{
    if (!from || count == 0)
        return true;
    *bytes += count * sizeof(float);
    *to = oct_alloc(count * sizeof(float));
    if (*to)
        memcpy(*to, from, count * sizeof(float));
    return *to;
}

static bool keep_weights(struct oct_plan *plan, const struct oct_weights *w)
{
    const struct oct_problem *p = &plan->p;
    size_t *bytes = &plan->head.info.weight_bytes;

    for (int to = 0; to < p->bands; to++) {
        if ((p->epilogue & OCT_EPILOGUE_BIAS) && !keep(&plan->bias[to], w->bias[to], p->oc[to], bytes))
            return false;
        for (int from = 0; from < p->bands; from++)
            if (!keep(&plan->weights[from][to], w->path[from][to], oct_path_weights(p, from, to), bytes))
                return false;
    }
    return true;
}

static void grow(size_t *most, const struct oct_problem *p, int channels, struct oct_extent e)
{
    size_t bytes = (size_t)p->n * channels * plane_size(e) * sizeof(float);

    *most = bytes > *most ? bytes : *most;
}

static bool make_scratch(struct oct_plan *plan)
{
    const struct oct_problem *p = &plan->p;
    size_t halved = 0, pooled = 0, low = 0;

    for (int from = 0; from < p->bands; from++) {
        for (int to = 0; to < p->bands; to++) {
            struct oct_path path = oct_path_get(p, from, to);

            if (!oct_path_exists(p, from, to))
                continue;
            if (path.pre)
                grow(&halved, p, p->ic[from], oct_in_extent(p, from + path.pre));
            if (path.pool)
                grow(&pooled, p, p->ic[from], path.in);
            if (path.up)
                grow(&low, p, p->oc[to], path.out);
        }
    }
    plan->head.info.scratch_bytes = halved + pooled + low;
    plan->halved = halved ? oct_alloc(halved) : NULL;
    plan->pooled = pooled ? oct_alloc(pooled) : NULL;
    plan->low = low ? oct_alloc(low) : NULL;
    return (plan->halved || !halved) && (plan->pooled || !pooled) && (plan->low || !low);
}

static const struct oct_plan_ops ops = {.execute = execute, .destroy = destroy};

static int plan_create(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                       const struct oct_plan_options *options, struct oct_message *msg)
{
    struct oct_plan *plan = calloc(1, sizeof(*plan));

    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    plan->p = *p;
    oct_plan_begin(&plan->head, &ops, p, OCT_NCHW, options->threads);
    strcpy(plan->head.info.describe, "pool copy, seven loops, upsample and add");
    if (!keep_weights(plan, w) || !make_scratch(plan)) {
        oct_fail(msg, OCT_NO_MEMORY, "no memory for %zu bytes of weights and %zu of scratch",
                 plan->head.info.weight_bytes, plan->head.info.scratch_bytes);
        destroy(plan);
        return OCT_NO_MEMORY;
    }
    *out = plan;
    return OCT_OK;
}

const struct oct_kernel oct_f32_naive = {
    .name = "f32_naive",
    .summary = "plain C and OpenMP: pool copy, seven loops, upsample and add",
    .library = "octconv",
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NCHW,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .profiles = true,
    .plan = plan_create,
};
