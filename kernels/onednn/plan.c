/* SPDX-License-Identifier: MIT */
/*
 * Plans made of oneDNN primitives: what is made before the first execution and how it runs.
 *
 * All that costs time or memory happens while the plan is built: layouts chosen, weights reordered into what
 * each primitive wants, primitives, memory objects and argument lists made, one scratchpad for all of them.
 * Execution sets the addresses of the caller's tensors and runs the steps. (Inside dnnl_primitive_execute
 * the library builds a small map of the arguments, which nobody outside can avoid.)
 *
 * Channels of blocked tensors are declared to the library rounded up to the block, with zero weights: a
 * descriptor with padding would make it write zeros into the caller's tensors at every execution.
 */
#define _POSIX_C_SOURCE 200809L
#include "onednn/plan.h"

#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- errors -------------------------------------------------------------------------------------- */

void onednn_fail(struct oct_plan *plan, int status, const char *what)
{
    if (!plan->status)
        plan->status = oct_fail(plan->msg, status, "%s", what);
}

/* True if the call succeeded and nothing failed before. */
bool onednn_ok(struct oct_plan *plan, dnnl_status_t status, const char *call)
{
    if (plan->status)
        return false;
    if (status == dnnl_success)
        return true;
    plan->status = status == dnnl_out_of_memory ? OCT_NO_MEMORY : OCT_ERROR;
    if (status == dnnl_unimplemented || status == dnnl_invalid_arguments)
        plan->status = OCT_UNSUPPORTED;
    oct_fail(plan->msg, plan->status, "oneDNN refused %s for this layer (dnnl_status_t %d)", call,
             (int)status);
    return false;
}

/* ---- instruction set ----------------------------------------------------------------------------- */

static dnnl_cpu_isa_t isa_of(uint32_t mask)
{
    if (mask & OCT_ISA_AMX)
        return dnnl_cpu_isa_avx512_core_amx;
    if (mask & OCT_ISA_AVX512_BF16)
        return dnnl_cpu_isa_avx512_core_bf16;
    if (mask & OCT_ISA_AVX512_VNNI)
        return dnnl_cpu_isa_avx512_core_vnni;
    if (mask & OCT_ISA_AVX512)
        return dnnl_cpu_isa_avx512_core;
    return mask & OCT_ISA_AVX2 ? dnnl_cpu_isa_avx2 : dnnl_cpu_isa_sse41;
}

/* Without a limit of ours the library decides, and its own environment variable counts. */
static void set_isa(void)
{
    if (oct_cpu_usable() != oct_cpu_detected())
        (void)dnnl_set_max_cpu_isa(isa_of(oct_cpu_usable())); /* read back in check_isa() */
}

/* The library fixes its instruction set at its first use in the process. */
static int check_isa(struct oct_message *msg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, set_isa);
    if (oct_cpu_usable() == oct_cpu_detected())
        return OCT_OK;
    if (!(dnnl_get_effective_cpu_isa() & ~isa_of(oct_cpu_usable())))
        return OCT_OK;
    return oct_fail(msg, OCT_UNSUPPORTED,
                    "oneDNN was first used in this process without the limit to %s, and keeps its choice",
                    oct_isa_name(oct_cpu_usable()));
}

static bool has_isa(dnnl_cpu_isa_t isa)
{
    return (dnnl_get_effective_cpu_isa() & isa) == isa;
}

/* ---- tensors ------------------------------------------------------------------------------------- */

static bool is_3d(const struct oct_plan *plan)
{
    return plan->p.d > 1 || plan->p.kd > 1;
}

int onednn_spatial_axes(const struct oct_plan *plan)
{
    return is_3d(plan) ? 3 : 2;
}

/* Fills the spatial part of a list of dimensions. */
void onednn_put_spatial(const struct oct_plan *plan, dnnl_dim_t *dims, int d, int h, int w)
{
    if (is_3d(plan))
        *dims++ = d;
    dims[0] = h;
    dims[1] = w;
}

static int lanes(enum oct_layout layout, int channels)
{
    int block = oct_layout_block(layout);

    return oct_ceil_div(channels, block) * block;
}

static dnnl_format_tag_t tag_of(enum oct_layout layout, bool three)
{
    switch (layout) {
    case OCT_NCHW8C:
        return three ? dnnl_nCdhw8c : dnnl_nChw8c;
    case OCT_NCHW16C:
        return three ? dnnl_nCdhw16c : dnnl_nChw16c;
    case OCT_NHWC:
        return three ? dnnl_ndhwc : dnnl_nhwc;
    default:
        return three ? dnnl_ncdhw : dnnl_nchw;
    }
}

