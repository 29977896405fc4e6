/* SPDX-License-Identifier: MIT */
/*
 * liboctconv: Octave Convolution on CPUs. The only public header.
 *
 * What is computed is specified in docs/octconv.md (Chen et al., "Drop an Octave", ICCV 2019,
 * arXiv 1904.05049, equations 2 to 4). In short: a feature map is stored in bands, band b at
 * 1/2^b of the resolution; a layer is the sum, for each output band, of one convolution per input
 * band, pooled down or upsampled where the resolutions differ.
 *
 * The way through: fill a struct oct_problem, pick an entry of oct_kernels[], oct_plan_create(),
 * put the tensors into the layouts that oct_plan_info() names (oct_to_layout()), oct_execute(),
 * oct_plan_destroy(). Everything that can fail returns an enum oct_status and fills an oct_message.
 */
#ifndef OCTCONV_H
#define OCTCONV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OCT_API __attribute__((visibility("default")))

/* Raised whenever a struct below changes: two builds can be compared only at the same number. */
#define OCT_ABI 1

#define OCT_MAX_BANDS        4
#define OCT_PAD_SAME         (-1) /* dilation * (k - 1) / 2 on each axis */
#define OCT_GROUPS_DEPTHWISE (-1) /* each intra-band path is depthwise, inter-band paths do not exist */

enum oct_status {
    OCT_OK = 0,
    OCT_UNSUPPORTED, /* a legal problem, but not for this kernel, or not on this machine */
    OCT_INVALID,     /* the problem contradicts itself */
    OCT_NO_MEMORY,
    OCT_ERROR, /* a library below failed */
};

/* Why a call did not return OCT_OK, in words a person can act on. */
struct oct_message {
    char text[256];
};

enum oct_dtype { OCT_F32, OCT_BF16, OCT_S8 };

/* How a path goes down by 2^m: average pooling (the paper), or a convolution of stride 2^m (table 3). */
enum oct_down { OCT_DOWN_POOL, OCT_DOWN_STRIDED };

/* Where a layer of stride 2 halves: in every path by its own distance, or every input band first. */
enum oct_stride_order { OCT_STRIDE_OFFICIAL, OCT_STRIDE_POOL_FIRST };

/* Applied per output band, in this order. At most one of the two activations. */
enum oct_epilogue {
    OCT_EPILOGUE_BIAS = 1u << 0,
    OCT_EPILOGUE_RESIDUAL = 1u << 1,
    OCT_EPILOGUE_RELU = 1u << 2,
    OCT_EPILOGUE_RELU6 = 1u << 3,
};

/* One layer. bands == 1 is a vanilla convolution. Channel counts of unused bands are 0. */
struct oct_problem {
    int n, d, h, w; /* batch; input extents of band 0 (d: time, 1 for images) */
    int bands, ic[OCT_MAX_BANDS], oc[OCT_MAX_BANDS];
    int kd, kh, kw;
    int stride;   /* 1 or 2, spatial axes only */
    int pad;      /* OCT_PAD_SAME, or zeros on each side of h and w (and of d where kd > 1) */
    int dilation; /* spatial axes and time alike */
    int groups;   /* divides the channels of every path, or OCT_GROUPS_DEPTHWISE */
    enum oct_down down;
    enum oct_stride_order stride_order;
    uint32_t paths;       /* bit OCT_PATH(from, to); absent paths contribute nothing */
    enum oct_dtype dtype; /* storage; accumulation is f32 */
    uint32_t epilogue;    /* of enum oct_epilogue */
};

#define OCT_PATH(from, to)     ((from)*OCT_MAX_BANDS + (to))
#define OCT_PATH_BIT(from, to) (UINT32_C(1) << OCT_PATH(from, to))
#define OCT_ALL_PATHS          UINT32_C(0xffff)

struct oct_extent {
    int d, h, w;
};

/*
 * One path of a problem: average-pool by 2^pre, then by 2^pool (two roundings where extents are odd),
 * convolve `in` -> `out` at conv_stride, nearest-upsample by 2^up and crop to the output band.
 */
struct oct_path {
    int pre, pool, up; /* log2 */
    int conv_stride;
    int groups;
    int pad_d, pad_h, pad_w;
    struct oct_extent in, out; /* the planes between which the path convolves */
    uint64_t macs;             /* multiply-adds as the paper counts them: N*OC*IC/groups*KD*KH*KW*out */
};

/* A 1x1, stride-1, one-band f32 problem with same padding and all paths; set what differs. */
OCT_API struct oct_problem oct_problem_default(void);

