/* SPDX-License-Identifier: MIT */
/*
 * Runs grouped and depthwise layers: everything but the vector loops.
 *
 * conv_groups make a layer fall apart into units that share nothing (units.c). A task is one unit of one
 * image over a strip of rows of every band; it pools what its jobs need into its thread's scratch, convolves
 * the jobs that go up into scratch as well, and then writes each output once. Threads take shares of the
 * tasks that cost alike, and never wait for one another.
 */
#include "grouped/execute.h"

#include <math.h>

/* One thread at one image and one unit of it over one strip of rows. */
struct worker {
    const struct oct_plan *plan;
    const struct layer *layer; /* the plan's */
    const struct oct_io *io;
    const struct grouped_unit *unit;
    struct grouped_rows rows;
    float *scratch;
    struct oct_profile *profile; /* of the first thread */
    int n;
    struct grouped_conv output, upward;
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

/* ---- where tensors are --------------------------------------------------------------------------- */

/* A block of a band of the image. */
static size_t block_offset(const struct worker *w, int blocks, int block, struct oct_extent e)
{
    return ((size_t)w->n * blocks + block) * e.h * e.w * w->layer->lanes;
}

/* At the left margin. */
static float *scratch_block(const struct worker *w, int source, int block)
{
    const struct source *s = w->layer->source + source;
    const struct grouped_scratch *scratch = &w->plan->scratch;
    size_t row = grouped_source_row(w->layer, &w->plan->margins, source);

    return w->scratch + scratch->source[source] +
           (block - w->unit->in[s->band].first) * scratch->source_rows[source] * row;
}

/* At the first pixel. */
static const float *source_block(const struct worker *w, int source, int block)
{
    const struct source *s = w->layer->source + source;

    if (s->parent < 0)
        return (const float *)w->io->in[s->band] + block_offset(w, s->blocks, block, s->e);
    return scratch_block(w, source, block) + (size_t)w->plan->margins.left[source] * w->layer->lanes;
}

/* The first row of a source that is there. */
static int source_top(const struct worker *w, int source)
{
    return w->layer->source[source].parent < 0 ? 0 : w->rows.source[source].first;
}

/* ---- one task ------------------------------------------------------------------------------------ */

static void fill_source(const struct worker *w, int index)
{
    const struct grouped_margins *margins = &w->plan->margins;
    const struct source *s = w->layer->source + index, *parent = w->layer->source + s->parent;
    struct span rows = w->rows.source[index], blocks = w->unit->in[s->band];
    struct grouped_pool pool = {
        .src_row = grouped_source_row(w->layer, margins, s->parent),
        .src_h = parent->e.h,
        .src_w = parent->e.w,
        .src_top = source_top(w, s->parent),
        .dst_row = grouped_source_row(w->layer, margins, index),
        .first = rows.first,
        .last = rows.last,
        .w = s->e.w,
        .left = margins->left[index],
        .right = margins->right[index],
        .log2 = s->log2,
    };

    for (int b = blocks.first; b < blocks.last; b++) {
        pool.src = source_block(w, s->parent, b);
        pool.dst = scratch_block(w, index, b);
        w->plan->isa->pool(&pool);
    }
}

static void set_segment(const struct worker *w, int job, int term, int out_block, struct grouped_segment *seg)
{
    const struct layer *layer = w->layer;
    const struct term *t = layer->job[job].term + term;
    const struct grouped_packed *packed = &w->plan->weights.packed[job][term];
    int first = grouped_first_block(packed, out_block), left = w->plan->three ? 0 : t->w.pad;

    seg->steps = grouped_steps_of(packed, out_block, layer->kernel.h * layer->kernel.w, layer->lanes);
    seg->h = layer->source[t->source].e.h;
    seg->w = layer->source[t->source].e.w;
    seg->stride = t->w.stride;
    seg->stride_h = t->h.stride;
    seg->pad_h = t->h.pad;
    seg->row = grouped_source_row(layer, &w->plan->margins, t->source);
    seg->src = source_block(w, t->source, first) - (size_t)left * layer->lanes;
    seg->top = source_top(w, t->source);
}

/* Its dilation is that of all terms, and where the layer is `three`, its padding too. */
static const struct term *any_term(const struct layer *layer)
{
    int job = 0;

    while (layer->job[job].terms == 0 && job + 1 < layer->jobs)
        job++;
    return layer->job[job].term;
}

/* What does not change from block to block: a depthwise block of a small map takes less time than clearing
 * one. */
static void start_convs(struct worker *w)
{
    const struct layer *layer = w->layer;
    const struct term *term = any_term(layer);
    static const float zero[GROUPED_MAX_BLOCK];

    w->upward = (struct grouped_conv){
        .segments = 1,
        .kh = layer->kernel.h,
        .kw = layer->kernel.w,
        .dilation_h = term->h.dilation,
        .dilation_w = term->w.dilation,
        .pad_h = term->h.pad,
        .pad_w = w->plan->three ? term->w.pad : 0,
        .three = w->plan->three,
        .bias = zero,
    };
    w->output = w->upward;
    w->output.clamp = layer->epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6);
    w->output.high = layer->epilogue & OCT_EPILOGUE_RELU6 ? 6.0f : HUGE_VALF;
}

