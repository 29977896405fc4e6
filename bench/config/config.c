/* SPDX-License-Identifier: MIT */
/* The sections of a config file. */
#define _POSIX_C_SOURCE 200809L
#include "config/config.h"

#include "config/expand.h"
#include "config/suite.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(a)        (sizeof(a) / sizeof((a)[0]))
#define MAX_COMBINATIONS ((size_t)100000) /* of layers; cases are up to as many times the kernels */

static bool check_keys(const struct yaml_node *map, const char *const *words, size_t count,
                       struct complaints *to)
{
    bool good = true;

    for (size_t i = 0; i < map->count; i++)
        good = expect_key(map->key[i], words, count, to) && good;
    return good;
}

/* ---- measure, affinity, counters, check ---------------------------------------------------------- */

static void read_measure(struct measure_settings *out, const struct yaml_node *map, struct complaints *to)
{
    static const char *const words[] = {"min_time", "max_time", "rounds",    "launches",
                                        "order",    "seed",     "precision", "max_steal"};
    static const char *const orders[] = {"fixed", "random"};
    const struct yaml_node *node;
    int64_t number;
    int i;

    if (!expect_map("measure", map, to) || !check_keys(map, words, LENGTH(words), to))
        return;
    if ((node = yaml_get(map, "min_time")))
        duration_read(&out->min_time_ns, "min_time", node, to);
    if ((node = yaml_get(map, "max_time")))
        duration_read(&out->max_time_ns, "max_time", node, to);
    else if (out->max_time_ns < out->min_time_ns)
        out->max_time_ns = out->min_time_ns;
    if (node && out->max_time_ns < out->min_time_ns)
        complain_at(to, node, "'max_time' is shorter than 'min_time'");
    if ((node = yaml_get(map, "rounds")) && integer_read(&number, "rounds", node, 1, 1000000, to))
        out->rounds = (int)number;
    if ((node = yaml_get(map, "launches")) && integer_read(&number, "launches", node, 1, MAX_LAUNCHES, to))
        out->launches = (int)number;
    if ((node = yaml_get(map, "order")) && word_read(&i, "order", node, orders, LENGTH(orders), to))
        out->random_order = i == 1;
    if ((node = yaml_get(map, "seed")) && integer_read(&number, "seed", node, 0, INT64_MAX, to))
        out->seed = (uint64_t)number;
    if ((node = yaml_get(map, "precision")))
        real_read(&out->precision, "precision", node, 0, 1, to);
    if ((node = yaml_get(map, "max_steal")))
        real_read(&out->max_steal, "max_steal", node, 0, 1, to);
}

static void read_affinity(struct affinity_settings *out, const struct yaml_node *map, struct complaints *to)
{
    static const char *const words[] = {"bind", "place", "smt"};
    static const char *const binds[] = {"none", "core"};
    static const char *const places[] = {"compact", "scatter"};
    const struct yaml_node *node;
    int i;

    if (!expect_map("affinity", map, to) || !check_keys(map, words, LENGTH(words), to))
        return;
    if ((node = yaml_get(map, "bind")) && word_read(&i, "bind", node, binds, LENGTH(binds), to))
        out->bind = i ? BIND_CORE : BIND_NONE;
    if ((node = yaml_get(map, "place")) && word_read(&i, "place", node, places, LENGTH(places), to))
        out->place = i ? PLACE_SCATTER : PLACE_COMPACT;
    if ((node = yaml_get(map, "smt")))
        bool_read(&out->smt, "smt", node, to);
}

static void read_texts(char **out, int *count, int room, const char *what, const struct yaml_node *list,
                       struct complaints *to)
{
    if (list->kind != YAML_LIST || list->count > (size_t)room) {
        complain_at(to, list, "'%s' must be a list of at most %d names", what, room);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = list->item[i];

        if (item->kind != YAML_SCALAR || item->text[0] == '\0') {
            complain_at(to, item, "'%s' must be a list of at most %d names", what, room);
            return;
        }
        out[*count] = strdup(item->text);
        if (!out[*count]) {
            complain_at(to, item, "no memory left to read this");
            return;
        }
        ++*count;
    }
}

static void read_counters(struct counter_settings *out, const struct yaml_node *map, struct complaints *to)
{
    static const char *const words[] = {"groups", "events", "required", "scale"};
    const struct yaml_node *node;

    if (!expect_map("counters", map, to) || !check_keys(map, words, LENGTH(words), to))
        return;
    if ((node = yaml_get(map, "groups")))
        read_texts(out->group, &out->groups, MAX_COUNTER_GROUPS, "groups", node, to);
    if ((node = yaml_get(map, "events")))
        read_texts(out->event, &out->events, MAX_RAW_EVENTS, "events", node, to);
    if ((node = yaml_get(map, "required")))
        bool_read(&out->required, "required", node, to);
    if ((node = yaml_get(map, "scale")))
        bool_read(&out->scale, "scale", node, to);
}

static void read_check(struct config *out, const struct yaml_node *map, struct complaints *to)
{
    static const char *const words[] = {"against"};
    const struct yaml_node *node;

    if (!expect_map("check", map, to) || !check_keys(map, words, LENGTH(words), to))
        return;
    if ((node = yaml_get(map, "against")))
        kernel_read(&out->check_against, node, to);
}

