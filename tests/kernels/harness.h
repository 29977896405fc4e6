/* SPDX-License-Identifier: MIT */
/* One kernel on plain tensors, watched: what every test of kernels shares. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "octconv.h"

#define EXIT_SKIPPED 77 /* what CMake's SKIP_RETURN_CODE says */

/* Limits the process to the instruction-set level argv[1], or to nothing. False: this machine lacks it. */
bool limit_isa(int argc, char **argv);

/* Plain f32 tensors of one problem, in the shapes of octconv.h. */
struct tensors {
    struct oct_problem p;
    float *in[OCT_MAX_BANDS], *residual[OCT_MAX_BANDS], *bias[OCT_MAX_BANDS], *out[OCT_MAX_BANDS];
    float *path[OCT_MAX_BANDS][OCT_MAX_BANDS];
};

enum values { VALUES_INTEGER, VALUES_REAL };

#define INTEGER_MAGNITUDE 2 /* of VALUES_INTEGER; reals lie in [-1, 1) */

size_t in_values(const struct oct_problem *p, int band);
size_t out_values(const struct oct_problem *p, int band);

/* Allocates what the problem needs, all zero; the rest stays NULL. */
void tensors_make(struct tensors *t, const struct oct_problem *p);
void tensors_fill(struct tensors *t, enum values values, uint64_t seed);
void tensors_free(struct tensors *t);
struct oct_weights tensors_weights(const struct tensors *t);

/*
 * Plans from copies of problem and weights that are overwritten and freed before the first execute, then
 * executes twice into poisoned outputs, once with a profile where the kernel takes one. OCT_OK with t->out
 * filled; OCT_UNSUPPORTED with the kernel's reason; OCT_ERROR where it broke the contract: wrote outside its
 * outputs or into its inputs, left poison or a padding lane that is not zero, gave other bits the second
 * time, filled in no or a malformed plan info or profile, or said unsupported without a reason.
 */
int run_kernel(const struct oct_kernel *k, struct tensors *t, int threads, struct oct_message *msg);

/*
 * How far each output may be from the exact one: out[j] of `bound`, whose other tensors become magnitudes. A
 * sum of L products in any order errs by at most L * 2^-24 of the sum of their magnitudes; pooling and
 * epilogue add a few roundings. Kernels that are not `exact` mix neighbouring outputs: theirs is the band's
 * largest.
 */
void error_bounds(const struct oct_kernel *k, const struct tensors *t, struct tensors *bound);

/* OCT_OK, or OCT_ERROR and where the first difference beyond the bound is; NULL bound asks for equality. */
int compare(const struct tensors *got, const struct tensors *want, const struct tensors *bound,
            struct oct_message *msg);

/* Between plain N C D H W values and a tensor of that shape and layout. */
void copy_plain(const struct oct_tensor *shape, void *data, float *plain, bool to_layout);

#endif
