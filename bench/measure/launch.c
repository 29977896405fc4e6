/* SPDX-License-Identifier: MIT */
/*
 * The two sides speak through the command line, --launch=GROUP:NUMBER:WANT with a 0 or 1 in WANT for each
 * case of the group, and in lines, where CASE is an index into the group:
 *
 * - "sample CASE ROUND ORDER ITERS NS DISTURBED STEAL INVOLUNTARY MIGRATIONS THROTTLED"
 * - "spent CASE NS": on all samples
 * - "fail CASE STATUS TEXT": planning or execute failed
 * - "broken TEXT": the launch as a whole failed
 * - "done ROUNDS"
 */
#define _GNU_SOURCE
#include "measure/launch.h"

#include "base/child.h"
#include "base/crash.h"
#include "base/message.h"
#include "check/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CRASHED 5 /* the exit status of a process whose kernel crashed: crash.h */

/* ---- asking ---------------------------------------------------------------------------------------- */

/* --launch=...; NULL: no memory. */
static char *ask_text(const struct group_result *result, const struct lineup *lineup, int launch)
{
    bool *want = calloc(result->count + 1, sizeof(*want));
    char *text = NULL, *marks = NULL;

    for (size_t i = 0; want && i < lineup->count; i++)
        want[lineup->case_of[i]] = !lineup->contenders[i].status;
    if (want)
        marks = child_marks(want, result->count);
    if (marks && asprintf(&text, "--launch=%s:%d:%s", result->group->id, launch, marks) < 0)
        text = NULL;
    free(marks);
    free(want);
    return text;
}

/* The arguments of this run behind that option, which comes first so that a "--" cannot hide it. */
static char **ask_arguments(const struct group_context *ctx, char *option)
{
    static char program[] = "octbench", command[] = "run";
    size_t count = 0;
    char **argv;

    while (ctx->arguments[count])
        count++;
    argv = calloc(count + 4, sizeof(*argv));
    if (!argv)
        return NULL;
    argv[0] = program;
    argv[1] = command;
    argv[2] = option;
    memcpy(argv + 3, ctx->arguments, count * sizeof(*argv));
    return argv;
}

static struct contender *contender_of(const struct lineup *lineup, size_t index)
{
    for (size_t i = 0; i < lineup->count; i++)
        if (lineup->case_of[i] == index)
            return &lineup->contenders[i];
    return NULL;
}

static int hear_sample(struct contender *contender, const struct group_result *result, int launch,
                       const char *line)
{
    struct sample *sample = contender_add(contender);
    struct disturbance *d;

    if (!sample)
        return OCT_NO_MEMORY;
    *sample = (struct sample){.launch = launch};
    d = &sample->disturbance;
    if (sscanf(line, "%d %d %ld %" SCNu64 " %u %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &sample->round,
               &sample->order, &sample->iters, &sample->ns, &sample->disturbed, &d->steal_ns, &d->involuntary,
               &d->migrations, &d->throttled_ns) != 9)
        return OCT_ERROR;
    sample->round += result->rounds;
    return OCT_OK;
}

/* What one launch says, and where that goes. */
struct hearing {
    struct group_result *result;
    struct lineup *lineup;
    int launch, rounds; /* rounds: of its last line; -1: not heard yet */
    struct oct_message *msg;
};

/* OCT_OK, or what is wrong with the launch or with us. */
static int hear(void *context, const char *line)
{
    struct hearing *h = context;
    struct contender *contender;
    char word[8] = "";
    size_t index;
    int at = 0, status;
    uint64_t ns;

    if (sscanf(line, "done %d", &h->rounds) == 1)
        return OCT_OK;
    if (strncmp(line, "broken ", 7) == 0)
        return message_fail(h->msg, OCT_ERROR, "%s", line + 7);
    if (sscanf(line, "%7s %zu %n", word, &index, &at) != 2 || !(contender = contender_of(h->lineup, index)))
        return OCT_OK; /* what a library prints on the standard output is not for us */
    line += at;
    if (strcmp(word, "sample") == 0 && (status = hear_sample(contender, h->result, h->launch, line)))
        return message_fail(h->msg, status, "a launch spoke of a sample that cannot be read or kept: %s",
                            line);
    if (strcmp(word, "spent") == 0 && sscanf(line, "%" SCNu64, &ns) == 1)
        contender->total_ns += ns;
    if (strcmp(word, "fail") == 0 && sscanf(line, "%d %n", &status, &at) == 1) {
        contender->status = status;
        group_settle_case(&h->result->cases[index], status, line + at);
    }
    return OCT_OK;
}

int launch_measure(struct group_context *ctx, struct group_result *result, struct lineup *lineup, int launch,
                   struct oct_message *msg)
{
    struct hearing hearing = {result, lineup, launch, -1, msg};
    char *option = ask_text(result, lineup, launch), **argv = option ? ask_arguments(ctx, option) : NULL;
    struct child child;
    struct child_end end;
    int error, status = OCT_OK;

