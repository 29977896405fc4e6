/* SPDX-License-Identifier: MIT */
/* Network files: the multiply-adds of the paper's networks, and what mistakes are told. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- multiply-adds ------------------------------------------------------------------------------- */

#define RATIOS 5

struct expectation {
    const char *file;
    double unit;      /* of the numbers below, which are rounded to whole ones */
    int macs[RATIOS]; /* at alpha 0, .125, .25, .5, .75; 0: not tested */
};

static const struct expectation expected[] = {
    {"resnet26", 1e6, {2342, 2087, 1858, 1480, 1208}},
    {"resnet50", 1e6, {4089, 3565, 3104, 2367, 1880}},
    {"resnet101", 1e6, {7801, 6625, 5598, 3991, 2982}},
    {"resnet152", 1e6, {11514, 9685, 8092, 5615, 4084}},
    {"resnet200", 1e6, {15007, 12564, 10439, 7144, 5121}},
    {"se_resnet50", 1e6, {4092, 3568, 3106, 2370, 1883}},
    {"resnext50_32x4d", 1e6, {4230, 0, 3171, 2387, 1877}},
    {"resnext101_32x4d", 1e6, {7970, 0, 5683, 4023, 2987}},
    {"mobilenet_v1_x075", 1e6, {325, 282, 244, 184, 143}},
    {"mobilenet_v1", 1e6, {569, 493, 425, 318, 247}},
    {"mobilenet_v2", 1e6, {314, 294, 274, 234, 194}},
    {"vgg16", 1e6, {15470, 0, 0, 0, 0}},
};

static struct network load(const char *name, const struct network_request *request)
{
    struct network net;
    char path[256];

    snprintf(path, sizeof(path), NETWORKS "/%s.yaml", name);
    assert_int_equal(network_load(&net, path, request, stderr), 0);
    return net;
}

