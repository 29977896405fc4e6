/* SPDX-License-Identifier: MIT */
/* The process of an outside engine: questions and answers in lines, time limits, processor time. */
#ifndef BENCH_ENGINE_PROCESS_H
#define BENCH_ENGINE_PROCESS_H

#include "octconv.h"

#include <signal.h>
#include <sys/types.h>

#define ENGINE_LINE_ROOM 512 /* of an answer, with its end */

struct engine_process {
    pid_t pid; /* 0: none */
    int fd;
    const volatile sig_atomic_t *stop;
    char log[80]; /* what it says on stderr */
    char buffer[ENGINE_LINE_ROOM];
    size_t used;
};

/* The program gets no arguments; it may run where the `threads` of the calling team may. It dies with this
 * process. Its stderr goes to folder/log. OCT_UNSUPPORTED where it cannot be run: missing, or of another
 * architecture. */
int engine_process_start(struct engine_process *out, const char *program, const char *folder, int threads,
                         const volatile sig_atomic_t *stop, struct oct_message *msg);

/* Sends a line and waits for one. OCT_ERROR where none comes within the timeout, it is too long, the process
 * ends, or it had said something unasked before. */
int engine_process_ask(struct engine_process *p, const char *line, uint64_t timeout_ns,
                       char answer[ENGINE_LINE_ROOM], struct oct_message *msg);

/* Processor time of all its threads so far. */
uint64_t engine_process_cpu_ns(const struct engine_process *p);
/* Kills it and all that it started. */
void engine_process_end(struct engine_process *p);

#endif
