/* SPDX-License-Identifier: MIT */
/* Every formula of the operator (docs/octconv.md), once. */
#include "core/kernel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int log2_of(int power)
{
    int log2 = 0;

    while (power > 1 << log2)
        log2++;
    return log2;
}

static int ceil_shift(int extent, int log2)
{
    return (int)(((int64_t)extent + (INT64_C(1) << log2) - 1) >> log2);
}

/* 0 counts: no window is cut. */
static bool power_of_two(int value)
{
    return (value & (value - 1)) == 0;
}

/* One axis of a path's convolution. */
struct axis {
    int in, k, stride, dilation;
    int before, after; /* zeros, or a word in place of both */
};

/* Replaces words by zeros on each side. */
static void resolve_pads(struct axis *a)
{
    int64_t reach = (int64_t)a->dilation * (a->k - 1);

    if (a->before == OCT_PAD_SAME) {
        a->before = a->after = (int)(reach / 2);
    } else if (a->before == OCT_PAD_CAUSAL) {
        a->before = (int)reach;
        a->after = 0;
    } else if (a->before == OCT_PAD_SAME_UPPER) {
        int64_t total = (int64_t)((a->in - 1) / a->stride) * a->stride + reach + 1 - a->in;

        total = total > 0 ? total : 0;
        a->before = (int)(total / 2);
        a->after = (int)(total - total / 2);
    }
}

/* Extent after a convolution; 0 where the kernel does not fit. */
static int conv_extent(const struct axis *a)
{
    int64_t room =
        (int64_t)a->in + (int64_t)a->before + (int64_t)a->after - (int64_t)a->dilation * (a->k - 1) - 1;

    if (room < 0)
        return 0;
    return (int)(room / a->stride) + 1;
}

struct oct_problem oct_problem_default(void)
{
    struct oct_problem p = {.ic = {1}, .oc = {1}};

    for (const struct oct_field *f = oct_fields; f->name; f++)
        if (f->type != OCT_FIELD_CHANNELS)
            oct_field_set(f, &p, f->usual);
    return p;
}

void oct_problem_set_stride(struct oct_problem *p, int stride)
{
    p->stride_h = p->stride_w = stride;
}

void oct_problem_set_dilation(struct oct_problem *p, int dilation)
{
    p->dilation_d = p->dilation_h = p->dilation_w = dilation;
}

