/* SPDX-License-Identifier: MIT */
/* Direct convolution, planning: how tiles of the few widths that exist cover a row. */
#include "direct/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TIE 1e-3f /* covers whose costs differ by less are equal but for rounding */

/* Cycles that a tile, and a run of tiles, take beside their multiply-adds. */
#define TILE_CYCLES 10
#define JOIN_CYCLES 10 /* and where halves are added */
#define RUN_CYCLES  100

size_t direct_steps(const struct oct_plan *plan, const struct job *job)
{
    size_t channels = 0;

    for (int t = 0; t < job->terms; t++)
        channels += (size_t)job->term[t].ic;
    return channels * plan->p.kd * plan->p.kh * plan->p.kw;
}

/* Every tile reads all the weights of its group: from level 2 where level 1 cannot keep them. */
static bool streams_weights(const struct oct_plan *plan, size_t steps, int kind)
{
    size_t bytes = (size_t)direct_tap_floats(plan, kind) / plan->isa->lanes * sizeof(float);

    return steps * bytes > direct_level_bytes(1);
}

/* Cycles for one input channel of one tap, where a cycle brings two FMAs and two loads, or three broadcasts
 * in two cycles. Halves need a broadcast for two channels, quarters for four. Each sum waits four cycles for
 * its last FMA, in practice five. A broadcast that feeds a single FMA is part of it in AVX-512. Level 2
 * brings 20 bytes of weights. The additions stand for filling and emptying the tile, for loads that meet in a
 * cycle, for sums that are moved to and fro where they leave no register for all weights, and for the end of
 * the loop over a block of channels, which quarters reach in four turns. */
static float tile_cost(const struct oct_plan *plan, int k, int width, size_t steps)
{
    const struct direct_isa *isa = plan->isa;
    const struct direct_kind *kind = isa->kind + k;
    float channels = (float)direct_channels(kind->halves);
    float blocks = (float)direct_vectors(kind->blocks, kind->halves) / channels;
    float broadcast = blocks == 1 && channels == 1 && isa->lanes == 16 ? 0.53f : 0.67f;
    float fma = 0.5f * blocks * (float)width;
    float load = 0.5f * blocks + broadcast * (float)width / channels;
    float stream = streams_weights(plan, steps, k) ? blocks * (float)isa->lanes * sizeof(float) / 20 : 0;
    float moves = blocks > 3 && isa->lanes == 16 ? 0.15f : 0, turns = channels == 4 ? 0.4f : 0;
    float once = TILE_CYCLES + (channels - 1) * JOIN_CYCLES;

    return fmaxf(fmaxf(fma, load), fmaxf(stream, 5 / channels)) + 0.3f + 0.02f * load + moves + turns +
           once / (float)(steps + 1);
}

int direct_tap_floats(const struct oct_plan *plan, int kind)
{
    const struct direct_kind *k = plan->isa->kind + kind;
    int lanes = plan->isa->lanes;

    return direct_vectors(k->blocks, k->halves) * lanes * lanes / direct_channels(k->halves);
}

/* Steps that a kind takes for each of a job's: where several channels go together, missing ones are zeros. */
static float padding(const struct oct_plan *plan, const struct job *job, int kind)
{
    int together = direct_channels(plan->isa->kind[kind].halves), channels = 0, padded = 0;

    for (int t = 0; t < job->terms; t++) {
        channels += job->term[t].ic;
        padded += oct_ceil_div(job->term[t].ic, together) * together;
    }
    return channels ? (float)padded / (float)channels : 1;
}

/* How column k of the kernel meets the tile at x: false where no compile-time clipping fits. */
static bool fit_column(const struct oct_plan *plan, const struct term *t, int kind, int k, int x, int width,
                       struct direct_tap *c)
{
    int64_t at = (int64_t)x * t->stride_w + (int64_t)k * plan->p.dilation_w - t->pad_left;
    int64_t end = plan->source[t->source].e.w;
    int first = 0, last = width;

