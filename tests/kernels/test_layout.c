/* SPDX-License-Identifier: MIT */
/* Layouts: where each value goes, zero padding lanes, and the way back. */
#include "octconv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { N = 2, C = 21 };
static const struct oct_extent extent = {2, 3, 5};
enum { PLANE = 2 * 3 * 5 };

static float value(int n, int c, int x)
{
    return (float)(1 + x + PLANE * (c + C * n));
}

static size_t place(enum oct_layout layout, int n, int c, int x)
{
    size_t block = (size_t)oct_layout_block(layout), blocks = (C + block - 1) / block;

    if (layout == OCT_NHWC)
        return ((size_t)n * PLANE + x) * C + c;
    return (((size_t)n * blocks + c / block) * PLANE + x) * block + c % block;
}

static void there_and_back(void **state)
{
    static const enum oct_layout layouts[] = {OCT_NCHW, OCT_NCHW8C, OCT_NCHW16C, OCT_NHWC};

    (void)state;
    for (size_t l = 0; l < sizeof(layouts) / sizeof(layouts[0]); l++) {
        struct oct_tensor laid = {OCT_F32, layouts[l], N, C, extent, NULL};
        struct oct_tensor flat = {OCT_F32, OCT_NCHW, N, C, extent, NULL};
        size_t bytes = oct_tensor_bytes(&laid), count = bytes / sizeof(float);
        float *plain = malloc(sizeof(float) * N * C * PLANE), *back = malloc(sizeof(float) * N * C * PLANE);
        float *blocked = malloc(bytes);
        size_t zeros = 0;

        for (int n = 0; n < N; n++)
            for (int c = 0; c < C; c++)
                for (int x = 0; x < PLANE; x++)
                    plain[((size_t)n * C + c) * PLANE + x] = value(n, c, x);
        for (size_t i = 0; i < count; i++)
            blocked[i] = -1;
        laid.data = blocked;
        flat.data = plain;
        assert_int_equal(oct_tensor_copy(&laid, &flat), OCT_OK);
        for (int n = 0; n < N; n++)
            for (int c = 0; c < C; c++)
                for (int x = 0; x < PLANE; x++)
                    assert_true(blocked[place(layouts[l], n, c, x)] == value(n, c, x));
        for (size_t i = 0; i < count; i++)
            zeros += blocked[i] == 0;
        assert_int_equal(zeros, count - (size_t)N * C * PLANE);
        flat.data = back;
        assert_int_equal(oct_tensor_copy(&flat, &laid), OCT_OK);
        assert_memory_equal(back, plain, sizeof(float) * N * C * PLANE);
        free(plain), free(back), free(blocked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
