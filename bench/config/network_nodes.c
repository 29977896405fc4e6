/* SPDX-License-Identifier: MIT */
/* The entries of a network file as nodes: one each, but four for `se`. */
#define _POSIX_C_SOURCE 200809L
#include "config/network_build.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

enum entry_op {
    ENTRY_CONV,
    ENTRY_MAX_POOL,
    ENTRY_AVG_POOL,
    ENTRY_GLOBAL_POOL,
    ENTRY_FC,
    ENTRY_ADD,
    ENTRY_SE
};

const char *const network_ops[] = {"conv", "max_pool", "avg_pool", "global_pool", "fc", "add", "se"};

static const enum oct_op ops[] = {
    [ENTRY_CONV] = OCT_OP_CONV,         [ENTRY_MAX_POOL] = OCT_OP_MAX_POOL,
    [ENTRY_AVG_POOL] = OCT_OP_AVG_POOL, [ENTRY_GLOBAL_POOL] = OCT_OP_GLOBAL_POOL,
    [ENTRY_FC] = OCT_OP_CONV,           [ENTRY_ADD] = OCT_OP_ADD,
    [ENTRY_SE] = OCT_OP_SCALE,
};

/* ---- appending ----------------------------------------------------------------------------------- */

static bool make_room(struct builder *b, const struct yaml_node *at)
{
    struct network *net = b->net;
    size_t count = (size_t)net->count + 1;
    struct oct_node *nodes = realloc(net->nodes, count * sizeof(*nodes));
    char **names;

    if (nodes)
        net->nodes = nodes;
    names = realloc(net->names, (count + 1) * sizeof(*names));
    if (names)
        net->names = names;
    if (names && net->count == 0)
        names[0] = NULL;
    if (!nodes || !names)
        complain_at(b->to, at, "no memory left to read this");
    else if (count > MAX_NODES)
        complain_at(b->to, at, "there are more than %d nodes", MAX_NODES);
    return nodes && names && count <= MAX_NODES;
}

static bool name_is_new(const struct builder *b, const struct yaml_node *at, const char *name)
{
    for (int i = 0; i < b->net->count; i++) {
        if (strcmp(b->net->names[i], name) == 0) {
            complain_at(b->to, at, "there is a node '%s' already", name);
            return false;
        }
    }
    return true;
}

bool node_append(struct builder *b, const struct scope *s, const struct yaml_node *at, const char *name,
                 const struct oct_node *node)
{
    struct network *net = b->net;
    char whole[MAX_NODE_NAME];

    snprintf(whole, sizeof(whole), "%s%s", s->prefix, name);
    if (!make_room(b, at) || !name_is_new(b, at, whole))
        return false;
    net->names[net->count] = strdup(whole);
    if (!net->names[net->count]) {
        complain_at(b->to, at, "no memory left to read this");
        return false;
    }
    net->names[net->count + 1] = NULL;
    net->nodes[net->count] = *node;
    net->nodes[net->count].name = net->names[net->count];
    for (int i = 0; i < 2; i++)
        if (node->input[i] >= 0)
            b->read[node->input[i]] = true;
    b->at[net->count] = at;
    b->previous = net->count++;
    if (node->op == OCT_OP_CONV)
        net->macs += oct_macs(&node->problem);
    return true;
}

/* ---- the operations ------------------------------------------------------------------------------ */

static bool pool_read(struct oct_node *node, const struct builder *b, const struct scope *s,
                      const struct yaml_node *entry)
{
    struct oct_problem *p = &node->problem;
    struct oct_extent whole;

    if (!window_read(p, entry, s, b->to))
        return false;
    p->down = OCT_DOWN_STRIDED;
    whole = pooled_extent(p, 0);
    for (int band = 0; band < p->bands; band++) {
        struct oct_extent e = pooled_extent(p, band);

        if (e.d < 1 || e.h < 1 || e.w < 1) {
            complain_at(b->to, entry, "nothing is left of %dx%dx%d pixels: the window is larger", p->d, p->h,
                        p->w);
            return false;
        }
        if (p->ic[band] > 0 &&
            (e.h != (whole.h + (1 << band) - 1) >> band || e.w != (whole.w + (1 << band) - 1) >> band)) {
            complain_at(b->to, entry, "band %d becomes %dx%d beside %dx%d in band 0: not an octave any more",
                        band, e.h, e.w, whole.h, whole.w);
            return false;
        }
    }
    return true;
}

static void global_pool_fill(struct oct_node *node)
{
    struct oct_problem *p = &node->problem;
    int sum = 0;

    for (int band = 0; band < p->bands; band++)
        sum += p->ic[band];
    memset(p->oc, 0, sizeof(p->oc));
    p->oc[0] = sum;
}

static bool add_read(struct oct_node *node, const struct builder *b, const struct yaml_node *from)
{
    struct network_shape first = network_shape_of(&b->net->nodes[node->input[0]]);
    struct network_shape second = network_shape_of(&b->net->nodes[node->input[1]]);

    if (memcmp(&first, &second, sizeof(first)) == 0)
        return true;
    complain_at(b->to, from,
                "%d+%d channels of %dx%dx%d and %d+%d of %dx%dx%d cannot be added: they do not meet",
                first.c[0], first.c[1], first.e.d, first.e.h, first.e.w, second.c[0], second.c[1], second.e.d,
                second.e.h, second.e.w);
    return false;
}

