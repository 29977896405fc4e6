/* SPDX-License-Identifier: MIT */
/* The operations of a oneDNN plan: each finds the library's implementation and adds its step. */
#include "onednn_plan.h"

#include <stdio.h>
#include <string.h>

/* ---- steps --------------------------------------------------------------------------------------- */

static struct step *new_step(struct oct_plan *plan, const char *name)
{
    struct step *step = &plan->steps[plan->nsteps];

    if (plan->nsteps == MAX_STEPS)
        onednn_fail(plan, OCT_ERROR, "more steps than a oneDNN plan has room for");
    if (plan->status)
        return NULL;
    plan->nsteps++;
    snprintf(step->name, sizeof(step->name), "%s", name);
    return step;
}

static void add_arg(struct oct_plan *plan, struct step *step, int arg, int tensor)
{
    if (step)
        step->args[step->nargs++] = (dnnl_exec_arg_t){arg, plan->tensors[tensor].memory};
}

/* Steps run one after the other, so all share the memory that the largest needs. */
static void add_scratchpad(struct oct_plan *plan, struct step *step, const_dnnl_primitive_desc_t pd)
{
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    size_t bytes = dnnl_memory_desc_get_size(md);

    if (!bytes)
        return;
    plan->scratchpad_bytes = bytes > plan->scratchpad_bytes ? bytes : plan->scratchpad_bytes;
    add_arg(plan, step, DNNL_ARG_SCRATCHPAD, onednn_add_memory(plan, md, NULL));
}

static struct step *add_primitive(struct oct_plan *plan, const char *name, const_dnnl_primitive_desc_t pd)
{
    struct step *step = new_step(plan, name);
    const char *impl = "";

    if (!step || !onednn_ok(plan, dnnl_primitive_create(&step->primitive, pd), name))
        return NULL;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl);
    snprintf(step->impl, sizeof(step->impl), "%s", impl);
    add_scratchpad(plan, step, pd);
    return step;
}

struct post {
    bool accumulate;
    int residual; /* tensor; 0: none */
    uint32_t activation;
};

static struct post post_of(const struct oct_plan *plan, int band, struct onednn_ending ending)
{
    struct post post = {.accumulate = ending.accumulate};

    if (!ending.epilogue)
        return post;
    post.residual = plan->p.epilogue & OCT_EPILOGUE_RESIDUAL ? RESIDUAL + band : 0;
    post.activation = plan->p.epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6);
    return post;
}

static dnnl_status_t append_posts(const struct oct_plan *plan, dnnl_post_ops_t ops, struct post post)
{
    dnnl_status_t status = dnnl_success;

    if (post.accumulate)
        status = dnnl_post_ops_append_sum(ops, 1);
    if (!status && post.residual)
        status = dnnl_post_ops_append_binary(ops, dnnl_binary_add, onednn_desc(plan, post.residual));
    if (!status && post.activation & OCT_EPILOGUE_RELU)
        status = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
    if (!status && post.activation & OCT_EPILOGUE_RELU6)
        status = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_clip, 0, 6);
    return status;
}

/* NULL after an error. The caller destroys it. */
static dnnl_primitive_attr_t make_attr(struct oct_plan *plan, struct post post)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;

    if (onednn_ok(plan, dnnl_primitive_attr_create(&attr), "attributes") &&
        onednn_ok(plan, dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user),
                  "a scratchpad") &&
        onednn_ok(plan, dnnl_post_ops_create(&ops), "post-ops") &&
        onednn_ok(plan, append_posts(plan, ops, post), "post-ops"))
        onednn_ok(plan, dnnl_primitive_attr_set_post_ops(attr, ops), "post-ops");
    dnnl_post_ops_destroy(ops);
    if (!plan->status)
        return attr;
    dnnl_primitive_attr_destroy(attr);
    return NULL;
}

static void add_post_args(struct oct_plan *plan, struct step *step, struct post post)
{
    if (post.residual)
        add_arg(plan, step, DNNL_ARG_ATTR_MULTIPLE_POST_OP(post.accumulate) | DNNL_ARG_SRC_1, post.residual);
}

/* ---- convolutions -------------------------------------------------------------------------------- */

static bool is_depthwise(const struct oct_plan *plan, int from, int to)
{
    int groups = oct_path_get(&plan->p, from, to).groups;

    return groups > 1 && groups == plan->p.ic[from] && groups == plan->p.oc[to];
}

