/* SPDX-License-Identifier: MIT */
/* Which tiles, which blocks, which thread: by the cycles that a layer is going
 * to take. The constants are measured on Golden Cove; docs/kernels.md compares
 * what they predict with what layers take. */
#include "winograd/plan.h"

#include "core/cache.h"

#include <math.h>

#define NEAR_BYTES 60.0 /* a cycle that weights from level 2 take beside the products */
#define FAR_BYTES  13.0 /* a cycle that weights from beyond take beside the products */
#define SCATTER_CYCLES                                                         \
    7.0 /* a point of a tile, of a block of channels: its line goes to level 2 \
         */
#define GATHER_CYCLES  6.0
#define SPILL          1.5 /* what transforms take more where their lines go further */
#define CALL_CYCLES    40.0
#define STORE_CYCLES   7.0 /* a vector of sums */
#define BARRIER_CYCLES 3000.0
#define MOST_COLUMNS   8 /* blocks that columns are cut into */

/* Tiles of a plane, and the blocks that the rows of a strip and the columns are
 * cut into. */
struct choice {
    struct sides rows, cols;
    int row_blocks, col_blocks;
};

/* What is in level 2 while a block is computed. */
struct room {
    size_t v, m, weights;
};

/* ---- products
 * ------------------------------------------------------------------------------------
 */

/* Cycles of one channel under `blocks` x `tiles`, and the products that takes.
 */
static double channel_cycles(const struct winograd_isa *isa, int blocks, int tiles, int *products)
{
    double cycles = 0, weights = blocks * isa->lanes * sizeof(float) / NEAR_BYTES;

    *products = oct_ceil_div(tiles, isa->widest[blocks - 1]);
    for (int i = 0; i < *products; i++) {
        int first, last;

        oct_share(tiles, *products, i, &first, &last);
        cycles += fmax(fmax(blocks * (last - first), blocks + last - first) / 2.0, 4);
    }
    return cycles + weights;
}

/* All outputs of a job under one pair of points, in groups of at most so many
 * blocks. */
static double job_cycles(const struct oct_plan *plan, const struct job *job, int most, int tiles)
{
    int groups = oct_ceil_div(job->blocks, most), channels = job->channels * plan->layer.kd;
    double cycles = 0;

    for (int g = 0; g < groups; g++) {
        int first, last, products;

        oct_share(job->blocks, groups, g, &first, &last);
        cycles += channels * channel_cycles(plan->isa, last - first, tiles, &products);
        cycles += products * CALL_CYCLES + STORE_CYCLES * tiles * (last - first);
    }
    return cycles;
}

/* Blocks of a group that are done soonest. */
static int best_group(const struct oct_plan *plan, const struct job *job, int tiles)
{
    int best = 1;

    for (int most = 2; most <= WINOGRAD_GROUP && most <= job->blocks; most++)
        if (job_cycles(plan, job, most, tiles) < job_cycles(plan, job, best, tiles))
            best = most;
    return best;
}

static double pair_cycles(const struct oct_plan *plan, int plane, int tiles)
{
    const struct layer *layer = &plan->layer;
    double cycles = 0;

    for (int j = 0; j < layer->jobs; j++)
        if (layer->job[j].plane == plane)
            cycles += job_cycles(plan, layer->job + j, best_group(plan, layer->job + j, tiles), tiles);
    return cycles;
}

static double block_products(const struct oct_plan *plan, int index, const struct slots *slots)
{
    const struct plane *plane = plan->layer.plane + index;
    double cycles = 0;

    for (int high = 0; high < 2; high++) {
        for (int wide = 0; wide < 2; wide++) {
            int pairs = (high ? 2 : 4) * (wide ? 2 : 4), first, last;

            winograd_slot_range(slots, high, wide, &first, &last);
            if ((!high || plane->rows.large) && (!wide || plane->cols.large) && first < last)
                cycles += pairs * pair_cycles(plan, index, last - first);
        }
    }
    return cycles;
}

/* ---- blocks
 * --------------------------------------------------------------------------------------
 */

static size_t plane_weights(const struct oct_plan *plan, int plane)
{
    const struct layer *layer = &plan->layer;
    size_t floats = 0;

    for (int j = 0; j < layer->jobs; j++)
        if (layer->job[j].plane == plane)
            floats += (size_t)layer->job[j].channels * layer->job[j].blocks;
    return floats * layer->kd * plan->isa->lanes * winograd_pairs(layer->plane + plane) * sizeof(float);
}

