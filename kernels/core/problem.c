/* SPDX-License-Identifier: MIT */
/* Every formula of the operator (docs/octconv.md), once. */
#include "core/kernel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int log2_of(int stride)
{
    return stride == 2 ? 1 : 0;
}

static int ceil_shift(int extent, int log2)
{
    return (int)(((int64_t)extent + (INT64_C(1) << log2) - 1) >> log2);
}

/* Zeros on each side of an axis. */
static int axis_pad(const struct oct_problem *p, int k)
{
    if (p->pad == OCT_PAD_SAME)
        return p->dilation * (k - 1) / 2;
    return p->pad;
}

/* Extent after a convolution; 0 or less where the kernel does not fit. */
static int conv_extent(int in, int pad, int k, int dilation, int stride)
{
    int64_t room = (int64_t)in + 2 * (int64_t)pad - (int64_t)dilation * (k - 1) - 1;

    if (room < 0)
        return 0;
    return (int)(room / stride) + 1;
}

struct oct_problem oct_problem_default(void)
{
    struct oct_problem p = {
        .n = 1,
        .d = 1,
        .h = 1,
        .w = 1,
        .bands = 1,
        .ic = {1},
        .oc = {1},
        .kd = 1,
        .kh = 1,
        .kw = 1,
        .stride = 1,
        .pad = OCT_PAD_SAME,
        .dilation = 1,
        .groups = 1,
        .down = OCT_DOWN_POOL,
        .stride_order = OCT_STRIDE_OFFICIAL,
        .paths = OCT_ALL_PATHS,
        .dtype = OCT_F32,
    };
    return p;
}

int oct_low_channels(int c, double alpha)
{
    return (int)floor(alpha * c);
}

struct oct_problem oct_problem_vanilla(const struct oct_problem *p)
{
    struct oct_problem v = *p;

    memset(v.ic, 0, sizeof(v.ic));
    memset(v.oc, 0, sizeof(v.oc));
    for (int b = 0; b < p->bands; b++) {
        v.ic[0] += p->ic[b];
        v.oc[0] += p->oc[b];
    }
    v.bands = 1;
    v.paths = OCT_ALL_PATHS;
    v.down = OCT_DOWN_STRIDED;
    v.stride_order = OCT_STRIDE_OFFICIAL;
    return v;
}

bool oct_path_exists(const struct oct_problem *p, int from, int to)
{
    if (from >= p->bands || to >= p->bands || p->ic[from] == 0 || p->oc[to] == 0)
        return false;
    if (p->groups == OCT_GROUPS_DEPTHWISE && from != to)
        return false;
    return p->paths & OCT_PATH_BIT(from, to);
}

struct oct_extent oct_in_extent(const struct oct_problem *p, int band)
{
    return (struct oct_extent){p->d, ceil_shift(p->h, band), ceil_shift(p->w, band)};
}

/* The geometry of a path, whether or not it contributes: the rule "one rule for every path". */
struct oct_path oct_path_get(const struct oct_problem *p, int from, int to)
{
    struct oct_path path = {0};
    int in_octave = from, out_octave = to + log2_of(p->stride), down;

    if (p->stride_order == OCT_STRIDE_POOL_FIRST) {
        path.pre = log2_of(p->stride);
        out_octave = to;
    }
    down = oct_max(out_octave - in_octave, 0);
    path.up = oct_max(in_octave - out_octave, 0);
    path.pool = p->down == OCT_DOWN_POOL ? down : 0;
    path.conv_stride = p->down == OCT_DOWN_POOL ? 1 : 1 << down;
    path.groups = p->groups == OCT_GROUPS_DEPTHWISE ? p->ic[from] : p->groups;
    path.pad_d = p->pad == OCT_PAD_SAME || p->kd > 1 ? axis_pad(p, p->kd) : 0;
    path.pad_h = axis_pad(p, p->kh);
    path.pad_w = axis_pad(p, p->kw);
    path.in = oct_in_extent(p, from);
    path.in.h = ceil_shift(ceil_shift(path.in.h, path.pre), path.pool);
    path.in.w = ceil_shift(ceil_shift(path.in.w, path.pre), path.pool);
    path.out.d = conv_extent(path.in.d, path.pad_d, p->kd, p->dilation, 1);
    path.out.h = conv_extent(path.in.h, path.pad_h, p->kh, p->dilation, path.conv_stride);
    path.out.w = conv_extent(path.in.w, path.pad_w, p->kw, p->dilation, path.conv_stride);
    if (oct_path_exists(p, from, to))
        path.macs = (uint64_t)p->n * p->oc[to] * (p->ic[from] / path.groups) * p->kd * p->kh * p->kw *
                    path.out.d * path.out.h * path.out.w;
    return path;
}

/* Band 0 never upsamples, so its path fixes the extents; the others must agree (oct_problem_check). */
struct oct_extent oct_out_extent(const struct oct_problem *p, int band)
{
    return oct_path_get(p, 0, band).out;
}

