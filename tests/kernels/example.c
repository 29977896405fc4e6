/* SPDX-License-Identifier: MIT */
/* One Octave Convolution layer, 64 -> 64 channels, alpha .5, all ones in: 2 * 32 * 9 = 576 out. */
#include "octconv.h"

#include <stdio.h>

static float *ones(size_t count)
{
    float *values = oct_alloc(count * sizeof(float));

    for (size_t i = 0; values && i < count; i++)
        values[i] = 1;
    return values;
}

int main(void)
{
    const struct oct_kernel *kernel = oct_kernel_find("f32_naive"); /* or walk oct_kernels[] */
    struct oct_problem p = oct_problem_default();
    struct oct_weights weights = {0};
    struct oct_plan_options options = {.threads = 1};
    struct oct_io io = {0};
    struct oct_message msg;
    struct oct_plan *plan;

    p.bands = 2;
    p.ic[1] = p.oc[1] = oct_low_channels(64, 0.5);
    p.ic[0] = p.oc[0] = 64 - p.ic[1];
    p.h = p.w = 28;
    p.kh = p.kw = 3;
    for (int from = 0; from < 2; from++)
        for (int to = 0; to < 2; to++)
            weights.path[from][to] = ones(oct_path_weights(&p, from, to));
    if (oct_plan_create(&plan, kernel, &p, &weights, &options, &msg)) /* checks, copies the weights */
        return fprintf(stderr, "%s\n", msg.text), 1;
    for (int b = 0; b < 2; b++) { /* as the plan wants them: here plain N C H W */
        io.in[b] = ones(oct_tensor_bytes(&oct_plan_info(plan)->in[b]) / sizeof(float));
        io.out[b] = ones(oct_tensor_bytes(&oct_plan_info(plan)->out[b]) / sizeof(float));
    }
    oct_execute(plan, &io); /* as often as needed; it allocates nothing */
    printf("%g\n", ((float *)io.out[0])[p.h / 2 * p.w + p.w / 2]);
    oct_plan_destroy(plan);
    for (int b = 0; b < 2; b++) {
        oct_free((void *)io.in[b]);
        oct_free(io.out[b]);
        for (int to = 0; to < 2; to++)
            oct_free((void *)weights.path[b][to]);
    }
    return 0;
}
