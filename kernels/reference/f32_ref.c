/* SPDX-License-Identifier: MIT */
/*
 * The specification (docs/octconv.md) as one loop nest in double precision. Implements every option;
 * every other kernel is judged by it, so nothing here is clever: a path pools its input into a copy,
 * convolves row by row, and adds each row to the places of the output that the upsampling gives it.
 */
#include "core/kernel.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct oct_plan {
    struct oct_plan_head head;
    struct oct_problem p;
    float *weights; /* all paths, then all biases: what path[] and bias[] point into */
    const float *path[OCT_MAX_BANDS][OCT_MAX_BANDS], *bias[OCT_MAX_BANDS];
    double *source; /* N C D H W: the input of one path, pooled */
    double *sum;    /* N C D H W: one output band */
    double *plane;  /* a thread: one input plane on its way to being pooled */
    double *row;    /* a thread: one row of a convolution */
    size_t plane_values, row_values;
};

static size_t extent_values(struct oct_extent e)
{
    return (size_t)e.d * e.h * e.w;
}

static size_t band_values(const struct oct_problem *p, int channels, struct oct_extent e)
{
    return (size_t)p->n * channels * extent_values(e);
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---- pooling ------------------------------------------------------------------------------------- */

static double window_average(const double *plane, int h, int w, int y0, int x0, int size)
{
    int y1 = oct_min(y0 + size, h), x1 = oct_min(x0 + size, w);
    double sum = 0;

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            sum += plane[(size_t)y * w + x];
    return sum / ((double)(y1 - y0) * (x1 - x0));
}

/* Averages windows of 2^log2 in place: a result never lands on a value that is still to be read. */
static void pool_plane(double *plane, int *h, int *w, int log2)
{
    int size = 1 << log2, out_h = oct_ceil_div(*h, size), out_w = oct_ceil_div(*w, size);

    if (log2 == 0)
        return;
    for (int y = 0; y < out_h; y++)
        for (int x = 0; x < out_w; x++)
            plane[(size_t)y * out_w + x] = window_average(plane, *h, *w, y * size, x * size, size);
    *h = out_h;
    *w = out_w;
}

static void pool_band(struct oct_plan *plan, int from, const struct oct_path *path, const float *in)
{
    struct oct_extent e = oct_in_extent(&plan->p, from);
    size_t in_plane = (size_t)e.h * e.w, out_plane = (size_t)path->in.h * path->in.w;
    int64_t planes = (int64_t)plan->p.n * plan->p.ic[from];

#pragma omp parallel for collapse(2) num_threads(plan->head.info.threads)
    for (int64_t c = 0; c < planes; c++) {
        for (int z = 0; z < e.d; z++) {
            double *plane = plan->plane + (size_t)omp_get_thread_num() * plan->plane_values;
            size_t slice = c * e.d + z;
            int h = e.h, w = e.w;

            for (size_t i = 0; i < in_plane; i++)
                plane[i] = in[slice * in_plane + i];
            pool_plane(plane, &h, &w, path->pre);
            pool_plane(plane, &h, &w, path->pool);
            memcpy(plan->source + slice * out_plane, plane, out_plane * sizeof(*plane));
        }
    }
}

/* ---- convolution --------------------------------------------------------------------------------- */

/* row[x] += weight * in[x * stride + offset] wherever that lies inside the input row. */
static void add_tap(double *restrict row, int out_w, const double *restrict in, int in_w, int stride,
                    int64_t offset, double weight)
{
    int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int64_t last = in_w - offset > 0 ? (in_w - offset + stride - 1) / stride : 0;

    if (last > out_w)
        last = out_w;
    if (stride == 1) {
        for (int64_t x = first; x < last; x++)
            row[x] += weight * in[x + offset];
        return;
    }
    for (int64_t x = first; x < last; x++)
        row[x] += weight * in[x * stride + offset];
}

/* One row of one output channel, at the resolution of the path's convolution. */
static void convolve_row(const struct oct_problem *p, const struct oct_path *path, int channels,
                         const double *in, const float *weights, int oz, int oy, double *row)
{
    memset(row, 0, (size_t)path->out.w * sizeof(*row));
    for (int c = 0; c < channels; c++)
        for (int z = 0; z < p->kd; z++)
            for (int y = 0; y < p->kh; y++) {
                int64_t iz = (int64_t)oz * path->stride_d + (int64_t)z * p->dilation_d - path->pad_front;
                int64_t iy = (int64_t)oy * path->stride_h + (int64_t)y * p->dilation_h - path->pad_top;
                const float *taps = weights + (((size_t)c * p->kd + z) * p->kh + y) * p->kw;

                if (iz < 0 || iz >= path->in.d || iy < 0 || iy >= path->in.h)
                    continue;
                for (int x = 0; x < p->kw; x++)
                    add_tap(row, path->out.w,
                            in + (((size_t)c * path->in.d + iz) * path->in.h + iy) * path->in.w, path->in.w,
                            path->stride_w, (int64_t)x * p->dilation_w - path->pad_left, taps[x]);
            }
}

/* Nearest upsampling: row oy becomes the 2^up rows that lie over it, as far as the output reaches. */
static void add_upsampled(double *sum, struct oct_extent out, int oz, int oy, const double *row, int up)
{
    int64_t first = (int64_t)oy << up, last = first + (INT64_C(1) << up);

    for (int64_t y = first; y < last && y < out.h; y++)
        for (int x = 0; x < out.w; x++)
            sum[((size_t)oz * out.h + y) * out.w + x] += row[x >> up];
}

static void add_path(struct oct_plan *plan, int from, int to, const float *in)
{
    const struct oct_problem *p = &plan->p;
    struct oct_path path = oct_path_get(p, from, to);
    struct oct_extent out = oct_out_extent(p, to);
    int group_in = p->ic[from] / path.groups, group_out = p->oc[to] / path.groups;
    size_t taps = (size_t)group_in * p->kd * p->kh * p->kw;

    pool_band(plan, from, &path, in);
#pragma omp parallel for collapse(2) num_threads(plan->head.info.threads)
    for (int n = 0; n < p->n; n++) {
        for (int c = 0; c < p->oc[to]; c++) {
            double *row = plan->row + (size_t)omp_get_thread_num() * plan->row_values;
            double *sum = plan->sum + ((size_t)n * p->oc[to] + c) * extent_values(out);
            const double *source =
                plan->source + ((size_t)n * p->ic[from] + c / group_out * group_in) * extent_values(path.in);

            for (int z = 0; z < path.out.d; z++)
                for (int y = 0; y < path.out.h; y++) {
                    convolve_row(p, &path, group_in, source, plan->path[from][to] + c * taps, z, y, row);
                    add_upsampled(sum, out, z, y, row, path.up);
                }
        }
    }
}

/* ---- epilogue ------------------------------------------------------------------------------------ */

static double activate(uint32_t epilogue, double value)
{
    if (epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6))
        value = value < 0 ? 0 : value;
    if (epilogue & OCT_EPILOGUE_RELU6)
        value = value > 6 ? 6 : value;
    return value;
}

