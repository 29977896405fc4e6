/* SPDX-License-Identifier: MIT */
#include "measure/workload.h"

#include "base/message.h"
#include "base/timer.h"
#include "measure/engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CACHE_LINE 64

/* ---- a layer through a plan ---------------------------------------------------------------------- */

static int run_layer(struct workload *w, long iters, uint64_t *ns)
{
    struct oct_plan *plan = w->layer.plan;
    const struct oct_io *io = &w->layer.io;
    int status = 0;
    uint64_t start = timer_now_ns();

    for (long i = 0; i < iters; i++)
        status |= oct_execute(plan, io);
    *ns = timer_now_ns() - start;
    return status;
}

static void read_tensor(const void *tensor, size_t bytes, int threads)
{
    const volatile char *lines = tensor;

#pragma omp parallel for num_threads(threads)
    for (size_t i = 0; i < bytes; i += CACHE_LINE)
        (void)lines[i];
}

static void read_layer(const struct workload *w)
{
    const struct prepared *layer = &w->layer;
    const struct oct_problem *p = &layer->problem;

    for (int b = 0; b < p->bands; b++) {
        if (p->ic[b])
            read_tensor(layer->io.in[b], oct_tensor_bytes(&layer->info->in[b]), w->threads);
        if (!p->oc[b])
            continue;
        size_t bytes = oct_tensor_bytes(&layer->info->out[b]);
        read_tensor(layer->io.out[b], bytes, w->threads);
        if (layer->io.residual[b])
            read_tensor(layer->io.residual[b], bytes, w->threads);
    }
}

static int verify_layer(struct workload *w, const struct operands *ops, bool *wrong, struct oct_message *msg)
{
    int status = prepared_verify(&w->layer, ops, msg);

    *wrong = status != OCT_OK;
    w->max_abs_err = w->layer.max_abs_err;
    w->err_bound = w->layer.err_bound;
    return status;
}

static void free_layer(struct workload *w)
{
    prepared_free(&w->layer);
}

static const struct workload_kind layer_kind = {run_layer, read_layer, verify_layer, NULL, free_layer};

struct workload workload_of_layer(const struct prepared *layer)
{
    return (struct workload){.kind = &layer_kind,
                             .threads = layer->info->threads,
                             .describe = layer->info->describe,
                             .plan_ns = layer->plan_ns,
                             .tensor_bytes = prepared_tensor_bytes(layer),
                             .scratch_bytes = layer->info->scratch_bytes,
                             .max_abs_err = NAN,
                             .err_bound = NAN,
                             .layer = *layer};
}

/* ---- an outside engine --------------------------------------------------------------------------- */

static int run_engine(struct workload *w, long iters, uint64_t *ns)
{
    return engine_run(w->engine, iters, ns, &w->failure);
}

static int verify_engine(struct workload *w, const struct operands *ops, bool *wrong, struct oct_message *msg)
{
    w->err_bound = ops->bound;
    return engine_verify(w->engine, ops, ops->bound, &w->max_abs_err, wrong, msg);
}

static int judge_engine(const struct workload *w, struct oct_message *msg)
{
    return engine_judge(w->engine, msg);
}

static void free_engine(struct workload *w)
{
    engine_end(w->engine);
}

static const struct workload_kind engine_kind = {run_engine, NULL, verify_engine, judge_engine, free_engine};

static int make_engine(struct workload *out, const struct bench_case *c, const struct operands *ops,
                       int threads, const volatile sig_atomic_t *stop, struct oct_message *msg)
{
    uint64_t start = timer_now_ns();
    int status = engine_start(&out->engine, c->engine, c->name, ops, threads, stop, msg);

    if (status)
        return status;
    out->kind = &engine_kind;
    out->threads = threads;
    out->describe = engine_describe(out->engine);
    out->process = engine_pid(out->engine);
    out->plan_ns = timer_now_ns() - start;
    out->tensor_bytes = oct_act_bytes(&ops->problem);
    out->max_abs_err = out->err_bound = NAN;
    return OCT_OK;
}

/* ---- any ----------------------------------------------------------------------------------------- */

int workload_make(struct workload *out, const struct bench_case *c, const struct operands *ops, int threads,
                  const volatile sig_atomic_t *stop, struct oct_message *msg)
{
    struct prepared layer;
    int status;

    memset(out, 0, sizeof(*out));
    if (c->engine)
        return make_engine(out, c, ops, threads, stop, msg);
    status = prepared_make(&layer, c->kernel, ops, threads, msg);
    if (!status)
        *out = workload_of_layer(&layer);
    return status;
}

void workload_free(struct workload *w)
{
    if (w->kind)
        w->kind->free(w);
    memset(w, 0, sizeof(*w));
}
