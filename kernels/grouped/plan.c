/* SPDX-License-Identifier: MIT */
/* Plans grouped and depthwise layers: units, sources, strips and shares of work (execute.c tells what they
 * are). */
#include "grouped/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_GOAL ((size_t)256 << 10) /* of a thread: leaves room in L2 for what it reads and writes */

/* ---- plan: units --------------------------------------------------------------------------------- */

static int blocks_of(const struct oct_plan *plan, int channels)
{
    return oct_ceil_div(channels, plan->block);
}

/* The fewest groups whose channels fill whole blocks in every band. */
static int unit_groups(const struct oct_plan *plan)
{
    const struct oct_problem *p = &plan->p;
    int count = 1;

    for (int b = 0; b < p->bands; b++)
        while (p->ic[b] / p->groups * count % plan->block || p->oc[b] / p->groups * count % plan->block)
            count *= 2;
    return oct_min(count, p->groups);
}

static struct grouped_range unit_blocks(const struct oct_plan *plan, int channels, int first, int last)
{
    int width = channels / plan->p.groups;

    return (struct grouped_range){first * width / plan->block, blocks_of(plan, last * width)};
}

/* Vector operations, about: the multiply-adds, and a few for each value read and written. */
static double unit_cost(const struct oct_plan *plan, const struct grouped_unit *unit)
{
    const struct oct_problem *p = &plan->p;
    double cost = 1;

    for (int to = 0; to < p->bands; to++) {
        cost += 2.0 * (unit->in[to].last - unit->in[to].first) * plan->in[to].h * plan->in[to].w;
        for (int b = unit->out[to].first; b < unit->out[to].last; b++) {
            cost += 2.0 * plan->out[to].h * plan->out[to].w;
            for (int from = 0; from < p->bands; from++) {
                const struct grouped_path *path = &plan->path[from][to];

                if (path->exists)
                    cost += (double)(path->packed.first[b + 1] - path->packed.first[b]) * p->kh * p->kw *
                            path->geometry.out.h * path->geometry.out.w;
            }
        }
    }
    return cost;
}

static bool make_grouped_units(struct oct_plan *plan)
{
    const struct oct_problem *p = &plan->p;
    int groups = unit_groups(plan);

    plan->units = oct_ceil_div(p->groups, groups);
    plan->unit = calloc(plan->units, sizeof(*plan->unit));
    if (!plan->unit)
        return false;
    for (int u = 0; u < plan->units; u++) {
        int first = u * groups, last = oct_min(first + groups, p->groups);

        for (int b = 0; b < p->bands; b++) {
            plan->unit[u].in[b] = unit_blocks(plan, p->ic[b], first, last);
            plan->unit[u].out[b] = unit_blocks(plan, p->oc[b], first, last);
        }
    }
    return true;
}

static bool make_depthwise_units(struct oct_plan *plan)
{
    const struct oct_problem *p = &plan->p;
    struct grouped_unit *unit;

    for (int b = 0; b < p->bands; b++)
        plan->units += blocks_of(plan, p->oc[b]);
    unit = plan->unit = calloc(plan->units, sizeof(*plan->unit));
    if (!unit)
        return false;
    for (int b = 0; b < p->bands; b++)
        for (int i = 0; i < blocks_of(plan, p->oc[b]); i++, unit++)
            unit->in[b] = unit->out[b] = (struct grouped_range){i, i + 1};
    return true;
}

static bool make_units(struct oct_plan *plan)
{
    bool depthwise = plan->p.groups == OCT_GROUPS_DEPTHWISE;

    if (!(depthwise ? make_depthwise_units(plan) : make_grouped_units(plan)))
        return false;
    for (int u = 0; u < plan->units; u++)
        plan->unit[u].cost = unit_cost(plan, &plan->unit[u]);
    return true;
}

/* ---- plan: sources ------------------------------------------------------------------------------- */

static int add_source(struct oct_plan *plan, int band, int parent, int log2)
{
    struct grouped_source *s;
    int h = parent < 0 ? plan->in[band].h : plan->source[parent].h;
    int w = parent < 0 ? plan->in[band].w : plan->source[parent].w;

    for (int i = 0; i < plan->sources; i++) {
        s = &plan->source[i];
        if (s->band == band && s->parent == parent && s->log2 == log2)
            return i;
    }
    s = &plan->source[plan->sources];
    *s = (struct grouped_source){.band = band, .parent = parent, .log2 = log2};
    s->h = oct_ceil_div(h, 1 << log2);
    s->w = oct_ceil_div(w, 1 << log2);
    return plan->sources++;
}

