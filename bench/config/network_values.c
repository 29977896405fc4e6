/* SPDX-License-Identifier: MIT */
/* Numbers and names in a network file. */
#include "config/network_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 512 /* among which the nearest one is looked for */

static const struct parameter *find_parameter(const struct scope *s, const char *name)
{
    for (; s; s = s->outer)
        for (int i = 0; i < s->count; i++)
            if (strcmp(s->parameter[i].name, name) == 0)
                return &s->parameter[i];
    return NULL;
}

static void complain_of_name(const char *said, const struct yaml_node *node, const char *text,
                             const char *const *names, size_t count, struct complaints *to)
{
    const char *near = nearest_word(text, names, count);

    complain_at(to, node, "%s '%.40s'%s%s%s", said, text, near ? "; did you mean '" : "", near ? near : "",
                near ? "'?" : "");
}

static void complain_of_parameter(const struct scope *s, const struct yaml_node *node, const char *text,
                                  struct complaints *to)
{
    const char *names[2 * MAX_PARAMETERS];
    size_t count = 0;

    for (; s; s = s->outer)
        for (int i = 0; i < s->count; i++)
            names[count++] = s->parameter[i].name;
    complain_of_name("there is no parameter", node, text, names, count, to);
}

/* The next factor of a product, without the spaces around it. Moves *text behind it and its asterisk. */
static bool next_factor(char out[MAX_NODE_NAME], const char **text)
{
    size_t length = strcspn(*text, "*"), first = strspn(*text, " "), last = length;

    while (last > first && (*text)[last - 1] == ' ')
        last--;
    if (last <= first || last - first >= MAX_NODE_NAME)
        return false;
    memcpy(out, *text + first, last - first);
    out[last - first] = '\0';
    *text += length;
    return true;
}

bool product_read(double *out, const char *what, const struct yaml_node *node, const struct scope *s,
                  struct complaints *to)
{
    const char *text = node->kind == YAML_SCALAR ? node->text : "*";
    char factor[MAX_NODE_NAME], shown[64], *end;

    for (*out = 1;; text++) {
        const struct parameter *named;
        double number;

        if (!next_factor(factor, &text)) {
            complain_at(to, node, "'%s' must be a number, a parameter or a product of these, but is %s", what,
                        yaml_show(node, shown));
            return false;
        }
        number = strtod(factor, &end);
        named = find_parameter(s, factor);
        if (!named && (*end || !isfinite(number))) {
            complain_of_parameter(s, node, factor, to);
            return false;
        }
        *out *= named ? named->value : number;
        if (*text == '\0')
            return true;
    }
}

bool whole_read(int *out, const char *what, const struct yaml_node *node, int low, int high,
                const struct scope *s, struct complaints *to)
{
    double number;

    if (!product_read(&number, what, node, s, to))
        return false;
    if (number < low || number > high || fabs(number - nearbyint(number)) > 1e-9 * fabs(number)) {
        complain_at(to, node, "'%s' must be an integer from %d to %d, but is %g", what, low, high, number);
        return false;
    }
    *out = (int)nearbyint(number);
    return true;
}

bool parameter_add(struct scope *s, const struct yaml_node *name, double value, struct complaints *to)
{
    if (s->count == MAX_PARAMETERS) {
        complain_at(to, name, "there are more than %d parameters", MAX_PARAMETERS);
        return false;
    }
    s->parameter[s->count++] = (struct parameter){name->text, value};
    return true;
}

/* The name of the entry: its first key names the operation, the value is the name. */
static const char *entry_name(const struct yaml_node *entry)
{
    if (entry->kind != YAML_MAP || entry->count == 0 || entry->item[0]->kind != YAML_SCALAR)
        return "";
    return entry->item[0]->text;
}

static bool is_written_below(const struct scope *s, const char *name)
{
    for (size_t i = 0; i < s->nodes->count; i++)
        if (strcmp(entry_name(s->nodes->item[i]), name) == 0)
            return true;
    return false;
}

static void complain_of_reference(const struct builder *b, const struct scope *s,
                                  const struct yaml_node *node)
{
    const char *names[MAX_NAMES] = {s->in < 0 ? "input" : "in"};
    size_t count = 1, prefix = strlen(s->prefix);

    if (is_written_below(s, node->text)) {
        complain_at(b->to, node, "'%.40s' is used before it exists: an entry reads what stands above it",
                    node->text);
        return;
    }
    for (int i = 0; i < b->net->count && count < MAX_NAMES; i++)
        if (strncmp(b->net->names[i], s->prefix, prefix) == 0)
            names[count++] = b->net->names[i] + prefix;
    for (int i = 0; s->in < 0 && i < b->uses && count < MAX_NAMES; i++)
        names[count++] = b->use[i].name;
    complain_of_name("there is no node", node, node->text, names, count, b->to);
}

int reference_read(const struct builder *b, const struct scope *s, const struct yaml_node *node)
{
    size_t prefix = strlen(s->prefix);
    char shown[64];

    if (node->kind != YAML_SCALAR || node->text[0] == '\0') {
        complain_at(b->to, node, "a node's name belongs here, but it is %s", yaml_show(node, shown));
        return -1;
    }
    if (s->in >= 0 && strcmp(node->text, "in") == 0)
        return s->in;
    for (int i = 0; i < b->net->count; i++)
        if (strncmp(b->net->names[i], s->prefix, prefix) == 0 &&
            strcmp(b->net->names[i] + prefix, node->text) == 0)
            return i;
    for (int i = 0; s->in < 0 && i < b->uses; i++)
        if (strcmp(b->use[i].name, node->text) == 0 && b->use[i].output >= 0)
            return b->use[i].output;
    complain_of_reference(b, s, node);
    return -1;
}
