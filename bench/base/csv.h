/* SPDX-License-Identifier: MIT */
/* CSV files at large, as RFC 4180 has them. */
#ifndef BENCH_CSV_H
#define BENCH_CSV_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define EMPTY_INT INT64_MIN /* an empty cell; so are NAN and "" */

/* One cell; text is quoted where RFC 4180 asks for it. NAN and EMPTY_INT are empty. */
void csv_write_text(FILE *f, const char *text);
void csv_write_real(FILE *f, double value); /* nine significant digits */
void csv_write_int(FILE *f, int64_t value);

struct csv_reader;
struct csv_reader *csv_open(const char *path, char *message, size_t size);
/* 0 a record of any width, 1 the end (a torn last line counts as the end), 2 malformed, with a message of the
 * form file:line: text. Cells may be quoted and hold commas, quotes and newlines. They live until the next
 * call. */
int csv_next(struct csv_reader *reader, size_t *count, char ***cells, char *message, size_t size);
/* Bytes up to the end of the last whole record read. */
int64_t csv_whole(const struct csv_reader *reader);
long csv_line(const struct csv_reader *reader); /* where the last record began, from 1 */
/* Writes file:line: what. Returns 2. */
int csv_fail(const struct csv_reader *reader, long line, char *message, size_t size, const char *what);
void csv_close(struct csv_reader *reader);

#endif
