/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "config/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char bytes[320];
    size_t used;
};

static void append(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void append(struct text *t, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(t->bytes + t->used, sizeof(t->bytes) - t->used, fmt, args);
    va_end(args);
    t->used += (size_t)n;
    if (t->used >= sizeof(t->bytes))
        t->used = sizeof(t->bytes) - 1;
}

static void append_epilogue(struct text *t, uint32_t epilogue)
{
    for (const struct oct_word *w = oct_field_find("epilogue")->words; w->name; w++)
        if (epilogue & (uint32_t)w->value)
            append(t, "_%s", w->name);
}

/* "_stride_w3": what a layer has beyond one stride, padding and dilation. */
static void append_axes(struct text *t, const struct oct_problem *v)
{
    struct oct_problem first = cases_first_schema(v);
    char text[64];

    for (const struct oct_field *f = oct_fields; f->name; f++)
        if (f->type != OCT_FIELD_CHANNELS && oct_field_get(f, v) != oct_field_get(f, &first))
            append(t, "_%s%s", f->name, oct_field_text(f, v, text, sizeof(text)));
}

/* "3x3_64-64_56": window, channels, extent, then what is not usual. */
static void append_geometry(struct text *t, const struct oct_problem *v)
{
    char pad[24];

    if (v->kd > 1)
        append(t, "%dx", v->kd);
    append(t, "%dx%d_%d-%d_", v->kh, v->kw, v->ic[0], v->oc[0]);
    if (v->d > 1)
        append(t, "%dx", v->d);
    append(t, v->h == v->w && v->d == 1 ? "%d" : "%dx%d", v->h, v->w);
    if (v->stride_h > 1)
        append(t, "_s%d", v->stride_h);
    if (v->pad_top != OCT_PAD_SAME)
        append(t, "_p%s", oct_field_text(oct_field_find("pad_top"), v, pad, sizeof(pad)));
    if (v->dilation_h > 1)
        append(t, "_l%d", v->dilation_h);
    if (v->groups == OCT_GROUPS_DEPTHWISE)
        append(t, "_dw");
    else if (v->groups > 1)
        append(t, "_g%d", v->groups);
    if (v->n > 1)
        append(t, "_n%d", v->n);
    append_axes(t, v);
    append_epilogue(t, v->epilogue);
}

static void append_channels(struct text *t, const int *channels, int bands)
{
    for (int b = 0; b < bands; b++)
        append(t, "%s%d", b ? "-" : "", channels[b]);
}

static void append_paths(struct text *t, const struct oct_problem *p)
{
    const char *separator = ",paths=";
    char name[4];

    for (int from = 0; from < p->bands; from++) {
        for (int to = 0; to < p->bands; to++) {
            if (!(p->paths & OCT_PATH_BIT(from, to)))
                continue;
            append(t, "%s%s", separator, oct_path_name(p, from, to, name));
            separator = "-";
        }
    }
}

static bool told_by_ratio(const struct bench_case *c, const struct group *group)
{
    const struct oct_problem *p = &c->problem;

    return p->bands <= 2 && p->ic[1] == oct_low_channels(group->c_in, c->alpha_in) &&
           p->oc[1] == oct_low_channels(group->c_out, c->alpha_out);
}

static void append_octave(struct text *t, const struct bench_case *c, const struct group *group)
{
    const struct oct_problem *p = &c->problem;

    append(t, "a=%.6g", c->alpha_in);
    if (c->alpha_out != c->alpha_in)
        append(t, ":%.6g", c->alpha_out);
    if (!told_by_ratio(c, group)) {
        append(t, ",bands=");
        append_channels(t, p->ic, p->bands);
        append(t, ":");
        append_channels(t, p->oc, p->bands);
    } else if (p->bands == 2 && c->alpha_in == 0 && c->alpha_out == 0) {
        append(t, ",bands=2");
    }
    if (p->bands > 1 && p->down == OCT_DOWN_STRIDED)
        append(t, ",strided");
    if (p->bands == 1 && p->down == OCT_DOWN_POOL)
        append(t, ",pool");
    if (p->stride_order == OCT_STRIDE_POOL_FIRST)
        append(t, ",pool_first");
    if (p->paths != OCT_ALL_PATHS)
        append_paths(t, p);
}

char *name_of_case(const struct group *group, const struct bench_case *c)
{
    struct text t = {0};

    append(&t, "%s/%s/", group->suite, group->layer);
    append_octave(&t, c, group);
    append(&t, "/t=%d", group->threads);
    if (group->cache != CACHE_WARM)
        append(&t, ",%s", cache_mode_name(group->cache));
    if (c->problem.types.src != OCT_F32)
        append(&t, ",%s", oct_dtype_name(c->problem.types.src));
    append(&t, "/%s", c->kernel->name);
    return strdup(t.bytes);
}

char *name_of_layer(const char *given, const struct oct_problem *vanilla, bool ambiguous)
{
    struct text t = {0};

    if (given)
        append(&t, "%s%s", given, ambiguous ? "_" : "");
    if (!given || ambiguous)
        append_geometry(&t, vanilla);
    return strdup(t.bytes);
}
