/* SPDX-License-Identifier: MIT */
#include "measure/engine_case.h"

#include "base/file.h"
#include "base/json.h"
#include "base/message.h"
#include "check/npy.h"

#include <stdio.h>

#define SCHEMA 1

struct writer {
    const char *directory;
    const struct operands *ops;
    struct oct_message *msg;
    int status; /* of the first file that could not be written */
};

/* Images have four axes, and five where time or a window over time is there. */
static bool has_time(const struct oct_problem *p)
{
    return p->d > 1 || p->kd > 1;
}

static void add_axis(struct npy *array, size_t extent)
{
    array->shape[array->rank++] = extent;
    array->count = array->rank == 1 ? extent : array->count * extent;
}

static struct npy tensor_of(const struct oct_problem *p, int channels, struct oct_extent e, float *data)
{
    struct npy array = {.data = data};

    add_axis(&array, (size_t)p->n);
    add_axis(&array, (size_t)channels);
    if (has_time(p))
        add_axis(&array, (size_t)e.d);
    add_axis(&array, (size_t)e.h);
    add_axis(&array, (size_t)e.w);
    return array;
}

static struct npy weights_of(const struct oct_problem *p, int from, int to, float *data)
{
    struct npy array = {.data = data};

    add_axis(&array, (size_t)p->oc[to]);
    add_axis(&array, (size_t)(p->ic[from] / oct_path_get(p, from, to).groups));
    if (has_time(p))
        add_axis(&array, (size_t)p->kd);
    add_axis(&array, (size_t)p->kh);
    add_axis(&array, (size_t)p->kw);
    return array;
}

static void write_array(struct writer *w, const char *name, const struct npy *array)
{
    char file[48], path[4096];

    if (w->status)
        return;
    snprintf(file, sizeof(file), "%s.npy", name);
    if (!file_join(path, sizeof(path), w->directory, file))
        w->status = message_fail(w->msg, OCT_ERROR, "%.100s...: the path is too long", w->directory);
    else
        w->status = npy_write(array, path, w->msg);
}

/* ---- case.json ----------------------------------------------------------------------------------- */

static struct json_t *integers(const int *values, int count)
{
    struct json_t *list = js_array();

    for (int i = 0; i < count; i++)
        js_int(list, NULL, values[i]);
    return list;
}

/* Three values, or the last two of them where there is no time. */
static struct json_t *axes(const struct oct_problem *p, int d, int h, int w)
{
    const int values[] = {d, h, w};

    return has_time(p) ? integers(values, 3) : integers(values + 1, 2);
}

/* As ONNX has them: the beginnings of all axes, then their ends. */
static struct json_t *pads(const struct oct_problem *p, const struct oct_path *path)
{
    const int three[] = {path->pad_front, path->pad_top,    path->pad_left,
                         path->pad_back,  path->pad_bottom, path->pad_right};
    const int two[] = {path->pad_top, path->pad_left, path->pad_bottom, path->pad_right};

    return has_time(p) ? integers(three, 6) : integers(two, 4);
}

static struct json_t *value_entry(const char *name, const struct npy *array)
{
    struct json_t *entry = js_object(), *shape = js_array();

    js_text(entry, "name", name);
    for (int i = 0; i < array->rank; i++)
        js_int(shape, NULL, (int64_t)array->shape[i]);
    js_put(entry, "shape", shape);
    return entry;
}

static void band_name(char name[32], const char *what, int band)
{
    snprintf(name, 32, "%s%d", what, band);
}

static struct json_t *path_entry(const struct oct_problem *p, int from, int to)
{
    const struct oct_path path = oct_path_get(p, from, to);
    const int pools[] = {path.pre, path.pool};
    struct json_t *entry = js_object();
    char name[32];

    band_name(name, "x", from);
    js_text(entry, "input", name);
    band_name(name, "y", to);
    js_text(entry, "output", name);
    snprintf(name, sizeof(name), "w%d%d", from, to);
    js_text(entry, "weights", name);
    js_put(entry, "pools", integers(pools, 2));
    js_int(entry, "up", path.up);
    js_put(entry, "kernel", axes(p, p->kd, p->kh, p->kw));
    js_put(entry, "strides", axes(p, path.stride_d, path.stride_h, path.stride_w));
    js_put(entry, "dilations", axes(p, p->dilation_d, p->dilation_h, p->dilation_w));
    js_put(entry, "pads", pads(p, &path));
    js_int(entry, "groups", path.groups);
    return entry;
}

