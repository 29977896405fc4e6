/* SPDX-License-Identifier: MIT */
/* How tiles of the few widths that exist cover a row: at least cost, by dynamic programming. */
#include "direct/cover_rows.h"

#include "direct/tile_cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TIE 1e-3f /* covers whose costs differ by less are equal but for rounding */

/* Rows of one layer, kind by kind and job by job. */
struct builder {
    const struct layer *layer;
    const struct direct_isa *isa;
    const struct tile_costs *costs;
    const struct job *job;
    int kind;
    struct stretch *stretch;
    struct direct_tap *columns, *fitting;
    int stretches, ncolumns, stretch_room, column_room;
};

/* ---- one tile ------------------------------------------------------------------------------------ */

/* The clipping that lets pixels [first, last) of a tile read; DIRECT_CLIPS where none does. */
static int clipping(int first, int last, int width)
{
    if (first == 0 && last == width)
        return DIRECT_WHOLE;
    if (first == 0 && last >= width - 2)
        return last == width - 1 ? DIRECT_NOT_LAST : DIRECT_NOT_LAST_2;
    if (last == width && first <= 2)
        return first == 1 ? DIRECT_NOT_FIRST : DIRECT_NOT_FIRST_2;
    return DIRECT_CLIPS;
}

/* How column k of the window meets the tile at x: false where no compile-time clipping fits. */
static bool fit_column(const struct builder *b, const struct term *t, int k, int x, int width,
                       struct direct_tap *c)
{
    const struct axis *a = &t->w;
    int64_t at = (int64_t)x * a->stride + (int64_t)k * a->dilation - a->pad;
    int64_t end = b->layer->source[t->source].e.w;
    int first = 0, last = width;

