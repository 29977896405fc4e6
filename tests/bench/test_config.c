/* SPDX-License-Identifier: MIT */
/* What good configs expand to. */
#define _GNU_SOURCE
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config_loading.h"

#define PROJECT TESTS_DIR "/.."

/* ---- good ones ----------------------------------------------------------------------------------- */

#define TWO_LAYERS                                                                \
    "schema: 1\n"                                                                 \
    "defaults: {k: 3, kernel: f32_naive}\n"                                       \
    "suites:\n"                                                                   \
    "  s:\n"                                                                      \
    "    zip: {layer: [a, b], c_in: [64, 128], c_out: [64, 128], hw: [56, 28]}\n" \
    "    matrix: {alpha: [0.125, 0.25, 0.5, 0.75], threads: [1, 2]}\n"

static void matrix_crosses_zip(void **state)
{
    struct config c = good(TWO_LAYERS);
    const struct bench_case *half = find(&c, "s/b/a=0.5/t=2/f32_naive");

    (void)state;
    assert_int_equal(c.count, 4);
    assert_int_equal(octave_cases(&c), 16);
    assert_non_null(half);
    assert_int_equal(half->problem.ic[0], 64);
    assert_int_equal(half->problem.ic[1], 64);
    assert_int_equal(half->problem.h, 28);
    assert_int_equal(half->problem.kw, 3);
    assert_false(half->vanilla);
    config_free(&c);
}

static void exclude_and_include(void **state)
{
    struct config c =
        good(TWO_LAYERS "    exclude: [{layer: a, alpha: 0.75}, {layer: b, threads: 2, alpha: 0.5}]\n"
                        "    include: [{layer: c, c_in: 8, c_out: 16, hw: 7, k: 1, alpha_in: 0, "
                        "alpha_out: 0.5}]\n");

    (void)state;
    assert_int_equal(c.count, 6); /* c at both thread counts */
    assert_int_equal(octave_cases(&c), 16 - 2 - 1 + 2);
    assert_null(find(&c, "s/a/a=0.75/t=1/f32_naive"));
    assert_null(find(&c, "s/b/a=0.5/t=2/f32_naive"));
    assert_non_null(find(&c, "s/b/a=0.5/t=1/f32_naive"));
    assert_non_null(find(&c, "s/c/a=0:0.5/t=2/f32_naive"));
    config_free(&c);
}

/* All that run here but `auto`, which is one of them. */
static bool meant_by_all(const struct oct_kernel *k)
{
    return k->algorithm != OCT_ALGORITHM_ANY && oct_kernel_available(k, NULL) == OCT_OK &&
           (k->dtypes & 1u << OCT_F32);
}

/* Vanilla first, through every kernel that may be fastest, and through the one asked for. */
static void vanilla_is_always_there(void **state)
{
    struct config c = good(TWO_LAYERS);

    (void)state;
    for (size_t g = 0; g < c.count; g++) {
        const struct group *group = &c.groups[g];
        bool naive = false, before = true;

        for (size_t i = 0; i < group->count; i++) {
            const struct bench_case *bc = &group->cases[i];

            assert_true(before || !bc->vanilla);
            before = bc->vanilla;
            assert_int_equal(bc->vanilla, bc->problem.bands == 1);
            naive = naive || (bc->vanilla && strcmp(bc->kernel->name, "f32_naive") == 0);
        }
        assert_true(naive);
        for (int k = 1; oct_kernels[k]; k++) {
            bool found = false;

            for (size_t i = 0; i < group->count; i++)
                found = found || (group->cases[i].vanilla && group->cases[i].kernel == oct_kernels[k]);
            assert_int_equal(found, meant_by_all(oct_kernels[k]));
        }
    }
    config_free(&c);
}

static void ids_survive_edits(void **state)
{
    struct config a = good(TWO_LAYERS);
    struct config b =
        good("schema: 1\n"
             "measure: {rounds: 7}\n"
             "suites:\n"
             "  t: {matrix: {c_in: 8, c_out: 8, hw: 8, k: 1}}\n"
             "  s:\n"
             "    matrix: {threads: 2, kernel: f32_naive, alpha: [0.5], c_in: 128, c_out: 128}\n"
             "    zip: {h: [28], layer: b, w: 28, kh: 3, kw: 3}\n");
    const struct bench_case *x = find(&a, "s/b/a=0.5/t=2/f32_naive"), *y = find(&b, x->name);

    (void)state;
    assert_non_null(y);
    assert_string_equal(x->id, y->id);
    assert_int_equal(strlen(x->id), 16);
    for (size_t g = 0; g < a.count; g++) /* and no two alike */
        for (size_t i = 0; i < a.groups[g].count; i++)
            assert_ptr_equal(find(&a, a.groups[g].cases[i].name), &a.groups[g].cases[i]);
    assert_string_not_equal(a.hash, b.hash);
    config_free(&a);
    config_free(&b);
}

