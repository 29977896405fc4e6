/* SPDX-License-Identifier: MIT */
/* Networks against a chain of reference layers in plain layout: test_net [SEED [COUNT]]. Small integers;
 * where every average is a short binary fraction, equality is asked for. */
#include "octconv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MOST_NODES 12

/* A network under construction, with the reference's output of every node. */
struct made {
    struct oct_node node[MOST_NODES];
    float *value[MOST_NODES][OCT_MAX_BANDS]; /* plain N C D H W */
    int count, bands;
    bool exact; /* every value so far is a short binary fraction, whatever the order of sums */
    uint64_t state;
};

static uint64_t first_seed = 20261201;
static int nets = 60;

static int below(struct made *m, int n)
{
    m->state = m->state * 6364136223846793005u + 1442695040888963407u;
    return (int)((m->state >> 33) % (uint64_t)n);
}

static float *integers(struct made *m, size_t count, int most)
{
    float *v = malloc((count + 1) * sizeof(*v));

    assert_non_null(v);
    for (size_t i = 0; i < count; i++)
        v[i] = (float)(below(m, 2 * most + 1) - most);
    return v;
}

static struct oct_extent out_extent(const struct oct_node *n, int b)
{
    if (n->op == OCT_OP_CONV)
        return oct_out_extent(&n->problem, b);
    if (n->op == OCT_OP_MAX_POOL) {
        struct oct_extent e = oct_in_extent(&n->problem, b);

        return (struct oct_extent){e.d, (e.h - 1) / 2 + 1, (e.w - 1) / 2 + 1};
    }
    return n->op == OCT_OP_GLOBAL_POOL ? (struct oct_extent){1, 1, 1} : oct_in_extent(&n->problem, b);
}

static int out_channels(const struct oct_node *n, int b)
{
    int sum = 0;

    for (int i = 0; i < OCT_MAX_BANDS; i++)
        sum += n->problem.ic[i];
    if (n->op == OCT_OP_GLOBAL_POOL)
        return b == 0 ? sum : 0;
    return n->op == OCT_OP_CONV ? n->problem.oc[b] : n->problem.ic[b];
}

static size_t values_of(const struct oct_node *n, int b)
{
    struct oct_extent e = out_extent(n, b);

    return (size_t)n->problem.n * out_channels(n, b) * e.d * e.h * e.w;
}

/* ---- what each node should give ------------------------------------------------------------------- */

static void reference_conv(struct made *m, const struct oct_node *n, float *out[OCT_MAX_BANDS])
{
    const struct oct_plan_options options = {.threads = 1};
    struct oct_message msg;
    struct oct_plan *plan;
    struct oct_io io = {0};

    m->exact &= oct_integers_exact(&n->problem, 2);
    if (oct_plan_create(&plan, oct_kernels[0], &n->problem, &n->weights, &options, &msg))
        fail_msg("%s: %s", n->name, msg.text);
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        io.in[b] = m->value[n->input[0]][b];
        io.out[b] = out[b];
        if (n->problem.epilogue & OCT_EPILOGUE_RESIDUAL)
            io.residual[b] = m->value[n->input[1]][b];
    }
    assert_int_equal(oct_execute(plan, &io), OCT_OK);
    oct_plan_destroy(plan);
    for (int b = 0; b < n->problem.bands; b++)
        for (size_t i = 0; i < values_of(n, b); i++)
            m->exact &= fabsf(out[b][i]) < 4096;
}

/* 3x3, stride 2, one zero on each side, which never wins. */
static void reference_max_pool(const float *in, int planes, struct oct_extent e, float *out)
{
    for (int p = 0; p < planes; p++)
        for (int y = 0; y < e.h; y += 2)
            for (int x = 0; x < e.w; x += 2) {
                float best = -INFINITY;

                for (int v = y > 0 ? y - 1 : 0; v <= y + 1 && v < e.h; v++)
                    for (int u = x > 0 ? x - 1 : 0; u <= x + 1 && u < e.w; u++)
                        best = fmaxf(best, in[((size_t)p * e.h + v) * e.w + u]);
                *out++ = best;
            }
}