static void finish_band(struct oct_plan *plan, int to, const float *residual, float *out)
{
    const struct oct_problem *p = &plan->p;
    size_t values = extent_values(oct_out_extent(p, to));

#pragma omp parallel for collapse(2) num_threads(plan->head.info.threads)
    for (int n = 0; n < p->n; n++) {
        for (int c = 0; c < p->oc[to]; c++) {
            size_t first = ((size_t)n * p->oc[to] + c) * values;
            double bias = p->epilogue & OCT_EPILOGUE_BIAS ? plan->bias[to][c] : 0;

            for (size_t i = first; i < first + values; i++) {
                double value = plan->sum[i] + bias;

                if (p->epilogue & OCT_EPILOGUE_RESIDUAL)
                    value += residual[i];
                out[i] = (float)activate(p->epilogue, value);
            }
        }
    }
}

static int execute(struct oct_plan *plan, const struct oct_io *io)
{
    const struct oct_problem *p = &plan->p;

    for (int to = 0; to < p->bands; to++) {
        if (p->oc[to] == 0)
            continue;
        memset(plan->sum, 0, band_values(p, p->oc[to], oct_out_extent(p, to)) * sizeof(*plan->sum));
        for (int from = 0; from < p->bands; from++)
            if (oct_path_exists(p, from, to))
                add_path(plan, from, to, io->in[from]);
        finish_band(plan, to, io->residual[to], io->out[to]);
    }
    return OCT_OK;
}

