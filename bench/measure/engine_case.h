/* SPDX-License-Identifier: MIT */
/* A case as a directory that other programs can read: case.json, and a .npy file for every tensor
 * (docs/engines.md). */
#ifndef BENCH_ENGINE_CASE_H
#define BENCH_ENGINE_CASE_H

#include "check/prepare.h"

/* Fills the directory, which is there. OCT_OK, or OCT_ERROR with the reason; then it may hold a part. */
int engine_case_write(const char *directory, const char *name, const struct operands *ops,
                      struct oct_message *msg);

#endif
