/* SPDX-License-Identifier: MIT */
/* The only file that includes libfyaml: its events become our tree, so that positions, depth, duplicates and
 * size are checked here and nothing of the library outlives the reading. */
#define _POSIX_C_SOURCE 200809L
#include "config/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES ((size_t)1 << 20)
#define MAX_DEPTH      32
#define MAX_KEYS       1000 /* of one mapping, and anchors of a file: both are searched from end to end */

/* A mapping or list that is still open, with the key that waits for its value. */
struct open_node {
    struct yaml_node *node, *key;
    size_t room;
};

struct builder {
    struct yaml_tree *tree;
    struct complaints *to;
    struct open_node open[MAX_DEPTH];
    int depth, documents, line, column; /* line, column: of the last event that had a place */
    struct {
        char *name;
        struct yaml_node *node;
    } * anchor;
    size_t anchors;
};

/* ---- bytes --------------------------------------------------------------------------------------- */

static char *read_bytes(size_t *size, struct complaints *to)
{
    FILE *f = fopen(to->path, "rb");
    char *bytes = malloc(MAX_FILE_BYTES + 1);

    if (!f || !bytes) {
        complain(to, 1, 1, "cannot be read: %s", strerror(errno));
        goto fail;
    }
    *size = fread(bytes, 1, MAX_FILE_BYTES + 1, f);
    if (ferror(f)) {
        complain(to, 1, 1, "cannot be read: %s", strerror(errno));
        goto fail;
    }
    if (*size > MAX_FILE_BYTES) {
        complain(to, 1, 1, "the file is longer than the %zu bytes that a config may have", MAX_FILE_BYTES);
        goto fail;
    }
    fclose(f);
    return bytes;
fail:
    free(bytes);
    if (f)
        fclose(f);
    return NULL;
}

/* Length of the UTF-8 character at p (RFC 3629), 0 where there is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = p[0] < 0x80   ? 1
                    : p[0] < 0xc0 ? 0
                    : p[0] < 0xe0 ? 2
                    : p[0] < 0xf0 ? 3
                    : p[0] < 0xf8 ? 4
                                  : 0;
    uint32_t code;

    if (length < 2)
        return length;
    if (length > left)
        return 0;
    code = p[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return length;
}

static bool check_text(const char *bytes, size_t size, struct complaints *to)
{
    int line = 1, column = 1;

    for (size_t i = 0; i < size;) {
        unsigned char c = (unsigned char)bytes[i];
        size_t length = utf8_length((const unsigned char *)bytes + i, size - i);

        if (length == 0) {
            complain(to, line, column, "the byte 0x%02x is not UTF-8", c);
            return false;
        }
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
            complain(to, line, column, "the control character 0x%02x is not YAML", c);
            return false;
        }
        column = c == '\n' ? 1 : column + 1;
        line += c == '\n';
        i += length;
    }
    return true;
}

/* ---- events to nodes ----------------------------------------------------------------------------- */

static bool out_of_memory(struct builder *b)
{
    complain(b->to, b->line, b->column, "no memory left to read this");
    return false;
}

static struct yaml_node *new_node(struct builder *b, enum yaml_kind kind)
{
    struct yaml_node *node = calloc(1, sizeof(*node));

    if (!node) {
        out_of_memory(b);
        return NULL;
    }
    node->kind = kind;
    node->line = b->line;
    node->column = b->column;
    node->next = b->tree->all;
    b->tree->all = node;
    return node;
}

static bool grow(struct builder *b, struct open_node *top)
{
    size_t room = top->room ? 2 * top->room : 8;
    struct yaml_node **item = realloc(top->node->item, room * sizeof(struct yaml_node *)), **key = NULL;

    if (!item)
        return out_of_memory(b);
    top->node->item = item;
    if (top->node->kind == YAML_MAP) {
        key = realloc(top->node->key, room * sizeof(struct yaml_node *));
        if (!key)
            return out_of_memory(b);
        top->node->key = key;
    }
    top->room = room;
    return true;
}

static bool take_key(struct builder *b, struct open_node *top, struct yaml_node *key)
{
    if (key->kind != YAML_SCALAR) {
        complain_at(b->to, key, "a key must be a word, not a list or a mapping");
        return false;
    }
    if (top->node->count == MAX_KEYS) {
        complain_at(b->to, key, "a mapping has at most %d keys", MAX_KEYS);
        return false;
    }
    for (size_t i = 0; i < top->node->count; i++) {
        if (strcmp(top->node->key[i]->text, key->text) == 0) {
            complain_at(b->to, key, "the key '%s' is given twice, first in line %d", key->text,
                        top->node->key[i]->line);
            return false;
        }
    }
    top->key = key;
    return true;
}

