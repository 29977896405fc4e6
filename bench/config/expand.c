/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "config/expand.h"

#include "machine/memory.h"
#include "config/names.h"
#include "check/prepare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct group_extra {
    const struct yaml_node *at;
    const char *layer; /* as given; NULL: named by its geometry */
    struct oct_problem vanilla;
    uint64_t hash;
    size_t room; /* of the group's cases */
};

/* ---- ids ----------------------------------------------------------------------------------------- */

static uint64_t hash_text(uint64_t hash, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static uint64_t hash_text(uint64_t hash, const char *fmt, ...)
{
    char text[256];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return hash_bytes(hash, text, (size_t)n < sizeof(text) ? (size_t)n + 1 : sizeof(text));
}

/* Ids are kept in report directories: this text may not change without a new schema. */
static uint64_t hash_first_schema(uint64_t hash, const struct oct_problem *p)
{
    hash = hash_text(hash, "n%d d%d h%d w%d k%d,%d,%d s%d p%d l%d g%d", p->n, p->d, p->h, p->w, p->kd, p->kh,
                     p->kw, p->stride_h, p->pad_top, p->dilation_h, p->groups);
    hash = hash_text(hash, "down%d order%d paths%" PRIx32 " %s epilogue%" PRIx32 " bands%d", (int)p->down,
                     (int)p->stride_order, p->paths, oct_dtype_name(p->types.src), p->epilogue, p->bands);
    for (int b = 0; b < p->bands; b++)
        hash = hash_text(hash, "%d>%d", p->ic[b], p->oc[b]);
    return hash;
}

/* Ids of the first schema stay: what that could not say is added behind. */
static uint64_t hash_problem(uint64_t hash, const struct oct_problem *p)
{
    struct oct_problem first = cases_first_schema(p);
    char text[64];

    hash = hash_first_schema(hash, p);
    for (const struct oct_field *f = oct_fields; f->name; f++)
        if (f->type != OCT_FIELD_CHANNELS && oct_field_get(f, p) != oct_field_get(f, &first))
            hash = hash_text(hash, "%s=%s", f->name, oct_field_text(f, p, text, sizeof(text)));
    return hash;
}

static void write_id(char id[20], uint64_t hash)
{
    snprintf(id, 20, "%016" PRIx64, hash);
}

/* ---- gathering ----------------------------------------------------------------------------------- */

static bool no_memory(struct gathering *g, const struct yaml_node *at)
{
    complain_at(g->to, at, "no memory left for this many cases");
    return false;
}

/* Kernels whose vanilla layer is measured unasked: any of them may be the fastest. The reference and the
 * naive loop never are, and would take most of the run's time. */
static uint64_t baselines(enum oct_dtype dtype)
{
    struct kernel_set set = {.matched = kernels_available()};
    uint64_t kernels = kernels_of(&set, dtype);

    for (int i = 0; oct_kernels[i]; i++)
        if (strstr(oct_kernels[i]->name, "_naive"))
            kernels &= ~(UINT64_C(1) << i);
    return kernels;
}

static bool add_case(struct gathering *g, size_t index, const struct layer *layer,
                     const struct oct_kernel *kernel, const struct engine *engine)
{
    struct group *group = &g->config->groups[index];
    struct group_extra *extra = &g->extra[index];
    const struct oct_problem v = oct_problem_vanilla(&layer->problem);
    uint64_t hash = hash_text(hash_problem(extra->hash, &layer->problem), "%s", kernel->name);
    struct id_slot *slot = id_slot(&g->cases, hash);
    struct bench_case *c;

    if (!slot)
        return no_memory(g, layer->at);
    if (slot->full)
        return true;
    if (group->count == extra->room) {
        size_t room = extra->room ? 2 * extra->room : 16;
        struct bench_case *grown = realloc(group->cases, room * sizeof(*grown));
        if (!grown)
            return no_memory(g, layer->at);
        group->cases = grown;
        extra->room = room;
    }
    id_fill(&g->cases, slot, hash, 0);
    c = &group->cases[group->count++];
    *c = (struct bench_case){
        .alpha_in = layer->alpha_in,
        .alpha_out = layer->alpha_out,
        .problem = layer->problem,
        .kernel = kernel,
        .engine = engine,
        .vanilla = layer->problem.bands == 1 &&
                   hash_problem(HASH_START, &v) == hash_problem(HASH_START, &layer->problem),
        .line = layer->at->line,
    };
    write_id(c->id, hash);
    return true;
}

static bool add_cases(struct gathering *g, size_t index, const struct layer *layer, uint64_t kernels)
{
    const struct engines *engines = g->config->engines;

    for (int i = 0; oct_kernels[i] && i < ENGINE_BIT; i++)
        if ((kernels >> i & 1) && !add_case(g, index, layer, oct_kernels[i], NULL))
            return false;
    for (int e = 0; e < engines->count; e++)
        if ((kernels >> (ENGINE_BIT + e) & 1) &&
            !add_case(g, index, layer, &engines->engine[e].kernel, &engines->engine[e]))
            return false;
    return true;
}

static bool grow_groups(struct gathering *g)
{
    size_t room = g->room ? 2 * g->room : 16;
    struct group *groups = realloc(g->config->groups, room * sizeof(*groups));
    struct group_extra *extra;

    if (!groups)
        return false;
    g->config->groups = groups;
    extra = realloc(g->extra, room * sizeof(*extra));
    if (!extra)
        return false;
    g->extra = extra;
    g->room = room;
    return true;
}

static bool add_group(struct gathering *g, const char *suite, const struct layer *layer,
                      const struct oct_problem *v, uint64_t hash)
{
    struct config *config = g->config;

    if (config->count == g->room && !grow_groups(g))
        return no_memory(g, layer->at);
    g->extra[config->count] =
        (struct group_extra){.at = layer->at, .layer = layer->name, .hash = hash, .vanilla = *v};
    config->groups[config->count] = (struct group){.suite = strdup(suite),
                                                   .c_in = v->ic[0],
                                                   .c_out = v->oc[0],
                                                   .threads = layer->threads,
                                                   .cache = layer->cache};
    write_id(config->groups[config->count].id, hash);
    return config->groups[config->count++].suite ? true : no_memory(g, layer->at);
}

bool gather(struct gathering *g, const char *suite, const struct layer *layer, uint64_t kernels)
{
    struct layer vanilla = *layer;
    struct id_slot *slot;
    uint64_t hash;

    vanilla.problem = oct_problem_vanilla(&layer->problem);
    vanilla.problem.stride_order = OCT_STRIDE_OFFICIAL;
    vanilla.alpha_in = vanilla.alpha_out = 0;
    hash = hash_text(HASH_START, "%s/%s t%d %s", suite, layer->name ? layer->name : "", layer->threads,
                     cache_mode_name(layer->cache));
    hash = hash_problem(hash, &vanilla.problem);
    slot = id_slot(&g->groups, hash);
    if (!slot)
        return no_memory(g, layer->at);
    if (!slot->full) {
        id_fill(&g->groups, slot, hash, g->config->count);
        if (!add_group(g, suite, layer, &vanilla.problem, hash))
            return false;
    }
    return add_cases(g, slot->index, &vanilla, kernels | baselines(layer->problem.types.src)) &&
           add_cases(g, slot->index, layer, kernels);
}

/* ---- finishing ----------------------------------------------------------------------------------- */

/* Vanilla cases first; apart from that the order in which they came. */
static bool order_cases(struct group *group)
{
    struct bench_case *sorted = malloc(group->count * sizeof(*sorted));
    size_t n = 0;

    if (!sorted)
        return false;
    for (int pass = 1; pass >= 0; pass--)
        for (size_t i = 0; i < group->count; i++)
            if (group->cases[i].vanilla == pass)
                sorted[n++] = group->cases[i];
    free(group->cases);
    group->cases = sorted;
    return true;
}

/* Do two groups of one name differ in more than how they run? */
static bool same_geometry(const struct group_extra *a, const struct group_extra *b)
{
    struct oct_problem p = a->vanilla, q = b->vanilla;

    p.types = q.types = oct_problem_default().types;
    return hash_problem(HASH_START, &p) == hash_problem(HASH_START, &q);
}

/* A layer's name that stands for several geometries in its suite gets the geometry behind it. */
static bool name_layers(struct gathering *g, struct id_map *names)
{
    const size_t several = SIZE_MAX;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < g->config->count; i++) {
            struct group *group = &g->config->groups[i];
            const struct group_extra *extra = &g->extra[i];
            uint64_t hash = hash_text(HASH_START, "%s/%s", group->suite, extra->layer ? extra->layer : "");
            struct id_slot *slot = id_slot(names, hash);

            if (!slot)
                return false;
            if (!slot->full)
                id_fill(names, slot, hash, i);
            else if (slot->index != several && !same_geometry(&g->extra[slot->index], extra))
                slot->index = several;
            if (pass == 1)
                group->layer = name_of_layer(extra->layer, &extra->vanilla, slot->index == several);
            if (pass == 1 && !group->layer)
                return false;
        }
    }
    return true;
}

