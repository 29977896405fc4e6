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
 * put the tensors into the layouts that oct_plan_info() names (oct_tensor_copy()), oct_execute(),
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
#define OCT_ABI 2

#define OCT_MAX_BANDS        4
#define OCT_MAX_STRIDE       16
#define OCT_GROUPS_DEPTHWISE (-1) /* each intra-band path is depthwise, inter-band paths do not exist */

/* Words in place of zeros beside an axis; both sides bear the same. */
#define OCT_PAD_SAME (-1) /* dilation * (k - 1) / 2 on each side, as PyTorch's "same" */
#define OCT_PAD_SAME_UPPER                                                                              \
    (-2)                    /* as many as ceil(extent / stride) outputs need, the odd one behind (ONNX) \
                             */
#define OCT_PAD_CAUSAL (-3) /* time alone: dilation * (k - 1) before, none behind */

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

enum oct_dtype { OCT_F32, OCT_BF16, OCT_S8, OCT_S32 };

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

/* Element types. Sums are kept in `acc`: f32, or s32 for s8. */
struct oct_types {
    enum oct_dtype src, weights, dst, acc;
};

/* One layer. bands == 1 is a vanilla convolution. Channel counts of unused bands are 0. With two bands or
 * more, h and w have the same stride: 1, 2 or 4. */
struct oct_problem {
    int n, d, h, w; /* batch; input extents of band 0 (d: time, 1 for images) */
    int bands, ic[OCT_MAX_BANDS], oc[OCT_MAX_BANDS];
    int kd, kh, kw;
    int stride_d, stride_h, stride_w;       /* 1 to OCT_MAX_STRIDE; octaves halve h and w alone */
    int dilation_d, dilation_h, dilation_w; /* distance between taps */
    int pad_front, pad_back;                /* zeros before and behind d, or a word above */
    int pad_top, pad_bottom;                /* h */
    int pad_left, pad_right;                /* w */
    int groups;                             /* divides the channels of every path, or OCT_GROUPS_DEPTHWISE */
    bool groups_per_path; /* each path has min(in, out, groups) groups of its own channels */
    enum oct_down down;
    enum oct_stride_order stride_order;
    uint32_t paths; /* bit OCT_PATH(from, to); absent paths contribute nothing */
    struct oct_types types;
    uint32_t epilogue; /* of enum oct_epilogue */
};

#define OCT_PATH(from, to)     ((from)*OCT_MAX_BANDS + (to))
#define OCT_PATH_BIT(from, to) (UINT32_C(1) << OCT_PATH(from, to))
#define OCT_ALL_PATHS          UINT32_C(0xffff)

struct oct_extent {
    int d, h, w;
};

/*
 * One path of a problem: average-pool by 2^pre, then by 2^pool (two roundings where extents are odd),
 * convolve `in` -> `out` at the strides, nearest-upsample by 2^up and crop to the output band.
 */
struct oct_path {
    int pre, pool, up; /* log2 */
    int stride_d, stride_h, stride_w;
    int groups;
    int pad_front, pad_top, pad_left;    /* zeros before an axis, words resolved */
    int pad_back, pad_bottom, pad_right; /* and behind it */
    struct oct_extent in, out;           /* the planes between which the path convolves */
    uint64_t macs; /* multiply-adds as the paper counts them: N*OC*IC/groups*KD*KH*KW*out */
};

/* ---- the fields of a problem --------------------------------------------------------------------- */

enum oct_field_type {
    OCT_FIELD_NUMBER,   /* least to most, or the value of a word */
    OCT_FIELD_WORD,     /* the value of a word, and nothing else */
    OCT_FIELD_FLAGS,    /* words or-ed together; 0 is "none" */
    OCT_FIELD_PATHS,    /* bits OCT_PATH_BIT() */
    OCT_FIELD_CHANNELS, /* a number for each band */
};

struct oct_word {
    const char *name;
    int value;
};

/* Every field of struct oct_problem, once: what configs, names, columns, messages and random problems walk.
 */
struct oct_field {
    const char *name; /* as the member; NULL ends the table */
    enum oct_field_type type;
    size_t offset;                /* of the member in struct oct_problem */
    size_t size;                  /* of the member in bytes */
    int least, most;              /* of a number */
    int usual;                    /* in oct_problem_default() */
    const struct oct_word *words; /* ended by a NULL name; NULL: none */
    const char *help;             /* one line */
};