/* The result of a job that goes up into `to`, for one block, into scratch. */
static struct grouped_up convolve_up(struct worker *w, int index, const struct job *to, int out_block)
{
    const struct job *job = w->layer->job + index;
    struct grouped_conv *conv = &w->upward;
    uint64_t since = clock_of(w);

    set_segment(w, index, 0, out_block, &conv->segment[0]);
    conv->first = conv->top = w->rows.job[index].first;
    conv->last = w->rows.job[index].last;
    conv->w = job->e.w;
    conv->dst = w->scratch + w->plan->scratch.job[index];
    conv->row = (size_t)conv->w * w->layer->lanes;
    w->plan->isa->conv(conv);
    note(w, job->name, since);
    return (struct grouped_up){conv->dst, conv->row, conv->top, job->octave - to->octave};
}

static void convolve_block(struct worker *w, int index, int out_block)
{
    const struct job *job = w->layer->job + index;
    struct grouped_conv *conv = &w->output;
    size_t offset = block_offset(w, job->blocks, out_block, job->e);
    uint64_t since;

    conv->segments = job->terms;
    conv->ups = job->addends;
    for (int a = 0; a < job->addends; a++)
        conv->up[a] = convolve_up(w, job->addend[a], job, out_block);
    for (int t = 0; t < job->terms; t++)
        set_segment(w, index, t, out_block, &conv->segment[t]);
    conv->first = w->rows.job[index].first;
    conv->last = w->rows.job[index].last;
    conv->w = job->e.w;
    conv->dst = (float *)w->io->out[job->to] + offset;
    conv->row = (size_t)conv->w * w->layer->lanes;
    conv->bias = w->plan->weights.bias[index] + (size_t)out_block * w->layer->lanes;
    if (w->layer->epilogue & OCT_EPILOGUE_RESIDUAL)
        conv->residual = (const float *)w->io->residual[job->to] + offset;
    since = clock_of(w);
    w->plan->isa->conv(conv);
    note(w, job->name, since);
}

static void run_task(struct worker *w)
{
    const struct layer *layer = w->layer;
    uint64_t since = clock_of(w);

    for (int i = layer->inputs; i < layer->sources; i++)
        fill_source(w, i);
    if (layer->sources > layer->inputs)
        note(w, "pool", since);
    for (int j = layer->jobs - 1; j >= layer->first_output; j--) {
        struct span blocks = w->unit->out[layer->job[j].to];

        for (int b = blocks.first; b < blocks.last; b++)
            convolve_block(w, j, b);
    }
}

/* ---- threads ------------------------------------------------------------------------------------- */

static void run_share(const struct oct_plan *plan, const struct oct_io *io, int thread)
{
    struct worker w = {
        .plan = plan,
        .layer = &plan->layer,
        .io = io,
        .scratch = (float *)io->scratch + thread * plan->scratch.area,
        .profile = thread == 0 ? io->profile : NULL,
    };
    int strip = -1;

    start_convs(&w);
    for (int64_t i = plan->share[thread]; i < plan->share[thread + 1]; i++) {
        int64_t unit = i / plan->strips;

        if (i % plan->strips != strip) {
            strip = (int)(i % plan->strips);
            grouped_find_rows(&w.rows, w.layer, plan->strips, strip);
        }
        w.unit = &plan->units.unit[unit % plan->units.count];
        w.n = (int)(unit / plan->units.count);
        run_task(&w);
    }
}

void grouped_run_thread(struct oct_plan *plan, const struct oct_io *io, int thread, int team)
{
    for (int t = thread; t < plan->head.info.threads; t += team)
        run_share(plan, io, t);
}
