/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "config/cases.h"

#include <regex.h>
#include <stdlib.h>

const char *cache_mode_name(enum cache_mode mode)
{
    static const char *const names[] = {"warm", "cold_weights", "cold"};

    return names[mode];
}

static void group_free(struct group *group)
{
    for (size_t i = 0; i < group->count; i++)
        free(group->cases[i].name);
    free(group->cases);
    free(group->suite);
    free(group->layer);
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < config->count; i++)
        group_free(&config->groups[i]);
    for (int i = 0; i < config->counters.groups; i++)
        free(config->counters.group[i]);
    for (int i = 0; i < config->counters.events; i++)
        free(config->counters.event[i]);
    if (config->engines)
        engines_free(config->engines);
    free(config->engines);
    free(config->groups);
    free(config->path);
    *config = (struct config){0};
}

size_t config_cases(const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->count; i++)
        count += config->groups[i].count;
    return count;
}

/* ---- a part of it -------------------------------------------------------------------------------- */

/* Keeps the matching cases and all vanilla ones. False where none matches. */
static bool filter_group(struct group *group, const regex_t *regex)
{
    size_t kept = 0;
    bool any = false;

    for (size_t i = 0; i < group->count; i++) {
        struct bench_case *c = &group->cases[i];
        bool match = regexec(regex, c->name, 0, NULL, 0) == 0;

        any = any || match;
        if (match || c->vanilla)
            group->cases[kept++] = *c;
        else
            free(c->name);
    }
    group->count = kept;
    return any;
}

int config_filter(struct config *config, const char *pattern, FILE *err)
{
    regex_t regex;
    char message[128];
    size_t kept = 0;
    int status = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);

    if (status) {
        regerror(status, &regex, message, sizeof(message));
        fprintf(err, "the filter '%s' is not an extended regular expression: %s\n", pattern, message);
        return 2;
    }
    for (size_t i = 0; i < config->count; i++) {
        if (filter_group(&config->groups[i], &regex))
            config->groups[kept++] = config->groups[i];
        else
            group_free(&config->groups[i]);
    }
    config->count = kept;
    regfree(&regex);
    return 0;
}

void config_shard(struct config *config, int i, int n)
{
    size_t kept = 0;

    for (size_t g = 0; g < config->count; g++) {
        if (g % (size_t)n == (size_t)i - 1)
            config->groups[kept++] = config->groups[g];
        else
            group_free(&config->groups[g]);
    }
    config->count = kept;
}

struct oct_problem cases_first_schema(const struct oct_problem *p)
{
    struct oct_problem q = *p, usual = oct_problem_default();

    q.stride_d = 1;
    q.stride_w = q.stride_h;
    q.dilation_d = q.dilation_w = q.dilation_h;
    q.pad_bottom = q.pad_left = q.pad_right = q.pad_top;
    q.pad_front = q.pad_back = q.pad_top >= 0 && q.kd == 1 ? 0 : q.pad_top;
    q.groups_per_path = usual.groups_per_path;
    q.types.weights = q.types.dst = q.types.src;
    q.types.acc = usual.types.acc;
    return q;
}
