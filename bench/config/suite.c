/* SPDX-License-Identifier: MIT */
#include "config/suite.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(struct complaints *to, const struct yaml_node *at)
{
    complain_at(to, at, "no memory left to read this");
    return false;
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* One key with the list of its values; a single value is a list of one. */
static bool read_column(struct column *out, size_t *length, const struct yaml_node *name,
                        const struct yaml_node *list, struct layer_values *taken,
                        const struct kernel_reach *reach, struct complaints *to)
{
    bool good = true, is_list = list->kind == YAML_LIST;
    size_t count = is_list ? list->count : 1;

    if (!layer_key_find(&out->key, name, to))
        return false;
    if (count == 0) {
        complain_at(to, list, "'%s' has no values", name->text);
        return false;
    }
    if (layer_has(taken, &out->key)) {
        complain_at(to, name, "'%s' sets what another key of this suite has set", name->text);
        return false;
    }
    out->values = calloc(count, sizeof(*out->values));
    if (!out->values)
        return no_memory(to, list);
    for (size_t i = 0; i < count; i++)
        good =
            layer_value_read(&out->values[i], &out->key, is_list ? list->item[i] : list, reach, to) && good;
    layer_set(taken, &out->key, &(struct value){.at = name});
    *length = count;
    return good;
}

static bool read_zip(struct suite *out, const struct yaml_node *map, struct layer_values *taken,
                     const struct kernel_reach *reach, struct complaints *to)
{
    struct dimension *dim = &out->dim[out->dims++];
    bool good = true;

    dim->column = calloc(map->count, sizeof(*dim->column));
    if (!dim->column)
        return no_memory(to, map);
    for (size_t i = 0; i < map->count; i++) {
        size_t length = 0;

        if (!read_column(&dim->column[dim->columns++], &length, map->key[i], map->item[i], taken, reach,
                         to)) {
            good = false;
            continue;
        }
        if (dim->length != 0 && length != dim->length) {
            complain_at(to, map->item[i], "zip goes side by side, but '%s' has %zu values and '%s' has %zu",
                        map->key[i]->text, length, map->key[0]->text, dim->length);
            good = false;
        }
        dim->length = dim->length ? dim->length : length;
    }
    return good;
}

static bool read_matrix(struct suite *out, const struct yaml_node *map, struct layer_values *taken,
                        const struct kernel_reach *reach, struct complaints *to)
{
    bool good = true;

    for (size_t i = 0; i < map->count; i++) {
        struct dimension *dim = &out->dim[out->dims++];

        dim->column = calloc(1, sizeof(*dim->column));
        if (!dim->column)
            return no_memory(to, map);
        dim->columns = 1;
        good = read_column(dim->column, &dim->length, map->key[i], map->item[i], taken, reach, to) && good;
    }
    return good;
}

static bool filled_map(const char *what, const struct yaml_node *node, struct complaints *to)
{
    if (!expect_map(what, node, to))
        return false;
    if (node->count == 0)
        complain_at(to, node, "'%s' is empty", what);
    return node->count > 0;
}

static bool read_patterns(struct pattern **out, size_t *count, const char *what, const struct yaml_node *list,
                          const struct kernel_reach *reach, struct complaints *to)
{
    bool good = true;

    if (list->kind != YAML_LIST) {
        complain_at(to, list, "'%s' must be a list of mappings, such as [{layer: conv2, alpha: 0.5}]", what);
        return false;
    }
    *out = calloc(list->count + 1, sizeof(**out));
    if (!*out)
        return no_memory(to, list);
    for (size_t i = 0; i < list->count; i++) {
        struct pattern *p = &(*out)[(*count)++];

        p->at = list->item[i];
        good = filled_map(what, p->at, to) && layer_values_read(&p->values, p->at, reach, to) && good;
    }
    return good;
}

static bool check_words(const struct yaml_node *body, struct complaints *to)
{
    static const char *const words[] = {"matrix", "zip", "include", "exclude"};
    bool good = true;

    for (size_t i = 0; i < body->count; i++)
        good = expect_key(body->key[i], words, sizeof(words) / sizeof(words[0]), to) && good;
    return good;
}

bool suite_read(struct suite *out, const struct yaml_node *name, const struct yaml_node *body,
                const struct engines *engines, struct complaints *to)
{
    const struct kernel_reach here = {false, engines}, anywhere = {true, engines};
    const struct yaml_node *matrix, *zip, *include, *exclude;
    struct layer_values taken = {0};
    bool good;

    *out = (struct suite){.at = name};
    good = name_read(&out->name, "suite", name, to);
    if (!expect_map(name->text, body, to))
        return false;
    good = check_words(body, to) && good;
    matrix = yaml_get(body, "matrix");
    zip = yaml_get(body, "zip");
    include = yaml_get(body, "include");
    exclude = yaml_get(body, "exclude");
    out->dim = calloc((matrix ? matrix->count : 0) + 1, sizeof(*out->dim));
    if (!out->dim)
        return no_memory(to, body);
    if (zip)
        good = filled_map("zip", zip, to) && read_zip(out, zip, &taken, &here, to) && good;
    if (matrix)
        good = filled_map("matrix", matrix, to) && read_matrix(out, matrix, &taken, &here, to) && good;
    if (exclude)
        good = read_patterns(&out->exclude, &out->excludes, "exclude", exclude, &anywhere, to) && good;
    if (include)
        good = read_patterns(&out->include, &out->includes, "include", include, &here, to) && good;
    return good;
}

void suite_free(struct suite *suite)
{
    for (size_t d = 0; d < suite->dims; d++) {
        for (size_t c = 0; c < suite->dim[d].columns; c++)
            free(suite->dim[d].column[c].values);
        free(suite->dim[d].column);
    }
    free(suite->dim);
    free(suite->exclude);
    free(suite->include);
}

/* ---- walking ------------------------------------------------------------------------------------- */

/* Does the dimension take part in a walk over `base`: always in the suite's own (include NULL); in an
 * include's only where it says how to run and the include does not. */
static bool takes_part(const struct dimension *dim, const struct pattern *include)
{
    const struct layer_key *key = &dim->column[0].key;

    return !include || (dim->columns == 1 && layer_key_is_how(key) && !layer_has(&include->values, key));
}

static size_t count_dims(const struct suite *suite, const struct pattern *include, size_t limit)
{
    size_t count = 1;

    for (size_t d = 0; d < suite->dims; d++) {
        if (!takes_part(&suite->dim[d], include))
            continue;
        if (count > limit / suite->dim[d].length)
            return limit;
        count *= suite->dim[d].length;
    }
    return count;
}

/* A suite that only includes has no combinations of its own. */
static bool has_own(const struct suite *suite)
{
    for (size_t d = 0; d < suite->dims; d++)
        if (suite->dim[d].columns > 1 || !layer_key_is_how(&suite->dim[d].column[0].key))
            return true;
    return suite->includes == 0;
}

size_t suite_combinations(const struct suite *suite, size_t limit)
{
    size_t count = has_own(suite) ? count_dims(suite, NULL, limit) : 0;

    for (size_t i = 0; i < suite->includes && count < limit; i++)
        count += count_dims(suite, &suite->include[i], limit);
    return count < limit ? count : limit;
}

static uint64_t kernels_left(struct suite *suite, const struct layer_values *values, bool exclude)
{
    const struct value *asked = &values->slot[SLOT_KERNEL];
    struct kernel_set all = {.matched = kernels_available()};
    enum oct_dtype dtype = values->slot[slot_of("src_type")].at
                               ? (enum oct_dtype)values->slot[slot_of("src_type")].number
                               : OCT_F32;
    uint64_t kernels = kernels_of(asked->at ? &asked->kernels : &all, dtype);

    for (size_t i = 0; exclude && i < suite->excludes; i++) {
        struct pattern *p = &suite->exclude[i];
        const struct value *which = &p->values.slot[SLOT_KERNEL];

        if (!layer_matches(values, &p->values))
            continue;
        p->used = true;
        kernels &= which->at ? ~(which->kernels.named | which->kernels.matched) : 0;
    }
    return kernels;
}

/* The kernels before excludes: an empty set there is a contradiction, not a choice. */
static bool visit(struct suite *suite, const struct layer_values *values, bool exclude, struct complaints *to,
                  suite_each each, void *user)
{
    uint64_t kernels = kernels_left(suite, values, exclude);
    const struct value *dtype = &values->slot[slot_of("src_type")];

    if (kernels)
        return each(user, suite, values, kernels);
    if (kernels_left(suite, values, false) == 0)
        complain_at(to, dtype->at ? dtype->at : suite->at, "none of these kernels computes in %s",
                    oct_dtype_name(dtype->at ? (enum oct_dtype)dtype->number : OCT_F32));
    return true;
}

static bool walk(struct suite *suite, const struct layer_values *base, const struct pattern *include,
                 struct complaints *to, suite_each each, void *user)
{
    size_t count = count_dims(suite, include, SIZE_MAX);

    for (size_t i = 0; i < count; i++) {
        struct layer_values values = *base;
        size_t rest = i;

        for (size_t d = suite->dims; d-- > 0;) {
            const struct dimension *dim = &suite->dim[d];

            if (!takes_part(dim, include))
                continue;
            for (size_t c = 0; c < dim->columns; c++)
                layer_set(&values, &dim->column[c].key, &dim->column[c].values[rest % dim->length]);
            rest /= dim->length;
        }
        if (include)
            layer_overlay(&values, &include->values);
        if (!visit(suite, &values, !include, to, each, user))
            return false;
    }
    return true;
}

static void complain_of_idle(const struct suite *suite, struct complaints *to)
{
    for (size_t i = 0; i < suite->excludes; i++)
        if (!suite->exclude[i].used)
            complain_at(to, suite->exclude[i].at, "this exclude matches no combination");
}

bool suite_walk(struct suite *suite, const struct layer_values *defaults, struct complaints *to,
                suite_each each, void *user)
{
    if (has_own(suite) && !walk(suite, defaults, NULL, to, each, user))
        return false;
    complain_of_idle(suite, to);
    for (size_t i = 0; i < suite->includes; i++)
        if (!walk(suite, defaults, &suite->include[i], to, each, user))
            return false;
    return true;
}
