/* SPDX-License-Identifier: MIT */
/* From the shapes of tensors to one problem, and what does not fit together. */
#include "commands/conv.h"

#include "base/message.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_ROOM 192

/* ---- reading ------------------------------------------------------------------------------------- */

/* Every extent fits an int, so that a problem can hold it. */
static int read_tensor(struct npy *out, const char *path, struct oct_message *msg)
{
    char shape[SHAPE_ROOM];
    int status;

    if (!path)
        return OCT_OK;
    status = npy_read(out, path, msg);
    for (int i = 0; !status && i < out->rank; i++)
        if (out->shape[i] == 0 || out->shape[i] > INT_MAX)
            return message_fail(msg, OCT_INVALID, "%.100s: shape %.100s is not one of a tensor", path,
                                npy_shape_text(out, shape));
    return status;
}

static int read_all(struct conv_tensors *t, const struct conv_request *r, struct oct_message *msg)
{
    int status = OCT_OK;

    for (int b = 0; !status && b < OCT_MAX_BANDS; b++) {
        status = read_tensor(&t->in[b], r->in[b], msg);
        if (!status)
            status = read_tensor(&t->bias[b], r->bias[b], msg);
        if (!status)
            status = read_tensor(&t->residual[b], r->residual[b], msg);
        for (int to = 0; !status && to < OCT_MAX_BANDS; to++)
            status = read_tensor(&t->path[b][to], r->path[b][to], msg);
    }
    return status;
}

void conv_tensors_free(struct conv_tensors *t)
{
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        npy_free(&t->in[b]);
        npy_free(&t->bias[b]);
        npy_free(&t->residual[b]);
        for (int to = 0; to < OCT_MAX_BANDS; to++)
            npy_free(&t->path[b][to]);
    }
}

/* ---- the problem --------------------------------------------------------------------------------- */

static int highest_band(const struct conv_request *r)
{
    int highest = 0;

    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        if (r->in[b] || r->bias[b] || r->residual[b] || r->out[b] || b < r->oc_count)
            highest = b;
        for (int to = 0; to < OCT_MAX_BANDS; to++)
            if (r->path[b][to] && (b > highest || to > highest))
                highest = b > to ? b : to;
    }
    return highest;
}

static int take_bands(struct oct_problem *p, const struct conv_request *r, struct oct_message *msg)
{
    int highest = highest_band(r);

    p->bands = r->bands ? r->bands : highest + 1;
    if (highest >= p->bands)
        return message_fail(msg, OCT_INVALID, "a file is given for band %d, but there are %d bands", highest,
                            p->bands);
    if (r->one_band && p->bands > 1)
        return message_fail(
            msg, OCT_INVALID,
            "the weights 'w' are those of one band, but there are %d; name their paths: hh=..., "
            "hl=..., lh=..., ll=...",
            p->bands);
    return OCT_OK;
}

static int check_rank(const struct npy *x, const char *path, struct oct_message *msg)
{
    char shape[SHAPE_ROOM];

    if (x->rank == 4 || x->rank == 5)
        return OCT_OK;
    return message_fail(msg, OCT_INVALID, "%.100s: shape %.80s, but an input is N C H W or N C D H W", path,
                        npy_shape_text(x, shape));
}

static int take_input(struct oct_problem *p, const struct npy *x, int band, const char *path, bool first,
                      struct oct_message *msg)
{
    int d = x->rank == 5 ? (int)x->shape[2] : 1;
    char shape[SHAPE_ROOM];

    if (check_rank(x, path, msg))
        return OCT_INVALID;
    if (!first && (p->n != (int)x->shape[0] || p->d != d))
        return message_fail(msg, OCT_INVALID,
                            "%.100s: shape %.80s, but another band has %d images of %d time steps", path,
                            npy_shape_text(x, shape), p->n, p->d);
    p->n = (int)x->shape[0];
    p->d = d;
    p->ic[band] = (int)x->shape[1];
    return OCT_OK;
}

/* Extents of band 0: its own, or --hw, or twice those of the next band. */
static int take_extents(struct oct_problem *p, const struct conv_tensors *t, const struct conv_request *r,
                        struct oct_message *msg)
{
    int lowest = 0;
    const struct npy *x;

    while (lowest < OCT_MAX_BANDS && !t->in[lowest].data)
        lowest++;
    if (lowest == OCT_MAX_BANDS)
        return message_fail(msg, OCT_INVALID, "there is no input: --in x0.npy");
    x = &t->in[lowest];
    if (check_rank(x, r->in[lowest], msg))
        return OCT_INVALID;
    if (r->h) {
        p->h = r->h;
        p->w = r->w;
    } else if (x->shape[x->rank - 2] > (size_t)INT_MAX >> lowest ||
               x->shape[x->rank - 1] > (size_t)INT_MAX >> lowest) {
        return message_fail(msg, OCT_INVALID, "%.100s: too large for band %d", r->in[lowest], lowest);
    } else {
        p->h = (int)x->shape[x->rank - 2] << lowest;
        p->w = (int)x->shape[x->rank - 1] << lowest;
    }
    return OCT_OK;
}

