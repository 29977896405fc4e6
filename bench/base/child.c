/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/child.h"
#include "base/timer.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
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

int child_line(struct child *child, char *line, size_t size)
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

int child_end(struct child *child, bool kill_it)
{
    int state = 0;

    if (kill_it)
        kill(child->pid, SIGKILL);
    close(child->fd);
    while (waitpid(child->pid, &state, 0) < 0 && errno == EINTR)
        continue;
    return state;
}

void child_die_with_parent(void)
{
    struct pollfd answers = {.fd = STDOUT_FILENO};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&answers, 1, 0) == 1 && answers.revents & POLLERR) /* it died before that: nobody reads */
        _exit(1);
}
