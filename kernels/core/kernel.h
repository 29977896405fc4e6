/* SPDX-License-Identifier: MIT */
/* What kernel files share and users do not see. */
#ifndef OCT_KERNEL_H
#define OCT_KERNEL_H

#include "octconv.h"

/* Writes the reason and returns the status, so that a check is one line. */
int oct_fail(struct oct_message *msg, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Nanoseconds of the monotonic clock, for oct_profile. */
uint64_t oct_clock_ns(void);
/* Families of processors for which plans are tuned otherwise (frame/tuning.c). */
enum oct_cpu_family {
    OCT_CPU_OTHER,
    OCT_CPU_ZEN5, /* AMD's family 1Ah, or what came after it */
};
enum oct_cpu_family oct_cpu_family(void);
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

/* 0 counts. */
static inline bool oct_power_of_two(int value)
{
    return (value & (value - 1)) == 0;
}

/* Share t of n items cut into `parts`: [first, last), sizes differing by at most one. */
static inline void oct_share(int n, int parts, int t, int *first, int *last)
{
    *first = (int)((int64_t)n * t / parts);
    *last = (int)((int64_t)n * (t + 1) / parts);
}

/* What a plan does. A kernel whose threads never open a region of their own gives `run`, and then has no
 * `execute`. */
struct oct_plan_ops {
    void (*run)(struct oct_plan *plan, const struct oct_io *io, int thread, int team);
    int (*execute)(struct oct_plan *plan, const struct oct_io *io);
    void (*destroy)(struct oct_plan *plan);
};

/* Every kernel's struct oct_plan begins with it. While it plans, a kernel sets info.outside_bytes to what it
 * wants at io->scratch; the frame allocates that where the caller did not ask to bring it. */
struct oct_plan_head {
    const struct oct_plan_ops *ops;
    struct oct_plan_info info;
    void *scratch;
};

/* Fills what every plan has: operations, threads, the shapes of its tensors in that layout. */
void oct_plan_begin(struct oct_plan_head *head, const struct oct_plan_ops *ops, const struct oct_problem *p,
                    enum oct_layout layout, int threads);

/* After a kernel has planned: brings the scratch where the caller does not. OCT_OK or OCT_NO_MEMORY. */
int oct_plan_finish(struct oct_plan *plan, const struct oct_plan_options *options, struct oct_message *msg);

/* oct_plan_create() where options->candidates is set: what needs no table. */
int oct_plan_make(struct oct_plan **out, const struct oct_kernel *k, const struct oct_problem *p,
                  const struct oct_weights *w, const struct oct_plan_options *options,
                  struct oct_message *msg);

/* A vanilla convolution strides as its axes say; every other layer goes down by octaves. */
bool oct_strides_freely(const struct oct_problem *p);

/* The table's rows. */
extern const struct oct_kernel oct_f32_ref;
extern const struct oct_kernel oct_f32_naive;
extern const struct oct_kernel oct_f32_avx2_direct;
extern const struct oct_kernel oct_f32_avx512_direct;
extern const struct oct_kernel oct_f32_avx2_winograd;
extern const struct oct_kernel oct_f32_avx512_winograd;
extern const struct oct_kernel oct_f32_onednn_framework;
extern const struct oct_kernel oct_f32_onednn_postop;
extern const struct oct_kernel oct_f32_onednn_winograd;
extern const struct oct_kernel oct_f32_xnnpack;
extern const struct oct_kernel oct_auto;

#endif
