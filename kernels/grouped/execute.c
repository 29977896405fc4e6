/* SPDX-License-Identifier: MIT */
/*
 * Runs grouped and depthwise layers: everything but the vector loops.
 *
 * Groups make a layer fall apart into units that share nothing: the fewest groups whose channels fill whole
 * blocks in every band (one block of one band where the layer is depthwise). A task is one unit of one image
 * over a strip of rows of every band; it pools what its paths need into its thread's scratch, convolves the
 * paths that go up into scratch as well, and then writes each output once. Threads take shares of the tasks
 * that cost alike, and never wait for one another.
 */
#include "grouped/plan.h"

#include <math.h>
#include <string.h>

static struct grouped_range join(struct grouped_range a, struct grouped_range b)
{
    if (a.first >= a.last)
        return b;
    if (b.first >= b.last)
        return a;
    return (struct grouped_range){oct_min(a.first, b.first), oct_max(a.last, b.last)};
}

/* ---- rows ---------------------------------------------------------------------------------------- */

/* Strips begin where the bands line up, so that what is computed at low resolution is computed once. */
static struct grouped_range strip_rows(const struct oct_plan *plan, int strip, int band)
{
    int shift = plan->top_band - band, h = plan->out[band].h;
    int steps = (plan->out[0].h + (1 << plan->top_band) - 1) >> plan->top_band;
    struct grouped_range r;

    oct_share(steps, plan->strips, strip, &r.first, &r.last);
    r.first = oct_min(r.first << shift, h);
    r.last = strip + 1 == plan->strips ? h : oct_min(r.last << shift, h);
    return r;
}

static struct grouped_range input_rows(const struct oct_problem *p, const struct oct_path *g,
                                       struct grouped_range out)
{
    int first = out.first * g->stride_h - g->pad_top;
    int last = (out.last - 1) * g->stride_h - g->pad_top + (p->kh - 1) * p->dilation_h + 1;

    if (out.first >= out.last)
        return (struct grouped_range){0, 0};
    return (struct grouped_range){oct_max(first, 0), oct_min(last, g->in.h)};
}

static struct grouped_range path_rows(const struct oct_path *g, struct grouped_range out)
{
    if (out.first >= out.last)
        return (struct grouped_range){0, 0};
    return (struct grouped_range){out.first >> g->up, ((out.last - 1) >> g->up) + 1};
}

void grouped_find_rows(const struct oct_plan *plan, int strip, struct grouped_rows *rows)
{
    memset(rows, 0, sizeof(*rows));
    for (int to = 0; to < plan->p.bands; to++) {
        if (plan->p.oc[to] == 0)
            continue;
        rows->out[to] = strip_rows(plan, strip, to);
        for (int from = 0; from < plan->p.bands; from++) {
            const struct grouped_path *path = &plan->path[from][to];

            if (!path->exists)
                continue;
            rows->up[from][to] = path_rows(&path->geometry, rows->out[to]);
            if (path->source >= 0)
                rows->source[path->source] = join(rows->source[path->source],
                                                  input_rows(&plan->p, &path->geometry, rows->up[from][to]));
        }
    }
    for (int i = plan->sources - 1; i >= 0; i--) {
        const struct grouped_source *s = &plan->source[i];
        struct grouped_range r = rows->source[i];

        if (s->parent < 0)
            continue;
        r.first <<= s->log2;
        r.last = oct_min(r.last << s->log2, plan->source[s->parent].h);
        rows->source[s->parent] = join(rows->source[s->parent], r);
    }
}

/* ---- execute ------------------------------------------------------------------------------------- */

/* One image and one unit of it over one strip of rows. */
struct task {
    const struct oct_plan *plan;
    const struct oct_io *io;
    const struct grouped_unit *unit;
    const struct grouped_rows *rows;
    float *scratch;
    struct oct_profile *profile; /* of the first thread */
    int n;
    struct grouped_conv job, up; /* up: of a path that goes up */
};

static uint64_t start_part(const struct task *task)
{
    return task->profile ? oct_clock_ns() : 0;
}

static void end_part(const struct task *task, const char *name, uint64_t since)
{
    if (task->profile)
        oct_profile_add(task->profile, name, oct_clock_ns() - since);
}

size_t grouped_source_row(const struct oct_plan *plan, const struct grouped_source *s)
{
    return (size_t)(s->left + s->w + s->right) * plan->block;
}

/* A block of a band of the task's image. */
static size_t block_offset(const struct oct_plan *plan, int n, int channels, int block, struct oct_extent e)
{
    size_t blocks = oct_ceil_div(channels, plan->block);

    return (n * blocks + block) * e.h * e.w * plan->block;
}

static const float *input_block(const struct task *task, int band, int block)
{
    const struct oct_plan *plan = task->plan;
    const float *in = task->io->in[band];

    return in + block_offset(plan, task->n, plan->p.ic[band], block, plan->in[band]);
}

static float *source_block(const struct task *task, int source, int block)
{
    const struct grouped_source *s = &task->plan->source[source];
    size_t size = s->rows * grouped_source_row(task->plan, s);

    return task->scratch + s->offset + (block - task->unit->in[s->band].first) * size;
}

static void fill_source(const struct task *task, int index)
{
    const struct oct_plan *plan = task->plan;
    const struct grouped_source *s = &plan->source[index];
    const struct grouped_source *parent = s->parent < 0 ? NULL : &plan->source[s->parent];
    struct grouped_range rows = task->rows->source[index], blocks = task->unit->in[s->band];
    struct grouped_pool job = {
        .src_h = parent ? parent->h : plan->in[s->band].h,
        .src_w = parent ? parent->w : plan->in[s->band].w,
        .src_top = parent ? task->rows->source[s->parent].first : 0,
        .dst_row = grouped_source_row(plan, s),
        .first = rows.first,
        .last = rows.last,
        .w = s->w,
        .left = s->left,
        .right = s->right,
        .log2 = s->log2,
    };

    job.src_row = parent ? grouped_source_row(plan, parent) : (size_t)job.src_w * plan->block;
    for (int b = blocks.first; b < blocks.last; b++) {
        job.src = parent ? source_block(task, s->parent, b) + (size_t)parent->left * plan->block
                         : input_block(task, s->band, b);
        job.dst = source_block(task, index, b);
        plan->isa->pool(&job);
    }
}

