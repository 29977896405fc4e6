/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "measure/engine_process.h"

#include "base/message.h"
#include "base/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS INT64_C(200000000) /* a signal that comes just before poll() is seen this late at worst */

/* ---- starting ------------------------------------------------------------------------------------ */

/* Where any thread of the team may run. */
static void team_processors(int threads, cpu_set_t *all)
{
    CPU_ZERO(all);
#pragma omp parallel num_threads(threads)
    {
        cpu_set_t mine;

        if (sched_getaffinity(0, sizeof(mine), &mine) == 0) {
#pragma omp critical(engine_processors)
            CPU_OR(all, all, &mine);
        }
    }
}

/* In the child: becomes the program, or tells the errno through `report` and ends. Only what a signal handler
 * may do is done here. */
static void become(const char *program, int talk, int log, int report, const cpu_set_t *processors)
{
    char *const argv[] = {(char *)(uintptr_t)program, NULL};
    int error;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sched_setaffinity(0, sizeof(*processors), processors);
    dup2(talk, STDIN_FILENO);
    dup2(talk, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(program, argv);
    error = errno;
    _exit(write(report, &error, sizeof(error)) == sizeof(error) ? 127 : 126);
}

static void reap(pid_t pid, int *state)
{
    while (waitpid(pid, state, 0) < 0 && errno == EINTR)
        continue;
}

/* `talk` and `log` become the child's standard streams. 0, or an errno. */
static int spawn(struct engine_process *out, const char *program, int talk, int log, int threads)
{
    cpu_set_t processors;
    int report[2], error = 0, state;
    ssize_t got;

    if (pipe2(report, O_CLOEXEC))
        return errno;
    team_processors(threads, &processors);
    out->pid = fork();
    if (out->pid == 0)
        become(program, talk, log, report[1], &processors);
    if (out->pid < 0)
        error = errno;
    close(report[1]);
    got = error ? 0 : read(report[0], &error, sizeof(error)); /* closed by exec: nothing comes */
    close(report[0]);
    if (got == sizeof(error))
        reap(out->pid, &state);
    if (error)
        out->pid = 0;
    return error;
}

/* Is it the program's fault, not that of the moment? */
static bool cannot_run(int error)
{
    return error == ENOENT || error == EACCES || error == ENOEXEC || error == ENOTDIR || error == EISDIR;
}

int engine_process_start(struct engine_process *out, const char *program, const char *folder, int threads,
                         const volatile sig_atomic_t *stop, struct oct_message *msg)
{
    int talk[2] = {-1, -1}, log, error = 0;

    memset(out, 0, sizeof(*out));
    out->stop = stop;
    snprintf(out->log, sizeof(out->log), "%.70s/log", folder);
    log = open(out->log, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    if (log < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk))
        error = errno;
    else
        error = spawn(out, program, talk[1], log, threads);
    if (talk[1] >= 0)
        close(talk[1]);
    if (log >= 0)
        close(log);
    out->fd = talk[0];
    if (!error)
        return OCT_OK;
    if (talk[0] >= 0)
        close(talk[0]);
    return message_fail(msg, cannot_run(error) ? OCT_UNSUPPORTED : OCT_ERROR, "%.160s cannot be run here: %s",
                        program, strerror(error));
}

/* ---- talking ------------------------------------------------------------------------------------- */

/* The last line of what it said on stderr, behind a separator; "" where it said nothing. */
static void last_words(const struct engine_process *p, char *text, size_t size)
{
    FILE *f = fopen(p->log, "re");
    char line[200];

    text[0] = '\0';
    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            snprintf(text, size, "; its last words: %.130s", line);
    }
    if (f)
        fclose(f);
}

static int say_end(struct engine_process *p, struct oct_message *msg)
{
    char words[160];
    int state = 0;

    kill(-p->pid, SIGKILL); /* it closed its output: whatever it does now, it is of no use */
    reap(p->pid, &state);
    p->pid = 0;
    last_words(p, words, sizeof(words));
    if (WIFSIGNALED(state) && WTERMSIG(state) != SIGKILL)
        return message_fail(msg, OCT_ERROR, "it died of signal %d (%s)%s", WTERMSIG(state),
                            strsignal(WTERMSIG(state)), words);
    if (WIFEXITED(state))
        return message_fail(msg, OCT_ERROR, "it ended with status %d%s", WEXITSTATUS(state), words);
    return message_fail(msg, OCT_ERROR, "it was killed, or closed its output%s", words);
}

