/* SPDX-License-Identifier: MIT */
#include "report/results.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
    TEXT(kind), TEXT(network), TEXT(library), TEXT(algorithm), TEXT(machine_id),
    INT(stride_d), INT(stride_h), INT(stride_w), TEXT(pads), INT(act_peak_bytes), REAL(t_p99_ns),
};
/* clang-format on */
const size_t results_column_count = sizeof(results_columns) / sizeof(results_columns[0]);

#define FIRST_OF_SCHEMA_2 "kind"

struct results_reader {
    struct csv_reader *csv;
    size_t columns; /* of the file */
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

/* Columns of a file whose header has so many: those of schema 1 where it ends before schema 2 begins. */
static size_t columns_of(size_t count)
{
    size_t first = 0;

    while (strcmp(results_columns[first].name, FIRST_OF_SCHEMA_2) != 0)
        first++;
    return count <= first ? first : results_column_count;
}

static int check_header(struct results_reader *reader, char *message, size_t size)
{
    size_t count;
    char **cells;
    int status = csv_next(reader->csv, &count, &cells, message, size);

    if (status == 1)
        return csv_fail(reader->csv, 1, message, size, "empty: there is not even a header");
    if (status)
        return status;
    if (count == 1 && strchr(cells[0], ';'))
        return csv_fail(
            reader->csv, 1, message, size,
            "columns are parted by semicolons, as some spreadsheets save them; save it with commas, and "
            "with points in numbers");
    reader->columns = columns_of(count);
    for (size_t i = 0; i < reader->columns; i++) {
        char what[160];
        if (i < count && strcmp(cells[i], results_columns[i].name) == 0)
            continue;
        snprintf(what, sizeof(what), "column %zu is '%.60s', but schema %d has '%s' there", i + 1,
                 i < count ? cells[i] : "", RESULTS_SCHEMA, results_columns[i].name);
        return csv_fail(reader->csv, 1, message, size, what);
    }
    if (count != reader->columns)
        return csv_fail(reader->csv, 1, message, size, "more columns than the schema has");
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
    if (count != reader->columns) {
        snprintf(what, sizeof(what), "%zu cells, but the header has %zu", count, reader->columns);
        return csv_fail(reader->csv, csv_line(reader->csv), message, size, what);
    }
    result_row_clear(row);
    for (size_t i = 0; i < count; i++) {
        if (parse_cell(&results_columns[i], cells[i], (char *)row + results_columns[i].offset))
            continue;
        snprintf(what, sizeof(what), "column %s: '%.80s' is not %s%s", results_columns[i].name, cells[i],
                 results_columns[i].type == CSV_TEXT  ? "short enough"
                 : results_columns[i].type == CSV_INT ? "a whole number"
                                                      : "a number",
                 results_columns[i].type != CSV_TEXT && strchr(cells[i], ',') ? " (a decimal comma)" : "");
        return csv_fail(reader->csv, csv_line(reader->csv), message, size, what);
    }
    return 0;
}

int64_t results_whole(const struct results_reader *reader)
{
    return csv_whole(reader->csv);
}