static struct json_t *paths_of(struct writer *w)
{
    const struct oct_problem *p = &w->ops->problem;
    struct json_t *list = js_array();
    char name[32];

    for (int to = 0; to < p->bands; to++) {
        for (int from = 0; from < p->bands; from++) {
            if (!oct_path_exists(p, from, to))
                continue;
            const struct npy array = weights_of(p, from, to, w->ops->path[from][to]);
            snprintf(name, sizeof(name), "w%d%d", from, to);
            write_array(w, name, &array);
            js_put(list, NULL, path_entry(p, from, to));
        }
    }
    return list;
}

/* Inputs of the layer, then residuals: what an engine is given. */
static struct json_t *inputs_of(struct writer *w)
{
    const struct oct_problem *p = &w->ops->problem;
    struct json_t *list = js_array();
    char name[32];

    for (int b = 0; b < p->bands; b++) {
        const struct npy array = tensor_of(p, p->ic[b], oct_in_extent(p, b), w->ops->in[b]);
        if (!p->ic[b])
            continue;
        band_name(name, "x", b);
        write_array(w, name, &array);
        js_put(list, NULL, value_entry(name, &array));
    }
    for (int b = 0; b < p->bands; b++) {
        const struct npy array = tensor_of(p, p->oc[b], oct_out_extent(p, b), w->ops->residual[b]);
        if (!w->ops->residual[b])
            continue;
        band_name(name, "r", b);
        write_array(w, name, &array);
        js_put(list, NULL, value_entry(name, &array));
    }
    return list;
}

/* A bias is written with the first of the two lists, `full`; the other one is of names and shapes alone. */
static struct json_t *outputs_of(struct writer *w, bool full)
{
    const struct oct_problem *p = &w->ops->problem;
    struct json_t *list = js_array();
    char name[32];

    for (int b = 0; b < p->bands; b++) {
        const struct npy array = tensor_of(p, p->oc[b], oct_out_extent(p, b), NULL);
        struct npy bias = {.data = w->ops->bias[b]};
        struct json_t *entry;

        if (!p->oc[b])
            continue;
        band_name(name, "y", b);
        entry = value_entry(name, &array);
        js_put(list, NULL, entry);
        if (!full)
            continue;
        band_name(name, "bias", b);
        js_text(entry, "bias", bias.data ? name : NULL);
        add_axis(&bias, (size_t)p->oc[b]);
        if (bias.data)
            write_array(w, name, &bias);
        band_name(name, "r", b);
        js_text(entry, "residual", w->ops->residual[b] ? name : NULL);
    }
    return list;
}

static const char *activation_of(uint32_t epilogue)
{
    if (epilogue & OCT_EPILOGUE_RELU)
        return "relu";
    return epilogue & OCT_EPILOGUE_RELU6 ? "relu6" : NULL;
}

static struct json_t *nodes_of(struct writer *w)
{
    struct json_t *list = js_array(), *node = js_object();

    js_text(node, "op", "octconv");
    js_text(node, "name", "layer");
    js_put(node, "paths", paths_of(w));
    js_put(node, "outputs", outputs_of(w, true));
    js_text(node, "activation", activation_of(w->ops->problem.epilogue));
    js_put(list, NULL, node);
    return list;
}

int engine_case_write(const char *directory, const char *name, const struct operands *ops,
                      struct oct_message *msg)
{
    struct writer w = {.directory = directory, .ops = ops, .msg = msg};
    struct json_t *root = js_object();
    char path[4096];

    js_int(root, "schema", SCHEMA);
    js_text(root, "name", name);
    js_put(root, "inputs", inputs_of(&w));
    js_put(root, "outputs", outputs_of(&w, false));
    js_put(root, "nodes", nodes_of(&w));
    if (!w.status && !file_join(path, sizeof(path), directory, "case.json"))
        w.status = message_fail(msg, OCT_ERROR, "%.100s...: the path is too long", directory);
    if (!w.status)
        w.status = js_write_file(root, path, msg);
    js_free(root);
    return w.status;
}
