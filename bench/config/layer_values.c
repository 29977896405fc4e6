/* SPDX-License-Identifier: MIT */
/* The values of a layer's keys. */
#include "config/layer_keys.h"

#include "machine/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one value ----------------------------------------------------------------------------------- */

static size_t list_words(const char *out[32], const struct oct_word *words)
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

/* A number, or one of the key's words. */
static bool read_integer(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                         struct complaints *to)
{
    bool is_word;

    if (!key->words)
        return integer_read(&out->number, key->name, node, key->low, key->high, to);
    if (node->kind == YAML_SCALAR)
        for (const struct oct_word *w = key->words; w->name; w++)
            if (strcmp(w->name, node->text) == 0) {
                out->number = key->words == layer_thread_words ? usable_cores() : w->value;
                return true;
            }
    return integer_or_word_read(&out->number, &is_word, key->name, node, key->low, key->high,
                                key->words[0].name, to);
}

static bool read_groups(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                        struct complaints *to)
{
    if (node->kind != YAML_MAP)
        return read_integer(out, key, node, to);
    if (node->count != 1 || strcmp(node->key[0]->text, "per_path") != 0) {
        complain_at(to, node, "'groups' must be a number, 'depthwise' or {per_path: N}");
        return false;
    }
    out->per_path = true;
    return integer_read(&out->number, "per_path", node->item[0], key->low, key->high, to);
}

/* [h, w] or [top, bottom, left, right]; one value counts for every side. */
static bool read_sides(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                       struct complaints *to)
{
    int64_t side[4];

    if (node->kind != YAML_LIST) {
        bool good = read_integer(out, key, node, to);

        for (int i = 0; i < 4; i++)
            out->side[i] = (int)out->number;
        return good;
    }
    if (node->count != 2 && node->count != 4) {
        complain_at(to, node,
                    "'%s' must be a number, 'same', 'same_upper', [h, w] or [top, bottom, left, right]",
                    key->name);
        return false;
    }
    for (size_t i = 0; i < node->count; i++)
        if (!integer_read(&side[i], key->name, node->item[i], key->low, key->high, to))
            return false;
    for (size_t i = 0; i < 4; i++)
        out->side[i] = (int)side[node->count == 2 ? i / 2 : i];
    out->number = out->side[0];
    return true;
}

static bool read_word(struct value *out, const struct layer_key *key, const struct yaml_node *node,
                      struct complaints *to)
{
    const char *words[32];
    int i;

    if (!word_read(&i, key->name, node, words, list_words(words, key->words), to))
        return false;
    out->number = key->words[i].value;
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
        out->number |= key->words[i].value;
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
                      const struct kernel_reach *reach, struct complaints *to)
{
    const char *name;

    *out = (struct value){.at = node};
    switch (key->type) {
    case TYPE_INTEGER:
        return read_integer(out, key, node, to);
    case TYPE_GROUPS:
        return read_groups(out, key, node, to);
    case TYPE_SIDES:
        return read_sides(out, key, node, to);
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
    for (int i = 0; i < key->count; i++) {
        struct value *slot = &values->slot[key->sets[i]];

        *slot = *value;
        if (key->type == TYPE_SIDES)
            slot->number = value->side[i];
    }
}

bool layer_has(const struct layer_values *values, const struct layer_key *key)
{
    for (int i = 0; i < key->count; i++)
        if (values->slot[key->sets[i]].at)
            return true;
    return false;
}

bool layer_values_read(struct layer_values *out, const struct yaml_node *map,
                       const struct kernel_reach *reach, struct complaints *to)
{
    bool good = true;

    for (size_t i = 0; i < map->count; i++) {
        struct layer_key key;
        struct value value;

        if (!layer_key_find(&key, map->key[i], to) ||
            !layer_value_read(&value, &key, map->item[i], reach, to)) {
            good = false;
            continue;
        }
        if (layer_has(out, &key)) {
            complain_at(to, map->key[i], "'%s' sets what another key beside it has set", key.name);
            good = false;
        }
        layer_set(out, &key, &value);
    }
    return good;
}

void layer_overlay(struct layer_values *base, const struct layer_values *over)
{
    for (int f = 0; f < SLOTS; f++)
        if (over->slot[f].at)
            base->slot[f] = over->slot[f];
}

static bool same_value(int slot, const struct value *a, const struct value *b)
{
    if (slot == SLOT_LAYER)
        return strcmp(a->at->text, b->at->text) == 0;
    if (slot == SLOT_ALPHA_IN || slot == SLOT_ALPHA_OUT)
        return a->real == b->real;
    return a->number == b->number && a->per_path == b->per_path && a->bands == b->bands &&
           memcmp(a->channels, b->channels, sizeof(a->channels)) == 0;
}

bool layer_matches(const struct layer_values *values, const struct layer_values *pattern)
{
    for (int f = 0; f < SLOTS; f++) {
        const struct value *wanted = &pattern->slot[f], *found = &values->slot[f];

        if (f == SLOT_KERNEL || !wanted->at)
            continue;
        if (!found->at || !same_value(f, wanted, found))
            return false;
    }
    return true;
}
