/* SPDX-License-Identifier: MIT */
/* Launches: starts a fresh octbench for each, reads what it says (the lines are described in child_side.c),
 * and makes sure that a child that hangs or dies is an answer with a reason. */
#define _GNU_SOURCE
#include "base/child.h"
#include "gate/gate.h"
#include "base/timer.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* What the child said so far. */
struct account {
    char at_side[8];
    int at_case;
    int status; /* of a `fail` line */
    int wrong;
    bool done;
};

static int start(const struct gate_run *run, const char *mode, const char *want, struct child *child)
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
                    (char *)want,
                    NULL};

    snprintf(seed, sizeof(seed), "%" PRIu64, o->seed + (uint64_t)run->launches);
    snprintf(quads, sizeof(quads), "%d", o->quads);
    snprintf(sample, sizeof(sample), "%" PRIu64, o->sample_ns);
    return child_start(child, argv, o->timeout_ns, run->interrupted);
}

static void hear(const struct gate_run *run, struct account *account, const char *line)
{
    int index, offset = 0;

    if (sscanf(line, "at %7s %d", account->at_side, &index) == 2 && index >= 0 && index < run->count) {
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
}

/* Reaps the child and turns a death or a hang into a message and a status. */
static int end(const struct gate_run *run, struct child *child, const struct account *account, bool late)
{
    const char *where = account->at_case >= 0 ? run->cases[account->at_case].name : "no case yet";
    const char *side = account->at_side[0] ? account->at_side : "unknown";
    int state = child_end(child, late);

    if (*run->interrupted)
        return 130;
    if (late) {
        fprintf(stderr, "octbench: error: a launch did not end within %.0f s (last: %s build, %s)\n",
                (double)run->options->timeout_ns / 1e9, side, where);
        return strcmp(side, "new") == 0 ? 5 : 6;
    }
    if (account->status)
        return account->status;
    if (WIFSIGNALED(state)) {
        fprintf(stderr, "octbench: error: a launch died of signal %d (%s), last in the %s build on %s\n",
                WTERMSIG(state), strsignal(WTERMSIG(state)), side, where);
        return strcmp(side, "new") == 0 ? 5 : 6;
    }
    if (WEXITSTATUS(state) == 2)
        return 2;
    if (!account->done) {
        fprintf(stderr, "octbench: error: a launch ended early with status %d\n", WEXITSTATUS(state));
        return 1;
    }
    return 0;
}

static void count_launch(struct gate_run *run, int wanted)
{
    run->launches++;
    if (run->progress)
        fprintf(stderr, "launch %d: %d of %d cases open, %.0f s\n", run->launches, wanted, run->count,
                (double)(timer_now_ns() - run->started_ns) / 1e9);
}

static char *want_text(const bool *want, int count, int *wanted)
{
    char *text = malloc((size_t)count + 1);

    if (!text)
        return NULL;
    *wanted = 0;
    for (int i = 0; i < count; i++) {
        text[i] = want[i] ? '1' : '0';
        *wanted += want[i];
    }
    text[count] = '\0';
    return text;
}

static int cannot_start(int error)
{
    fprintf(stderr, "octbench: error: cannot start a launch: %s\n", strerror(error));
    return 1;
}

int gate_verify(struct gate_run *run)
{
    struct account account = {.at_case = -1};
    struct child child;
    char line[1024];
    bool *all = malloc((size_t)run->count * sizeof(*all));
    char *want = NULL;
    int got, wanted, status = 1;

    if (!all)
        return 1;
    memset(all, 1, (size_t)run->count * sizeof(*all));
    want = want_text(all, run->count, &wanted);
    if (!want)
        goto done;
    status = start(run, "verify", want, &child);
    if (status) {
        status = cannot_start(status);
        goto done;
    }
    while ((got = child_line(&child, line, sizeof(line))) > 0)
        hear(run, &account, line);
    status = end(run, &child, &account, got < 0);
    if (!status && account.wrong)
        status = 5;
done:
    free(all);
    free(want);
    return status;
}

/* Room for each case's quads: ratio[c * quads + i], used[c]. */
struct ratios {
    double *ratio;
    int *used;
};

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

static int collect(struct gate_run *run, struct child *child, struct ratios *r)
{
    struct account account = {.at_case = -1};
    char line[1024];
    int got;

    while ((got = child_line(child, line, sizeof(line))) > 0) {
        if (strncmp(line, "quad ", 5) == 0)
            hear_quad(run, r, line);
        else
            hear(run, &account, line);
    }
    return end(run, child, &account, got < 0);
}

int gate_launch(void *context, const bool *want, double *estimate)
{
    struct gate_run *run = context;
    struct child child;
    struct ratios r = {0};
    char *text;
    int wanted = 0, status = 1;

    text = want_text(want, run->count, &wanted);
    r.ratio = calloc((size_t)run->count * (size_t)run->options->quads, sizeof(*r.ratio));
    r.used = calloc((size_t)run->count, sizeof(*r.used));
    if (!text || !r.ratio || !r.used)
        goto done;
    count_launch(run, wanted);
    status = start(run, "measure", text, &child);
    if (status) {
        status = cannot_start(status);
        goto done;
    }
    status = collect(run, &child, &r);
    for (int i = 0; i < run->count && !status; i++)
        if (want[i])
            estimate[i] = stats_median(&r.ratio[i * run->options->quads], (size_t)r.used[i]);
done:
    free(text);
    free(r.ratio);
    free(r.used);
    return status;
}
