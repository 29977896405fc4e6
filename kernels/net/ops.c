/* SPDX-License-Identifier: MIT */
/* Networks: nodes that are no convolutions, on blocked layouts. Every loop over a block's lanes has a
 * constant length, so that compilers turn it into vectors. */
#include "net/net.h"

#include <math.h>
#include <string.h>

#define MOST_LANES 16

static float activate(uint32_t epilogue, float value)
{
    if (epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6))
        value = value > 0 ? value : 0;
    if (epilogue & OCT_EPILOGUE_RELU6)
        value = value < 6 ? value : 6;
    return value;
}

/* ---- windows ------------------------------------------------------------------------------------- */

/* The taps of an axis that fall inside: from `first` on, `count` of them, `step` apart. */
struct taps {
    int first, count, step;
};

static struct taps taps_at(int at, int stride, int pad, int k, int dilation, int extent)
{
    struct taps t = {at * stride - pad, k, dilation};

    while (t.count > 0 && t.first < 0) {
        t.first += dilation;
        t.count--;
    }
    while (t.count > 0 && t.first + (t.count - 1) * dilation >= extent)
        t.count--;
    return t;
}

/* One output pixel: the largest, or the average, of the window's values. */
static inline void pool_pixel(const float *plane, struct oct_extent e, const struct taps t[3], bool largest,
                              int lanes, float *out)
{
    int count = t[0].count * t[1].count * t[2].count;
    float value[MOST_LANES];

    for (int l = 0; l < lanes; l++)
        value[l] = largest && count ? -INFINITY : 0;
    for (int z = 0; z < t[0].count; z++)
        for (int y = 0; y < t[1].count; y++)
            for (int x = 0; x < t[2].count; x++) {
                const float *in =
                    plane +
                    (((ptrdiff_t)(t[0].first + z * t[0].step) * e.h + (t[1].first + y * t[1].step)) * e.w +
                     (t[2].first + x * t[2].step)) *
                        lanes;

                for (int l = 0; l < lanes; l++)
                    value[l] = !largest ? value[l] + in[l] : in[l] > value[l] ? in[l] : value[l];
            }
    for (int l = 0; l < lanes; l++)
        out[l] = largest || !count ? value[l] : value[l] / (float)count;
}

static inline void pool_row(const struct net_node *node, const struct oct_path *path, const float *plane,
                            float *out, int z, int y, int lanes)
{
    const struct oct_problem *p = &node->p;
    struct taps t[3] = {taps_at(z, path->stride_d, path->pad_front, p->kd, p->dilation_d, path->in.d),
                        taps_at(y, path->stride_h, path->pad_top, p->kh, p->dilation_h, path->in.h)};
    bool largest = node->op == OCT_OP_MAX_POOL;

    for (int x = 0; x < path->out.w; x++) {
        t[2] = taps_at(x, path->stride_w, path->pad_left, p->kw, p->dilation_w, path->in.w);
        pool_pixel(plane, path->in, t, largest, lanes, out + (ptrdiff_t)x * lanes);
    }
}

/* Rows of all blocks of all images are dealt out. */
static inline void pool_band(const struct net_node *node, const struct net_maps *m, int band, int lanes,
                             int thread, int team)
{
    struct oct_path path = net_pool_path(&node->p, band);
    int blocks = node->p.n * oct_ceil_div(node->p.ic[band], lanes), rows = path.out.d * path.out.h;
    size_t in_plane = (size_t)path.in.d * path.in.h * path.in.w * lanes, row = (size_t)path.out.w * lanes;
    int first, last;

    oct_share(blocks * rows, team, thread, &first, &last);
    for (int i = first; i < last; i++)
        pool_row(node, &path, m->in[0][band] + i / rows * in_plane, m->out[band] + i * row,
                 i % rows / path.out.h, i % path.out.h, lanes);
}

/* ---- one value a channel -------------------------------------------------------------------------- */

static size_t plane_pixels(struct oct_extent e)
{
    return (size_t)e.d * e.h * e.w;
}

