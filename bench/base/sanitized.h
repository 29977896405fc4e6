/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SANITIZED_H
#define BENCH_SANITIZED_H

/* Whether AddressSanitizer watches this build: it reports crashes itself, touches memory of its own, and
 * costs time. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#endif
