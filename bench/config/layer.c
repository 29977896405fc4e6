/* SPDX-License-Identifier: MIT */
#include "config/layer.h"

#include "machine/topology.h"

#include <stdlib.h>
#include <string.h>

#define MAX_EXTENT   (1 << 20)
#define MAX_CHANNELS (1 << 20)
#define LENGTH(a)    (sizeof(a) / sizeof((a)[0]))

enum type { TYPE_INTEGER, TYPE_REAL, TYPE_WORD, TYPE_FLAGS, TYPE_CHANNELS, TYPE_NAME, TYPE_KERNEL };

/* A word of a key, and the number that it stands for. */
struct word {
    const char *name;
    int64_t number;
};

struct layer_key {
    const char *name;
    enum field field[2]; /* the second is FIELDS where there is but one */
    enum type type;
    int64_t low, high;
    const struct word *words; /* NULL-ended; an integer may have one beside its numbers */
};

static const struct word pad_words[] = {{"same", OCT_PAD_SAME}, {0}};
static const struct word group_words[] = {{"depthwise", OCT_GROUPS_DEPTHWISE}, {0}};
static const struct word thread_words[] = {{"all", 0}, {0}};
static const struct word down_words[] = {{"pool", OCT_DOWN_POOL}, {"strided", OCT_DOWN_STRIDED}, {0}};
static const struct word order_words[] = {
    {"official", OCT_STRIDE_OFFICIAL}, {"pool_first", OCT_STRIDE_POOL_FIRST}, {0}};
static const struct word dtype_words[] = {{"f32", OCT_F32}, {"bf16", OCT_BF16}, {"s8", OCT_S8}, {0}};
static const struct word cache_words[] = {
    {"warm", CACHE_WARM}, {"cold_weights", CACHE_COLD_WEIGHTS}, {"cold", CACHE_COLD}, {0}};
static const struct word epilogue_words[] = {{"none", 0},
                                             {"bias", OCT_EPILOGUE_BIAS},
                                             {"residual", OCT_EPILOGUE_RESIDUAL},
                                             {"relu", OCT_EPILOGUE_RELU},
                                             {"relu6", OCT_EPILOGUE_RELU6},
                                             {0}};
static const struct word path_words[] = {{"all", OCT_ALL_PATHS},     {"hh", OCT_PATH_BIT(0, 0)},
                                         {"hl", OCT_PATH_BIT(0, 1)}, {"lh", OCT_PATH_BIT(1, 0)},
                                         {"ll", OCT_PATH_BIT(1, 1)}, {"00", OCT_PATH_BIT(0, 0)},
                                         {"01", OCT_PATH_BIT(0, 1)}, {"02", OCT_PATH_BIT(0, 2)},
                                         {"03", OCT_PATH_BIT(0, 3)}, {"10", OCT_PATH_BIT(1, 0)},
                                         {"11", OCT_PATH_BIT(1, 1)}, {"12", OCT_PATH_BIT(1, 2)},
                                         {"13", OCT_PATH_BIT(1, 3)}, {"20", OCT_PATH_BIT(2, 0)},
                                         {"21", OCT_PATH_BIT(2, 1)}, {"22", OCT_PATH_BIT(2, 2)},
                                         {"23", OCT_PATH_BIT(2, 3)}, {"30", OCT_PATH_BIT(3, 0)},
                                         {"31", OCT_PATH_BIT(3, 1)}, {"32", OCT_PATH_BIT(3, 2)},
                                         {"33", OCT_PATH_BIT(3, 3)}, {0}};