/* One convolution: between which tensors, and for which path. */
struct conv {
    int from, to, src, dst;
    struct oct_path path;
    int rows, columns; /* of the weights: outputs, and inputs of a group, both with padding lanes */
    int groups;        /* as declared to the library: depthwise grows with the padding lanes */
    dnnl_dims_t dims;  /* of the weights */
    int ndims;
};

static struct conv conv_of(const struct oct_plan *plan, int from, int to, int src, int dst)
{
    struct conv c = {
        .from = from, .to = to, .src = src, .dst = dst, .path = oct_path_get(&plan->p, from, to)};
    int axis = 0;

    c.rows = plan->tensors[dst].channels;
    c.groups = is_depthwise(plan, from, to) ? c.rows : c.path.groups;
    c.columns = plan->tensors[src].channels / c.groups;
    if (c.groups > 1)
        c.dims[axis++] = c.groups;
    c.dims[axis++] = c.rows / c.groups;
    c.dims[axis++] = c.columns;
    onednn_put_spatial(plan, c.dims + axis, plan->p.kd, plan->p.kh, plan->p.kw);
    c.ndims = axis + onednn_spatial_axes(plan);
    return c;
}

static bool conv_desc(struct oct_plan *plan, const struct conv *c, bool bias, dnnl_alg_kind_t algorithm,
                      dnnl_convolution_desc_t *desc)
{
    dnnl_dims_t strides, dilates, pads, bias_dims = {c->rows};
    dnnl_memory_desc_t weights, bias_md;
    int stride = c->path.conv_stride, dilate = plan->p.dilation - 1;

    onednn_put_spatial(plan, strides, 1, stride, stride);
    onednn_put_spatial(plan, dilates, dilate, dilate, dilate);
    onednn_put_spatial(plan, pads, c->path.pad_d, c->path.pad_h, c->path.pad_w);
    return onednn_ok(plan,
                     dnnl_memory_desc_init_by_tag(&weights, c->ndims, c->dims, dnnl_f32, dnnl_format_tag_any),
                     "weights") &&
           onednn_ok(plan, dnnl_memory_desc_init_by_tag(&bias_md, 1, bias_dims, dnnl_f32, dnnl_a),
                     "a bias") &&
           onednn_ok(plan,
                     dnnl_dilated_convolution_forward_desc_init(
                         desc, dnnl_forward_inference, algorithm, onednn_desc(plan, c->src), &weights,
                         bias ? &bias_md : NULL, onednn_desc(plan, c->dst), strides, dilates, pads, pads),
                     "a convolution");
}

/* Small maps: F(4x4) wastes partial tiles, and its weights, four times the plain ones, dominate. Where maps
 * have fewer than 28 x 28 pixels the library's own order (F(2x2) first) is right, above it is not. */
static const char *preferred_impl(const struct oct_plan *plan, const struct conv *c,
                                  dnnl_alg_kind_t algorithm)
{
    int64_t pixels = (int64_t)plan->p.n * c->path.out.h * c->path.out.w;

    return algorithm == dnnl_convolution_winograd && pixels >= 28 * 28 ? "4x3" : NULL;
}

/* Does some position along an axis see no value at all: taps may also straddle a plane smaller than they
 * are apart. */
static bool axis_has_empty_window(int in, int out, int k, int stride, int dilation, int pad)
{
    for (int o = 0; o < out; o++) {
        bool empty = true;

        for (int t = 0; t < k && empty; t++) {
            int64_t at = (int64_t)o * stride + (int64_t)t * dilation - pad;
            empty = at < 0 || at >= in;
        }
        if (empty)
            return true;
    }
    return false;
}

static bool has_empty_window(const struct oct_problem *p, const struct oct_path *path)
{
    struct oct_extent in = path->in, out = path->out;

    return axis_has_empty_window(in.d, out.d, p->kd, 1, p->dilation, path->pad_d) ||
           axis_has_empty_window(in.h, out.h, p->kh, path->conv_stride, p->dilation, path->pad_h) ||
           axis_has_empty_window(in.w, out.w, p->kw, path->conv_stride, p->dilation, path->pad_w);
}

