/* SPDX-License-Identifier: MIT */
/* What kernel files share and users do not see. */
#ifndef OCT_KERNEL_H
#define OCT_KERNEL_H

#include "octconv.h"

/* Writes the reason and returns the status, so that a check is one line. */
int oct_fail(struct oct_message *msg, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Nanoseconds of the monotonic clock, for oct_profile. */
uint64_t oct_clock_ns(void);
/* AMD's Zen 5 (family 1Ah) or what came after it: what the kernels fetch otherwise there was measured on it.
 */
bool oct_cpu_is_zen5(void);
/* Adds ns to the part of that name, which it creates at need. NULL profile: nothing. */
void oct_profile_add(struct oct_profile *profile, const char *name, uint64_t ns);

/* Before a loop of constant length: unroll all of it, so that the arrays it indexes become registers. */
#ifdef __clang__
#define OCT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define OCT_UNROLL _Pragma("GCC unroll 32")
#endif

static inline int oct_min(int a, int b)
{
    return a < b ? a : b;
}

static inline int oct_max(int a, int b)
{
    return a > b ? a : b;
}

static inline int oct_ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/* Share t of n items cut into `parts`: [first, last), sizes differing by at most one. */
static inline void oct_share(int n, int parts, int t, int *first, int *last)
{
    *first = (int)((int64_t)n * t / parts);
    *last = (int)((int64_t)n * (t + 1) / parts);
}

/* The table's rows. */
extern const struct oct_kernel oct_f32_ref;
extern const struct oct_kernel oct_f32_naive;
extern const struct oct_kernel oct_f32_avx2_direct;
extern const struct oct_kernel oct_f32_avx512_direct;
/* Not in the table: where the direct kernels send grouped and depthwise layers. */
extern const struct oct_kernel oct_f32_avx2_grouped;
extern const struct oct_kernel oct_f32_avx512_grouped;
extern const struct oct_kernel oct_f32_onednn_framework;
extern const struct oct_kernel oct_f32_onednn_postop;
extern const struct oct_kernel oct_f32_onednn_winograd;

#endif
