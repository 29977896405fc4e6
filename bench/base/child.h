/* SPDX-License-Identifier: MIT */
/* A fresh octbench that is told by its arguments what to do and answers in lines on its standard output: what
 * has to be measured in a process of its own. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int fd;
    uint64_t deadline_ns;              /* 0: none */
    const volatile sig_atomic_t *stop; /* not NULL and not 0: do not wait any longer */
    char buffer[4096];
    size_t used;
};

/* argv as execv has it. timeout_ns 0: it may take as long as it likes. 0, or an errno. */
int child_start(struct child *child, char *const argv[], uint64_t timeout_ns,
                const volatile sig_atomic_t *stop);

/* How a child ended. */
struct child_end {
    bool late;     /* it was killed: too slow, or *stop was set */
    int signal;    /* that it died of; 0: none */
    int status;    /* its exit status where it exited */
    char text[80]; /* "died of signal 11 (Segmentation fault)", "ended with status 1" */
};

/* Gives every line (without its newline) to `hear` until the child closes its output, then waits for its end.
 * Where `hear` returns anything but 0, or too much time has passed, the child is killed. Returns what `hear`
 * returned last. */
int child_listen(struct child *child, int (*hear)(void *context, const char *line), void *context,
                 struct child_end *end);

/* Which of `count` things both sides know a child shall take: "0110". The caller frees; NULL: no memory. */
char *child_marks(const bool *want, size_t count);

/* For the child itself: the system kills it when its parent dies. */
void child_die_with_parent(void);

#endif
