/* SPDX-License-Identifier: MIT */
/* One thread's runs of register tiles. */
#include "direct/run_tiles.h"

#include "direct/tile_cost.h"

/* A run being set up: segment i stands for term term[i], `row` is where its source row begins. */
struct setup {
    int job;
    struct direct_run run;
    struct direct_segment segment[MAX_TERMS];
    struct direct_addend addend[MAX_ADDENDS];
    int term[MAX_TERMS];
    const float *row[MAX_TERMS];
    struct span rows[MAX_TERMS], planes[MAX_TERMS]; /* of the window */
    bool listed;   /* the worker's lists of taps are those of these rows and planes */
    int groups;    /* of output blocks, from the one that s is set up for on */
    float *pool;   /* or NULL: where segment 0 leaves sums of pairs of pixels, */
    int pool_from; /* beginning with this one, the first of an even row */
};

/* ---- rows of the sources ------------------------------------------------------------------------- */

/* How far ahead of a segment's pixels memory is fetched: one coarse row behind those that the window reads,
 * by the first group of the first job that reads an input. */
static ptrdiff_t fetch_ahead(const struct oct_plan *plan, int job, const struct group *g, int term)
{
    const struct layer *layer = &plan->layer;
    const struct term *t = layer->job[job].term + term;
    const struct source *s = layer->source + t->source;
    ptrdiff_t coarse_row = (ptrdiff_t)t->h.stride << (layer->coarsest - layer->job[job].octave);

    if (plan->tuning->fetches_out || s->parent >= 0 || s->first_job != job || g != plan->tiling.group[job])
        return 0;
    return ((t->h.k - 1) * t->h.dilation + coarse_row) * s->e.w * layer->lanes;
}

static bool same_span(struct span a, struct span b)
{
    return a.first == b.first && a.last == b.last;
}

/* Where the first row and plane of the window that fall inside lie in a source. */
static const float *first_row(const struct worker *w, const struct setup *s, int i, const struct term *t,
                              const struct group *g, int z, int y)
{
    const struct layer *layer = w->layer;
    const struct view *v = w->source + t->source;
    int row = y * t->h.stride + s->rows[i].first * t->h.dilation - t->h.pad - v->row;
    int plane = z * t->d.stride + s->planes[i].first * t->d.dilation - t->d.pad - v->plane0;

    return v->src + g->conv_group * (t->ic / layer->lanes) * v->block + plane * v->plane +
           (ptrdiff_t)row * layer->source[t->source].e.w * layer->lanes;
}

/* What output row y of plane z sees of a term, as the next segment. */
static void add_segment(const struct worker *w, const struct group *g, int term, int z, int y,
                        struct setup *s)
{
    const struct layer *layer = w->layer;
    const struct term *t = layer->job[s->job].term + term;
    struct oct_extent e = layer->source[t->source].e;
    ptrdiff_t tap = direct_tap_floats(w->plan->isa, g->kind);
    struct span rows = frame_taps(&t->h, y, e.h), planes = frame_taps(&t->d, z, e.d);
    int i = s->run.segments;

    if (rows.first == rows.last || planes.first == planes.last)
        return;
    s->listed &= s->term[i] == term && same_span(s->rows[i], rows) && same_span(s->planes[i], planes);
    s->term[i] = term;
    s->rows[i] = rows;
    s->planes[i] = planes;
    s->row[i] = first_row(w, s, i, t, g, z, y);
    s->segment[i] = (struct direct_segment){
        .weights =
            w->plan->packed.weights + g->weights[term] + (planes.first * t->h.k + rows.first) * t->w.k * tap,
        .src_block = w->source[t->source].block,
        .weight_block = (ptrdiff_t)frame_kernel_taps(layer) * tap,
        .ic = t->ic,
        .ahead = fetch_ahead(w->plan, s->job, g, term),
    };
    s->run.segments++;
}

static void set_rows(const struct worker *w, const struct group *g, int z, int y, struct setup *s)
{
    int before = s->run.segments;

    s->run.segments = 0;
    for (int t = 0; t < w->layer->job[s->job].terms; t++)
        add_segment(w, g, t, z, y, s);
    s->listed &= s->run.segments == before;
}

/* Does output row y see the whole window in every source? */
static bool sees_all(const struct layer *layer, const struct job *job, int y)
{
    for (int t = 0; t < job->terms; t++) {
        const struct axis *h = &job->term[t].h;
        int from = y * h->stride - h->pad;

        if (from < 0 || from + h->dilation * (h->k - 1) >= layer->source[job->term[t].source].e.h)
            return false;
    }
    return true;
}

