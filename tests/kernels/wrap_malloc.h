/* SPDX-License-Identifier: MIT */
/* Counts allocations by code that is linked into the program (not by the libraries that it loads). */
#ifndef TESTS_WRAP_MALLOC_H
#define TESTS_WRAP_MALLOC_H

/* Since the program began, by all threads. CMake's wrap_malloc brings the linker options. */
unsigned long allocations(void);

#endif
