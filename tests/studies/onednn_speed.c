/* SPDX-License-Identifier: MIT */
/*
 * By hand: are the oneDNN kernels as fast as oneDNN? Times the layers of a bottleneck ResNet in interleaved
 * rounds: first one band against a bare convolution that this file makes with the library's C API and leaves
 * to the library altogether (every format `any`), then two bands at the given ratio.
 *
 *     onednn_speed [THREADS [ROUNDS [ALPHA [ISA]]]]
 */
#include "core/kernel.h"

#include <dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 1000, MAX_RUNNERS = 16, WARM = 2 };

static const struct layer {
    int c_in, c_out, hw, k;
} layers[] = {
    {64, 64, 56, 3},   {128, 128, 28, 3}, {256, 256, 14, 3},  {64, 256, 56, 1},   {256, 64, 56, 1},
    {128, 512, 28, 1}, {512, 128, 28, 1}, {256, 1024, 14, 1}, {1024, 256, 14, 1},
};

static void must(int status, const char *what, const char *why)
{
    if (!status)
        return;
    fprintf(stderr, "%s failed with status %d%s%s\n", what, status, why ? ": " : "", why ? why : "");
    exit(1);
}

static float *random_values(size_t bytes)
{
    float *values = oct_alloc(bytes);

    if (!values)
        must(OCT_NO_MEMORY, "a tensor", NULL);
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        values[i] = (float)((i * 2654435761u >> 16) % 1000) / 500.0f - 1.0f;
    return values;
}

/* ---- what is timed ------------------------------------------------------------------------------- */

struct runner {
    char name[240];
    const struct oct_kernel *kernel; /* NULL: the bare convolution */
    struct oct_plan *plan;
    struct oct_io io;
    struct {
        dnnl_engine_t engine;
        dnnl_stream_t stream;
        dnnl_primitive_t primitive;
        dnnl_exec_arg_t args[4];
        float *data[4];
    } bare;
    double us[MAX_ROUNDS];
};

/* Every format left to the library, and its first implementation. */
static dnnl_primitive_desc_t bare_desc(const struct layer *l, dnnl_engine_t engine,
                                       const_dnnl_primitive_attr_t attr)
{
    dnnl_dims_t src = {1, l->c_in, l->hw, l->hw}, dst = {1, l->c_out, l->hw, l->hw}, ones = {1, 1};
    dnnl_dims_t weights = {l->c_out, l->c_in, l->k, l->k}, pad = {l->k / 2, l->k / 2};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_memory_desc_t md[3];

#if DNNL_VERSION_MAJOR < 3
    dnnl_convolution_desc_t desc;

    dnnl_memory_desc_init_by_tag(&md[0], 4, src, dnnl_f32, dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&md[1], 4, weights, dnnl_f32, dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&md[2], 4, dst, dnnl_f32, dnnl_format_tag_any);
    must(dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_direct, &md[0],
                                            &md[1], NULL, &md[2], ones, pad, pad),
         "a convolution", NULL);
    must(dnnl_primitive_desc_create(&pd, &desc, attr, engine, NULL), "a convolution", NULL);
#else
    dnnl_dims_t dense = {0};

    dnnl_memory_desc_create_with_tag(&md[0], 4, src, dnnl_f32, dnnl_format_tag_any);
    dnnl_memory_desc_create_with_tag(&md[1], 4, weights, dnnl_f32, dnnl_format_tag_any);
    dnnl_memory_desc_create_with_tag(&md[2], 4, dst, dnnl_f32, dnnl_format_tag_any);
    must(dnnl_convolution_forward_primitive_desc_create(&pd, engine, dnnl_forward_inference,
                                                        dnnl_convolution_direct, md[0], md[1], NULL, md[2],
                                                        ones, dense, pad, pad, attr),
         "a convolution", NULL);
    for (int i = 0; i < 3; i++)
        dnnl_memory_desc_destroy(md[i]);
#endif
    return pd;
}

static void bare_convolution(struct runner *r, const struct layer *l)
{
    static const int ids[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
    static const dnnl_query_t queries[] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md,
                                           dnnl_query_scratchpad_md};
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd;
    const char *impl;

    must(dnnl_primitive_attr_create(&attr), "attributes", NULL);
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    must(dnnl_engine_create(&r->bare.engine, dnnl_cpu, 0), "an engine", NULL);
    must(dnnl_stream_create(&r->bare.stream, r->bare.engine, dnnl_stream_default_flags), "a stream", NULL);
    pd = bare_desc(l, r->bare.engine, attr);
    must(dnnl_primitive_create(&r->bare.primitive, pd), "a convolution", NULL);
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl);
    for (int i = 0; i < 4; i++) {
#if DNNL_VERSION_MAJOR < 3
        const dnnl_memory_desc_t *wanted = dnnl_primitive_desc_query_md(pd, queries[i], 0);
#else
        const_dnnl_memory_desc_t wanted = dnnl_primitive_desc_query_md(pd, queries[i], 0);
#endif
        r->bare.data[i] = random_values(dnnl_memory_desc_get_size(wanted));
        r->bare.args[i].arg = ids[i];
        must(dnnl_memory_create(&r->bare.args[i].memory, wanted, r->bare.engine, r->bare.data[i]), "memory",
             NULL);
    }
    snprintf(r->name, sizeof(r->name), "bare oneDNN, formats any: %s", impl);
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
}