static bool name_cases(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        group->cases[i].name = name_of_case(group, &group->cases[i]);
        if (!group->cases[i].name)
            return false;
    }
    return true;
}

static void write_bytes(char out[32], double bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    int u = 0;

    for (; bytes >= 1024 && u < 5; u++)
        bytes /= 1024;
    snprintf(out, 32, u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
}

/* All cases of a group are alive at once, and so are the operands of each problem. */
static double group_bytes(const struct group *group)
{
    uint64_t before = 0; /* cases of one problem mostly follow one another */
    double sum = 0;

    for (size_t i = 0; i < group->count; i++) {
        const struct oct_problem *p = &group->cases[i].problem;
        uint64_t hash = hash_problem(HASH_START, p);

        sum += (double)prepared_bytes(p) + (hash != before ? (double)operands_bytes(p) : 0);
        before = hash;
    }
    return sum;
}

static void check_memory(struct gathering *g)
{
    double there = memory_available();
    char need[32], have[32];

    for (size_t i = 0; i < g->config->count; i++) {
        const struct group *group = &g->config->groups[i];
        double bytes = group_bytes(group);

        if (bytes <= there)
            continue;
        write_bytes(need, bytes);
        write_bytes(have, there);
        complain_at(g->to, g->extra[i].at,
                    "layer '%s' needs %s for its %zu cases side by side, but there are %s", group->layer,
                    need, group->count, have);
    }
}

bool gather_finish(struct gathering *g)
{
    struct id_map names = {0};
    bool good = name_layers(g, &names);

    for (size_t i = 0; good && i < g->config->count; i++)
        good = order_cases(&g->config->groups[i]) && name_cases(&g->config->groups[i]);
    free(names.slot);
    if (!good)
        complain(g->to, 1, 1, "no memory left for this many cases");
    else
        check_memory(g);
    return g->to->count == 0;
}

void gather_free(struct gathering *g)
{
    free(g->groups.slot);
    free(g->cases.slot);
    free(g->extra);
}