    while (first < width && at + (int64_t)first * t->stride_w < 0)
        first++;
    while (last > first && at + (int64_t)(last - 1) * t->stride_w >= end)
        last--;
    *c = (struct direct_tap){.src = (int32_t)((k * plan->p.dilation_w - t->pad_left) * plan->isa->lanes),
                             .weights = k * direct_tap_floats(plan, kind),
                             .stride = t->stride_w,
                             .clip = DIRECT_CLIPS};
    if (first == last)
        return true; /* to be left out */
    if (first == 0 && last == width)
        c->clip = DIRECT_WHOLE;
    else if (first == 0 && last >= width - 2)
        c->clip = last == width - 1 ? DIRECT_NOT_LAST : DIRECT_NOT_LAST_2;
    else if (last == width && first <= 2)
        c->clip = first == 1 ? DIRECT_NOT_FIRST : DIRECT_NOT_FIRST_2;
    return c->clip != DIRECT_CLIPS && (width == 1 || t->stride_w <= 2);
}

/* A column that reads every pixel goes last: under it a tile can be finished and stored pixel by pixel. */
static void put_whole_last(struct direct_tap *columns, int count)
{
    for (int i = 0; i < count; i++) {
        struct direct_tap whole = columns[i];

        if (whole.clip != DIRECT_WHOLE)
            continue;
        columns[i] = columns[count - 1];
        columns[count - 1] = whole;
        return;
    }
}

/* The columns of every term for the tile at x; false where the tile does not fit. */
static bool fit_tile(const struct oct_plan *plan, const struct job *job, int kind, int x, int width,
                     struct cut *cut, struct direct_tap *columns)
{
    int n = 0;

    for (int t = 0; t < job->terms; t++) {
        cut->column[t] = n;
        for (int k = 0; k < plan->p.kw; k++) {
            if (!fit_column(plan, job->term + t, kind, k, x, width, columns + n))
                return false;
            n += columns[n].clip != DIRECT_CLIPS;
        }
        cut->columns[t] = n - cut->column[t];
        put_whole_last(columns + cut->column[t], cut->columns[t]);
    }
    return true;
}

struct builder {
    struct cut *cuts;
    struct direct_tap *columns, *fitting;
    int ncuts, ncolumns, cuts_room, columns_room;
};

static int grow(void **array, int *room, int want, size_t size)
{
    int more = oct_max(want, 2 * *room);
    void *p;

    if (want <= *room)
        return OCT_OK;
    p = realloc(*array, (size_t)more * size);
    if (!p)
        return OCT_NO_MEMORY;
    *array = p;
    *room = more;
    return OCT_OK;
}

static bool continues(const struct builder *b, const struct job *job, const struct cut *cut)
{
    const struct cut *last = b->cuts + b->ncuts - 1;

    if (last->width != cut->width)
        return false;
    for (int t = 0; t < job->terms; t++) {
        if (last->columns[t] != cut->columns[t] ||
            memcmp(b->columns + last->column[t], b->fitting + cut->column[t],
                   (size_t)cut->columns[t] * sizeof(b->columns[0])) != 0)
            return false;
    }
    return true;
}

static int append_cut(struct builder *b, const struct job *job, struct cut *cut, bool first)
{
    int n = job->terms ? cut->column[job->terms - 1] + cut->columns[job->terms - 1] : 0;

    if (!first && continues(b, job, cut)) {
        b->cuts[b->ncuts - 1].tiles++;
        return OCT_OK;
    }
    if (grow((void **)&b->cuts, &b->cuts_room, b->ncuts + 1, sizeof(b->cuts[0])) ||
        grow((void **)&b->columns, &b->columns_room, b->ncolumns + n, sizeof(b->columns[0])))
        return OCT_NO_MEMORY;
    if (n)
        memcpy(b->columns + b->ncolumns, b->fitting, (size_t)n * sizeof(b->columns[0]));
    for (int t = 0; t < job->terms; t++)
        cut->column[t] += b->ncolumns;
    b->ncolumns += n;
    b->cuts[b->ncuts++] = *cut;
    return OCT_OK;
}

/* The cheapest way to cover a row: best[x] is the cost from x on, width[x] the first step. */
static float cover(const struct oct_plan *plan, const struct job *job, int kind, int w, size_t steps,
                   float *best, uint8_t *width, struct direct_tap *columns)
{
    const struct direct_kind *k = plan->isa->kind + kind;
    struct cut cut;

    best[w] = 0;
    for (int x = w - 1; x >= 0; x--) {
        best[x] = INFINITY;
        for (int i = 0; i < DIRECT_WIDTHS && k->width[i]; i++) {
            int step = k->width[i];
            float cost;

            if (x + step > w || (!job->flat && !fit_tile(plan, job, kind, x, step, &cut, columns)))
                continue;
            cost = tile_cost(plan, kind, step, steps) + best[x + step];
            if (cost < best[x] - TIE) { /* the widest of equals, which comes first */
                best[x] = cost;
                width[x] = (uint8_t)i;
            }
        }
    }
    return best[0];
}