static bool kernel_runner(struct runner *r, const struct oct_kernel *k, const struct oct_problem *p,
                          const struct oct_weights *w, int threads)
{
    const struct oct_plan_info *info;
    struct oct_message msg;
    int status = oct_plan_create(&r->plan, k, p, w, &(struct oct_plan_options){.threads = threads}, &msg);

    if (status == OCT_UNSUPPORTED)
        return false;
    must(status, k->name, msg.text);
    r->kernel = k;
    info = oct_plan_info(r->plan);
    for (int b = 0; b < p->bands; b++) {
        if (p->ic[b])
            r->io.in[b] = random_values(oct_tensor_bytes(&info->in[b]));
        if (p->oc[b])
            r->io.out[b] = random_values(oct_tensor_bytes(&info->out[b]));
    }
    snprintf(r->name, sizeof(r->name), "%s: %s", k->name, info->describe);
    return true;
}

static void run(struct runner *r)
{
    if (r->kernel)
        must(oct_execute(r->plan, &r->io), r->name, NULL);
    else
        must(dnnl_primitive_execute(r->bare.primitive, r->bare.stream, 4, r->bare.args), r->name, NULL);
}

static void free_runner(struct runner *r)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        oct_free((void *)r->io.in[b]);
        oct_free(r->io.out[b]);
    }
    if (r->kernel) {
        oct_plan_destroy(r->plan);
        return;
    }
    for (int i = 0; i < 4; i++) {
        dnnl_memory_destroy(r->bare.args[i].memory);
        oct_free(r->bare.data[i]);
    }
    dnnl_primitive_destroy(r->bare.primitive);
    dnnl_stream_destroy(r->bare.stream);
    dnnl_engine_destroy(r->bare.engine);
}

/* ---- timing -------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const double *values, int count)
{
    double sorted[MAX_ROUNDS];

    memcpy(sorted, values, (size_t)count * sizeof(double));
    qsort(sorted, (size_t)count, sizeof(double), by_value);
    return sorted[count / 2];
}

/* Each sample begins with calls of its own, so that the others' tensors have left the caches. */
static void time_all(struct runner *runners, int count, int rounds)
{
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < count; i++) {
            struct runner *r = &runners[(i + round) % count];
            uint64_t start;

            for (int w = 0; w < WARM; w++)
                run(r);
            start = oct_clock_ns();
            run(r);
            r->us[round] = (double)(oct_clock_ns() - start) / 1000;
        }
}

/* speed: the median over the rounds of time(first) / time(this). */
static void print_row(const struct runner *first, const struct runner *r, int rounds, uint64_t macs)
{
    double ratio[MAX_ROUNDS], us = median(r->us, rounds);

    for (int i = 0; i < rounds; i++)
        ratio[i] = first->us[i] / r->us[i];
    printf("  %8.1f us %6.0f GFLOP/s  speed %5.3f  %s\n", us, 2e-3 * (double)macs / us, median(ratio, rounds),
           r->name);
}

static struct oct_problem problem_of(const struct layer *l, double alpha)
{
    struct oct_problem p = oct_problem_default();

    p.h = p.w = l->hw;
    p.kh = p.kw = l->k;
    p.bands = alpha > 0 ? 2 : 1;
    p.ic[1] = oct_low_channels(l->c_in, alpha);
    p.oc[1] = oct_low_channels(l->c_out, alpha);
    p.ic[0] = l->c_in - p.ic[1];
    p.oc[0] = l->c_out - p.oc[1];
    return p;
}

static int add_kernels(struct runner *runners, int count, const struct oct_problem *p, int threads,
                       float *values)
{
    struct oct_weights w = {0};

    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            w.path[from][to] = oct_path_exists(p, from, to) ? values : NULL;
    for (int k = 0; oct_kernels[k]; k++)
        if (strstr(oct_kernels[k]->name, "onednn") && count < MAX_RUNNERS)
            count += kernel_runner(&runners[count], oct_kernels[k], p, &w, threads);
    return count;
}

static void measure(const struct layer *l, double alpha, int threads, int rounds)
{
    struct oct_problem vanilla = problem_of(l, 0), octave = problem_of(l, alpha);
    struct runner *runners = calloc(MAX_RUNNERS, sizeof(*runners));
    float *values = random_values(oct_weight_bytes(&vanilla));
    int first_octave, count;

    if (!runners)
        must(OCT_NO_MEMORY, "the samples", NULL);
    first_octave =
        add_kernels(runners, 1, &vanilla, threads, values); /* hands the isa limit to the library */
    bare_convolution(&runners[0], l);
    count = alpha > 0 ? add_kernels(runners, first_octave, &octave, threads, values) : first_octave;
    time_all(runners, count, rounds);
    printf("%dx%d %d->%d @%d\n", l->k, l->k, l->c_in, l->c_out, l->hw);
    for (int i = 0; i < count; i++) {
        if (i == first_octave)
            printf("  alpha %g, theory %.2f\n", alpha, oct_theory_speedup(&octave));
        print_row(&runners[0], &runners[i], rounds, oct_macs(i < first_octave ? &vanilla : &octave));
    }
    for (int i = 0; i < count; i++)
        free_runner(&runners[i]);
    free(runners);
    oct_free(values);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1, rounds = argc > 2 ? atoi(argv[2]) : 40;
    double alpha = argc > 3 ? atof(argv[3]) : 0.5;
    uint32_t isa = UINT32_MAX;

    if (threads < 1 || rounds < 1 || rounds > MAX_ROUNDS || alpha < 0 || alpha > 1 ||
        (argc > 4 && !oct_isa_parse(argv[4], &isa))) {
        fprintf(stderr, "usage: onednn_speed [THREADS [ROUNDS up to %d [ALPHA [ISA]]]]\n", MAX_ROUNDS);
        return 2;
    }
    oct_cpu_limit(isa);
    omp_set_num_threads(threads);
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
        measure(&layers[i], alpha, threads, rounds);
    return 0;
}