/* From one such row, of which s is set up, to another: only the pixels move. */
static void move_rows(const struct layer *layer, int rows, struct setup *s)
{
    for (int i = 0; i < s->run.segments; i++) {
        const struct term *t = layer->job[s->job].term + s->term[i];

        s->row[i] += (ptrdiff_t)rows * t->h.stride * layer->source[t->source].e.w * layer->lanes;
    }
}

/* ---- taps ---------------------------------------------------------------------------------------- */

/* Planes, rows and columns of the window as one list. */
static void list_taps(const struct worker *w, const struct group *g, const struct setup *s, int segment,
                      const struct stretch *stretch, struct direct_tap *taps)
{
    int term = s->term[segment], n = 0;
    const struct term *t = w->layer->job[s->job].term + term;
    const struct direct_tap *columns = w->plan->tiling.columns + stretch->column[term];
    int row_weights = t->w.k * direct_tap_floats(w->plan->isa, g->kind);
    int row_src = t->h.dilation * w->layer->source[t->source].e.w * w->layer->lanes;
    int plane_src = t->d.dilation * (int)w->source[t->source].plane;
    struct span rows = s->rows[segment], planes = s->planes[segment];

    for (int plane = 0; plane < planes.last - planes.first; plane++) {
        for (int row = 0; row < rows.last - rows.first; row++) {
            for (int i = 0; i < stretch->columns[term]; i++, n++) {
                taps[n] = columns[i];
                taps[n].src += plane * plane_src + row * row_src;
                taps[n].weights += (plane * t->h.k + row) * row_weights;
            }
        }
    }
}

static int count_taps(const struct setup *s, int segment, const struct stretch *stretch)
{
    struct span rows = s->rows[segment], planes = s->planes[segment];

    return (planes.last - planes.first) * (rows.last - rows.first) * stretch->columns[s->term[segment]];
}

/* ---- runs ---------------------------------------------------------------------------------------- */

/* Tiles from pixel x on: each within one row, and beginning at an even pixel of it. */
static bool in_pairs(const struct job *job, int x, int width)
{
    if (job->flat)
        return job->e.w % width == 0 && x % width == 0 && width % 2 == 0;
    return x % 2 == 0 && width % 2 == 0;
}

/* From pair of pixels `pair` on. */
static void set_pooling(struct setup *s, int pair, ptrdiff_t lanes)
{
    struct direct_segment *segment = s->segment;
    int row = pair / segment->pool_row, column = pair % segment->pool_row;

    segment->pool = s->pool + (row / 2 * segment->pool_row + column) * lanes;
    segment->pool_left = segment->pool_row - column;
    segment->pool_add = row % 2;
}

/* From one group to the one `blocks` blocks on, whose weights lie `weights` floats behind. */
static void move_group(struct setup *s, int blocks, ptrdiff_t weights, ptrdiff_t lanes)
{
    s->run.out += blocks * s->run.out_block;
    if (s->run.residual)
        s->run.residual += blocks * s->run.out_block;
    if (s->run.bias)
        s->run.bias += blocks * lanes;
    for (int i = 0; i < s->run.segments; i++)
        s->segment[i].weights += weights;
    for (int a = 0; a < s->run.addends; a++)
        s->addend[a].src += blocks * s->addend[a].block;
}

/* The run of g again for the groups behind it, and back to g. */
static void run_other_groups(struct setup *s, const struct group *g, const struct direct_kind *kind,
                             int index, ptrdiff_t lanes)
{
    ptrdiff_t weights = (ptrdiff_t)(g[1].weights[0] - g[0].weights[0]);
    int others = s->groups - 1;

    for (int i = 0; i < others; i++) {
        move_group(s, kind->blocks, weights, lanes);
        kind->tile[index](&s->run);
    }
    move_group(s, -others * kind->blocks, -others * weights, lanes);
}

/* Tiles of width[index]. */
struct stretch_run {
    int z, y, x; /* of the first; more tiles than fit its row begin the next ones */
    int index, tiles;
    const struct stretch *stretch; /* has their columns */
};

static void set_segments(const struct worker *w, const struct group *g, const struct stretch_run *r,
                         struct setup *s)
{
    const struct oct_plan *plan = w->plan;
    const struct job *job = w->layer->job + s->job;
    int width = plan->isa->kind[g->kind].width[r->index];
    ptrdiff_t lanes = w->layer->lanes;
    bool row_is_tile = !job->flat && width == job->e.w;
    ptrdiff_t before = r->stretch - plan->tiling.stretch - plan->tiling.cover[s->job][g->kind].first;
    struct direct_tap *taps = w->taps + before * plan->taps.of_stretch;

