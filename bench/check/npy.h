/* SPDX-License-Identifier: MIT */
/* Tensors as numpy's .npy files (format versions 1.0 to 3.0, C order), always f32 in memory. */
#ifndef BENCH_NPY_H
#define BENCH_NPY_H

#include "octconv.h"

#define NPY_MAX_RANK 8

struct npy {
    int rank;
    size_t shape[NPY_MAX_RANK];
    size_t count; /* product of the shape; 1 for rank 0 */
    float *data;  /* npy_free() */
};

/* Reads float32, float64 and integers of up to 64 bits, little-endian, rounded to f32. OCT_OK, OCT_INVALID
 * where the file is not what it says it is, OCT_ERROR where it cannot be read, OCT_NO_MEMORY; each with
 * "path: why". On failure *out is empty. */
int npy_read(struct npy *out, const char *path, struct oct_message *msg);

/* Writes float32, version 1.0. OCT_OK or OCT_ERROR; then no part of the file is left. */
int npy_write(const struct npy *array, const char *path, struct oct_message *msg);

void npy_free(struct npy *array);

/* "(2, 3)" as numpy writes it. */
const char *npy_shape_text(const struct npy *array, char buf[192]);

#endif
