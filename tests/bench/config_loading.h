/* SPDX-License-Identifier: MIT */
/* What the tests of configs share. */
#ifndef TESTS_CONFIG_LOADING_H
#define TESTS_CONFIG_LOADING_H

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct outcome {
    int status;
    char *said; /* the caller frees */
};

static inline struct outcome load(struct config *config, const char *path)
{
    struct outcome o = {0};
    size_t size;
    FILE *err = open_memstream(&o.said, &size);

    assert_non_null(err);
    o.status = config_load(config, path, err);
    fclose(err);
    return o;
}

static inline void write_temporary(char path[64], const char *bytes, size_t size)
{
    int fd;

    strcpy(path, "/tmp/test_config_XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

/* A config in a string that must load. */
static inline struct config good(const char *text)
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

static inline const struct bench_case *find(const struct config *config, const char *name)
{
    for (size_t g = 0; g < config->count; g++)
        for (size_t i = 0; i < config->groups[g].count; i++)
            if (strcmp(config->groups[g].cases[i].name, name) == 0)
                return &config->groups[g].cases[i];
    return NULL;
}

/* Cases that are not there on behalf of the baseline alone. */
static inline size_t octave_cases(const struct config *config)
{
    size_t n = 0;

    for (size_t g = 0; g < config->count; g++)
        for (size_t i = 0; i < config->groups[g].count; i++)
            n += !config->groups[g].cases[i].vanilla;
    return n;
}

/* The layer of one combination in a suite `s`, through f32_naive unless the text says otherwise. */
static inline struct config one(const char *matrix)
{
    char text[512];

    snprintf(text, sizeof(text), "schema: 1\ndefaults: {kernel: f32_naive}\nsuites: {s: {matrix: {%s}}}\n",
             matrix);
    return good(text);
}

#endif
