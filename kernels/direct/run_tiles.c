/* SPDX-License-Identifier: MIT */
/* Direct convolution, execution: one thread's runs of register tiles. */
#include "direct/run_tiles.h"

/* ---- views --------------------------------------------------------------------------------------- */

static ptrdiff_t plane_floats(const struct oct_plan *plan, struct oct_extent e)
{
    return (ptrdiff_t)e.h * e.w * plan->isa->lanes;
}

void direct_view_image(struct worker *w, int image)
{
    const struct oct_plan *plan = w->plan;

    for (int i = 0; i < plan->p.bands; i++) {
        const struct source *s = plan->source + i;
        ptrdiff_t plane = plane_floats(plan, s->e), block = plane * s->e.d;

        w->source[i] = (struct view){.block = block, .plane = plane};
        if (s->blocks)
            w->source[i].src = (const float *)w->io->in[i] + image * s->blocks * block;
    }
    for (int j = 0; j < plan->jobs; j++) {
        const struct job *job = plan->job + j;
        ptrdiff_t plane = plane_floats(plan, job->e), block = plane * job->e.d;

        if (!job->upward)
            w->job[j] = (struct view){.dst = (float *)w->io->out[job->to] + image * job->blocks * block,
                                      .block = block,
                                      .plane = plane};
    }
}

static struct view scratch_view(float *at, struct oct_extent e, int lanes, int rows, int row, int plane0,
                                int planes)
{
    ptrdiff_t plane = (ptrdiff_t)rows * e.w * lanes;

    return (struct view){
        .src = at, .dst = at, .block = plane * planes, .plane = plane, .row = row, .plane0 = plane0};
}

void direct_view_planes(struct worker *w)
{
    const struct oct_plan *plan = w->plan;

    for (int i = plan->p.bands; i < plan->sources; i++) {
        const struct source *s = plan->source + i;
        w->source[i] = scratch_view(w->area + s->scratch, s->e, plan->isa->lanes, s->rows, 0, 0, s->e.d);
    }
    for (int j = 0; j < plan->jobs && plan->job[j].upward; j++) {
        const struct job *job = plan->job + j;
        w->job[j] = scratch_view(w->area + job->scratch, job->e, plan->isa->lanes, job->rows, 0, 0, job->e.d);
    }
}

void direct_view_strip(struct worker *w, int plane, int u0, int u1)
{
    const struct oct_plan *plan = w->plan;
    struct span need[MAX_SOURCES];

    direct_needs(plan, u0, u1, need);
    for (int i = plan->p.bands; i < plan->sources; i++) {
        const struct source *s = plan->source + i;
        w->source[i] =
            scratch_view(w->area + s->scratch, s->e, plan->isa->lanes, s->rows, need[i].first, plane, 1);
    }
    for (int j = 0; j < plan->jobs && plan->job[j].upward; j++) {
        const struct job *job = plan->job + j;
        w->job[j] = scratch_view(w->area + job->scratch, job->e, plan->isa->lanes, job->rows,
                                 direct_job_rows(plan, job, u0, u1).first, plane, 1);
    }
}

/* ---- one group of output channels ---------------------------------------------------------------- */

/* A run being set up: segment i stands for term term[i], `row` is where its source row begins. */
struct setup {
    int job;
    struct direct_run run;
    struct direct_segment segment[DIRECT_SEGMENTS];
    struct direct_addend addend[DIRECT_ADDENDS];
    int term[DIRECT_SEGMENTS];
    const float *row[DIRECT_SEGMENTS];
    struct span rows[DIRECT_SEGMENTS], planes[DIRECT_SEGMENTS]; /* of the kernel */
    bool listed;   /* the worker's lists of taps are those of these rows and planes */
    int groups;    /* of output blocks, from the one that s is set up for on */
    float *pool;   /* or NULL: where segment 0 leaves sums of pairs of pixels, */
    int pool_from; /* beginning with this one, the first of an even row */
};

/* How far ahead of a segment's pixels memory is fetched: one unit of rows behind those that the kernel reads,
 * by the first group of the first job that reads an input. */
static ptrdiff_t fetch_ahead(const struct oct_plan *plan, const struct job *job, const struct group *g,
                             int term)
{
    const struct term *t = job->term + term;
    const struct source *s = plan->source + t->source;
    ptrdiff_t unit = (ptrdiff_t)t->stride_h << (plan->coarsest - job->octave);

    if (plan->fetches_out || s->parent >= 0 || s->first_job != job - plan->job || g != job->group)
        return 0;
    return ((plan->p.kh - 1) * plan->p.dilation_h + unit) * s->e.w * plan->isa->lanes;
}

