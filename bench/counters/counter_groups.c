/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "counters/counter_groups.h"
#include "machine/cgroup.h"
#include "counters/counters.h"
#include "base/message.h"

#include <ctype.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter_group_texts.h" /* made by CMake from groups/ */

const char *const *counters_group_names(void)
{
    return group_names;
}

bool counter_pmu_matches(const char *globs, const char *pmu)
{
    for (const char *p = globs; *p; p += *p == ',') {
        char glob[64];
        size_t n = strcspn(p, ",");

        snprintf(glob, sizeof(glob), "%.*s", (int)n, p);
        if (strcmp(glob, "*") == 0 || (pmu && fnmatch(glob, pmu, 0) == 0))
            return true;
        p += n;
    }
    return false;
}

/* ---- formulas -------------------------------------------------------------------------------------- */

struct formula {
    const char *p;
    formula_lookup *lookup;
    void *context;
    char *why;
    size_t size;
    bool bad;
};

static double sum(struct formula *f);

static double fail(struct formula *f, const char *what)
{
    if (!f->bad)
        snprintf(f->why, f->size, "%s at '%.40s'", what, f->p);
    f->bad = true;
    return NAN;
}

static void blanks(struct formula *f)
{
    f->p += strspn(f->p, " \t");
}

static double name_value(struct formula *f)
{
    char name[48];
    size_t n = 0;

    while (isalnum((unsigned char)f->p[n]) || f->p[n] == '_')
        n++;
    snprintf(name, sizeof(name), "%.*s", (int)n, f->p);
    f->p += n;
    double value = f->lookup(f->context, name);
    if (isnan(value) && !f->why[0])
        snprintf(f->why, f->size, "needs %s", name);
    return value;
}

static double atom(struct formula *f)
{
    blanks(f);
    if (*f->p == '(') {
        f->p++;
        double value = sum(f);
        blanks(f);
        if (*f->p != ')')
            return fail(f, "a closing parenthesis is missing");
        f->p++;
        return value;
    }
    if (isdigit((unsigned char)*f->p) || *f->p == '.') {
        char *end;
        double value = strtod(f->p, &end);
        if (end == f->p)
            return fail(f, "not a number");
        f->p = end;
        return value;
    }
    if (isalpha((unsigned char)*f->p))
        return name_value(f);
    return fail(f, "a number, a name or a parenthesis is missing");
}

static double product(struct formula *f)
{
    double value = atom(f);

    for (blanks(f); !f->bad && (*f->p == '*' || *f->p == '/'); blanks(f)) {
        bool divide = *f->p++ == '/';
        double other = atom(f);
        if (divide && other == 0) {
            if (!f->why[0])
                snprintf(f->why, f->size, "a divisor is 0");
            other = NAN;
        }
        value = divide ? value / other : value * other;
    }
    return value;
}

static double sum(struct formula *f)
{
    double value = product(f);

    for (blanks(f); !f->bad && (*f->p == '+' || *f->p == '-'); blanks(f)) {
        bool minus = *f->p++ == '-';
        double other = product(f);
        value = minus ? value - other : value + other;
    }
    return value;
}

double formula_evaluate(const char *formula, formula_lookup *lookup, void *context, char *why, size_t size)
{
    struct formula f = {formula, lookup, context, why, size, false};

    why[0] = '\0';
    double value = sum(&f);
    if (!f.bad && *f.p)
        value = fail(&f, "the formula should end");
    return f.bad ? NAN : value;
}

/* ---- the files ------------------------------------------------------------------------------------- */

static double any_value(void *context, const char *name)
{
    (void)context;
    (void)name;
    return 1;
}

/* Cuts the next word off *p. False where there is none, or where it does not fit. */
static bool word(const char **p, char *out, size_t size)
{
    *p += strspn(*p, " \t");
    size_t n = strcspn(*p, " \t");

    if (n == 0 || n >= size)
        return false;
    memcpy(out, *p, n);
    out[n] = '\0';
    *p += n;
    return true;
}

static bool rest(const char *p, char *out, size_t size)
{
    p += strspn(p, " \t");
    return *p && snprintf(out, size, "%s", p) < (int)size;
}

static const char *parse_line(struct counter_group *g, const char *line)
{
    char kind[16], sign[4], why[96];
    struct group_line *l;

    if (!word(&line, kind, sizeof(kind)))
        return "unreadable";
    if (strcmp(kind, "summary") == 0)
        return rest(line, g->summary, sizeof(g->summary)) ? NULL : "summary wants a text";
    bool metric = strcmp(kind, "metric") == 0;
    if (!metric && strcmp(kind, "event") != 0)
        return "a line begins with summary, event or metric";
    if ((metric ? g->metrics : g->events) == GROUP_MAX_LINES)
        return "too many lines";
    l = metric ? &g->metric[g->metrics] : &g->event[g->events];
    if (!word(&line, l->name, sizeof(l->name)) || !word(&line, l->pmu, sizeof(l->pmu)))
        return metric ? "metric wants NAME PMUS = FORMULA" : "event wants NAME PMUS EVENT";
    if (metric && (!word(&line, sign, sizeof(sign)) || strcmp(sign, "=") != 0))
        return "metric wants NAME PMUS = FORMULA";
    if (!rest(line, l->text, sizeof(l->text)))
        return metric ? "the formula is missing or too long" : "the event is missing or too long";
    if (metric && isnan(formula_evaluate(l->text, any_value, NULL, why, sizeof(why))) && why[0])
        return "not a formula";
    g->metrics += metric;
    g->events += !metric;
    return NULL;
}

int counter_group_parse(struct counter_group *out, const char *name, const char *text,
                        struct oct_message *msg)
{
    int number = 0;

    memset(out, 0, sizeof(*out));
    snprintf(out->name, sizeof(out->name), "%s", name);
    while (*text) {
        char line[512];
        size_t n = strcspn(text, "\n");

        number++;
        if (n >= sizeof(line))
            return message_fail(msg, OCT_INVALID, "%s:%d: the line is too long", name, number);
        memcpy(line, text, n);
        line[n] = '\0';
        text += n + (text[n] == '\n');
        size_t indent = strspn(line, " \t");
        if (line[indent] == '\0' || line[indent] == '#')
            continue;
        const char *error = parse_line(out, line);
        if (error)
            return message_fail(msg, OCT_INVALID, "%s:%d: %s", name, number, error);
    }
    if (out->events == 0)
        return message_fail(msg, OCT_INVALID, "%s:%d: the group has no event", name, number);
    return OCT_OK;
}

static int load_file(struct counter_group *out, const char *path, struct oct_message *msg)
{
    const size_t limit = 1 << 16;
    char *text = malloc(limit);
    int status;

    if (!text)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for %s", path);
    if (file_read_text(path, text, limit) < 0)
        status = message_fail(msg, OCT_INVALID, "cannot read the counter group %s", path);
    else
        status = counter_group_parse(out, path, text, msg);
    free(text);
    if (status == OCT_OK) {
        const char *base = strrchr(path, '/') + 1;
        snprintf(out->name, sizeof(out->name), "%.*s", (int)strcspn(base, "."), base);
    }
    return status;
}

int counter_group_load(struct counter_group *out, const char *name, struct oct_message *msg)
{
    char known[160] = "";

    if (strchr(name, '/'))
        return load_file(out, name, msg);
    for (int i = 0; group_names[i]; i++) {
        if (strcmp(group_names[i], name) == 0)
            return counter_group_parse(out, name, group_texts[i], msg);
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", group_names[i]);
    }
    return message_fail(msg, OCT_INVALID, "no counter group '%s': there are %s", name, known);
}