static void reference_global_pool(struct made *m, const struct oct_node *n, float *out)
{
    for (int image = 0; image < n->problem.n; image++)
        for (int b = 0; b < n->problem.bands; b++) {
            struct oct_extent e = oct_in_extent(&n->problem, b);
            int pixels = e.d * e.h * e.w;

            for (int c = 0; c < n->problem.ic[b]; c++) {
                double sum = 0;

                for (int i = 0; i < pixels; i++)
                    sum += m->value[n->input[0]][b][((size_t)image * n->problem.ic[b] + c) * pixels + i];
                *out++ = (float)(sum / pixels);
            }
        }
}

static void reference_band(struct made *m, const struct oct_node *n, int b, float *out)
{
    const float *a = m->value[n->input[0]][b];
    size_t count = values_of(n, b);

    if (n->op == OCT_OP_MAX_POOL)
        reference_max_pool(a, n->problem.n * n->problem.ic[b] * n->problem.d, oct_in_extent(&n->problem, b),
                           out);
    for (size_t i = 0; i < count && n->op == OCT_OP_ADD; i++) {
        out[i] = a[i] + m->value[n->input[1]][b][i];
        if (n->problem.epilogue & OCT_EPILOGUE_RELU)
            out[i] = fmaxf(out[i], 0);
    }
}

/* Appends a node, and computes it. */
static int append(struct made *m, struct oct_node n)
{
    int index = m->count++;
    float **out = m->value[index];

    assert_true(m->count <= MOST_NODES);
    m->node[index] = n;
    for (int b = 0; b < n.problem.bands; b++) {
        out[b] = calloc(values_of(&n, b) + 1, sizeof(float));
        assert_non_null(out[b]);
    }
    if (n.op == OCT_OP_CONV)
        reference_conv(m, &n, out);
    else if (n.op == OCT_OP_GLOBAL_POOL)
        reference_global_pool(m, &n, out[0]);
    else
        for (int b = 0; b < n.problem.bands; b++)
            reference_band(m, &n, b, out[b]);
    return index;
}

/* ---- random networks ------------------------------------------------------------------------------ */

/* A problem that reads what `from` writes. */
static struct oct_problem reading(const struct made *m, int from)
{
    const struct oct_node *n = m->node + from;
    struct oct_problem p = oct_problem_default();
    struct oct_extent e = out_extent(n, 0);

    p.n = n->problem.n;
    p.d = e.d;
    p.h = e.h;
    p.w = e.w;
    p.bands = n->op == OCT_OP_GLOBAL_POOL ? 1 : m->bands;
    memset(p.ic, 0, sizeof(p.ic));
    memset(p.oc, 0, sizeof(p.oc));
    for (int b = 0; b < p.bands; b++)
        p.ic[b] = p.oc[b] = out_channels(n, b);
    return p;
}

static int conv(struct made *m, int from, int k, int residual)
{
    struct oct_node n = {.name = "conv", .op = OCT_OP_CONV, .input = {from, residual}};
    struct oct_problem *p = &n.problem;

    *p = reading(m, from);
    p->kh = p->kw = k;
    p->down = p->bands == 1 ? OCT_DOWN_STRIDED : OCT_DOWN_POOL;
    for (int b = 0; b < p->bands; b++)
        p->oc[b] = residual >= 0 ? out_channels(m->node + residual, b) : 1 + below(m, 9);
    p->epilogue = OCT_EPILOGUE_BIAS | (below(m, 2) ? OCT_EPILOGUE_RELU : 0);
    if (residual >= 0)
        p->epilogue |= OCT_EPILOGUE_RESIDUAL;
    for (int to = 0; to < p->bands; to++) {
        n.weights.bias[to] = integers(m, (size_t)p->oc[to], 2);
        for (int of = 0; of < p->bands; of++)
            n.weights.path[of][to] = integers(m, oct_path_weights(p, of, to), 1);
    }
    return append(m, n);
}

