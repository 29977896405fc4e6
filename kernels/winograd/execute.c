/* SPDX-License-Identifier: MIT */
/* Winograd convolution, execution: strips, planes, blocks; of each block the
 * inputs' transforms, products, the sums' transforms. */
#include "winograd/plan.h"

#define FETCH_AHEAD 8192 /* floats */

struct worker {
    const struct oct_plan *plan;
    const struct oct_io *io;
    struct oct_profile *profile;
    float *area, *shared; /* this thread's scratch; where low results lie */
    int image, z, strip;
};

/* A block of a plane's tiles, and where its transformed inputs are. */
struct site {
    const struct plane *plane;
    int index;
    struct block block;
    struct slots slots;
    int tiles;
};

static uint64_t clock_of(const struct worker *w)
{
    return w->profile ? oct_clock_ns() : 0;
}

static void note(const struct worker *w, const char *name, uint64_t since)
{
    if (w->profile)
        oct_profile_add(w->profile, name, oct_clock_ns() - since);
}

/* ---- inputs
 * --------------------------------------------------------------------------------------
 */

/* Of a plane that transforms read: its pixel (first, 0). */
struct view {
    const float *at;
    int first;
};

/* Rows [first, last) of a channel block, averaged. */
static struct view pool_rows(const struct worker *w, const struct source *s, const float *src, int first,
                             int last)
{
    const struct oct_plan *plan = w->plan;
    struct oct_extent e = s->e;
    struct view view = {src, 0};
    const int stages[2] = {s->pre, s->pool};

    for (int i = 0; i < 2; i++) {
        int from = first, to = last;
        float *dst = w->area + plan->pool_at[i == 1 || s->pool == 0];

        if (stages[i] == 0)
            continue;
        if (i == 0 && s->pool > 0) {
            from = first << s->pool;
            to = oct_min(last << s->pool, oct_ceil_div(e.h, 1 << s->pre));
        }
        plan->isa->pool(dst, view.at, e, stages[i], view.first, from, to);
        view = (struct view){dst, from};
        e.h = oct_ceil_div(e.h, 1 << stages[i]);
        e.w = oct_ceil_div(e.w, 1 << stages[i]);
    }
    return view;
}

/* The tiles of one size of a block: where they begin and how many there are. */
struct region {
    int y, x, rows, cols, slot;
};

static struct region region_of(const struct site *site, int high, int wide)
{
    const struct block *b = &site->block;
    int large_rows = winograd_large(&site->plane->rows, b->y0, b->y1);
    int large_cols = winograd_large(&site->plane->cols, b->x0, b->x1);
    struct region r = {.rows = high ? large_rows : b->y1 - b->y0 - large_rows,
                       .cols = wide ? large_cols : b->x1 - b->x0 - large_cols,
                       .slot = site->slots.first[high][wide]};

    r.y = winograd_tile_start(&site->plane->rows, high ? b->y0 : b->y0 + large_rows);
    r.x = winograd_tile_start(&site->plane->cols, wide ? b->x0 : b->x0 + large_cols);
    return r;
}

/* Rows of the plane that a block's windows read. */
static void window_rows(const struct site *site, int *first, int *last)
{
    const struct sides *rows = &site->plane->rows;
    int from = winograd_tile_start(rows, site->block.y0) - site->plane->pad_h;
    int to = winograd_tile_start(rows, site->block.y1) - site->plane->pad_h + 2;

    *last = oct_max(oct_min(to, site->plane->in.h), 0);
    *first = oct_min(oct_max(from, 0), *last);
}

