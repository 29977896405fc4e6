/* SPDX-License-Identifier: MIT */
/*
 * `auto`: the fastest kernel that runs a problem, by measurement when the plan is made, or as a tuning file
 * remembers. The plan is that kernel's own; its description begins with the kernel's name.
 *
 * Candidates are executed in turn, so that what disturbs one disturbs all, and the least time of each counts:
 * the choice looks for the faster kernel, not for the quieter moment. A candidate that takes LOST times the
 * best is not asked again.
 */
#include "auto/tuning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CANDIDATES 16
#define ROUNDS          9
#define BUDGET_NS       UINT64_C(60000000) /* for a candidate */
#define LOST            1.3
#define FLUSH_BYTES     ((size_t)8 << 20) /* more than a level 2 */

/* Buffers large enough for every candidate's tensors. */
struct buffers {
    size_t in_bytes[OCT_MAX_BANDS], out_bytes[OCT_MAX_BANDS];
    void *in[OCT_MAX_BANDS], *out[OCT_MAX_BANDS], *residual[OCT_MAX_BANDS];
    void *scratch;
    size_t scratch_bytes;
    char *flush; /* NULL: weights stay warm */
};

struct candidate {
    const struct oct_kernel *kernel;
    struct oct_plan *plan;
    uint64_t ns; /* least so far; UINT64_MAX: none */
};

/* ---- buffers ------------------------------------------------------------------------------------- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void ask_for(struct buffers *b, const struct oct_plan_info *info)
{
    for (int i = 0; i < OCT_MAX_BANDS; i++) {
        b->in_bytes[i] = larger(b->in_bytes[i], oct_tensor_bytes(&info->in[i]));
        b->out_bytes[i] = larger(b->out_bytes[i], oct_tensor_bytes(&info->out[i]));
    }
    b->scratch_bytes = larger(b->scratch_bytes, info->outside_bytes);
}

/* Ordinary reals: denormals would take their own time. NULL: no memory, or nothing asked for. */
static void *make_reals(size_t bytes)
{
    float *values = bytes ? oct_alloc(bytes) : NULL;

    for (size_t i = 0; values && i < bytes / sizeof(float); i++)
        values[i] = (float)(i % 13) / 16 - 0.375f;
    return values;
}

static bool make_buffers(struct buffers *b, const struct oct_problem *p, bool cold)
{
    bool good = true;

    for (int i = 0; i < OCT_MAX_BANDS; i++) {
        b->in[i] = make_reals(b->in_bytes[i]);
        b->out[i] = make_reals(b->out_bytes[i]);
        if (p->epilogue & OCT_EPILOGUE_RESIDUAL)
            b->residual[i] = make_reals(b->out_bytes[i]);
        good &= (b->in[i] || !b->in_bytes[i]) && (b->out[i] || !b->out_bytes[i]);
        good &= b->residual[i] || !b->out_bytes[i] || !(p->epilogue & OCT_EPILOGUE_RESIDUAL);
    }
    b->scratch = make_reals(b->scratch_bytes);
    b->flush = cold ? make_reals(FLUSH_BYTES) : NULL;
    return good && (b->scratch || !b->scratch_bytes) && (b->flush || !cold);
}

static void free_buffers(struct buffers *b)
{
    for (int i = 0; i < OCT_MAX_BANDS; i++) {
        oct_free(b->in[i]);
        oct_free(b->out[i]);
        oct_free(b->residual[i]);
    }
    oct_free(b->scratch);
    oct_free(b->flush);
}

/* ---- measuring ----------------------------------------------------------------------------------- */

/* Pushes weights out of the nearer caches; then brings the inputs back, which a layer before has just
 * written. */
static void cool(struct buffers *b)
{
    volatile char *flush = b->flush;

    for (size_t i = 0; i < FLUSH_BYTES; i += 64)
        flush[i]++;
    for (int band = 0; band < OCT_MAX_BANDS; band++) {
        const volatile char *in = b->in[band];

        for (size_t i = 0; i < b->in_bytes[band]; i += 64)
            (void)in[i];
    }
}

static void time_once(struct candidate *c, struct buffers *b)
{
    struct oct_io io = {.scratch = b->scratch};
    uint64_t start, ns;

    for (int i = 0; i < OCT_MAX_BANDS; i++) {
        io.in[i] = b->in[i];
        io.out[i] = b->out[i];
        io.residual[i] = b->residual[i];
    }
    if (b->flush)
        cool(b);
    start = oct_clock_ns();
    if (oct_execute(c->plan, &io))
        return;
    ns = oct_clock_ns() - start;
    if (ns < c->ns)
        c->ns = ns;
}

static int fastest(const struct candidate *c, int count)
{
    int best = 0;

    for (int i = 1; i < count; i++)
        if (c[i].ns < c[best].ns)
            best = i;
    return best;
}