OCT_API extern const struct oct_field oct_fields[];
OCT_API const struct oct_field *oct_field_find(const char *name); /* NULL: none */

/* All but CHANNELS; enumerations and switches as their values. */
OCT_API int oct_field_get(const struct oct_field *f, const struct oct_problem *p);
OCT_API void oct_field_set(const struct oct_field *f, struct oct_problem *p, int value);

/* Reads what oct_field_text() writes; flags and channels also with commas, channels without brackets. Not
 * PATHS. False: no value of the field, and p is as before. */
OCT_API bool oct_field_parse(const struct oct_field *f, struct oct_problem *p, const char *text);

/* The value as a config writes it: "3", "same", "bias+relu", "[4,2]", "00,11". Returns buf. */
OCT_API const char *oct_field_text(const struct oct_field *f, const struct oct_problem *p, char *buf,
                                   size_t size);

/* A 1x1, stride-1, one-band f32 problem with same padding and all paths; set what differs. */
OCT_API struct oct_problem oct_problem_default(void);

/* The same on every axis: stride of h and w; dilation of d, h and w; padding of h and w, and of d where that
 * has a window or the padding is a word. */
OCT_API void oct_problem_set_stride(struct oct_problem *p, int stride);
OCT_API void oct_problem_set_dilation(struct oct_problem *p, int dilation);
OCT_API void oct_problem_set_pad(struct oct_problem *p, int pad);

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
enum oct_layout { OCT_LAYOUT_ANY, OCT_NCHW, OCT_NCHW8C, OCT_NCHW16C, OCT_NHWC };

OCT_API const char *oct_layout_name(enum oct_layout layout);
OCT_API int oct_layout_block(enum oct_layout layout); /* 1, 8, 16; channels are padded to it */

/* One band of a feature map. data: NULL where only the shape is meant. */
struct oct_tensor {
    enum oct_dtype dtype;
    enum oct_layout layout;
    int n, c;
    struct oct_extent e;
    void *data;
};

OCT_API size_t oct_tensor_bytes(const struct oct_tensor *t); /* padding lanes included */

/* f32 tensors of the same shape in any two layouts. Parallel over channels with the calling team's default
 * count. OCT_OK; OCT_INVALID where shapes differ; OCT_UNSUPPORTED for other types. */
OCT_API int oct_tensor_copy(const struct oct_tensor *dst, const struct oct_tensor *src);

/* A band of a problem's input or output, in that layout. */
OCT_API struct oct_tensor oct_in_tensor(const struct oct_problem *p, int band, enum oct_layout layout,
                                        void *data);
OCT_API struct oct_tensor oct_out_tensor(const struct oct_problem *p, int band, enum oct_layout layout,
                                         void *data);

/* 64-byte aligned, transparent huge pages asked for where the size allows; not touched, not zeroed.
 * 16 bytes behind the end are readable, as XNNPACK wants of every tensor. Baselines and candidates must all
 * allocate here: huge pages on one side alone fake a gain of 6%. */
OCT_API void *oct_alloc(size_t bytes);
OCT_API void oct_free(void *p);

/* Plain f32, O I D H W per path (I = IC/groups). NULL where the path does not exist; bias[j] has oc[j]. For
 * s8: real = scale * stored; a path has a scale for each output channel. */
struct oct_weights {
    const float *path[OCT_MAX_BANDS][OCT_MAX_BANDS];
    const float *bias[OCT_MAX_BANDS];
    const float *path_scale[OCT_MAX_BANDS][OCT_MAX_BANDS];
    float src_scale[OCT_MAX_BANDS], dst_scale[OCT_MAX_BANDS];
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

/* Data of the tensors that oct_plan_info() describes. Bands without channels are NULL. out may not alias in.
 */
struct oct_io {
    const void *in[OCT_MAX_BANDS];
    const void *residual[OCT_MAX_BANDS]; /* as out; read only with OCT_EPILOGUE_RESIDUAL */
    void *out[OCT_MAX_BANDS];
    void *scratch;               /* oct_plan_info.outside_bytes, from oct_alloc(); else ignored */
    struct oct_profile *profile; /* NULL: do not look at the clock */
};

/* ---- kernels ------------------------------------------------------------------------------------- */

/* ANY: what a plan chose, its description says. */
enum oct_algorithm { OCT_ALGORITHM_DIRECT, OCT_ALGORITHM_WINOGRAD, OCT_ALGORITHM_ANY };

OCT_API const char *oct_algorithm_name(enum oct_algorithm algorithm); /* "direct", "winograd", "any" */

struct oct_plan;

struct oct_kernel;

/* What is asked of a plan. */
struct oct_plan_options {
    int threads;             /* at least 1 */
    enum oct_layout in, out; /* of every band; OCT_LAYOUT_ANY: the kernel's choice */
    bool outside_scratch;    /* scratch comes with each execute, so that plans that take turns share it */