/* One channel block of a source, at one time. */
static void scatter_block(const struct worker *w, const struct site *site, const struct source *s, int block,
                          int kz)
{
    const struct oct_plan *plan = w->plan;
    const struct plane *plane = site->plane;
    int lanes = plan->isa->lanes, z = w->z + kz - plane->pad_d, first, last;
    const float *src = w->io->in[s->band];
    float *v = w->area + plan->v_at;
    struct view view;

    if (z < 0 || z >= s->e.d)
        return;
    window_rows(site, &first, &last);
    src += (((size_t)w->image * s->blocks + block) * s->e.d + z) * s->e.h * s->e.w * lanes;
    view = pool_rows(w, s, src, first, last);
    v += ((size_t)kz * plane->blocks + s->first + block) * site->tiles * lanes;
    for (int kind = 0; kind < 4; kind++) {
        struct region r = region_of(site, kind >> 1, kind & 1);
        struct winograd_scatter scatter = {.src = view.at,
                                           .first = view.first,
                                           .h = plane->in.h,
                                           .w = plane->in.w,
                                           .y = r.y - plane->pad_h,
                                           .x = r.x - plane->pad_w,
                                           .rows = r.rows,
                                           .cols = r.cols,
                                           .v = v + (size_t)r.slot * lanes,
                                           .slab = plane->slab,
                                           .points = winograd_points(plane->cols.large > 0)};

        if (r.rows > 0 && r.cols > 0)
            plan->isa->scatter[kind >> 1][kind & 1](&scatter);
    }
}

/* All channel blocks of a plane. */
static void scatter_all(const struct worker *w, const struct site *site)
{
    const struct plane *plane = site->plane;
    uint64_t since = clock_of(w);

    for (int kz = 0; kz < w->plan->layer.kd; kz++)
        for (int s = 0; s < plane->sources; s++)
            for (int b = 0; b < plane->source[s].blocks; b++)
                scatter_block(w, site, plane->source + s, b, kz);
    note(w, "scatter", since);
}

/* ---- products
 * ------------------------------------------------------------------------------------
 */

/* Slices [first, last) of a 3-D window that lie inside of the input's time. */
static void time_taps(const struct worker *w, const struct plane *plane, int *first, int *last)
{
    int start = w->z - plane->pad_d;

    *first = oct_max(-start, 0);
    *last = oct_max(oct_min(w->plan->layer.kd, plane->in.d - start), *first);
}

static struct winograd_product find_product(const struct worker *w, const struct site *site,
                                            const struct job *job)
{
    const struct plane *plane = site->plane;
    ptrdiff_t block = (ptrdiff_t)site->tiles * w->plan->isa->lanes;
    struct winograd_product product = {
        .v_block = block, .v_time = block * plane->blocks, .segments = job->terms, .m_block = block};
    int first, last;

    time_taps(w, plane, &first, &last);
    product.times = last - first;
    for (int t = 0; t < job->terms; t++)
        product.segment[t] = (struct winograd_segment){
            (first * plane->blocks + plane->source[job->term[t].source].first) * block, job->term[t].ic};
    return product;
}

/* Tiles [first, last) of one pair of points and one group, as few products as
 * can be. */
static void run_products(const struct worker *w, const struct job *job, struct winograd_product product,
                         int blocks, int first, int last)
{
    const struct winograd_isa *isa = w->plan->isa;
    int count = oct_ceil_div(last - first, isa->widest[blocks - 1]), lanes = isa->lanes;
    size_t weights = (size_t)w->plan->layer.kd * job->channels * blocks * lanes;
    const float *v = product.v;
    float *m = product.m;

    product.fetch_step = (ptrdiff_t)blocks * lanes / count;
    for (int i = 0; i < count; i++) {
        int from, to;

        oct_share(last - first, count, i, &from, &to);
        product.v = v + (size_t)(first + from) * lanes;
        product.m = m + (size_t)(first + from) * lanes;
        product.fetch = product.u + FETCH_AHEAD + weights * i / count;
        isa->product[blocks - 1][to - from - 1](&product);
    }
}

