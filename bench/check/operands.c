/* SPDX-License-Identifier: MIT */
#include "check/operands.h"

#include "base/message.h"
#include "check/stats.h"

#include <math.h>
#include <string.h>

#define LARGEST_INT   4
#define UNIT_ROUNDOFF 0x1p-24

static size_t plain_values(const struct oct_problem *p, int channels, struct oct_extent e)
{
    return (size_t)p->n * (size_t)channels * (size_t)e.d * (size_t)e.h * (size_t)e.w;
}

size_t operands_in_values(const struct oct_problem *p, int band)
{
    return p->ic[band] ? plain_values(p, p->ic[band], oct_in_extent(p, band)) : 0;
}

size_t operands_out_values(const struct oct_problem *p, int band)
{
    return p->oc[band] ? plain_values(p, p->oc[band], oct_out_extent(p, band)) : 0;
}

uint64_t operands_bytes(const struct oct_problem *p)
{
    uint64_t values = 0;

    for (int b = 0; b < p->bands; b++) {
        values += operands_in_values(p, b) + operands_out_values(p, b);
        if (p->epilogue & OCT_EPILOGUE_RESIDUAL)
            values += operands_out_values(p, b);
        for (int from = 0; from < p->bands; from++)
            values += oct_path_weights(p, from, b);
    }
    return values * sizeof(float);
}

static struct oct_tensor with_data(const struct oct_tensor *shape, enum oct_layout layout, const void *data)
{
    struct oct_tensor t = *shape;

    t.layout = layout;
    t.data = (void *)(uintptr_t)data; /* sources are only read */
    return t;
}

void plain_to_tensor(const struct oct_tensor *shape, void *data, const float *plain)
{
    struct oct_tensor to = with_data(shape, shape->layout, data), from = with_data(shape, OCT_NCHW, plain);

    (void)oct_tensor_copy(&to, &from); /* of one shape */
}

void tensor_to_plain(const struct oct_tensor *shape, const void *data, float *plain)
{
    struct oct_tensor to = with_data(shape, OCT_NCHW, plain), from = with_data(shape, shape->layout, data);

    (void)oct_tensor_copy(&to, &from); /* of one shape */
}

static float *make_values(size_t count, enum fill fill, double most, uint64_t *rng)
{
    float *values = oct_alloc(count * sizeof(float));
    int span = 2 * (int)most + 1;

    if (!values)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (fill == FILL_ZEROS)
            values[i] = 0;
        else if (fill == FILL_INTEGERS)
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

static bool fill_tensors(struct operands *ops, double in_most, double weight_most)
{
    const struct oct_problem *p = &ops->problem;
    uint64_t rng = ops->seed;
    bool good = true;

    for (int b = 0; b < p->bands; b++) {
        size_t in = operands_in_values(p, b), out = operands_out_values(p, b);

        if (in)
            good &= (ops->in[b] = make_values(in, ops->fill, in_most, &rng)) != NULL;
        if (out && (p->epilogue & OCT_EPILOGUE_RESIDUAL))
            good &= (ops->residual[b] = make_values(out, ops->fill, in_most, &rng)) != NULL;
        if (out && (p->epilogue & OCT_EPILOGUE_BIAS))
            good &= (ops->bias[b] = make_values((size_t)p->oc[b], ops->fill, in_most, &rng)) != NULL;
        ops->weights.bias[b] = ops->bias[b];
        for (int to = 0; to < p->bands; to++) {
            size_t count = oct_path_weights(p, b, to);
            if (count)
                good &= (ops->path[b][to] = make_values(count, ops->fill, weight_most, &rng)) != NULL;
            ops->weights.path[b][to] = ops->path[b][to];
        }
    }
    return good;
}

int operands_fill(struct operands *out, const struct oct_problem *p, enum fill fill, uint64_t seed,
                  struct oct_message *msg)
{
    int exact = fill == FILL_INTEGERS ? exact_magnitude(p) : 0;
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
    if (fill_tensors(out, in_most, weight_most))
        return OCT_OK;
    operands_free(out);
    return message_fail(msg, OCT_NO_MEMORY, "no memory for %.1f MB of operands",
                        (double)operands_bytes(p) / 1e6);
}

void operands_drop_expected(struct operands *ops)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        oct_free(ops->expected[b]);
        oct_free(ops->magnitudes[b]);
        ops->expected[b] = ops->magnitudes[b] = NULL;
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