static int check_extents(const struct oct_problem *p, const struct npy *x, int band, const char *path,
                         struct oct_message *msg)
{
    struct oct_extent e = oct_in_extent(p, band);
    int h = (int)x->shape[x->rank - 2], w = (int)x->shape[x->rank - 1];

    if (h == e.h && w == e.w)
        return OCT_OK;
    return message_fail(msg, OCT_INVALID, "%.100s: %dx%d, but band %d of a layer of %dx%d is %dx%d%s", path,
                        h, w, band, p->h, p->w, e.h, e.w,
                        band > 0 ? " (--hw HxW gives the layer's extents where band 0 does not)" : "");
}

static int take_inputs(struct conv_tensors *t, const struct conv_request *r, struct oct_message *msg)
{
    struct oct_problem *p = &t->problem;
    bool first = true;
    int status = take_extents(p, t, r, msg);

    for (int b = 0; !status && b < OCT_MAX_BANDS; b++) {
        if (!t->in[b].data)
            continue;
        status = take_input(p, &t->in[b], b, r->in[b], first, msg);
        if (!status)
            status = check_extents(p, &t->in[b], b, r->in[b], msg);
        first = false;
    }
    return status;
}

/* Channels of an output band, which several tensors tell: they must agree. */
static int take_outputs(struct oct_problem *p, int band, int channels, const char *path,
                        struct oct_message *msg)
{
    if (p->oc[band] && p->oc[band] != channels)
        return message_fail(msg, OCT_INVALID,
                            "%.100s: %d channels for output band %d, which has %d elsewhere", path, channels,
                            band, p->oc[band]);
    p->oc[band] = channels;
    return OCT_OK;
}

static int take_window(struct oct_problem *p, const struct npy *w, const char *path, bool first,
                       struct oct_message *msg)
{
    int kd = w->rank == 5 ? (int)w->shape[2] : 1;
    int kh = (int)w->shape[w->rank - 2], kw = (int)w->shape[w->rank - 1];

    if (!first && (p->kd != kd || p->kh != kh || p->kw != kw))
        return message_fail(msg, OCT_INVALID, "%.100s: a %dx%dx%d window, but another path has %dx%dx%d",
                            path, kd, kh, kw, p->kd, p->kh, p->kw);
    p->kd = kd;
    p->kh = kh;
    p->kw = kw;
    return OCT_OK;
}

static int take_path(struct conv_tensors *t, const struct conv_request *r, int from, int to, bool first,
                     struct oct_message *msg)
{
    struct oct_problem *p = &t->problem;
    const struct npy *w = &t->path[from][to];
    const char *path = r->path[from][to];
    char shape[SHAPE_ROOM], name[4];
    int status, groups, inputs;

    oct_path_name(p, from, to, name);
    if (w->rank != 4 && w->rank != 5)
        return message_fail(msg, OCT_INVALID, "%.100s: shape %.80s, but weights are O I H W or O I D H W",
                            path, npy_shape_text(w, shape));
    if (!p->ic[from])
        return message_fail(msg, OCT_INVALID, "%.100s: weights of path %s, but input band %d is not given",
                            path, name, from);
    if (p->groups == OCT_GROUPS_DEPTHWISE && from != to)
        return message_fail(msg, OCT_INVALID, "%.100s: a depthwise layer has no path %s between bands", path,
                            name);
    status = take_outputs(p, to, (int)w->shape[0], path, msg);
    if (status)
        return status;
    groups = oct_path_get(p, from, to).groups;
    if (groups < 1 || p->ic[from] % groups)
        return message_fail(msg, OCT_INVALID, "%.100s: %d channels do not divide into %d groups", r->in[from],
                            p->ic[from], groups);
    inputs = p->ic[from] / groups;
    if ((int)w->shape[1] != inputs)
        return message_fail(
            msg, OCT_INVALID,
            "%.100s: weights of path %s over %zu input channels, but %d channels of input band %d "
            "make it %d",
            path, name, w->shape[1], p->ic[from], from, inputs);
    p->paths |= OCT_PATH_BIT(from, to);
    return take_window(p, w, path, first, msg);
}

static int take_paths(struct conv_tensors *t, const struct conv_request *r, struct oct_message *msg)
{
    bool first = true;

    t->problem.paths = 0;
    for (int from = 0; from < OCT_MAX_BANDS; from++) {
        for (int to = 0; to < OCT_MAX_BANDS; to++) {
            int status;

            if (!r->path[from][to])
                continue;
            status = take_path(t, r, from, to, first, msg);
            if (status)
                return status;
            first = false;
        }
    }
    if (first)
        return message_fail(msg, OCT_INVALID,
                            "there are no weights: --weights hh=w.npy, or w=w.npy for one band");
    return OCT_OK;
}

