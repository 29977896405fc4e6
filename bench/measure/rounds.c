/* SPDX-License-Identifier: MIT */
#include "measure/rounds.h"

#include "check/stats.h"
#include "base/timer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A case may warm up for this many samples' time, but at least for this long. */
#define WARM_UP_SAMPLES 8
#define WARM_UP_LEAST   20000000u

static bool stopped(const struct rounds_settings *settings)
{
    return settings->stop && *settings->stop;
}

void rounds_warm_up(struct contender *contenders, size_t count, const struct rounds_settings *settings)
{
    uint64_t budget = WARM_UP_SAMPLES * settings->sample_ns;

    if (budget < WARM_UP_LEAST)
        budget = WARM_UP_LEAST;
    for (size_t i = 0; i < count && !stopped(settings); i++) {
        struct contender *c = &contenders[i];

        c->spent_ns = 0;
        c->iters = sample_warm_up(c->workload, settings->cache, settings->sample_ns, budget);
        if (c->iters == 0)
            c->status = OCT_ERROR;
    }
}

struct sample *contender_add(struct contender *c)
{
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        struct sample *samples = realloc(c->samples, room * sizeof(*samples));

        if (!samples)
            return NULL;
        c->samples = samples;
        c->room = room;
    }
    return &c->samples[c->count++];
}

static bool takes_part(const struct contender *c, const struct rounds_settings *settings)
{
    return !c->status && c->spent_ns < settings->max_time_ns;
}

/* Time stolen from the samples of a round. */
static int64_t stolen(const struct contender *contenders, size_t count, int round)
{
    int64_t steal = 0;

    for (size_t i = 0; i < count; i++) {
        const struct contender *c = &contenders[i];
        if (c->count && c->samples[c->count - 1].round == round &&
            c->samples[c->count - 1].disturbance.steal_ns > 0)
            steal += c->samples[c->count - 1].disturbance.steal_ns;
    }
    return steal;
}

/* The samples of a round, all of them. */
static void mark(struct contender *contenders, size_t count, int round, unsigned why)
{
    for (size_t i = 0; i < count; i++) {
        struct contender *c = &contenders[i];
        if (c->count && c->samples[c->count - 1].round == round)
            c->samples[c->count - 1].disturbed |= why;
    }
}

/* OCT_OK, or no memory. */
static int take(struct contender *c, const struct rounds_settings *settings, int round, int position,
                struct sampler *sampler)
{
    struct sample *sample = contender_add(c);
    uint64_t begin, spent;

    if (!sample)
        return OCT_NO_MEMORY;
    memset(sample, 0, sizeof(*sample));
    sample->launch = settings->launch;
    sample->round = round;
    sample->order = position;
    begin = timer_now_ns();
    c->status = sample_take(sampler, c->workload, settings->cache, c->iters, sample);
    spent = timer_now_ns() - begin;
    c->spent_ns += spent;
    c->total_ns += spent;
    sampler->distance.measured_ns += spent;
    return OCT_OK;
}

/* 1: a round was run; 0: nobody took part, or stopped; -1: no memory. */
static int run_round(struct contender *contenders, int order[], int count,
                     const struct rounds_settings *settings, int round, struct sampler *sampler)
{
    struct distance *distance = &sampler->distance;
    uint64_t start = timer_now_ns();
    unsigned why = distance_wait(distance, settings->threads, settings->stop) ? DISTURBED_APART : 0;
    int position = 0;

    for (int i = 0; i < count; i++) {
        struct contender *c = &contenders[order[i]];

        if (stopped(settings))
            return 0;
        if (!takes_part(c, settings))
            continue;
        if (take(c, settings, round, position++, sampler))
            return -1;
        /* cores that part stay so for much longer than a sample takes: looking in between is enough */
        if (distance_apart(distance, settings->threads))
            why |= DISTURBED_APART;
    }
    if ((double)stolen(contenders, (size_t)count, round) >
        settings->max_steal * (double)(timer_now_ns() - start))
        why |= DISTURBED_STEAL;
    mark(contenders, (size_t)count, round, why);
    return position > 0;
}

int rounds_run(struct contender *contenders, size_t count, const struct rounds_settings *settings, int first,
               int last, struct sampler *sampler, uint64_t *rng)
{
    int *order = malloc((count + 1) * sizeof(*order)), round = first, more = order ? 1 : -1;

    for (int i = 0; order && i < (int)count; i++)
        order[i] = i;
    if (sampler->ledger)
        ledger_read(sampler->ledger, &sampler->last);
    for (; more > 0 && round < last; round++) {
        if (settings->random_order)
            stats_shuffle(rng, order, (int)count);
        more = run_round(contenders, order, (int)count, settings, round, sampler);
        if (more <= 0)
            break;
    }
    free(order);
    return more < 0 ? -1 : round;
}

static unsigned round_disturbed(const struct contender *contenders, size_t count, int round)
{
    for (size_t i = 0; i < count; i++)
        for (size_t s = 0; s < contenders[i].count; s++)
            if (contenders[i].samples[s].round == round)
                return contenders[i].samples[s].disturbed;
    return 0;
}

int rounds_disturbed(const struct contender *contenders, size_t count, int rounds, unsigned why)
{
    int disturbed = 0;

    for (int round = 0; round < rounds; round++)
        disturbed += (round_disturbed(contenders, count, round) & why) != 0;
    return disturbed;
}

bool rounds_keep_if_most_disturbed(struct contender *contenders, size_t count, int rounds)
{
    if (2 * rounds_disturbed(contenders, count, rounds, DISTURBED_STEAL | DISTURBED_APART) <= rounds)
        return false;
    for (size_t i = 0; i < count; i++)
        for (size_t s = 0; s < contenders[i].count; s++)
            contenders[i].samples[s].disturbed = 0;
    return true;
}

void rounds_series(const struct contender *contender, int rounds, double *ns)
{
    for (int i = 0; i < rounds; i++)
        ns[i] = NAN;
    for (size_t s = 0; s < contender->count; s++) {
        const struct sample *sample = &contender->samples[s];
        if (!sample->disturbed && sample->round < rounds && sample->iters > 0)
            ns[sample->round] = (double)sample->ns / (double)sample->iters;
    }
}

void contender_free(struct contender *contender)
{
    free(contender->samples);
    memset(contender, 0, sizeof(*contender));
}
