/* SPDX-License-Identifier: MIT */
#include "counters.h"
#include "timer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct counters {
    struct counter_settings settings;
    struct counter_value values[MAX_COUNTER_GROUPS];
};

struct counters *counters_open(const struct counter_settings *settings, struct oct_message *msg)
{
    struct counters *c = calloc(1, sizeof(*c));

    (void)msg;
    if (!c)
        return NULL;
    c->settings = *settings;
    for (int i = 0; i < settings->groups; i++) {
        struct counter_value *v = &c->values[i];
        snprintf(v->name, sizeof(v->name), "%s", settings->group[i]);
        snprintf(v->reason, sizeof(v->reason), "no counters in this build");
        v->how = COUNTER_UNAVAILABLE;
        v->total = v->running_ratio = NAN;
    }
    return c;
}

int counters_passes(const struct counters *c)
{
    return c->settings.groups;
}

int counters_missing(const struct counters *c, char *reason, size_t size)
{
    if (!c->settings.required || c->settings.groups == 0)
        return 0;
    snprintf(reason, size, "no counters in this build");
    return 6;
}

int counters_start(struct counters *c, int pass, int threads)
{
    (void)c;
    (void)pass;
    (void)threads;
    return OCT_OK;
}

int counters_stop(struct counters *c)
{
    (void)c;
    return OCT_OK;
}

size_t counters_values(const struct counters *c, const struct counter_value **out)
{
    *out = c->values;
    return (size_t)c->settings.groups;
}

void counters_close(struct counters *c)
{
    free(c);
}

const char *counter_how_name(enum counter_how how)
{
    static const char *const names[] = {"unavailable", "measured", "scaled", "derived"};

    return names[how];
}

double counters_chain_ghz(void)
{
    const long length = 2000000;
    double best = 0;

    for (int run = 0; run < 5; run++) {
        uint64_t start = timer_now_ns(), x = start;
        for (long i = 0; i < length; i++)
            __asm__ volatile("" : "+r"(x) : :);
        uint64_t ns = timer_now_ns() - start;
        best = (double)length / (double)ns > best ? (double)length / (double)ns : best;
    }
    return best;
}