    for (int i = 0; i < s->run.segments; i++) {
        const struct term *t = job->term + s->term[i];
        int next = row_is_tile ? w->layer->source[t->source].e.w * t->h.stride : width * t->w.stride;

        s->segment[i].src = s->row[i] + r->x * t->w.stride * lanes;
        s->segment[i].src_tile = next * lanes;
        s->segment[i].tap = taps;
        s->segment[i].taps = count_taps(s, i, r->stretch);
        if (!s->listed)
            list_taps(w, g, s, i, r->stretch, taps);
        taps += s->segment[i].taps;
    }
}

static void run_tiles(const struct worker *w, const struct group *g, const struct stretch_run *r,
                      struct setup *s)
{
    const struct layer *layer = w->layer;
    const struct job *job = layer->job + s->job;
    const struct direct_kind *kind = w->plan->isa->kind + g->kind;
    const struct view *out = w->job + s->job;
    ptrdiff_t pixel = (ptrdiff_t)r->y * job->e.w + r->x, lanes = layer->lanes;
    ptrdiff_t at = g->block * out->block + (r->z - out->plane0) * out->plane +
                   (pixel - (ptrdiff_t)out->row * job->e.w) * lanes;

    set_segments(w, g, r, s);
    if (s->pool)
        set_pooling(s, (r->x - s->pool_from) / 2, lanes);
    for (int a = 0; a < s->run.addends; a++) {
        s->addend[a].index = w->plan->tiling.upsample[s->job][a] + pixel;
        s->addend[a].pairs = layer->job[job->addend[a]].octave == job->octave + 1 &&
                             in_pairs(job, r->x, kind->width[r->index]);
    }
    s->run.tiles = r->tiles;
    s->run.out = out->dst + at;
    if (s->run.epilogue & OCT_EPILOGUE_RESIDUAL)
        s->run.residual =
            (const float *)w->io->residual[job->to] + (s->run.out - (const float *)w->io->out[job->to]);
    kind->tile[r->index](&s->run);
    if (s->groups > 1)
        run_other_groups(s, g, kind, r->index, lanes);
}

/* Pixels of a flat row. */
static void run_pixels(const struct worker *w, const struct group *g, int z, struct span pixels,
                       struct setup *s)
{
    const struct tiling *tiling = &w->plan->tiling;
    const struct direct_isa *isa = w->plan->isa;
    const int *widths = isa->kind[g->kind].width;
    struct stretch_run r = {.z = z, .x = pixels.first};

    r.stretch = tiling->stretch + tiling->cover[s->job][g->kind].first;
    while (r.x < pixels.last) {
        int left = pixels.last - r.x, width;

        r.index = direct_flat_width(tiling, isa, g->kind, left, s->pool);
        width = widths[r.index];
        r.tiles = r.index == 0 ? oct_max(left / width - 1, 1) : 1;
        while (r.tiles * width < left &&
               direct_flat_width(tiling, isa, g->kind, left - r.tiles * width, s->pool) == r.index)
            r.tiles++;
        run_tiles(w, g, &r, s);
        s->listed = true;
        r.x += r.tiles * width;
    }
}

/* ---- groups -------------------------------------------------------------------------------------- */

static void set_addend(const struct worker *w, const struct group *g, int job, int z,
                       struct direct_addend *out)
{
    const struct view *v = w->job + job;

    *out = (struct direct_addend){
        .src = v->src + g->block * v->block + (z - v->plane0) * v->plane,
        .origin = (ptrdiff_t)v->row * w->layer->job[job].e.w * w->layer->lanes,
        .block = v->block,
    };
}

static void set_up(const struct worker *w, int index, const struct group *g, int z, struct setup *s)
{
    const struct layer *layer = w->layer;
    const struct job *job = layer->job + index;

    s->job = index;
    s->listed = false;
    s->groups = 1;
    s->pool = NULL;
    s->run = (struct direct_run){
        .segment = s->segment,
        .addend = s->addend,
        .addends = job->addends,
        .epilogue = job->upward ? 0 : layer->epilogue,
        .fetch_out = w->plan->tuning->fetches_out,
        .out_block = w->job[index].block,
    };
    if (s->run.epilogue & OCT_EPILOGUE_BIAS)
        s->run.bias = w->plan->packed.bias[index] + (ptrdiff_t)g->block * layer->lanes;
    for (int a = 0; a < job->addends; a++)
        set_addend(w, g, job->addend[a], z, s->addend + a);
}

