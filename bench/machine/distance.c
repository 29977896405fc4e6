/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "machine/distance.h"

#include "base/timer.h"
#include "machine/topology.h"

#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define BATCHES      4 /* the shortest of them counts: nothing came between */
#define TRIPS        8 /* of a batch */
#define PATIENCE_NS  2000000
#define SPINS        4096 /* between looks at the clock */
#define FIRST_LOOKS  20
#define LOOKS        3 /* one may be long because the core did something else */
#define STEP_NS      10000000
#define WAIT_FREE_NS UINT64_C(1000000000) /* that may be waited whatever was measured */

/* On lines of its own: what else lies there must not travel with it. */
struct ball {
    _Alignas(256) atomic_int at;
    _Alignas(256) char end;
};

static bool wait_for(atomic_int *at, int value)
{
    uint64_t start = timer_now_ns();

    do {
        for (int i = 0; i < SPINS; i++)
            if (atomic_load_explicit(at, memory_order_acquire) == value)
                return true;
    } while (timer_now_ns() - start < PATIENCE_NS);
    return false;
}

/* Throws the ball to and fro; `side` 0 begins and takes the time. NAN: the other side is not there. */
static double play(atomic_int *at, int side)
{
    double least = INFINITY;
    int value = side;

    for (int batch = 0; batch < BATCHES; batch++) {
        uint64_t start = timer_now_ns();

        for (int trip = 0; trip < TRIPS; trip++, value += 2) {
            if (!wait_for(at, value))
                return NAN;
            atomic_store_explicit(at, value + 1, memory_order_release);
        }
        least = fmin(least, (double)(timer_now_ns() - start) / TRIPS);
    }
    return least;
}

double distance_look(int threads)
{
    struct ball ball;
    int cpu[MAX_THREADS];
    double most = NAN;

    if (threads < 2 || threads > MAX_THREADS)
        return NAN;
#pragma omp parallel num_threads(threads)
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();

        cpu[me] = sched_getcpu();
        for (int other = 1; other < team; other++) {
            if (me == 0)
                atomic_store(&ball.at, 0);
#pragma omp barrier
            if (me == 0 && cpu[other] != cpu[0])
                most = fmax(most, play(&ball.at, 0));
            else if (me == other && cpu[other] != cpu[0])
                (void)play(&ball.at, 1);
#pragma omp barrier
        }
    }
    return most;
}

bool distance_judge(struct distance *d, double ns)
{
    if (isnan(ns))
        return d->apart;
    d->least_ns = d->least_ns > 0 ? fmin(d->least_ns, ns) : ns;
    d->most_ns = fmax(d->most_ns, ns);
    d->apart = ns > DISTANCE_APART * d->least_ns;
    return d->apart;
}

static void pause_step(void)
{
    const struct timespec step = {0, STEP_NS};

    nanosleep(&step, NULL);
}

bool distance_apart(struct distance *d, int threads)
{
    if (threads < 2)
        return false;
    if (d->threads != threads) {
        *d = (struct distance){.threads = threads};
        for (int i = 0; i < FIRST_LOOKS; i++) {
            (void)distance_judge(d, distance_look(threads));
            pause_step();
        }
    }
    for (int i = 0; i < LOOKS; i++)
        if (!distance_judge(d, distance_look(threads)))
            return false;
    return true;
}

bool distance_wait(struct distance *d, int threads, const volatile sig_atomic_t *stop)
{
    bool apart = distance_apart(d, threads);

    while (apart && d->waited_ns < WAIT_FREE_NS + d->measured_ns && !(stop && *stop)) {
        uint64_t start = timer_now_ns();

        pause_step();
        apart = distance_apart(d, threads);
        d->waited_ns += timer_now_ns() - start;
    }
    return apart;
}