static void run_super(const struct worker *w, const struct site *site, const struct job *job, int super,
                      size_t m_slab)
{
    const struct oct_plan *plan = w->plan;
    const struct plane *plane = site->plane;
    int lanes = plan->isa->lanes, points_w = winograd_points(plane->cols.large > 0), base, g0, g1;
    struct winograd_product product = find_product(w, site, job);
    int early, last_time;

    time_taps(w, plane, &early, &last_time);
    oct_share(job->groups, job->supers, super, &g0, &g1);
    oct_share(job->blocks, job->groups, g0, &base, &(int){0});
    for (int pair = 0; pair < winograd_pairs(plane); pair++) {
        int first, last;

        winograd_slot_range(&site->slots, pair / points_w >= 4, pair % points_w >= 4, &first, &last);
        for (int g = g0; g < g1 && first < last; g++) {
            int block, next;

            oct_share(job->blocks, job->groups, g, &block, &next);
            product.v = w->area + plan->v_at + pair * plane->slab;
            product.u = plan->weights + job->weights + winograd_weights_at(plan, job, super, pair, g) +
                        (size_t)early * job->channels * (next - block) * lanes;
            product.m = w->area + plan->m_at + pair * m_slab + (size_t)(block - base) * site->tiles * lanes;
            run_products(w, job, product, next - block, first, last);
        }
    }
}

/* ---- sums
 * ----------------------------------------------------------------------------------------
 */

/* What lies at lower resolution for a block of outputs. */
static void find_addends(const struct worker *w, const struct job *job, int block, struct winograd_gather *g)
{
    const struct layer *layer = &w->plan->layer;

    for (int a = 0; a < job->addends; a++) {
        const struct job *low = layer->job + job->addend[a];
        int first, last;

        winograd_strip_rows(w->plan, low->plane, w->strip, &first, &last);
        g->addend[a] = (struct winograd_addend){
            .src = w->shared + w->plan->low_at + low->scratch +
                   (size_t)block * low->scratch_rows * low->e.w * w->plan->isa->lanes,
            .first = winograd_tile_start(&layer->plane[low->plane].rows, first),
            .w = low->e.w,
            .up = low->up,
        };
    }
    g->addends = job->addends;
}

/* Where a block of a job's outputs goes, and what is added to it. */
static void find_output(const struct worker *w, const struct site *site, const struct job *job, int block,
                        struct winograd_gather *g)
{
    const struct oct_plan *plan = w->plan;
    const struct layer *layer = &plan->layer;
    int lanes = plan->isa->lanes, first, last;
    size_t at = (((size_t)w->image * job->blocks + block) * job->e.d + w->z) * job->e.h * job->e.w * lanes;

    g->h = job->e.h;
    g->w = job->e.w;
    if (job->up > 0) {
        winograd_strip_rows(plan, site->index, w->strip, &first, &last);
        g->first = winograd_tile_start(&site->plane->rows, first);
        g->out =
            w->shared + plan->low_at + job->scratch + (size_t)block * job->scratch_rows * job->e.w * lanes;
        return;
    }
    g->out = (float *)w->io->out[job->to] + at;
    g->epilogue = layer->epilogue;
    if (layer->epilogue & OCT_EPILOGUE_RESIDUAL)
        g->residual = (const float *)w->io->residual[job->to] + at;
    if (layer->epilogue & OCT_EPILOGUE_BIAS)
        g->bias = plan->bias + job->bias + (size_t)block * lanes;
    find_addends(w, job, block, g);
}

static void gather_block(const struct worker *w, const struct site *site, const struct job *job, int block,
                         const float *m, size_t m_slab)
{
    struct winograd_gather gather = {.slab = m_slab, .points = winograd_points(site->plane->cols.large > 0)};

    find_output(w, site, job, block, &gather);
    for (int kind = 0; kind < 4; kind++) {
        struct region r = region_of(site, kind >> 1, kind & 1);

        gather.m = m + (size_t)r.slot * w->plan->isa->lanes;
        gather.y = r.y;
        gather.x = r.x;
        gather.rows = r.rows;
        gather.cols = r.cols;
        if (r.rows > 0 && r.cols > 0)
            w->plan->isa->gather[kind >> 1][kind & 1](&gather);
    }
}

static void run_share(const struct worker *w, const struct site *site, const struct share *share)
{
    const struct oct_plan *plan = w->plan;
    const struct job *job = plan->layer.job + share->job;
    int lanes = plan->isa->lanes, g0, g1, first, last, none;
    uint64_t since = clock_of(w);
    size_t m_slab;

    oct_share(job->groups, job->supers, share->super, &g0, &g1);
    oct_share(job->blocks, job->groups, g0, &first, &none);
    oct_share(job->blocks, job->groups, g1 - 1, &none, &last);
    m_slab = winograd_spread((size_t)(last - first) * site->tiles * lanes);
    run_super(w, site, job, share->super, m_slab);
    note(w, job->name, since);
    since = clock_of(w);
    for (int b = first; b < last; b++)
        gather_block(w, site, job, b, w->area + plan->m_at + (size_t)(b - first) * site->tiles * lanes,
                     m_slab);
    note(w, "gather", since);
}