/* What oneDNN 2.6.3 offers, and computes right: its batch-reduce convolution skips the post-ops of empty
 * windows, its GEMM convolution takes residuals from wrong places. (Found by random layers against f32_ref.)
 */
static bool is_usable(const struct oct_plan *plan, const struct conv *c, struct post post, const char *impl)
{
    if (strncmp(impl, "ref", 3) == 0)
        return false;
    if (strstr(impl, "gemm") && post.residual)
        return false;
    return strncmp(impl, "brg", 3) != 0 || !has_empty_window(&plan->p, &c->path);
}

/* The preferred or else the library's first implementation other than its reference loop; NULL: none. */
static dnnl_primitive_desc_t pick(struct oct_plan *plan, const struct conv *c,
                                  const dnnl_convolution_desc_t *desc, const_dnnl_primitive_attr_t attr,
                                  struct post post)
{
    const char *preferred = preferred_impl(plan, c, desc->alg_kind);
    dnnl_primitive_desc_t best = NULL;
    dnnl_primitive_desc_iterator_t i = NULL;

    if (dnnl_primitive_desc_iterator_create(&i, desc, attr, plan->engine, NULL) != dnnl_success)
        return NULL;
    do {
        dnnl_primitive_desc_t pd = dnnl_primitive_desc_iterator_fetch(i);
        const char *impl = "ref";
        bool better;

        dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl);
        better = !best || (preferred && strstr(impl, preferred));
        if (!is_usable(plan, c, post, impl) || !better) {
            dnnl_primitive_desc_destroy(pd);
            continue;
        }
        dnnl_primitive_desc_destroy(best);
        best = pd;
    } while ((preferred || !best) && dnnl_primitive_desc_iterator_next(i) == dnnl_success);
    dnnl_primitive_desc_iterator_destroy(i);
    return best;
}

/* Plain weights with zero rows and columns for the padding lanes. */
static float *pad_weights(struct oct_plan *plan, const struct conv *c)
{
    size_t taps = (size_t)plan->p.kd * plan->p.kh * plan->p.kw, row = (size_t)c->columns * taps;
    size_t given = oct_path_weights(&plan->p, c->from, c->to) / plan->p.oc[c->to];
    float *padded = onednn_allocate(plan, c->rows * row * sizeof(float));

    if (!padded)
        return NULL;
    memset(padded, 0, c->rows * row * sizeof(float));
    for (int o = 0; o < plan->p.oc[c->to]; o++)
        memcpy(padded + o * row, plan->w->path[c->from][c->to] + o * given, given * sizeof(float));
    return padded;
}

static void reorder(struct oct_plan *plan, int src, int dst)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, plan->tensors[src].memory},
                              {DNNL_ARG_TO, plan->tensors[dst].memory}};

    if (onednn_ok(plan,
                  dnnl_reorder_primitive_desc_create(&pd, onednn_desc(plan, src), plan->engine,
                                                     onednn_desc(plan, dst), plan->engine, NULL),
                  "a reorder of the weights") &&
        onednn_ok(plan, dnnl_primitive_create(&primitive, pd), "a reorder of the weights"))
        onednn_ok(plan, dnnl_primitive_execute(primitive, plan->stream, 2, args), "a reorder of the weights");
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
}

/* The path's weights as the primitive wants them. */
static int add_weights(struct oct_plan *plan, const struct conv *c, const_dnnl_primitive_desc_t pd)
{
    static const dnnl_format_tag_t plain[] = {dnnl_abcd, dnnl_abcde, dnnl_abcdef};
    const dnnl_memory_desc_t *wanted = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    size_t bytes = dnnl_memory_desc_get_size(wanted);
    dnnl_memory_desc_t md;
    int given, packed;

    if (!onednn_ok(plan, dnnl_memory_desc_init_by_tag(&md, c->ndims, c->dims, dnnl_f32, plain[c->ndims - 4]),
                   "weights"))
        return 0;
    given = onednn_add_memory(plan, &md, pad_weights(plan, c));
    packed = onednn_add_memory(plan, wanted, onednn_allocate(plan, bytes));
    if (plan->status)
        return 0;
    reorder(plan, given, packed);
    oct_free(plan->tensors[given].data); /* its memory object stays, unused, to the end of the plan */
    plan->tensors[given].data = NULL;
    plan->info.weight_bytes += bytes;
    return packed;
}

