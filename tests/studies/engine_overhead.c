/* SPDX-License-Identifier: MIT */
/* What the line protocol costs: an engine that does nothing, asked for one call at a time.
 *   engine_overhead ENGINE [SAMPLES]     ENGINE: tests/data/idle_engine.py
 * Prints the medians of the time that passed here and of the time that the engine says it took. */
#include "check/stats.h"
#include "base/timer.h"
#include "measure/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct oct_problem p = oct_problem_default();
    struct engine engine = {.name = (char *)"idle", .timeout_ns = 10000000000};
    struct engine_child *child = NULL;
    struct operands ops;
    struct oct_message msg = {"which ENGINE?"};
    int samples = argc > 2 ? atoi(argv[2]) : 2001;
    double *passed = calloc((size_t)samples + 1, sizeof(*passed)),
           *said = calloc((size_t)samples + 1, sizeof(*said));
    int status = 1;

    engine.program = argc > 1 ? argv[1] : NULL;
    if (!passed || !said || !engine.program || operands_fill(&ops, &p, FILL_REALS, 1, &msg))
        goto done;
    status = engine_start(&child, &engine, "idle", &ops, 1, NULL, &msg);
    for (int i = 0; i < samples && !status; i++) {
        uint64_t ns = 0, start = timer_now_ns();

        status = engine_run(child, 1, &ns, &msg);
        passed[i] = (double)(timer_now_ns() - start);
        said[i] = (double)ns;
    }
    operands_free(&ops);
    if (!status)
        printf("%d samples: %.1f us pass here for each, of which the engine counts %.2f us\n", samples,
               stats_median(passed, (size_t)samples) / 1e3, stats_median(said, (size_t)samples) / 1e3);
done:
    if (status)
        fprintf(stderr, "engine_overhead: %s\n", msg.text);
    engine_end(child);
    free(passed);
    free(said);
    return status != 0;
}