void oct_problem_set_pad(struct oct_problem *p, int pad)
{
    p->pad_top = p->pad_bottom = p->pad_left = p->pad_right = pad;
    p->pad_front = p->pad_back = pad >= 0 && p->kd == 1 ? 0 : pad;
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

static int path_groups(const struct oct_problem *p, int from, int to)
{
    if (p->groups == OCT_GROUPS_DEPTHWISE)
        return p->ic[from];
    if (p->groups_per_path)
        return oct_max(oct_min(oct_min(p->ic[from], p->oc[to]), p->groups), 1);
    return p->groups;
}

/* Along an axis: pads resolved, and the extent of the result. */
static void convolve_axis(struct axis a, int *before, int *after, int *out)
{
    resolve_pads(&a);
    *before = a.before;
    *after = a.after;
    *out = conv_extent(&a);
}

static void convolve_path(const struct oct_problem *p, struct oct_path *path)
{
    convolve_axis((struct axis){path->in.d, p->kd, path->stride_d, p->dilation_d, p->pad_front, p->pad_back},
                  &path->pad_front, &path->pad_back, &path->out.d);
    convolve_axis((struct axis){path->in.h, p->kh, path->stride_h, p->dilation_h, p->pad_top, p->pad_bottom},
                  &path->pad_top, &path->pad_bottom, &path->out.h);
    convolve_axis((struct axis){path->in.w, p->kw, path->stride_w, p->dilation_w, p->pad_left, p->pad_right},
                  &path->pad_left, &path->pad_right, &path->out.w);
}

/* A vanilla convolution strides as the axes say; every other path by octaves. */
static bool strides_freely(const struct oct_problem *p)
{
    return p->bands == 1 && p->down == OCT_DOWN_STRIDED && p->stride_order == OCT_STRIDE_OFFICIAL;
}

/* The geometry of a path, whether or not it contributes: the rule "one rule for every path". */
struct oct_path oct_path_get(const struct oct_problem *p, int from, int to)
{
    struct oct_path path = {.stride_d = p->stride_d, .stride_h = p->stride_h, .stride_w = p->stride_w};
    int octaves = strides_freely(p) ? 0 : log2_of(p->stride_h), down;

    if (p->stride_order == OCT_STRIDE_POOL_FIRST) {
        path.pre = octaves;
        octaves = 0;
    }
    down = oct_max(to + octaves - from, 0);
    path.up = oct_max(from - to - octaves, 0);
    path.pool = p->down == OCT_DOWN_POOL ? down : 0;
    if (!strides_freely(p))
        path.stride_h = path.stride_w = p->down == OCT_DOWN_POOL ? 1 : 1 << down;
    path.groups = path_groups(p, from, to);
    path.in = oct_in_extent(p, from);
    path.in.h = ceil_shift(ceil_shift(path.in.h, path.pre), path.pool);
    path.in.w = ceil_shift(ceil_shift(path.in.w, path.pre), path.pool);
    convolve_path(p, &path);
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

struct oct_tensor oct_in_tensor(const struct oct_problem *p, int band, enum oct_layout layout, void *data)
{
    return (struct oct_tensor){p->types.src, layout, p->n, p->ic[band], oct_in_extent(p, band), data};
}

struct oct_tensor oct_out_tensor(const struct oct_problem *p, int band, enum oct_layout layout, void *data)
{
    return (struct oct_tensor){p->types.dst, layout, p->n, p->oc[band], oct_out_extent(p, band), data};
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
    uint64_t bytes = 0;

    for (int b = 0; b < p->bands; b++) {
        bytes += band_values(p, p->ic[b], oct_in_extent(p, b)) * oct_dtype_size(p->types.src);
        bytes += band_values(p, p->oc[b], oct_out_extent(p, b)) * oct_dtype_size(p->types.dst);
    }
    return bytes;
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
    return values * oct_dtype_size(p->types.weights);
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
    static const size_t sizes[] = {[OCT_F32] = 4, [OCT_BF16] = 2, [OCT_S8] = 1, [OCT_S32] = 4};

    return sizes[dtype];
}

const char *oct_dtype_name(enum oct_dtype dtype)
{
    static const char *const names[] = {
        [OCT_F32] = "f32", [OCT_BF16] = "bf16", [OCT_S8] = "s8", [OCT_S32] = "s32"};

    return names[dtype];
}

const char *oct_algorithm_name(enum oct_algorithm algorithm)
{
    static const char *const names[] = {"direct", "winograd", "any"};

    return names[algorithm];
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

static bool has_word(const struct oct_field *f, int value)
{
    for (const struct oct_word *w = f->words; w && w->name; w++)
        if (w->value == value)
            return true;
    return false;
}

static int check_field(const struct oct_field *f, const struct oct_problem *p, struct oct_message *msg)
{
    int value = oct_field_get(f, p);

    if (f->type == OCT_FIELD_WORD && !has_word(f, value))
        return oct_fail(msg, OCT_INVALID, "%s is %d, which is none of its values", f->name, value);
    if (f->type == OCT_FIELD_NUMBER && !has_word(f, value))
        return check_range(f->name, value, f->least, f->most, msg);
    return OCT_OK;
}

/* Words say what is on both sides of an axis. */
static int check_pads(const char *axis, int before, int after, struct oct_message *msg)
{
    if (before == after || (before >= 0 && after >= 0))
        return OCT_OK;
    return oct_fail(msg, OCT_INVALID, "the padding of %s has a word on one side alone, but a word means both",
                    axis);
}

/* Pooling, and bands, go down by octaves. */
static int check_strides(const struct oct_problem *p, struct oct_message *msg)
{
    int most = p->bands > 1 ? 4 : OCT_MAX_STRIDE, nearest = 1;

    if (strides_freely(p))
        return OCT_OK;
    if (p->stride_h == p->stride_w && power_of_two(p->stride_h) && p->stride_h <= most)
        return OCT_OK;
    while (2 * nearest <= oct_min(oct_max(p->stride_h, p->stride_w), most))
        nearest *= 2;
    return oct_fail(
        msg, OCT_INVALID,
        "the stride is %dx%d, but %s go down by equal powers of two up to %d: the nearest is %d%s",
        p->stride_h, p->stride_w, p->bands > 1 ? "bands" : "pooled layers", most, nearest,
        p->bands > 1 ? "" : ", or down: strided");
}

static int check_scalars(const struct oct_problem *p, struct oct_message *msg)
{
    for (const struct oct_field *f = oct_fields; f->name; f++)
        if (check_field(f, p, msg))
            return OCT_INVALID;
    if (check_pads("time", p->pad_front, p->pad_back, msg) ||
        check_pads("h", p->pad_top, p->pad_bottom, msg) || check_pads("w", p->pad_left, p->pad_right, msg) ||
        check_strides(p, msg))
        return OCT_INVALID;
    if (p->groups_per_path && p->groups == OCT_GROUPS_DEPTHWISE)
        return oct_fail(msg, OCT_INVALID, "groups per path are a number, not depthwise");
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
        if (p->groups > 0 && !p->groups_per_path && (p->ic[b] % p->groups || p->oc[b] % p->groups))
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

    if (p->ic[from] % path.groups || p->oc[to] % path.groups)
        return oct_fail(msg, OCT_INVALID,
                        "path %s has %d groups, which do not divide its %d inputs and %d outputs",
                        oct_path_name(p, from, to, name), path.groups, p->ic[from], p->oc[to]);
    if (path.out.d < 1 || path.out.h < 1 || path.out.w < 1)
        return oct_fail(msg, OCT_INVALID,
                        "a %dx%dx%d kernel with dilation %dx%dx%d is larger than the padded plane of path %s "
                        "(%dx%dx%d)",
                        p->kd, p->kh, p->kw, p->dilation_d, p->dilation_h, p->dilation_w,
                        oct_path_name(p, from, to, name), path.in.d + path.pad_front + path.pad_back,
                        path.in.h + path.pad_top + path.pad_bottom,
                        path.in.w + path.pad_left + path.pad_right);
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
                "a %dx%dx%d kernel with dilation %dx%dx%d is larger than the padded plane of output band %d",
                p->kd, p->kh, p->kw, p->dilation_d, p->dilation_h, p->dilation_w, to);
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