    /* For the kernel `auto` alone. */
    bool cold_weights;  /* choose as if weights came from memory at each execute, as in a network */
    const char *tuning; /* file of earlier choices, read and added to; NULL: none */
    const struct oct_kernel *const *candidates; /* NULL-ended; NULL: oct_kernels */
};

struct oct_plan_info {
    struct oct_tensor in[OCT_MAX_BANDS], out[OCT_MAX_BANDS]; /* what execute reads and writes; data: NULL */
    int threads;
    size_t scratch_bytes;   /* what execute writes beside its outputs */
    size_t outside_bytes;   /* of that, what oct_io.scratch must hold; 0 unless asked for */
    const void *weights;    /* as packed, in the order of reading; NULL: not in one piece */
    size_t weight_bytes;    /* as packed */
    bool joins_team;        /* oct_execute_in_team() may be called */
    bool residual_in_place; /* oct_io.residual[b] may be oct_io.out[b] */
    char describe[192];     /* what was really chosen: library implementation, tile, blocking, split */
};

struct oct_kernel {
    const char *name; /* == file stem */
    const char *summary;
    const char *library; /* whose convolution it is: "octconv", "oneDNN" ... */
    uint32_t isa;        /* OCT_ISA_*: never enter the file on a machine that lacks one of them */
    enum oct_algorithm algorithm;
    enum oct_layout layout; /* usual; a plan may differ (oct_plan_info) */
    uint32_t dtypes;        /* 1u << enum oct_dtype */
    bool exact;             /* small integers in, exact results out, whatever the order of the sums */
    double error_growth;    /* on reals: factor on the bound of a plain sum; 1 for direct kernels */
    bool profiles;          /* honours oct_io.profile */

    /* What a kernel needs beside its instruction set; NULL: nothing. OCT_OK or OCT_UNSUPPORTED. */
    int (*available)(struct oct_message *msg);

    /* Called through oct_plan_create(), which has checked problem, isa, types and options. */
    int (*plan)(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                const struct oct_plan_options *options, struct oct_message *msg);
};

/* NULL-ended; [0] is the reference, which implements everything. */
OCT_API extern const struct oct_kernel *const oct_kernels[];
OCT_API const struct oct_kernel *oct_kernel_find(const char *name);

/* OCT_OK if this machine (as limited by oct_cpu_limit) can enter the kernel, else OCT_UNSUPPORTED and why. */
OCT_API int oct_kernel_available(const struct oct_kernel *k, struct oct_message *msg);

/*
 * A plan packs the weights and owns its scratch unless that comes from outside; it keeps no pointer into p or
 * w. It runs on exactly `threads` OpenMP threads, and one plan may be executed by one caller at a time;
 * different plans may run in different threads. Returns OCT_OK and sets *out, or another status with *out
 * NULL.
 */
OCT_API int oct_plan_create(struct oct_plan **out, const struct oct_kernel *k, const struct oct_problem *p,
                            const struct oct_weights *w, const struct oct_plan_options *options,
                            struct oct_message *msg);
OCT_API const struct oct_plan_info *oct_plan_info(const struct oct_plan *plan);
OCT_API int oct_execute(struct oct_plan *plan, const struct oct_io *io); /* no allocation */

/* The share of one thread of an OpenMP team that exists: every thread of the team calls it, with its number
 * and the team's size, which is at most the plan's threads. Only where the plan joins teams. The outputs are
 * complete after the next barrier of the team. */
OCT_API void oct_execute_in_team(struct oct_plan *plan, const struct oct_io *io, int thread, int team);
OCT_API void oct_plan_destroy(struct oct_plan *plan); /* NULL: nothing */

/* ---- networks ------------------------------------------------------------------------------------ */

/* What a node computes. Its shapes stand in its problem: input bands ic, extents d h w, output bands oc,
 * batch n; f32. Bands of the inputs must be those of the nodes they come from. */
enum oct_op {
    OCT_OP_INPUT, /* what oct_net_execute() is given; ic = oc. A network has one */

