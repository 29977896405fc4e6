/* SPDX-License-Identifier: MIT */
#include "commands/findings.h"

#include "base/csv.h"
#include "base/json.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

static struct fact *add(struct examination *r, const char *section, const char *name, enum fact_kind kind)
{
    static struct fact overflow; /* written, never read: a report that is full stays readable */
    struct fact *f = r->count < sizeof(r->fact) / sizeof(r->fact[0]) ? &r->fact[r->count++] : &overflow;

    f->section = section;
    f->kind = kind;
    snprintf(f->name, sizeof(f->name), "%s", name);
    return f;
}

void found_text(struct examination *r, const char *section, const char *name, const char *value)
{
    struct fact *f = add(r, section, name, FACT_TEXT);

    snprintf(f->text, sizeof(f->text), "%s", value ? value : "");
}

void found_int(struct examination *r, const char *section, const char *name, int64_t value)
{
    add(r, section, name, FACT_INT)->number = value < 0 ? EMPTY_INT : value;
}

void found_real(struct examination *r, const char *section, const char *name, double value)
{
    add(r, section, name, FACT_REAL)->real = value;
}

void advise(struct examination *r, const char *fmt, ...)
{
    va_list args;

    if (r->advice_count == sizeof(r->advice) / sizeof(r->advice[0]))
        return;
    va_start(args, fmt);
    vsnprintf(r->advice[r->advice_count++], sizeof(r->advice[0]), fmt, args);
    va_end(args);
}

/* ---- output ------------------------------------------------------------------------------------------ */

static void print_value(const struct fact *f)
{
    if (f->kind == FACT_TEXT)
        printf("%s\n", f->text[0] ? f->text : "-");
    else if (f->kind == FACT_INT && f->number != EMPTY_INT)
        printf("%lld\n", (long long)f->number);
    else if (f->kind == FACT_REAL && !isnan(f->real))
        printf("%.4g\n", f->real);
    else
        puts("-");
}

void print_examination(const struct examination *r)
{
    const char *section = "";

    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->fact[i].section, section) != 0)
            printf("%s%s\n", i ? "\n" : "", r->fact[i].section);
        section = r->fact[i].section;
        printf("  %-26s ", r->fact[i].name);
        print_value(&r->fact[i]);
    }
    puts("\nadvice");
    for (size_t i = 0; i < r->advice_count; i++)
        printf("  - %s\n", r->advice[i]);
    if (r->advice_count == 0)
        puts("  nothing here will hurt");
}

int print_examination_json(const struct examination *r)
{
    struct json_t *root = js_object(), *section = NULL, *advice;
    const char *name = "";

    js_int(root, "schema", 1);
    for (size_t i = 0; i < r->count; i++) {
        const struct fact *f = &r->fact[i];
        if (strcmp(f->section, name) != 0) {
            section = js_object();
            js_put(root, f->section, section);
        }
        name = f->section;
        if (f->kind == FACT_TEXT)
            js_text(section, f->name, f->text[0] ? f->text : NULL);
        else if (f->kind == FACT_INT)
            js_int(section, f->name, f->number);
        else
            js_real(section, f->name, f->real);
    }
    advice = js_array();
    js_put(root, "advice", advice);
    for (size_t i = 0; i < r->advice_count; i++)
        js_text(advice, NULL, r->advice[i]);
    int status = js_print(root, stdout);
    js_free(root);
    return status == OCT_OK ? 0 : 1;
}
