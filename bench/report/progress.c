/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "report/progress.h"

#include "base/timer.h"

#include <string.h>
#include <unistd.h>

#define TERMINAL_STEP_NS 100000000u
#define PLAIN_STEP_NS    5000000000u
/* An estimate from less work than this says more about luck than about time. */
#define LEAST_SHARE 0.02

void progress_start(struct progress *progress, size_t cases, bool silent)
{
    memset(progress, 0, sizeof(*progress));
    progress->silent = silent;
    progress->terminal = isatty(STDERR_FILENO);
    progress->all = cases;
    progress->started_ns = progress->printed_ns = timer_now_ns();
}

static void time_left(const struct progress *progress, double share, char *text, size_t size)
{
    double elapsed = (double)(timer_now_ns() - progress->started_ns) / 1e9;
    long seconds = (long)(elapsed * (1 - share) / share + 0.5);

    if (share < LEAST_SHARE)
        snprintf(text, size, "estimating");
    else if (seconds < 100)
        snprintf(text, size, "%ld s left", seconds);
    else
        snprintf(text, size, "%ld min %02ld s left", seconds / 60, seconds % 60);
}

void progress_step(void *arg, const struct group *group, const char *what, double share)
{
    struct progress *progress = arg;
    uint64_t now = timer_now_ns(), step = progress->terminal ? TERMINAL_STEP_NS : PLAIN_STEP_NS;
    double whole =
        progress->all ? ((double)progress->done + share * (double)group->count) / (double)progress->all : 1;
    char left[40];

    if (progress->silent || now - progress->printed_ns < step)
        return;
    progress->printed_ns = now;
    time_left(progress, whole, left, sizeof(left));
    fprintf(stderr, "%s%3.0f%%  %zu/%zu cases  %s  %s/%s t=%d: %s%s", progress->terminal ? "\r\033[K" : "",
            100 * whole, progress->done, progress->all, left, group->suite, group->layer, group->threads,
            what, progress->terminal ? "" : "\n");
    progress->line_open = progress->terminal;
    fflush(stderr);
}

void progress_group_done(struct progress *progress, const struct group *group)
{
    progress->done += group->count;
    progress_step(progress, group, "done", 0);
}

void progress_clear(struct progress *progress)
{
    if (progress->line_open)
        fputs("\r\033[K", stderr);
    progress->line_open = false;
    fflush(stderr);
}