/* An entry for a memory object over `data`, which the plan owns from now on. 0 after an error. */
int onednn_add_memory(struct oct_plan *plan, const dnnl_memory_desc_t *md, void *data)
{
    struct tensor *t = &plan->tensors[plan->ntensors];

    if (plan->ntensors == MAX_TENSORS)
        onednn_fail(plan, OCT_ERROR, "more tensors than a oneDNN plan has room for");
    if (plan->status ||
        !onednn_ok(plan, dnnl_memory_create(&t->memory, md, plan->engine, data), "a memory object")) {
        oct_free(data);
        return 0;
    }
    t->data = data;
    return plan->ntensors++;
}

void *onednn_allocate(struct oct_plan *plan, size_t bytes)
{
    void *data = plan->status ? NULL : oct_alloc(bytes);

    if (!data && !plan->status)
        plan->status = oct_fail(plan->msg, OCT_NO_MEMORY, "no memory for %zu bytes of a oneDNN plan", bytes);
    return data;
}

static bool describe_tensor(struct oct_plan *plan, dnnl_memory_desc_t *md, enum oct_layout layout,
                            int channels, struct oct_extent e)
{
    dnnl_dims_t dims = {plan->p.n, channels};

    onednn_put_spatial(plan, dims + 2, e.d, e.h, e.w);
    return onednn_ok(plan,
                     dnnl_memory_desc_init_by_tag(md, 2 + onednn_spatial_axes(plan), dims, dnnl_f32,
                                                  tag_of(layout, is_3d(plan))),
                     "a tensor");
}

static void name_tensor(struct tensor *t, enum oct_layout layout, int channels, struct oct_extent e)
{
    t->layout = layout;
    t->channels = channels;
    t->e = e;
}

int onednn_add_scratch(struct oct_plan *plan, enum oct_layout layout, int channels, struct oct_extent e)
{
    size_t bytes = oct_layout_bytes(layout, OCT_F32, plan->p.n, channels, e);
    dnnl_memory_desc_t md;
    int index;

    if (!describe_tensor(plan, &md, layout, lanes(layout, channels), e))
        return 0;
    index = onednn_add_memory(plan, &md, onednn_allocate(plan, bytes));
    if (!index)
        return 0;
    name_tensor(&plan->tensors[index], layout, lanes(layout, channels), e);
    plan->info.scratch_bytes += bytes;
    return index;
}

static void add_outside(struct oct_plan *plan, int index, enum oct_layout layout, int channels,
                        struct oct_extent e)
{
    struct tensor *t = &plan->tensors[index];
    dnnl_memory_desc_t md;

    if (!channels || !describe_tensor(plan, &md, layout, lanes(layout, channels), e))
        return;
    name_tensor(t, layout, lanes(layout, channels), e);
    onednn_ok(plan, dnnl_memory_create(&t->memory, &md, plan->engine, DNNL_MEMORY_NONE), "a memory object");
}

/* The first layer's few channels stay plain: blocked they would be nearly all padding, and the library has
 * convolutions from plain to blocked for just this case. */
static enum oct_layout input_layout(const struct oct_plan *plan, int band)
{
    bool few = plan->p.ic[band] <= 3 && plan->p.groups == 1;

    return few && oct_layout_block(plan->layout) > 1 && plan->algorithm == OCT_ALGORITHM_DIRECT
               ? OCT_NCHW
               : plan->layout;
}

static void add_bands(struct oct_plan *plan)
{
    const struct oct_problem *p = &plan->p;

    plan->ntensors = OWNED;
    for (int b = 0; b < p->bands; b++) {
        plan->info.in[b] = input_layout(plan, b);
        plan->info.out[b] = plan->layout;
        add_outside(plan, IN + b, plan->info.in[b], p->ic[b], oct_in_extent(p, b));
        add_outside(plan, OUT + b, plan->layout, p->oc[b], oct_out_extent(p, b));
        if (p->epilogue & OCT_EPILOGUE_RESIDUAL)
            add_outside(plan, RESIDUAL + b, plan->layout, p->oc[b], oct_out_extent(p, b));
    }
}

const dnnl_memory_desc_t *onednn_desc(const struct oct_plan *plan, int tensor)
{
    const dnnl_memory_desc_t *md = NULL;

    dnnl_memory_get_memory_desc(plan->tensors[tensor].memory, &md);
    return md;
}

/* ---- the life of a plan -------------------------------------------------------------------------- */

/* Values that move together: the innermost channels of one pixel. */
static size_t pixel_values(const struct tensor *t)
{
    return t->layout == OCT_NHWC ? (size_t)t->channels : (size_t)oct_layout_block(t->layout);
}

static void upsample_row(float *to, const float *from, int w, int up, size_t values)
{
    for (int x = 0; x < w; x++)
        memcpy(to + x * values, from + (size_t)(x >> up) * values, values * sizeof(float));
}