const char *oct_path_name(const struct oct_problem *p, int from, int to, char buf[4])
{
    static const char letters[] = "hl";

    if (p->bands == 1)
        return strcpy(buf, "w");
    if (p->bands == 2)
        snprintf(buf, 4, "%c%c", letters[from & 1], letters[to & 1]);
    else
        snprintf(buf, 4, "%c%c", '0' + from % OCT_MAX_BANDS, '0' + to % OCT_MAX_BANDS);
    return buf;
}

uint64_t oct_macs(const struct oct_problem *p)
{
    uint64_t sum = 0;

    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            sum += oct_path_get(p, from, to).macs;
    return sum;
}

static uint64_t band_values(const struct oct_problem *p, int channels, struct oct_extent e)
{
    return (uint64_t)p->n * channels * e.d * e.h * e.w;
}

uint64_t oct_act_bytes(const struct oct_problem *p)
{
    uint64_t values = 0;

    for (int b = 0; b < p->bands; b++) {
        values += band_values(p, p->ic[b], oct_in_extent(p, b));
        values += band_values(p, p->oc[b], oct_out_extent(p, b));
    }
    return values * oct_dtype_size(p->dtype);
}

size_t oct_path_weights(const struct oct_problem *p, int from, int to)
{
    if (!oct_path_exists(p, from, to))
        return 0;
    return (size_t)p->oc[to] * (p->ic[from] / oct_path_get(p, from, to).groups) * p->kd * p->kh * p->kw;
}

uint64_t oct_weight_bytes(const struct oct_problem *p)
{
    uint64_t values = 0;

    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            values += oct_path_weights(p, from, to);
    return values * oct_dtype_size(p->dtype);
}

double oct_theory_speedup(const struct oct_problem *p)
{
    struct oct_problem v = oct_problem_vanilla(p);
    uint64_t macs = oct_macs(p);

    return macs ? (double)oct_macs(&v) / (double)macs : NAN;
}

uint64_t oct_sum_length(const struct oct_problem *p)
{
    uint64_t longest = 0;

    for (int to = 0; to < p->bands; to++) {
        uint64_t length = 0;
        for (int from = 0; from < p->bands; from++)
            if (oct_path_exists(p, from, to))
                length += oct_path_weights(p, from, to) / p->oc[to];
        longest = length > longest ? length : longest;
    }
    return longest;
}

/* 0 counts: no window is cut. */
static bool power_of_two(int value)
{
    return (value & (value - 1)) == 0;
}

/* Do windows of 2^log2 along both axes hold powers of two of values: the last ones may be cut. */
static bool windows_dyadic(int h, int w, int log2)
{
    return power_of_two(h % (1 << log2)) && power_of_two(w % (1 << log2));
}

bool oct_integers_exact(const struct oct_problem *p, int magnitude)
{
    double most = ((double)magnitude * magnitude * (double)oct_sum_length(p) + 2.0 * magnitude);
    int halvings = 0;

    for (int from = 0; from < p->bands; from++) {
        for (int to = 0; to < p->bands; to++) {
            struct oct_path path = oct_path_get(p, from, to);
            struct oct_extent e = oct_in_extent(p, from);

            if (!oct_path_exists(p, from, to))
                continue;
            if (!windows_dyadic(e.h, e.w, path.pre) ||
                !windows_dyadic(ceil_shift(e.h, path.pre), ceil_shift(e.w, path.pre), path.pool))
                return false;
            halvings = oct_max(halvings, 2 * (path.pre + path.pool));
        }
    }
    return ldexp(most, halvings) <= 1 << 24;
}

size_t oct_dtype_size(enum oct_dtype dtype)
{
    return dtype == OCT_F32 ? 4 : dtype == OCT_BF16 ? 2 : 1;
}

const char *oct_dtype_name(enum oct_dtype dtype)
{
    return dtype == OCT_F32 ? "f32" : dtype == OCT_BF16 ? "bf16" : "s8";
}

const char *oct_status_name(int status)
{
    static const char *const names[] = {"ok", "unsupported", "invalid", "no memory", "error"};

    return status >= 0 && status <= OCT_ERROR ? names[status] : "unknown status";
}

/* ---- validity ------------------------------------------------------------------------------------ */

static int check_range(const char *what, int value, int low, int high, struct oct_message *msg)
{
    if (value >= low && value <= high)
        return OCT_OK;
    return oct_fail(msg, OCT_INVALID, "%s is %d, but must be from %d to %d", what, value, low, high);
}

