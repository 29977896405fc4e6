/* SPDX-License-Identifier: MIT */
/* Launches: starts a fresh octbench for each, reads what it says (the lines are described in child_side.c),
 * and makes sure that a child that hangs or dies is an answer with a reason. */
#define _GNU_SOURCE
#include "base/child.h"
#include "base/timer.h"
#include "gate/gate.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Room for each case's quads: ratio[c * quads + i], used[c]. */
struct ratios {
    double *ratio;
    int *used;
};

/* What the child said so far. */
struct account {
    const struct gate_run *run;
    struct ratios *ratios; /* NULL: a launch that measures nothing */
    char at_side[8];
    int at_case;
    int status; /* of a `fail` line */
    int wrong;
    bool done;
};

static int start(const struct gate_run *run, const char *mode, const char *marks, struct child *child)
{
    const struct gate_options *o = run->options;
    char seed[24], quads[12], sample[24];
    char *argv[] = {"octbench",
                    "gate-launch",
                    (char *)mode,
                    (char *)o->config_path,
                    (char *)(o->base ? o->base : ""),
                    (char *)(o->new ? o->new : ""),
                    (char *)(o->base_kernel ? o->base_kernel : ""),
                    (char *)(o->new_kernel ? o->new_kernel : ""),
                    (char *)(o->filter ? o->filter : ""),
                    (char *)(o->isa ? o->isa : ""),
                    seed,
                    quads,
                    sample,
                    (char *)marks,
                    NULL};

    snprintf(seed, sizeof(seed), "%" PRIu64, o->seed + (uint64_t)run->launches);
    snprintf(quads, sizeof(quads), "%d", o->quads);
    snprintf(sample, sizeof(sample), "%" PRIu64, o->sample_ns);
    return child_start(child, argv, o->timeout_ns, run->interrupted);
}

static void hear_quad(const struct gate_run *run, struct ratios *r, const char *line)
{
    int index;
    double ratio;

    if (sscanf(line, "quad %d %lf", &index, &ratio) != 2 || index < 0 || index >= run->count ||
        r->used[index] == run->options->quads)
        return;
    r->ratio[index * run->options->quads + r->used[index]++] = ratio;
    if (run->quads)
        fprintf(run->quads, "%d,%d,\"%s\",%.6g\n", run->run, run->launches, run->cases[index].name, ratio);
}

/* 0: the child is heard to its end, whatever it says. */
static int hear(void *context, const char *line)
{
    struct account *account = context;
    const struct gate_run *run = account->run;
    int index, offset = 0;

    if (account->ratios && strncmp(line, "quad ", 5) == 0) {
        hear_quad(run, account->ratios, line);
    } else if (sscanf(line, "at %7s %d", account->at_side, &index) == 2 && index >= 0 && index < run->count) {
        account->at_case = index;
    } else if (sscanf(line, "fail %d %n", &account->status, &offset) == 1) {
        fprintf(stderr, "octbench: error: %s\n", line + offset);
    } else if (sscanf(line, "wrong %d %n", &index, &offset) == 1 && index >= 0 && index < run->count) {
        account->wrong++;
        fprintf(stderr, "octbench: error: the new build is wrong on %s: %s\n", run->cases[index].name,
                line + offset);
    } else if (strcmp(line, "done") == 0) {
        account->done = true;
    }
    return 0;
}

/* Turns a death or a hang into a message and a status. */
static int judge_end(const struct account *account, const struct child_end *end)
{
    const struct gate_run *run = account->run;
    const char *where = account->at_case >= 0 ? run->cases[account->at_case].name : "no case yet";
    const char *side = account->at_side[0] ? account->at_side : "unknown";

    if (*run->interrupted)
        return 130;
    if (end->late) {
        fprintf(stderr, "octbench: error: a launch did not end within %.0f s (last: %s build, %s)\n",
                (double)run->options->timeout_ns / 1e9, side, where);
        return strcmp(side, "new") == 0 ? 5 : 6;
    }
    if (account->status)
        return account->status;
    if (end->signal) {
        fprintf(stderr, "octbench: error: a launch %s, last in the %s build on %s\n", end->text, side, where);
        return strcmp(side, "new") == 0 ? 5 : 6;
    }
    if (end->status == 2)
        return 2;
    if (!account->done) {
        fprintf(stderr, "octbench: error: a launch %s\n", end->text);
        return 1;
    }
    return 0;
}

/* Runs a child in that mode on the cases marked, to its end. */
static int launch(struct account *account, const char *mode, const char *marks)
{
    struct child child;
    struct child_end end;
    int error = start(account->run, mode, marks, &child);

    account->at_case = -1;
    if (error) {
        fprintf(stderr, "octbench: error: cannot start a launch: %s\n", strerror(error));
        return 1;
    }
    child_listen(&child, hear, account, &end);
    return judge_end(account, &end);
}

static void count_launch(struct gate_run *run, const bool *want)
{
    int wanted = 0;

    for (int i = 0; i < run->count; i++)
        wanted += want[i];
    run->launches++;
    if (run->progress)
        fprintf(stderr, "launch %d: %d of %d cases open, %.0f s\n", run->launches, wanted, run->count,
                (double)(timer_now_ns() - run->started_ns) / 1e9);
}

int gate_verify(struct gate_run *run)
{
    struct account account = {.run = run};
    bool *all = malloc((size_t)run->count * sizeof(*all));
    char *marks = NULL;
    int status = 1;

    if (!all)
        return 1;
    memset(all, 1, (size_t)run->count * sizeof(*all));
    marks = child_marks(all, (size_t)run->count);
    if (marks)
        status = launch(&account, "verify", marks);
    if (!status && account.wrong)
        status = 5;
    free(all);
    free(marks);
    return status;
}

int gate_launch(void *context, const bool *want, double *estimate)
{
    struct gate_run *run = context;
    struct ratios r = {.ratio = calloc((size_t)run->count * (size_t)run->options->quads, sizeof(*r.ratio)),
                       .used = calloc((size_t)run->count, sizeof(*r.used))};
    struct account account = {.run = run, .ratios = &r};
    char *marks = child_marks(want, (size_t)run->count);
    int status = 1;

    if (!marks || !r.ratio || !r.used)
        goto done;
    count_launch(run, want);
    status = launch(&account, "measure", marks);
    for (int i = 0; i < run->count && !status; i++)
        if (want[i])
            estimate[i] = stats_median(&r.ratio[i * run->options->quads], (size_t)r.used[i]);
done:
    free(marks);
    free(r.ratio);
    free(r.used);
    return status;
}