/* ---- suites -------------------------------------------------------------------------------------- */

static bool add_combination(void *user, const struct suite *suite, const struct layer_values *values,
                            uint64_t kernels)
{
    struct gathering *g = user;
    struct layer layer;

    if (!layer_resolve(&layer, values, suite->at, g->to))
        return g->to->count <= MAX_COMPLAINTS;
    return gather(g, suite->name, &layer, kernels);
}

static void expand_suite(struct gathering *g, const struct layer_values *defaults,
                         const struct yaml_node *name, const struct yaml_node *body, size_t *room)
{
    size_t groups = g->config->count, combinations;
    struct suite suite;

    if (suite_read(&suite, name, body, g->config->engines, g->to)) {
        combinations = suite_combinations(&suite, *room + 1);
        if (combinations > *room) {
            complain_at(g->to, name, "with suite '%s' there are more than %zu combinations", name->text,
                        MAX_COMBINATIONS);
        } else {
            int before = g->to->count;

            *room -= combinations;
            suite_walk(&suite, defaults, g->to, add_combination, g);
            if (g->config->count == groups && g->to->count == before)
                complain_at(g->to, name, "nothing is left of suite '%s' after its excludes", name->text);
        }
    }
    suite_free(&suite);
}

static void read_suites(struct config *out, const struct yaml_node *root, struct complaints *to)
{
    const struct yaml_node *defaults = yaml_get(root, "defaults"), *suites = yaml_get(root, "suites");
    struct gathering g = {.config = out, .to = to};
    struct layer_values base = {0};
    size_t room = MAX_COMBINATIONS;

    if (defaults && expect_map("defaults", defaults, to))
        layer_values_read(&base, defaults, &(struct kernel_reach){false, out->engines}, to);
    if (!suites) {
        complain_at(to, root, "'suites' is missing: nothing to measure");
        return;
    }
    if (!expect_map("suites", suites, to))
        return;
    if (suites->count == 0)
        complain_at(to, suites, "'suites' is empty: nothing to measure");
    for (size_t i = 0; i < suites->count; i++)
        expand_suite(&g, &base, suites->key[i], suites->item[i], &room);
    if (to->count == 0)
        gather_finish(&g);
    gather_free(&g);
}

/* ---- the file ------------------------------------------------------------------------------------ */

static void check_schema(const struct yaml_node *root, struct complaints *to)
{
    const struct yaml_node *schema = yaml_get(root, "schema");
    int64_t number;

    if (!schema)
        complain_at(to, root, "'schema' is missing: write 'schema: 1' at the top");
    else if (integer_read(&number, "schema", schema, 0, INT32_MAX, to) && number != 1 && number != 2)
        complain_at(to, schema, "schema %" PRId64 " is not known; this octbench reads schemas 1 and 2",
                    number);
}

static void read_root(struct config *out, const struct yaml_node *root, struct complaints *to)
{
    static const char *const words[] = {"schema",   "defaults", "suites", "measure",
                                        "affinity", "counters", "check",  "engines"};
    const struct yaml_node *node;

    if (root->kind != YAML_MAP) {
        complain_at(to, root, "a config must be a mapping that begins with 'schema: 1'");
        return;
    }
    check_schema(root, to);
    for (size_t i = 0; i < root->count; i++)
        if (strncmp(root->key[i]->text, "x-", 2) != 0) /* a place for anchors */
            expect_key(root->key[i], words, LENGTH(words), to);
    if ((node = yaml_get(root, "measure")))
        read_measure(&out->measure, node, to);
    if ((node = yaml_get(root, "affinity")))
        read_affinity(&out->affinity, node, to);
    if ((node = yaml_get(root, "counters")))
        read_counters(&out->counters, node, to);
    if ((node = yaml_get(root, "check")))
        read_check(out, node, to);
    if ((node = yaml_get(root, "engines")))
        engines_read(out->engines, node, to);
    read_suites(out, root, to);
}

int config_load(struct config *out, const char *path, FILE *err)
{
    struct complaints to = {.path = path, .err = err};
    struct yaml_tree tree;

    *out = (struct config){
        .measure = {.min_time_ns = 200000000,
                    .max_time_ns = 3000000000,
                    .rounds = 32,
                    .launches = 1,
                    .random_order = true,
                    .seed = 1,
                    .max_steal = 0.05},
        .affinity = {.bind = BIND_CORE, .place = PLACE_COMPACT},
        .check_against = oct_kernels[0],
    };
    out->engines = calloc(1, sizeof(*out->engines));
    if (!out->engines || !engines_shipped(out->engines))
        complain(&to, 1, 1, "no memory left to read this");
    yaml_read(&tree, &to);
    if (tree.root && to.count == 0)
        read_root(out, tree.root, &to);
    snprintf(out->hash, sizeof(out->hash), "%016" PRIx64, tree.hash);
    yaml_free(&tree);
    out->path = strdup(path);
    if (!out->path)
        complain(&to, 1, 1, "no memory left to read this");
    if (to.count == 0)
        return 0;
    config_free(out);
    return 2;
}