static int other(struct made *m, enum oct_op op, int from, int second)
{
    struct oct_node n = {.name = oct_op_name(op), .op = op, .input = {from, second}};

    n.problem = reading(m, from);
    if (op == OCT_OP_MAX_POOL) {
        n.problem.kh = n.problem.kw = 3;
        oct_problem_set_stride(&n.problem, 2);
        n.problem.down = OCT_DOWN_STRIDED;
        oct_problem_set_pad(&n.problem, 1);
    }
    if (op == OCT_OP_ADD && below(m, 2))
        n.problem.epilogue = OCT_EPILOGUE_RELU;
    if (op == OCT_OP_GLOBAL_POOL)
        n.problem.oc[0] = out_channels(&n, 0), n.problem.oc[1] = n.problem.oc[2] = n.problem.oc[3] = 0;
    return append(m, n);
}

static void begin(struct made *m, uint64_t seed)
{
    struct oct_node n = {.name = "input", .op = OCT_OP_INPUT, .input = {-1, -1}};

    *m = (struct made){.state = seed, .exact = true};
    m->bands = 1 + below(m, 3);
    n.problem = oct_problem_default();
    n.problem.n = 1 + below(m, 2);
    n.problem.h = 4 + below(m, 14);
    n.problem.w = 4 + below(m, 14);
    n.problem.bands = m->bands;
    for (int b = 0; b < m->bands; b++)
        n.problem.ic[b] = n.problem.oc[b] = 1 + below(m, 6);
    m->node[m->count++] = n;
    for (int b = 0; b < m->bands; b++)
        m->value[0][b] = integers(m, values_of(&n, b), 2);
}

/* Perhaps pooled, a block with a residual, perhaps an addition, perhaps a mean over maps of a power of two.
 */
static void make(struct made *m, uint64_t seed)
{
    int at, wide;

    begin(m, seed);
    at = conv(m, 0, 1 + 2 * below(m, 2), -1);
    if (m->bands == 1 && below(m, 2))
        at = other(m, OCT_OP_MAX_POOL, at, -1);
    wide = conv(m, at, 3, -1);
    if (below(m, 2))
        at = conv(m, wide, 1, at);
    else if (out_channels(m->node + wide, 0) == out_channels(m->node + at, 0) && m->bands == 1)
        at = other(m, OCT_OP_ADD, wide, at);
    else
        at = conv(m, wide, 1, -1);
    if (m->bands == 1 && below(m, 3) == 0) {
        struct oct_extent e = out_extent(m->node + at, 0);

        if (((e.h * e.w) & (e.h * e.w - 1)) == 0)
            at = other(m, OCT_OP_GLOBAL_POOL, at, -1);
    }
}