static int take_bias(struct conv_tensors *t, const struct conv_request *r, int band, struct oct_message *msg)
{
    char shape[SHAPE_ROOM];

    if (t->bias[band].rank != 1)
        return message_fail(msg, OCT_INVALID, "%.100s: shape %.80s, but a bias has one axis", r->bias[band],
                            npy_shape_text(&t->bias[band], shape));
    t->problem.epilogue |= OCT_EPILOGUE_BIAS;
    return take_outputs(&t->problem, band, (int)t->bias[band].shape[0], r->bias[band], msg);
}

static int take_residual(struct conv_tensors *t, const struct conv_request *r, int band,
                         struct oct_message *msg)
{
    char shape[SHAPE_ROOM];

    if (t->residual[band].rank != 4 && t->residual[band].rank != 5)
        return message_fail(msg, OCT_INVALID, "%.100s: shape %.80s, but a residual has that of the output",
                            r->residual[band], npy_shape_text(&t->residual[band], shape));
    t->problem.epilogue |= OCT_EPILOGUE_RESIDUAL;
    return take_outputs(&t->problem, band, (int)t->residual[band].shape[1], r->residual[band], msg);
}

static int take_epilogue(struct conv_tensors *t, const struct conv_request *r, struct oct_message *msg)
{
    int status = OCT_OK;

    t->problem.epilogue = r->activation;
    for (int b = 0; !status && b < OCT_MAX_BANDS; b++) {
        if (r->bias[b])
            status = take_bias(t, r, b, msg);
        if (!status && r->residual[b])
            status = take_residual(t, r, b, msg);
        if (!status && b < r->oc_count && r->oc[b])
            status = take_outputs(&t->problem, b, r->oc[b], "--oc", msg);
    }
    return status;
}

/* ---- what must be there, now that the problem is known --------------------------------------------- */

static int check_residual(const struct conv_tensors *t, const struct conv_request *r, int band,
                          struct oct_message *msg)
{
    const struct oct_problem *p = &t->problem;
    const struct npy *x = &t->residual[band];
    struct oct_extent e = oct_out_extent(p, band);
    int d = x->rank == 5 ? (int)x->shape[2] : 1;
    char shape[SHAPE_ROOM];

    if ((int)x->shape[0] == p->n && d == e.d && (int)x->shape[x->rank - 2] == e.h &&
        (int)x->shape[x->rank - 1] == e.w)
        return OCT_OK;
    return message_fail(msg, OCT_INVALID, "%.100s: shape %.80s, but output band %d is %d images of %dx%dx%d",
                        r->residual[band], npy_shape_text(x, shape), band, p->n, e.d, e.h, e.w);
}

static int check_output_band(const struct conv_tensors *t, const struct conv_request *r, int band,
                             struct oct_message *msg)
{
    const struct oct_problem *p = &t->problem;

    if (p->oc[band] == 0)
        return r->out[band]
                   ? message_fail(msg, OCT_INVALID,
                                  "%.100s: output band %d has no channels; if no path leads there, --oc "
                                  "says how many",
                                  r->out[band], band)
                   : OCT_OK;
    if (!r->out[band])
        return message_fail(msg, OCT_INVALID, "output band %d has %d channels, but no file: --out %d=y%d.npy",
                            band, p->oc[band], band, band);
    if ((p->epilogue & OCT_EPILOGUE_BIAS) && !r->bias[band])
        return message_fail(msg, OCT_INVALID, "another band has a bias, but output band %d has none", band);
    if ((p->epilogue & OCT_EPILOGUE_RESIDUAL) && !r->residual[band])
        return message_fail(msg, OCT_INVALID, "another band has a residual, but output band %d has none",
                            band);
    return r->residual[band] ? check_residual(t, r, band, msg) : OCT_OK;
}

static void set_fields(struct oct_problem *p, const struct conv_request *r)
{
    for (int i = 0; i < r->set_count; i++)
        (void)oct_field_parse(r->set[i].field, p, r->set[i].text); /* tried where the option was read */
}

int conv_tensors_load(struct conv_tensors *out, const struct conv_request *r, struct oct_message *msg)
{
    struct oct_problem *p = &out->problem;
    int status;

    *out = (struct conv_tensors){.problem = oct_problem_default()};
    p->ic[0] = p->oc[0] = 0;
    oct_problem_set_stride(p, r->stride);
    oct_problem_set_dilation(p, r->dilation);
    p->groups = r->groups;
    set_fields(p, r);
    p->stride_order = r->stride_order;
    status = take_bands(p, r, msg);
    p->down = r->down >= 0 ? (enum oct_down)r->down : p->bands == 1 ? OCT_DOWN_STRIDED : OCT_DOWN_POOL;
    if (!status)
        status = read_all(out, r, msg);
    if (!status)
        status = take_inputs(out, r, msg);
    if (!status)
        status = take_paths(out, r, msg);
    if (!status)
        status = take_epilogue(out, r, msg);
    oct_problem_set_pad(p, r->pad);
    set_fields(p, r);
    if (!status)
        status = oct_problem_check(p, msg);
    for (int b = 0; !status && b < p->bands; b++)
        status = check_output_band(out, r, b, msg);
    return status;
}