/* Puts a finished or opened node where the document is now. */
static bool place(struct builder *b, struct yaml_node *node)
{
    struct open_node *top = b->depth ? &b->open[b->depth - 1] : NULL;

    if (!top) {
        b->tree->root = node;
        return true;
    }
    if (top->node->kind == YAML_MAP && !top->key)
        return take_key(b, top, node);
    if (top->node->count == top->room && !grow(b, top))
        return false;
    if (top->node->kind == YAML_MAP)
        top->node->key[top->node->count] = top->key;
    top->key = NULL;
    top->node->item[top->node->count++] = node;
    return true;
}

static bool remember_anchor(struct builder *b, struct fy_token *token, struct yaml_node *node)
{
    size_t length;
    const char *name = token ? fy_token_get_text(token, &length) : NULL;
    void *grown;

    if (!name)
        return true;
    if (b->anchors == MAX_KEYS) {
        complain_at(b->to, node, "a config has at most %d anchors", MAX_KEYS);
        return false;
    }
    grown = realloc(b->anchor, (b->anchors + 1) * sizeof(*b->anchor));
    if (!grown)
        return out_of_memory(b);
    b->anchor = grown;
    b->anchor[b->anchors].node = node;
    b->anchor[b->anchors].name = strndup(name, length);
    if (!b->anchor[b->anchors].name)
        return out_of_memory(b);
    b->anchors++;
    return true;
}

static bool on_alias(struct builder *b, const struct fy_event *e)
{
    size_t length = 0;
    const char *name = fy_token_get_text(e->alias.anchor, &length);

    for (size_t i = b->anchors; i-- > 0;) {
        if (strlen(b->anchor[i].name) != length || strncmp(b->anchor[i].name, name, length) != 0)
            continue;
        for (int d = 0; d < b->depth; d++) {
            if (b->open[d].node == b->anchor[i].node) {
                complain(b->to, b->line, b->column, "the alias '%.*s' stands inside its own anchor",
                         (int)length, name);
                return false;
            }
        }
        return place(b, b->anchor[i].node);
    }
    complain(b->to, b->line, b->column, "the alias '%.*s' has no anchor", (int)length, name);
    return false;
}

static bool on_scalar(struct builder *b, const struct fy_event *e)
{
    size_t length = 0;
    const char *text = fy_token_get_text(e->scalar.value, &length);
    struct yaml_node *node = new_node(b, YAML_SCALAR);

    if (!node)
        return false;
    node->quoted = fy_token_scalar_style(e->scalar.value) != FYSS_PLAIN;
    node->text = text ? strndup(text, length) : strdup("");
    if (!node->text)
        return out_of_memory(b);
    return remember_anchor(b, e->scalar.anchor, node) && place(b, node);
}

static bool on_open(struct builder *b, enum yaml_kind kind, struct fy_token *anchor)
{
    struct yaml_node *node = new_node(b, kind);

    if (!node || !remember_anchor(b, anchor, node) || !place(b, node))
        return false;
    if (b->depth == MAX_DEPTH) {
        complain_at(b->to, node, "nested deeper than %d levels", MAX_DEPTH);
        return false;
    }
    b->open[b->depth++] = (struct open_node){.node = node};
    return true;
}

static bool on_document(struct builder *b)
{
    if (b->documents++ == 0)
        return true;
    complain(b->to, b->line, b->column, "a config is one document, but a second one begins here");
    return false;
}

/* Marks stand behind the quote of a scalar and the star of an alias; people look at the sign itself. */
static void note_place(struct builder *b, struct fy_event *e)
{
    const struct fy_mark *mark = fy_event_start_mark(e);
    bool behind = e->type == FYET_ALIAS;

    if (!mark)
        return;
    if (e->type == FYET_SCALAR) {
        enum fy_scalar_style style = fy_token_scalar_style(e->scalar.value);
        behind = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    }
    b->line = mark->line + 1;
    b->column = mark->column + 1 - (behind && mark->column > 0);
}

static bool refuse_tag(struct builder *b, const struct fy_token *tag)
{
    if (tag)
        complain(b->to, b->line, b->column, "a config has no use for tags; write the plain value");
    return !tag;
}