void onednn_upsample_cropped(const struct tensor *src, const struct tensor *dst, int n, int up)
{
    size_t values = pixel_values(dst);
    int planes = (int)((size_t)n * dst->channels / values) * dst->e.d;
    void *from, *to;

    dnnl_memory_get_data_handle(src->memory, &from);
    dnnl_memory_get_data_handle(dst->memory, &to);
#pragma omp parallel for collapse(2)
    for (int i = 0; i < planes; i++)
        for (int y = 0; y < dst->e.h; y++)
            upsample_row((float *)to + ((size_t)i * dst->e.h + y) * dst->e.w * values,
                         (const float *)from + ((size_t)i * src->e.h + (y >> up)) * src->e.w * values,
                         dst->e.w, up, values);
}

static void share_scratchpad(struct oct_plan *plan)
{
    if (!plan->scratchpad_bytes)
        return;
    plan->scratchpad = onednn_allocate(plan, plan->scratchpad_bytes);
    plan->info.scratch_bytes += plan->scratchpad_bytes;
    for (int s = 0; s < plan->nsteps; s++)
        for (int a = 0; a < plan->steps[s].nargs; a++)
            if (plan->steps[s].args[a].arg == DNNL_ARG_SCRATCHPAD)
                onednn_ok(plan, dnnl_memory_set_data_handle(plan->steps[s].args[a].memory, plan->scratchpad),
                          "its scratchpad");
}

static bool same_impl_before(const struct oct_plan *plan, int step)
{
    for (int i = 0; i < step; i++)
        if (strcmp(plan->steps[i].impl, plan->steps[step].impl) == 0)
            return true;
    return false;
}

static bool named_before(const struct oct_plan *plan, int step)
{
    for (int i = 0; i < step; i++)
        if (strcmp(plan->steps[i].impl, plan->steps[step].impl) == 0 &&
            strcmp(plan->steps[i].name, plan->steps[step].name) == 0)
            return true;
    return false;
}

/* "hh,hl=jit:avx512_core pool=jit:avx512_core": each implementation once, with the steps that use it. */
static void describe(struct oct_plan *plan)
{
    char *text = plan->info.describe;
    const size_t size = sizeof(plan->info.describe);
    size_t used = 0;

    for (int i = 0; i < plan->nsteps; i++) {
        if (same_impl_before(plan, i))
            continue;
        for (int j = i; j < plan->nsteps && used < size; j++)
            if (strcmp(plan->steps[j].impl, plan->steps[i].impl) == 0 && !named_before(plan, j))
                used += (size_t)snprintf(text + used, size - used, "%s%s",
                                         j > i ? ","
                                         : i   ? " "
                                               : "",
                                         plan->steps[j].name);
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "=%s", plan->steps[i].impl);
    }
}

/* One attempt, in one layout. */
static int build(struct oct_plan **out, const struct oct_plan *blank, const struct oct_weights *w,
                 onednn_compose *compose, struct oct_message *msg)
{
    struct oct_plan *plan = malloc(sizeof(*plan));
    int status;

    if (!plan)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a oneDNN plan");
    *plan = *blank;
    plan->w = w;
    plan->msg = msg;
    if (onednn_ok(plan, dnnl_engine_create(&plan->engine, dnnl_cpu, 0), "an engine") &&
        onednn_ok(plan, dnnl_stream_create(&plan->stream, plan->engine, dnnl_stream_default_flags),
                  "a stream"))
        add_bands(plan);
    compose(plan);
    share_scratchpad(plan);
    if (plan->algorithm == OCT_ALGORITHM_WINOGRAD && !plan->winograd)
        onednn_fail(plan, OCT_UNSUPPORTED, "oneDNN has a Winograd convolution for no path of this layer");
    status = plan->status;
    if (status) {
        onednn_destroy(plan);
        return status;
    }
    describe(plan);
    plan->w = NULL;
    plan->msg = NULL;
    *out = plan;
    return OCT_OK;
}

/*
 * Layouts in the order in which the library is fastest (measured: tests/onednn_speed.c). Its batch-reduce
 * convolutions for AVX-512 want channels last; the older just-in-time ones want blocks, and are the better of
 * the two for groups. GEMM on plain tensors is the last resort, and takes everything.
 */
static int layouts_to_try(const struct oct_problem *p, enum oct_algorithm algorithm,
                          enum oct_layout layouts[3])
{
    bool avx512 = has_isa(dnnl_cpu_isa_avx512_core), last_first = avx512 && p->groups == 1;
    enum oct_layout blocked = avx512 ? OCT_NCHW16C : OCT_NCHW8C;

    layouts[0] = last_first && algorithm == OCT_ALGORITHM_DIRECT ? OCT_NHWC : blocked;
    layouts[1] = last_first ? blocked : OCT_NHWC;
    layouts[2] = OCT_NCHW;
    return algorithm == OCT_ALGORITHM_WINOGRAD ? 1 : 3;
}

