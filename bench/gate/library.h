/* SPDX-License-Identifier: MIT */
/* A build of liboctconv loaded at run time, beside the one that octbench was linked with. */
#ifndef BENCH_LIBRARY_H
#define BENCH_LIBRARY_H

#include "octconv.h"

struct library {
    void *handle; /* NULL: the build linked in */
    const char *path;
    const char *version;
    const struct oct_kernel *const *kernels;
};

/* path NULL: the build linked in. Checks that it is a liboctconv of our ABI number and passes the isa limit
 * on. OCT_OK, or OCT_INVALID with the reason. */
int library_open(struct library *out, const char *path, struct oct_message *msg);
void library_close(struct library *library);
/* NULL: no such kernel. */
const struct oct_kernel *library_kernel(const struct library *library, const char *name);

#endif