static int add_bias(struct oct_plan *plan, int band, int channels)
{
    dnnl_dims_t dims = {channels};
    dnnl_memory_desc_t md;
    float *data;

    if (plan->bias[band])
        return plan->bias[band];
    if (!onednn_ok(plan, dnnl_memory_desc_init_by_tag(&md, 1, dims, dnnl_f32, dnnl_a), "a bias"))
        return 0;
    data = onednn_allocate(plan, (size_t)channels * sizeof(float));
    if (!data)
        return 0;
    memset(data, 0, (size_t)channels * sizeof(float));
    memcpy(data, plan->w->bias[band], (size_t)plan->p.oc[band] * sizeof(float));
    plan->bias[band] = onednn_add_memory(plan, &md, data);
    return plan->bias[band];
}

static void add_conv_step(struct oct_plan *plan, const struct conv *c, bool bias, struct post post,
                          const_dnnl_primitive_desc_t pd)
{
    char name[4];
    struct step *step = add_primitive(plan, oct_path_name(&plan->p, c->from, c->to, name), pd);

    add_arg(plan, step, DNNL_ARG_SRC, c->src);
    add_arg(plan, step, DNNL_ARG_WEIGHTS, add_weights(plan, c, pd));
    if (bias)
        add_arg(plan, step, DNNL_ARG_BIAS, add_bias(plan, c->to, c->rows));
    add_arg(plan, step, DNNL_ARG_DST, c->dst);
    add_post_args(plan, step, post);
}

/* False if the library has no implementation worth the name; true if the step was added or an error stands.
 */
static bool add_conv(struct oct_plan *plan, const struct conv *c, struct onednn_ending ending,
                     dnnl_alg_kind_t algorithm)
{
    bool bias = ending.bias && plan->p.epilogue & OCT_EPILOGUE_BIAS;
    struct post post = post_of(plan, c->to, ending);
    dnnl_convolution_desc_t desc;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd;

    if (!conv_desc(plan, c, bias, algorithm, &desc))
        return true;
    attr = make_attr(plan, post);
    if (!attr)
        return true;
    pd = pick(plan, c, &desc, attr, post);
    dnnl_primitive_attr_destroy(attr);
    if (!pd)
        return false;
    add_conv_step(plan, c, bias, post, pd);
    dnnl_primitive_desc_destroy(pd);
    plan->winograd |= algorithm == dnnl_convolution_winograd;
    return true;
}

/* ---- the other primitives ------------------------------------------------------------------------ */

static int add_pool(struct oct_plan *plan, int src, int channels, int log2)
{
    const struct tensor *t = &plan->tensors[src];
    int size = 1 << log2;
    struct oct_extent e = {t->e.d, oct_ceil_div(t->e.h, size), oct_ceil_div(t->e.w, size)};
    int dst = onednn_add_scratch(plan, t->layout, channels, e);
    dnnl_dims_t window, left = {0}, right;
    dnnl_pooling_desc_t desc;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd = NULL;
    struct step *step;

    if (!dst)
        return 0;
    onednn_put_spatial(plan, window, 1, size, size);
    onednn_put_spatial(plan, right, 0, e.h * size - t->e.h, e.w * size - t->e.w); /* ceil mode */
    if (!onednn_ok(plan,
                   dnnl_pooling_forward_desc_init(&desc, dnnl_forward_inference,
                                                  dnnl_pooling_avg_exclude_padding, onednn_desc(plan, src),
                                                  onednn_desc(plan, dst), window, window, left, right),
                   "a pooling"))
        return 0;
    attr = make_attr(plan, (struct post){.accumulate = false});
    if (!attr ||
        !onednn_ok(plan, dnnl_primitive_desc_create(&pd, &desc, attr, plan->engine, NULL), "a pooling")) {
        dnnl_primitive_attr_destroy(attr);
        return 0;
    }
    step = add_primitive(plan, "pool", pd);
    add_arg(plan, step, DNNL_ARG_SRC, src);
    add_arg(plan, step, DNNL_ARG_DST, dst);
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    return dst;
}