/* clang-format off */
static const struct layer_key keys[] = {
    {"layer",        {FIELD_LAYER, FIELDS},              TYPE_NAME,     0, 0,            NULL},
    {"n",            {FIELD_N, FIELDS},                  TYPE_INTEGER,  1, MAX_EXTENT,   NULL},
    {"d",            {FIELD_D, FIELDS},                  TYPE_INTEGER,  1, MAX_EXTENT,   NULL},
    {"h",            {FIELD_H, FIELDS},                  TYPE_INTEGER,  1, MAX_EXTENT,   NULL},
    {"w",            {FIELD_W, FIELDS},                  TYPE_INTEGER,  1, MAX_EXTENT,   NULL},
    {"hw",           {FIELD_H, FIELD_W},                 TYPE_INTEGER,  1, MAX_EXTENT,   NULL},
    {"k",            {FIELD_KH, FIELD_KW},               TYPE_INTEGER,  1, 1024,         NULL},
    {"kd",           {FIELD_KD, FIELDS},                 TYPE_INTEGER,  1, 1024,         NULL},
    {"kh",           {FIELD_KH, FIELDS},                 TYPE_INTEGER,  1, 1024,         NULL},
    {"kw",           {FIELD_KW, FIELDS},                 TYPE_INTEGER,  1, 1024,         NULL},
    {"stride",       {FIELD_STRIDE, FIELDS},             TYPE_INTEGER,  1, 2,            NULL},
    {"pad",          {FIELD_PAD, FIELDS},                TYPE_INTEGER,  0, MAX_EXTENT,   pad_words},
    {"dilation",     {FIELD_DILATION, FIELDS},           TYPE_INTEGER,  1, 1024,         NULL},
    {"groups",       {FIELD_GROUPS, FIELDS},             TYPE_INTEGER,  1, MAX_CHANNELS, group_words},
    {"c_in",         {FIELD_C_IN, FIELDS},               TYPE_INTEGER,  1, MAX_CHANNELS, NULL},
    {"c_out",        {FIELD_C_OUT, FIELDS},              TYPE_INTEGER,  1, MAX_CHANNELS, NULL},
    {"alpha",        {FIELD_ALPHA_IN, FIELD_ALPHA_OUT},  TYPE_REAL,     0, 1,            NULL},
    {"alpha_in",     {FIELD_ALPHA_IN, FIELDS},           TYPE_REAL,     0, 1,            NULL},
    {"alpha_out",    {FIELD_ALPHA_OUT, FIELDS},          TYPE_REAL,     0, 1,            NULL},
    {"bands",        {FIELD_BANDS, FIELDS},              TYPE_INTEGER,  1, 4,            NULL},
    {"ic",           {FIELD_IC, FIELDS},                 TYPE_CHANNELS, 0, MAX_CHANNELS, NULL},
    {"oc",           {FIELD_OC, FIELDS},                 TYPE_CHANNELS, 0, MAX_CHANNELS, NULL},
    {"down",         {FIELD_DOWN, FIELDS},               TYPE_WORD,     0, 0,            down_words},
    {"stride_order", {FIELD_STRIDE_ORDER, FIELDS},       TYPE_WORD,     0, 0,            order_words},
    {"paths",        {FIELD_PATHS, FIELDS},              TYPE_FLAGS,    0, 0,            path_words},
    {"dtype",        {FIELD_DTYPE, FIELDS},              TYPE_WORD,     0, 0,            dtype_words},
    {"epilogue",     {FIELD_EPILOGUE, FIELDS},           TYPE_FLAGS,    0, 0,            epilogue_words},
    {"cache",        {FIELD_CACHE, FIELDS},              TYPE_WORD,     0, 0,            cache_words},
    {"kernel",       {FIELD_KERNEL, FIELDS},             TYPE_KERNEL,   0, 0,            NULL},
    {"threads",      {FIELD_THREADS, FIELDS},            TYPE_INTEGER,  1, 1024,         thread_words},
};
/* clang-format on */

const struct layer_key *layer_key_find(const struct yaml_node *name, struct complaints *to)
{
    const char *names[LENGTH(keys)];

    for (size_t i = 0; i < LENGTH(keys); i++) {
        if (strcmp(keys[i].name, name->text) == 0)
            return &keys[i];
        names[i] = keys[i].name;
    }
    expect_key(name, names, LENGTH(keys), to);
    return NULL;
}

bool layer_key_is_how(const struct layer_key *key)
{
    enum field f = key->field[0];

    return f == FIELD_KERNEL || f == FIELD_THREADS || f == FIELD_CACHE || f == FIELD_DTYPE;
}

/* ---- one value ----------------------------------------------------------------------------------- */

static size_t list_words(const char *out[32], const struct word *words)
{
    size_t n = 0;

    for (; words && words[n].name; n++)
        out[n] = words[n].name;
    return n;
}

