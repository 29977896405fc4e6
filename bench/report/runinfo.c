/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "report/runinfo.h"

#include "counters/counters.h"
#include "base/file.h"
#include "base/json.h"
#include "machine/environment.h"
#include "octbench_revision.h"
#include "base/timer.h"

#include <link.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

struct runtime_search {
    char *names;
    size_t size;
    int count;
};

static int note_runtime(struct dl_phdr_info *info, size_t size, void *arg)
{
    static const char *const stems[] = {"libgomp", "libomp", "libiomp5"};
    struct runtime_search *search = arg;
    const char *name = strrchr(info->dlpi_name, '/') ? strrchr(info->dlpi_name, '/') + 1 : info->dlpi_name;
    size_t used = strlen(search->names);

    (void)size;
    for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
        size_t length = strlen(stems[i]);
        if (strncmp(name, stems[i], length) != 0 || (name[length] != '.' && name[length] != '-'))
            continue;
        snprintf(search->names + used, search->size - used, "%s%s", used ? " " : "", name);
        search->count++;
        break;
    }
    return 0;
}

int runinfo_openmp(char *names, size_t size)
{
    struct runtime_search search = {names, size, 0};

    names[0] = '\0';
    dl_iterate_phdr(note_runtime, &search);
    return search.count;
}

/* ---- notes --------------------------------------------------------------------------------------- */

void run_notes_add(struct run_notes *notes, const struct group_context *ctx,
                   const struct group_result *result)
{
    int threads = result->group->threads;
    struct binding *grown;

    notes->rounds += result->rounds;
    notes->disturbed += result->disturbed;
    notes->stolen += result->stolen;
    notes->apart += result->apart;
    if (ctx->sampler.ledger)
        ledger_read(ctx->sampler.ledger, &notes->now);
    for (size_t i = 0; i < notes->binding_count; i++)
        if (notes->bindings[i].threads == threads)
            return;
    grown = realloc(notes->bindings, (notes->binding_count + 1) * sizeof(*grown));
    if (!grown)
        return;
    notes->bindings = grown;
    grown += notes->binding_count;
    grown->threads = threads;
    grown->pu = malloc((size_t)threads * sizeof(*grown->pu));
    if (!grown->pu)
        return;
    grown->cores = topology_place(ctx->topology, &ctx->config->affinity, threads, grown->pu);
    memcpy(grown->pu, result->bound, (size_t)threads * sizeof(*grown->pu));
    notes->binding_count++;
}

void run_notes_free(struct run_notes *notes)
{
    for (size_t i = 0; i < notes->binding_count; i++)
        free(notes->bindings[i].pu);
    free(notes->bindings);
    memset(notes, 0, sizeof(*notes));
}

/* ---- sections ------------------------------------------------------------------------------------ */

static struct json_t *section(struct json_t *root, const char *key)
{
    struct json_t *object = js_object();

    js_put(root, key, object);
    return object;
}

static void put_config(struct json_t *root, const struct group_context *ctx,
                       const struct run_request *request)
{
    struct json_t *config = section(root, "config");
    char shard[32] = "";

    if (request->shards)
        snprintf(shard, sizeof(shard), "%d/%d", request->shard, request->shards);
    js_text(config, "path", ctx->config->path);
    js_text(config, "hash", ctx->config->hash);
    js_text(config, "filter", request->filter);
    js_text(config, "shard", *shard ? shard : NULL);
    js_int(config, "rounds", ctx->config->measure.rounds);
    js_int(config, "launches", ctx->config->measure.launches);
    js_int(config, "min_time_ns", (int64_t)ctx->config->measure.min_time_ns);
    js_real(config, "max_steal", ctx->config->measure.max_steal);
}

static void put_build(struct json_t *root)
{
    struct json_t *build = section(root, "build"), *libraries = section(root, "libraries");
    char openmp[200], libpfm[32];

    js_text(build, "compiler", OCTBENCH_COMPILER);
    js_text(build, "flags", OCTBENCH_FLAGS);
    js_text(build, "type", OCTBENCH_BUILD_TYPE);
    runinfo_openmp(openmp, sizeof(openmp));
    counters_library(libpfm, sizeof(libpfm));
    js_text(libraries, "octconv", oct_version());
    js_text(libraries, "onednn", oct_onednn_version());
    js_text(libraries, "hwloc", *OCTBENCH_HWLOC ? OCTBENCH_HWLOC : NULL);
    js_text(libraries, "libpfm", *libpfm ? libpfm : NULL);
    js_text(libraries, "libfyaml", OCTBENCH_FYAML);
    js_text(libraries, "jansson", OCTBENCH_JANSSON);
    js_text(libraries, "openmp", *openmp ? openmp : NULL);
}

static int64_t known(int64_t value)
{
    return value < 0 ? EMPTY_INT : value;
}

static void put_machine(struct json_t *root, const struct group_context *ctx)
{
    struct json_t *object = section(root, "machine");
    struct machine machine;
    struct utsname system;

    topology_machine(ctx->topology, &machine);
    js_text(object, "model", *machine.model ? machine.model : NULL);
    js_int(object, "packages", machine.packages);
    js_int(object, "numa_nodes", machine.numa_nodes);
    js_int(object, "cores", machine.cores);
    js_int(object, "pus", machine.pus);
    js_int(object, "smt", machine.smt);
    js_int(object, "l1d_bytes", known(machine.l1d_bytes));
    js_int(object, "l2_bytes", known(machine.l2_bytes));
    js_int(object, "l3_bytes", known(machine.l3_bytes));
    js_int(object, "memory_bytes", known(machine.memory_bytes));
    js_real(object, "quota_cores", machine.quota_cores);
    if (uname(&system) == 0) {
        js_text(object, "system", system.sysname);
        js_text(object, "release", system.release);
    }
    js_text(object, "isa_detected", oct_isa_name(oct_cpu_detected()));
    js_int(object, "timer_resolution_ns", (int64_t)timer_resolution_ns());
    js_real(object, "timer_overhead_ns", timer_overhead_ns());
}