/* Margins hold the padding that the general loop reads; the 3-wide one clips its edges instead. */
static void add_margins(struct oct_plan *plan, const struct grouped_path *path)
{
    const struct oct_path *g = &path->geometry;
    struct grouped_source *s = &plan->source[path->source];
    int reach = (g->out.w - 1) * g->stride_w + (plan->p.kw - 1) * plan->p.dilation_w + 1;

    if (plan->three)
        return;
    s->left = g->pad_left;
    s->right = oct_max(s->right, reach - s->left - s->w);
}

static bool needs_margins(const struct oct_path *g)
{
    return g->pad_left > 0 || g->pad_right > 0;
}

static void make_sources(struct oct_plan *plan)
{
    for (int from = 0; from < plan->p.bands; from++)
        for (int to = 0; to < plan->p.bands; to++) {
            struct grouped_path *path = &plan->path[from][to];
            const struct oct_path *g = &path->geometry;

            path->source = -1;
            if (!path->exists)
                continue;
            if (g->pre > 0)
                path->source = add_source(plan, from, -1, g->pre);
            if (g->pool > 0)
                path->source = add_source(plan, from, path->source, g->pool);
            if (path->source < 0 && !plan->three && needs_margins(g))
                path->source = add_source(plan, from, -1, 0);
            if (path->source >= 0)
                add_margins(plan, path);
        }
}

/* ---- plan: strips and shares --------------------------------------------------------------------- */

/* Gives every buffer of a thread its place, for the greediest strip and unit. */
static void place_scratch(struct oct_plan *plan)
{
    struct grouped_rows rows;
    size_t end = 0;

    for (int strip = 0; strip < plan->strips; strip++) {
        grouped_find_rows(plan, strip, &rows);
        for (int i = 0; i < plan->sources; i++) {
            int n = rows.source[i].last - rows.source[i].first;
            plan->source[i].rows = strip ? oct_max(plan->source[i].rows, n) : n;
        }
        for (int i = 0; i < OCT_MAX_BANDS * OCT_MAX_BANDS; i++) {
            struct grouped_path *path = &plan->path[i / OCT_MAX_BANDS][i % OCT_MAX_BANDS];
            struct grouped_range r = rows.up[i / OCT_MAX_BANDS][i % OCT_MAX_BANDS];
            path->rows = strip ? oct_max(path->rows, r.last - r.first) : r.last - r.first;
        }
    }
    for (int i = 0; i < plan->sources; i++) {
        struct grouped_source *s = &plan->source[i];
        int blocks = 0;

        for (int u = 0; u < plan->units; u++)
            blocks = oct_max(blocks, plan->unit[u].in[s->band].last - plan->unit[u].in[s->band].first);
        s->offset = end;
        end += (size_t)blocks * s->rows * grouped_source_row(plan, s);
    }
    for (int i = 0; i < OCT_MAX_BANDS * OCT_MAX_BANDS; i++) {
        struct grouped_path *path = &plan->path[i / OCT_MAX_BANDS][i % OCT_MAX_BANDS];

        path->offset = end;
        if (path->exists && path->geometry.up > 0)
            end += (size_t)path->rows * path->geometry.out.w * plan->block;
    }
    plan->scratch_floats = end;
}

/* Cuts the tasks where the running cost reaches each thread's part; none is empty before the last. Returns
 * the greatest cost of a thread over the mean. */
static double make_shares(struct oct_plan *plan)
{
    int threads = plan->head.info.threads, thread = 0;
    int64_t tasks = (int64_t)plan->p.n * plan->units * plan->strips;
    double total = 0, sum = 0, begun = 0, most = 0;

    for (int u = 0; u < plan->units; u++)
        total += plan->unit[u].cost * plan->p.n;
    plan->share[0] = 0;
    for (int64_t i = 0; i < tasks; i++) {
        double cost = plan->unit[i / plan->strips % plan->units].cost / plan->strips;

        while (thread + 1 < threads && i > plan->share[thread] &&
               sum + cost / 2 >= total * (thread + 1) / threads) {
            most = sum - begun > most ? sum - begun : most;
            begun = sum;
            plan->share[++thread] = i;
        }
        sum += cost;
    }
    most = sum - begun > most ? sum - begun : most;
    while (thread < threads)
        plan->share[++thread] = tasks;
    return most / (total / threads);
}