/* ---- threads
 * -------------------------------------------------------------------------------------
 */

static float *area_of(const struct worker *w, int thread)
{
    return (float *)w->io->scratch + thread * w->plan->scratch_floats;
}

/* What thread t owns of a block. In a team each transforms all inputs for
 * itself: from another core's cache they would come later. */
static void run_block(const struct worker *w, const struct site *site, int t)
{
    const struct oct_plan *plan = w->plan;
    bool scattered = false;

    for (int i = plan->first_share[site->index]; i < plan->first_share[site->index + 1]; i++) {
        if (plan->share[i].thread != t)
            continue;
        if (!scattered)
            scatter_all(w, site);
        scattered = true;
        run_share(w, site, plan->share + i);
    }
}

static void run_blocks(const struct worker *w, int index, int t)
{
    const struct plane *plane = w->plan->layer.plane + index;
    int first, last, cols = winograd_tiles(&plane->cols), row_blocks, col_blocks;

    winograd_strip_rows(w->plan, index, w->strip, &first, &last);
    row_blocks = oct_ceil_div(last - first, plane->block_rows);
    col_blocks = oct_ceil_div(cols, plane->block_cols);
    for (int y = 0; y < row_blocks; y++) {
        for (int x = 0; x < col_blocks; x++) {
            struct site site = {.plane = plane, .index = index};

            oct_share(last - first, row_blocks, y, &site.block.y0, &site.block.y1);
            site.block.y0 += first;
            site.block.y1 += first;
            oct_share(cols, col_blocks, x, &site.block.x0, &site.block.x1);
            site.slots = winograd_slots(plane, &site.block);
            site.tiles = (site.block.y1 - site.block.y0) * (site.block.x1 - site.block.x0);
            run_block(w, &site, t);
        }
    }
}

/* A team's low results are complete before finer planes read them, and read
 * before the next strip's are written. */
static void run_plane(struct worker *w, int index, int thread, int team)
{
    const struct oct_plan *plan = w->plan;

    if (!plan->team) {
        run_blocks(w, index, 0);
        return;
    }
    for (int t = thread; t < plan->threads; t += team) {
        w->area = area_of(w, t);
        run_blocks(w, index, t);
    }
    if (plan->layer.job[0].up > 0) {
#pragma omp barrier
    }
}

/* Strips of all images and times: item i. */
static void run_strip(struct worker *w, int64_t i, int thread, int team)
{
    const struct oct_plan *plan = w->plan;
    int d = plan->layer.plane[0].out.d;

    w->strip = (int)(i % plan->strips);
    w->z = (int)(i / plan->strips % d);
    w->image = (int)(i / plan->strips / d);
    for (int p = 0; p < plan->layer.planes; p++)
        run_plane(w, p, thread, team);
}

void winograd_run(struct oct_plan *plan, const struct oct_io *io, int thread, int team)
{
    int64_t strips = (int64_t)plan->layer.n * plan->layer.plane[0].out.d * plan->strips;
    struct worker w = {.plan = plan, .io = io, .profile = thread == 0 ? io->profile : NULL};

    if (plan->team) {
        w.shared = io->scratch;
        for (int64_t i = 0; i < strips; i++)
            run_strip(&w, i, thread, team);
        return;
    }
    for (int t = thread; t < plan->threads; t += team) {
        w.area = w.shared = area_of(&w, t);
        /* Rounded up: the first thread, which looks at the clock, has something to do. */
        for (int64_t i = (strips * t + plan->threads - 1) / plan->threads;
             i < (strips * (t + 1) + plan->threads - 1) / plan->threads; i++)
            run_strip(&w, i, thread, team);
    }
}
