/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "base/csv.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

/* The byte order mark with which spreadsheets begin. */
static void skip_mark(struct csv_reader *r)
{
    static const unsigned char mark[] = {0xef, 0xbb, 0xbf};
    unsigned char bytes[sizeof(mark)];

    if (fread(bytes, 1, sizeof(bytes), r->f) == sizeof(bytes) && memcmp(bytes, mark, sizeof(mark)) == 0)
        r->offset = (int64_t)sizeof(mark);
    else
        rewind(r->f);
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
    skip_mark(r);
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

int csv_fail(const struct csv_reader *r, long line, char *message, size_t size, const char *what)
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
            return csv_fail(r, r->line, message, size, "no memory");
        end = read_cell(r);
    }
    if (ferror(r->f))
        return csv_fail(r, r->line, message, size, strerror(errno));
    if (r->no_memory)
        return csv_fail(r, r->line, message, size, "no memory");
    if (end == EOF)
        return 1;
    if (end != '\n')
        return csv_fail(r, r->line, message, size,
                        end == '"' ? "a quote inside a cell that is not quoted"
                                   : "a character after the closing quote, or one that no CSV file has");
    for (size_t i = 0; i < r->count; i++)
        r->cells[i] = r->text + r->start[i];
    r->whole = r->offset;
    *count = r->count;
    *cells = r->cells;
    return 0;
}
