/* SPDX-License-Identifier: MIT */
/* The fields of a problem as data. */
#include "core/kernel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE (1 << 20)

static const struct oct_word pad_words[] = {{"same", OCT_PAD_SAME}, {"same_upper", OCT_PAD_SAME_UPPER}, {0}};
static const struct oct_word time_pad_words[] = {
    {"same", OCT_PAD_SAME}, {"same_upper", OCT_PAD_SAME_UPPER}, {"causal", OCT_PAD_CAUSAL}, {0}};
static const struct oct_word group_words[] = {{"depthwise", OCT_GROUPS_DEPTHWISE}, {0}};
static const struct oct_word switch_words[] = {{"false", 0}, {"true", 1}, {0}};
static const struct oct_word down_words[] = {{"pool", OCT_DOWN_POOL}, {"strided", OCT_DOWN_STRIDED}, {0}};
static const struct oct_word order_words[] = {
    {"official", OCT_STRIDE_OFFICIAL}, {"pool_first", OCT_STRIDE_POOL_FIRST}, {0}};
static const struct oct_word type_words[] = {{"f32", OCT_F32}, {"bf16", OCT_BF16}, {"s8", OCT_S8}, {0}};
static const struct oct_word acc_words[] = {{"f32", OCT_F32}, {"s32", OCT_S32}, {0}};
static const struct oct_word epilogue_words[] = {{"none", 0},
                                                 {"bias", OCT_EPILOGUE_BIAS},
                                                 {"residual", OCT_EPILOGUE_RESIDUAL},
                                                 {"relu", OCT_EPILOGUE_RELU},
                                                 {"relu6", OCT_EPILOGUE_RELU6},
                                                 {0}};

#define AT(member) offsetof(struct oct_problem, member), sizeof(((struct oct_problem *)0)->member)

