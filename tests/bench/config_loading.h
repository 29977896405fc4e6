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

#endif
