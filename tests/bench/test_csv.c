/* SPDX-License-Identifier: MIT */
/* results.csv and its reader: what is written is read back; what is broken is said with file and line. */
#define _POSIX_C_SOURCE 200809L
#include "report/results.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/test_csv_XXXXXX";

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_text(const char *text, size_t size)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void fill(struct result_row *row, int i)
{
    result_row_clear(row);
    row->schema = RESULTS_SCHEMA;
    snprintf(row->case_id, sizeof(row->case_id), "%016x", (unsigned)i);
    snprintf(row->layer, sizeof(row->layer), "%s", i % 2 ? "a \"quoted\", layer" : "line\none\r\nand two");
    snprintf(row->reason, sizeof(row->reason), "%s", i % 3 ? "" : "\"");
    row->macs = INT64_MAX - i;
    row->t_median_ns = 1234567.25 / (i + 1);
    row->speedup = i % 2 ? NAN : 2.0 / 3;
    row->samples = i % 2 ? EMPTY_INT : 0;
    row->max_abs_err = i % 5 ? 0 : INFINITY;
}

static char *whole_file(const char *name)
{
    FILE *f = fopen(name, "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(f);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

static void write_rows(int rows)
{
    struct result_row row;
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(results_write_header(f), 0);
    for (int i = 0; i < rows; i++) {
        fill(&row, i);
        assert_int_equal(results_write_row(f, &row), 0);
    }
    assert_int_equal(fclose(f), 0);
}

static void round_trip(void **state)
{
    char message[200];
    struct result_row row, want;
    struct results_reader *reader;

    (void)state;
    write_rows(20);
    reader = results_open(path, message, sizeof(message));
    assert_non_null(reader);
    for (int i = 0; i < 20; i++) {
        fill(&want, i);
        assert_int_equal(results_next(reader, &row, message, sizeof(message)), 0);
        assert_string_equal(row.layer, want.layer);
        assert_string_equal(row.reason, want.reason);
        assert_string_equal(row.case_id, want.case_id);
        assert_int_equal(row.macs, want.macs);
        assert_int_equal(row.samples, want.samples);
        assert_true(fabs(row.t_median_ns / want.t_median_ns - 1) < 1e-8);
        assert_int_equal(isnan(row.speedup) != 0, isnan(want.speedup) != 0);
        assert_true(row.max_abs_err == want.max_abs_err);
    }
    assert_int_equal(results_next(reader, &row, message, sizeof(message)), 1);
    results_close(reader);
}

/* Every column, not only those that a test thought of: read, written again, the bytes are the same. */
static void written_again_it_is_the_same(void **state)
{
    char message[200], again[] = "/tmp/test_csv_again_XXXXXX", *a, *b;
    struct results_reader *reader;
    struct result_row row;
    int fd = mkstemp(again);
    FILE *f;

    (void)state;
    write_rows(7);
    assert_true(fd >= 0);
    f = fdopen(fd, "w");
    reader = results_open(path, message, sizeof(message));
    assert_non_null(reader);
    results_write_header(f);
    while (results_next(reader, &row, message, sizeof(message)) == 0)
        results_write_row(f, &row);
    assert_int_equal(fclose(f), 0);
    results_close(reader);
    a = whole_file(path);
    b = whole_file(again);
    assert_string_equal(a, b);
    free(a);
    free(b);
    unlink(again);
}

static void empty_cells_are_empty(void **state)
{
    struct result_row row;
    char *text, *line;

    (void)state;
    result_row_clear(&row);
    FILE *f = fopen(path, "w");
    results_write_header(f);
    results_write_row(f, &row);
    fclose(f);
    text = whole_file(path);
    line = strchr(text, '\n') + 1;
    assert_int_equal(strspn(line, ","), results_column_count - 1);
    assert_string_equal(line + results_column_count - 1, "\n");
    free(text);
}

/* The file cut off at every byte: whole rows are read, the torn one counts as the end, nothing else happens.
 */
static void torn_anywhere(void **state)
{
    char message[200], *text;
    struct result_row row;
    size_t size, header;

    (void)state;
    write_rows(3);
    text = whole_file(path);
    size = strlen(text);
    header = (size_t)(strchr(text, '\n') - text) + 1;
    for (size_t cut = header; cut <= size; cut++) {
        struct results_reader *reader;
        int rows = 0, status;

        write_text(text, cut);
        reader = results_open(path, message, sizeof(message));
        assert_non_null(reader);
        while ((status = results_next(reader, &row, message, sizeof(message))) == 0)
            rows++;
        assert_int_equal(status, 1);
        assert_int_equal(rows == 3, cut == size);
        assert_true((size_t)results_whole(reader) <= cut);
        assert_int_equal(text[results_whole(reader) - 1], '\n');
        results_close(reader);
    }
    for (size_t cut = 0; cut < header; cut++) {
        write_text(text, cut);
        assert_null(results_open(path, message, sizeof(message)));
    }
    free(text);
}

static void expect_row_message(const char *header, const char *line, const char *want)
{
    char message[300] = "", text[8192], expected[300];
    struct results_reader *reader;
    struct result_row row;
    int size = snprintf(text, sizeof(text), "%s\n%s\n", header, line);

    write_text(text, (size_t)size);
    reader = results_open(path, message, sizeof(message));
    if (reader)
        assert_int_equal(results_next(reader, &row, message, sizeof(message)), 2);
    results_close(reader);
    snprintf(expected, sizeof(expected), "%s:%s", path, want);
    assert_string_equal(message, expected);
}

static void malformed(void **state)
{
    char header[4096], line[4096], *text;

    (void)state;
    write_rows(0);
    text = whole_file(path);
    text[strcspn(text, "\n")] = '\0';
    snprintf(header, sizeof(header), "%s", text);
    free(text);
    memset(line, ',', results_column_count - 1);
    line[results_column_count - 1] = '\0';

    expect_row_message(header, "1,2,3", "2: 3 cells, but the header has 77");
    expect_row_message(header, "", "2: 1 cells, but the header has 77");
    expect_row_message(header, "1,\"a\"b,",
                       "2: a character after the closing quote, or one that no CSV file has");
    expect_row_message(header, "1,a\"b\",", "2: a quote inside a cell that is not quoted");
    expect_row_message("schema,other", line, "1: column 2 is 'other', but schema 2 has 'run_id' there");
    memcpy(line, "x,", 2);
    line[results_column_count] = '\0';
    memset(line + 2, ',', results_column_count - 2);
    expect_row_message(header, line, "2: column schema: 'x' is not a whole number");
    memset(line, ',', results_column_count - 2);
    memcpy(line + results_column_count - 2, "1e5x,", 6);
    expect_row_message(header, line, "2: column act_peak_bytes: '1e5x' is not a whole number");
}

static void any_width(void **state)
{
    static const char text[] = "a,b\r\n\"x\ny\",\n1,2,3\n\n";
    char message[100], **cells;
    size_t count;
    struct csv_reader *reader;

    (void)state;
    write_text(text, sizeof(text) - 1);
    reader = csv_open(path, message, sizeof(message));
    assert_non_null(reader);
    assert_int_equal(csv_next(reader, &count, &cells, message, sizeof(message)), 0);
    assert_int_equal(count, 2);
    assert_string_equal(cells[1], "b");
    assert_int_equal(csv_next(reader, &count, &cells, message, sizeof(message)), 0);
    assert_int_equal(count, 2);
    assert_string_equal(cells[0], "x\ny");
    assert_string_equal(cells[1], "");
    assert_int_equal(csv_next(reader, &count, &cells, message, sizeof(message)), 0);
    assert_int_equal(count, 3);
    assert_int_equal(csv_line(reader), 4);
    assert_int_equal(csv_next(reader, &count, &cells, message, sizeof(message)), 0);
    assert_int_equal(count, 1);
    assert_int_equal(csv_next(reader, &count, &cells, message, sizeof(message)), 1);
    csv_close(reader);
    assert_null(csv_open("/nonexistent/x.csv", message, sizeof(message)));
    assert_string_equal(message, "/nonexistent/x.csv: No such file or directory");
}

/* A file that was written before schema 2 added columns. */
static void schema_1_is_read(void **state)
{
    char message[256] = "";
    struct results_reader *reader =
        results_open(TESTS_DIR "/data/schema1/results.csv", message, sizeof(message));
    struct result_row row;
    int rows = 0;

    (void)state;
    assert_string_equal(message, "");
    assert_non_null(reader);
    while (results_next(reader, &row, message, sizeof(message)) == 0) {
        assert_int_equal(row.schema, 1);
        assert_true(row.rerun[0] && !row.kind[0] && row.stride_h == EMPTY_INT && isnan(row.t_p99_ns));
        rows++;
    }
    assert_int_equal(rows, 7);
    results_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),       cmocka_unit_test(written_again_it_is_the_same),
        cmocka_unit_test(malformed),        cmocka_unit_test(empty_cells_are_empty),
        cmocka_unit_test(torn_anywhere),    cmocka_unit_test(any_width),
        cmocka_unit_test(schema_1_is_read),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
