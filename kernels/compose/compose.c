/* SPDX-License-Identifier: MIT */
#include "compose/compose.h"

#include <assert.h>

int compose_check(const struct oct_problem *p, struct oct_message *msg)
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

struct composer composer_of(const struct oct_problem *p)
{
    struct composer o = {.p = p, .c.ntensors = COMPOSITION_OWN};

    for (int b = 0; b < p->bands; b++) {
        o.c.tensors[COMPOSITION_IN + b] = (struct composition_tensor){p->ic[b], oct_in_extent(p, b)};
        o.c.tensors[COMPOSITION_OUT + b] = (struct composition_tensor){p->oc[b], oct_out_extent(p, b)};
    }
    return o;
}

int compose_next_path(const struct composer *o, int from, int to, int step)
{
    do
        from += step;
    while (from >= 0 && from < o->p->bands && !oct_path_exists(o->p, from, to));
    return from;
}

int compose_output(int band)
{
    return COMPOSITION_OUT + band;
}

static int add_tensor(struct composer *o, int channels, struct oct_extent e)
{
    assert(o->c.ntensors < COMPOSITION_TENSORS);
    o->c.tensors[o->c.ntensors] = (struct composition_tensor){channels, e};
    return o->c.ntensors++;
}

static void add_operation(struct composer *o, struct operation operation)
{
    assert(o->c.noperations < COMPOSITION_OPERATIONS);
    o->c.operations[o->c.noperations++] = operation;
}

static int add_pool(struct composer *o, int from, int src, int log2)
{
    struct oct_extent e = o->c.tensors[src].e;
    int size = 1 << log2, dst;

    dst = add_tensor(o, o->p->ic[from],
                     (struct oct_extent){e.d, oct_ceil_div(e.h, size), oct_ceil_div(e.w, size)});
    add_operation(
        o, (struct operation){.kind = OPERATION_POOL, .from = from, .log2 = log2, .src = src, .dst = dst});
    return dst;
}

int compose_pooled(struct composer *o, int from, int to)
{
    struct oct_path path = oct_path_get(o->p, from, to);
    int *pooled = o->pooled[from][path.pre];

    if (path.pre && !pooled[0])
        pooled[0] = add_pool(o, from, COMPOSITION_IN + from, path.pre);
    if (!path.pool)
        return path.pre ? pooled[0] : COMPOSITION_IN + from;
    if (!pooled[path.pool])
        pooled[path.pool] = add_pool(o, from, path.pre ? pooled[0] : COMPOSITION_IN + from, path.pool);
    return pooled[path.pool];
}

int compose_scratch(struct composer *o, int band, struct oct_extent e)
{
    return add_tensor(o, o->p->oc[band], e);
}

void compose_conv(struct composer *o, int from, int to, int dst, struct ending ending)
{
    int src = compose_pooled(o, from, to);

    add_operation(
        o, (struct operation){
               .kind = OPERATION_CONV, .from = from, .to = to, .src = src, .dst = dst, .ending = ending});
}

void compose_upsample(struct composer *o, int from, int to, int src, int dst, struct ending ending)
{
    add_operation(o, (struct operation){.kind = OPERATION_UPSAMPLE,
                                        .from = from,
                                        .to = to,
                                        .log2 = oct_path_get(o->p, from, to).up,
                                        .src = src,
                                        .dst = dst,
                                        .ending = ending});
}

void compose_add(struct composer *o, int band, int a, int b, int dst, bool epilogue)
{
    add_operation(o, (struct operation){.kind = OPERATION_ADD,
                                        .from = band,
                                        .to = band,
                                        .src = a,
                                        .src2 = b,
                                        .dst = dst,
                                        .ending = {.epilogue = epilogue}});
}

static void accumulate_band(struct composer *o, int to, enum band_order order)
{
    int y = compose_output(to), end = order == FINEST_FIRST ? o->p->bands : -1, next;
    struct ending ending = {.accumulate = false};

    for (int from = compose_next_path(o, o->p->bands - 1 - end, to, order); from != end; from = next) {
        struct oct_path path = oct_path_get(o->p, from, to);

        next = compose_next_path(o, from, to, order);
        ending.bias = ending.epilogue = next == end;
        if (path.up) {
            int low = compose_scratch(o, to, path.out);
            /* Upsampling copies the bias along; adding it at low resolution is cheaper. */
            compose_conv(o, from, to, low, (struct ending){.bias = ending.bias});
            compose_upsample(o, from, to, low, y, ending);
        } else {
            compose_conv(o, from, to, y, ending);
        }
        ending.accumulate = true;
    }
}

struct composition compose_accumulating(const struct oct_problem *p, enum band_order order)
{
    struct composer o = composer_of(p);

    for (int to = 0; to < p->bands; to++)
        if (p->oc[to])
            accumulate_band(&o, to, order);
    return o.c;
}