/* OCT_OK or OCT_INVALID, with the reason. Everything below expects a problem that passed. */
OCT_API int oct_problem_check(const struct oct_problem *p, struct oct_message *msg);

/* Channels of the low band at ratio alpha: floor(alpha * c), as the official code rounds. */
OCT_API int oct_low_channels(int c, double alpha);

/* The same layer with one band: the baseline (for stride 2 the ordinary strided convolution). */
OCT_API struct oct_problem oct_problem_vanilla(const struct oct_problem *p);

/* Does the path contribute: both bands have channels, its bit is set, and it is not an inter-band
 * path of a depthwise layer. */
OCT_API bool oct_path_exists(const struct oct_problem *p, int from, int to);
OCT_API struct oct_path oct_path_get(const struct oct_problem *p, int from, int to);

/* "hh", "hl", "lh", "ll" for two bands, "w" for one, else "<from><to>" such as "21". */
OCT_API const char *oct_path_name(const struct oct_problem *p, int from, int to, char buf[4]);

OCT_API struct oct_extent oct_in_extent(const struct oct_problem *p, int band);
OCT_API struct oct_extent oct_out_extent(const struct oct_problem *p, int band);

OCT_API uint64_t oct_macs(const struct oct_problem *p);
OCT_API uint64_t oct_act_bytes(const struct oct_problem *p);    /* inputs + outputs, all bands, unpadded */
OCT_API uint64_t oct_weight_bytes(const struct oct_problem *p); /* without bias */
OCT_API double oct_theory_speedup(const struct oct_problem *p); /* macs(vanilla) / macs(p) */
OCT_API size_t oct_path_weights(const struct oct_problem *p, int from, int to); /* floats of W[from][to] */

/* Longest sum behind one output value, in multiply-adds: rounding errors grow with it. */
OCT_API uint64_t oct_sum_length(const struct oct_problem *p);

/* Do integer tensors of at most this magnitude make every f32 sum exact, whatever its order? Every pooling
 * window must hold a power of two of values (4, 2, 1 at the edge of a 7x7 map; not the 12 of pooling it by
 * 4), and no sum may reach 2^24 times the smallest average. Where this is false, compare with a bound. */
OCT_API bool oct_integers_exact(const struct oct_problem *p, int magnitude);

OCT_API size_t oct_dtype_size(enum oct_dtype dtype);
OCT_API const char *oct_dtype_name(enum oct_dtype dtype);
OCT_API const char *oct_status_name(int status);

/* ---- tensors ------------------------------------------------------------------------------------- */

/* N C D H W, or N C/b D H W b with the channels padded to a multiple of b, or N D H W C. Padding lanes are
 * zero: whoever writes a tensor writes them, so that the next layer may read whole blocks. */
enum oct_layout { OCT_NCHW, OCT_NCHW8C, OCT_NCHW16C, OCT_NHWC };

OCT_API const char *oct_layout_name(enum oct_layout layout);
OCT_API int oct_layout_block(enum oct_layout layout); /* 1, 8, 16; channels are padded to it */
OCT_API size_t oct_layout_bytes(enum oct_layout layout, enum oct_dtype dtype, int n, int c,
                                struct oct_extent e);

/* Plain f32 NCDHW -> layout and back. Parallel over channel blocks with the calling team's default count. */
OCT_API void oct_to_layout(enum oct_layout layout, void *dst, const float *src, int n, int c,
                           struct oct_extent e);
OCT_API void oct_from_layout(enum oct_layout layout, float *dst, const void *src, int n, int c,
                             struct oct_extent e);

/* 64-byte aligned, transparent huge pages asked for where the size allows; not touched, not zeroed.
 * Baselines and candidates must all allocate here: huge pages on one side alone fake a gain of 6%. */
OCT_API void *oct_alloc(size_t bytes);
OCT_API void oct_free(void *p);

/* Plain f32, O I D H W per path (I = IC/groups). NULL where the path does not exist; bias[j] has oc[j]. */
struct oct_weights {
    const float *path[OCT_MAX_BANDS][OCT_MAX_BANDS];
    const float *bias[OCT_MAX_BANDS];
};

/* Where the time of one execute went. Names: a path ("hh"), several fused ("ll+hl"), "pool", "upsample",
 * "add". A kernel adds to the parts it can tell apart; the caller zeroes `count` first. */
struct oct_profile {
    int count;
    struct {
        char name[24];
        uint64_t ns;
    } part[32];
};

