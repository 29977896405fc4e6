/* SPDX-License-Identifier: MIT */
#include "measure/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *case_status_name(enum case_status status)
{
    static const char *const names[] = {"ok", "unsupported", "wrong", "error", "skipped"};

    return names[status];
}

void group_settle_case(struct case_result *c, int status, const char *reason)
{
    c->status = status == OCT_UNSUPPORTED ? CASE_UNSUPPORTED : CASE_ERROR;
    snprintf(c->reason, sizeof(c->reason), "%s", reason);
}

bool same_problem(const struct oct_problem *a, const struct oct_problem *b)
{
    return memcmp(a, b, sizeof(*a)) == 0; /* ints only: there is no padding */
}

void group_result_free(struct group_result *result)
{
    for (size_t i = 0; i < result->count && result->cases; i++) {
        contender_free(&result->cases[i].contender);
        free(result->cases[i].counters);
    }
    free(result->cases);
    memset(result, 0, sizeof(*result));
}