/* The first execution warms up, and tells who need not be asked again. */
static int measure(struct candidate *c, int count, struct buffers *b)
{
    uint64_t end = oct_clock_ns() + BUDGET_NS * (uint64_t)count;

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t least = c[fastest(c, count)].ns;

        for (int i = 0; i < count; i++)
            if (round < 2 || (double)c[i].ns <= LOST * (double)least)
                time_once(&c[i], b);
        if (oct_clock_ns() > end && round > 0)
            break;
    }
    return fastest(c, count);
}

/* ---- choosing ------------------------------------------------------------------------------------ */

/* Reference and naive loops stand at the head of the table: correct, and never the fastest. */
static bool worth_asking(const struct oct_kernel *k)
{
    return k->plan != oct_auto.plan && k != &oct_f32_ref && k != &oct_f32_naive &&
           oct_kernel_available(k, NULL) == OCT_OK;
}

/* Plans of all that run the problem. */
static int make_candidates(struct candidate *c, const struct oct_problem *p, const struct oct_weights *w,
                           const struct oct_plan_options *options)
{
    int count = 0;

    for (int i = 0; options->candidates[i] && count < MOST_CANDIDATES; i++) {
        struct candidate asked = {.kernel = options->candidates[i], .ns = UINT64_MAX};

        if (worth_asking(asked.kernel) &&
            oct_plan_make(&asked.plan, asked.kernel, p, w, options, NULL) == OCT_OK)
            c[count++] = asked;
    }
    return count;
}

/* Destroys all but the one. */
static void drop_others(struct candidate *c, int count, int keep)
{
    for (int i = 0; i < count; i++)
        if (i != keep)
            oct_plan_destroy(c[i].plan);
}

/* Index of the best, or -1 with no memory to measure. */
static int choose(struct candidate *c, int count, const struct oct_problem *p,
                  const struct oct_plan_options *options)
{
    struct buffers b = {.flush = NULL};
    int best = -1;

    for (int i = 0; i < count; i++)
        ask_for(&b, oct_plan_info(c[i].plan));
    if (make_buffers(&b, p, options->cold_weights))
        best = measure(c, count, &b);
    free_buffers(&b);
    return best;
}

static void name_winner(struct oct_plan *plan, const struct oct_kernel *k)
{
    struct oct_plan_info *info = &((struct oct_plan_head *)plan)->info;
    char own[sizeof(info->describe)];

    memcpy(own, info->describe, sizeof(own));
    if (snprintf(info->describe, sizeof(info->describe), "%s: %s", k->name, own) < 0)
        info->describe[0] = '\0';
}

/* The slow kernels that run everything. */
static int plan_fallback(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                         const struct oct_plan_options *options, struct oct_message *msg)
{
    int status = oct_plan_make(out, &oct_f32_naive, p, w, options, msg);

    if (status == OCT_OK)
        name_winner(*out, &oct_f32_naive);
    return status;
}

static int plan_measured(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                         const struct oct_plan_options *options, struct oct_message *msg)
{
    struct candidate c[MOST_CANDIDATES];
    int count = make_candidates(c, p, w, options), best = 0;
    char key[TUNING_KEY];

    if (count == 0)
        return plan_fallback(out, p, w, options, msg);
    if (count > 1)
        best = choose(c, count, p, options);
    drop_others(c, count, best);
    if (best < 0)
        return oct_fail(msg, OCT_NO_MEMORY, "no memory to measure %d kernels", count);
    if (options->tuning) {
        tuning_key(key, p, options);
        tuning_add(options->tuning, key, c[best].kernel->name, count > 1 ? c[best].ns : 0);
    }
    name_winner(c[best].plan, c[best].kernel);
    *out = c[best].plan;
    return OCT_OK;
}

static const struct oct_kernel *find(const struct oct_kernel *const *kernels, const char *name)
{
    for (int i = 0; kernels[i]; i++)
        if (strcmp(kernels[i]->name, name) == 0)
            return kernels[i];
    return NULL;
}

static int plan(struct oct_plan **out, const struct oct_problem *p, const struct oct_weights *w,
                const struct oct_plan_options *options, struct oct_message *msg)
{
    const struct oct_kernel *known = NULL;
    char key[TUNING_KEY], name[64];

    if (options->tuning) {
        tuning_key(key, p, options);
        if (tuning_find(options->tuning, key, name))
            known = find(options->candidates, name);
    }
    if (known && known->plan != plan && oct_plan_make(out, known, p, w, options, NULL) == OCT_OK) {
        name_winner(*out, known);
        return OCT_OK;
    }
    return plan_measured(out, p, w, options, msg);
}

const struct oct_kernel oct_auto = {
    .name = "auto",
    .summary = "the fastest of the kernels that run the layer, measured when the plan is made",
    .library = "any",
    .algorithm = OCT_ALGORITHM_ANY,
    .layout = OCT_LAYOUT_ANY,
    .dtypes = 1u << OCT_F32,
    .exact = false, /* it may choose Winograd */
    .error_growth = 16,
    .profiles = true,
    .plan = plan,
};