/* Where a row is a single tile, rows from y on that see the whole window are the tiles of one run. */
static int rows_together(const struct worker *w, const struct job *job, const struct row_cover *cover, int y,
                         int last)
{
    int rows = 1;

    if (cover->count > 1 || w->plan->tiling.stretch[cover->first].tiles > 1)
        return 1;
    while (y + rows < last && sees_all(w->layer, job, y + rows))
        rows++;
    return rows;
}

static void run_rows(const struct worker *w, const struct group *g, int z, struct span span, struct setup *s)
{
    const struct job *job = w->layer->job + s->job;
    const struct row_cover *cover = &w->plan->tiling.cover[s->job][g->kind];
    bool inside = false; /* does the row that s is set up for see the whole window */

    for (int y = span.first, rows = 1; y < span.last; y += rows) {
        bool before = inside;

        inside = sees_all(w->layer, job, y);
        if (before && inside)
            move_rows(w->layer, rows, s);
        else
            set_rows(w, g, z, y, s);
        rows = inside ? rows_together(w, job, cover, y, span.last) : 1;
        for (int i = 0; i < cover->count; i++) {
            const struct stretch *stretch = w->plan->tiling.stretch + cover->first + i;
            const struct stretch_run r = {z, y, stretch->x, stretch->width, stretch->tiles * rows, stretch};

            run_tiles(w, g, &r, s);
        }
        s->listed = true;
    }
}

/* A group, and `groups` - 1 behind it that are set up as one with it. */
static void run_group(const struct worker *w, int job, int group, int groups, int z, struct span rows)
{
    const struct group *g = w->plan->tiling.group[job] + group;
    struct setup s;

    if (rows.first == rows.last)
        return;
    set_up(w, job, g, z, &s);
    if (!w->layer->job[job].flat) {
        run_rows(w, g, z, rows, &s);
        return;
    }
    s.groups = groups;
    set_rows(w, g, z, 0, &s);
    run_pixels(w, g, z, rows, &s);
}

void direct_run_group(const struct worker *w, int job, int group, int z, struct span rows)
{
    run_group(w, job, group, 1, z, rows);
}

/* Groups from `g` on that can be set up as one: of one kind, over the same inputs, where a single run covers
 * all pixels, so that each one's weights are read once. The first group of an input's first reader, which
 * fetches ahead, stands alone. */
static int groups_together(const struct oct_plan *plan, int job, int g, int pixels)
{
    const struct group *group = plan->tiling.group[job] + g;
    int n = 1;

    if (!plan->layer.job[job].flat || pixels % plan->isa->kind[group->kind].width[0] ||
        (g == 0 && !plan->tuning->fetches_out))
        return 1;
    while (g + n < plan->tiling.groups[job] && group[n].kind == group->kind &&
           group[n].conv_group == group->conv_group)
        n++;
    return n;
}

void direct_run_groups(const struct worker *w, int job, int group, int z, struct span rows)
{
    for (int n; group < w->plan->tiling.groups[job]; group += n) {
        n = groups_together(w->plan, job, group, rows.last - rows.first);
        run_group(w, job, group, n, z, rows);
    }
}

/* ---- pooling ------------------------------------------------------------------------------------- */

void direct_run_riding(const struct worker *w, int group, int z, struct span rows)
{
    const struct layer *layer = w->layer;
    int index = layer->first_output, rider = w->plan->schedule.rider, row = layer->job[index].e.w;
    const struct group *g = w->plan->tiling.group[index] + group;
    const struct source *pooled = layer->source + rider;
    const struct view *v = w->source + rider;
    struct setup s;

    set_up(w, index, g, z, &s);
    set_rows(w, g, z, 0, &s);
    s.pool = v->dst + (ptrdiff_t)(rows.first / 2 - v->row) * pooled->e.w * layer->lanes;
    s.pool_from = rows.first * row;
    s.segment[0].pool_block = v->block;
    s.segment[0].pool_row = pooled->e.w;
    run_pixels(w, g, z, (struct span){s.pool_from, rows.last * row}, &s);
}

void direct_pool_block(const struct worker *w, int source, int block, int z, struct span rows)
{
    const struct source *s = w->layer->source + source, *parent = w->layer->source + s->parent;
    const struct view *to = w->source + source, *from = w->source + s->parent;
    ptrdiff_t lanes = w->layer->lanes;
    float *dst = to->dst + block * to->block + (z - to->plane0) * to->plane;
    const float *src = from->src + block * from->block + (z - from->plane0) * from->plane;

    w->plan->isa->pool(dst + (rows.first - to->row) * s->e.w * lanes,
                       src - (ptrdiff_t)from->row * parent->e.w * lanes, parent->e.h, parent->e.w, s->log2,
                       rows.first, rows.last);
}