/* Fewest strips that fit the cache and give the threads equal work, else the most even of those tried. */
static void choose_strips(struct oct_plan *plan)
{
    int most = oct_max(plan->out[0].h >> plan->top_band, 1), best = 1;
    double best_uneven = HUGE_VAL;

    for (int strips = 1; strips <= oct_min(most, 64); strips++) {
        double uneven;

        plan->strips = strips;
        place_scratch(plan);
        uneven = make_shares(plan);
        if (plan->scratch_floats * sizeof(float) > SCRATCH_GOAL && strips < most)
            uneven += 1;
        if (uneven < best_uneven - 0.01) {
            best_uneven = uneven;
            best = strips;
        }
        if (uneven < 1.03)
            break;
    }
    plan->strips = best;
    place_scratch(plan);
    make_shares(plan);
}

/* Tells the steps how far apart the blocks lie that they read. */
static void place_steps(struct oct_plan *plan)
{
    for (int from = 0; from < plan->p.bands; from++)
        for (int to = 0; to < plan->p.bands; to++) {
            struct grouped_path *path = &plan->path[from][to];
            const struct grouped_source *s = path->source < 0 ? NULL : &plan->source[path->source];
            size_t plane = s ? s->rows * grouped_source_row(plan, s)
                             : (size_t)plan->in[from].h * plan->in[from].w * plan->block;

            if (path->exists)
                grouped_place(&path->packed, blocks_of(plan, plan->p.oc[to]), plan->block, plane);
        }
}

/* ---- plan ---------------------------------------------------------------------------------------- */

static void destroy(struct oct_plan *plan)
{
    for (int from = 0; from < OCT_MAX_BANDS; from++) {
        for (int to = 0; to < OCT_MAX_BANDS; to++)
            grouped_packed_free(&plan->path[from][to].packed);
        oct_free(plan->bias[from]);
    }
    free(plan->unit);
    free(plan->share);
    free(plan);
}

/* Can 3-wide loops read the path's input in place, without the columns beside it? */
static bool clips_edges(const struct oct_path *g)
{
    int right = (g->out.w - 1) * g->stride_w + 3 - g->pad_left - g->in.w;

    return g->pad_left <= 1 && right <= 1 && g->stride_w <= 2;
}

static void make_paths(struct oct_plan *plan)
{
    const struct oct_problem *p = &plan->p;

    plan->three = p->kw == 3 && p->dilation_w == 1 && p->dilation_h == 1;
    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++) {
            struct grouped_path *path = &plan->path[from][to];

            path->exists = oct_path_exists(p, from, to);
            path->geometry = oct_path_get(p, from, to);
            if (path->exists && !clips_edges(&path->geometry))
                plan->three = false;
        }
    for (int b = 0; b < p->bands; b++) {
        plan->in[b] = oct_in_extent(p, b);
        plan->out[b] = oct_out_extent(p, b);
        if (p->oc[b] > 0)
            plan->top_band = b;
    }
}

static void name_paths(struct oct_plan *plan)
{
    for (int to = 0; to < plan->p.bands; to++) {
        char *part = plan->part[to];

        for (int from = 0; from < plan->p.bands; from++) {
            struct grouped_path *path = &plan->path[from][to];

            oct_path_name(&plan->p, from, to, path->name);
            if (!path->exists || path->geometry.up > 0)
                continue;
            if (*part)
                strcat(part, "+");
            strcat(part, path->name);
        }
        if (!*part)
            strcpy(part, "add");
    }
}