    while (first < width && at + (int64_t)first * a->stride < 0)
        first++;
    while (last > first && at + (int64_t)(last - 1) * a->stride >= end)
        last--;
    *c = (struct direct_tap){.src = (int32_t)((k * a->dilation - a->pad) * b->isa->lanes),
                             .weights = k * direct_tap_floats(b->isa, b->kind),
                             .stride = (int16_t)a->stride,
                             .clip = DIRECT_CLIPS};
    if (first == last)
        return true; /* to be left out */
    c->clip = (int16_t)clipping(first, last, width);
    return c->clip != DIRECT_CLIPS && (width == 1 || a->stride <= 2);
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

/* The columns of every term for the tile at x, into b->fitting; false where the tile does not fit. */
static bool fit_tile(const struct builder *b, int x, int width, struct stretch *s)
{
    struct direct_tap *columns = b->fitting;
    int n = 0;

    for (int t = 0; t < b->job->terms; t++) {
        s->column[t] = n;
        for (int k = 0; k < b->layer->kernel.w; k++) {
            if (!fit_column(b, b->job->term + t, k, x, width, columns + n))
                return false;
            n += columns[n].clip != DIRECT_CLIPS;
        }
        s->columns[t] = n - s->column[t];
        put_whole_last(columns + s->column[t], s->columns[t]);
    }
    return true;
}

/* ---- stretches of tiles -------------------------------------------------------------------------- */

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

static bool continues(const struct builder *b, const struct stretch *s)
{
    const struct stretch *last = b->stretch + b->stretches - 1;

    if (last->width != s->width)
        return false;
    for (int t = 0; t < b->job->terms; t++) {
        if (last->columns[t] != s->columns[t] ||
            memcmp(b->columns + last->column[t], b->fitting + s->column[t],
                   (size_t)s->columns[t] * sizeof(b->columns[0])) != 0)
            return false;
    }
    return true;
}

/* `s` is one tile, whose columns are in b->fitting. */
static int append(struct builder *b, struct stretch *s, bool first)
{
    int terms = b->job->terms, n = terms ? s->column[terms - 1] + s->columns[terms - 1] : 0;

    if (!first && continues(b, s)) {
        b->stretch[b->stretches - 1].tiles++;
        return OCT_OK;
    }
    if (grow((void **)&b->stretch, &b->stretch_room, b->stretches + 1, sizeof(b->stretch[0])) ||
        grow((void **)&b->columns, &b->column_room, b->ncolumns + n, sizeof(b->columns[0])))
        return OCT_NO_MEMORY;
    if (n)
        memcpy(b->columns + b->ncolumns, b->fitting, (size_t)n * sizeof(b->columns[0]));
    for (int t = 0; t < terms; t++)
        s->column[t] += b->ncolumns;
    b->ncolumns += n;
    b->stretch[b->stretches++] = *s;
    return OCT_OK;
}

/* ---- covers -------------------------------------------------------------------------------------- */

/* The cheapest way to cover a row of w pixels: best[x] is the cost from x on, width[x] the first step. */
static float cheapest(const struct builder *b, int w, size_t steps, float *best, uint8_t *width)
{
    const struct direct_kind *k = b->isa->kind + b->kind;
    struct stretch s;

    best[w] = 0;
    for (int x = w - 1; x >= 0; x--) {
        best[x] = INFINITY;
        for (int i = 0; i < DIRECT_WIDTHS && k->width[i]; i++) {
            int step = k->width[i];
            float cost;

            if (x + step > w || (!b->job->flat && !fit_tile(b, x, step, &s)))
                continue;
            cost = direct_tile_cost(b->isa, b->costs, b->kind, step, steps) + best[x + step];
            if (cost < best[x] - TIE) { /* the widest of equals, which comes first */
                best[x] = cost;
                width[x] = (uint8_t)i;
            }
        }
    }
    return best[0];
}

static int cover_row(struct builder *b, struct row_cover *out)
{
    const int *widths = b->isa->kind[b->kind].width;
    int w = b->job->e.w, status = OCT_NO_MEMORY;
    float *best = malloc(((size_t)w + 1) * sizeof(*best));
    uint8_t *width = malloc((size_t)w + 1);

    if (!best || !width)
        goto done;
    out->first = b->stretches;
    out->cost = cheapest(b, w, direct_steps(b->layer, b->job), best, width);
    for (int x = 0; x < w; x += widths[width[x]]) {
        struct stretch s = {.x = x, .width = width[x], .tiles = 1};

        fit_tile(b, x, widths[width[x]], &s);
        status = append(b, &s, x == 0);
        if (status)
            goto done;
    }
    out->count = b->stretches - out->first;
    status = OCT_OK;
done:
    free(best);
    free(width);
    return status;
}

/* Only the one column and the cost of a flat row are known beforehand. */
static int cover_flat(struct builder *b, const uint8_t *tail, struct row_cover *out)
{
    const struct direct_kind *k = b->isa->kind + b->kind;
    int64_t pixels = (int64_t)b->job->e.h * b->job->e.w;
    size_t steps = direct_steps(b->layer, b->job);
    float run = b->costs->run / (float)(steps + 1), cost;
    struct stretch s = {.tiles = 1};

    cost =
        (float)(pixels / k->width[0]) * direct_tile_cost(b->isa, b->costs, b->kind, k->width[0], steps) + run;
    for (int left = (int)(pixels % k->width[0]), width; left > 0; left -= width) {
        width = k->width[tail[left]];
        cost += direct_tile_cost(b->isa, b->costs, b->kind, width, steps) + run;
    }
    fit_tile(b, 0, 1, &s);
    *out = (struct row_cover){.first = b->stretches, .count = 1, .cost = cost};
    return append(b, &s, true);
}

static void cover_tails(struct builder *b, uint8_t *tail)
{
    static const struct job flat = {.flat = true};
    const size_t steps = 128; /* of whichever job */
    float best[2 * DIRECT_MAX_WIDTH];
    uint8_t width[2 * DIRECT_MAX_WIDTH];
    int w = 2 * DIRECT_MAX_WIDTH - 1;

    b->job = &flat;
    cheapest(b, w, steps, best, width);
    for (int left = 1; left <= w; left++)
        tail[left] = width[w - left];
}

static int cover_kind(struct builder *b, struct tiling *out)
{
    cover_tails(b, out->tail[b->kind]);
    for (int j = 0; j < b->layer->jobs; j++) {
        struct row_cover *cover = &out->cover[j][b->kind];
        int status;

        b->job = b->layer->job + j;
        status = b->job->flat ? cover_flat(b, out->tail[b->kind], cover) : cover_row(b, cover);
        if (status)
            return status;
        cover->cost *= direct_padded_steps(b->isa->kind + b->kind, b->job);
    }
    return OCT_OK;
}

int direct_cover_rows(struct tiling *out, const struct layer *layer, const struct direct_isa *isa,
                      const struct tile_costs *costs)
{
    struct builder b = {.layer = layer, .isa = isa, .costs = costs};
    int status = OCT_OK;

    b.fitting = malloc((size_t)layer->kernel.w * MAX_TERMS * sizeof(b.fitting[0]));
    if (!b.fitting)
        return OCT_NO_MEMORY;
    for (b.kind = 0; b.kind < isa->kinds && !status; b.kind++)
        status = cover_kind(&b, out);
    out->stretch = b.stretch;
    out->columns = b.columns;
    free(b.fitting);
    return status;
}

int direct_flat_width(const struct tiling *tiling, const struct direct_isa *isa, int kind, int left,
                      bool pairs)
{
    const int *width = isa->kind[kind].width;
    int best = left < 2 * width[0] ? tiling->tail[kind][left] : 0, i = 0;

    if (!pairs || width[best] % 2 == 0)
        return best;
    while (width[i] > left || width[i] % 2)
        i++;
    return i;
}
