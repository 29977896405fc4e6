/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "measure/engine.h"

#include "base/file.h"
#include "base/message.h"
#include "base/timer.h"
#include "check/npy.h"
#include "measure/engine_case.h"
#include "measure/engine_process.h"
#include "measure/engine_scripts.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096
/* Processor time beyond the threads' share of the calls: what a reply, a collected object, a worker that
 * spins on for a moment take. */
#define SHARE_ALLOWED 1.15
#define SLACK_NS      1000000.0

struct engine_child {
    const struct engine *engine;
    struct engine_process process;
    char folder[64]; /* of the case, the outputs, and what the engine said on stderr */
    char describe[160];
    int threads;
    double each_ns;          /* the last call's; 0: none yet */
    double timed_ns, cpu_ns; /* of all runs so far */
    long runs;
};

/* ---- conversation -------------------------------------------------------------------------------- */

/* What an engine answers to anything but a run. OCT_OK with the text behind "ok" in `answer`. */
static int expect_ok(struct engine_child *c, const char *asked, char *answer, struct oct_message *msg)
{
    if (strcmp(answer, "ok") == 0 || strncmp(answer, "ok ", 3) == 0) {
        memmove(answer, answer + 2 + (answer[2] == ' '), strlen(answer + 2 + (answer[2] == ' ')) + 1);
        return OCT_OK;
    }
    if (strncmp(answer, "unsupported ", 12) == 0)
        return message_fail(msg, OCT_UNSUPPORTED, "%.200s", answer + 12);
    if (strncmp(answer, "error ", 6) == 0)
        return message_fail(msg, OCT_ERROR, "%.200s", answer + 6);
    return message_fail(msg, OCT_ERROR, "%.60s answered '%.60s' to '%s'", c->engine->name, answer, asked);
}

static int command(struct engine_child *c, const char *word, const char *argument,
                   char answer[ENGINE_LINE_ROOM], struct oct_message *msg)
{
    char line[PATH_ROOM + 32];
    int status;

    snprintf(line, sizeof(line), "%s %s", word, argument);
    status = engine_process_ask(&c->process, line, c->engine->timeout_ns, answer, msg);
    return status ? status : expect_ok(c, word, answer, msg);
}

