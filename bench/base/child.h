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
/* 1 a line (without its newline), 0 the end, -1 too late or stopped. */
int child_line(struct child *child, char *line, size_t size);
/* Waits for its end, after killing it where asked to; returns the state as waitpid has it. */
int child_end(struct child *child, bool kill_it);

/* For the child itself: the system kills it when its parent dies. */
void child_die_with_parent(void);

#endif