static void set_segment(const struct task *task, int from, int to, int out_block, struct grouped_segment *seg)
{
    const struct oct_plan *plan = task->plan;
    const struct grouped_path *path = &plan->path[from][to];
    const int first = grouped_first_block(&path->packed, out_block);

    seg->steps = grouped_steps_of(&path->packed, out_block, plan->p.kh * plan->p.kw, plan->block);
    seg->h = path->geometry.in.h;
    seg->w = path->geometry.in.w;
    seg->stride = path->geometry.stride_w;
    if (path->source < 0) {
        seg->row = (size_t)seg->w * plan->block;
        seg->src = input_block(task, from, first);
        seg->top = 0;
        return;
    }
    seg->row = grouped_source_row(plan, &plan->source[path->source]);
    seg->src = source_block(task, path->source, first);
    seg->top = task->rows->source[path->source].first;
}

/* What does not change from block to block: a depthwise block of a small map takes less time than clearing
 * a job. */
static void start_jobs(struct task *task)
{
    const struct oct_plan *plan = task->plan;
    static const float zero[GROUPED_MAX_BLOCK];

    task->up = (struct grouped_conv){
        .segments = 1,
        .kh = plan->p.kh,
        .kw = plan->p.kw,
        .dilation = plan->p.dilation_w,
        .pad_h = plan->path[0][0].geometry.pad_top,
        .pad_w = plan->three ? plan->path[0][0].geometry.pad_left : 0,
        .three = plan->three,
        .bias = zero,
    };
    task->job = task->up;
    task->job.clamp = plan->p.epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6);
    task->job.high = plan->p.epilogue & OCT_EPILOGUE_RELU6 ? 6.0f : HUGE_VALF;
}

/* The result of a path that goes up, for one block, into scratch. */
static struct grouped_up convolve_up(struct task *task, int from, int to, int out_block)
{
    const struct oct_plan *plan = task->plan;
    const struct grouped_path *path = &plan->path[from][to];
    struct grouped_range rows = task->rows->up[from][to];
    struct grouped_conv *job = &task->up;
    uint64_t since = start_part(task);

    set_segment(task, from, to, out_block, &job->segment[0]);
    job->first = job->top = rows.first;
    job->last = rows.last;
    job->w = path->geometry.out.w;
    job->dst = task->scratch + path->offset;
    job->row = (size_t)job->w * plan->block;
    plan->isa->conv(job);
    end_part(task, path->name, since);
    return (struct grouped_up){job->dst, job->row, job->top, path->geometry.up};
}

static void convolve_block(struct task *task, int to, int out_block)
{
    const struct oct_plan *plan = task->plan;
    struct grouped_conv *job = &task->job;
    size_t offset = block_offset(plan, task->n, plan->p.oc[to], out_block, plan->out[to]);
    uint64_t since;

    job->segments = job->ups = 0;
    for (int from = 0; from < plan->p.bands; from++) {
        if (!plan->path[from][to].exists)
            continue;
        if (plan->path[from][to].geometry.up > 0)
            job->up[job->ups++] = convolve_up(task, from, to, out_block);
        else
            set_segment(task, from, to, out_block, &job->segment[job->segments++]);
    }
    job->first = task->rows->out[to].first;
    job->last = task->rows->out[to].last;
    job->w = plan->out[to].w;
    job->dst = (float *)task->io->out[to] + offset;
    job->row = (size_t)job->w * plan->block;
    job->bias = plan->bias[to] + (size_t)out_block * plan->block;
    if (plan->p.epilogue & OCT_EPILOGUE_RESIDUAL)
        job->residual = (const float *)task->io->residual[to] + offset;
    since = start_part(task);
    plan->isa->conv(job);
    end_part(task, plan->part[to], since);
}

static void run_task(struct task *task)
{
    const struct oct_plan *plan = task->plan;
    uint64_t since = start_part(task);

    for (int i = 0; i < plan->sources; i++)
        fill_source(task, i);
    if (plan->sources)
        end_part(task, "pool", since);
    for (int to = plan->p.bands - 1; to >= 0; to--)
        for (int b = task->unit->out[to].first; b < task->unit->out[to].last; b++)
            convolve_block(task, to, b);
}

static void run_share(const struct oct_plan *plan, const struct oct_io *io, int thread)
{
    struct grouped_rows rows;
    struct task task = {
        .plan = plan,
        .io = io,
        .rows = &rows,
        .scratch = (float *)io->scratch + thread * plan->scratch_floats,
        .profile = thread == 0 ? io->profile : NULL,
    };
    int strip = -1;

    start_jobs(&task);
    for (int64_t i = plan->share[thread]; i < plan->share[thread + 1]; i++) {
        int64_t unit = i / plan->strips;

        if (i % plan->strips != strip) {
            strip = (int)(i % plan->strips);
            grouped_find_rows(plan, strip, &rows);
        }
        task.unit = &plan->unit[unit % plan->units];
        task.n = (int)(unit / plan->units);
        run_task(&task);
    }
}

void grouped_run_thread(struct oct_plan *plan, const struct oct_io *io, int thread, int team)
{
    for (int t = thread; t < plan->head.info.threads; t += team)
        run_share(plan, io, t);
}
