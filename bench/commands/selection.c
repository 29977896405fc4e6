/* SPDX-License-Identifier: MIT */
#include "commands/selection.h"

#include "config/config.h"

int selection_load(struct config *config, const struct options *options)
{
    int status = config_load(config, options->config, stderr);

    if (status)
        return status;
    if (options->seed_set)
        config->measure.seed = options->seed;
    if (options->filter)
        status = config_filter(config, options->filter, stderr);
    if (!status && config_cases(config) == 0) {
        fprintf(stderr, "octbench: no case of %s matches '%s'; 'octbench list %s' shows them\n",
                options->config, options->filter ? options->filter : "", options->config);
        status = 6;
    }
    if (!status && options->shards)
        config_shard(config, options->shard, options->shards);
    if (!status && config_cases(config) == 0) {
        fprintf(stderr, "octbench: shard %d/%d of %s is empty: there are fewer groups than shards\n",
                options->shard, options->shards, options->config);
        status = 6;
    }
    if (status)
        config_free(config);
    return status;
}