static bool same_span(struct span a, struct span b)
{
    return a.first == b.first && a.last == b.last;
}

/* The part of the reduction that output row y of plane z sees. */
static void set_rows(const struct worker *w, const struct job *job, const struct group *g, int z, int y,
                     struct setup *s)
{
    const struct oct_plan *plan = w->plan;
    const struct oct_problem *p = &plan->p;
    ptrdiff_t tap = direct_tap_floats(plan, g->kind);
    int before = s->run.segments;

    s->run.segments = 0;
    for (int t = 0; t < job->terms; t++) {
        const struct term *term = job->term + t;
        const struct source *source = plan->source + term->source;
        const struct view *v = w->source + term->source;
        struct span rows = direct_taps(y, term->stride_h, term->pad_top, p->dilation_h, p->kh, source->e.h);
        struct span planes =
            direct_taps(z, term->stride_d, term->pad_front, p->dilation_d, p->kd, source->e.d);
        int from_row = y * term->stride_h + rows.first * p->dilation_h - term->pad_top - v->row;
        int from_plane = z * term->stride_d + planes.first * p->dilation_d - term->pad_front - v->plane0;
        int i = s->run.segments;

        if (rows.first == rows.last || planes.first == planes.last)
            continue;
        s->listed &=
            i < before && s->term[i] == t && same_span(s->rows[i], rows) && same_span(s->planes[i], planes);
        s->term[i] = t;
        s->rows[i] = rows;
        s->planes[i] = planes;
        s->row[i] = v->src + g->part * (term->ic / plan->isa->lanes) * v->block + from_plane * v->plane +
                    (ptrdiff_t)from_row * source->e.w * plan->isa->lanes;
        s->segment[i] = (struct direct_segment){
            .weights = plan->weights + g->weights[t] + (planes.first * p->kh + rows.first) * p->kw * tap,
            .src_block = v->block,
            .weight_block = (ptrdiff_t)p->kd * p->kh * p->kw * tap,
            .ic = term->ic,
            .ahead = fetch_ahead(plan, job, g, t),
        };
        s->run.segments++;
    }
    s->listed &= s->run.segments == before;
}

/* Does output row y see the whole kernel in every source? */
static bool sees_all(const struct oct_plan *plan, const struct job *job, int y)
{
    int reach = plan->p.dilation_h * (plan->p.kh - 1);

    for (int t = 0; t < job->terms; t++) {
        const struct term *term = job->term + t;
        int from = y * term->stride_h - term->pad_top;

        if (from < 0 || from + reach >= plan->source[term->source].e.h)
            return false;
    }
    return true;
}

/* From one such row, of which s is set up, to another: only the pixels move. */
static void move_rows(const struct oct_plan *plan, const struct job *job, int rows, struct setup *s)
{
    for (int i = 0; i < s->run.segments; i++) {
        const struct term *term = job->term + s->term[i];

        s->row[i] += (ptrdiff_t)rows * term->stride_h * plan->source[term->source].e.w * plan->isa->lanes;
    }
}

/* Planes, rows and columns of the kernel as one list. */
static void list_taps(const struct worker *w, const struct group *g, const struct setup *s, int segment,
                      const struct cut *cut, struct direct_tap *taps)
{
    const struct oct_plan *plan = w->plan;
    const struct oct_problem *p = &plan->p;
    int t = s->term[segment], source = plan->job[s->job].term[t].source, n = 0;
    int row_weights = p->kw * direct_tap_floats(plan, g->kind);
    int row_src = p->dilation_h * plan->source[source].e.w * plan->isa->lanes;
    int plane_src = p->dilation_d * (int)w->source[source].plane;
    struct span rows = s->rows[segment], planes = s->planes[segment];

    for (int plane = 0; plane < planes.last - planes.first; plane++) {
        for (int row = 0; row < rows.last - rows.first; row++) {
            for (int i = 0; i < cut->columns[t]; i++, n++) {
                taps[n] = plan->columns[cut->column[t] + i];
                taps[n].src += plane * plane_src + row * row_src;
                taps[n].weights += (plane * p->kh + row) * row_weights;
            }
        }
    }
}