/* pool -> reduce -> expand, which what follows multiplies with. */
static bool excitation_add(struct builder *b, const struct scope *s, const struct yaml_node *entry,
                           const char *name, struct oct_node *scale)
{
    struct oct_node pool = {.op = OCT_OP_GLOBAL_POOL, .input = {scale->input[0], -1}};
    const struct yaml_node *reduction = yaml_get(entry, "reduction");
    int channels, by = 16;
    char part[MAX_NODE_NAME];

    if (reduction && !whole_read(&by, "reduction", reduction, 1, 1000, s, b->to))
        return false;
    pool.problem = problem_after(b, scale->input[0]);
    global_pool_fill(&pool);
    channels = pool.problem.oc[0];
    snprintf(part, sizeof(part), "%s.pool", name);
    if (!node_append(b, s, entry, part, &pool))
        return false;
    for (int i = 0; i < 2; i++) {
        struct oct_node fc = {.op = OCT_OP_CONV, .input = {b->previous, -1}};

        fc.problem = problem_after(b, b->previous);
        fc.problem.oc[0] = i ? channels : channels / by > 0 ? channels / by : 1;
        fc.problem.down = OCT_DOWN_STRIDED;
        fc.problem.epilogue = OCT_EPILOGUE_BIAS | (i ? 0 : OCT_EPILOGUE_RELU);
        snprintf(part, sizeof(part), "%s.%s", name, i ? "expand" : "reduce");
        if (!node_append(b, s, entry, part, &fc))
            return false;
    }
    scale->input[1] = b->previous;
    return true;
}

/* ---- one entry ----------------------------------------------------------------------------------- */

static bool keys_check(const struct yaml_node *entry, enum entry_op op, struct complaints *to)
{
    static const struct {
        const char *word[9];
        size_t count;
    } keys[] = {
        [ENTRY_CONV] = {{"channels", "kernel", "stride", "pad", "groups", "alpha_out", "activation",
                         "residual", "stride_order"},
                        9},
        [ENTRY_MAX_POOL] = {{"kernel", "stride", "pad"}, 3},
        [ENTRY_AVG_POOL] = {{"kernel", "stride", "pad"}, 3},
        [ENTRY_GLOBAL_POOL] = {{0}, 0},
        [ENTRY_FC] = {{"channels", "activation"}, 2},
        [ENTRY_ADD] = {{"activation"}, 1},
        [ENTRY_SE] = {{"reduction", "activation"}, 2},
    };
    const char *words[11] = {network_ops[op], "from"};
    bool good = true;

    memcpy(words + 2, keys[op].word, keys[op].count * sizeof(*words));
    for (size_t i = 0; i < entry->count; i++)
        good = expect_key(entry->key[i], words, keys[op].count + 2, to) && good;
    return good;
}

/* What the entry reads: `from`, or the node above it. `add` reads two. */
static bool inputs_read(int input[2], const struct builder *b, const struct scope *s,
                        const struct yaml_node *entry, enum entry_op op)
{
    const struct yaml_node *from = yaml_get(entry, "from");

    input[0] = b->previous;
    input[1] = -1;
    if (op == ENTRY_ADD) {
        if (!from || from->kind != YAML_LIST || from->count != 2) {
            complain_at(b->to, from ? from : entry, "'add' needs 'from: [one, other]'");
            return false;
        }
        input[0] = reference_read(b, s, from->item[0]);
        input[1] = reference_read(b, s, from->item[1]);
        return input[0] >= 0 && input[1] >= 0;
    }
    if (from)
        input[0] = reference_read(b, s, from);
    return input[0] >= 0;
}

static bool operation_read(struct oct_node *node, struct builder *b, const struct scope *s,
                           const struct yaml_node *entry, enum entry_op op)
{
    switch (op) {
    case ENTRY_CONV:
        return conv_read(node, b, s, entry);
    case ENTRY_FC:
        return fc_read(node, b, s, entry);
    case ENTRY_MAX_POOL:
    case ENTRY_AVG_POOL:
        return pool_read(node, b, s, entry);
    case ENTRY_GLOBAL_POOL:
        global_pool_fill(node);
        return true;
    case ENTRY_ADD:
        return activation_read(&node->problem, entry, b->to) && add_read(node, b, yaml_get(entry, "from"));
    default:
        return activation_read(&node->problem, entry, b->to) &&
               excitation_add(b, s, entry, entry->item[0]->text, node);
    }
}

bool entry_add(struct builder *b, const struct scope *s, const struct yaml_node *entry, int op)
{
    struct oct_node node = {.op = ops[op]};
    const char *name;

    if (!keys_check(entry, op, b->to) || !name_read(&name, network_ops[op], entry->item[0], b->to) ||
        !inputs_read(node.input, b, s, entry, op))
        return false;
    node.problem = problem_after(b, node.input[0]);
    return operation_read(&node, b, s, entry, op) && node_append(b, s, entry, name, &node);
}
