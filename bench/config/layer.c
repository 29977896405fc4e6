/* SPDX-License-Identifier: MIT */
/* From the values of a layer's keys to a problem. */
#include "config/layer.h"

#include <stdio.h>
#include <string.h>

static const struct value *value_of(const struct layer_values *values, const char *field)
{
    return &values->slot[slot_of(field)];
}

static void take(int *out, const struct value *value)
{
    if (value->at)
        *out = (int)value->number;
}

/* "layer 'conv2'", or "the layer" where it has no name. */
static const char *called(const struct layer *layer, char buf[64])
{
    if (!layer->name)
        return "the layer";
    snprintf(buf, 64, "layer '%s'", layer->name);
    return buf;
}

static bool require(const struct layer *layer, const struct value *value, const char *name,
                    struct complaints *to)
{
    char buf[64];

    if (value->at)
        return true;
    complain_at(to, layer->at, "%s needs '%s'", called(layer, buf), name);
    return false;
}

static double low_share(const int *channels, int bands)
{
    int sum = 0;

    for (int b = 0; b < bands; b++)
        sum += channels[b];
    return sum ? (double)(sum - channels[0]) / sum : 0;
}

/* Channels band by band, for the further subdivision that a ratio cannot tell. */
static bool channels_from_lists(struct layer *layer, const struct layer_values *values, struct complaints *to)
{
    static const int rivals[] = {SLOT_C_IN, SLOT_C_OUT, SLOT_ALPHA_IN, SLOT_ALPHA_OUT};
    const struct value *ic = value_of(values, "ic"), *oc = value_of(values, "oc");
    const struct value *bands = value_of(values, "bands");
    struct oct_problem *p = &layer->problem;

    if (!require(layer, ic, "ic", to) || !require(layer, oc, "oc", to))
        return false;
    for (size_t i = 0; i < sizeof(rivals) / sizeof(rivals[0]); i++) {
        if (values->slot[rivals[i]].at) {
            complain_at(
                to, values->slot[rivals[i]].at,
                "'ic' and 'oc' give the channels of every band, so c_in, c_out and alpha have no place");
            return false;
        }
    }
    if (ic->bands != oc->bands) {
        complain_at(to, oc->at, "'ic' has %d bands and 'oc' %d, but they must be as many", ic->bands,
                    oc->bands);
        return false;
    }
    if (bands->at && bands->number != ic->bands) {
        complain_at(to, bands->at, "'bands' is %d, but 'ic' and 'oc' list %d", (int)bands->number, ic->bands);
        return false;
    }
    p->bands = ic->bands;
    memcpy(p->ic, ic->channels, sizeof(p->ic));
    memcpy(p->oc, oc->channels, sizeof(p->oc));
    layer->alpha_in = low_share(p->ic, p->bands);
    layer->alpha_out = low_share(p->oc, p->bands);
    layer->listed = true;
    return true;
}

static bool channels_from_ratios(struct layer *layer, const struct layer_values *values,
                                 struct complaints *to)
{
    const struct value *bands = value_of(values, "bands");
    struct oct_problem *p = &layer->problem;
    int c_in = 0, c_out = 0;

    if (!require(layer, &values->slot[SLOT_C_IN], "c_in", to) ||
        !require(layer, &values->slot[SLOT_C_OUT], "c_out", to))
        return false;
    take(&c_in, &values->slot[SLOT_C_IN]);
    take(&c_out, &values->slot[SLOT_C_OUT]);
    layer->alpha_in = values->slot[SLOT_ALPHA_IN].real;
    layer->alpha_out = values->slot[SLOT_ALPHA_OUT].real;
    p->bands = layer->alpha_in > 0 || layer->alpha_out > 0 ? 2 : 1;
    if (bands->at && bands->number > 2) {
        complain_at(to, bands->at, "more than two bands need their channels listed: ic: [...], oc: [...]");
        return false;
    }
    if (bands->at && bands->number < p->bands) {
        complain_at(to, bands->at, "an alpha above 0 needs two bands");
        return false;
    }
    take(&p->bands, bands);
    p->ic[1] = oct_low_channels(c_in, layer->alpha_in);
    p->oc[1] = oct_low_channels(c_out, layer->alpha_out);
    p->ic[0] = c_in - p->ic[1];
    p->oc[0] = c_out - p->oc[1];
    return true;
}

