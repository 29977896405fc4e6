/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "report/report.h"

#include "base/file.h"
#include "base/json.h"
#include "base/message.h"
#include "base/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_ROOM 4096

enum { SAMPLES, PATHS, COUNTERS, RESULTS, FILES };

static const struct {
    const char *name, *header; /* NULL: results.csv, by its column table */
    int case_id_column;
} files[FILES] = {
    {"samples.csv", "case_id,launch,round,order,iters,ns,disturbed\n", 0},
    {"paths.csv", "case_id,path,macs,ns,share\n", 0},
    {"counters.csv", "case_id,counter,per_iter,how,running_ratio\n", 0},
    {"results.csv", NULL, 2},
};

void report_time(char text[32])
{
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* ---- the directory ------------------------------------------------------------------------------- */

static bool exists(const char *dir, const char *name)
{
    char path[PATH_ROOM];

    return file_join(path, sizeof(path), dir, name) && access(path, F_OK) == 0;
}

static bool holds_results(const char *dir)
{
    for (int i = 0; i < FILES; i++)
        if (exists(dir, files[i].name))
            return true;
    return false;
}

/* reports/20260131-120000-quick, with a number where that is taken. */
static void default_directory(const char *config_path, char *dir, size_t size)
{
    const char *stem = strrchr(config_path, '/') ? strrchr(config_path, '/') + 1 : config_path;
    const char *dot = strrchr(stem, '.');
    int length = dot && dot > stem ? (int)(dot - stem) : (int)strlen(stem);
    time_t now = time(NULL);
    char stamp[32];
    struct tm here;

    localtime_r(&now, &here);
    strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &here);
    snprintf(dir, size, "reports/%s-%.*s", stamp, length, stem);
    for (int i = 2; access(dir, F_OK) == 0 && i < 1000; i++)
        snprintf(dir, size, "reports/%s-%.*s-%d", stamp, length, stem, i);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The times that run.json holds already, and now. */
static bool note_resumed(struct report *report, const struct json_t *before)
{
    size_t count = js_length(before);

    report->resumed = calloc(count + 1, sizeof(*report->resumed));
    if (!report->resumed)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *at = js_text_at(before, i);

        snprintf(report->resumed[i], sizeof(*report->resumed), "%s", at ? at : "");
    }
    report_time(report->resumed[count]);
    report->resumed_count = count + 1;
    return true;
}

static int adopt(struct report *report, const struct report_identity *identity, struct oct_message *msg)
{
    char path[PATH_ROOM];
    struct oct_message why;
    struct json_t *run;
    const char *hash, *isa, *run_id, *started;
    int status = 2;

    if (!file_join(path, sizeof(path), report->dir, "run.json") || !(run = js_read_file(path, &why)))
        return message_fail(msg, 2, "cannot resume: %s", why.text);
    hash = js_get_text(js_get(run, "config"), "hash");
    isa = js_get_text(run, "isa_limit");
    run_id = js_get_text(run, "run_id");
    started = js_get_text(run, "started");
    if (!hash || !run_id || !started) {
        message_fail(msg, 2, "cannot resume: %s is not a run's description", path);
    } else if (!same_text(hash, identity->config_hash)) {
        message_fail(msg, 2, "cannot resume %.120s: it was begun with another config (its bytes differ)",
                     report->dir);
    } else if (!same_text(isa, identity->isa)) {
        message_fail(msg, 2, "cannot resume %.120s: it was begun with %s%s", report->dir,
                     isa ? "--isa " : "no --isa", isa ? isa : "");
    } else if (!note_resumed(report, js_get(run, "resumed"))) {
        message_fail(msg, 1, "cannot resume %.120s: no memory", report->dir);
        status = 1;
    } else {
        snprintf(report->run_id, sizeof(report->run_id), "%s", run_id);
        snprintf(report->started, sizeof(report->started), "%s", started);
        status = 0;
    }
    js_free(run);
    return status;
}

int report_open(struct report *report, const char *dir, const char *config_path, bool resume,
                const struct report_identity *identity, struct oct_message *msg)
{
    memset(report, 0, sizeof(*report));
    if (dir && strlen(dir) >= sizeof(report->dir))
        return message_fail(msg, 2, "the directory's name is too long");
    if (dir)
        snprintf(report->dir, sizeof(report->dir), "%s", dir);
    else
        default_directory(config_path, report->dir, sizeof(report->dir));
    if (file_make_directory(report->dir, msg))
        return 2;
    if (resume && exists(report->dir, "run.json"))
        return adopt(report, identity, msg);
    if (holds_results(report->dir))
        return message_fail(msg, 2,
                            resume ? "cannot resume %.120s: it holds results, but no run.json"
                                   : "%.120s already holds a run: name another directory, or --resume it",
                            report->dir);
    report_time(report->started);
    snprintf(report->run_id, sizeof(report->run_id), "%.8s-%08llx-%d", identity->config_hash,
             (unsigned long long)(time(NULL) ^ (time_t)timer_now_ns()) & 0xffffffffu, (int)getpid() & 0xffff);
    return 0;
}