/* Cores that this process may use: what `threads: all` means. */
static int usable_cores(void)
{
    struct topology *topology = topology_open(NULL, NULL);
    struct machine machine = {.cores = 1};

    if (topology)
        topology_machine(topology, &machine);
    topology_close(topology);
    return machine.cores > 0 ? machine.cores : 1;
}

static bool read_integer(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                         struct complaints *to)
{
    bool is_word;

    if (!key->words)
        return integer_read(&out->number, key->name, node, key->low, key->high, to);
    if (!integer_or_word_read(&out->number, &is_word, key->name, node, key->low, key->high,
                              key->words[0].name, to))
        return false;
    if (is_word)
        out->number = key->words == thread_words ? usable_cores() : key->words[0].number;
    return true;
}

static bool read_word(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                      struct complaints *to)
{
    const char *words[32];
    int i;

    if (!word_read(&i, key->name, node, words, list_words(words, key->words), to))
        return false;
    out->number = key->words[i].number;
    return true;
}

/* Words in one string, separated by blanks, commas or plus signs. */
static bool read_flag_text(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                           struct complaints *to)
{
    static const char separators[] = " ,+";
    const char *words[32], *p = node->text;
    size_t count = list_words(words, key->words);
    int i;

    for (p += strspn(p, separators); *p; p += strspn(p, separators)) {
        size_t length = strcspn(p, separators);
        char word[48];

        snprintf(word, sizeof(word), "%.*s", (int)(length < 47 ? length : 47), p);
        if (!word_find(&i, key->name, node, word, words, count, to))
            return false;
        out->number |= key->words[i].number;
        p += length;
    }
    return true;
}

static bool read_flags(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                       struct complaints *to)
{
    if (node->kind != YAML_LIST) {
        struct value ignored;
        if (node->kind != YAML_SCALAR || node->text[0] == '\0')
            return read_word(&ignored, key, node, to);
        return read_flag_text(out, key, node, to);
    }
    if (node->count == 0) {
        complain_at(to, node, "'%s' has no values", key->name);
        return false;
    }
    for (size_t i = 0; i < node->count; i++)
        if (!read_word(&(struct value){0}, key, node->item[i], to) ||
            !read_flag_text(out, key, node->item[i], to))
            return false;
    return true;
}

static bool read_channels(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                          struct complaints *to)
{
    if (node->kind != YAML_LIST || node->count == 0 || node->count > OCT_MAX_BANDS) {
        complain_at(to, node,
                    "'%s' must be a list of the channels of 1 to %d bands, such as [32, 16, 16], "
                    "and in a matrix or zip a list of such lists",
                    key->name, OCT_MAX_BANDS);
        return false;
    }
    out->bands = (int)node->count;
    for (size_t i = 0; i < node->count; i++) {
        int64_t channels;
        if (!integer_read(&channels, key->name, node->item[i], key->low, key->high, to))
            return false;
        out->channels[i] = (int)channels;
    }
    return true;
}

bool layer_value_read(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                      enum kernel_reach reach, struct complaints *to)
{
    const char *name;

    *out = (struct value){.at = node};
    switch (key->type) {
    case TYPE_INTEGER:
        return read_integer(out, key, node, to);
    case TYPE_REAL:
        return real_read(&out->real, key->name, node, (double)key->low, (double)key->high, to);
    case TYPE_WORD:
        return read_word(out, key, node, to);
    case TYPE_FLAGS:
        return read_flags(out, key, node, to);
    case TYPE_CHANNELS:
        return read_channels(out, key, node, to);
    case TYPE_NAME:
        return name_read(&name, key->name, node, to);
    case TYPE_KERNEL:
        return kernels_read(&out->kernels, node, reach, to);
    }
    return false;
}

/* ---- values of many keys ------------------------------------------------------------------------- */

void layer_set(struct layer_values *values, const struct layer_key *key, const struct value *value)
{
    for (int i = 0; i < 2; i++)
        if (key->field[i] != FIELDS)
            values->field[key->field[i]] = *value;
}

bool layer_has(const struct layer_values *values, const struct layer_key *key)
{
    for (int i = 0; i < 2; i++)
        if (key->field[i] != FIELDS && values->field[key->field[i]].at)
            return true;
    return false;
}