/* Tensors in the layouts of oct_plan_info(). Bands without channels are NULL. out may not alias in. */
struct oct_io {
    const void *in[OCT_MAX_BANDS];
    const void *residual[OCT_MAX_BANDS]; /* in out's layout; read only with OCT_EPILOGUE_RESIDUAL */
    void *out[OCT_MAX_BANDS];
    struct oct_profile *profile; /* NULL: do not look at the clock */
};

/* ---- kernels ------------------------------------------------------------------------------------- */

enum oct_algorithm { OCT_ALGORITHM_DIRECT, OCT_ALGORITHM_WINOGRAD };

struct oct_plan;

struct oct_plan_info {
    enum oct_layout in[OCT_MAX_BANDS], out[OCT_MAX_BANDS]; /* what execute reads and writes */
    int threads;
    size_t scratch_bytes; /* owned by the plan */
    size_t weight_bytes;  /* as packed */
    char describe[192];   /* what was really chosen: library implementation, tile, blocking, split */
};

struct oct_kernel {
    const char *name; /* == file stem */
    const char *summary;
    uint32_t isa; /* OCT_ISA_*: never enter the file on a machine that lacks one of them */
    enum oct_algorithm algorithm;
    enum oct_layout layout; /* usual; a plan may differ (oct_plan_info) */
    uint32_t dtypes;        /* 1u << enum oct_dtype */
    bool exact;             /* small integers in, exact results out, whatever the order of the sums */
    double error_growth;    /* on reals: factor on the bound of a plain sum; 1 for direct kernels */
    bool profiles;          /* honours oct_io.profile */

    /* Called through oct_plan_create(), which has checked problem, isa, dtype and threads. */
    int (*plan)(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w, int threads,
                struct oct_message *msg);
    int (*execute)(struct oct_plan *plan, const struct oct_io *io); /* no allocation */
    void (*destroy)(struct oct_plan *plan);
    const struct oct_plan_info *(*info)(const struct oct_plan *plan);
};

/* NULL-ended; [0] is the reference, which implements everything. */
OCT_API extern const struct oct_kernel *const oct_kernels[];
OCT_API const struct oct_kernel *oct_kernel_find(const char *name);

/* OCT_OK if this machine (as limited by oct_cpu_limit) can enter the kernel, else OCT_UNSUPPORTED and why. */
OCT_API int oct_kernel_available(const struct oct_kernel *k, struct oct_message *msg);

/*
 * A plan packs the weights and owns its scratch; it keeps no pointer into p or w. It runs on exactly
 * `threads` OpenMP threads, and one plan may be executed by one caller at a time; different plans may run
 * in different threads. Returns OCT_OK and sets *out, or another status with *out NULL.
 */
OCT_API int oct_plan_create(struct oct_plan **out, const struct oct_kernel *k, const struct oct_problem *p,
                            const struct oct_weights *w, int threads, struct oct_message *msg);
OCT_API int oct_execute(const struct oct_kernel *k, struct oct_plan *plan, const struct oct_io *io);
OCT_API void oct_plan_destroy(const struct oct_kernel *k, struct oct_plan *plan); /* NULL plan: nothing */

/* ---- machine ------------------------------------------------------------------------------------- */

enum oct_isa {
    OCT_ISA_AVX2 = 1u << 0,   /* AVX2 and FMA */
    OCT_ISA_AVX512 = 1u << 1, /* F, BW, DQ, VL */
    OCT_ISA_AVX512_VNNI = 1u << 2,
    OCT_ISA_AVX512_BF16 = 1u << 3,
    OCT_ISA_AMX = 1u << 4, /* tile, int8 and bf16, and the system grants their state */
};

OCT_API uint32_t oct_cpu_detected(void);
OCT_API uint32_t oct_cpu_usable(void); /* detected & limit */

/* For the whole process, before the first plan: libraries fix their choice at first use. */
OCT_API void oct_cpu_limit(uint32_t mask);

/* "base", "avx2", "avx512", "avx512_vnni", "avx512_bf16", "amx": that level and all below. False: unknown. */
OCT_API bool oct_isa_parse(const char *name, uint32_t *mask);
/* The highest level in a mask, by the names above. */
OCT_API const char *oct_isa_name(uint32_t mask);

OCT_API int oct_abi(void);
OCT_API const char *oct_version(void);        /* "0.1.0" */
OCT_API const char *oct_onednn_version(void); /* "2.6.3", or NULL when built without */

#ifdef __cplusplus
}
#endif
#endif
