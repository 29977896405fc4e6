/* SPDX-License-Identifier: MIT */
/* When a kernel crashes, the user learns which one on which layer, instead of a bare "Segmentation fault". */
#ifndef BENCH_CRASH_H
#define BENCH_CRASH_H

/* From now on a fatal signal prints the note in force on stderr and ends the process with status 5: a kernel
 * that crashes has no right result either. Not under a sanitizer, which tells more. */
void crash_install(void);

/* printf-like. In force until the next note. */
void crash_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