const struct oct_field oct_fields[] = {
    {"n", OCT_FIELD_NUMBER, AT(n), 1, LARGE, 1, NULL, "images in a batch"},
    {"d", OCT_FIELD_NUMBER, AT(d), 1, LARGE, 1, NULL, "time extent of the input"},
    {"h", OCT_FIELD_NUMBER, AT(h), 1, LARGE, 1, NULL, "height of the input's first band"},
    {"w", OCT_FIELD_NUMBER, AT(w), 1, LARGE, 1, NULL, "width of the input's first band"},
    {"bands", OCT_FIELD_NUMBER, AT(bands), 1, OCT_MAX_BANDS, 1, NULL, "bands of input and output"},
    {"ic", OCT_FIELD_CHANNELS, AT(ic), 0, LARGE, 1, NULL, "input channels of each band"},
    {"oc", OCT_FIELD_CHANNELS, AT(oc), 0, LARGE, 1, NULL, "output channels of each band"},
    {"kd", OCT_FIELD_NUMBER, AT(kd), 1, 1024, 1, NULL, "window in time"},
    {"kh", OCT_FIELD_NUMBER, AT(kh), 1, 1024, 1, NULL, "height of the window"},
    {"kw", OCT_FIELD_NUMBER, AT(kw), 1, 1024, 1, NULL, "width of the window"},
    {"stride_d", OCT_FIELD_NUMBER, AT(stride_d), 1, OCT_MAX_STRIDE, 1, NULL, "stride in time"},
    {"stride_h", OCT_FIELD_NUMBER, AT(stride_h), 1, OCT_MAX_STRIDE, 1, NULL, "stride along the height"},
    {"stride_w", OCT_FIELD_NUMBER, AT(stride_w), 1, OCT_MAX_STRIDE, 1, NULL, "stride along the width"},
    {"dilation_d", OCT_FIELD_NUMBER, AT(dilation_d), 1, 1024, 1, NULL, "distance between taps in time"},
    {"dilation_h", OCT_FIELD_NUMBER, AT(dilation_h), 1, 1024, 1, NULL, "distance between rows of taps"},
    {"dilation_w", OCT_FIELD_NUMBER, AT(dilation_w), 1, 1024, 1, NULL, "distance between columns of taps"},
    {"pad_front", OCT_FIELD_NUMBER, AT(pad_front), 0, LARGE, OCT_PAD_SAME, time_pad_words,
     "zeros before the first plane in time"},
    {"pad_back", OCT_FIELD_NUMBER, AT(pad_back), 0, LARGE, OCT_PAD_SAME, time_pad_words,
     "zeros behind the last plane in time"},
    {"pad_top", OCT_FIELD_NUMBER, AT(pad_top), 0, LARGE, OCT_PAD_SAME, pad_words,
     "zeros above the first row"},
    {"pad_bottom", OCT_FIELD_NUMBER, AT(pad_bottom), 0, LARGE, OCT_PAD_SAME, pad_words,
     "zeros below the last row"},
    {"pad_left", OCT_FIELD_NUMBER, AT(pad_left), 0, LARGE, OCT_PAD_SAME, pad_words,
     "zeros left of the first column"},
    {"pad_right", OCT_FIELD_NUMBER, AT(pad_right), 0, LARGE, OCT_PAD_SAME, pad_words,
     "zeros right of the last column"},
    {"groups", OCT_FIELD_NUMBER, AT(groups), 1, LARGE, 1, group_words, "groups of a path's channels"},
    {"groups_per_path", OCT_FIELD_WORD, AT(groups_per_path), 0, 0, 0, switch_words,
     "each path has min(in, out, groups) groups of its own"},
    {"down", OCT_FIELD_WORD, AT(down), 0, 0, OCT_DOWN_POOL, down_words, "how a path goes to a lower band"},
    {"stride_order", OCT_FIELD_WORD, AT(stride_order), 0, 0, OCT_STRIDE_OFFICIAL, order_words,
     "where a stride halves: in each path, or every input first"},
    {"paths", OCT_FIELD_PATHS, AT(paths), 0, 0, OCT_ALL_PATHS, NULL, "the paths that contribute"},
    {"src_type", OCT_FIELD_WORD, AT(types.src), 0, 0, OCT_F32, type_words, "element type of the input"},
    {"weight_type", OCT_FIELD_WORD, AT(types.weights), 0, 0, OCT_F32, type_words,
     "element type of the weights"},
    {"dst_type", OCT_FIELD_WORD, AT(types.dst), 0, 0, OCT_F32, type_words, "element type of the output"},
    {"acc_type", OCT_FIELD_WORD, AT(types.acc), 0, 0, OCT_F32, acc_words, "element type of the sums"},
    {"epilogue", OCT_FIELD_FLAGS, AT(epilogue), 0, 0, 0, epilogue_words, "what follows the sum"},
    {0}};

