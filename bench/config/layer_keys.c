/* SPDX-License-Identifier: MIT */
/* The table of a layer's keys: the fields of a problem, and what only a config says. */
#include "config/layer_keys.h"

#include <assert.h>
#include <string.h>

#define LENGTH(a)    (sizeof(a) / sizeof((a)[0]))
#define MOST_KEYS    (PROBLEM_SLOTS + 24)
#define MAX_CHANNELS (1 << 20)

const struct oct_word layer_thread_words[] = {{"all", 0}, {0}};
static const struct oct_word cache_words[] = {
    {"warm", CACHE_WARM}, {"cold_weights", CACHE_COLD_WEIGHTS}, {"cold", CACHE_COLD}, {0}};
static const struct oct_word path_words[] = {{"all", OCT_ALL_PATHS},     {"hh", OCT_PATH_BIT(0, 0)},
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

/* Beside the fields of a problem. `sets` of several fields: the value goes to each. */
/* clang-format off */
static const struct layer_key own_keys[] = {
    {"layer",     TYPE_NAME,    {SLOT_LAYER},                     0, 0, NULL, 1},
    {"c_in",      TYPE_INTEGER, {SLOT_C_IN},                      1, MAX_CHANNELS, NULL, 1},
    {"c_out",     TYPE_INTEGER, {SLOT_C_OUT},                     1, MAX_CHANNELS, NULL, 1},
    {"alpha",     TYPE_REAL,    {SLOT_ALPHA_IN, SLOT_ALPHA_OUT},  0, 1, NULL, 2},
    {"alpha_in",  TYPE_REAL,    {SLOT_ALPHA_IN},                  0, 1, NULL, 1},
    {"alpha_out", TYPE_REAL,    {SLOT_ALPHA_OUT},                 0, 1, NULL, 1},
    {"cache",     TYPE_WORD,    {SLOT_CACHE},                     0, 0, cache_words, 1},
    {"kernel",    TYPE_KERNEL,  {SLOT_KERNEL},                    0, 0, NULL, 1},
    {"threads",   TYPE_INTEGER, {SLOT_THREADS},                   1, 1024, layer_thread_words, 1},
};

/* One key for fields that usually agree: read as the first of them is. */
static const struct {
    const char *name, *fields[MOST_SETS];
} shorthands[] = {
    {"hw",       {"h", "w"}},
    {"k",        {"kh", "kw"}},
    {"stride",   {"stride_h", "stride_w"}},
    {"dilation", {"dilation_h", "dilation_w"}},
    {"pad",      {"pad_top", "pad_bottom", "pad_left", "pad_right"}},
    {"pad_d",    {"pad_front", "pad_back"}},
    {"dtype",    {"src_type", "weight_type", "dst_type"}},
};
/* clang-format on */

int slot_of(const char *field)
{
    int i = 0;

    while (oct_fields[i].name && strcmp(oct_fields[i].name, field) != 0)
        i++;
    assert(oct_fields[i].name && i < PROBLEM_SLOTS);
    return i;
}

static enum layer_type type_of(const struct oct_field *f)
{
    switch (f->type) {
    case OCT_FIELD_WORD:
        return TYPE_WORD;
    case OCT_FIELD_FLAGS:
    case OCT_FIELD_PATHS:
        return TYPE_FLAGS;
    case OCT_FIELD_CHANNELS:
        return TYPE_CHANNELS;
    default:
        return strcmp(f->name, "groups") == 0 ? TYPE_GROUPS : TYPE_INTEGER;
    }
}

static struct layer_key field_key(const struct oct_field *f, const char *name)
{
    struct layer_key key = {.name = name, .type = type_of(f), .low = f->least, .high = f->most};

    key.words = f->type == OCT_FIELD_PATHS ? path_words : f->words;
    key.sets[0] = slot_of(f->name);
    key.count = 1;
    return key;
}

static struct layer_key shorthand_key(size_t i)
{
    const struct oct_field *first = oct_field_find(shorthands[i].fields[0]);
    struct layer_key key = field_key(first, shorthands[i].name);

    for (key.count = 0; key.count < MOST_SETS && shorthands[i].fields[key.count]; key.count++)
        key.sets[key.count] = slot_of(shorthands[i].fields[key.count]);
    if (strcmp(key.name, "pad") == 0)
        key.type = TYPE_SIDES;
    return key;
}

/* What a config says in other words: `groups: {per_path: N}`. */
static bool is_key(const struct oct_field *f)
{
    return strcmp(f->name, "groups_per_path") != 0 && strcmp(f->name, "acc_type") != 0;
}

struct table {
    struct layer_key key[MOST_KEYS];
    const char *name[MOST_KEYS];
    size_t count;
};

static void add_key(struct table *t, struct layer_key key)
{
    t->name[t->count] = key.name;
    t->key[t->count++] = key;
}

static void fill(struct table *t)
{
    t->count = 0;
    for (size_t i = 0; i < LENGTH(own_keys); i++)
        add_key(t, own_keys[i]);
    for (size_t i = 0; i < LENGTH(shorthands); i++)
        add_key(t, shorthand_key(i));
    for (const struct oct_field *f = oct_fields; f->name; f++)
        if (is_key(f))
            add_key(t, field_key(f, f->name));
}

bool layer_key_find(struct layer_key *out, const struct yaml_node *name, struct complaints *to)
{
    struct table t;

    fill(&t);
    for (size_t i = 0; i < t.count; i++) {
        if (strcmp(t.name[i], name->text) != 0)
            continue;
        *out = t.key[i];
        return true;
    }
    expect_key(name, t.name, t.count, to);
    return false;
}

bool layer_key_is_how(const struct layer_key *key)
{
    int slot = key->sets[0];

    return slot == SLOT_KERNEL || slot == SLOT_THREADS || slot == SLOT_CACHE || slot == slot_of("src_type");
}
