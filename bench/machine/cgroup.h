/* SPDX-License-Identifier: MIT */
/* The control group's limits, versions 1 and 2. `root` is put before every path ("" is this machine; tests
 * bring a tree of their own). */
#ifndef BENCH_CGROUP_H
#define BENCH_CGROUP_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup {
    double quota_cores;                             /* the tightest on the way to the root; NAN: none */
    char quota_file[PATH_MAX];                      /* where that was read; "" if nowhere */
    char stat_file[PATH_MAX];                       /* cpu.stat with a count of throttling; "" if none */
    int64_t memory_limit_bytes, memory_usage_bytes; /* -1: none */
};

void cgroup_read(const char *root, struct cgroup *out);

/* The first whole line of a file without its newline; -1 if it cannot be read. */
int file_read_line(const char *path, char *line, size_t size);
/* The number after `key` and blanks or a colon in text such as that of cpu.stat or meminfo; -1 if absent. */
int64_t text_find_number(const char *text, const char *key);
/* A whole small file, NUL-ended; its length, or -1. */
int64_t file_read_text(const char *path, char *text, size_t size);

#endif
