/* SPDX-License-Identifier: MIT */
/* One pass: events opened in the threads that are to be counted, read, summed. */
#include "counters/counters_internal.h"
#include "base/timer.h"

#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

/* A counter that ran for less of its time than this was shared with others. */
#define FULL_RATIO 0.999

static bool by_thread(enum counter_source source)
{
    return source == SOURCE_TASK_CLOCK || source == SOURCE_PAGE_FAULTS || source == SOURCE_CONTEXT_SWITCHES;
}

static struct cell *cell_at(struct counters *c, int thread, int event)
{
    return &c->cells[(size_t)thread * MAX_EVENTS + (size_t)event];
}

/* Runs in the thread that is to be counted. */
static void open_thread(struct counters *c, const struct pass *p, int thread)
{
    const struct counter_system *s = c->system;

    for (int k = 0; k < p->events; k++) {
        const struct event *e = &p->event[k];
        struct cell *cell = cell_at(c, thread, k);

        cell->fd = -ENOENT;
        if (e->usable && e->source == SOURCE_PERF)
            cell->fd = s->open(s->context, &e->code);
        else if (e->usable && by_thread(e->source))
            cell->start = s->own(s->context, e->source);
    }
}

static void start_thread(struct counters *c, const struct pass *p, int thread)
{
    const struct counter_system *s = c->system;

    for (int k = 0; k < p->events; k++) {
        struct cell *cell = cell_at(c, thread, k);
        int status = cell->fd < 0 ? 0 : s->start(s->context, cell->fd);

        if (status < 0) {
            s->close(s->context, cell->fd);
            cell->fd = status;
        }
    }
}

int counters_start(struct counters *c, int pass, int threads)
{
    struct pass *p = &c->pass[pass];
    int got = 0;

    free(c->cells);
    c->cells = calloc((size_t)threads * MAX_EVENTS, sizeof(*c->cells));
    if (!c->cells)
        return OCT_NO_MEMORY;
    c->current = pass;
    c->threads = threads;
    /* A thread that exists already is not counted by what another opens, so each opens its own. */
#pragma omp parallel num_threads(threads) reduction(+ : got)
    {
        got = 1;
        open_thread(c, p, omp_get_thread_num());
    }
    for (int k = 0; k < p->events; k++)
        if (p->event[k].usable && p->event[k].source == SOURCE_STEAL)
            cell_at(c, 0, k)->start = c->system->own(c->system->context, SOURCE_STEAL);
    for (int t = 0; t < threads; t++)
        start_thread(c, p, t);
    c->start_ns = timer_now_ns();
    if (got == threads)
        return OCT_OK;
    counters_stop(c);
    return OCT_ERROR;
}

/* One event, all threads. A thread that cannot be read makes the sum a lie: then there is none. */
static void sum_perf(struct counters *c, int k, struct counter_value *v)
{
    const struct counter_system *s = c->system;
    double total = 0, enabled = 0, running = 0;
    char why[64];

    for (int t = 0; t < c->threads; t++) {
        struct cell *cell = cell_at(c, t, k);
        struct counter_reading r = {0, 0, 0};
        int got = cell->fd < 0 ? cell->fd : s->read(s->context, cell->fd, &r);

        if (got < 0) {
            counter_explain_errno(s, -got, why, sizeof(why));
            snprintf(v->reason, sizeof(v->reason), "thread %d: %s", t, why);
            counter_unavailable(v, v->reason);
            return;
        }
        if (got != (int)sizeof(r)) {
            snprintf(v->reason, sizeof(v->reason), "thread %d: read %d bytes of %d", t, got, (int)sizeof(r));
            counter_unavailable(v, v->reason);
            return;
        }
        if (r.enabled > 0 && r.running == 0) {
            snprintf(v->reason, sizeof(v->reason),
                     "thread %d: never ran, its counter is taken (the NMI watchdog?)", t);
            counter_unavailable(v, v->reason);
            return;
        }
        bool share = c->scale && r.running < r.enabled;
        total += share ? (double)r.value * ((double)r.enabled / (double)r.running) : (double)r.value;
        enabled += (double)r.enabled;
        running += (double)r.running;
    }
    if (enabled == 0) {
        counter_unavailable(v, "no thread of the team ran");
        return;
    }
    v->running_ratio = running / enabled;
    if (v->running_ratio < FULL_RATIO && !c->scale) {
        snprintf(v->reason, sizeof(v->reason),
                 "ran %.0f%% of the time: the PMU was shared; counters.scale would scale it",
                 100 * v->running_ratio);
        counter_unavailable(v, v->reason);
        return;
    }
    v->how = v->running_ratio < FULL_RATIO ? COUNTER_SCALED : COUNTER_MEASURED;
    v->total = total;
    v->reason[0] = '\0';
}

static void sum_own(struct counters *c, int k, enum counter_source source, struct counter_value *v)
{
    double total = 0;

    if (source == SOURCE_CHAIN_GHZ) {
        total = c->system->own(c->system->context, source);
    } else if (source == SOURCE_STEAL) {
        total = c->system->own(c->system->context, source) - cell_at(c, 0, k)->start;
    } else {
        for (int t = 0; t < c->threads; t++)
            total += cell_at(c, t, k)->count;
    }
    if (isnan(total)) {
        counter_unavailable(v, "the system does not tell");
        return;
    }
    v->how = source == SOURCE_CHAIN_GHZ ? COUNTER_DERIVED : COUNTER_MEASURED;
    v->total = total;
    v->running_ratio = source == SOURCE_CHAIN_GHZ ? NAN : 1;
    v->reason[0] = '\0';
}

static void read_own(struct counters *c, const struct pass *p, int thread)
{
    for (int k = 0; k < p->events; k++) {
        const struct event *e = &p->event[k];
        struct cell *cell = cell_at(c, thread, k);

        if (e->usable && by_thread(e->source))
            cell->count = c->system->own(c->system->context, e->source) - cell->start;
    }
}

int counters_stop(struct counters *c)
{
    const struct counter_system *s = c->system;
    struct pass *p = &c->pass[c->current];

    if (!c->cells)
        return OCT_ERROR;
    c->wall_ns = (double)(timer_now_ns() - c->start_ns);
    for (int t = 0; t < c->threads; t++)
        for (int k = 0; k < p->events; k++)
            if (cell_at(c, t, k)->fd >= 0)
                s->stop(s->context, cell_at(c, t, k)->fd);
#pragma omp parallel num_threads(c->threads)
    read_own(c, p, omp_get_thread_num());
    for (int k = 0; k < p->events; k++) {
        const struct event *e = &p->event[k];
        if (e->usable && e->source == SOURCE_PERF)
            sum_perf(c, k, &p->value[k]);
        else if (e->usable)
            sum_own(c, k, e->source, &p->value[k]);
    }
    for (int t = 0; t < c->threads; t++)
        for (int k = 0; k < p->events; k++)
            if (cell_at(c, t, k)->fd >= 0)
                s->close(s->context, cell_at(c, t, k)->fd);
    free(c->cells);
    c->cells = NULL;
    p->ran = true;
    return OCT_OK;
}