const struct oct_field *oct_field_find(const char *name)
{
    for (const struct oct_field *f = oct_fields; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* The int members, and the bool. */
int oct_field_get(const struct oct_field *f, const struct oct_problem *p)
{
    const char *at = (const char *)p + f->offset;
    int value = 0;

    if (f->size == sizeof(bool))
        return *(const bool *)at;
    memcpy(&value, at, sizeof(value));
    return value;
}

void oct_field_set(const struct oct_field *f, struct oct_problem *p, int value)
{
    char *at = (char *)p + f->offset;

    if (f->size == sizeof(bool))
        *(bool *)at = value;
    else
        memcpy(at, &value, sizeof(value));
}

/* ---- from text ----------------------------------------------------------------------------------- */

static const struct oct_word *find_word(const struct oct_field *f, const char *name, size_t length)
{
    for (const struct oct_word *w = f->words; w && w->name; w++)
        if (strlen(w->name) == length && strncmp(w->name, name, length) == 0)
            return w;
    return NULL;
}

static bool parse_number(const char **text, int *value)
{
    char *end;
    long number = strtol(*text, &end, 10);

    if (end == *text || number < INT32_MIN || number > INT32_MAX)
        return false;
    *value = (int)number;
    *text = end;
    return true;
}

static bool parse_channels(const struct oct_field *f, struct oct_problem *p, const char *text)
{
    int channels[OCT_MAX_BANDS] = {0};
    int b = 0;

    text += *text == '[';
    while (b < OCT_MAX_BANDS && parse_number(&text, &channels[b++]) && *text == ',')
        text++;
    text += *text == ']';
    if (*text)
        return false;
    memcpy((char *)p + f->offset, channels, sizeof(channels));
    return true;
}

static bool parse_flags(const struct oct_field *f, struct oct_problem *p, const char *text)
{
    int value = 0;

    while (*text && strcmp(text, "none") != 0) {
        size_t length = strcspn(text, "+,");
        const struct oct_word *w = find_word(f, text, length);

        if (!w)
            return false;
        value |= w->value;
        text += length + (text[length] != 0);
    }
    oct_field_set(f, p, value);
    return true;
}

bool oct_field_parse(const struct oct_field *f, struct oct_problem *p, const char *text)
{
    const struct oct_word *word = find_word(f, text, strlen(text));
    int value;

    if (f->type == OCT_FIELD_CHANNELS)
        return parse_channels(f, p, text);
    if (f->type == OCT_FIELD_FLAGS)
        return parse_flags(f, p, text);
    if (word) {
        oct_field_set(f, p, word->value);
        return true;
    }
    if (f->type != OCT_FIELD_NUMBER || !parse_number(&text, &value) || *text)
        return false;
    oct_field_set(f, p, value);
    return true;
}

/* ---- as text ------------------------------------------------------------------------------------- */

/* Text that grows up to the end of its buffer. */
struct line {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void append(struct line *l, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(l->at, l->left, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= l->left)
        n = l->left ? (int)l->left - 1 : 0;
    l->at += n;
    l->left -= (size_t)n;
}

static const char *word_of(const struct oct_field *f, int value)
{
    for (const struct oct_word *w = f->words; w && w->name; w++)
        if (w->value == value)
            return w->name;
    return NULL;
}

static void append_flags(struct line *l, const struct oct_field *f, int value)
{
    const char *between = "";

    if (value == 0)
        append(l, "none");
    for (const struct oct_word *w = f->words; w->name; w++) {
        if (!(value & w->value))
            continue;
        append(l, "%s%s", between, w->name);
        between = "+";
    }
}

static void append_channels(struct line *l, const struct oct_field *f, const struct oct_problem *p)
{
    int channels[OCT_MAX_BANDS];

    memcpy(channels, (const char *)p + f->offset, sizeof(channels));
    for (int b = 0; b < p->bands; b++)
        append(l, "%s%d", b ? "," : "[", channels[b]);
    append(l, "]");
}

static void append_paths(struct line *l, const struct oct_problem *p)
{
    const char *between = "";
    char name[4];

    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++) {
            if (!(p->paths & OCT_PATH_BIT(from, to)))
                continue;
            append(l, "%s%s", between, oct_path_name(p, from, to, name));
            between = ",";
        }
}

const char *oct_field_text(const struct oct_field *f, const struct oct_problem *p, char *buf, size_t size)
{
    struct line l = {buf, size};
    int value = oct_field_get(f, p);
    const char *word = f->type == OCT_FIELD_FLAGS ? NULL : word_of(f, value);

    if (size)
        buf[0] = 0;
    if (f->type == OCT_FIELD_CHANNELS)
        append_channels(&l, f, p);
    else if (f->type == OCT_FIELD_PATHS)
        append_paths(&l, p);
    else if (f->type == OCT_FIELD_FLAGS)
        append_flags(&l, f, value);
    else if (word)
        append(&l, "%s", word);
    else
        append(&l, "%d", value);
    return buf;
}