static dnnl_primitive_desc_t resampling_desc(struct oct_plan *plan, int src, int dst, struct post post)
{
    dnnl_resampling_desc_t desc;
    dnnl_primitive_attr_t attr = make_attr(plan, post);
    dnnl_primitive_desc_t pd = NULL;

    if (attr &&
        dnnl_resampling_forward_desc_init(&desc, dnnl_forward_inference, dnnl_resampling_nearest, NULL,
                                          onednn_desc(plan, src), onednn_desc(plan, dst)) == dnnl_success)
        dnnl_primitive_desc_create(&pd, &desc, attr, plan->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    return pd;
}

/* Upsampling by a whole factor; false if the library has none with these post-ops. */
static bool add_resampling(struct oct_plan *plan, int src, int dst, struct post post)
{
    dnnl_primitive_desc_t pd = resampling_desc(plan, src, dst, post);
    const char *impl = "";
    struct step *step;

    if (!pd)
        return plan->status;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl);
    if (post.residual && strncmp(impl, "jit", 3) != 0) { /* the others read wrong places in oneDNN 2.6.3 */
        dnnl_primitive_desc_destroy(pd);
        return false;
    }
    step = add_primitive(plan, "upsample", pd);
    add_arg(plan, step, DNNL_ARG_SRC, src);
    add_arg(plan, step, DNNL_ARG_DST, dst);
    add_post_args(plan, step, post);
    dnnl_primitive_desc_destroy(pd);
    return true;
}

static void add_cropped(struct oct_plan *plan, int src, int dst, int up)
{
    struct step *step = new_step(plan, "upsample");

    if (!step)
        return;
    snprintf(step->impl, sizeof(step->impl), "own:cropped");
    step->src = src;
    step->dst = dst;
    step->up = up;
}

static void add_binary(struct oct_plan *plan, int a, int b, int dst, struct post post)
{
    dnnl_binary_desc_t desc;
    dnnl_primitive_attr_t attr = make_attr(plan, post);
    dnnl_primitive_desc_t pd = NULL;
    struct step *step;

    if (!attr)
        return;
    if (onednn_ok(plan,
                  dnnl_binary_desc_init(&desc, dnnl_binary_add, onednn_desc(plan, a), onednn_desc(plan, b),
                                        onednn_desc(plan, dst)),
                  "an addition") &&
        onednn_ok(plan, dnnl_primitive_desc_create(&pd, &desc, attr, plan->engine, NULL), "an addition")) {
        step = add_primitive(plan, "add", pd);
        add_arg(plan, step, DNNL_ARG_SRC_0, a);
        add_arg(plan, step, DNNL_ARG_SRC_1, b);
        add_arg(plan, step, DNNL_ARG_DST, dst);
        add_post_args(plan, step, post);
    }
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
}

static void add_activation(struct oct_plan *plan, int tensor)
{
    bool clip = plan->p.epilogue & OCT_EPILOGUE_RELU6;
    dnnl_eltwise_desc_t desc;
    dnnl_primitive_attr_t attr = make_attr(plan, (struct post){.accumulate = false});
    dnnl_primitive_desc_t pd = NULL;
    struct step *step;

    if (!attr)
        return;
    if (onednn_ok(plan,
                  dnnl_eltwise_forward_desc_init(&desc, dnnl_forward_inference,
                                                 clip ? dnnl_eltwise_clip : dnnl_eltwise_relu,
                                                 onednn_desc(plan, tensor), 0, clip ? 6 : 0),
                  "an activation") &&
        onednn_ok(plan, dnnl_primitive_desc_create(&pd, &desc, attr, plan->engine, NULL), "an activation")) {
        step = add_primitive(plan, "activation", pd);
        add_arg(plan, step, DNNL_ARG_SRC, tensor);
        add_arg(plan, step, DNNL_ARG_DST, tensor);
    }
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
}

/* The epilogue as operations of its own, where it could not ride on another. */
static void add_epilogue(struct oct_plan *plan, int band, int tensor)
{
    struct post post = post_of(plan, band, (struct onednn_ending){.epilogue = true});

    if (post.residual)
        add_binary(plan, tensor, post.residual, tensor, (struct post){.activation = post.activation});
    else if (post.activation)
        add_activation(plan, tensor);
}

/* ---- what compositions call ---------------------------------------------------------------------- */

