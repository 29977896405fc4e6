/* SPDX-License-Identifier: MIT */
/* The convolutions of a oneDNN plan: which of the library's implementations, and its weights. */
#include "onednn/conv.h"

#include <stdio.h>
#include <string.h>

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

static struct api_conv describe_conv(const struct oct_plan *plan, const struct conv *c, bool bias,
                                     dnnl_alg_kind_t algorithm)
{
    const struct oct_path *path = &c->path;
    struct api_conv conv = {.algorithm = algorithm,
                            .src = onednn_desc(plan, c->src),
                            .dst = onednn_desc(plan, c->dst),
                            .weights_ndims = c->ndims,
                            .bias = bias ? c->rows : 0};

    memcpy(conv.weights, c->dims, sizeof(conv.weights));
    onednn_put_spatial(plan, conv.strides, path->stride_d, path->stride_h, path->stride_w);
    onednn_put_spatial(plan, conv.dilates, plan->p.dilation_d - 1, plan->p.dilation_h - 1,
                       plan->p.dilation_w - 1);
    onednn_put_spatial(plan, conv.left, path->pad_front, path->pad_top, path->pad_left);
    onednn_put_spatial(plan, conv.right, path->pad_back, path->pad_bottom, path->pad_right);
    return conv;
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

    return axis_has_empty_window(in.d, out.d, p->kd, path->stride_d, p->dilation_d, path->pad_front) ||
           axis_has_empty_window(in.h, out.h, p->kh, path->stride_h, p->dilation_h, path->pad_top) ||
           axis_has_empty_window(in.w, out.w, p->kw, path->stride_w, p->dilation_w, path->pad_left);
}

/* What oneDNN 2.6.3 offers, and computes right: its batch-reduce convolution skips the post-ops of empty
 * windows, its GEMM convolution takes residuals from wrong places. (Found by random layers against f32_ref.)
 */
static bool is_usable(const struct oct_plan *plan, const struct conv *c, struct onednn_post post,
                      const char *impl)
{
    if (strncmp(impl, "ref", 3) == 0)
        return false;
    if (strstr(impl, "gemm") && post.residual)
        return false;
    return strncmp(impl, "brg", 3) != 0 || !has_empty_window(&plan->p, &c->path);
}

/* The preferred or else the library's first implementation other than its reference loop; NULL: none. */
static dnnl_primitive_desc_t pick(struct oct_plan *plan, const struct conv *c, const struct api_conv *conv,
                                  const_dnnl_primitive_attr_t attr, struct onednn_post post)
{
    const char *preferred = preferred_impl(plan, c, conv->algorithm);
    dnnl_primitive_desc_t best = NULL;
    struct api_convs convs;

    if (api_convs_first(&convs, conv, plan->engine, attr))
        return NULL;
    do {
        dnnl_primitive_desc_t pd = api_convs_get(&convs);
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
    } while ((preferred || !best) && api_convs_next(&convs));
    api_convs_end(&convs);
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
    api_desc wanted = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    size_t bytes = dnnl_memory_desc_get_size(wanted);
    int given, packed;

    given = onednn_add_plain(plan, c->ndims, c->dims, plain[c->ndims - 4], pad_weights(plan, c));
    packed = onednn_add_memory(plan, wanted, onednn_allocate(plan, bytes));
    if (plan->status)
        return 0;
    reorder(plan, given, packed);
    oct_free(plan->tensors[given].data); /* its memory object stays, unused, to the end of the plan */
    plan->tensors[given].data = NULL;
    plan->head.info.weight_bytes += bytes;
    return packed;
}

static int add_bias(struct oct_plan *plan, int band, int channels)
{
    float *data;

    if (plan->bias[band])
        return plan->bias[band];
    data = onednn_allocate(plan, (size_t)channels * sizeof(float));
    if (!data)
        return 0;
    memset(data, 0, (size_t)channels * sizeof(float));
    memcpy(data, plan->w->bias[band], (size_t)plan->p.oc[band] * sizeof(float));
    plan->bias[band] = onednn_add_plain(plan, 1, (dnnl_dims_t){channels}, dnnl_a, data);
    return plan->bias[band];
}

static void add_conv_step(struct oct_plan *plan, const struct conv *c, bool bias, struct onednn_post post,
                          const_dnnl_primitive_desc_t pd)
{
    char name[4];
    struct step *step = onednn_add_primitive(plan, oct_path_name(&plan->p, c->from, c->to, name), pd);

    onednn_add_arg(plan, step, DNNL_ARG_SRC, c->src);
    onednn_add_arg(plan, step, DNNL_ARG_WEIGHTS, add_weights(plan, c, pd));
    if (bias)
        onednn_add_arg(plan, step, DNNL_ARG_BIAS, add_bias(plan, c->to, c->rows));
    onednn_add_arg(plan, step, DNNL_ARG_DST, c->dst);
    onednn_add_post_args(plan, step, post);
}

/* False and true as onednn_add_conv(). */
static bool add_conv_by(struct oct_plan *plan, const struct conv *c, struct ending ending,
                        dnnl_alg_kind_t algorithm)
{
    bool bias = ending.bias && plan->p.epilogue & OCT_EPILOGUE_BIAS;
    struct onednn_post post = onednn_post_of(plan, c->to, ending);
    struct api_conv conv = describe_conv(plan, c, bias, algorithm);
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd;

    attr = onednn_make_attr(plan, post);
    if (!attr)
        return true;
    pd = pick(plan, c, &conv, attr, post);
    dnnl_primitive_attr_destroy(attr);
    if (!pd)
        return false;
    add_conv_step(plan, c, bias, post, pd);
    dnnl_primitive_desc_destroy(pd);
    plan->winograd |= algorithm == dnnl_convolution_winograd;
    return true;
}

bool onednn_add_conv(struct oct_plan *plan, int from, int to, int src, int dst, struct ending ending)
{
    struct conv c;

    if (plan->status)
        return true;
    c = conv_of(plan, from, to, src, dst);
    return (plan->algorithm == OCT_ALGORITHM_WINOGRAD &&
            add_conv_by(plan, &c, ending, dnnl_convolution_winograd)) ||
           add_conv_by(plan, &c, ending, dnnl_convolution_direct);
}

/* Groups cannot share a block, and their channels cannot be rounded up one by one. */
bool onednn_fills_blocks(struct oct_plan *plan, int from, int to)
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
