/* SPDX-License-Identifier: MIT */
#include "frame/shares.h"

static double total_cost(const struct unit_costs *units)
{
    double total = 0;

    for (int u = 0; u < units->count; u++)
        total += units->cost[u] * units->images;
    return total;
}

/* A thread ends where the running cost reaches its part. */
double frame_share_by_cost(int64_t *share, int threads, const struct unit_costs *units)
{
    int64_t tasks = (int64_t)units->images * units->count * units->strips;
    double total = total_cost(units), sum = 0, begun = 0, most = 0;
    int thread = 0;

    share[0] = 0;
    for (int64_t i = 0; i < tasks; i++) {
        double cost = units->cost[i / units->strips % units->count] / units->strips;

        while (thread + 1 < threads && i > share[thread] &&
               sum + cost / 2 >= total * (thread + 1) / threads) {
            most = sum - begun > most ? sum - begun : most;
            begun = sum;
            share[++thread] = i;
        }
        sum += cost;
    }
    most = sum - begun > most ? sum - begun : most;
    while (thread < threads)
        share[++thread] = tasks;
    return most / (total / threads);
}