/* Blocks of outputs of a plane's jobs: of all, or of the largest. */
static int output_blocks(const struct oct_plan *plan, int plane, bool all)
{
    int sum = 0, most = 0;

    for (int j = 0; j < plan->layer.jobs; j++) {
        if (plan->layer.job[j].plane != plane)
            continue;
        sum += plan->layer.job[j].blocks;
        most = oct_max(most, plan->layer.job[j].blocks);
    }
    return all ? sum : most;
}

/* Sums that are kept at a time: a quarter of level 2. */
static size_t most_sums(void)
{
    return oct_cache_bytes(2) / 4;
}

static struct room room_of(const struct oct_plan *plan, int index, int tiles)
{
    const struct plane *plane = plan->layer.plane + index;
    size_t tile = (size_t)tiles * winograd_pairs(plane) * plan->isa->lanes * sizeof(float);
    struct room room = {.v = tile * plane->blocks * plan->layer.kd,
                        .m = tile * output_blocks(plan, index, false),
                        .weights = plane_weights(plan, index)};

    if (room.m > most_sums())
        room.m = most_sums();
    return room;
}

/* In a team each thread transforms all inputs, and its share of the sums. */
static double block_transforms(const struct oct_plan *plan, int index, const struct slots *slots)
{
    const struct plane *plane = plan->layer.plane + index;
    double points = 0, gather = plan->team ? GATHER_CYCLES / plan->threads : GATHER_CYCLES;

    for (int high = 0; high < 2; high++)
        for (int wide = 0; wide < 2; wide++)
            points += slots->count[high][wide] * winograd_points(high) * winograd_points(wide);
    return points *
           (SCATTER_CYCLES * plane->blocks * plan->layer.kd + gather * output_blocks(plan, index, true));
}

/* Of the thread that computes a block, the first of a plane or another one, or
 * a team's part of it. */
static double block_cycles(const struct oct_plan *plan, int index, const struct block *b, bool first)
{
    struct slots slots = winograd_slots(plan->layer.plane + index, b);
    struct room room = room_of(plan, index, (b->y1 - b->y0) * (b->x1 - b->x0));
    size_t level2 = oct_cache_bytes(2) * 7 / 10, all = 0;
    double cycles = block_products(plan, index, &slots), transforms = block_transforms(plan, index, &slots);

    for (int i = 0; i < plan->layer.planes; i++)
        all += plane_weights(plan, i);
    if (room.v + room.m + (first ? all : room.weights) > level2)
        cycles += room.weights / FAR_BYTES;
    return cycles / (plan->team ? plan->threads : 1) + transforms * (room.v + room.m > level2 ? SPILL : 1);
}

static double strip_cycles(const struct oct_plan *plan, int index, const struct choice *c, int strip)
{
    const struct plane *plane = plan->layer.plane + index;
    double cycles = 0;
    int first, last;

    winograd_strip_rows(plan, index, strip, &first, &last);
    for (int y = 0; y < c->row_blocks; y++) {
        for (int x = 0; x < c->col_blocks; x++) {
            struct block b;

            oct_share(last - first, c->row_blocks, y, &b.y0, &b.y1);
            oct_share(winograd_tiles(&plane->cols), c->col_blocks, x, &b.x0, &b.x1);
            b.y0 += first;
            b.y1 += first;
            if (b.y0 < b.y1)
                cycles += block_cycles(plan, index, &b, x + y == 0);
        }
    }
    return cycles;
}

static double plane_cycles(const struct oct_plan *plan, int index, const struct choice *c)
{
    double cycles = 0;

    for (int s = 0; s < plan->strips; s++)
        cycles += strip_cycles(plan, index, c, s);
    return cycles;
}

/* ---- a plane
 * -------------------------------------------------------------------------------------
 */

/* Tiles of 4 alone; of 4, and of 2 where those would be half empty; of 2 alone.
 */
static struct sides sides_of(int extent, int way)
{
    if (way == 0)
        return (struct sides){oct_ceil_div(extent, 4), 0};
    if (way == 1)
        return (struct sides){extent / 4 + (extent % 4 == 3), extent % 4 == 1 || extent % 4 == 2};
    return (struct sides){0, oct_ceil_div(extent, 2)};
}

