/* SPDX-License-Identifier: MIT */
/* Configs: what good ones expand to, and what each bad one is told. */
#define _POSIX_C_SOURCE 200809L
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- helpers ------------------------------------------------------------------------------------- */

struct outcome {
    int status;
    char *said; /* the caller frees */
};

static struct outcome load(struct config *config, const char *path)
{
    struct outcome o = {0};
    size_t size;
    FILE *err = open_memstream(&o.said, &size);

    assert_non_null(err);
    o.status = config_load(config, path, err);
    fclose(err);
    return o;
}

static void write_temporary(char path[64], const char *bytes, size_t size)
{
    int fd;

    strcpy(path, "/tmp/test_config_XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

/* A config in a string that must load. */
static struct config good(const char *text)
{
    struct config config;
    struct outcome o;
    char path[64];

    write_temporary(path, text, strlen(text));
    o = load(&config, path);
    unlink(path);
    if (o.status)
        print_error("%s", o.said);
    assert_int_equal(o.status, 0);
    assert_string_equal(o.said, "");
    free(o.said);
    return config;
}

static const struct bench_case *find(const struct config *config, const char *name)
{
    for (size_t g = 0; g < config->count; g++)
        for (size_t i = 0; i < config->groups[g].count; i++)
            if (strcmp(config->groups[g].cases[i].name, name) == 0)
                return &config->groups[g].cases[i];
    return NULL;
}

/* Cases that are not there on behalf of the baseline alone. */
static size_t octave_cases(const struct config *config)
{
    size_t n = 0;

    for (size_t g = 0; g < config->count; g++)
        for (size_t i = 0; i < config->groups[g].count; i++)
            n += !config->groups[g].cases[i].vanilla;
    return n;
}

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
            assert_int_equal(found, oct_kernel_available(oct_kernels[k], NULL) == OCT_OK &&
                                        (oct_kernels[k]->dtypes & 1u << OCT_F32));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrix_crosses_zip),
        cmocka_unit_test(exclude_and_include),
        cmocka_unit_test(vanilla_is_always_there),
        cmocka_unit_test(ids_survive_edits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
