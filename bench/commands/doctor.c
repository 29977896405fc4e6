/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "commands/doctor.h"
#include "base/csv.h"
#include "base/json.h"
#include "commands/options.h"
#include "machine/topology_internal.h"

#include <argp.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- findings ---------------------------------------------------------------------------------------- */

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

static void print_examination(const struct examination *r)
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

static int print_json(const struct examination *r)
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
    return status == OCT_OK && fflush(stdout) == 0 ? 0 : 1;
}

/* ---- the command ------------------------------------------------------------------------------------- */

enum { KEY_JSON = 2000, KEY_SECONDS, KEY_ROOT };

struct settings {
    struct options options;
    bool json;
    double seconds;
    const char *root;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct settings *s = state->input;
    char *end;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &s->options;
        return 0;
    case KEY_JSON:
        s->json = true;
        return 0;
    case KEY_SECONDS:
        s->seconds = strtod(arg, &end);
        if (end == arg || *end || !(s->seconds > 0 && s->seconds <= 600))
            argp_error(state, "--seconds is '%s', but must be a number above 0 and up to 600", arg);
        return 0;
    case KEY_ROOT:
        s->root = arg;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "doctor takes no argument, but got '%s'", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&options_common, 0, NULL, 0}, {0}};
static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "One JSON object instead of text; what is unknown is null", 0},
    {"seconds", KEY_SECONDS, "N", 0, "Watch the machine for about N seconds (3)", 0},
    {"root", KEY_ROOT, "DIR", OPTION_HIDDEN, "Read the control group's files below DIR", 0},
    {0}};
static const struct argp argp = {options,
                                 parse,
                                 NULL,
                                 "What this machine can measure, and what will disturb it.\v"
                                 "Example:\n  octbench doctor --json > doctor.json",
                                 children,
                                 NULL,
                                 NULL};

int doctor_main(int argc, char **argv)
{
    struct settings settings = {.seconds = 3, .root = ""};
    struct examination *report = NULL;
    struct topology_source source = {0};
    struct topology *topology;
    struct oct_message msg;
    int status = options_from_environment(&settings.options);

    argp_err_exit_status = 2;
    if (status)
        return status;
    argp_parse(&argp, argc, argv, 0, NULL, &settings);
    report = calloc(1, sizeof(*report));
    source.root = settings.root;
    topology = report ? topology_open_source(&source, &msg) : NULL;
    if (!topology) {
        fprintf(stderr, "octbench doctor: %s\n", report ? msg.text : "no memory");
        free(report);
        return 1;
    }
    report->root = settings.root;
    report->seconds = settings.seconds;
    examine_system(report, topology);
    examine_measuring(report, topology);
    topology_close(topology);
    if (settings.json)
        status = print_json(report);
    else
        print_examination(report);
    free(report);
    return status;
}
