/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/json.h"

#include "base/csv.h"
#include "base/file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STYLE (JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9))

struct json_t *js_object(void)
{
    return json_object();
}

struct json_t *js_array(void)
{
    return json_array();
}

void js_free(struct json_t *root)
{
    json_decref(root);
}

void js_put(struct json_t *parent, const char *key, struct json_t *child)
{
    if (json_is_array(parent))
        json_array_append_new(parent, child);
    else
        json_object_set_new(parent, key, child);
}

void js_text(struct json_t *parent, const char *key, const char *value)
{
    js_put(parent, key, value ? json_string(value) : json_null());
}

void js_int(struct json_t *parent, const char *key, int64_t value)
{
    js_put(parent, key, value == EMPTY_INT ? json_null() : json_integer(value));
}

void js_real(struct json_t *parent, const char *key, double value)
{
    js_put(parent, key, isfinite(value) ? json_real(value) : json_null());
}

void js_bool(struct json_t *parent, const char *key, bool value)
{
    js_put(parent, key, json_boolean(value));
}

int js_write_file(const struct json_t *root, const char *path, struct oct_message *msg)
{
    char *text = json_dumps(root, STYLE), *line = NULL;
    int status;

    if (!text || asprintf(&line, "%s\n", text) < 0) {
        free(text);
        snprintf(msg->text, sizeof(msg->text), "%s: no memory", path);
        return OCT_NO_MEMORY;
    }
    status = file_replace(path, line, strlen(line), msg);
    free(line);
    free(text);
    return status;
}

int js_print(const struct json_t *root, FILE *f)
{
    return json_dumpf(root, f, STYLE) || fputc('\n', f) == EOF ? OCT_ERROR : OCT_OK;
}

struct json_t *js_read_file(const char *path, struct oct_message *msg)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

    if (!root)
        snprintf(msg->text, sizeof(msg->text), "%s:%d:%d: %s", path, error.line, error.column, error.text);
    return root;
}

const struct json_t *js_get(const struct json_t *object, const char *key)
{
    return json_object_get(object, key);
}

const char *js_get_text(const struct json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

double js_get_real(const struct json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

size_t js_length(const struct json_t *array)
{
    return json_array_size(array);
}

const struct json_t *js_at(const struct json_t *array, size_t i)
{
    return json_array_get(array, i);
}

const char *js_text_at(const struct json_t *array, size_t i)
{
    return json_string_value(json_array_get(array, i));
}
