/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "base/csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- any CSV file -------------------------------------------------------------------------------- */

struct csv_reader {
    FILE *f;
    char *path;
    long line, record_line; /* where the next character is; where the current record began */
    int64_t offset, whole;  /* bytes read; bytes up to the end of the last whole record */
    char *text;             /* the record's cells, one after the other, each with its terminator */
    size_t used, room;
    size_t *start; /* of each cell in text */
    char **cells;
    size_t count, cell_room;
    bool no_memory;
};

void csv_write_text(FILE *f, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, f);
        return;
    }
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

void csv_write_real(FILE *f, double value)
{
    if (!isnan(value))
        fprintf(f, "%.9g", value);
}

void csv_write_int(FILE *f, int64_t value)
{
    if (value != EMPTY_INT)
        fprintf(f, "%lld", (long long)value);
}

struct csv_reader *csv_open(const char *path, char *message, size_t size)
{
    struct csv_reader *r = calloc(1, sizeof(*r));

    if (!r || !(r->path = strdup(path))) {
        free(r);
        snprintf(message, size, "%s: no memory", path);
        return NULL;
    }
    r->f = fopen(path, "re");
    r->line = 1;
    if (!r->f) {
        snprintf(message, size, "%s: %s", path, strerror(errno));
        csv_close(r);
        return NULL;
    }
    return r;
}

void csv_close(struct csv_reader *r)
{
    if (!r)
        return;
    if (r->f)
        fclose(r->f);
    free(r->path);
    free(r->text);
    free(r->start);
    free(r->cells);
    free(r);
}

int64_t csv_whole(const struct csv_reader *r)
{
    return r->whole;
}

long csv_line(const struct csv_reader *r)
{
    return r->record_line;
}

static int complain(const struct csv_reader *r, long line, char *message, size_t size, const char *what)
{
    snprintf(message, size, "%s:%ld: %s", r->path, line, what);
    return 2;
}

static bool put(struct csv_reader *r, int c)
{
    if (r->used == r->room) {
        size_t room = r->room ? 2 * r->room : 1024;
        char *text = realloc(r->text, room);
        r->no_memory = !text;
        if (!text)
            return false;
        r->text = text;
        r->room = room;
    }
    r->text[r->used++] = (char)c;
    return true;
}

static bool begin_cell(struct csv_reader *r)
{
    if (r->count == r->cell_room) {
        size_t room = r->cell_room ? 2 * r->cell_room : 128;
        size_t *start = realloc(r->start, room * sizeof(*start));
        char **cells;
        if (!start)
            return false;
        r->start = start;
        cells = realloc(r->cells, room * sizeof(*cells));
        if (!cells)
            return false;
        r->cells = cells;
        r->cell_room = room;
    }
    r->start[r->count++] = r->used;
    return true;
}

static int next_char(struct csv_reader *r)
{
    int c = getc(r->f);

    if (c == EOF)
        return EOF;
    r->offset++;
    r->line += c == '\n';
    return c;
}

/* The inside of a quoted cell, up to and with the closing quote. Returns the character after it. */
static int read_quoted(struct csv_reader *r)
{
    int c;

    while ((c = next_char(r)) != EOF) {
        if (c == '"' && (c = next_char(r)) != '"')
            return c;
        if (!put(r, c))
            return EOF;
    }
    return EOF;
}

/* One cell. Returns what ended it: ',' '\n' EOF, or another character that may not stand there. */
static int read_cell(struct csv_reader *r)
{
    int c = next_char(r);

    if (c == '"') {
        c = read_quoted(r);
    } else {
        for (; c != EOF && c != ',' && c != '\n' && c != '\r' && c != '"' && c != '\0'; c = next_char(r))
            if (!put(r, c))
                return EOF;
    }
    if (c == '\r')
        c = next_char(r);
    return put(r, '\0') ? c : EOF;
}

int csv_next(struct csv_reader *r, size_t *count, char ***cells, char *message, size_t size)
{
    int end = ',';

    r->used = r->count = 0;
    r->record_line = r->line;
    while (end == ',') {
        if (!begin_cell(r))
            return complain(r, r->line, message, size, "no memory");
        end = read_cell(r);
    }
    if (ferror(r->f))
        return complain(r, r->line, message, size, strerror(errno));
    if (r->no_memory)
        return complain(r, r->line, message, size, "no memory");
    if (end == EOF)
        return 1;
    if (end != '\n')
        return complain(r, r->line, message, size,
                        end == '"' ? "a quote inside a cell that is not quoted"
                                   : "a character after the closing quote, or one that no CSV file has");
    for (size_t i = 0; i < r->count; i++)
        r->cells[i] = r->text + r->start[i];
    r->whole = r->offset;
    *count = r->count;
    *cells = r->cells;
    return 0;
}

/* ---- results.csv --------------------------------------------------------------------------------- */

#define MEMBER_SIZE(name) sizeof(((struct result_row *)0)->name)
#define COLUMN(name, type)                                                \
    {                                                                     \
#name, type, offsetof(struct result_row, name), MEMBER_SIZE(name) \
    }
#define TEXT(name) COLUMN(name, CSV_TEXT)
#define INT(name)  COLUMN(name, CSV_INT)
#define REAL(name) COLUMN(name, CSV_REAL)

