/* SPDX-License-Identifier: MIT */
/*
 * Random small networks whose bands come and go from node to node, with sums, pooling and excitation, against
 * the reference in plain layout: integers in, equality out.
 * test_net_random [LEVEL [SEED [COUNT]]]
 */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MOST_NODES 40

static uint64_t seed = 20190410;
static int count = 150;

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static int pick(uint64_t *state, int low, int high)
{
    return low + (int)(next(state) % (uint64_t)(high - low + 1));
}

/* ---- a random network ---------------------------------------------------------------------------- */

struct network {
    struct oct_node node[MOST_NODES];
    struct oct_problem shape; /* n d h w bands ic of the newest node's output */
    float *owned[MOST_NODES * 20];
    int nodes, owned_count;
    int halvings; /* bits behind the point that averages have added so far */
    uint64_t state;
};

static float *values(struct network *n, size_t size, int magnitude)
{
    float *data = oct_alloc((size + 1) * sizeof(float));

    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (float)pick(&n->state, -magnitude, magnitude);
    return n->owned[n->owned_count++] = data;
}

static struct oct_node *add(struct network *n, enum oct_op op, int from, const char *name)
{
    struct oct_node *node = n->node + n->nodes++;

    *node = (struct oct_node){.name = name, .op = op, .input = {from, -1}, .problem = oct_problem_default()};
    node->problem.n = n->shape.n;
    node->problem.d = n->shape.d;
    node->problem.h = n->shape.h;
    node->problem.w = n->shape.w;
    node->problem.bands = n->shape.bands;
    memcpy(node->problem.ic, n->shape.ic, sizeof(n->shape.ic));
    memcpy(node->problem.oc, n->shape.ic, sizeof(n->shape.ic));
    return node;
}

/* Sparse: a few 1 and -1, so that sums stay small over many layers. */
static void give_weights(struct network *n, struct oct_node *node)
{
    const struct oct_problem *p = &node->problem;

    for (int to = 0; to < p->bands; to++) {
        node->weights.bias[to] = values(n, (size_t)p->oc[to], 1);
        for (int from = 0; from < p->bands; from++) {
            size_t size = oct_path_weights(p, from, to);
            float *w;

            if (!size)
                continue;
            node->weights.path[from][to] = w = values(n, size, 0);
            for (size_t i = 0; i < size; i++)
                w[i] = pick(&n->state, 0, 15) ? 0 : 1 - 2 * (float)pick(&n->state, 0, 1);
        }
    }
}

/* Bits behind the point that the averages of the layer add; many where they are not exact. */
static int halvings(const struct oct_problem *p)
{
    int most = 0;

    if (!oct_integers_exact(p, 1))
        return 100;
    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            if (oct_path_exists(p, from, to) && 2 * oct_path_get(p, from, to).pool > most)
                most = 2 * oct_path_get(p, from, to).pool;
    return most;
}

/* Up to three bands of output, or one where averages would not be exact. */
static void random_bands(struct network *n, struct oct_problem *p)
{
    static const int channels[] = {1, 3, 8, 16, 20, 32};
    int bands = pick(&n->state, 1, 3);

    p->bands = bands > p->bands ? bands : p->bands;
    for (int b = 0; b < p->bands; b++)
        p->oc[b] = b < bands ? channels[pick(&n->state, 0, 5)] : 0;
    for (int b = 1; b < p->bands && n->halvings + halvings(p) > 10; b++)
        memset(p->oc + 1, 0, 3 * sizeof(p->oc[0]));
}

static void after_conv(struct network *n, const struct oct_problem *p)
{
    struct oct_extent e = oct_out_extent(p, 0);

    n->shape.h = e.h;
    n->shape.w = e.w;
    n->shape.bands = p->bands;
    while (n->shape.bands > 1 && p->oc[n->shape.bands - 1] == 0)
        n->shape.bands--;
    memcpy(n->shape.ic, p->oc, sizeof(p->oc));
}

static bool same_bands(const struct oct_problem *p)
{
    return memcmp(p->ic, p->oc, sizeof(p->ic)) == 0;
}

static void add_conv(struct network *n, int residual)
{
    struct oct_node *node = add(n, OCT_OP_CONV, n->nodes - 1, "conv");
    struct oct_problem *p = &node->problem;

    p->kh = p->kw = pick(&n->state, 0, 1) ? 3 : 1;
    if (residual < 0 || n->halvings + halvings(p) > 10)
        random_bands(n, p);
    n->halvings += halvings(p);
    p->epilogue = OCT_EPILOGUE_BIAS | OCT_EPILOGUE_RELU6;
    if (residual >= 0 && same_bands(p)) {
        p->epilogue |= OCT_EPILOGUE_RESIDUAL;
        node->input[1] = residual;
    }
    give_weights(n, node);
    after_conv(n, p);
}

