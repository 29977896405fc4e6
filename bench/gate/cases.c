/* SPDX-License-Identifier: MIT */
#include "gate/gate.h"

#include <stdlib.h>
#include <string.h>

static bool asked_for(const struct group *group, const struct bench_case *c)
{
    if (!c->vanilla)
        return true;
    for (size_t i = 0; i < group->count; i++)
        if (!group->cases[i].vanilla && group->cases[i].kernel == c->kernel)
            return true;
    return false;
}

/* Two kernels compared: the group's case of the first kernel stands for its layer and alpha. */
static bool stands_for_layer(const struct group *group, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (memcmp(&group->cases[i].problem, &group->cases[index].problem, sizeof(struct oct_problem)) == 0)
            return false;
    return true;
}

int gate_cases(const struct config *config, const struct gate_options *options, struct gate_case **out)
{
    bool two_kernels = options->base_kernel || options->new_kernel;
    int count = 0;

    *out = calloc(config_cases(config) + 1, sizeof(**out));
    if (!*out)
        return 0;
    for (size_t g = 0; g < config->count; g++) {
        const struct group *group = &config->groups[g];
        for (size_t i = 0; i < group->count; i++) {
            const struct bench_case *c = &group->cases[i];
            if (two_kernels ? !stands_for_layer(group, i) : !asked_for(group, c))
                continue;
            (*out)[count++] = (struct gate_case){
                .name = c->name,
                .problem = &c->problem,
                .base_kernel = options->base_kernel ? options->base_kernel : c->kernel->name,
                .new_kernel = options->new_kernel ? options->new_kernel : c->kernel->name,
                .threads = group->threads,
            };
        }
    }
    return count;
}