/* clang-format off */
const struct csv_column results_columns[] = {
    INT(schema), TEXT(run_id), TEXT(case_id), TEXT(group_id), TEXT(suite), TEXT(layer),
    INT(n), INT(c_in), INT(c_out), INT(d), INT(h), INT(w), INT(kd), INT(kh), INT(kw), INT(stride), TEXT(pad),
    INT(dilation), TEXT(groups), INT(bands), REAL(alpha_in), REAL(alpha_out), TEXT(down), TEXT(paths),
    TEXT(dtype), TEXT(epilogue), TEXT(cache), TEXT(kernel), TEXT(isa), TEXT(impl), INT(threads),
    TEXT(status), TEXT(reason),
    INT(macs), INT(macs_vanilla), INT(act_bytes), INT(act_bytes_vanilla), INT(weight_bytes),
    REAL(theory_speedup), INT(plan_ns), INT(samples), INT(iters),
    REAL(t_min_ns), REAL(t_median_ns), REAL(t_ci_lo_ns), REAL(t_ci_hi_ns), REAL(t_p90_ns),
    REAL(gflops), REAL(pct_peak), TEXT(vanilla_kernel), REAL(vanilla_median_ns),
    REAL(speedup), REAL(speedup_lo), REAL(speedup_hi), REAL(octave_efficiency),
    REAL(self_speedup), REAL(self_efficiency), REAL(max_abs_err), REAL(err_bound),
    REAL(cycles), REAL(instructions), REAL(ipc), REAL(freq_ghz), REAL(llc_misses), REAL(steal_pct),
    TEXT(rerun),
};
/* clang-format on */
const size_t results_column_count = sizeof(results_columns) / sizeof(results_columns[0]);

struct results_reader {
    struct csv_reader *csv;
};

void result_row_clear(struct result_row *row)
{
    memset(row, 0, sizeof(*row));
    for (size_t i = 0; i < results_column_count; i++) {
        char *cell = (char *)row + results_columns[i].offset;
        if (results_columns[i].type == CSV_INT)
            *(int64_t *)(void *)cell = EMPTY_INT;
        if (results_columns[i].type == CSV_REAL)
            *(double *)(void *)cell = NAN;
    }
}

int results_write_header(FILE *f)
{
    for (size_t i = 0; i < results_column_count; i++)
        fprintf(f, "%s%s", i ? "," : "", results_columns[i].name);
    fputc('\n', f);
    return ferror(f) ? -1 : 0;
}

int results_write_row(FILE *f, const struct result_row *row)
{
    for (size_t i = 0; i < results_column_count; i++) {
        const char *cell = (const char *)row + results_columns[i].offset;
        if (i)
            fputc(',', f);
        if (results_columns[i].type == CSV_TEXT)
            csv_write_text(f, cell);
        else if (results_columns[i].type == CSV_INT)
            csv_write_int(f, *(const int64_t *)(const void *)cell);
        else
            csv_write_real(f, *(const double *)(const void *)cell);
    }
    fputc('\n', f);
    return ferror(f) ? -1 : 0;
}

static int check_header(struct results_reader *reader, char *message, size_t size)
{
    size_t count;
    char **cells;
    int status = csv_next(reader->csv, &count, &cells, message, size);

    if (status == 1)
        return complain(reader->csv, 1, message, size, "empty: there is not even a header");
    if (status)
        return status;
    for (size_t i = 0; i < results_column_count; i++) {
        char what[160];
        if (i < count && strcmp(cells[i], results_columns[i].name) == 0)
            continue;
        snprintf(what, sizeof(what), "column %zu is '%.60s', but schema %d has '%s' there", i + 1,
                 i < count ? cells[i] : "", RESULTS_SCHEMA, results_columns[i].name);
        return complain(reader->csv, 1, message, size, what);
    }
    if (count != results_column_count)
        return complain(reader->csv, 1, message, size, "more columns than the schema has");
    return 0;
}

struct results_reader *results_open(const char *path, char *message, size_t size)
{
    struct results_reader *reader = calloc(1, sizeof(*reader));

    if (!reader) {
        snprintf(message, size, "%s: no memory", path);
        return NULL;
    }
    reader->csv = csv_open(path, message, size);
    if (!reader->csv || check_header(reader, message, size)) {
        results_close(reader);
        return NULL;
    }
    return reader;
}

void results_close(struct results_reader *reader)
{
    if (!reader)
        return;
    csv_close(reader->csv);
    free(reader);
}

/* False: the cell does not hold a value of the column's type. */
static bool parse_cell(const struct csv_column *column, const char *text, char *cell)
{
    char *end;

    if (column->type == CSV_TEXT) {
        if (strlen(text) >= column->size)
            return false;
        memcpy(cell, text, strlen(text) + 1);
        return true;
    }
    if (!*text)
        return true;
    errno = 0;
    if (column->type == CSV_INT)
        *(int64_t *)(void *)cell = strtoll(text, &end, 10);
    else
        *(double *)(void *)cell = strtod(text, &end);
    return !*end && (column->type == CSV_REAL || !errno);
}

int results_next(struct results_reader *reader, struct result_row *row, char *message, size_t size)
{
    size_t count;
    char **cells, what[200];
    int status = csv_next(reader->csv, &count, &cells, message, size);

    if (status)
        return status;
    if (count != results_column_count) {
        snprintf(what, sizeof(what), "%zu cells, but the header has %zu", count, results_column_count);
        return complain(reader->csv, reader->csv->record_line, message, size, what);
    }
    result_row_clear(row);
    for (size_t i = 0; i < count; i++) {
        if (parse_cell(&results_columns[i], cells[i], (char *)row + results_columns[i].offset))
            continue;
        snprintf(what, sizeof(what), "column %s: '%.80s' is not %s", results_columns[i].name, cells[i],
                 results_columns[i].type == CSV_TEXT  ? "short enough"
                 : results_columns[i].type == CSV_INT ? "a whole number"
                                                      : "a number");
        return complain(reader->csv, reader->csv->record_line, message, size, what);
    }
    return 0;
}

int64_t results_whole(const struct results_reader *reader)
{
    return csv_whole(reader->csv);
}