static int count_taps(const struct setup *s, int segment, const struct cut *cut)
{
    struct span rows = s->rows[segment], planes = s->planes[segment];

    return (planes.last - planes.first) * (rows.last - rows.first) * cut->columns[s->term[segment]];
}

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

/* `tiles` tiles of width[index] from pixel x of row y on; more than fit that row begin the next ones. */
static void run_tiles(const struct worker *w, const struct group *g, int z, int y, int x, int index,
                      int tiles, const struct cut *cut, struct setup *s)
{
    const struct oct_plan *plan = w->plan;
    const struct job *job = plan->job + s->job;
    const struct direct_kind *kind = plan->isa->kind + g->kind;
    const struct view *out = w->job + s->job;
    ptrdiff_t pixel = (ptrdiff_t)y * job->e.w + x, lanes = plan->isa->lanes;
    ptrdiff_t at = g->block * out->block + (z - out->plane0) * out->plane +
                   (pixel - (ptrdiff_t)out->row * job->e.w) * lanes;
    bool row_is_tile = !job->flat && kind->width[index] == job->e.w;
    struct direct_tap *taps = w->taps + (cut - plan->cuts - job->cutting[g->kind].first) * plan->cut_taps;

    for (int i = 0; i < s->run.segments; i++) {
        const struct term *term = job->term + s->term[i];
        int next = row_is_tile ? plan->source[term->source].e.w * term->stride_h
                               : kind->width[index] * term->stride_w; /* tile, in pixels */

        s->segment[i].src = s->row[i] + x * term->stride_w * lanes;
        s->segment[i].src_tile = next * lanes;
        s->segment[i].tap = taps;
        s->segment[i].taps = count_taps(s, i, cut);
        if (!s->listed)
            list_taps(w, g, s, i, cut, taps);
        taps += s->segment[i].taps;
    }
    if (s->pool)
        set_pooling(s, (x - s->pool_from) / 2, lanes);
    for (int a = 0; a < s->run.addends; a++) {
        s->addend[a].index = job->index[a] + pixel;
        s->addend[a].pairs =
            plan->job[job->addend[a]].octave == job->octave + 1 && in_pairs(job, x, kind->width[index]);
    }
    s->run.tiles = tiles;
    s->run.out = out->dst + at;
    if (s->run.epilogue & OCT_EPILOGUE_RESIDUAL)
        s->run.residual =
            (const float *)w->io->residual[job->to] + (s->run.out - (const float *)w->io->out[job->to]);
    kind->tile[index](&s->run);
    if (s->groups > 1)
        run_other_groups(s, g, kind, index, lanes);
}

/* Pixels [first, last) of a flat row. */
static void run_pixels(const struct worker *w, const struct group *g, int z, int first, int last,
                       struct setup *s)
{
    const struct oct_plan *plan = w->plan;
    const struct job *job = plan->job + s->job;
    const struct direct_kind *kind = plan->isa->kind + g->kind;
    const struct cut *cut = plan->cuts + job->cutting[g->kind].first;
    int x = first;

    while (x < last) {
        int index = direct_flat_width(plan, g->kind, last - x, s->pool), width = kind->width[index];
        int tiles = index == 0 ? oct_max((last - x) / width - 1, 1) : 1;

        while (x + tiles * width < last &&
               direct_flat_width(plan, g->kind, last - x - tiles * width, s->pool) == index)
            tiles++;
        run_tiles(w, g, z, 0, x, index, tiles, cut, s);
        s->listed = true;
        x += tiles * width;
    }
}

static void set_up(const struct worker *w, int index, const struct group *g, int z, struct setup *s)
{
    const struct oct_plan *plan = w->plan;
    const struct job *job = plan->job + index;

    s->job = index;
    s->listed = false;
    s->groups = 1;
    s->pool = NULL;
    s->run = (struct direct_run){
        .segment = s->segment,
        .addend = s->addend,
        .addends = job->addends,
        .epilogue = job->upward ? 0 : plan->p.epilogue,
        .fetch_out = plan->fetches_out,
        .out_block = w->job[index].block,
        .bias = plan->bias + job->bias + (ptrdiff_t)g->block * plan->isa->lanes,
    };
    if (!(s->run.epilogue & OCT_EPILOGUE_BIAS))
        s->run.bias = NULL;
    for (int a = 0; a < job->addends; a++) {
        const struct job *low = plan->job + job->addend[a];
        const struct view *v = w->job + job->addend[a];

        s->addend[a] = (struct direct_addend){
            .src = v->src + g->block * v->block + (z - v->plane0) * v->plane,
            .origin = (ptrdiff_t)v->row * low->e.w * plan->isa->lanes,
            .block = v->block,
        };
    }
}