/* What the shorter keys mean for time where nobody speaks of it: a dilation is of every axis, and a number of
 * zeros counts for a window in time too. */
static void take_time(struct oct_problem *p, const struct layer_values *values)
{
    const struct value *pad = value_of(values, "pad_top");

    if (!value_of(values, "dilation_d")->at)
        p->dilation_d = p->dilation_h;
    if (!value_of(values, "pad_front")->at && pad->at && p->pad_top == p->pad_left)
        p->pad_front = p->pad_back = p->pad_top >= 0 && p->kd == 1 ? 0 : p->pad_top;
}

static void take_fields(struct oct_problem *p, const struct layer_values *values)
{
    for (int i = 0; oct_fields[i].name; i++) {
        const struct value *value = &values->slot[i];

        if (value->at && oct_fields[i].type != OCT_FIELD_CHANNELS)
            oct_field_set(&oct_fields[i], p, (int)value->number);
    }
    p->groups_per_path = value_of(values, "groups")->per_path;
    p->types.acc = p->types.src == OCT_S8 ? OCT_S32 : OCT_F32;
    take_time(p, values);
}

/* Options that cannot matter take their usual value, so that equal layers are equal problems. */
static void normalise(struct oct_problem *p, bool pooled_band_asked)
{
    uint32_t possible = 0;

    if (p->bands == 1 && !pooled_band_asked)
        *p = oct_problem_vanilla(p);
    if (p->stride_h == 1)
        p->stride_order = OCT_STRIDE_OFFICIAL;
    if (p->stride_h == 1 && p->bands == 1)
        p->down = OCT_DOWN_STRIDED;
    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            possible |= OCT_PATH_BIT(from, to);
    p->paths = (p->paths & possible) == possible ? OCT_ALL_PATHS : p->paths & possible;
}

/* Where to point for a message of oct_problem_check, which speaks of the value at fault. */
static const struct yaml_node *culprit(const struct layer *layer, const struct layer_values *values,
                                       const char *text)
{
    static const struct {
        const char *part, *field;
    } rows[] = {{"groups", "groups"},        {"depthwise", "groups"},   {"larger than", "kh"},
                {"padding", "pad_top"},      {"padding", "pad_front"},  {"stride is", "stride_h"},
                {"line up", "stride_order"}, {"line up", "dilation_h"}, {"epilogue", "epilogue"},
                {"larger than", "kw"},       {"these paths", "paths"},  {"larger than", "dilation_h"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strstr(text, rows[i].part) && value_of(values, rows[i].field)->at)
            return value_of(values, rows[i].field)->at;
    return layer->at;
}

bool layer_resolve(struct layer *out, const struct layer_values *values, const struct yaml_node *suite,
                   struct complaints *to)
{
    const struct value *name = &values->slot[SLOT_LAYER];
    bool listed = value_of(values, "ic")->at || value_of(values, "oc")->at, good;
    struct oct_message msg;
    int cache = CACHE_WARM;
    char buf[64];

    *out = (struct layer){.problem = oct_problem_default(), .threads = 1, .at = name->at ? name->at : suite};
    out->name = name->at ? name->at->text : NULL;
    take(&cache, &values->slot[SLOT_CACHE]);
    take(&out->threads, &values->slot[SLOT_THREADS]);
    out->cache = (enum cache_mode)cache;
    take_fields(&out->problem, values);
    good = require(out, value_of(values, "h"), "hw", to) && require(out, value_of(values, "w"), "w", to) &&
           require(out, value_of(values, "kh"), "k", to) && require(out, value_of(values, "kw"), "kw", to);
    if (!good || !(listed ? channels_from_lists : channels_from_ratios)(out, values, to))
        return false;
    normalise(&out->problem, (value_of(values, "bands")->at || listed) && value_of(values, "down")->at);
    if (oct_problem_check(&out->problem, &msg) == OCT_OK) {
        if (oct_macs(&out->problem) > 0)
            return true;
        snprintf(msg.text, sizeof(msg.text), "with these paths and channels nothing is left to compute");
    }
    complain_at(to, culprit(out, values, msg.text), "%s%s%s", out->name ? called(out, buf) : "",
                out->name ? ": " : "", msg.text);
    return false;
}