/* All of it: an engine that reads nothing meets a full buffer, and the timeout of the answer. */
static bool send_all(struct engine_process *p, const char *text, size_t size)
{
    return send(p->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

/* Reasons go into tables and terminals. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

/* Takes a line out of the buffer. */
static bool take_line(struct engine_process *p, char line[ENGINE_LINE_ROOM])
{
    char *newline = memchr(p->buffer, '\n', p->used);
    size_t length = newline ? (size_t)(newline - p->buffer) : 0;

    if (!newline)
        return false;
    memcpy(line, p->buffer, length);
    line[length] = '\0';
    p->used -= length + 1;
    memmove(p->buffer, newline + 1, p->used);
    make_printable(line);
    return true;
}

/* 1: more bytes; 0: the end; -1: not within the time, or stopped. */
static int wait_for_bytes(struct engine_process *p, uint64_t deadline_ns)
{
    for (;;) {
        struct pollfd wait = {.fd = p->fd, .events = POLLIN};
        int64_t left = (int64_t)(deadline_ns - timer_now_ns());
        ssize_t got;

        if (left <= 0 || (p->stop && *p->stop))
            return -1;
        left = left < POLL_NS ? left : POLL_NS;
        if (poll(&wait, 1, (int)(left / 1000000) + 1) <= 0)
            continue;
        got = recv(p->fd, p->buffer + p->used, sizeof(p->buffer) - p->used, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        p->used += got > 0 ? (size_t)got : 0;
        return got > 0;
    }
}

static int said_unasked(struct engine_process *p, struct oct_message *msg)
{
    char line[ENGINE_LINE_ROOM];

    if (!take_line(p, line)) { /* a part of one */
        snprintf(line, sizeof(line), "%.*s", (int)p->used, p->buffer);
        make_printable(line);
    }
    return message_fail(msg, OCT_ERROR, "it said '%.60s' unasked", line);
}

int engine_process_ask(struct engine_process *p, const char *line, uint64_t timeout_ns,
                       char answer[ENGINE_LINE_ROOM], struct oct_message *msg)
{
    uint64_t deadline = timer_now_ns() + timeout_ns;
    size_t length = strlen(line);
    char text[4200];
    int got = 1;

    if (!p->pid)
        return message_fail(msg, OCT_ERROR, "it is not running any more");
    if (length + 2 > sizeof(text))
        return message_fail(msg, OCT_ERROR, "a line of %zu bytes is too long", length);
    if (p->used || recv(p->fd, p->buffer, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
        if (!p->used)
            (void)wait_for_bytes(p, deadline);
        return said_unasked(p, msg);
    }
    memcpy(text, line, length);
    text[length] = '\n';
    if (!send_all(p, text, length + 1))
        return say_end(p, msg);
    while (got > 0 && !take_line(p, answer)) {
        if (p->used == sizeof(p->buffer))
            return message_fail(msg, OCT_ERROR, "it answered '%.40s' with a line of more than %d bytes", line,
                                ENGINE_LINE_ROOM - 1);
        got = wait_for_bytes(p, deadline);
        if (got > 0)
            continue;
    }
    if (got == 0)
        return say_end(p, msg);
    if (got < 0)
        return message_fail(msg, OCT_ERROR, "it did not answer '%.40s' within %.3g s", line,
                            (double)timeout_ns / 1e9);
    return OCT_OK;
}

/* ---- watching and ending ------------------------------------------------------------------------- */

uint64_t engine_process_cpu_ns(const struct engine_process *p)
{
    struct timespec t;
    clockid_t clock;

    if (!p->pid || clock_getcpuclockid(p->pid, &clock) || clock_gettime(clock, &t))
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void engine_process_end(struct engine_process *p)
{
    int state;

    if (p->pid) {
        kill(-p->pid, SIGKILL);
        kill(p->pid, SIGKILL);
        reap(p->pid, &state);
    }
    if (p->pid || p->fd > 0)
        close(p->fd);
    memset(p, 0, sizeof(*p));
}
