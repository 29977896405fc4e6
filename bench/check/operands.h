/* SPDX-License-Identifier: MIT */
/* What one layer is computed from, and what must come out: plain f32 tensors, shared by all its kernels. */
#ifndef BENCH_OPERANDS_H
#define BENCH_OPERANDS_H

#include "octconv.h"

enum fill { FILL_INTEGERS, FILL_REALS, FILL_ZEROS };

struct operands {
    struct oct_problem problem;
    float *in[OCT_MAX_BANDS], *residual[OCT_MAX_BANDS];
    float *path[OCT_MAX_BANDS][OCT_MAX_BANDS], *bias[OCT_MAX_BANDS];
    struct oct_weights weights;       /* points into the above */
    float *expected[OCT_MAX_BANDS];   /* NULL: not known */
    float *magnitudes[OCT_MAX_BANDS]; /* of each output's terms, summed; NULL: not known */
    enum fill fill;
    uint64_t seed;
    bool exact;   /* integers whose f32 sums are exact in any order: equality is asked of exact kernels */
    double bound; /* error that a plain f32 sum may have on these values; times the kernel's error_growth */
};

/* Values from the seed, or zeros for the caller to overwrite; nothing is expected yet. OCT_OK, OCT_NO_MEMORY,
 * or OCT_UNSUPPORTED for element types that there are no values of. */
int operands_fill(struct operands *out, const struct oct_problem *p, enum fill fill, uint64_t seed,
                  struct oct_message *msg);
/* Once every kernel is verified, before memory is needed for timing. */
void operands_drop_expected(struct operands *ops);
void operands_free(struct operands *ops);

/* What they take, expected values included: asked before anything is allocated. */
uint64_t operands_bytes(const struct oct_problem *p);
/* Of one band; 0 where it has no channels. */
size_t operands_in_values(const struct oct_problem *p, int band);
size_t operands_out_values(const struct oct_problem *p, int band);

/* Plain N C D H W values to a tensor of that shape and layout, and back. */
void plain_to_tensor(const struct oct_tensor *shape, void *data, const float *plain);
void tensor_to_plain(const struct oct_tensor *shape, const void *data, float *plain);

#endif
