/* SPDX-License-Identifier: MIT */
/* A network file: its sections, and the blocks it repeats. */
#include "config/network.h"

#include "config/network_build.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH(a)   (sizeof(a) / sizeof((a)[0]))
#define MOST_EXTENT 65536

static bool keys_check(const struct yaml_node *map, const char *const *words, size_t count,
                       struct complaints *to)
{
    bool good = true;

    for (size_t i = 0; i < map->count; i++)
        good = expect_key(map->key[i], words, count, to) && good;
    return good;
}

/* ---- blocks -------------------------------------------------------------------------------------- */

static struct use *use_of(struct builder *b, const struct yaml_node *at, const char *name)
{
    for (int i = 0; i < b->uses; i++)
        if (strcmp(b->use[i].name, name) == 0)
            return &b->use[i];
    if (b->uses == MAX_USES) {
        complain_at(b->to, at, "blocks are used under more than %d names", MAX_USES);
        return NULL;
    }
    b->use[b->uses] = (struct use){name, 0, -1};
    return &b->use[b->uses++];
}

/* The parameters of a block: from its use, else as the block says. */
static bool parameters_bind(struct scope *inner, const struct yaml_node *parameters,
                            const struct yaml_node *entry, struct complaints *to)
{
    for (size_t i = 0; parameters && i < parameters->count; i++) {
        const struct yaml_node *name = parameters->key[i], *given = yaml_get(entry, name->text);
        const struct yaml_node *value = given ? given : parameters->item[i];
        double number;

        if (!given && value->kind == YAML_SCALAR && value->text[0] == '\0') {
            complain_at(to, entry, "the block's parameter '%s' is missing", name->text);
            return false;
        }
        if (!product_read(&number, name->text, value, given ? inner->outer : inner, to) ||
            !parameter_add(inner, name, number, to))
            return false;
    }
    return true;
}

static bool use_keys_check(const struct yaml_node *entry, const struct yaml_node *parameters,
                           struct complaints *to)
{
    const char *words[MAX_PARAMETERS + 3] = {entry->key[0]->text, "from", "repeat"};
    size_t count = 3;

    if (parameters && !expect_map("parameters", parameters, to))
        return false;
    if (parameters && parameters->count > MAX_PARAMETERS) {
        complain_at(to, parameters, "there are more than %d parameters", MAX_PARAMETERS);
        return false;
    }
    for (size_t i = 0; parameters && i < parameters->count; i++)
        words[count++] = parameters->key[i]->text;
    return keys_check(entry, words, count, to);
}

static int kind_of(const struct yaml_node *entry, const struct yaml_node *blocks, struct complaints *to)
{
    const char *words[NETWORK_OPS + MAX_USES];
    size_t count = 0;

    if (entry->kind != YAML_MAP || entry->count == 0) {
        complain_at(to, entry, "an entry must be a mapping that begins with its operation and its name");
        return -1;
    }
    for (; count < NETWORK_OPS; count++)
        words[count] = network_ops[count];
    for (size_t i = 0; blocks && i < blocks->count && count < LENGTH(words); i++)
        words[count++] = blocks->key[i]->text;
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], entry->key[0]->text) == 0)
            return (int)i;
    expect_key(entry->key[0], words, count, to);
    return -1;
}

static bool block_once(struct builder *b, const struct scope *file, const struct yaml_node *entry,
                       const struct yaml_node *body, struct use *use)
{
    struct scope inner = {.outer = file, .nodes = yaml_get(body, "nodes"), .in = b->previous};
    char prefix[MAX_NODE_NAME];

    snprintf(prefix, sizeof(prefix), "%s.%d.", use->name, ++use->times);
    inner.prefix = prefix;
    if (!parameters_bind(&inner, yaml_get(body, "parameters"), entry, b->to))
        return false;
    for (size_t i = 0; i < inner.nodes->count; i++) {
        int op = kind_of(inner.nodes->item[i], NULL, b->to);

        if (op < 0 || !entry_add(b, &inner, inner.nodes->item[i], op))
            return false;
    }
    use->output = b->previous;
    return true;
}

static bool block_add(struct builder *b, const struct scope *file, const struct yaml_node *entry,
                      const struct yaml_node *body)
{
    const struct yaml_node *from = yaml_get(entry, "from"), *repeat = yaml_get(entry, "repeat");
    struct use *use;
    const char *name;
    int times = 1;

    if (!use_keys_check(entry, yaml_get(body, "parameters"), b->to) ||
        !name_read(&name, entry->key[0]->text, entry->item[0], b->to))
        return false;
    if (repeat && !whole_read(&times, "repeat", repeat, 1, MAX_NODES, file, b->to))
        return false;
    if (from && (b->previous = reference_read(b, file, from)) < 0)
        return false;
    use = use_of(b, entry, name);
    for (int i = 0; use && i < times; i++)
        if (!block_once(b, file, entry, body, use))
            return false;
    return use != NULL;
}

static bool block_check(const struct yaml_node *name, const struct yaml_node *body, struct complaints *to)
{
    static const char *const words[] = {"parameters", "nodes"};
    const struct yaml_node *nodes;

    for (int i = 0; i < NETWORK_OPS; i++) {
        if (strcmp(name->text, network_ops[i]) == 0) {
            complain_at(to, name, "'%s' is an operation: call the block otherwise", name->text);
            return false;
        }
    }
    if (!expect_map(name->text, body, to) || !keys_check(body, words, LENGTH(words), to))
        return false;
    nodes = yaml_get(body, "nodes");
    if (!nodes || nodes->kind != YAML_LIST || nodes->count == 0) {
        complain_at(to, nodes ? nodes : name, "block '%s' needs a list 'nodes'", name->text);
        return false;
    }
    return true;
}