static void put_binding(struct json_t *root, const struct run_notes *notes)
{
    struct json_t *list = js_array();

    js_put(root, "binding", list);
    for (size_t i = 0; i < notes->binding_count; i++) {
        struct json_t *entry = js_object(), *pus = js_array();

        js_put(list, NULL, entry);
        js_int(entry, "threads", notes->bindings[i].threads);
        js_int(entry, "cores", notes->bindings[i].cores);
        js_put(entry, "pu", pus);
        for (int t = 0; t < notes->bindings[i].threads; t++)
            js_int(pus, NULL, known(notes->bindings[i].pu[t]));
    }
}

static void put_peaks(struct json_t *root, const struct group_context *ctx)
{
    struct json_t *list = js_array();

    js_put(root, "peaks", list);
    for (size_t i = 0; i < ctx->peak_count; i++) {
        struct json_t *entry = js_object();

        js_put(list, NULL, entry);
        js_int(entry, "threads", ctx->peaks[i].threads);
        js_real(entry, "fma_base_gflops", ctx->peaks[i].fma_base);
        js_real(entry, "fma_avx2_gflops", ctx->peaks[i].fma_avx2);
        js_real(entry, "fma_avx512_gflops", ctx->peaks[i].fma_avx512);
        js_real(entry, "l1_gbs", ctx->peaks[i].l1);
        js_real(entry, "l2_gbs", ctx->peaks[i].l2);
        js_real(entry, "l3_gbs", ctx->peaks[i].l3);
        js_real(entry, "memory_gbs", ctx->peaks[i].memory);
    }
}

static void put_noise(struct json_t *root, const struct run_notes *notes)
{
    struct json_t *noise = section(root, "noise");
    struct disturbance total = ledger_between(&notes->begin, &notes->now);

    js_int(noise, "rounds", notes->rounds);
    js_int(noise, "rounds_dropped", notes->disturbed);
    js_int(noise, "rounds_stolen", notes->stolen);
    js_int(noise, "rounds_apart", notes->apart);
    js_int(noise, "steal_ns", known(total.steal_ns));
    js_int(noise, "involuntary_switches", known(total.involuntary));
    js_int(noise, "migrations", known(total.migrations));
    js_int(noise, "throttled_ns", known(total.throttled_ns));
}

/* "NAME=value"; those of the table stand there already. */
static void put_variable(struct json_t *environment, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[64];

    if (!equals || equals - text >= (long)sizeof(name))
        return;
    snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
    for (size_t i = 0; environment_names[i]; i++)
        if (strcmp(environment_names[i], name) == 0)
            return;
    js_text(environment, name, equals + 1);
}

/* How idle workers wait decides what they take from others, and how soon a team starts. */
static void put_environment(struct json_t *root)
{
    struct json_t *environment = section(root, "environment");

    for (size_t i = 0; environment_names[i]; i++)
        js_text(environment, environment_names[i], getenv(environment_names[i]));
    for (size_t i = 0; environ[i]; i++)
        if (environment_family(environ[i]))
            put_variable(environment, environ[i]);
}

/* So that a reader knows which rows may come from another sitting, and another state of the machine. */
static void put_resumed(struct json_t *root, const struct report *report)
{
    struct json_t *times = js_array();

    for (size_t i = 0; i < report->resumed_count; i++)
        js_text(times, NULL, report->resumed[i]);
    js_put(root, "resumed", times);
}

static void put_counts(struct json_t *root, const struct report *report)
{
    struct json_t *counts = section(root, "cases");

    for (enum case_status s = CASE_OK; s <= CASE_SKIPPED; s++) {
        int64_t count = 0;
        for (size_t i = 0; i < report->count; i++)
            count += strcmp(report->rows[i].status, case_status_name(s)) == 0;
        js_int(counts, case_status_name(s), count);
    }
}

int runinfo_write(const struct report *report, const struct group_context *ctx,
                  const struct run_request *request, const struct run_notes *notes, const char *status,
                  struct oct_message *msg)
{
    struct json_t *root = js_object();
    char now[32], path[4096];
    int result;

    report_time(now);
    js_int(root, "schema", RESULTS_SCHEMA);
    js_text(root, "run_id", report->run_id);
    js_text(root, "status", status);
    js_text(root, "command", request->command);
    js_text(root, "started", report->started);
    put_resumed(root, report);
    js_text(root, "ended", strcmp(status, "running") == 0 ? NULL : now);
    js_int(root, "seed", (int64_t)ctx->config->measure.seed);
    js_text(root, "isa", oct_isa_name(oct_cpu_usable()));
    js_text(root, "isa_limit", request->isa);
    js_text(root, "git_revision", *OCTBENCH_REVISION ? OCTBENCH_REVISION : NULL);
    put_config(root, ctx, request);
    put_build(root);
    put_machine(root, ctx);
    put_binding(root, notes);
    put_peaks(root, ctx);
    put_noise(root, notes);
    put_environment(root);
    put_counts(root, report);
    if (file_join(path, sizeof(path), report->dir, "run.json"))
        result = js_write_file(root, path, msg);
    else
        result = OCT_ERROR;
    js_free(root);
    return result;
}