static void drop(struct made *m)
{
    for (int i = 0; i < m->count; i++)
        for (int b = 0; b < OCT_MAX_BANDS; b++) {
            free(m->value[i][b]);
            free((void *)m->node[i].weights.bias[b]);
            for (int to = 0; to < OCT_MAX_BANDS; to++)
                free((void *)m->node[i].weights.path[b][to]);
        }
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static void check_bands(const struct made *m, int node, float *const got[OCT_MAX_BANDS], uint64_t seed,
                        const char *how)
{
    float largest = 1;

    for (int b = 0; b < m->node[node].problem.bands; b++)
        for (size_t i = 0; i < values_of(m->node + node, b); i++)
            largest = fmaxf(largest, fabsf(m->value[node][b][i]));
    for (int b = 0; b < m->node[node].problem.bands; b++)
        for (size_t i = 0; i < values_of(m->node + node, b); i++)
            if (fabsf(got[b][i] - m->value[node][b][i]) > (m->exact ? 0 : 1e-5f * largest))
                fail_msg(
                    "%s, node %d (%s), band %d, value %zu: %g, but should be %g (again: test_net %llu 1)",
                    how, node, m->node[node].name, b, i, got[b][i], m->value[node][b][i],
                    (unsigned long long)seed);
}

static void check_kept(const struct made *m, struct oct_net *net, uint64_t seed)
{
    for (int i = 1; i < m->count; i++) {
        float *plain[OCT_MAX_BANDS] = {NULL};

        for (int b = 0; b < m->node[i].problem.bands; b++) {
            struct oct_tensor from = oct_net_node(net, i)->out[b], to = from;

            plain[b] = malloc(values_of(m->node + i, b) * sizeof(float) + 1);
            assert_non_null(plain[b]);
            to.layout = OCT_NCHW;
            to.data = plain[b];
            if (from.c)
                assert_int_equal(oct_tensor_copy(&to, &from), OCT_OK);
        }
        check_bands(m, i, plain, seed, "kept");
        for (int b = 0; b < OCT_MAX_BANDS; b++)
            free(plain[b]);
    }
}

static void run(const struct made *m, const struct oct_kernel *kernel, int threads, bool keep, uint64_t seed)
{
    const struct oct_net_options options = {.threads = threads, .kernel = kernel, .keep_all = keep};
    float *out[OCT_MAX_BANDS] = {NULL};
    const void *in[OCT_MAX_BANDS] = {NULL};
    struct oct_message msg = {""};
    uint64_t ns[MOST_NODES] = {0};
    struct oct_net *net;

    if (oct_net_create(&net, m->node, m->count, &options, &msg))
        fail_msg("%s (again: test_net %llu 1)", msg.text, (unsigned long long)seed);
    for (int b = 0; b < OCT_MAX_BANDS; b++) {
        in[b] = m->value[0][b];
        out[b] = calloc(values_of(m->node + m->count - 1, b) + 1, sizeof(float));
    }
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(oct_net_execute(net, in, (void **)out, ns), OCT_OK);
        check_bands(m, m->count - 1, out, seed, kernel->name);
    }
    assert_true(ns[m->count - 1] > 0 && oct_net_info(net)->arena_bytes > 0);
    if (keep)
        check_kept(m, net, seed);
    for (int b = 0; b < OCT_MAX_BANDS; b++)
        free(out[b]);
    oct_net_destroy(net);
}

static void random_networks(void **state)
{
    static const char *const kernels[] = {"f32_avx512_direct", "f32_avx2_direct", "f32_naive",
                                          "f32_onednn_postop"};

    int exact = 0;

    (void)state;
    for (int i = 0; i < nets; i++) {
        uint64_t seed = first_seed + (uint64_t)i;
        struct made m;

        make(&m, seed);
        exact += m.exact;
        for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++) {
            const struct oct_kernel *kernel = oct_kernel_find(kernels[k]);

            if (kernel && oct_kernel_available(kernel, NULL) == OCT_OK)
                for (int threads = 1; threads <= 2; threads++)
                    run(&m, kernel, threads, (i + threads) % 2, seed);
        }
        drop(&m);
    }
    print_message("%d of %d networks compared bit by bit\n", exact, nets);
    assert_true(exact > 0 || nets < 10);
}

static void contradictions(void **state)
{
    const struct oct_net_options options = {.threads = 1};
    struct oct_message msg;
    struct oct_net *net;
    struct made m;

    (void)state;
    begin(&m, 5);
    conv(&m, 0, 3, -1);
    m.node[1].problem.h++;
    assert_int_equal(oct_net_create(&net, m.node, m.count, &options, &msg), OCT_INVALID);
    assert_non_null(strstr(msg.text, "conv reads "));
    m.node[1].problem.h--;
    m.node[1].input[0] = 1;
    assert_int_equal(oct_net_create(&net, m.node, m.count, &options, &msg), OCT_INVALID);
    assert_string_equal(msg.text, "conv reads node 1, which does not come before it");
    assert_null(net);
    drop(&m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_networks), cmocka_unit_test(contradictions)};

    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        nets = atoi(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