/* ---- sections ------------------------------------------------------------------------------------ */

static bool input_add(struct builder *b, const struct scope *file, const struct yaml_node *root,
                      const struct network_request *request)
{
    static const char *const words[] = {"channels", "hw", "d", "n"};
    const struct yaml_node *map = yaml_get(root, "input"), *node;
    int value[] = {0, 0, 1, 1};
    const int asked[] = {0, request->hw, request->d, request->n};
    struct oct_node input = {.op = OCT_OP_INPUT, .input = {-1, -1}, .problem = oct_problem_default()};

    if (!map || map->kind != YAML_MAP) {
        complain_at(b->to, map ? map : root, "'input' must say 'channels' and 'hw'");
        return false;
    }
    if (!keys_check(map, words, LENGTH(words), b->to))
        return false;
    for (size_t i = 0; i < LENGTH(words); i++) {
        if ((node = yaml_get(map, words[i])) &&
            !whole_read(&value[i], words[i], node, 1, MOST_EXTENT, file, b->to))
            return false;
        if (asked[i] > 0)
            value[i] = asked[i];
        if (value[i] == 0)
            complain_at(b->to, map, "'%s' is missing", words[i]);
    }
    input.problem.ic[0] = input.problem.oc[0] = value[0];
    input.problem.h = input.problem.w = value[1];
    input.problem.d = value[2];
    input.problem.n = value[3];
    return value[0] && value[1] && node_append(b, file, map, "input", &input);
}

static bool parameters_read(struct scope *file, const struct yaml_node *root,
                            const struct network_request *request, struct complaints *to)
{
    const struct yaml_node *map = yaml_get(root, "parameters");
    double number;

    file->parameter[file->count++] = (struct parameter){"alpha", request->alpha};
    if (map && !expect_map("parameters", map, to))
        return false;
    for (size_t i = 0; map && i < map->count; i++)
        if (!product_read(&number, map->key[i]->text, map->item[i], file, to) ||
            !parameter_add(file, map->key[i], number, to))
            return false;
    return true;
}

static bool blocks_check(const struct yaml_node *blocks, struct complaints *to)
{
    bool good = true;

    if (blocks && !expect_map("blocks", blocks, to))
        return false;
    if (blocks && blocks->count > MAX_USES) {
        complain_at(to, blocks, "there are more than %d blocks", MAX_USES);
        return false;
    }
    for (size_t i = 0; blocks && i < blocks->count; i++)
        good = block_check(blocks->key[i], blocks->item[i], to) && good;
    return good;
}

static bool nodes_read(struct builder *b, const struct scope *file)
{
    for (size_t i = 0; i < file->nodes->count; i++) {
        const struct yaml_node *entry = file->nodes->item[i];
        int kind = kind_of(entry, b->blocks, b->to);

        if (kind < 0)
            return false;
        if (kind < NETWORK_OPS ? !entry_add(b, file, entry, kind)
                               : !block_add(b, file, entry, b->blocks->item[kind - NETWORK_OPS]))
            return false;
    }
    for (int i = 0; i < b->net->count - 1; i++)
        if (!b->read[i])
            complain_at(b->to, b->at[i], "nothing reads '%s'", b->net->names[i]);
    return true;
}

static void network_read(struct builder *b, const struct yaml_node *root,
                         const struct network_request *request)
{
    static const char *const words[] = {"network", "parameters", "input", "blocks", "nodes"};
    const struct yaml_node *name = yaml_get(root, "network");
    struct scope file = {.prefix = "", .nodes = yaml_get(root, "nodes"), .in = -1};
    const char *text;

    if (!expect_map("network", root, b->to) || !keys_check(root, words, LENGTH(words), b->to))
        return;
    if (!name) {
        complain_at(b->to, root, "'network' is missing: the network's name");
        return;
    }
    if (!name_read(&text, "network", name, b->to) || !parameters_read(&file, root, request, b->to))
        return;
    snprintf(b->net->name, sizeof(b->net->name), "%s", text);
    b->blocks = yaml_get(root, "blocks");
    if (!file.nodes || file.nodes->kind != YAML_LIST || file.nodes->count == 0) {
        complain_at(b->to, file.nodes ? file.nodes : root, "'nodes' must be a list of at least one entry");
        return;
    }
    if (blocks_check(b->blocks, b->to) && input_add(b, &file, root, request))
        nodes_read(b, &file);
}

/* ---- the file ------------------------------------------------------------------------------------ */

int network_load(struct network *out, const char *path, const struct network_request *request, FILE *err)
{
    struct complaints to = {.path = path, .err = err};
    struct builder *b = calloc(1, sizeof(*b));
    struct yaml_tree tree;

    *out = (struct network){0};
    if (!b) {
        complain(&to, 1, 1, "no memory left to read this");
        return 2;
    }
    b->to = &to;
    b->net = out;
    yaml_read(&tree, &to);
    if (tree.root)
        network_read(b, tree.root, request);
    yaml_free(&tree);
    free(b);
    if (to.count == 0)
        return 0;
    network_free(out);
    return 2;
}

void network_free(struct network *net)
{
    for (int i = 0; net->names && net->names[i]; i++)
        free(net->names[i]);
    free(net->names);
    free(net->nodes);
    free(net->weights);
    *net = (struct network){0};
}