static int check_bands(const struct oct_problem *p, struct oct_message *msg)
{
    for (int to = 0; to < p->bands; to++) {
        int paths = 0;

        for (int from = 0; from < p->bands; from++)
            paths += oct_path_exists(p, from, to);
        if (p->oc[to] && !paths)
            return oct_fail(msg, OCT_UNSUPPORTED, "output band %d has no path, so there is nothing to call",
                            to);
    }
    return OCT_OK;
}

int onednn_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w, int threads,
                enum oct_algorithm algorithm, onednn_compose *compose, struct oct_message *msg)
{
    struct oct_plan *blank;
    enum oct_layout layouts[3];
    int status = check_bands(p, msg), before = omp_get_max_threads(), count;

    if (!status)
        status = check_isa(msg);
    if (status)
        return status;
    blank = calloc(1, sizeof(*blank));
    if (!blank)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a oneDNN plan");
    blank->p = *p;
    blank->algorithm = algorithm;
    blank->info.threads = threads;
    count = layouts_to_try(p, algorithm, layouts);
    omp_set_num_threads(threads); /* the library splits the work when it makes a primitive */
    status = OCT_UNSUPPORTED;
    for (int i = 0; i < count && status == OCT_UNSUPPORTED; i++) {
        blank->layout = layouts[i];
        status = build(out, blank, w, compose, msg);
    }
    omp_set_num_threads(before);
    free(blank);
    return status;
}

static bool set_handles(struct oct_plan *plan, const struct oct_io *io)
{
    dnnl_status_t status = dnnl_success;

    /* The library's handles are not const, but it only reads sources. */
    for (int b = 0; b < plan->p.bands; b++) {
        const struct tensor *t = plan->tensors;
        if (t[IN + b].memory)
            status |= dnnl_memory_set_data_handle(t[IN + b].memory, (void *)io->in[b]);
        if (t[OUT + b].memory)
            status |= dnnl_memory_set_data_handle(t[OUT + b].memory, io->out[b]);
        if (t[RESIDUAL + b].memory)
            status |= dnnl_memory_set_data_handle(t[RESIDUAL + b].memory, (void *)io->residual[b]);
    }
    return status == dnnl_success;
}

static bool run_step(struct oct_plan *plan, const struct step *step)
{
    if (step->primitive)
        return dnnl_primitive_execute(step->primitive, plan->stream, step->nargs, step->args) == dnnl_success;
    onednn_upsample_cropped(&plan->tensors[step->src], &plan->tensors[step->dst], plan->p.n, step->up);
    return true;
}

/* On the CPU a primitive has finished when its call returns, so the clock can be read between steps. */
static bool run(struct oct_plan *plan, struct oct_profile *profile)
{
    uint64_t start = profile ? oct_clock_ns() : 0, end;

    for (int i = 0; i < plan->nsteps; i++) {
        if (!run_step(plan, &plan->steps[i]))
            return false;
        if (!profile)
            continue;
        end = oct_clock_ns();
        oct_profile_add(profile, plan->steps[i].name, end - start);
        start = end;
    }
    return dnnl_stream_wait(plan->stream) == dnnl_success;
}

int onednn_execute(struct oct_plan *plan, const struct oct_io *io)
{
    int before = omp_get_max_threads();
    bool good;

    if (!set_handles(plan, io))
        return OCT_ERROR;
    omp_set_num_threads(plan->info.threads);
    good = run(plan, io->profile);
    omp_set_num_threads(before);
    return good ? OCT_OK : OCT_ERROR;
}

void onednn_destroy(struct oct_plan *plan)
{
    for (int i = 0; i < plan->nsteps; i++)
        dnnl_primitive_destroy(plan->steps[i].primitive);
    for (int i = 0; i < plan->ntensors; i++) {
        dnnl_memory_destroy(plan->tensors[i].memory);
        oct_free(plan->tensors[i].data);
    }
    oct_free(plan->scratchpad);
    dnnl_stream_destroy(plan->stream);
    dnnl_engine_destroy(plan->engine);
    free(plan);
}

const struct oct_plan_info *onednn_info(const struct oct_plan *plan)
{
    return &plan->info;
}

const struct oct_problem *onednn_problem(const struct oct_plan *plan)
{
    return &plan->p;
}

int onednn_output(const struct oct_plan *plan, int band)
{
    (void)plan;
    return OUT + band;
}

/* Of the library that runs, which may be newer than the header. */
static char version[32];

static void read_version(void)
{
    const dnnl_version_t *v = dnnl_version();

    snprintf(version, sizeof(version), "%d.%d.%d", v->major, v->minor, v->patch);
}

const char *oct_onednn_version(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, read_version);
    return version;
}