/* ---- plan ---------------------------------------------------------------------------------------- */

static void destroy(struct oct_plan *plan)
{
    oct_free(plan->weights);
    oct_free(plan->source);
    oct_free(plan->sum);
    oct_free(plan->plane);
    oct_free(plan->row);
    free(plan);
}

static int copy_weights(struct oct_plan *plan, const struct oct_weights *w, struct oct_message *msg)
{
    const struct oct_problem *p = &plan->p;
    size_t values = 0;
    float *next;

    for (int to = 0; to < p->bands; to++) {
        for (int from = 0; from < p->bands; from++)
            values += oct_path_weights(p, from, to);
        values += p->oc[to];
    }
    plan->head.info.weight_bytes = values * sizeof(float);
    next = plan->weights = oct_alloc(plan->head.info.weight_bytes);
    if (!next)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for %zu bytes of weights",
                        plan->head.info.weight_bytes);
    for (int to = 0; to < p->bands; to++) {
        for (int from = 0; from < p->bands; from++) {
            size_t count = oct_path_weights(p, from, to);

            if (count == 0)
                continue;
            plan->path[from][to] = memcpy(next, w->path[from][to], count * sizeof(float));
            next += count;
        }
        if (!(p->epilogue & OCT_EPILOGUE_BIAS) || p->oc[to] == 0)
            continue;
        plan->bias[to] = memcpy(next, w->bias[to], p->oc[to] * sizeof(float));
        next += p->oc[to];
    }
    return OCT_OK;
}

static int make_scratch(struct oct_plan *plan, struct oct_message *msg)
{
    const struct oct_problem *p = &plan->p;
    size_t source = 0, sum = 0;

    for (int to = 0; to < p->bands; to++) {
        struct oct_extent in = oct_in_extent(p, to);

        sum = max_size(sum, band_values(p, p->oc[to], oct_out_extent(p, to)));
        plan->plane_values = max_size(plan->plane_values, (size_t)in.h * in.w);
        for (int from = 0; from < p->bands; from++) {
            struct oct_path path = oct_path_get(p, from, to);

            if (!oct_path_exists(p, from, to))
                continue;
            source = max_size(source, band_values(p, p->ic[from], path.in));
            plan->row_values = max_size(plan->row_values, path.out.w);
        }
    }
    plan->source = oct_alloc(source * sizeof(double));
    plan->sum = oct_alloc(sum * sizeof(double));
    plan->plane = oct_alloc(plan->head.info.threads * plan->plane_values * sizeof(double));
    plan->row = oct_alloc(plan->head.info.threads * plan->row_values * sizeof(double));
    plan->head.info.scratch_bytes =
        (source + sum + plan->head.info.threads * (plan->plane_values + plan->row_values)) * sizeof(double);
    if (plan->source && plan->sum && plan->plane && plan->row)
        return OCT_OK;
    return oct_fail(msg, OCT_NO_MEMORY, "no memory for %zu bytes of scratch", plan->head.info.scratch_bytes);
}

static const struct oct_plan_ops ops = {.execute = execute, .destroy = destroy};

static int plan_create(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                       const struct oct_plan_options *options, struct oct_message *msg)
{
    struct oct_plan *plan = calloc(1, sizeof(*plan));
    int status;

    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    plan->p = *p;
    oct_plan_begin(&plan->head, &ops, p, OCT_NCHW, options->threads);
    strcpy(plan->head.info.describe, "loop nest in double precision");
    status = copy_weights(plan, w, msg);
    if (status == OCT_OK)
        status = make_scratch(plan, msg);
    if (status) {
        destroy(plan);
        return status;
    }
    *out = plan;
    return OCT_OK;
}

const struct oct_kernel oct_f32_ref = {
    .name = "f32_ref",
    .summary = "the specification as one loop nest in double precision",
    .library = "octconv",
    .algorithm = OCT_ALGORITHM_DIRECT,
    .layout = OCT_NCHW,
    .dtypes = 1u << OCT_F32,
    .exact = true,
    .error_growth = 1,
    .plan = plan_create,
};
