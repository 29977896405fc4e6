/* SPDX-License-Identifier: MIT */
/*
 * The Winograd kernels' transforms against their definitions: polynomials at points, in double precision. All
 * constants have few bits and the operands are small integers, so that equality is asked; a constant that is
 * wrong in its fifth digit fails.
 */
#include "winograd/plan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define POINTS      WINOGRAD_POINTS
#define MOST_LANES  16
#define INFINITE_AT 3

/* The point's number in the order of the transforms; INFINITE_AT is no number. */
static const double point[POINTS] = {0, WINOGRAD_A, -WINOGRAD_A, NAN, WINOGRAD_B, -WINOGRAD_B};

static const struct winograd_isa *const isas[] = {&winograd_avx2, &winograd_avx512};
static const uint32_t needs[] = {OCT_ISA_AVX2, OCT_ISA_AVX512};

/* From -most to most: so small that all sums of transforms are exact in f32. */
static int small_integer(uint32_t *state, int most)
{
    *state = *state * 1664525u + 1013904223u;
    return (int)(*state >> 24) % (2 * most + 1) - most;
}

/* Coefficients of the product of (x - q) over the finite points q of a tile of 4 or 2, without number `omit`.
 */
static void product_without(bool large, int omit, double coefficient[POINTS])
{
    memset(coefficient, 0, POINTS * sizeof(coefficient[0]));
    coefficient[0] = 1;
    for (int i = 0; i < (large ? POINTS : 4); i++) {
        if (i == INFINITE_AT || i == omit)
            continue;
        for (int k = POINTS - 1; k >= 0; k--)
            coefficient[k] = (k > 0 ? coefficient[k - 1] : 0) - point[i] * coefficient[k];
    }
}

/* The product of point i's distances to the other finite points of a tile. */
static double divisor(bool large, int i)
{
    double product = 1;

    for (int k = 0; k < (large ? POINTS : 4) && i != INFINITE_AT; k++)
        if (k != i && k != INFINITE_AT)
            product *= point[i] - point[k];
    return product;
}

/* Row i of B^T, where the weights hold the divisors of tiles of 4. */
static void input_row(bool large, int i, double row[POINTS])
{
    product_without(large, i == INFINITE_AT ? -1 : i, row);
    for (int k = 0; k < POINTS; k++)
        row[k] *= divisor(true, i) / divisor(large, i);
}

static double output_factor(bool large, int y, int i)
{
    if (i == INFINITE_AT)
        return y == (large ? 3 : 1);
    return pow(point[i], y);
}

static double weight_factor(int i, int tap)
{
    if (i == INFINITE_AT)
        return tap == WINOGRAD_TAPS - 1;
    return pow(point[i], tap) / divisor(true, i);
}

/* ---- inputs -------------------------------------------------------------------------------------- */

static void check_scatter(const struct winograd_isa *isa, bool high, bool wide)
{
    int lanes = isa->lanes, h = high ? 6 : 4, w = wide ? 6 : 4;
    static float src[POINTS * POINTS * MOST_LANES] __attribute__((aligned(64)));
    static float v[POINTS * POINTS * MOST_LANES] __attribute__((aligned(64)));
    struct winograd_scatter scatter = {
        .src = src, .h = h, .w = w, .rows = 1, .cols = 1, .v = v, .slab = lanes, .points = w};
    uint32_t state = 1;

    for (int i = 0; i < h * w * lanes; i++)
        src[i] = (float)small_integer(&state, 2);
    isa->scatter[high][wide](&scatter);
    for (int i = 0; i < h; i++) {
        for (int j = 0; j < w; j++) {
            double rows[POINTS], cols[POINTS], sum = 0;

            input_row(high, i, rows);
            input_row(wide, j, cols);
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++)
                    sum += rows[y] * cols[x] * (double)src[(y * w + x) * lanes + lanes - 1];
            assert_true((double)v[(i * w + j) * lanes + lanes - 1] == sum);
        }
    }
}

/* ---- sums ---------------------------------------------------------------------------------------- */

static void check_gather(const struct winograd_isa *isa, bool high, bool wide)
{
    int lanes = isa->lanes, h = high ? 6 : 4, w = wide ? 6 : 4, rows = h - 2, cols = w - 2;
    static float m[POINTS * POINTS * MOST_LANES] __attribute__((aligned(64)));
    static float out[4 * 4 * MOST_LANES] __attribute__((aligned(64)));
    struct winograd_gather gather = {
        .m = m, .slab = lanes, .points = w, .out = out, .h = rows, .w = cols, .rows = 1, .cols = 1};
    uint32_t state = 2;

    for (int i = 0; i < h * w * lanes; i++)
        m[i] = (float)small_integer(&state, 1);
    isa->gather[high][wide](&gather);
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < cols; x++) {
            double sum = 0;

            for (int i = 0; i < h; i++)
                for (int j = 0; j < w; j++)
                    sum += output_factor(high, y, i) * output_factor(wide, x, j) *
                           (double)m[(i * w + j) * lanes];
            assert_true((double)out[(y * cols + x) * lanes] == sum);
        }
    }
}

static void transforms_are_their_definitions(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof(isas) / sizeof(isas[0]); k++) {
        for (int kind = 0; kind < 4 && !(needs[k] & ~oct_cpu_usable()); kind++) {
            check_scatter(isas[k], kind >> 1, kind & 1);
            check_gather(isas[k], kind >> 1, kind & 1);
        }
    }
}

/* ---- weights ------------------------------------------------------------------------------------- */

static void weights_are_divided_polynomials(void **state)
{
    float w[WINOGRAD_TAPS * WINOGRAD_TAPS];
    double to[POINTS * POINTS];
    uint32_t seed = 3;

    (void)state;
    for (int i = 0; i < WINOGRAD_TAPS * WINOGRAD_TAPS; i++)
        w[i] = (float)small_integer(&seed, 4);
    winograd_transform_weights(w, POINTS, POINTS, to);
    for (int i = 0; i < POINTS; i++) {
        for (int j = 0; j < POINTS; j++) {
            double sum = 0;

            for (int y = 0; y < WINOGRAD_TAPS; y++)
                for (int x = 0; x < WINOGRAD_TAPS; x++)
                    sum += weight_factor(i, y) * weight_factor(j, x) * (double)w[y * WINOGRAD_TAPS + x];
            assert_true(fabs(to[i * POINTS + j] - sum) < 1e-13);
        }
    }
}

/* Definitions that agree with each other alone would not do: along one axis, they must convolve. */
static void definitions_convolve(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        for (int y = 0; y < (large ? 4 : 2); y++) {
            for (int tap = 0; tap < WINOGRAD_TAPS; tap++) {
                for (int x = 0; x < (large ? 6 : 4); x++) {
                    double sum = 0, row[POINTS];

                    for (int i = 0; i < (large ? 6 : 4); i++) {
                        input_row(large, i, row);
                        sum += output_factor(large, y, i) * weight_factor(i, tap) * row[x];
                    }
                    assert_true(fabs(sum - (x == y + tap)) < 1e-13);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transforms_are_their_definitions),
        cmocka_unit_test(weights_are_divided_polynomials),
        cmocka_unit_test(definitions_convolve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
