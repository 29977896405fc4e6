/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "config/values.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KERNELS ENGINE_BIT

/* A scalar that is there at all. Quotes are allowed around any value: a config in JSON has no other way. */
static bool is_there(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->text[0] != '\0';
}

static void must_be(struct complaints *to, const char *what, const struct yaml_node *node, const char *wanted)
{
    char shown[64];

    complain_at(to, node, "'%s' must be %s, but is %s", what, wanted, yaml_show(node, shown));
}

static bool parse_integer(int64_t *out, const struct yaml_node *node, int64_t low, int64_t high)
{
    char *end;

    if (!is_there(node))
        return false;
    errno = 0;
    *out = strtoll(node->text, &end, 10);
    return end != node->text && *end == '\0' && errno == 0 && *out >= low && *out <= high;
}

bool integer_read(int64_t *out, const char *what, const struct yaml_node *node, int64_t low, int64_t high,
                  struct complaints *to)
{
    char wanted[96];

    if (parse_integer(out, node, low, high))
        return true;
    snprintf(wanted, sizeof(wanted), "an integer from %" PRId64 " to %" PRId64, low, high);
    must_be(to, what, node, wanted);
    return false;
}

bool integer_or_word_read(int64_t *out, bool *is_word, const char *what, const struct yaml_node *node,
                          int64_t low, int64_t high, const char *word, struct complaints *to)
{
    char shown[64];
    bool near;

    *is_word = node->kind == YAML_SCALAR && strcmp(node->text, word) == 0;
    if (*is_word || parse_integer(out, node, low, high))
        return true;
    near = node->kind == YAML_SCALAR && nearest_word(node->text, &word, 1);
    complain_at(to, node, "'%s' must be an integer from %" PRId64 " to %" PRId64 ", or %s, but is %s%s%s%s",
                what, low, high, word, yaml_show(node, shown), near ? "; did you mean '" : "",
                near ? word : "", near ? "'?" : "");
    return false;
}

bool real_read(double *out, const char *what, const struct yaml_node *node, double low, double high,
               struct complaints *to)
{
    char wanted[96], *end = NULL;

    snprintf(wanted, sizeof(wanted), "a number from %g to %g", low, high);
    if (is_there(node))
        *out = strtod(node->text, &end);
    if (end && end != node->text && *end == '\0' && *out >= low && *out <= high)
        return true;
    must_be(to, what, node, wanted);
    return false;
}

bool bool_read(bool *out, const char *what, const struct yaml_node *node, struct complaints *to)
{
    static const char *const words[] = {"false", "true",  "False",
                                        "True",  "FALSE", "TRUE"}; /* YAML's core schema */

    for (size_t i = 0; is_there(node) && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(node->text, words[i]) == 0) {
            *out = i % 2;
            return true;
        }
    }
    must_be(to, what, node, "true or false");
    return false;
}

bool duration_read(uint64_t *out_ns, const char *what, const struct yaml_node *node, struct complaints *to)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}};
    char *end = NULL;
    double number = is_there(node) ? strtod(node->text, &end) : 0;

    for (size_t i = 0; end && end != node->text && i < sizeof(units) / sizeof(units[0]); i++) {
        double ns = number * units[i].ns;

        if (strcmp(end, units[i].name) == 0 && ns >= 0 && ns <= 86400e9) {
            *out_ns = (uint64_t)ns;
            return true;
        }
    }
    must_be(to, what, node, "a time of at most a day such as 200ms or 2s");
    return false;
}

/* "a, b or c" */
static void join_words(char *out, size_t size, const char *const *words, size_t count)
{
    size_t used = 0;

    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == count ? " or "
                                                  : ", ",
                                 words[i]);
}

bool word_find(int *out, const char *what, const struct yaml_node *at, const char *text,
               const char *const *words, size_t count, struct complaints *to)
{
    char wanted[256];
    const char *near;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = (int)i;
            return true;
        }
    }
    join_words(wanted, sizeof(wanted), words, count);
    near = nearest_word(text, words, count);
    complain_at(to, at, "'%s' must be %s, but is '%.40s'%s%s%s", what, wanted, text,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

bool word_read(int *out, const char *what, const struct yaml_node *node, const char *const *words,
               size_t count, struct complaints *to)
{
    char wanted[256];

    if (node->kind == YAML_SCALAR && node->text[0] != '\0')
        return word_find(out, what, node, node->text, words, count, to);
    join_words(wanted, sizeof(wanted), words, count);
    must_be(to, what, node, wanted);
    return false;
}

bool name_read(const char **out, const char *what, const struct yaml_node *node, struct complaints *to)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    char wanted[96];

    if (node->kind == YAML_SCALAR && node->text[0] != '\0' && strlen(node->text) <= MAX_NAME &&
        node->text[strspn(node->text, letters)] == '\0') {
        *out = node->text;
        return true;
    }
    snprintf(wanted, sizeof(wanted), "a name of at most %d letters, digits, '.', '_' and '-'", MAX_NAME);
    must_be(to, what, node, wanted);
    return false;
}

bool expect_map(const char *what, const struct yaml_node *node, struct complaints *to)
{
    if (node->kind == YAML_MAP)
        return true;
    must_be(to, what, node, "a mapping");
    return false;
}