static void add_pool(struct network *n)
{
    struct oct_node *node =
        add(n, pick(&n->state, 0, 2) ? OCT_OP_MAX_POOL : OCT_OP_AVG_POOL, n->nodes - 1, "pool");
    struct oct_problem *p = &node->problem;

    p->kh = p->kw = node->op == OCT_OP_AVG_POOL ? 2 : 3;
    oct_problem_set_pad(p, node->op == OCT_OP_AVG_POOL ? 0 : 1);
}

static void add_sum(struct network *n, int other)
{
    struct oct_node *node = add(n, OCT_OP_ADD, n->nodes - 1, "add");

    node->input[1] = other;
    node->problem.epilogue = OCT_EPILOGUE_RELU;
}

static void add_scale(struct network *n)
{
    int scaled = n->nodes - 1, channels = 0;
    struct oct_node *node = add(n, OCT_OP_GLOBAL_POOL, scaled, "squeeze");

    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        channels += node->problem.ic[b];
        node->problem.oc[b] = 0;
    }
    node->problem.oc[0] = channels;
    node = add(n, OCT_OP_SCALE, scaled, "scale");
    node->input[1] = n->nodes - 2;
}

static void random_network(struct network *n, uint64_t at)
{
    *n = (struct network){.state = at * UINT64_C(0x9e3779b97f4a7c15) + 1, .shape = oct_problem_default()};
    for (int i = 0; i < 8; i++)
        next(&n->state);
    n->shape.n = pick(&n->state, 1, 2);
    n->shape.h = pick(&n->state, 6, 17);
    n->shape.w = pick(&n->state, 6, 17);
    n->shape.ic[0] = pick(&n->state, 1, 20);
    add(n, OCT_OP_INPUT, -1, "input");
    for (int i = pick(&n->state, 1, 4); i > 0; i--) {
        int before;

        add_conv(n, -1);
        before = n->nodes - 1;
        add_conv(n, pick(&n->state, 0, 1) ? before : -1);
        if (pick(&n->state, 0, 2) == 0 && n->node[n->nodes - 1].input[1] >= 0)
            add_sum(n, before);
    }
    if (pick(&n->state, 0, 3) == 0)
        add_scale(n);
    else if (n->shape.bands == 1)
        add_pool(n);
}

/* ---- the reference chain ------------------------------------------------------------------------- */

struct bands {
    struct oct_tensor t[OCT_MAX_BANDS];
};

static struct bands plain_outputs(struct network *n, const struct oct_net_node_info *info)
{
    struct bands out;

    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        out.t[b] = info->out[b];
        out.t[b].layout = OCT_NCHW;
        out.t[b].data = out.t[b].c ? values(n, oct_tensor_bytes(&out.t[b]) / sizeof(float), 0) : NULL;
    }
    return out;
}

static void reference_conv(const struct oct_node *node, const struct bands *in, const struct bands *residual,
                           struct bands *out)
{
    struct oct_plan_options options = {.threads = 1};
    struct oct_message msg;
    struct oct_plan *plan;
    struct oct_io io = {0};

    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        io.in[b] = in->t[b].data;
        io.residual[b] = residual ? residual->t[b].data : NULL;
        io.out[b] = out->t[b].data;
    }
    if (oct_plan_create(&plan, oct_kernels[0], &node->problem, &node->weights, &options, &msg))
        fail_msg("%s", msg.text);
    assert_int_equal(oct_execute(plan, &io), OCT_OK);
    oct_plan_destroy(plan);
}

static float at(const struct oct_tensor *t, int c, int y, int x)
{
    return ((float *)t->data)[((size_t)c * t->e.h + y) * t->e.w + x];
}

static float pooled(const struct oct_node *node, const struct oct_tensor *in, int c, int y, int x)
{
    const struct oct_problem *p = &node->problem;
    float most = -INFINITY, sum = 0;
    int seen = 0;

    for (int i = y - p->pad_top; i < y - p->pad_top + p->kh; i++)
        for (int j = x - p->pad_left; j < x - p->pad_left + p->kw; j++)
            if (i >= 0 && i < in->e.h && j >= 0 && j < in->e.w) {
                most = fmaxf(most, at(in, c, i, j));
                sum += at(in, c, i, j);
                seen++;
            }
    return node->op == OCT_OP_MAX_POOL ? most : sum / (float)seen;
}

static float mean(const struct oct_tensor *t, int c)
{
    float sum = 0;

    for (int y = 0; y < t->e.h; y++)
        for (int x = 0; x < t->e.w; x++)
            sum += at(t, c, y, x);
    return sum / (float)(t->e.h * t->e.w);
}

static void reference_band(const struct oct_node *node, const struct bands *in, const struct bands *other,
                           int b, int channel, struct oct_tensor *out)
{
    const struct oct_tensor *t = &in->t[b];
    float *to = out->data;
    int channels = t->n * t->c;

    for (int c = 0; c < channels; c++) {
        int vector = c / t->c * (other ? other->t[0].c : out->c) + channel + c % t->c;

        if (node->op == OCT_OP_GLOBAL_POOL) {
            to[vector] = mean(t, c);
            continue;
        }
        for (int y = 0; y < out->e.h; y++)
            for (int x = 0; x < out->e.w; x++, to++) {
                if (node->op == OCT_OP_ADD)
                    *to = fmaxf(at(t, c, y, x) + at(&other->t[b], c, y, x), 0);
                else if (node->op == OCT_OP_SCALE)
                    *to = at(t, c, y, x) * (1.0f / (1.0f + expf(-((float *)other->t[0].data)[vector])));
                else
                    *to = pooled(node, t, c, y, x);
            }
    }
}