/* Digits and nothing else. */
static bool parse_ns(const char *text, uint64_t *ns)
{
    char *end;

    errno = 0;
    *ns = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

int engine_run(struct engine_child *c, long iters, uint64_t *ns, struct oct_message *msg)
{
    char line[48], answer[ENGINE_LINE_ROOM];
    uint64_t cpu = engine_process_cpu_ns(&c->process), start = timer_now_ns(), passed;
    uint64_t timeout = c->engine->timeout_ns + (uint64_t)(10 * c->each_ns * (double)iters);
    int status;

    snprintf(line, sizeof(line), "run %ld", iters);
    status = engine_process_ask(&c->process, line, timeout, answer, msg);
    passed = timer_now_ns() - start;
    if (status)
        return status;
    if (!parse_ns(answer, ns)) {
        status = expect_ok(c, line, answer, msg);
        return status ? status : message_fail(msg, OCT_ERROR, "it answered no time to '%s'", line);
    }
    if (*ns > passed)
        return message_fail(msg, OCT_ERROR,
                            "it says that '%s' took %" PRIu64 " ns, but only %" PRIu64 " ns passed", line,
                            *ns, passed);
    c->each_ns = (double)*ns / (double)iters;
    c->timed_ns += (double)*ns;
    c->cpu_ns += (double)(engine_process_cpu_ns(&c->process) - cpu);
    c->runs++;
    return OCT_OK;
}

int engine_judge(const struct engine_child *c, struct oct_message *msg)
{
    double allowed = SHARE_ALLOWED * c->threads * c->timed_ns + SLACK_NS * (double)c->runs;

    if (c->cpu_ns <= allowed)
        return OCT_OK;
    return message_fail(msg, OCT_ERROR,
                        "it took %.0f ms of processor time for %.0f ms that it says it was at work on %d "
                        "thread%s",
                        c->cpu_ns / 1e6, c->timed_ns / 1e6, c->threads, c->threads > 1 ? "s" : "");
}

pid_t engine_pid(const struct engine_child *c)
{
    return c->process.pid;
}

const char *engine_describe(const struct engine_child *c)
{
    return c->describe;
}

/* ---- results ------------------------------------------------------------------------------------- */

static bool same_shape(const struct npy *got, const struct oct_problem *p, int band)
{
    const struct oct_extent e = oct_out_extent(p, band);
    const size_t want[] = {(size_t)p->n, (size_t)p->oc[band], (size_t)e.d, (size_t)e.h, (size_t)e.w};
    int skip = got->rank == 4 && e.d == 1;

    if (got->rank != 5 && !skip)
        return false;
    for (int i = 0; i < got->rank; i++)
        if (got->shape[i] != want[i + (skip && i >= 2)])
            return false;
    return true;
}

static bool compare(const struct npy *got, const float *want, int band, double bound, double *most,
                    struct oct_message *msg)
{
    bool good = true;

    for (size_t i = 0; i < got->count; i++) {
        double error = fabs((double)got->data[i] - want[i]);

        if (isnan(error))
            error = INFINITY;
        *most = error > *most ? error : *most;
        if (error <= bound || !good)
            continue;
        good = false;
        message_fail(msg, OCT_ERROR, "band %d, value %zu: %.9g, but should be %.9g", band, i, got->data[i],
                     want[i]);
    }
    return good;
}

static int check_band(struct engine_child *c, const struct operands *ops, int band, double bound,
                      double *most, bool *wrong, struct oct_message *msg)
{
    char path[PATH_ROOM], shape[192];
    struct npy got;
    int status;

    snprintf(path, sizeof(path), "%s/out/y%d.npy", c->folder, band);
    status = npy_read(&got, path, msg);
    if (status)
        return OCT_ERROR;
    if (!same_shape(&got, &ops->problem, band)) {
        *wrong = true;
        message_fail(msg, OCT_ERROR, "band %d has the shape %.100s", band, npy_shape_text(&got, shape));
    } else if (!compare(&got, ops->expected[band], band, bound, most, msg)) {
        *wrong = true;
    }
    npy_free(&got);
    return OCT_OK;
}

int engine_verify(struct engine_child *c, const struct operands *ops, double bound, double *most, bool *wrong,
                  struct oct_message *msg)
{
    char folder[80], answer[ENGINE_LINE_ROOM];
    uint64_t ns;
    int status = engine_run(c, 1, &ns, msg);

    *most = 0;
    *wrong = false;
    snprintf(folder, sizeof(folder), "%s/out", c->folder);
    if (!status)
        status = command(c, "output", folder, answer, msg);
    for (int b = 0; b < ops->problem.bands && !status && !*wrong; b++)
        if (ops->problem.oc[b])
            status = check_band(c, ops, b, bound, most, wrong, msg);
    return status;
}

/* ---- beginning and end --------------------------------------------------------------------------- */

static int make_folder(struct engine_child *c, struct oct_message *msg)
{
    char out[80];

    snprintf(c->folder, sizeof(c->folder), "/tmp/octbench-engine-XXXXXX");
    if (!mkdtemp(c->folder)) {
        c->folder[0] = '\0';
        return message_fail(msg, OCT_ERROR, "no folder for an engine's case in /tmp: %s", strerror(errno));
    }
    snprintf(out, sizeof(out), "%s/out", c->folder);
    if (mkdir(out, 0700))
        return message_fail(msg, OCT_ERROR, "%s: %s", out, strerror(errno));
    return OCT_OK;
}

static int program_of(const struct engine *engine, char path[PATH_ROOM], struct oct_message *msg)
{
    char name[64];

    snprintf(name, sizeof(name), "%.40s_engine.py", engine->name);
    if (engine->program)
        return snprintf(path, PATH_ROOM, "%s", engine->program) < PATH_ROOM
                   ? OCT_OK
                   : message_fail(msg, OCT_ERROR, "the path of %s is too long", engine->name);
    return engine_script_path(path, PATH_ROOM, name)
               ? OCT_OK
               : message_fail(msg, OCT_ERROR, "the path of %s is too long", name);
}

static int begin(struct engine_child *c, const char *name, const struct operands *ops,
                 const volatile sig_atomic_t *stop, struct oct_message *msg)
{
    char program[PATH_ROOM], count[16], answer[ENGINE_LINE_ROOM];
    int status = make_folder(c, msg);

    if (!status)
        status = engine_case_write(c->folder, name, ops, msg);
    if (!status)
        status = program_of(c->engine, program, msg);
    if (!status)
        status = engine_process_start(&c->process, program, c->folder, c->threads, stop, msg);
    snprintf(count, sizeof(count), "%d", c->threads);
    if (!status)
        status = command(c, "threads", count, answer, msg);
    if (!status)
        status = command(c, "load", c->folder, answer, msg);
    if (!status)
        snprintf(c->describe, sizeof(c->describe), "%.150s", *answer ? answer : c->engine->name);
    return status;
}

int engine_start(struct engine_child **out, const struct engine *engine, const char *name,
                 const struct operands *ops, int threads, const volatile sig_atomic_t *stop,
                 struct oct_message *msg)
{
    struct engine_child *c = calloc(1, sizeof(*c));
    int status;

    *out = NULL;
    if (!c)
        return message_fail(msg, OCT_NO_MEMORY, "no memory for an engine");
    c->engine = engine;
    c->threads = threads;
    status = begin(c, name, ops, stop, msg);
    if (status)
        engine_end(c);
    else
        *out = c;
    return status;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    (void)remove(path);
    return 0;
}

void engine_end(struct engine_child *c)
{
    if (!c)
        return;
    engine_process_end(&c->process);
    if (c->folder[0])
        (void)nftw(c->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(c);
}