    /* The problem's layer. With OCT_EPILOGUE_RESIDUAL, input[1] is added before the activation. A fully
     * connected layer is a 1x1 convolution of a one-band 1x1 map. */
    OCT_OP_CONV,
    OCT_OP_MAX_POOL, /* window, strides and paddings of the problem, each band by itself; padding never wins
                      */
    OCT_OP_AVG_POOL, /* the same; padding does not count */

    /* Each channel's average. oc[0]: the channels of all input bands, one band behind another, a 1x1x1 map.
     */
    OCT_OP_GLOBAL_POOL,
    OCT_OP_ADD, /* input[0] + input[1], then the epilogue's activation */

    /* input[0] * sigmoid(input[1]), the excitation of SE networks, then the epilogue's activation. input[1]
     * is one band, a 1x1x1 map, with a value for each channel of all bands of input[0], in order. */
    OCT_OP_SCALE,
};

OCT_API const char *oct_op_name(enum oct_op op); /* "input", "conv", "max_pool" ... */

struct oct_node {
    const char *name;
    enum oct_op op;
    int input[2]; /* indices of earlier nodes, as far as the operation has inputs; else -1 */
    struct oct_problem problem;
    struct oct_weights weights; /* of a CONV */
};

struct oct_net_options {
    int threads;                     /* at least 1 */
    const struct oct_kernel *kernel; /* for every convolution it takes; NULL: the fastest found for each */
    const char *tuning;              /* a file that remembers what was found; NULL: none */
    bool keep_all; /* every node's output has memory of its own and stays there: nothing is fused */
};

struct oct_net_info {
    struct oct_tensor in[OCT_MAX_BANDS], out[OCT_MAX_BANDS]; /* plain N C D H W, whatever lies between */
    int nodes, threads;
    int reorders; /* tensors that are copied into another layout on their way to a reader */
    uint64_t macs;
    size_t arena_bytes;   /* peak of all activations between in and out, as planned and allocated */
    size_t scratch_bytes; /* what the nodes share beside that */
    size_t weight_bytes;  /* as packed */
    const void *arena;    /* arena_bytes of memory, which execute alone touches */
};

struct oct_net_node_info {
    const char *name;
    enum oct_op op;
    const char *kernel; /* of a CONV; else NULL */
    char describe[192]; /* what was chosen */
    int fused_into;     /* the node that computes this one on the way (a stem's pooling), or -1 */
    bool in_place;      /* the output takes the memory of the residual or of the first input */

    /* input[0] as it is read, and the output as it is written. data: with keep_all, where out lies. */
    struct oct_tensor in[OCT_MAX_BANDS], out[OCT_MAX_BANDS];
    uint64_t macs;
    size_t weight_bytes, act_bytes; /* act_bytes: of the output, padding lanes included */
};

struct oct_net;

/*
 * Checks and plans. The last node is the network's output; every other one is read by at least one node
 * after it. Keeps no pointer into nodes or weights. Nodes may run in another order than theirs, one that
 * needs less memory. Returns OCT_OK and sets *out; OCT_INVALID with the first contradiction, by the node's
 * name; OCT_UNSUPPORTED where no kernel runs a node; or another status; with *out NULL.
 */
OCT_API int oct_net_create(struct oct_net **out, const struct oct_node *nodes, int count,
                           const struct oct_net_options *options, struct oct_message *msg);
OCT_API const struct oct_net_info *oct_net_info(const struct oct_net *net);
OCT_API const struct oct_net_node_info *oct_net_node(const struct oct_net *net, int node);

/* By one caller at a time; allocates nothing. out may not alias in. ns: one number a node, to which the time
 * the node took is added (a fused one's stands where it is fused into); NULL: do not look at the clock. */
OCT_API int oct_net_execute(struct oct_net *net, const void *const in[OCT_MAX_BANDS],
                            void *const out[OCT_MAX_BANDS], uint64_t *ns);
OCT_API void oct_net_destroy(struct oct_net *net); /* NULL: nothing */

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
