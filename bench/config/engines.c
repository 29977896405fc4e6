/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "config/engines.h"

#include "config/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_TIMEOUT_NS UINT64_C(120000000000)

/* Takes both strings; false where one is NULL. */
static bool add(struct engines *to, char *name, char *program, uint64_t timeout_ns)
{
    struct engine *e = &to->engine[to->count];

    if (!name) {
        free(program);
        return false;
    }
    *e = (struct engine){.name = name, .program = program, .timeout_ns = timeout_ns};
    e->kernel = (struct oct_kernel){.name = name,
                                    .summary = "an outside engine",
                                    .library = name,
                                    .algorithm = OCT_ALGORITHM_ANY,
                                    .layout = OCT_NCHW,
                                    .dtypes = 1u << OCT_F32,
                                    .error_growth = 1};
    to->count++;
    return true;
}

bool engines_shipped(struct engines *out)
{
    static const char *const names[] = {"onnxruntime", "openvino", "pytorch"};
    bool good = true;

    *out = (struct engines){0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        good = good && add(out, strdup(names[i]), NULL, USUAL_TIMEOUT_NS);
    return good;
}

/* A path as it is where it begins with '/', else from the config's folder. The caller frees. */
static char *beside_config(const char *config, const char *program)
{
    const char *slash = strrchr(config, '/');
    char *path;

    if (program[0] == '/' || !slash)
        return asprintf(&path, "%s%s", program[0] == '/' ? "" : "./", program) < 0 ? NULL : path;
    return asprintf(&path, "%.*s/%s", (int)(slash - config), config, program) < 0 ? NULL : path;
}

/* "./engine.py", or {program: ./engine.py, timeout: 10s}. */
static bool read_program(const struct yaml_node *node, const char **program, uint64_t *timeout_ns,
                         struct complaints *to)
{
    static const char *const words[] = {"program", "timeout"};
    const struct yaml_node *part;

    if (node->kind == YAML_MAP) {
        for (size_t i = 0; i < node->count; i++)
            if (!expect_key(node->key[i], words, 2, to))
                return false;
        part = yaml_get(node, "timeout");
        if (part && !duration_read(timeout_ns, "timeout", part, to))
            return false;
        part = yaml_get(node, "program");
    } else {
        part = node;
    }
    if (part && part->kind == YAML_SCALAR && part->text[0] != '\0') {
        *program = part->text;
        return true;
    }
    complain_at(to, part ? part : node,
                "an engine must be the path of a program, or a mapping with 'program' and 'timeout'");
    return false;
}

static bool is_taken(const struct engines *engines, const char *name)
{
    for (int i = 0; i < engines->count; i++)
        if (strcmp(engines->engine[i].name, name) == 0)
            return true;
    return oct_kernel_find(name) || strcmp(name, "all") == 0 || strcmp(name, "auto") == 0;
}

static bool read_engine(struct engines *out, const struct yaml_node *key, const struct yaml_node *value,
                        struct complaints *to)
{
    uint64_t timeout_ns = USUAL_TIMEOUT_NS;
    const char *name, *program;
    char *path;

    if (!name_read(&name, "engines", key, to) || !read_program(value, &program, &timeout_ns, to))
        return false;
    if (is_taken(out, name)) {
        complain_at(to, key, "'%s' is the name of a kernel already", name);
        return false;
    }
    if (out->count == MAX_ENGINES) {
        complain_at(to, key, "more than %d engines", MAX_ENGINES);
        return false;
    }
    path = beside_config(to->path, program);
    if (path && add(out, strdup(name), path, timeout_ns))
        return true;
    complain_at(to, key, "no memory left to read this");
    return false;
}

void engines_read(struct engines *out, const struct yaml_node *map, struct complaints *to)
{
    if (!expect_map("engines", map, to))
        return;
    for (size_t i = 0; i < map->count; i++)
        (void)read_engine(out, map->key[i], map->item[i], to);
}

void engines_free(struct engines *engines)
{
    for (int i = 0; i < engines->count; i++) {
        free(engines->engine[i].name);
        free(engines->engine[i].program);
    }
    *engines = (struct engines){0};
}
