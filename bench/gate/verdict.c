/* SPDX-License-Identifier: MIT */
#include "gate/verdict.h"

#include <math.h>
#include <stdlib.h>

/* Looks at which screening may settle a case: at 5 launches unanimity is just significant (1/32). */
static const int screen_looks[] = {5, 8, 12, GATE_MAX_SCREEN};
/* The confirmation looks twice and spends half of alpha on each. 12: one dissenter in 12 still has p = .003.
 */
static const int confirm_looks[] = {12, GATE_MAX_CONFIRM};

#define LOOKS(a) ((int)(sizeof(a) / sizeof((a)[0])))
/* A case is settled as not slower, or becomes a suspect, at this level: a miss or a needless confirmation
 * costs little, a false alarm is what alpha guards. */
#define SCREEN_LEVEL 0.05

double gate_sign_p(int n, int k)
{
    double term = pow(0.5, n), sum = 0;

    for (int i = 0; i <= n; i++) {
        if (i >= k)
            sum += term;
        term = term * (n - i) / (i + 1);
    }
    return sum < 1 ? sum : 1;
}

static int count_above(const double *x, int n, double limit)
{
    int count = 0;

    for (int i = 0; i < n; i++)
        count += x[i] > limit;
    return count;
}

static enum answer not_slower(const double *x, int n, double tolerance)
{
    if (gate_sign_p(n, n - count_above(x, n, -tolerance)) <= SCREEN_LEVEL)
        return ANSWER_IMPROVED;
    if (gate_sign_p(n, n - count_above(x, n, tolerance)) <= SCREEN_LEVEL)
        return ANSWER_EQUIVALENT;
    return ANSWER_PENDING;
}

static enum answer screen_answer(const double *x, int n, double tolerance)
{
    if (gate_sign_p(n, count_above(x, n, tolerance)) <= SCREEN_LEVEL)
        return ANSWER_SUSPECT;
    return not_slower(x, n, tolerance);
}

/* Interval of the slowdown, and for an open case how many pairs would bring its end to the tolerance. */
static void describe(const struct gate_rule *rule, struct gate_state *s, const double *x, int n)
{
    struct interval log_interval = stats_median_interval(x, (size_t)n, 0.95);
    double half = (log_interval.high - log_interval.low) / 2,
           distance = fabs(log_interval.mid - rule->tolerance);

    s->slowdown = (struct interval){exp(log_interval.low), exp(log_interval.mid), exp(log_interval.high)};
    s->pairs_needed = NAN;
    if (s->answer == ANSWER_INCONCLUSIVE && distance > 0) {
        double growth = half / distance;
        s->pairs_needed = ceil(2.0 * rule->quads * n * (growth > 1 ? growth * growth : 2));
    }
}

static int count_answers(const struct gate_state *states, int count, enum answer answer)
{
    int found = 0;

    for (int i = 0; i < count; i++)
        found += states[i].answer == answer;
    return found;
}

static void select_cases(const struct gate_state *states, int count, enum answer answer, bool *want)
{
    for (int i = 0; i < count; i++)
        want[i] = states[i].answer == answer;
}

static int screen(const struct gate_rule *rule, struct gate_state *states, int count, gate_launch_fn launch,
                  void *context, bool *want, double *estimate)
{
    for (int look = 0, done = 0; look < LOOKS(screen_looks); look++) {
        select_cases(states, count, ANSWER_PENDING, want);
        for (; done < screen_looks[look]; done++) {
            int status = launch(context, want, estimate);
            if (status)
                return status;
            for (int i = 0; i < count; i++)
                if (want[i])
                    states[i].screen[states[i].screened++] = estimate[i];
        }
        for (int i = 0; i < count; i++)
            if (want[i])
                states[i].answer = screen_answer(states[i].screen, states[i].screened, rule->tolerance);
        if (count_answers(states, count, ANSWER_PENDING) == 0)
            return 0;
    }
    return 0;
}

/* Holm: the suspects by rising p; the i-th (from 0) of m must be below level / (m - i), and so must all
 * before. */
static void holm(struct gate_state *states, int count, int suspects, double level)
{
    for (int i = 0; i < suspects; i++) {
        int best = -1;
        for (int c = 0; c < count; c++)
            if (states[c].answer == ANSWER_SUSPECT && (best < 0 || states[c].p < states[best].p))
                best = c;
        if (best < 0 || states[best].p > level / (suspects - i))
            return;
        states[best].answer = ANSWER_REGRESSED;
    }
}

static int confirm(const struct gate_rule *rule, struct gate_state *states, int count, gate_launch_fn launch,
                   void *context, bool *want, double *estimate)
{
    const int suspects = count_answers(states, count, ANSWER_SUSPECT);

    for (int look = 0, done = 0; look < LOOKS(confirm_looks); look++) {
        select_cases(states, count, ANSWER_SUSPECT, want);
        if (count_answers(states, count, ANSWER_SUSPECT) == 0)
            return 0;
        for (; done < confirm_looks[look]; done++) {
            int status = launch(context, want, estimate);
            if (status)
                return status;
            for (int i = 0; i < count; i++)
                if (want[i])
                    states[i].confirm[states[i].confirmed++] = estimate[i];
        }
        for (int i = 0; i < count; i++)
            if (want[i])
                states[i].p =
                    gate_sign_p(states[i].confirmed,
                                count_above(states[i].confirm, states[i].confirmed, rule->tolerance));
        /* Holm over all suspects of the stage: those settled earlier keep their rank. */
        holm(states, count, suspects, rule->alpha / LOOKS(confirm_looks));
        for (int i = 0; i < count; i++) {
            if (!want[i] || states[i].answer != ANSWER_SUSPECT)
                continue;
            enum answer cleared = not_slower(states[i].confirm, states[i].confirmed, rule->tolerance);
            if (cleared != ANSWER_PENDING)
                states[i].answer = cleared;
        }
    }
    return 0;
}

int gate_decide(const struct gate_rule *rule, struct gate_state *states, int count, gate_launch_fn launch,
                void *context)
{
    bool *want = calloc((size_t)count, sizeof(*want));
    double *estimate = calloc((size_t)count, sizeof(*estimate));
    int status = 1;

    if (!want || !estimate)
        goto done;
    for (int i = 0; i < count; i++)
        states[i] = (struct gate_state){.answer = ANSWER_PENDING, .p = NAN, .pairs_needed = NAN};
    status = screen(rule, states, count, launch, context, want, estimate);
    if (!status)
        status = confirm(rule, states, count, launch, context, want, estimate);
    if (status)
        goto done;
    for (int i = 0; i < count; i++) {
        struct gate_state *s = &states[i];
        if (s->answer == ANSWER_PENDING || s->answer == ANSWER_SUSPECT)
            s->answer = ANSWER_INCONCLUSIVE;
        if (s->confirmed)
            describe(rule, s, s->confirm, s->confirmed);
        else
            describe(rule, s, s->screen, s->screened);
    }
done:
    free(want);
    free(estimate);
    return status;
}

int gate_status(const struct gate_state *states, int count)
{
    if (count_answers(states, count, ANSWER_REGRESSED))
        return 3;
    if (count_answers(states, count, ANSWER_INCONCLUSIVE))
        return 4;
    return 0;
}

const char *answer_name(enum answer answer)
{
    static const char *const names[] = {"pending",    "suspect",  "regressed",
                                        "equivalent", "improved", "inconclusive"};

    return names[answer];
}