static int pack_band(struct oct_plan *plan, const struct oct_weights *w, int to, struct oct_message *msg)
{
    const struct oct_problem *p = &plan->p;
    int blocks = blocks_of(plan, p->oc[to]), taps = p->kh * p->kw;
    size_t bytes = (size_t)blocks * plan->block * sizeof(float);

    for (int from = 0; from < p->bands; from++) {
        struct grouped_path *path = &plan->path[from][to];

        if (!path->exists)
            continue;
        if (!w->path[from][to])
            return oct_fail(msg, OCT_INVALID, "path %d -> %d exists, but has no weights", from, to);
        if (!grouped_pack(&path->packed, w->path[from][to], p->ic[from], p->oc[to], path->geometry.groups,
                          taps, plan->block))
            return oct_fail(msg, OCT_NO_MEMORY, "no memory for the weights of path %d -> %d", from, to);
        plan->head.info.weight_bytes += grouped_packed_bytes(&path->packed, blocks, taps, plan->block);
    }
    plan->bias[to] = oct_alloc(bytes);
    if (!plan->bias[to])
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for the bias of band %d", to);
    memset(plan->bias[to], 0, bytes);
    if (!(p->epilogue & OCT_EPILOGUE_BIAS) || p->oc[to] == 0)
        return OCT_OK;
    if (!w->bias[to])
        return oct_fail(msg, OCT_INVALID, "the epilogue has a bias, but band %d brings none", to);
    memcpy(plan->bias[to], w->bias[to], p->oc[to] * sizeof(float));
    return OCT_OK;
}

static void describe(struct oct_plan *plan)
{
    static const char *const names[] = {"own", "any", "one"};
    const char *lanes = "none", *tile = plan->isa->tile;

    for (int i = 0; i < OCT_MAX_BANDS * OCT_MAX_BANDS; i++) {
        const struct grouped_path *path = &plan->path[i / OCT_MAX_BANDS][i % OCT_MAX_BANDS];
        if (path->exists)
            lanes = names[path->packed.lanes];
    }
    if (plan->three && plan->p.kh == 3 && lanes == names[GROUPED_ONE])
        tile = plan->isa->block_tile;
    snprintf(plan->head.info.describe, sizeof(plan->head.info.describe),
             "grouped:%s %s lanes:%s units:%d strips:%d sources:%d", tile, plan->three ? "3-wide" : "general",
             lanes, plan->units, plan->strips, plan->sources);
}

static int fill_plan(struct oct_plan *plan, const struct oct_weights *w, struct oct_message *msg)
{
    int threads = plan->head.info.threads, status;

    make_paths(plan);
    name_paths(plan);
    for (int to = 0; to < plan->p.bands; to++) {
        status = pack_band(plan, w, to, msg);
        if (status)
            return status;
    }
    make_sources(plan);
    plan->share = malloc((threads + 1) * sizeof(*plan->share));
    if (!plan->share || !make_units(plan))
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    choose_strips(plan);
    place_steps(plan);
    plan->scratch_floats = (plan->scratch_floats + 1023) / 1024 * 1024; /* threads share no page */
    plan->head.info.scratch_bytes = plan->head.info.outside_bytes =
        plan->scratch_floats * threads * sizeof(float);
    plan->head.info.residual_in_place = true;
    describe(plan);
    return OCT_OK;
}

int grouped_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                 const struct oct_plan_options *options, struct oct_message *msg,
                 const struct grouped_isa *isa)
{
    static const struct oct_plan_ops ops = {.run = grouped_run_thread, .destroy = destroy};
    struct oct_plan *plan;
    int status;

    if (p->d > 1 || p->kd > 1)
        return oct_fail(msg, OCT_UNSUPPORTED, "3-D layers are not implemented (d is %d, kd is %d)", p->d,
                        p->kd);
    if (p->bands > 1 && (p->pad_top == OCT_PAD_SAME_UPPER || p->pad_left == OCT_PAD_SAME_UPPER))
        return oct_fail(msg, OCT_UNSUPPORTED,
                        "grouped layers of several bands with same_upper are not implemented");
    if (p->groups_per_path || p->stride_h != p->stride_w || p->dilation_h != p->dilation_w)
        return oct_fail(
            msg, OCT_UNSUPPORTED,
            "grouped layers with groups per path, or with unequal strides or dilations of h and w, "
            "are not implemented");
    plan = calloc(1, sizeof(*plan));
    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a plan");
    plan->p = *p;
    plan->isa = isa;
    plan->block = oct_layout_block(isa->layout);
    oct_plan_begin(&plan->head, &ops, p, isa->layout, options->threads);
    status = fill_plan(plan, w, msg);
    if (status) {
        destroy(plan);
        return status;
    }
    *out = plan;
    return OCT_OK;
}
