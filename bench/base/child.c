/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/child.h"
#include "base/timer.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_NS 1000000000 /* a signal that comes just before poll() is seen this late at worst */

extern char **environ;

int child_start(struct child *child, char *const argv[], uint64_t timeout_ns,
                const volatile sig_atomic_t *stop)
{
    posix_spawn_file_actions_t actions;
    int ends[2], status;

    if (pipe(ends))
        return errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    status = posix_spawn(&child->pid, "/proc/self/exe", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    child->fd = ends[0];
    child->used = 0;
    child->stop = stop;
    child->deadline_ns = timeout_ns ? timer_now_ns() + timeout_ns : 0;
    if (status)
        close(ends[0]);
    return status;
}

static int64_t time_left(const struct child *child)
{
    int64_t left = child->deadline_ns ? (int64_t)(child->deadline_ns - timer_now_ns()) : POLL_NS;

    return left < POLL_NS ? left : POLL_NS;
}

/* 1 a line, 0 the end, -1 too late or stopped. */
static int next_line(struct child *child, char *line, size_t size)
{
    for (;;) {
        char *newline = memchr(child->buffer, '\n', child->used);
        if (newline) {
            size_t length = (size_t)(newline - child->buffer), copy = length < size - 1 ? length : size - 1;
            memcpy(line, child->buffer, copy);
            line[copy] = '\0';
            child->used -= length + 1;
            memmove(child->buffer, newline + 1, child->used);
            return 1;
        }
        if (child->used == sizeof(child->buffer))
            child->used = 0; /* no line of ours is that long */

        struct pollfd wait = {.fd = child->fd, .events = POLLIN};
        int64_t left = time_left(child);
        if (left <= 0 || (child->stop && *child->stop))
            return -1;
        if (poll(&wait, 1, (int)(left / 1000000) + 1) <= 0)
            continue;
        ssize_t got = read(child->fd, child->buffer + child->used, sizeof(child->buffer) - child->used);
        if (got <= 0)
            return 0;
        child->used += (size_t)got;
    }
}

static void wait_for_end(struct child *child, struct child_end *end)
{
    int state = 0;

    close(child->fd);
    while (waitpid(child->pid, &state, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(state)) {
        end->signal = WTERMSIG(state);
        snprintf(end->text, sizeof(end->text), "died of signal %d (%s)", end->signal, strsignal(end->signal));
    } else {
        end->status = WEXITSTATUS(state);
        snprintf(end->text, sizeof(end->text), "ended with status %d", end->status);
    }
}

int child_listen(struct child *child, int (*hear)(void *context, const char *line), void *context,
                 struct child_end *end)
{
    char line[1024];
    int got = 1, heard = 0;

    memset(end, 0, sizeof(*end));
    while (!heard && (got = next_line(child, line, sizeof(line))) > 0)
        heard = hear(context, line);
    end->late = got < 0;
    if (heard || end->late)
        kill(child->pid, SIGKILL);
    wait_for_end(child, end);
    return heard;
}

char *child_marks(const bool *want, size_t count)
{
    char *marks = malloc(count + 1);

    if (!marks)
        return NULL;
    for (size_t i = 0; i < count; i++)
        marks[i] = want[i] ? '1' : '0';
    marks[count] = '\0';
    return marks;
}

void child_die_with_parent(void)
{
    struct pollfd answers = {.fd = STDOUT_FILENO};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&answers, 1, 0) == 1 && answers.revents & POLLERR) /* it died before that: nobody reads */
        _exit(1);
}