static void reference_node(const struct oct_node *node, const struct bands *all, struct bands *out)
{
    const struct bands *in = all + node->input[0], *other = node->input[1] < 0 ? NULL : all + node->input[1];
    int channel = 0;

    if (node->op == OCT_OP_CONV) {
        reference_conv(node, in, other, out);
        return;
    }
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        if (in->t[b].c == 0)
            continue;
        reference_band(node, in, other, b, channel, &out->t[node->op == OCT_OP_GLOBAL_POOL ? 0 : b]);
        channel += in->t[b].c;
    }
}

/* ---- comparison ---------------------------------------------------------------------------------- */

static bool same_values(struct network *n, const struct oct_tensor *want, const struct oct_tensor *got)
{
    struct oct_tensor plain = *want;
    size_t count_of = oct_tensor_bytes(want) / sizeof(float);

    plain.data = values(n, count_of, 0);
    assert_int_equal(oct_tensor_copy(&plain, got), OCT_OK);
    for (size_t i = 0; i < count_of; i++)
        if (!(((float *)plain.data)[i] == ((float *)want->data)[i]))
            return false;
    return true;
}

static void run(struct network *n, struct oct_net *net, struct bands *input, struct bands *out)
{
    const void *in[OCT_MAX_BANDS];
    void *to[OCT_MAX_BANDS];

    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        in[b] = input->t[b].data;
        out->t[b] = oct_net_info(net)->out[b];
        out->t[b].data = to[b] =
            out->t[b].c ? values(n, oct_tensor_bytes(&out->t[b]) / sizeof(float), 9) : NULL;
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(oct_net_execute(net, in, to, NULL), OCT_OK);
}

static void check_nodes(struct network *n, struct oct_net *net, const struct bands *all, uint64_t id)
{
    for (int i = 1; i < n->nodes; i++)
        for (int b = 0; b < OCT_MAX_BANDS; b++)
            if (all[i].t[b].c > 0 && !same_values(n, &all[i].t[b], &oct_net_node(net, i)->out[b]))
                fail_msg("network %llu: node %d (%s) band %d differs", (unsigned long long)id, i,
                         n->node[i].name, b);
}

static void check_network(uint64_t id, const struct oct_kernel *kernel)
{
    struct network *n = calloc(1, sizeof(*n));
    struct bands all[MOST_NODES], out;
    struct oct_message msg;

    assert_non_null(n);
    random_network(n, id);
    for (int how = 0; how < 4; how++) {
        struct oct_net_options options = {.threads = 1 + how % 2, .kernel = kernel, .keep_all = how >= 2};
        struct oct_net *net;

        if (oct_net_create(&net, n->node, n->nodes, &options, &msg))
            fail_msg("network %llu: %s", (unsigned long long)id, msg.text);
        for (int i = 0; i < n->nodes && how == 0; i++) {
            all[i] = plain_outputs(n, oct_net_node(net, i));
            if (i > 0)
                reference_node(n->node + i, all, &all[i]);
            else
                all[0].t[0].data = values(n, oct_tensor_bytes(&all[0].t[0]) / sizeof(float), 2);
        }
        run(n, net, &all[0], &out);
        if (options.keep_all)
            check_nodes(n, net, all, id);
        for (int b = 0; b < OCT_MAX_BANDS; b++)
            if (out.t[b].c > 0 && !same_values(n, &all[n->nodes - 1].t[b], &out.t[b]))
                fail_msg("network %llu, %d threads, keep_all %d: output band %d differs",
                         (unsigned long long)id, options.threads, options.keep_all, b);
        oct_net_destroy(net);
    }
    for (int i = 0; i < n->owned_count; i++)
        oct_free(n->owned[i]);
    free(n);
}

/* One that this build and machine have: nodes must not fall back to a kernel that is not exact. */
static const struct oct_kernel *exact_kernel(int i)
{
    static const char *const names[] = {"f32_avx512_direct", "f32_avx2_direct", "f32_ref"};
    const struct oct_kernel *kernel = oct_kernel_find(names[i % 3]);

    return kernel && oct_kernel_available(kernel, NULL) == OCT_OK ? kernel : oct_kernels[0];
}

static void random_networks_equal_the_reference(void **state)
{
    (void)state;
    for (int i = 0; i < count; i++)
        check_network(seed + (uint64_t)i, exact_kernel(i));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_networks_equal_the_reference),
    };

    if (!limit_isa(argc, argv))
        return EXIT_SKIPPED;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : seed;
    count = argc > 3 ? atoi(argv[3]) : count;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