static void test_macs(void **state)
{
    static const double alphas[RATIOS] = {0, 0.125, 0.25, 0.5, 0.75};
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        for (int a = 0; a < RATIOS; a++) {
            struct network net;
            int macs;

            if (expected[i].macs[a] == 0)
                continue;
            net = load(expected[i].file, &(struct network_request){.alpha = alphas[a]});
            macs = (int)lround((double)net.macs / expected[i].unit);
            if (macs != expected[i].macs[a])
                print_error("%s at %g: %d, not %d\n", expected[i].file, alphas[a], macs, expected[i].macs[a]);
            wrong += macs != expected[i].macs[a];
            network_free(&net);
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- structure ----------------------------------------------------------------------------------- */

static const struct oct_node *node(const struct network *net, const char *name)
{
    for (int i = 0; i < net->count; i++)
        if (strcmp(net->nodes[i].name, name) == 0)
            return &net->nodes[i];
    fail_msg("no node %s", name);
    return NULL;
}

/* ResNet-50 at 0.5: the multiply-adds of the first blocks, in thousands. */
static void test_resnet50(void **state)
{
    static const struct {
        const char *name;
        int kmacs;
    } parts[] = {{"stage2.1.reduce", 8028},    {"stage2.1.spatial", 50577},  {"stage2.1.expand", 22479},
                 {"stage2.1.shortcut", 32113}, {"stage2.2.reduce", 22479},   {"stage3.1.reduce", 44958},
                 {"stage3.1.spatial", 72253},  {"stage4.1.expand", 22479},   {"stage4.1.shortcut", 64225},
                 {"stage5.1.reduce", 64225},   {"stage5.1.spatial", 115606}, {"stage5.1.shortcut", 102760},
                 {"stage5.3.expand", 51380}};
    struct network net = load("resnet50", &(struct network_request){.alpha = 0.5, .n = 2});
    const struct oct_node *end = node(&net, "stage3.2.expand");

    (void)state;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_int_equal(lround((double)oct_macs(&node(&net, parts[i].name)->problem) / 2e3), parts[i].kmacs);
    assert_int_equal(net.count, 1 + 2 + 4 + 12 * 3 + 4 * 3 + 2);
    assert_string_equal(net.nodes[end->input[1]].name, "stage3.1.expand");
    assert_int_equal(end->problem.epilogue, OCT_EPILOGUE_BIAS | OCT_EPILOGUE_RESIDUAL | OCT_EPILOGUE_RELU);
    assert_int_equal(node(&net, "stage4.1.spatial")->problem.down, OCT_DOWN_POOL);
    assert_int_equal(node(&net, "stage5.1.spatial")->problem.down, OCT_DOWN_STRIDED);
    assert_int_equal(node(&net, "stage5.1.spatial")->problem.bands, 1);
    network_free(&net);
}

/* What a request asks for stands above what the file says. */
static void test_request(void **state)
{
    struct network net = load("resnet50", &(struct network_request){.hw = 64, .n = 3, .d = 2});

    (void)state;
    assert_int_equal(net.nodes[0].problem.h, 64);
    assert_int_equal(net.nodes[0].problem.n, 3);
    assert_int_equal(net.nodes[0].problem.d, 2);
    assert_int_equal(node(&net, "average")->problem.h, 2);
    network_free(&net);
}

/* ---- mistakes ------------------------------------------------------------------------------------ */

static const struct {
    const char *text; /* behind the name and the input */
    const char *said; /* behind the path; lines 1 and 2 are the name and the input */
} mistakes[] = {
    {"nodes:\n  - {conv: a, channels: 4, from: inptu}\n",
     "4:34: error: there is no node 'inptu'; did you mean 'input'?"},
    {"nodes:\n  - {conv: a, channels: 4, from: b}\n  - {conv: b, channels: 4}\n",
     "4:34: error: 'b' is used before it exists: an entry reads what stands above it"},
    {"nodes:\n  - {conv: a, channels: 4, from: a}\n",
     "4:34: error: 'a' is used before it exists: an entry reads what stands above it"},
    {"nodes:\n  - {conv: a, channels: 4}\n  - {conv: a, channels: 4}\n",
     "5:5: error: there is a node 'a' already"},
    {"nodes:\n  - {conv: a, channels: 4, alpha_out: 0.5}\n  - {add: b, from: [a, input]}\n",
     "5:20: error: 2+2 channels of 1x8x8 and 4+0 of 1x8x8 cannot be added: they do not meet"},
    {"nodes:\n  - {conv: a, channels: 4, stride: 2, residual: input}\n",
     "4:49: error: 'input' has 4+0 channels of 1x8x8, what it is added to 4+0 of 1x4x4: they do not meet"},
    {"nodes:\n  - {max_pool: a, kernel: 9, stride: 2, pad: 0}\n",
     "4:5: error: nothing is left of 1x8x8 pixels: the window is larger"},
    {"nodes:\n  - {conv: a, chanels: 4}\n", "4:15: error: unknown key 'chanels'; did you mean 'channels'?"},
    {"nodes:\n  - {cnov: a, channels: 4}\n", "4:6: error: unknown key 'cnov'; did you mean 'conv'?"},
    {"nodes:\n  - {conv: a, channels: 4 * widht}\nparameters: {width: 2}\n",
     "4:25: error: there is no parameter 'widht'; did you mean 'width'?"},
    {"nodes:\n  - {conv: a, channels: 4 +}\n", "4:25: error: there is no parameter '4 +'"},
    {"nodes:\n  - {conv: a, channels: 4 *}\n",
     "4:25: error: 'channels' must be a number, a parameter or a product of these, but is '4 *'"},
    {"nodes:\n  - {conv: a, channels: 4 * 0.3}\n",
     "4:25: error: 'channels' must be an integer from 1 to 1000000, but is 1.2"},
    {"nodes:\n  - {conv: a, channels: 4}\n  - {conv: b, channels: 4, from: input}\n",
     "4:5: error: nothing reads 'a'"},
    {"nodes:\n  - {unit: a}\nblocks: {unit: {parameters: {width: }, nodes: [{conv: a, channels: width}]}}\n",
     "4:5: error: the block's parameter 'width' is missing"},
    {"nodes:\n  - {unit: a, widht: 2}\nblocks: {unit: {parameters: {width: 1}, nodes: [{conv: a, channels: "
     "width}]}}\n",
     "4:15: error: unknown key 'widht'; did you mean 'width'?"},
    {"nodes: []\n", "3:8: error: 'nodes' must be a list of at least one entry"},
    {"node: []\n", "3:1: error: unknown key 'node'; did you mean 'nodes'?"},
};

static bool is_told(const char *text, const char *said)
{
    struct network net;
    char path[64] = "/tmp/test_network_XXXXXX", *got, whole[256];
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w"), *err;
    size_t size;
    bool same;

    assert_non_null(f);
    fprintf(f, "network: test\ninput: {channels: 4, hw: 8}\n%s", text);
    fclose(f);
    err = open_memstream(&got, &size);
    assert_non_null(err);
    assert_int_equal(network_load(&net, path, &(struct network_request){0}, err), 2);
    fclose(err);
    snprintf(whole, sizeof(whole), "%s:%s\n", path, said);
    unlink(path);
    assert_null(net.nodes);
    same = strcmp(got, whole) == 0;
    if (!same)
        print_error("says  %swants %s", got, whole);
    free(got);
    network_free(&net);
    return same;
}

static void test_mistakes(void **state)
{
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
        wrong += !is_told(mistakes[i].text, mistakes[i].said);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_macs),
        cmocka_unit_test(test_resnet50),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