static bool on_event(struct builder *b, struct fy_event *e)
{
    note_place(b, e);
    switch (e->type) {
    case FYET_DOCUMENT_START:
        return on_document(b);
    case FYET_MAPPING_START:
        return refuse_tag(b, e->mapping_start.tag) && on_open(b, YAML_MAP, e->mapping_start.anchor);
    case FYET_SEQUENCE_START:
        return refuse_tag(b, e->sequence_start.tag) && on_open(b, YAML_LIST, e->sequence_start.anchor);
    case FYET_SCALAR:
        return refuse_tag(b, e->scalar.tag) && on_scalar(b, e);
    case FYET_ALIAS:
        return on_alias(b, e);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        b->depth--;
        return true;
    default:
        return true;
    }
}

/* ---- the parser ---------------------------------------------------------------------------------- */

static void say_nothing(struct fy_diag *diag, void *user, const char *text, size_t length)
{
    (void)diag, (void)user, (void)text, (void)length;
}

static void complain_of_parser(struct fy_diag *diag, struct complaints *to)
{
    void *state = NULL;
    struct fy_diag_error *e = fy_diag_errors_iterate(diag, &state);

    if (!e)
        complain(to, 1, 1, "not YAML");
    for (; e; e = fy_diag_errors_iterate(diag, &state))
        complain(to, e->line > 0 ? e->line : 1, e->column > 0 ? e->column : 1, "not YAML: %s", e->msg);
}

static void run_parser(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    enum fy_event_type type = FYET_NONE;
    bool good = true;

    while (good && type != FYET_STREAM_END) {
        struct fy_event *e = fy_parser_parse(parser);

        if (!e)
            break;
        type = e->type;
        good = on_event(b, e);
        fy_parser_event_free(parser, e);
    }
    if (good && (type != FYET_STREAM_END || fy_parser_get_stream_error(parser)))
        complain_of_parser(diag, b->to);
}

static void parse(struct builder *b, const char *bytes, size_t size)
{
    struct fy_diag_cfg quiet;
    struct fy_parse_cfg how = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG};
    struct fy_parser *parser = NULL;
    struct fy_diag *diag;

    fy_diag_cfg_default(&quiet);
    quiet.fp = NULL;
    quiet.output_fn = say_nothing;
    diag = fy_diag_create(&quiet);
    if (diag) {
        fy_diag_set_collect_errors(diag, true);
        how.diag = diag;
        parser = fy_parser_create(&how);
    }
    if (parser && fy_parser_set_string(parser, bytes, size) == 0)
        run_parser(b, parser, diag);
    else
        out_of_memory(b);
    if (parser)
        fy_parser_destroy(parser);
    fy_diag_destroy(diag);
}

void yaml_read(struct yaml_tree *out, struct complaints *to)
{
    struct builder b = {.tree = out, .to = to, .line = 1, .column = 1};
    int before = to->count;
    size_t size = 0;
    char *bytes = read_bytes(&size, to);

    *out = (struct yaml_tree){0};
    if (!bytes)
        return;
    out->hash = hash_bytes(HASH_START, bytes, size);
    if (check_text(bytes, size, to))
        parse(&b, bytes, size);
    if (to->count == before && !out->root)
        complain(to, 1, 1, "the file is empty");
    if (to->count != before)
        out->root = NULL;
    for (size_t i = 0; i < b.anchors; i++)
        free(b.anchor[i].name);
    free(b.anchor);
    free(bytes);
}

void yaml_free(struct yaml_tree *tree)
{
    while (tree->all) {
        struct yaml_node *node = tree->all;

        tree->all = node->next;
        free(node->text);
        free(node->key);
        free(node->item);
        free(node);
    }
    tree->root = NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->key[i]->text, key) == 0)
            return map->item[i];
    return NULL;
}

const char *yaml_show(const struct yaml_node *node, char buf[64])
{
    const char *quote = node->quoted ? "\"" : "'";
    size_t length = node->kind == YAML_SCALAR ? strlen(node->text) : 0, cut = 40;

    if (node->kind == YAML_LIST)
        return "a list";
    if (node->kind == YAML_MAP)
        return "a mapping";
    if (node->text[0] == '\0' && !node->quoted)
        return "left out";
    while (length > cut && (node->text[cut] & 0xc0) == 0x80) /* not through the middle of a character */
        cut--;
    snprintf(buf, 64, "%s%.*s%s%s", quote, (int)cut, node->text, length > cut ? "..." : "", quote);
    return buf;
}