/* ---- what a killed run left ---------------------------------------------------------------------- */

bool report_has(const struct report *report, const char *case_id)
{
    for (size_t i = 0; i < report->count; i++)
        if (strcmp(report->rows[i].case_id, case_id) == 0)
            return true;
    return false;
}

bool report_has_group(const struct report *report, const struct group *group)
{
    for (size_t i = 0; i < group->count; i++)
        if (!report_has(report, group->cases[i].id))
            return false;
    return true;
}

static struct result_row *add_row(struct report *report)
{
    if (report->count == report->room) {
        size_t room = report->room ? 2 * report->room : 64;
        struct result_row *rows = realloc(report->rows, room * sizeof(*rows));

        if (!rows)
            return NULL;
        report->rows = rows;
        report->room = room;
    }
    return &report->rows[report->count++];
}

/* A file that a kill tore in its header holds nothing yet; one that is no file holds nothing ever. */
static bool has_header(const char *path)
{
    FILE *f = fopen(path, "re");
    struct stat st;
    int c = EOF;

    if (f && (fstat(fileno(f), &st) || !S_ISREG(st.st_mode))) {
        fclose(f);
        f = NULL;
    }
    if (!f)
        return false;
    while ((c = getc(f)) != EOF && c != '\n')
        ;
    fclose(f);
    return c == '\n';
}

static int read_rows(struct report *report, const char *path, struct oct_message *msg)
{
    struct results_reader *reader = results_open(path, msg->text, sizeof(msg->text));
    struct result_row row;
    int status = reader ? 0 : 2;

    while (!status && (status = results_next(reader, &row, msg->text, sizeof(msg->text))) == 0) {
        struct result_row *kept = add_row(report);
        if (kept)
            *kept = row;
        else
            status = message_fail(msg, 2, "no memory for the rows of %s", path);
    }
    results_close(reader);
    return status == 2 ? 2 : 0;
}

/* Forgets the rows of groups that are not whole, so that they are measured again: pairs need their group. */
static void forget_partial_groups(struct report *report, const struct config *config)
{
    for (size_t g = 0; g < config->count; g++) {
        const struct group *group = &config->groups[g];
        size_t kept = 0;

        if (report_has_group(report, group))
            continue;
        for (size_t i = 0; i < report->count; i++)
            if (strcmp(report->rows[i].group_id, group->id) != 0)
                report->rows[kept++] = report->rows[i];
        report->count = kept;
    }
}

/* Copies the header and the rows whose case is in the report. 1 at the end, 2 where the file is malformed. */
static int copy_kept(const struct report *report, int file, struct csv_reader *reader, FILE *f,
                     struct oct_message *msg)
{
    size_t count, id = (size_t)files[file].case_id_column;
    bool header = true;
    char **cells;
    int status;

    while ((status = csv_next(reader, &count, &cells, msg->text, sizeof(msg->text))) == 0) {
        if (!header && (count <= id || !report_has(report, cells[id])))
            continue;
        header = false;
        for (size_t i = 0; i < count; i++) {
            if (i)
                fputc(',', f);
            csv_write_text(f, cells[i]);
        }
        fputc('\n', f);
    }
    return status;
}

/* Writes the file anew without what copy_kept() leaves out. */
static int prune(const struct report *report, int file, const char *path, struct oct_message *msg)
{
    struct csv_reader *reader = csv_open(path, msg->text, sizeof(msg->text));
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    int status = 2;

    if (reader && f)
        status = copy_kept(report, file, reader, f, msg);
    csv_close(reader);
    if (f)
        fclose(f);
    if (status == 1)
        status = file_replace(path, text, size, msg) ? 1 : 0;
    free(text);
    return status;
}

static int write_header(int file, const char *path, struct oct_message *msg)
{
    char *text = NULL;
    size_t size;
    FILE *f;
    int status;

    if (files[file].header)
        return file_append(path, files[file].header, strlen(files[file].header), msg) ? 1 : 0;
    f = open_memstream(&text, &size);
    if (!f)
        return message_fail(msg, 1, "no memory");
    results_write_header(f);
    fclose(f);
    status = file_append(path, text, size, msg) ? 1 : 0;
    free(text);
    return status;
}

