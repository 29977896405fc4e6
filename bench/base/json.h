/* SPDX-License-Identifier: MIT */
/* jansson behind a door: json.c is the only file that includes it. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include "octconv.h"

#include <stdio.h>

struct json_t; /* a value; the whole tree belongs to its root */

struct json_t *js_object(void);
struct json_t *js_array(void);
void js_free(struct json_t *root);

/* Put a value into an object under `key`, or at the end of an array (key ignored). NULL, NAN and EMPTY_INT
 * (base/csv.h) become null: what is not known is not zero. */
void js_text(struct json_t *parent, const char *key, const char *value);
void js_int(struct json_t *parent, const char *key, int64_t value);
void js_real(struct json_t *parent, const char *key, double value);
void js_bool(struct json_t *parent, const char *key, bool value);
void js_put(struct json_t *parent, const char *key, struct json_t *child); /* which now belongs to parent */

/* OCT_OK, or OCT_ERROR with the reason. The file is complete or as it was before, even when killed. */
int js_write_file(const struct json_t *root, const char *path, struct oct_message *msg);
int js_print(const struct json_t *root, FILE *f);

/* NULL with "path:line:column: text" in msg. */
struct json_t *js_read_file(const char *path, struct oct_message *msg);
/* NULL, NAN or an empty NULL where the key is missing or of another type. */
const char *js_get_text(const struct json_t *object, const char *key);
double js_get_real(const struct json_t *object, const char *key); /* whole numbers too */
const struct json_t *js_get(const struct json_t *object, const char *key);
size_t js_length(const struct json_t *array);
const struct json_t *js_at(const struct json_t *array, size_t i);
const char *js_text_at(const struct json_t *array, size_t i);

#endif