bool layer_values_read(struct layer_values *out, const struct yaml_node *map, enum kernel_reach reach,
                       struct complaints *to)
{
    bool good = true;

    for (size_t i = 0; i < map->count; i++) {
        const struct layer_key *key = layer_key_find(map->key[i], to);
        struct value value;

        if (!key || !layer_value_read(&value, key, map->item[i], reach, to)) {
            good = false;
            continue;
        }
        if (layer_has(out, key)) {
            complain_at(to, map->key[i], "'%s' sets what another key beside it has set", key->name);
            good = false;
        }
        layer_set(out, key, &value);
    }
    return good;
}

void layer_overlay(struct layer_values *base, const struct layer_values *over)
{
    for (int f = 0; f < FIELDS; f++)
        if (over->field[f].at)
            base->field[f] = over->field[f];
}

static bool same_value(enum field field, const struct value *a, const struct value *b)
{
    switch (field) {
    case FIELD_LAYER:
        return strcmp(a->at->text, b->at->text) == 0;
    case FIELD_ALPHA_IN:
    case FIELD_ALPHA_OUT:
        return a->real == b->real;
    case FIELD_IC:
    case FIELD_OC:
        return a->bands == b->bands && memcmp(a->channels, b->channels, sizeof(a->channels)) == 0;
    default:
        return a->number == b->number;
    }
}

bool layer_matches(const struct layer_values *values, const struct layer_values *pattern)
{
    for (int f = 0; f < FIELDS; f++) {
        const struct value *wanted = &pattern->field[f], *found = &values->field[f];

        if (f == FIELD_KERNEL || !wanted->at)
            continue;
        if (!found->at || !same_value((enum field)f, wanted, found))
            return false;
    }
    return true;
}

/* ---- values to a problem ------------------------------------------------------------------------- */

static void take(int *out, const struct layer_values *values, enum field field)
{
    if (values->field[field].at)
        *out = (int)values->field[field].number;
}

/* "layer 'conv2'", or "the layer" where it has no name. */
static const char *called(const struct layer *layer, char buf[64])
{
    if (!layer->name)
        return "the layer";
    snprintf(buf, 64, "layer '%s'", layer->name);
    return buf;
}

