/* SPDX-License-Identifier: MIT */
/* Convolutions of a network file. */
#include "config/network_build.h"

#include <string.h>

#define LENGTH(a)    (sizeof(a) / sizeof((a)[0]))
#define MOST_CHANNEL 1000000

struct oct_problem problem_after(const struct builder *b, int from)
{
    struct network_shape in = network_shape_of(&b->net->nodes[from]);
    struct oct_problem p = oct_problem_default();

    p.n = b->net->nodes[from].problem.n;
    p.d = in.e.d;
    p.h = in.e.h;
    p.w = in.e.w;
    p.bands = in.bands;
    memcpy(p.ic, in.c, sizeof(p.ic));
    memcpy(p.oc, in.c, sizeof(p.oc));
    return p;
}

/* One number for h and w, or [h, w], or [d, h, w]. Leaves d alone where it is not named. */
static bool axes_read(int axes[3], const char *what, const struct yaml_node *node, int low, int high,
                      const struct scope *s, struct complaints *to)
{
    size_t count = node->count;

    if (node->kind != YAML_LIST) {
        if (!whole_read(&axes[1], what, node, low, high, s, to))
            return false;
        axes[2] = axes[1];
        return true;
    }
    if (count != 2 && count != 3) {
        complain_at(to, node, "'%s' must be a number, [h, w] or [d, h, w]", what);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!whole_read(&axes[3 - count + i], what, node->item[i], low, high, s, to))
            return false;
    return true;
}

static bool pad_read(struct oct_problem *p, const struct yaml_node *node, const struct scope *s,
                     struct complaints *to)
{
    int pad[3] = {0, 0, 0};

    if (!node || (node->kind == YAML_SCALAR && strcmp(node->text, "same") == 0)) {
        oct_problem_set_pad(p, OCT_PAD_SAME);
        return true;
    }
    if (!axes_read(pad, "pad", node, 0, 1000, s, to))
        return false;
    p->pad_front = p->pad_back = pad[0];
    p->pad_top = p->pad_bottom = pad[1];
    p->pad_left = p->pad_right = pad[2];
    return true;
}

bool window_read(struct oct_problem *p, const struct yaml_node *entry, const struct scope *s,
                 struct complaints *to)
{
    const struct yaml_node *kernel = yaml_get(entry, "kernel"), *stride = yaml_get(entry, "stride");
    int k[3] = {1, 1, 1}, by[3] = {1, 1, 1};

    if (kernel && !axes_read(k, "kernel", kernel, 1, 1000, s, to))
        return false;
    if (stride && !axes_read(by, "stride", stride, 1, OCT_MAX_STRIDE, s, to))
        return false;
    p->kd = k[0];
    p->kh = k[1];
    p->kw = k[2];
    p->stride_d = by[0];
    p->stride_h = by[1];
    p->stride_w = by[2];
    return pad_read(p, yaml_get(entry, "pad"), s, to);
}

bool activation_read(struct oct_problem *p, const struct yaml_node *entry, struct complaints *to)
{
    static const char *const words[] = {"none", "relu", "relu6"};
    static const uint32_t flags[] = {0, OCT_EPILOGUE_RELU, OCT_EPILOGUE_RELU6};
    const struct yaml_node *node = yaml_get(entry, "activation");
    int i = 0;

    if (node && !word_read(&i, "activation", node, words, LENGTH(words), to))
        return false;
    p->epilogue |= flags[i];
    return true;
}

static bool needs(const struct yaml_node **out, const struct yaml_node *entry, const char *key,
                  struct complaints *to)
{
    *out = yaml_get(entry, key);
    if (!*out)
        complain_at(to, entry, "'%s' is missing", key);
    return *out != NULL;
}

static bool channels_read(struct oct_problem *p, const struct yaml_node *entry, const struct scope *s,
                          struct complaints *to)
{
    const struct yaml_node *node, *ratio = yaml_get(entry, "alpha_out");
    double alpha = 0;
    int channels;

    if (!needs(&node, entry, "channels", to) ||
        !whole_read(&channels, "channels", node, 1, MOST_CHANNEL, s, to))
        return false;
    if (ratio && !product_read(&alpha, "alpha_out", ratio, s, to))
        return false;
    if (alpha < 0 || alpha > 1) {
        complain_at(to, ratio, "'alpha_out' must be a number from 0 to 1, but is %g", alpha);
        return false;
    }
    memset(p->oc, 0, sizeof(p->oc));
    p->oc[1] = oct_low_channels(channels, alpha);
    p->oc[0] = channels - p->oc[1];
    if (p->oc[1] > 0 && p->bands == 1)
        p->bands = 2;
    return true;
}

