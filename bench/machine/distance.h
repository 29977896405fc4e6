/* SPDX-License-Identifier: MIT */
/*
 * How far apart the cores of a team are: how long a cache line takes from the first thread's core to another
 * and back. On machines of one's own that is a constant of the placement. A hypervisor, however, moves
 * virtual processors as it likes: now two of them share a level 3, now they are in different parts of the
 * package, and what a team's threads write and read of each other takes several times as long. No counter of
 * the system tells; the journey of a line does.
 */
#ifndef BENCH_DISTANCE_H
#define BENCH_DISTANCE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* A journey that takes so many times the shortest one is that of cores apart: where it was seen, 50 to 70 ns
 * were near and 330 to 460 apart. */
#define DISTANCE_APART 3.0

/* What is known of one team. All zero is a fine beginning. */
struct distance {
    int threads;
    bool apart;                      /* by the last look */
    double least_ns, most_ns;        /* of the looks so far */
    uint64_t measured_ns, waited_ns; /* the caller's measuring, which limits waiting; waiting */
};

/* ns for the journey to the farthest thread and back, of those that run on another processor and answer
 * within milliseconds; NAN: there is none. Takes about 5 us a thread. */
double distance_look(int threads);

/* Notes a look; is it so much longer than the shortest that the cores have been moved apart? NAN tells
 * nothing: then it is as it was. */
bool distance_judge(struct distance *d, double ns);

/* Looks and judges, several times before it says that they are. The first time it looks for a while, to know
 * what is near. */
bool distance_apart(struct distance *d, int threads);

/* Sleeps until the cores are near: that lets the host place them anew. Gives up where that has taken longer
 * than all measuring so far, or *stop is set. Are they apart still? */
bool distance_wait(struct distance *d, int threads, const volatile sig_atomic_t *stop);

#endif