static int most_strip_rows(const struct oct_plan *plan, int index)
{
    int most = 1;

    for (int s = 0; s < plan->strips; s++) {
        int first, last;

        winograd_strip_rows(plan, index, s, &first, &last);
        most = oct_max(most, last - first);
    }
    return most;
}

/* The best blocks of a plane whose tiles are set. */
static double best_blocks(const struct oct_plan *plan, int index, struct choice *c)
{
    const struct plane *plane = plan->layer.plane + index;
    int rows = most_strip_rows(plan, index), cols = oct_min(winograd_tiles(&plane->cols), MOST_COLUMNS);
    struct choice at = *c;
    double best = INFINITY;

    for (at.row_blocks = 1; at.row_blocks <= rows; at.row_blocks++) {
        if (at.row_blocks > 1 && oct_ceil_div(rows, at.row_blocks) == oct_ceil_div(rows, at.row_blocks - 1))
            continue;
        for (at.col_blocks = 1; at.col_blocks <= cols; at.col_blocks++) {
            double cycles = plane_cycles(plan, index, &at);

            if (cycles < best) {
                best = cycles;
                *c = at;
            }
        }
    }
    return best;
}

/* A finer plane's strips follow from the coarsest one's tiles, so that comes
 * first. */
static double choose_plane(struct oct_plan *plan, int index)
{
    struct plane *plane = plan->layer.plane + index;
    struct choice best_choice = {0};
    double best = INFINITY;

    for (int way = 0; way < 9; way++) {
        struct choice c = {.rows = sides_of(plane->out.h, way / 3), .cols = sides_of(plane->out.w, way % 3)};
        double cycles;

        plane->rows = c.rows;
        plane->cols = c.cols;
        cycles = best_blocks(plan, index, &c);
        if (cycles < best) {
            best = cycles;
            best_choice = c;
        }
    }
    plane->rows = best_choice.rows;
    plane->cols = best_choice.cols;
    plane->block_rows = oct_ceil_div(most_strip_rows(plan, index), best_choice.row_blocks);
    plane->block_cols = oct_ceil_div(winograd_tiles(&plane->cols), best_choice.col_blocks);
    plane->capacity = plane->block_rows * plane->block_cols;
    plane->slab = (ptrdiff_t)winograd_spread((size_t)plane->blocks * plan->layer.kd * plane->capacity *
                                             plan->isa->lanes);
    return best;
}

/* ---- the layer
 * -----------------------------------------------------------------------------------
 */

/* Outputs are computed at once as far as their sums have room; a team's threads
 * must all get some. */
static void choose_groups(struct oct_plan *plan)
{
    struct layer *layer = &plan->layer;

    for (int j = 0; j < layer->jobs; j++) {
        struct job *job = layer->job + j;
        const struct plane *plane = layer->plane + job->plane;
        size_t sums =
            (size_t)job->blocks * plane->capacity * winograd_pairs(plane) * plan->isa->lanes * sizeof(float);
        int supers = (int)(sums / most_sums()) + 1;

        job->groups = oct_ceil_div(job->blocks, best_group(plan, job, plane->capacity));
        if (plan->team)
            job->groups = oct_min(oct_max(job->groups, plan->threads), job->blocks);
        job->supers = oct_min(job->groups, plan->team ? oct_max(supers, 2 * plan->threads) : supers);
    }
}

/* Cycles of the whole layer when threads own strips, or are a team on each
 * block. */
static double choose_planes(struct oct_plan *plan, bool team, int strips)
{
    int64_t items = (int64_t)plan->layer.n * plan->layer.plane[0].out.d, shares = items * strips;
    double cycles = 0;

    plan->team = team;
    plan->strips = strips;
    for (int i = 0; i < plan->layer.planes; i++)
        cycles += choose_plane(plan, i) + (team ? BARRIER_CYCLES : 0);
    if (team)
        return cycles * (double)items;
    return cycles / strips * (double)((shares + plan->threads - 1) / plan->threads);
}

/* Strips: as few as give every thread one. */
void winograd_choose(struct oct_plan *plan)
{
    const struct plane *coarse = plan->layer.plane;
    int64_t items = (int64_t)plan->layer.n * coarse->out.d;
    int strips = items % plan->threads == 0 ? 1 : oct_min(plan->threads, oct_ceil_div(coarse->out.h, 4));
    double apart = choose_planes(plan, false, strips);

    if (plan->threads > 1 && choose_planes(plan, true, 1) > apart)
        choose_planes(plan, false, strips);
    choose_groups(plan);
}
