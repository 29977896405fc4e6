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
#include "onednn/ops.h"

#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- the life of a plan -------------------------------------------------------------------------- */

/* The first layer's few channels stay plain: blocked they would be nearly all padding, and the library has
 * convolutions from plain to blocked for just this case. */
static enum oct_layout input_layout(const struct oct_plan *plan, int band)
{
    bool few = plan->p.ic[band] <= 3 && plan->p.groups == 1;

    if (plan->in_layout)
        return plan->in_layout;
    return few && oct_layout_block(plan->layout) > 1 && plan->algorithm == OCT_ALGORITHM_DIRECT
               ? OCT_NCHW
               : plan->layout;
}

static void add_bands(struct oct_plan *plan)
{
    const struct oct_problem *p = &plan->p;

    plan->ntensors = OWNED;
    for (int b = 0; b < p->bands; b++) {
        plan->head.info.in[b].layout = input_layout(plan, b);
        plan->head.info.out[b].layout = plan->layout;
        onednn_add_outside(plan, IN + b, plan->head.info.in[b].layout, p->ic[b], oct_in_extent(p, b));
        onednn_add_outside(plan, OUT + b, plan->layout, p->oc[b], oct_out_extent(p, b));
        if (p->epilogue & OCT_EPILOGUE_RESIDUAL)
            onednn_add_outside(plan, RESIDUAL + b, plan->layout, p->oc[b], oct_out_extent(p, b));
    }
}

/* Steps run one after the other: the largest scratchpad serves all. */
static void share_scratchpad(struct oct_plan *plan)
{
    size_t offset = onednn_take_scratch(plan, plan->scratchpad_bytes);

    for (int i = OWNED; i < plan->ntensors; i++)
        if (plan->tensors[i].place == SCRATCHPAD)
            plan->tensors[i].offset = offset;
    plan->head.info.scratch_bytes = plan->head.info.outside_bytes;
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
    char *text = plan->head.info.describe;
    const size_t size = sizeof(plan->head.info.describe);
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

static bool place_scratch(struct oct_plan *plan, char *scratch)
{
    dnnl_status_t status = dnnl_success;

    if (plan->scratch == scratch)
        return true;
    for (int i = OWNED; i < plan->ntensors; i++)
        if (plan->tensors[i].place)
            status |= dnnl_memory_set_data_handle(plan->tensors[i].memory, scratch + plan->tensors[i].offset);
    plan->scratch = scratch;
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

static int execute(struct oct_plan *plan, const struct oct_io *io)
{
    int before = omp_get_max_threads();
    bool good;

    if (!set_handles(plan, io) || !place_scratch(plan, io->scratch))
        return OCT_ERROR;
    omp_set_num_threads(plan->head.info.threads);
    good = run(plan, io->profile);
    omp_set_num_threads(before);
    return good ? OCT_OK : OCT_ERROR;
}

static void destroy(struct oct_plan *plan)
{
    for (int i = 0; i < plan->nsteps; i++)
        dnnl_primitive_destroy(plan->steps[i].primitive);
    for (int i = 0; i < plan->ntensors; i++) {
        dnnl_memory_destroy(plan->tensors[i].memory);
        oct_free(plan->tensors[i].data);
    }
    dnnl_stream_destroy(plan->stream);
    dnnl_engine_destroy(plan->engine);
    free(plan);
}

static const struct oct_plan_ops ops = {.execute = execute, .destroy = destroy};

/* One attempt, in one layout. */
static int build(struct oct_plan **out, const struct oct_plan *blank, const struct oct_weights *w,
                 const struct composition *c, struct oct_message *msg)
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
    onednn_add_operations(plan, c);
    share_scratchpad(plan);
    if (plan->algorithm == OCT_ALGORITHM_WINOGRAD && !plan->winograd)
        onednn_fail(plan, OCT_UNSUPPORTED, "oneDNN has a Winograd convolution for no path of this layer");
    status = plan->status;
    if (status) {
        destroy(plan);
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
static int layouts_to_try(const struct oct_problem *p, enum oct_algorithm algorithm, enum oct_layout asked,
                          enum oct_layout layouts[3])
{
    bool avx512 = has_isa(dnnl_cpu_isa_avx512_core), last_first = avx512 && p->groups == 1;
    enum oct_layout blocked = avx512 ? OCT_NCHW16C : OCT_NCHW8C;

    if (asked) {
        layouts[0] = asked;
        return 1;
    }
    layouts[0] = last_first && algorithm == OCT_ALGORITHM_DIRECT ? OCT_NHWC : blocked;
    layouts[1] = last_first ? blocked : OCT_NHWC;
    layouts[2] = OCT_NCHW;
    return algorithm == OCT_ALGORITHM_WINOGRAD ? 1 : 3;
}

/* Eight channels a block make oneDNN 2.6.3 write past tensors where it uses AVX-512. */
static int check_block(enum oct_layout asked, struct oct_message *msg)
{
    int block = asked ? oct_layout_block(asked) : 1, own = has_isa(dnnl_cpu_isa_avx512_core) ? 16 : 8;

    if (block == 1 || block == own)
        return OCT_OK;
    return oct_fail(msg, OCT_UNSUPPORTED, "oneDNN has blocks of %d channels on this machine, not %s", own,
                    oct_layout_name(asked));
}

int onednn_plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                const struct oct_plan_options *options, enum oct_algorithm algorithm,
                const struct composition *c, struct oct_message *msg)
{
    struct oct_plan *blank;
    enum oct_layout layouts[3];
    int status = check_isa(msg), before = omp_get_max_threads(), count;

    if (!status)
        status = check_block(options->in, msg);
    if (!status)
        status = check_block(options->out, msg);
    if (status)
        return status;
    blank = calloc(1, sizeof(*blank));
    if (!blank)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory for a oneDNN plan");
    blank->p = *p;
    blank->algorithm = algorithm;
    blank->in_layout = options->in;
    oct_plan_begin(&blank->head, &ops, p, OCT_LAYOUT_ANY, options->threads);
    count = layouts_to_try(p, algorithm, options->out, layouts);
    omp_set_num_threads(options->threads); /* the library splits the work when it makes a primitive */
    status = OCT_UNSUPPORTED;
    for (int i = 0; i < count && status == OCT_UNSUPPORTED; i++) {
        blank->layout = layouts[i];
        status = build(out, blank, w, c, msg);
    }
    omp_set_num_threads(before);
    free(blank);
    return status;
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

int onednn_winograd_available(struct oct_message *msg)
{
    return api_has_winograd
               ? OCT_OK
               : oct_fail(msg, OCT_UNSUPPORTED, "oneDNN %s has no Winograd convolution; 2.x has, on x86",
                          oct_onednn_version());
}