/* Of channel c, counted over all bands, of an image: which band, and which channel of it. */
static int band_of(const struct oct_problem *p, int *c)
{
    int band = 0;

    while (*c >= p->ic[band])
        *c -= p->ic[band++];
    return band;
}

static float channel_mean(const float *map, size_t pixels, int channels, int image, int c, int lanes)
{
    int blocks = oct_ceil_div(channels, lanes);
    const float *in = map + ((size_t)(image * blocks + c / lanes) * pixels) * lanes + c % lanes;
    double sum = 0;

    for (size_t i = 0; i < pixels; i++)
        sum += in[i * lanes];
    return (float)(sum / (double)pixels);
}

static void global_pool(const struct net_node *node, const struct net_maps *m, int lanes, int thread,
                        int team)
{
    const struct oct_problem *p = &node->p;
    int channels = node->out[0].c, padded = oct_ceil_div(channels, lanes) * lanes, first, last;

    oct_share(p->n * padded, team, thread, &first, &last);
    for (int i = first; i < last; i++) {
        int c = i % padded, band = 0;

        if (c < channels)
            band = band_of(p, &c);
        m->out[0][i] = i % padded < channels
                           ? channel_mean(m->in[0][band], plane_pixels(oct_in_extent(p, band)), p->ic[band],
                                          i / padded, c, lanes)
                           : 0;
    }
}

/* Padding lanes of the map are zero and stay so, whatever they are multiplied by. */
static inline void scale_band(const struct net_node *node, const struct net_maps *m, int band, int lanes,
                              int thread, int team)
{
    const struct oct_problem *p = &node->p;
    size_t pixels = plane_pixels(oct_in_extent(p, band));
    int blocks = oct_ceil_div(p->ic[band], lanes), before = 0, all = 0, first, last;

    for (int b = 0; b < p->bands; b++) {
        before += b < band ? p->ic[b] : 0;
        all += p->ic[b];
    }
    all = oct_ceil_div(all, lanes) * lanes;
    oct_share(p->n * blocks, team, thread, &first, &last);
    for (int i = first; i < last; i++) {
        const float *in = m->in[0][band] + i * pixels * lanes;
        float *out = m->out[band] + i * pixels * lanes, factor[MOST_LANES];

        for (int l = 0; l < lanes; l++) {
            int c = i % blocks * lanes + l;

            factor[l] = c < p->ic[band] ? 1 / (1 + expf(-m->in[1][0][i / blocks * all + before + c])) : 0;
        }
        for (size_t x = 0; x < pixels; x++)
            for (int l = 0; l < lanes; l++)
                out[x * lanes + l] = activate(p->epilogue, in[x * lanes + l] * factor[l]);
    }
}

static void add_band(const struct net_node *node, const struct net_maps *m, int band, int thread, int team)
{
    size_t values = oct_tensor_bytes(&node->out[band]) / sizeof(float);
    size_t first = values * thread / team, last = values * (thread + 1) / team;

    for (size_t i = first; i < last; i++)
        m->out[band][i] = activate(node->p.epilogue, m->in[0][band][i] + m->in[1][band][i]);
}

/* ---- any of them --------------------------------------------------------------------------------- */

static inline void run_band(const struct net_node *node, const struct net_maps *m, int band, int lanes,
                            int thread, int team)
{
    if (node->op == OCT_OP_ADD)
        add_band(node, m, band, thread, team);
    else if (node->op == OCT_OP_SCALE)
        scale_band(node, m, band, lanes, thread, team);
    else
        pool_band(node, m, band, lanes, thread, team);
}

void net_run_op(const struct net_node *node, const struct net_maps *maps, int thread, int team)
{
    if (node->op == OCT_OP_GLOBAL_POOL) {
        global_pool(node, maps, oct_layout_block(maps->layout), thread, team);
        return;
    }
    for (int b = 0; b < node->p.bands; b++) {
        if (node->p.ic[b] == 0)
            continue;
        if (maps->layout == OCT_NCHW16C)
            run_band(node, maps, b, 16, thread, team);
        else if (maps->layout == OCT_NCHW8C)
            run_band(node, maps, b, 8, thread, team);
        else
            run_band(node, maps, b, 1, thread, team);
    }
}