int report_begin(struct report *report, const struct config *config, struct oct_message *msg)
{
    char path[FILES][PATH_ROOM];
    bool present[FILES];
    int status = 0;

    for (int i = 0; i < FILES; i++) {
        if (!file_join(path[i], sizeof(path[i]), report->dir, files[i].name))
            return message_fail(msg, 2, "the directory's name is too long");
        present[i] = has_header(path[i]);
        if (!present[i] && truncate(path[i], 0) && errno != ENOENT && errno != EINVAL)
            return message_fail(msg, 1, "%.160s: %s", path[i], strerror(errno));
    }
    if (present[RESULTS])
        status = read_rows(report, path[RESULTS], msg);
    if (!status)
        forget_partial_groups(report, config);
    for (int i = 0; i < FILES && !status; i++)
        status = present[i] ? prune(report, i, path[i], msg) : write_header(i, path[i], msg);
    return status;
}

/* ---- appending ----------------------------------------------------------------------------------- */

static void print_samples(FILE *f, const struct case_result *c)
{
    for (size_t i = 0; i < c->contender.count; i++) {
        const struct sample *s = &c->contender.samples[i];
        fprintf(f, "%s,%d,%d,%d,%ld,%llu,%d\n", c->bench_case->id, s->launch, s->round, s->order, s->iters,
                (unsigned long long)s->ns, s->disturbed != 0);
    }
}

static void print_parts(FILE *f, const struct case_result *c)
{
    for (int i = 0; i < c->part_count; i++) {
        fprintf(f, "%s,", c->bench_case->id);
        csv_write_text(f, c->parts[i].name);
        fputc(',', f);
        csv_write_int(f, c->parts[i].macs);
        fputc(',', f);
        csv_write_real(f, c->parts[i].ns);
        fputc(',', f);
        csv_write_real(f, c->parts[i].share);
        fputc('\n', f);
    }
}

/* Memory is known of every case, whatever this machine can count. */
static void print_memory(FILE *f, const struct case_result *c)
{
    if (!c->contender.count)
        return;
    fprintf(f, "%s,tensor_bytes,%llu,derived,\n", c->bench_case->id, (unsigned long long)c->tensor_bytes);
    fprintf(f, "%s,scratch_bytes,%llu,derived,\n", c->bench_case->id, (unsigned long long)c->scratch_bytes);
}

static void print_counters(FILE *f, const struct case_result *c)
{
    print_memory(f, c);
    for (size_t i = 0; i < c->counter_count; i++) {
        const struct counter_value *v = &c->counters[i];

        fprintf(f, "%s,", c->bench_case->id);
        csv_write_text(f, v->name);
        fputc(',', f);
        if (v->how != COUNTER_UNAVAILABLE)
            csv_write_real(f, v->how == COUNTER_DERIVED ? v->total : v->total / (double)c->counter_iters);
        fprintf(f, ",%s,", counter_how_name(v->how));
        csv_write_real(f, v->running_ratio);
        fputc('\n', f);
    }
}

static void print_case(FILE *f, int file, const struct case_result *c, const struct result_row *row)
{
    if (file == SAMPLES)
        print_samples(f, c);
    else if (file == PATHS)
        print_parts(f, c);
    else if (file == COUNTERS)
        print_counters(f, c);
    else
        results_write_row(f, row);
}

static int append_file(const struct report *report, int file, const struct group_result *result,
                       const struct result_row *rows, struct oct_message *msg)
{
    char path[PATH_ROOM], *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    int status = OCT_OK;

    if (!f || !file_join(path, sizeof(path), report->dir, files[file].name)) {
        if (f)
            fclose(f);
        free(text);
        return message_fail(msg, OCT_NO_MEMORY, "no memory to write %s", files[file].name);
    }
    for (size_t i = 0; i < result->count; i++)
        print_case(f, file, &result->cases[i], &rows[i]);
    fclose(f);
    if (size)
        status = file_append(path, text, size, msg);
    free(text);
    return status;
}

int report_append(struct report *report, const struct group_result *result, const struct result_row *rows,
                  struct oct_message *msg)
{
    int status = OCT_OK;

    for (int i = 0; i < FILES && !status; i++)
        status = append_file(report, i, result, rows, msg);
    for (size_t i = 0; i < result->count && !status; i++) {
        struct result_row *row = add_row(report);
        if (!row)
            return message_fail(msg, OCT_NO_MEMORY, "no memory for the rows");
        *row = rows[i];
    }
    return status;
}

void report_close(struct report *report)
{
    free(report->rows);
    free(report->resumed);
    memset(report, 0, sizeof(*report));
}
