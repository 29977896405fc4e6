/* SPDX-License-Identifier: MIT */
/* The progress line on stderr, with an estimate of the time left: rewritten in place on a terminal, plain
 * lines a few seconds apart elsewhere. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "config/cases.h"

struct progress {
    bool silent, terminal;
    size_t all, done; /* cases */
    uint64_t started_ns, printed_ns;
    bool line_open; /* something stands on the terminal's last line */
};

void progress_start(struct progress *progress, size_t cases, bool silent);
/* `share` of the group's work is done. Shaped for group_context.progress. */
void progress_step(void *progress, const struct group *group, const char *what, double share);
void progress_group_done(struct progress *progress, const struct group *group);
/* Clears the line, so that a message can be printed. */
void progress_clear(struct progress *progress);

#endif