    if (!argv) {
        status = message_fail(msg, OCT_NO_MEMORY, "no memory to start a launch");
        goto done;
    }
    error = child_start(&child, argv, 0, ctx->stop);
    if (error) {
        status = message_fail(msg, OCT_ERROR, "cannot start a launch: %s", strerror(error));
        goto done;
    }
    status = child_listen(&child, hear, &hearing, &end);
    if (!status && hearing.rounds < 0 && !(ctx->stop && *ctx->stop)) {
        result->crashed = end.signal || end.status == CRASHED;
        status = message_fail(msg, OCT_ERROR, "launch %d of %s/%s %s", launch, result->group->suite,
                              result->group->layer, end.text);
    }
    if (hearing.rounds > 0)
        result->rounds += hearing.rounds;
done:
    free(argv);
    free(option);
    return status;
}

/* ---- answering ------------------------------------------------------------------------------------- */

static int break_off(const char *text)
{
    printf("broken %s\n", text);
    fflush(stdout);
    return 1;
}

/* The group that the text names, with the rest of the text; NULL: none. */
static const struct group *find_group(const struct config *config, const char *text, int *launch,
                                      const char **want)
{
    const char *colon = strchr(text, ':');
    char *end;

    if (!colon)
        return NULL;
    *launch = (int)strtol(colon + 1, &end, 10);
    *want = *end == ':' ? end + 1 : end;
    for (size_t g = 0; g < config->count; g++) {
        const struct group *group = &config->groups[g];

        if (strlen(group->id) == (size_t)(colon - text) && strncmp(group->id, text, strlen(group->id)) == 0)
            return group->count == strlen(*want) ? group : NULL;
    }
    return NULL;
}

/* Operands of every distinct problem that is wanted; the others' cases are skipped. */
static int fill_operands(const struct config *config, struct group_result *result, const char *want,
                         struct operands *ops, size_t *made, struct oct_message *msg)
{
    for (size_t i = 0; i < result->count; i++) {
        struct case_result *c = &result->cases[i];

        c->bench_case = &result->group->cases[i];
        c->status = want[i] == '1' ? CASE_OK : CASE_SKIPPED;
        for (size_t j = 0; j < *made && !c->ops; j++)
            if (same_problem(&ops[j].problem, &c->bench_case->problem))
                c->ops = &ops[j];
        if (c->status || c->ops)
            continue;
        c->ops = &ops[*made];
        if (operands_make(&ops[*made], &c->bench_case->problem, FILL_REALS, config->measure.seed, NULL,
                          result->group->threads, msg))
            return OCT_ERROR;
        (*made)++;
    }
    return OCT_OK;
}

static void say_samples(const struct group_result *result, const struct lineup *lineup)
{
    for (size_t i = 0; i < lineup->count; i++) {
        const struct contender *c = &lineup->contenders[i];
        size_t index = lineup->case_of[i];

        for (size_t s = 0; s < c->count; s++) {
            const struct sample *x = &c->samples[s];
            const struct disturbance *d = &x->disturbance;

            printf("sample %zu %d %d %ld %" PRIu64 " %u %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
                   index, x->round, x->order, x->iters, x->ns, x->disturbed, d->steal_ns, d->involuntary,
                   d->migrations, d->throttled_ns);
        }
        printf("spent %zu %" PRIu64 "\n", index, c->total_ns);
        if (c->status)
            printf("fail %zu %d %s\n", index, c->status, result->cases[index].reason);
    }
    printf("done %d\n", result->rounds);
}

int launch_answer(struct group_context *ctx, const char *text)
{
    const char *want;
    int launch, status = 1;
    const struct group *group = find_group(ctx->config, text, &launch, &want);
    struct group_result result = {.group = group};
    struct lineup lineup = {0};
    struct operands *ops = NULL;
    size_t made = 0;
    struct oct_message msg = {"no memory for a launch"};

    if (!group)
        return break_off("the config was changed while it was run");
    crash_note("the timed rounds of %s/%s, %d threads\n", group->suite, group->layer, group->threads);
    result.count = group->count;
    result.cases = calloc(group->count + 1, sizeof(*result.cases));
    ops = calloc(group->count + 1, sizeof(*ops));
    if (!result.cases || !ops ||
        topology_bind_team(ctx->topology, &ctx->config->affinity, group->threads, result.bound, &msg))
        goto done;
    (void)sample_settle();
    if (fill_operands(ctx->config, &result, want, ops, &made, &msg) ||
        lineup_make(&lineup, &result, ctx->config->measure.seed, launch, &msg))
        goto done;
    lineup_prepare(ctx, &lineup, &result);
    if (lineup_run(ctx, &result, &lineup))
        goto done;
    lineup_settle(&lineup, &result);
    say_samples(&result, &lineup);
    status = 0;
done:
    if (status)
        break_off(msg.text);
    fflush(stdout);
    lineup_release(&lineup);
    lineup_free(&lineup);
    for (size_t i = 0; i < made; i++)
        operands_free(&ops[i]);
    free(ops);
    group_result_free(&result);
    return status;
}
