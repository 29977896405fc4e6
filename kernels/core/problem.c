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

bool oct_strides_freely(const struct oct_problem *p)
{
    return p->bands == 1 && p->down == OCT_DOWN_STRIDED && p->stride_order == OCT_STRIDE_OFFICIAL;
}

/* The geometry of a path, whether or not it contributes: the rule "one rule for every path". */
struct oct_path oct_path_get(const struct oct_problem *p, int from, int to)
{
    struct oct_path path = {.stride_d = p->stride_d, .stride_h = p->stride_h, .stride_w = p->stride_w};
    int octaves = oct_strides_freely(p) ? 0 : log2_of(p->stride_h), down;

    if (p->stride_order == OCT_STRIDE_POOL_FIRST) {
        path.pre = octaves;
        octaves = 0;
    }
    down = oct_max(to + octaves - from, 0);
    path.up = oct_max(from - to - octaves, 0);
    path.pool = p->down == OCT_DOWN_POOL ? down : 0;
    if (!oct_strides_freely(p))
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
    return oct_power_of_two(h % (1 << log2)) && oct_power_of_two(w % (1 << log2));
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