static int cut_row(struct oct_plan *plan, struct job *job, int kind, struct builder *b)
{
    int w = job->e.w, status = OCT_NO_MEMORY;
    float *best = malloc(((size_t)w + 1) * sizeof(*best));
    uint8_t *width = malloc((size_t)w + 1);
    struct cutting *cutting = job->cutting + kind;

    if (!best || !width)
        goto done;
    *cutting =
        (struct cutting){.first = b->ncuts,
                         .cost = cover(plan, job, kind, w, direct_steps(plan, job), best, width, b->fitting)};
    for (int x = 0; x < w; x += plan->isa->kind[kind].width[width[x]]) {
        struct cut cut = {.x = x, .width = width[x], .tiles = 1};

        fit_tile(plan, job, kind, x, plan->isa->kind[kind].width[width[x]], &cut, b->fitting);
        status = append_cut(b, job, &cut, x == 0);
        if (status)
            goto done;
    }
    cutting->count = b->ncuts - cutting->first;
    status = OCT_OK;
done:
    free(best);
    free(width);
    return status;
}

/* Flat rows are cut while they run: only their one column and their cost are known beforehand. */
static int cut_flat(struct oct_plan *plan, struct job *job, int kind, struct builder *b)
{
    const struct direct_kind *k = plan->isa->kind + kind;
    int64_t pixels = (int64_t)job->e.h * job->e.w;
    size_t steps = direct_steps(plan, job);
    float run = RUN_CYCLES / (float)(steps + 1), cost;
    struct cut cut = {.tiles = 1};

    cost = (float)(pixels / k->width[0]) * tile_cost(plan, kind, k->width[0], steps) + run;
    for (int left = (int)(pixels % k->width[0]), width; left > 0; left -= width) {
        width = k->width[plan->tail[kind][left]];
        cost += tile_cost(plan, kind, width, steps) + run;
    }
    fit_tile(plan, job, kind, 0, 1, &cut, b->fitting);
    job->cutting[kind] = (struct cutting){.first = b->ncuts, .count = 1, .cost = cost};
    return append_cut(b, job, &cut, true);
}

static void cut_tails(struct oct_plan *plan, int kind)
{
    const struct job flat = {.flat = true};
    const size_t steps = 128; /* of whichever job */
    float best[2 * MAX_WIDTH];
    uint8_t width[2 * MAX_WIDTH];
    int w = 2 * MAX_WIDTH - 1;

    cover(plan, &flat, kind, w, steps, best, width, NULL);
    for (int left = 1; left <= w; left++)
        plan->tail[kind][left] = width[w - left];
}

int direct_flat_width(const struct oct_plan *plan, int kind, int left, bool pairs)
{
    const int *width = plan->isa->kind[kind].width;
    int best = left < 2 * width[0] ? plan->tail[kind][left] : 0, i = 0;

    if (!pairs || width[best] % 2 == 0)
        return best;
    while (width[i] > left || width[i] % 2)
        i++;
    return i;
}

int direct_cut_rows(struct oct_plan *plan)
{
    struct builder b = {0};
    int status = OCT_NO_MEMORY;

    b.fitting = malloc((size_t)plan->p.kw * DIRECT_SEGMENTS * sizeof(b.fitting[0]));
    if (!b.fitting)
        return status;
    for (int kind = 0; kind < plan->isa->kinds; kind++) {
        cut_tails(plan, kind);
        for (int j = 0; j < plan->jobs; j++) {
            struct job *job = plan->job + j;

            status = job->flat ? cut_flat(plan, job, kind, &b) : cut_row(plan, job, kind, &b);
            if (status)
                goto done;
            job->cutting[kind].cost *= padding(plan, job, kind);
        }
    }
done:
    plan->cuts = b.cuts;
    plan->columns = b.columns;
    free(b.fitting);
    return status;
}