int onednn_pooled(struct oct_plan *plan, int from, int to)
{
    struct oct_path path = oct_path_get(&plan->p, from, to);
    int *pooled = plan->pooled[from][path.pre];

    if (path.pre && !pooled[0])
        pooled[0] = add_pool(plan, IN + from, plan->p.ic[from], path.pre);
    if (!path.pool)
        return path.pre ? pooled[0] : IN + from;
    if (!pooled[path.pool])
        pooled[path.pool] = add_pool(plan, path.pre ? pooled[0] : IN + from, plan->p.ic[from], path.pool);
    return pooled[path.pool];
}

int onednn_scratch(struct oct_plan *plan, int band, struct oct_extent e)
{
    return onednn_add_scratch(plan, plan->layout, plan->p.oc[band], e);
}

/* Winograd where it was asked for and exists, else direct. */
static bool add_best_conv(struct oct_plan *plan, int from, int to, int src, int dst,
                          struct onednn_ending ending)
{
    struct conv c;

    if (plan->status)
        return true;
    c = conv_of(plan, from, to, src, dst);
    return (plan->algorithm == OCT_ALGORITHM_WINOGRAD &&
            add_conv(plan, &c, ending, dnnl_convolution_winograd)) ||
           add_conv(plan, &c, ending, dnnl_convolution_direct);
}

/* Groups cannot share a block, and their channels cannot be rounded up one by one. */
static bool fills_blocks(struct oct_plan *plan, int from, int to)
{
    struct oct_path path = oct_path_get(&plan->p, from, to);
    int block = oct_layout_block(plan->layout);

    if (path.groups == 1 || is_depthwise(plan, from, to))
        return true;
    if (plan->p.ic[from] / path.groups % block == 0 && plan->p.oc[to] / path.groups % block == 0)
        return true;
    plan->status = oct_fail(
        plan->msg, OCT_UNSUPPORTED, "groups of %d inputs and %d outputs do not fill the blocks of %s",
        plan->p.ic[from] / path.groups, plan->p.oc[to] / path.groups, oct_layout_name(plan->layout));
    return false;
}

/* First with everything fused; then with the epilogue apart; last with the sum apart too. */
void onednn_conv(struct oct_plan *plan, int from, int to, int src, int dst, struct onednn_ending ending)
{
    struct onednn_ending less = {.accumulate = ending.accumulate, .bias = ending.bias};
    char name[4];
    int share;

    if (plan->status || !fills_blocks(plan, from, to) || add_best_conv(plan, from, to, src, dst, ending))
        return;
    if (ending.epilogue && add_best_conv(plan, from, to, src, dst, less)) {
        add_epilogue(plan, to, dst);
        return;
    }
    less.accumulate = false;
    if (ending.accumulate) {
        share = onednn_scratch(plan, to, plan->tensors[dst].e);
        if (add_best_conv(plan, from, to, src, share, less)) {
            onednn_add(plan, to, dst, share, dst, ending.epilogue);
            return;
        }
    }
    if (!plan->status)
        plan->status =
            oct_fail(plan->msg, OCT_UNSUPPORTED, "oneDNN has only its reference loop for path %s in %s",
                     oct_path_name(&plan->p, from, to, name), oct_layout_name(plan->layout));
}

void onednn_upsample(struct oct_plan *plan, int band, int up, int src, int dst, struct onednn_ending ending)
{
    const struct tensor *low = &plan->tensors[src], *high = &plan->tensors[dst];
    /* The library scales by the ratio of the extents, so that 4 -> 7 would not be a factor of 2. */
    bool whole = low->e.h << up == high->e.h && low->e.w << up == high->e.w;
    int copy;

    if (plan->status || (whole && add_resampling(plan, src, dst, post_of(plan, band, ending))))
        return;
    if (!ending.accumulate) {
        if (!whole || !add_resampling(plan, src, dst, (struct post){.accumulate = false}))
            add_cropped(plan, src, dst, up);
        if (ending.epilogue)
            add_epilogue(plan, band, dst);
        return;
    }
    copy = onednn_scratch(plan, band, high->e);
    add_cropped(plan, src, copy, up);
    onednn_add(plan, band, dst, copy, dst, ending.epilogue);
}

void onednn_add(struct oct_plan *plan, int band, int a, int b, int dst, bool epilogue)
{
    if (!plan->status)
        add_binary(plan, a, b, dst, post_of(plan, band, (struct onednn_ending){.epilogue = epilogue}));
}
