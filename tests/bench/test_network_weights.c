/* SPDX-License-Identifier: MIT */
/* Weights drawn for a network: every activation keeps its size from the input to the output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST 0.02 /* root of the mean square of a band; the input's is 1 */
#define MOST  20.0

static size_t values(const struct oct_tensor *t)
{
    return oct_tensor_bytes(t) / sizeof(float);
}

static double root_mean_square(const struct oct_tensor *t)
{
    const float *x = t->data;
    double sum = 0;

    for (size_t i = 0; i < values(t); i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum / (double)values(t));
}

/* Values of 1 and -1 in no order. */
static float *input_of(const struct oct_net_info *info)
{
    float *in = malloc(values(&info->in[0]) * sizeof(*in));
    uint32_t bits = 1;

    assert_non_null(in);
    for (size_t i = 0; i < values(&info->in[0]); i++) {
        bits = bits * 1664525 + 1013904223;
        in[i] = bits >> 31 ? 1 : -1;
    }
    return in;
}

static int count_strays(const struct oct_net *net, const char *file)
{
    int strays = 0;

    for (int i = 1; i < oct_net_info(net)->nodes; i++) {
        const struct oct_net_node_info *node = oct_net_node(net, i);

        for (int b = 0; b < OCT_MAX_BANDS; b++) {
            double size = node->out[b].data ? root_mean_square(&node->out[b]) : 1;

            if (!(size >= LEAST && size <= MOST))
                print_error("%s: %s, band %d: %g\n", file, node->name, b, size);
            strays += !(size >= LEAST && size <= MOST);
        }
    }
    return strays;
}

static int strays_of(const char *file, double alpha, int hw)
{
    const struct oct_net_options options = {
        .threads = 1, .kernel = oct_kernel_find("f32_naive"), .keep_all = true};
    struct network network;
    struct oct_net *net;
    struct oct_message msg = {""};
    char path[256];
    float *in, *out;
    int strays;

    snprintf(path, sizeof(path), NETWORKS "/%s.yaml", file);
    assert_int_equal(
        network_load(&network, path, &(struct network_request){.alpha = alpha, .hw = hw}, stderr), 0);
    assert_int_equal(network_fill_weights(&network, 1), OCT_OK);
    if (oct_net_create(&net, network.nodes, network.count, &options, &msg))
        fail_msg("%s: %s", file, msg.text);
    network_free(&network);
    in = input_of(oct_net_info(net));
    out = malloc(values(&oct_net_info(net)->out[0]) * sizeof(*out));
    assert_non_null(out);
    assert_int_equal(
        oct_net_execute(net, (const void *[OCT_MAX_BANDS]){in}, (void *[OCT_MAX_BANDS]){out}, NULL), OCT_OK);
    strays = count_strays(net, file);
    oct_net_destroy(net);
    free(in);
    free(out);
    return strays;
}

static void test_sizes(void **state)
{
    static const struct {
        const char *file;
        double alpha;
        int hw;
    } cases[] = {{"resnet26", 0, 32},
                 {"resnet50", 0.5, 32},
                 {"se_resnet50", 0.25, 32},
                 {"mobilenet_v1", 0.5, 64},
                 {"mobilenet_v2", 0.5, 64}};
    int strays = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        strays += strays_of(cases[i].file, cases[i].alpha, cases[i].hw);
    assert_int_equal(strays, 0);
}

/* The seed alone decides. */
static void test_seed(void **state)
{
    struct network a, b;
    const char *path = NETWORKS "/mobilenet_v2.yaml";
    const struct network_request request = {.alpha = 0.5};
    const float *first;

    (void)state;
    assert_int_equal(network_load(&a, path, &request, stderr), 0);
    assert_int_equal(network_load(&b, path, &request, stderr), 0);
    assert_int_equal(network_fill_weights(&a, 7), OCT_OK);
    assert_int_equal(network_fill_weights(&b, 7), OCT_OK);
    first = a.nodes[1].weights.path[0][0];
    assert_memory_equal(a.weights, b.weights, oct_weight_bytes(&a.nodes[1].problem));
    assert_ptr_equal(first, a.weights);
    assert_int_equal(network_fill_weights(&b, 8), OCT_OK);
    assert_memory_not_equal(a.weights, b.weights, oct_weight_bytes(&a.nodes[1].problem));
    network_free(&a);
    network_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