static bool require(const struct layer *layer, const struct layer_values *values, enum field field,
                    const char *name, struct complaints *to)
{
    char buf[64];

    if (values->field[field].at)
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
    static const enum field rivals[] = {FIELD_C_IN, FIELD_C_OUT, FIELD_ALPHA_IN, FIELD_ALPHA_OUT};
    const struct value *ic = &values->field[FIELD_IC], *oc = &values->field[FIELD_OC];
    const struct value *bands = &values->field[FIELD_BANDS];
    struct oct_problem *p = &layer->problem;

    if (!require(layer, values, FIELD_IC, "ic", to) || !require(layer, values, FIELD_OC, "oc", to))
        return false;
    for (size_t i = 0; i < LENGTH(rivals); i++) {
        if (values->field[rivals[i]].at) {
            complain_at(
                to, values->field[rivals[i]].at,
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
    const struct value *bands = &values->field[FIELD_BANDS];
    struct oct_problem *p = &layer->problem;
    int c_in = 0, c_out = 0;

    if (!require(layer, values, FIELD_C_IN, "c_in", to) || !require(layer, values, FIELD_C_OUT, "c_out", to))
        return false;
    take(&c_in, values, FIELD_C_IN);
    take(&c_out, values, FIELD_C_OUT);
    layer->alpha_in = values->field[FIELD_ALPHA_IN].real;
    layer->alpha_out = values->field[FIELD_ALPHA_OUT].real;
    p->bands = layer->alpha_in > 0 || layer->alpha_out > 0 ? 2 : 1;
    if (bands->at && bands->number > 2) {
        complain_at(to, bands->at, "more than two bands need their channels listed: ic: [...], oc: [...]");
        return false;
    }
    if (bands->at && bands->number < p->bands) {
        complain_at(to, bands->at, "an alpha above 0 needs two bands");
        return false;
    }
    take(&p->bands, values, FIELD_BANDS);
    p->ic[1] = oct_low_channels(c_in, layer->alpha_in);
    p->oc[1] = oct_low_channels(c_out, layer->alpha_out);
    p->ic[0] = c_in - p->ic[1];
    p->oc[0] = c_out - p->oc[1];
    return true;
}

static void take_options(struct oct_problem *p, const struct layer_values *values)
{
    int down = OCT_DOWN_POOL, order = OCT_STRIDE_OFFICIAL, dtype = OCT_F32;
    int stride = 1, pad = OCT_PAD_SAME, dilation = 1;

    take(&p->n, values, FIELD_N);
    take(&p->d, values, FIELD_D);
    take(&p->h, values, FIELD_H);
    take(&p->w, values, FIELD_W);
    take(&p->kd, values, FIELD_KD);
    take(&p->kh, values, FIELD_KH);
    take(&p->kw, values, FIELD_KW);
    take(&stride, values, FIELD_STRIDE);
    take(&pad, values, FIELD_PAD);
    take(&dilation, values, FIELD_DILATION);
    take(&p->groups, values, FIELD_GROUPS);
    take(&down, values, FIELD_DOWN);
    take(&order, values, FIELD_STRIDE_ORDER);
    take(&dtype, values, FIELD_DTYPE);
    p->down = (enum oct_down)down;
    p->stride_order = (enum oct_stride_order)order;
    p->types.src = p->types.weights = p->types.dst = (enum oct_dtype)dtype;
    p->types.acc = dtype == OCT_S8 ? OCT_S32 : OCT_F32;
    oct_problem_set_stride(p, stride);
    oct_problem_set_dilation(p, dilation);
    oct_problem_set_pad(p, pad);
    if (values->field[FIELD_PATHS].at)
        p->paths = (uint32_t)values->field[FIELD_PATHS].number;
    p->epilogue = (uint32_t)values->field[FIELD_EPILOGUE].number;
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
        const char *part;
        enum field field;
    } rows[] = {{"groups", FIELD_GROUPS},       {"depthwise", FIELD_GROUPS},     {"larger than", FIELD_KH},
                {"padding", FIELD_PAD},         {"line up", FIELD_STRIDE_ORDER}, {"line up", FIELD_DILATION},
                {"epilogue", FIELD_EPILOGUE},   {"larger than", FIELD_KW},       {"these paths", FIELD_PATHS},
                {"larger than", FIELD_DILATION}};

    for (size_t i = 0; i < LENGTH(rows); i++)
        if (strstr(text, rows[i].part) && values->field[rows[i].field].at)
            return values->field[rows[i].field].at;
    return layer->at;
}

bool layer_resolve(struct layer *out, const struct layer_values *values, const struct yaml_node *suite,
                   struct complaints *to)
{
    const struct value *name = &values->field[FIELD_LAYER];
    bool listed = values->field[FIELD_IC].at || values->field[FIELD_OC].at, good;
    struct oct_message msg;
    int cache = CACHE_WARM;
    char buf[64];

    *out = (struct layer){.problem = oct_problem_default(), .threads = 1, .at = name->at ? name->at : suite};
    out->name = name->at ? name->at->text : NULL;
    take(&cache, values, FIELD_CACHE);
    take(&out->threads, values, FIELD_THREADS);
    out->cache = (enum cache_mode)cache;
    take_options(&out->problem, values);
    good = require(out, values, FIELD_H, "hw", to) && require(out, values, FIELD_W, "w", to) &&
           require(out, values, FIELD_KH, "k", to) && require(out, values, FIELD_KW, "kw", to);
    if (!good || !(listed ? channels_from_lists : channels_from_ratios)(out, values, to))
        return false;
    normalise(&out->problem, (values->field[FIELD_BANDS].at || listed) && values->field[FIELD_DOWN].at);
    if (oct_problem_check(&out->problem, &msg) == OCT_OK) {
        if (oct_macs(&out->problem) > 0)
            return true;
        snprintf(msg.text, sizeof(msg.text), "with these paths and channels nothing is left to compute");
    }
    complain_at(to, culprit(out, values, msg.text), "%s%s%s", out->name ? called(out, buf) : "",
                out->name ? ": " : "", msg.text);
    return false;
}