/* Ablations share the vanilla layer; what changes it makes another group, and the name says what. */
static void groups_hold_what_one_vanilla_serves(void **state)
{
    struct config c =
        one("layer: x, alpha: 0.5, c_in: 8, c_out: 8, hw: [8, 16], k: 1, stride: 2, "
            "paths: [all, [hh, ll]], down: [pool, strided], stride_order: [official, pool_first]");

    (void)state;
    assert_int_equal(c.count, 2);
    assert_int_equal(octave_cases(&c), 16);
    assert_string_equal(c.groups[0].layer, "x_1x1_8-8_8_s2");
    assert_string_equal(c.groups[1].layer, "x_1x1_8-8_16_s2");
    assert_non_null(find(&c, "s/x_1x1_8-8_16_s2/a=0.5,strided,pool_first,paths=hh-ll/t=1/f32_naive"));
    for (size_t g = 0; g < c.count; g++)
        for (size_t i = 0; i < c.groups[g].count; i++)
            assert_ptr_equal(find(&c, c.groups[g].cases[i].name), &c.groups[g].cases[i]);
    config_free(&c);
}

static void kernels_by_glob_and_all(void **state)
{
    struct config all =
        good("schema: 1\nsuites: {s: {matrix: {alpha: 0.5, c_in: 8, c_out: 8, hw: 8, k: 1}}}\n");
    struct config glob = one("alpha: 0.5, c_in: 8, c_out: 8, hw: 8, k: 1, kernel: [['f32_n*', f32_ref]]");
    struct config without =
        good("schema: 1\nsuites: {s: {matrix: {alpha: 0.5, c_in: 8, c_out: 8, hw: 8, k: 1},\n"
             "  exclude: [{kernel: [f32_naive, f32_avx512_direct]}]}}\n");
    size_t available = 0;

    (void)state;
    for (int k = 1; oct_kernels[k]; k++)
        available += meant_by_all(oct_kernels[k]);
    assert_int_equal(octave_cases(&all), available);
    assert_null(find(&all, "s/1x1_8-8_8/a=0.5/t=1/f32_ref"));
    assert_int_equal(octave_cases(&glob), 2);
    assert_non_null(find(&glob, "s/1x1_8-8_8/a=0.5/t=1/f32_ref"));
    assert_null(find(&without, "s/1x1_8-8_8/a=0.5/t=1/f32_naive"));
    assert_null(find(&without, "s/1x1_8-8_8/a=0/t=1/f32_naive"));
    assert_null(find(&without, "s/1x1_8-8_8/a=0.5/t=1/f32_avx512_direct"));
    config_free(&all);
    config_free(&glob);
    config_free(&without);
}

static void settings(void **state)
{
    struct config c =
        good("schema: 1\n"
             "measure: {min_time: 1.5s, max_time: 2min, rounds: 7, launches: 3, order: fixed, seed: 9, "
             "precision: 0.01, max_steal: 1}\n"
             "affinity: {bind: none, place: scatter, smt: true}\n"
             "counters: {groups: [ipc, cache], events: ['perf::CYCLES:u'], required: true, scale: true}\n"
             "check: {against: f32_naive}\n"
             "defaults: &layer {c_in: 1, c_out: 1, hw: 1, k: 1}\n"
             "suites: {s: {include: [*layer]}}\n");
    struct config d = one("c_in: 1, c_out: 1, hw: 1, k: 1");

    (void)state;
    assert_int_equal(c.measure.min_time_ns, 1500000000);
    assert_int_equal(c.measure.max_time_ns, 120000000000);
    assert_int_equal(c.measure.rounds, 7);
    assert_int_equal(c.measure.launches, 3);
    assert_false(c.measure.random_order);
    assert_int_equal(c.measure.seed, 9);
    assert_true(c.measure.precision == 0.01);
    assert_true(c.measure.max_steal == 1);
    assert_int_equal(c.affinity.bind, BIND_NONE);
    assert_int_equal(c.affinity.place, PLACE_SCATTER);
    assert_true(c.affinity.smt);
    assert_int_equal(c.counters.groups, 2);
    assert_string_equal(c.counters.group[1], "cache");
    assert_string_equal(c.counters.event[0], "perf::CYCLES:u");
    assert_true(c.counters.required && c.counters.scale);
    assert_string_equal(c.check_against->name, "f32_naive");
    assert_ptr_equal(d.check_against, oct_kernels[0]);
    assert_int_equal(d.measure.min_time_ns, 200000000);
    assert_int_equal(d.measure.rounds, 32);
    assert_true(d.measure.random_order);
    assert_int_equal(d.affinity.bind, BIND_CORE);
    assert_int_equal(d.counters.groups, 0);
    config_free(&c);
    config_free(&d);
}

/* ---- what is shipped ----------------------------------------------------------------------------- */

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && strcmp(dot, ".yaml") == 0;
}

/* Has this machine, at this level, a kernel besides the two that only show what is right and what is simple.
 */
static bool has_fast_kernel(void)
{
    for (int i = 0; oct_kernels[i]; i++)
        if (strcmp(oct_kernels[i]->name, "f32_ref") != 0 && strcmp(oct_kernels[i]->name, "f32_naive") != 0 &&
            oct_kernel_available(oct_kernels[i], NULL) == OCT_OK)
            return true;
    return false;
}

