/* SPDX-License-Identifier: MIT */
/*
 * The gate's inference, apart from all measuring. A launch (one fresh process) yields one estimate a case:
 * the median over its quads of log(new time / base time). Everything below rests on signs of such estimates,
 * so it holds whatever their distribution.
 *
 * Screening looks at all cases after a few launches and again after more, and settles what it can. A case
 * that looks slower there is only a suspect: it is measured again in fresh launches, and only those decide
 * (docs/ci.md). So however often screening looks, a false alarm needs the confirmation to fail by itself.
 */
#ifndef BENCH_VERDICT_H
#define BENCH_VERDICT_H

#include "check/stats.h"

#define GATE_MAX_SCREEN  16
#define GATE_MAX_CONFIRM 24

enum answer {
    ANSWER_PENDING,
    ANSWER_SUSPECT,
    ANSWER_REGRESSED,    /* the whole interval is slower than the tolerance */
    ANSWER_EQUIVALENT,   /* the whole interval is below the tolerance */
    ANSWER_IMPROVED,     /* the whole interval is faster than the tolerance */
    ANSWER_INCONCLUSIVE, /* too noisy to tell */
};

struct gate_rule {
    double tolerance; /* log of the slowdown that is still acceptable */
    double alpha;     /* chance of any false alarm in the whole gate */
    int quads;        /* ABBA quads (two pairs each) behind one estimate; for the counts in reports */
};

struct gate_state {
    enum answer answer;
    int screened, confirmed;
    double screen[GATE_MAX_SCREEN], confirm[GATE_MAX_CONFIRM]; /* log(new / base), one a launch */
    struct interval slowdown; /* new / base of the launches that decided, 95% */
    double p;                 /* of the confirmation, before Holm; NAN where there was none */
    double pairs_needed;      /* to settle an inconclusive case; NAN else */
};

/* One launch of the cases with want[i]; writes estimate[i]. A non-zero return ends the gate. */
typedef int (*gate_launch_fn)(void *context, const bool *want, double *estimate);

/* Runs launches until every case is settled or the budget is spent. 0, or what the launch returned. */
int gate_decide(const struct gate_rule *rule, struct gate_state *states, int count, gate_launch_fn launch,
                void *context);

/* Exit status of the whole: 3 any regressed, else 4 any inconclusive, else 0. */
int gate_status(const struct gate_state *states, int count);
const char *answer_name(enum answer answer);

/* P(Binomial(n, 1/2) >= k): the sign test, one-sided. */
double gate_sign_p(int n, int k);

#endif