/* Channels, octaves and groups of the output. A depthwise layer leaves channels as they come. */
static bool output_read(struct oct_problem *p, const struct yaml_node *entry, const struct scope *s,
                        struct complaints *to)
{
    const struct yaml_node *groups = yaml_get(entry, "groups"), *said;

    if (groups && groups->kind == YAML_SCALAR && strcmp(groups->text, "depthwise") == 0) {
        said = yaml_get(entry, "channels") ? yaml_get(entry, "channels") : yaml_get(entry, "alpha_out");
        if (said)
            complain_at(to, said, "a depthwise layer takes its channels from what it reads");
        p->groups = OCT_GROUPS_DEPTHWISE;
        return !said;
    }
    if (!channels_read(p, entry, s, to))
        return false;
    if (groups && !whole_read(&p->groups, "groups", groups, 1, MOST_CHANNEL, s, to))
        return false;
    p->groups_per_path = p->groups > 1 && p->bands > 1;
    return true;
}

static bool order_read(struct oct_problem *p, const struct yaml_node *entry, struct complaints *to)
{
    static const char *const words[] = {"official", "pool_first"};
    static const enum oct_stride_order orders[] = {OCT_STRIDE_OFFICIAL, OCT_STRIDE_POOL_FIRST};
    const struct yaml_node *node = yaml_get(entry, "stride_order");
    int i = 0;

    if (node && !word_read(&i, "stride_order", node, words, LENGTH(words), to))
        return false;
    p->down = p->bands > 1 ? OCT_DOWN_POOL : OCT_DOWN_STRIDED;
    if (p->bands > 1)
        p->stride_order = orders[i];
    return true;
}

static bool same_shape(struct network_shape a, struct network_shape b)
{
    return memcmp(a.c, b.c, sizeof(a.c)) == 0 && a.e.d == b.e.d && a.e.h == b.e.h && a.e.w == b.e.w;
}

static bool residual_read(struct oct_node *node, const struct builder *b, const struct scope *s,
                          const struct yaml_node *name)
{
    struct network_shape has, wants = network_shape_of(node);

    if (!name)
        return true;
    node->input[1] = reference_read(b, s, name);
    if (node->input[1] < 0)
        return false;
    node->problem.epilogue |= OCT_EPILOGUE_RESIDUAL;
    has = network_shape_of(&b->net->nodes[node->input[1]]);
    if (same_shape(has, wants))
        return true;
    complain_at(
        b->to, name,
        "'%.40s' has %d+%d channels of %dx%dx%d, what it is added to %d+%d of %dx%dx%d: they do not meet",
        name->text, has.c[0], has.c[1], has.e.d, has.e.h, has.e.w, wants.c[0], wants.c[1], wants.e.d,
        wants.e.h, wants.e.w);
    return false;
}

bool conv_read(struct oct_node *node, const struct builder *b, const struct scope *s,
               const struct yaml_node *entry)
{
    struct oct_problem *p = &node->problem;
    struct oct_message why;

    p->epilogue = OCT_EPILOGUE_BIAS;
    if (!output_read(p, entry, s, b->to) || !window_read(p, entry, s, b->to) ||
        !activation_read(p, entry, b->to) || !order_read(p, entry, b->to))
        return false;
    if (oct_problem_check(p, &why) != OCT_OK) {
        complain_at(b->to, entry, "%s", why.text);
        return false;
    }
    return residual_read(node, b, s, yaml_get(entry, "residual"));
}

bool fc_read(struct oct_node *node, const struct builder *b, const struct scope *s,
             const struct yaml_node *entry)
{
    struct oct_problem *p = &node->problem;
    struct oct_message why;

    p->epilogue = OCT_EPILOGUE_BIAS;
    if (p->bands > 1) {
        complain_at(b->to, entry, "a fully connected layer reads one band: put a global_pool before it");
        return false;
    }
    if (!channels_read(p, entry, s, b->to) || !activation_read(p, entry, b->to))
        return false;
    p->kd = p->d;
    p->kh = p->h;
    p->kw = p->w;
    oct_problem_set_pad(p, 0);
    p->pad_front = p->pad_back = 0;
    p->down = OCT_DOWN_STRIDED;
    if (oct_problem_check(p, &why) == OCT_OK)
        return true;
    complain_at(b->to, entry, "%s", why.text);
    return false;
}
