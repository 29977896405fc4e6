/* SPDX-License-Identifier: MIT */
/* The Python programs of scripts/engines/: in the folder that OCTBENCH_ENGINES names, or in the source tree
 * that this program was built from. */
#ifndef BENCH_ENGINE_SCRIPTS_H
#define BENCH_ENGINE_SCRIPTS_H

#include "octconv.h"

/* The path of one of them; false when it does not fit. Whether it is there shows when it is started. */
bool engine_script_path(char *path, size_t size, const char *name);

/* Runs one to its end with these arguments (a NULL ends them). OCT_OK; OCT_UNSUPPORTED where it, or what it
 * needs, is missing (it says so on stderr with exit status 6); OCT_ERROR. */
int engine_script_run(const char *name, char *const arguments[], struct oct_message *msg);

#endif