bool expect_key(const struct yaml_node *key, const char *const *words, size_t count, struct complaints *to)
{
    const char *near;

    for (size_t i = 0; i < count; i++)
        if (strcmp(key->text, words[i]) == 0)
            return true;
    near = nearest_word(key->text, words, count);
    complain_at(to, key, "unknown key '%.40s'%s%s%s", key->text, near ? "; did you mean '" : "",
                near ? near : "", near ? "'?" : "");
    return false;
}

/* ---- kernels ------------------------------------------------------------------------------------- */

/* Of the library's kernels, then of the engines. */
static size_t kernel_names(const char *names[MAX_KERNELS + MAX_ENGINES], const struct engines *engines)
{
    size_t n = 0;

    for (; oct_kernels[n] && n < MAX_KERNELS; n++)
        names[n] = oct_kernels[n]->name;
    for (int e = 0; engines && e < engines->count; e++)
        names[n++] = engines->engine[e].name;
    return n;
}

uint64_t kernels_available(void)
{
    uint64_t set = 0;

    for (int i = 1; oct_kernels[i] && i < MAX_KERNELS; i++)
        if (oct_kernels[i]->algorithm != OCT_ALGORITHM_ANY && /* which is one of the others */
            oct_kernel_available(oct_kernels[i], NULL) == OCT_OK)
            set |= UINT64_C(1) << i;
    return set;
}

uint64_t kernels_of(const struct kernel_set *set, enum oct_dtype dtype)
{
    uint64_t kept = set->named;

    for (int i = 0; oct_kernels[i] && i < MAX_KERNELS; i++)
        if ((set->matched >> i & 1) && (oct_kernels[i]->dtypes >> dtype & 1))
            kept |= UINT64_C(1) << i;
    return kept;
}

static bool within(int i, const struct kernel_reach *reach, struct oct_message *msg)
{
    return reach->anywhere || oct_kernel_available(oct_kernels[i], msg) == OCT_OK;
}

/* The bit of an engine; 0: there is none of that name. */
static uint64_t engine_bit(const char *name, const struct engines *engines)
{
    for (int e = 0; engines && e < engines->count; e++)
        if (strcmp(engines->engine[e].name, name) == 0)
            return UINT64_C(1) << (ENGINE_BIT + e);
    return 0;
}

static bool name_kernel(int *out, const struct yaml_node *node, const struct kernel_reach *reach,
                        struct complaints *to)
{
    const char *names[MAX_KERNELS + MAX_ENGINES], *near;
    struct oct_message msg;

    for (int i = 0; oct_kernels[i] && i < MAX_KERNELS; i++) {
        if (strcmp(oct_kernels[i]->name, node->text) != 0)
            continue;
        *out = i;
        if (within(i, reach, &msg))
            return true;
        complain_at(to, node, "this kernel cannot run here: %s", msg.text);
        return false;
    }
    near = nearest_word(node->text, names, kernel_names(names, reach->engines));
    if (near)
        complain_at(to, node, "unknown kernel '%.40s'; did you mean '%s'?", node->text, near);
    else
        complain_at(to, node, "unknown kernel '%.40s'; 'octbench kernels' lists them", node->text);
    return false;
}

/* The reference takes no part in a glob: it is there to be compared with, not to be fast. */
static bool match_kernels(struct kernel_set *out, const struct yaml_node *node,
                          const struct kernel_reach *reach, struct complaints *to)
{
    struct oct_message msg = {"no kernel has such a name"};
    uint64_t found = 0;

    for (int i = 1; oct_kernels[i] && i < MAX_KERNELS; i++)
        if (fnmatch(node->text, oct_kernels[i]->name, 0) == 0 && within(i, reach, &msg))
            found |= UINT64_C(1) << i;
    out->matched |= found;
    if (!found)
        complain_at(to, node, "'%.40s' matches no kernel that can run here: %s", node->text, msg.text);
    return found != 0;
}

static bool kernels_read_one(struct kernel_set *out, const struct yaml_node *node,
                             const struct kernel_reach *reach, struct complaints *to)
{
    int i;

    if (node->kind != YAML_SCALAR || node->text[0] == '\0') {
        must_be(to, "kernel", node, "the name of a kernel, a glob such as f32_onednn_*, or all");
        return false;
    }
    if (strcmp(node->text, "all") == 0) {
        out->matched |= kernels_available();
        return true;
    }
    if (strpbrk(node->text, "*?["))
        return match_kernels(out, node, reach, to);
    out->named |= engine_bit(node->text, reach->engines);
    if (engine_bit(node->text, reach->engines))
        return true;
    if (!name_kernel(&i, node, reach, to))
        return false;
    out->named |= UINT64_C(1) << i;
    return true;
}

bool kernels_read(struct kernel_set *out, const struct yaml_node *node, const struct kernel_reach *reach,
                  struct complaints *to)
{
    bool good = true;

    *out = (struct kernel_set){0};
    if (node->kind != YAML_LIST)
        return kernels_read_one(out, node, reach, to);
    if (node->count == 0) {
        complain_at(to, node, "'kernel' has no values");
        return false;
    }
    for (size_t i = 0; i < node->count; i++)
        good = kernels_read_one(out, node->item[i], reach, to) && good;
    return good;
}

bool kernel_read(const struct oct_kernel **out, const struct yaml_node *node, struct complaints *to)
{
    int i;

    if (node->kind != YAML_SCALAR || node->text[0] == '\0') {
        must_be(to, "against", node, "the name of a kernel");
        return false;
    }
    if (!name_kernel(&i, node, &(struct kernel_reach){false, NULL}, to))
        return false;
    *out = oct_kernels[i];
    return true;
}
