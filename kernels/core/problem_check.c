/* SPDX-License-Identifier: MIT */
/* Which problems are legal, and the one to begin with. */
#include "core/kernel.h"

struct oct_problem oct_problem_default(void)
{
    struct oct_problem p = {.ic = {1}, .oc = {1}};

    for (const struct oct_field *f = oct_fields; f->name; f++)
        if (f->type != OCT_FIELD_CHANNELS)
            oct_field_set(f, &p, f->usual);
    return p;
}

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

    if (oct_strides_freely(p))
        return OCT_OK;
    if (p->stride_h == p->stride_w && oct_power_of_two(p->stride_h) && p->stride_h <= most)
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