/* On any machine, and each with its question at the top. Sweeps that leave the slow kernels out say so where
 * there are no others. */
static void shipped_configs(void **state)
{
    struct dirent **entries;
    int count = scandir(PROJECT "/configs", &entries, is_yaml, alphasort);

    (void)state;
    assert_true(count >= 7);
    for (int i = 0; i < count; i++) {
        char path[1024], top[1024];
        FILE *f;

        snprintf(path, sizeof(path), PROJECT "/configs/%s", entries[i]->d_name);
        for (int level = 0; level < 2; level++) {
            bool gate = strcmp(entries[i]->d_name, "ci.yaml") == 0; /* the gate is for kernels of ours */
            struct config config;
            struct outcome o;

            oct_cpu_limit(level ? UINT32_MAX : 0);
            if (gate && !(oct_cpu_usable() & OCT_ISA_AVX2))
                continue;
            o = load(&config, path);
            if (o.status && (has_fast_kernel() || !strstr(o.said, "nothing is left of suite")))
                fail_msg("%s", o.said);
            free(o.said);
            config_free(&config);
        }
        oct_cpu_limit(UINT32_MAX);
        f = fopen(path, "r");
        assert_non_null(f);
        top[fread(top, 1, sizeof(top) - 1, f)] = '\0';
        fclose(f);
        assert_true(strcspn(top, "?") < (size_t)(strstr(top, "schema:") - top));
        free(entries[i]);
    }
    free(entries);
}

/* The yaml blocks of a document that begin with the schema are whole configs. Returns their number. */
static int load_blocks(const char *path)
{
    static char block[16384];
    char line[512];
    bool inside = false;
    int blocks = 0;
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (inside && strncmp(line, "```", 3) == 0) {
            if (strncmp(block, "schema: 1", 9) == 0) {
                struct config config = good(block);
                config_free(&config);
                blocks++;
            }
            inside = false;
        } else if (strcmp(line, "```yaml\n") == 0) {
            inside = true;
            block[0] = '\0';
        } else if (inside) {
            assert_true(strlen(block) + strlen(line) < sizeof(block));
            strcat(block, line);
        }
    }
    fclose(f);
    return blocks;
}

static void documents_show_configs_that_load(void **state)
{
    (void)state;
    assert_true(load_blocks(PROJECT "/docs/config.md") >= 2);
    assert_true(load_blocks(PROJECT "/README.md") >= 1);
}

/* ---- parts --------------------------------------------------------------------------------------- */

static void filter_keeps_the_baseline(void **state)
{
    struct config c = good(TWO_LAYERS);
    size_t vanilla = c.groups[0].count - 4;

    (void)state;
    assert_int_equal(config_filter(&c, "^s/a/a=0\\.5/t=(1|2)/", stderr), 0);
    assert_int_equal(c.count, 2);
    assert_int_equal(octave_cases(&c), 2);
    assert_int_equal(c.groups[0].count, vanilla + 1);
    assert_int_equal(config_filter(&c, "nothing of the kind", stderr), 0);
    assert_int_equal(c.count, 0);
    config_free(&c);
}

static void bad_filter(void **state)
{
    struct config c = good(TWO_LAYERS);
    size_t size, before = config_cases(&c);
    char *said = NULL;
    FILE *err = open_memstream(&said, &size);

    (void)state;
    assert_int_equal(config_filter(&c, "a(b", err), 2);
    fclose(err);
    assert_non_null(strstr(said, "the filter 'a(b' is not an extended regular expression: "));
    assert_int_equal(config_cases(&c), before);
    free(said);
    config_free(&c);
}

static void shards_make_the_whole(void **state)
{
    struct config whole = good(TWO_LAYERS);
    size_t found = 0;

    (void)state;
    for (int i = 1; i <= 3; i++) {
        struct config part = good(TWO_LAYERS);

        config_shard(&part, i, 3);
        assert_true(part.count >= 1);
        for (size_t g = 0; g < part.count; g++) {
            for (size_t j = 0; j < part.groups[g].count; j++)
                assert_non_null(find(&whole, part.groups[g].cases[j].name));
            found += part.groups[g].count;
        }
        config_free(&part);
    }
    assert_int_equal(found, config_cases(&whole));
    config_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrix_crosses_zip),
        cmocka_unit_test(exclude_and_include),
        cmocka_unit_test(vanilla_is_always_there),
        cmocka_unit_test(ids_survive_edits),
        cmocka_unit_test(groups_hold_what_one_vanilla_serves),
        cmocka_unit_test(kernels_by_glob_and_all),
        cmocka_unit_test(settings),
        cmocka_unit_test(shipped_configs),
        cmocka_unit_test(documents_show_configs_that_load),
        cmocka_unit_test(filter_keeps_the_baseline),
        cmocka_unit_test(bad_filter),
        cmocka_unit_test(shards_make_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