/* Where a row is a single tile, rows from y on that see the whole kernel are the tiles of one run. */
static int rows_together(const struct oct_plan *plan, const struct job *job, const struct cutting *cutting,
                         int y, int last)
{
    int rows = 1;

    if (cutting->count > 1 || plan->cuts[cutting->first].tiles > 1)
        return 1;
    while (y + rows < last && sees_all(plan, job, y + rows))
        rows++;
    return rows;
}

void direct_run_group(const struct worker *w, int index, int part, int groups, int z, int first, int last)
{
    const struct oct_plan *plan = w->plan;
    const struct job *job = plan->job + index;
    const struct group *g = job->group + part;
    const struct cutting *cutting = job->cutting + g->kind;
    bool inside = false; /* does the row that s is set up for see the whole kernel */
    struct setup s;

    if (first == last)
        return;
    set_up(w, index, g, z, &s);
    if (job->flat) {
        s.groups = groups;
        set_rows(w, job, g, z, 0, &s);
        run_pixels(w, g, z, first, last, &s);
        return;
    }
    for (int y = first, rows = 1; y < last; y += rows) {
        bool before = inside;

        inside = sees_all(plan, job, y);
        if (before && inside)
            move_rows(plan, job, rows, &s);
        else
            set_rows(w, job, g, z, y, &s);
        rows = inside ? rows_together(plan, job, cutting, y, last) : 1;
        for (int c = cutting->first; c < cutting->first + cutting->count; c++)
            run_tiles(w, g, z, y, plan->cuts[c].x, plan->cuts[c].width, plan->cuts[c].tiles * rows,
                      plan->cuts + c, &s);
        s.listed = true;
    }
}

/* Groups from `g` on that can be set up as one: of one kind, over the same inputs, where a single run covers
 * all pixels, so that each one's weights are read once. The first group of an input's first reader, which
 * fetches ahead, stands alone. */
static int groups_together(const struct oct_plan *plan, const struct job *job, int g, int pixels)
{
    const struct group *group = job->group + g;
    int n = 1;

    if (!job->flat || pixels % plan->isa->kind[group->kind].width[0] || (g == 0 && !plan->fetches_out))
        return 1;
    while (g + n < job->groups && group[n].kind == group->kind && group[n].part == group->part)
        n++;
    return n;
}

void direct_run_groups(const struct worker *w, int index, int g, int z, int first, int last)
{
    const struct job *job = w->plan->job + index;

    for (int n; g < job->groups; g += n) {
        n = groups_together(w->plan, job, g, last - first);
        direct_run_group(w, index, g, n, z, first, last);
    }
}

/* ---- pooling ------------------------------------------------------------------------------------- */

void direct_run_riding(const struct worker *w, int part, int z, struct span rows)
{
    const struct oct_plan *plan = w->plan;
    const struct job *job = plan->job + plan->first_output;
    const struct group *g = job->group + part;
    const struct source *pooled = plan->source + plan->riding;
    const struct view *v = w->source + plan->riding;
    int lanes = plan->isa->lanes;
    struct setup s;

    set_up(w, plan->first_output, g, z, &s);
    set_rows(w, job, g, z, 0, &s);
    s.pool = v->dst + (ptrdiff_t)(rows.first / 2 - v->row) * pooled->e.w * lanes;
    s.pool_from = rows.first * job->e.w;
    s.segment[0].pool_block = v->block;
    s.segment[0].pool_row = pooled->e.w;
    run_pixels(w, g, z, s.pool_from, rows.last * job->e.w, &s);
}

void direct_pool_block(const struct worker *w, int index, int block, int z, int first, int last)
{
    const struct source *s = w->plan->source + index, *parent = w->plan->source + s->parent;
    const struct view *to = w->source + index, *from = w->source + s->parent;
    ptrdiff_t lanes = w->plan->isa->lanes;

    w->plan->isa->pool(to->dst + block * to->block + (z - to->plane0) * to->plane +
                           (first - to->row) * s->e.w * lanes,
                       from->src + block * from->block + (z - from->plane0) * from->plane -
                           (ptrdiff_t)from->row * parent->e.w * lanes,
                       parent->e.h, parent->e.w, s->log2, first, last);
}