static int check_scalars(const struct oct_problem *p, struct oct_message *msg)
{
    const int max = 1 << 20;
    const struct {
        const char *what;
        int value, low, high;
    } rows[] = {
        {"n", p->n, 1, max},
        {"d", p->d, 1, max},
        {"h", p->h, 1, max},
        {"w", p->w, 1, max},
        {"bands", p->bands, 1, OCT_MAX_BANDS},
        {"kd", p->kd, 1, 1024},
        {"kh", p->kh, 1, 1024},
        {"kw", p->kw, 1, 1024},
        {"stride", p->stride, 1, 2},
        {"pad", p->pad, OCT_PAD_SAME, max},
        {"dilation", p->dilation, 1, 1024},
        {"groups", p->groups, OCT_GROUPS_DEPTHWISE, max},
        {"down", (int)p->down, OCT_DOWN_POOL, OCT_DOWN_STRIDED},
        {"stride_order", (int)p->stride_order, OCT_STRIDE_OFFICIAL, OCT_STRIDE_POOL_FIRST},
        {"dtype", (int)p->dtype, OCT_F32, OCT_S8},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (check_range(rows[i].what, rows[i].value, rows[i].low, rows[i].high, msg))
            return OCT_INVALID;
    if (p->groups == 0)
        return oct_fail(msg, OCT_INVALID, "groups is 0, but must be at least 1, or depthwise");
    if ((p->epilogue & OCT_EPILOGUE_RELU) && (p->epilogue & OCT_EPILOGUE_RELU6))
        return oct_fail(msg, OCT_INVALID, "the epilogue has both relu and relu6, but takes one activation");
    return OCT_OK;
}

static int check_channels(const struct oct_problem *p, struct oct_message *msg)
{
    const int max = 1 << 20;
    int in = 0, out = 0;

    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        int top = b < p->bands ? max : 0;
        if (check_range("channels of a band", p->ic[b], 0, top, msg) ||
            check_range("channels of a band", p->oc[b], 0, top, msg))
            return OCT_INVALID;
        if (p->groups == OCT_GROUPS_DEPTHWISE && p->ic[b] != p->oc[b])
            return oct_fail(
                msg, OCT_INVALID,
                "depthwise needs as many outputs as inputs in each band, but band %d has %d inputs "
                "and %d outputs",
                b, p->ic[b], p->oc[b]);
        if (p->groups > 0 && (p->ic[b] % p->groups || p->oc[b] % p->groups))
            return oct_fail(msg, OCT_INVALID,
                            "groups is %d, but must divide the channels of every band: band %d has %d inputs "
                            "and %d outputs",
                            p->groups, b, p->ic[b], p->oc[b]);
        in += p->ic[b];
        out += p->oc[b];
    }
    if (in == 0 || out == 0)
        return oct_fail(msg, OCT_INVALID, "the layer has %d input and %d output channels, but needs both", in,
                        out);
    return OCT_OK;
}

static int check_path(const struct oct_problem *p, int from, int to, struct oct_message *msg)
{
    struct oct_extent want = oct_out_extent(p, to);
    struct oct_path path = oct_path_get(p, from, to);
    int64_t h = (int64_t)path.out.h << path.up, w = (int64_t)path.out.w << path.up;
    bool fits = path.up ? h >= want.h && w >= want.w : h == want.h && w == want.w;
    char name[4];

    if (path.out.d < 1 || path.out.h < 1 || path.out.w < 1)
        return oct_fail(msg, OCT_INVALID,
                        "a %dx%dx%d kernel with dilation %d is larger than the padded plane of path %s "
                        "(%dx%dx%d, pad %d)",
                        p->kd, p->kh, p->kw, p->dilation, oct_path_name(p, from, to, name), path.in.d,
                        path.in.h, path.in.w, path.pad_h);
    if (!fits)
        return oct_fail(
            msg, OCT_INVALID,
            "path %s yields %lldx%lld, but output band %d is %dx%d: with this padding the bands do not "
            "line up",
            oct_path_name(p, from, to, name), (long long)h, (long long)w, to, want.h, want.w);
    return OCT_OK;
}

int oct_problem_check(const struct oct_problem *p, struct oct_message *msg)
{
    double values = 0;

    if (check_scalars(p, msg) || check_channels(p, msg))
        return OCT_INVALID;
    for (int to = 0; to < p->bands; to++) {
        struct oct_extent in = oct_in_extent(p, to), out = oct_out_extent(p, to);

        if (p->oc[to] > 0 && (out.d < 1 || out.h < 1 || out.w < 1))
            return oct_fail(
                msg, OCT_INVALID,
                "a %dx%dx%d kernel with dilation %d is larger than the padded plane of output band %d", p->kd,
                p->kh, p->kw, p->dilation, to);
        values +=
            (double)p->n * p->ic[to] * in.d * in.h * in.w + (double)p->n * p->oc[to] * out.d * out.h * out.w;
        for (int from = 0; from < p->bands; from++) {
            if (!oct_path_exists(p, from, to))
                continue;
            if (check_path(p, from, to, msg))
                return OCT_INVALID;
            values += (double)p->oc[to] * p->ic[from] * p->kd * p->kh * p->kw;
        }
    }
    if (values > 1e13)
        return oct_fail(msg, OCT_INVALID,
                        "the layer's tensors hold %.3g values, which no machine can address", values);
    return OCT_OK;
}
