/* SPDX-License-Identifier: MIT */
/* Counter groups as data: the text of groups/NAME.txt, parsed, and its formulas. Touches no counter.
 */
#ifndef BENCH_COUNTER_GROUPS_H
#define BENCH_COUNTER_GROUPS_H

#include "octconv.h"

#define GROUP_MAX_LINES 64

struct group_line {
    char name[32];  /* of the value */
    char pmu[64];   /* libpfm4 names: comma-separated globs */
    char text[240]; /* the event, or the formula */
};

struct counter_group {
    char name[32], summary[96];
    int events, metrics;
    struct group_line event[GROUP_MAX_LINES], metric[GROUP_MAX_LINES];
};

/* OCT_OK, or OCT_INVALID with "file:line: message". */
int counter_group_parse(struct counter_group *out, const char *name, const char *text,
                        struct oct_message *msg);
/* A built-in group, or a file where the name has a slash. */
int counter_group_load(struct counter_group *out, const char *name, struct oct_message *msg);

/* Does the list of globs name this PMU: NULL (none known) is matched by "*" alone. */
bool counter_pmu_matches(const char *globs, const char *pmu);

/* Value of a name in a formula, NAN where it is unknown. */
typedef double formula_lookup(void *context, const char *name);

/* + - * / ( ), numbers, names. NAN where an operand is, where the divisor is 0, or where the text is no
 * formula; then `why` says which. */
double formula_evaluate(const char *formula, formula_lookup *lookup, void *context, char *why, size_t size);

#endif
