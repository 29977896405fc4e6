/* SPDX-License-Identifier: MIT */
/* Every kernel against the vectors that tests/data/golden/make_golden.py computed in numpy. */
#define _GNU_SOURCE
#include "harness.h"
#include "check/npy.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define GOLDEN_MAGNITUDE 3 /* of the inputs */
#define FEWEST_CASES     50

struct golden {
    char dir[512];
    struct operands ops;
};

/* ---- case.txt ------------------------------------------------------------------------------------ */

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || strchr(",+", at[-1])) && strchr(",+", at[length]))
            return true;
    return false;
}

static uint32_t read_paths(const struct oct_problem *p, const char *list)
{
    uint32_t paths = 0;
    char name[4];

    if (strcmp(list, "all") == 0)
        return OCT_ALL_PATHS;
    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            if (has_word(list, oct_path_name(p, from, to, name)))
                paths |= OCT_PATH_BIT(from, to);
    return paths;
}

/* Keys that mean several fields alike. */
static bool read_all_axes(struct oct_problem *p, const char *key, const char *value)
{
    if (strcmp(key, "stride") == 0)
        oct_problem_set_stride(p, atoi(value));
    else if (strcmp(key, "dilation") == 0)
        oct_problem_set_dilation(p, atoi(value));
    else if (strcmp(key, "pad") == 0) /* case.txt names the window first */
        oct_problem_set_pad(p, strcmp(value, "same") == 0 ? OCT_PAD_SAME : atoi(value));
    else
        return false;
    return true;
}

static void read_option(struct oct_problem *p, const char *key, const char *value)
{
    const struct oct_field *f = oct_field_find(key);

    if (strcmp(key, "paths") == 0)
        p->paths = read_paths(p, value); /* case.txt names the bands first */
    else if (!read_all_axes(p, key, value) && (!f || !oct_field_parse(f, p, value)))
        fail_msg("case.txt: %s=%s says nothing", key, value);
}

static struct oct_problem read_problem(const char *dir)
{
    struct oct_problem p = oct_problem_default();
    struct oct_message msg;
    char path[600], line[128], *equals;
    FILE *f;

    snprintf(path, sizeof(path), "%s/case.txt", dir);
    f = fopen(path, "r");
    if (!f)
        fail_msg("cannot open %s", path);
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        equals = strchr(line, '=');
        if (!equals)
            fail_msg("%s: no '=' in \"%s\"", path, line);
        *equals = '\0';
        read_option(&p, line, equals + 1);
    }
    fclose(f);
    if (oct_problem_check(&p, &msg))
        fail_msg("%s: %s", path, msg.text);
    return p;
}

/* ---- tensors ------------------------------------------------------------------------------------- */

/* NULL `to` asks that there be no such file. */
static void read_tensor(const char *dir, const char *name, float *to, size_t count)
{
    struct oct_message msg;
    struct npy npy;
    char path[600];

    snprintf(path, sizeof(path), "%s/%s.npy", dir, name);
    if (!to) {
        FILE *f = fopen(path, "r");
        if (f)
            fail_msg("%s belongs to nothing", path);
        return;
    }
    if (npy_read(&npy, path, &msg))
        fail_msg("%s", msg.text);
    if (npy.count != count)
        fail_msg("%s holds %zu values, not %zu", path, npy.count, count);
    memcpy(to, npy.data, count * sizeof(float));
    npy_free(&npy);
}

static void read_golden(struct golden *g, const char *name)
{
    struct operands *ops = &g->ops;
    struct oct_problem p;
    struct oct_message msg;
    char file[32];

    snprintf(g->dir, sizeof(g->dir), TESTS_DIR "/data/golden/%s", name);
    p = read_problem(g->dir);
    /* the reference's zeros make room for what numpy expects */
    if (operands_make(ops, &p, FILL_ZEROS, 0, oct_kernels[0], 1, &msg))
        fail_msg("%s: %s", g->dir, msg.text);
    for (int b = 0; b < p.bands; b++) {
        snprintf(file, sizeof(file), "x%d", b);
        read_tensor(g->dir, file, ops->in[b], operands_in_values(&p, b));
        snprintf(file, sizeof(file), "bias%d", b);
        read_tensor(g->dir, file, ops->bias[b], (size_t)p.oc[b]);
        snprintf(file, sizeof(file), "r%d", b);
        read_tensor(g->dir, file, ops->residual[b], operands_out_values(&p, b));
        snprintf(file, sizeof(file), "y%d", b);
        read_tensor(g->dir, file, ops->expected[b], operands_out_values(&p, b));
        for (int from = 0; from < p.bands; from++) {
            snprintf(file, sizeof(file), "w%d%d", from, b);
            read_tensor(g->dir, file, ops->path[from][b], oct_path_weights(&p, from, b));
        }
    }
    ops->exact = oct_integers_exact(&p, GOLDEN_MAGNITUDE);
    if (operands_add_magnitudes(ops, oct_kernels[0], 1, &msg))
        fail_msg("%s: %s", g->dir, msg.text);
}

/* ---- the test ------------------------------------------------------------------------------------ */

static bool check_kernel(const struct oct_kernel *k, const struct golden *g, int threads)
{
    struct oct_message msg;
    int status = judge(k, &g->ops, threads, &msg);

    if (status && status != OCT_UNSUPPORTED)
        fail_msg("%s, %d threads, %s: %s", k->name, threads, g->dir, msg.text);
    return !status;
}

static int is_case(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !strchr(entry->d_name, '.') && entry->d_name[0] != '_';
}

static void every_kernel(void **state)
{
    struct dirent **entries;
    int count = scandir(TESTS_DIR "/data/golden", &entries, is_case, alphasort), ran[64] = {0};

    (void)state;
    assert_true(count >= FEWEST_CASES);
    for (int i = 0; i < count; i++) {
        struct golden g;

        read_golden(&g, entries[i]->d_name);
        free(entries[i]);
        for (int k = 0; oct_kernels[k]; k++)
            for (int threads = 1; threads <= 2; threads++)
                ran[k] += check_kernel(oct_kernels[k], &g, threads);
        operands_free(&g.ops);
    }
    free(entries);
    for (int k = 0; oct_kernels[k]; k++)
        print_message("%s: %d of %d\n", oct_kernels[k]->name, ran[k], 2 * count);
    assert_int_equal(ran[0], 2 * count); /* the reference declines nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kernel)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
