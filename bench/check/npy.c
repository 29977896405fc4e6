/* SPDX-License-Identifier: MIT */
/* The format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html. The header is a Python dict
 * literal; only the literals that numpy writes there are read. */
#define _POSIX_C_SOURCE 200809L
#include "check/npy.h"

#include "base/message.h"
#include "base/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC         "\x93NUMPY"
#define MAGIC_BYTES   6
#define MAX_HEADER    65536 /* numpy itself refuses headers beyond 10 000 characters unless told otherwise */
#define BUFFER_VALUES 4096

enum element {
    ELEMENT_F4,
    ELEMENT_F8,
    ELEMENT_I1,
    ELEMENT_I2,
    ELEMENT_I4,
    ELEMENT_I8,
    ELEMENT_U1,
    ELEMENT_U2,
    ELEMENT_U4,
    ELEMENT_U8,
    ELEMENTS
};

static const struct {
    char name[4];
    unsigned size;
} elements[ELEMENTS] = {{"f4", 4}, {"f8", 8}, {"i1", 1}, {"i2", 2}, {"i4", 4},
                        {"i8", 8}, {"u1", 1}, {"u2", 2}, {"u4", 4}, {"u8", 8}};

struct reader {
    const char *path;
    FILE *file;
    char *header, *at; /* at: what is to be read next */
    enum element element;
    uint64_t bytes; /* of the file */
};

static int bad(const struct reader *r, struct oct_message *msg, const char *why)
{
    return message_fail(msg, OCT_INVALID, "%.120s: %s", r->path, why);
}

const char *npy_shape_text(const struct npy *array, char buf[192])
{
    int used = snprintf(buf, 192, "(");

    for (int i = 0; i < array->rank; i++)
        used += snprintf(buf + used, 192 - (size_t)used, "%s%zu", i ? ", " : "", array->shape[i]);
    snprintf(buf + used, 192 - (size_t)used, array->rank == 1 ? ",)" : ")");
    return buf;
}

/* ---- the header ---------------------------------------------------------------------------------- */

static void skip_blanks(struct reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

/* A quoted text without escapes; ends up in out. */
static bool take_text(struct reader *r, char out[32])
{
    char quote;
    size_t length;

    skip_blanks(r);
    quote = *r->at;
    if (quote != '\'' && quote != '"')
        return false;
    length = strcspn(r->at + 1, quote == '"' ? "\"" : "'");
    if (length > 31 || r->at[1 + length] != quote)
        return false;
    memcpy(out, r->at + 1, length);
    out[length] = '\0';
    r->at += length + 2;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    skip_blanks(r);
    if (strncmp(r->at, word, strlen(word)) != 0)
        return false;
    r->at += strlen(word);
    return true;
}

static int read_descr(struct reader *r, struct oct_message *msg)
{
    char text[32];

    if (!take_text(r, text))
        return bad(r, msg, "its dtype is not a simple one; float32 is read, float64 and integers too");
    for (int i = 0; i < ELEMENTS; i++) {
        if (strlen(text) != 3 || strcmp(text + 1, elements[i].name) != 0)
            continue;
        if (text[0] == '<' || (elements[i].size == 1 && text[0] == '|')) {
            r->element = (enum element)i;
            return OCT_OK;
        }
    }
    return message_fail(msg, OCT_INVALID,
                        "%.120s: its dtype is '%s'; little-endian float32 is read, float64 and integers too",
                        r->path, text);
}

static int read_order(struct reader *r, struct oct_message *msg)
{
    if (take_word(r, "False"))
        return OCT_OK;
    if (take_word(r, "True"))
        return bad(r, msg, "it is in Fortran order; save numpy.ascontiguousarray(x) instead");
    return bad(r, msg, "fortran_order is neither True nor False");
}

static int read_shape(struct reader *r, struct npy *out, struct oct_message *msg)
{
    if (!take(r, '('))
        return bad(r, msg, "its shape is not a tuple");
    while (!take(r, ')')) {
        unsigned long long extent;
        char *end;

        if (out->rank == NPY_MAX_RANK)
            return bad(r, msg, "its shape has more than 8 axes");
        skip_blanks(r);
        errno = 0;
        extent = strtoull(r->at, &end, 10);
        if (*r->at < '0' || *r->at > '9' || errno)
            return bad(r, msg, "its shape holds something that is no extent");
        r->at = end;
        out->shape[out->rank++] = (size_t)extent;
        if (!take(r, ',') && (skip_blanks(r), *r->at != ')'))
            return bad(r, msg, "its shape is not a tuple");
    }
    return OCT_OK;
}

static int read_dict(struct reader *r, struct npy *out, struct oct_message *msg)
{
    static const char *const names[] = {"descr", "fortran_order", "shape"};
    bool seen[3] = {false};
    char key[32];
    int status = OCT_OK;

    if (!take(r, '{'))
        return bad(r, msg, "its header is not a dict");
    while (!status && !take(r, '}')) {
        int i = 0;

        if (!take_text(r, key) || !take(r, ':'))
            return bad(r, msg, "its header is not a dict of 'descr', 'fortran_order' and 'shape'");
        while (i < 3 && strcmp(key, names[i]) != 0)
            i++;
        if (i == 3 || seen[i])
            return bad(r, msg, "its header is not a dict of 'descr', 'fortran_order' and 'shape'");
        seen[i] = true;
        status = i == 0 ? read_descr(r, msg) : i == 1 ? read_order(r, msg) : read_shape(r, out, msg);
        if (!status && !take(r, ',') && (skip_blanks(r), *r->at != '}'))
            return bad(r, msg, "its header is not a dict of 'descr', 'fortran_order' and 'shape'");
    }
    if (status)
        return status;
    skip_blanks(r);
    if (*r->at != '\0' || !seen[0] || !seen[1] || !seen[2])
        return bad(r, msg, "its header is not a dict of 'descr', 'fortran_order' and 'shape'");
    return OCT_OK;
}

static int read_header(struct reader *r, struct oct_message *msg)
{
    unsigned char head[12] = {0};
    size_t wide, length;

    if (fread(head, 1, 8, r->file) != 8 || memcmp(head, MAGIC, MAGIC_BYTES) != 0)
        return bad(r, msg, "not a .npy file");
    if (head[6] < 1 || head[6] > 3 || head[7] != 0)
        return message_fail(msg, OCT_INVALID, "%.120s: version %d.%d of the .npy format is not known",
                            r->path, head[6], head[7]);
    wide = head[6] == 1 ? 2 : 4;
    if (fread(head + 8, 1, wide, r->file) != wide)
        return bad(r, msg, "it ends within its header");
    length = head[8] | (size_t)head[9] << 8 | (size_t)head[10] << 16 | (size_t)head[11] << 24;
    if (length > MAX_HEADER)
        return message_fail(msg, OCT_INVALID, "%.120s: its header claims %zu bytes, more than %d", r->path,
                            length, MAX_HEADER);
    r->header = r->at = calloc(length + 1, 1);
    if (!r->header)
        return message_fail(msg, OCT_NO_MEMORY, "%.120s: no memory to read it", r->path);
    if (fread(r->header, 1, length, r->file) != length)
        return bad(r, msg, "it ends within its header");
    if (memchr(r->header, '\0', length))
        return bad(r, msg, "its header is not text");
    return OCT_OK;
}

/* ---- the values ---------------------------------------------------------------------------------- */

static float convert(enum element element, const unsigned char *at)
{
    float f4;
    double f8;
    int64_t i8;
    uint64_t u8 = 0;
    unsigned size = elements[element].size;

    for (unsigned i = size; i-- > 0;)
        u8 = u8 << 8 | at[i];
    i8 = (int64_t)(u8 << (64 - 8 * size)) >> (64 - 8 * size);
    switch (element) {
    case ELEMENT_F4:
        memcpy(&f4, at, sizeof(f4));
        return f4;
    case ELEMENT_F8:
        memcpy(&f8, at, sizeof(f8));
        return (float)f8;
    case ELEMENT_I1:
    case ELEMENT_I2:
    case ELEMENT_I4:
    case ELEMENT_I8:
        return (float)i8;
    default:
        return (float)u8;
    }
}

/* The shape's size against what the file really has, before anything is allocated. */
static int check_size(const struct reader *r, struct npy *out, struct oct_message *msg)
{
    long here = ftell(r->file);
    uint64_t left = here < 0 ? 0 : r->bytes - (uint64_t)here, count = 1;
    unsigned size = elements[r->element].size;
    bool overflow = false;
    char shape[192];

    for (int i = 0; i < out->rank; i++)
        overflow = __builtin_mul_overflow(count, out->shape[i], &count) || overflow;
    for (int i = 0; i < out->rank; i++)
        if (out->shape[i] == 0) {
            overflow = false;
            count = 0;
        }
    if (!overflow && count <= UINT64_MAX / 8 && count * size == left) {
        out->count = (size_t)count;
        return OCT_OK;
    }
    return message_fail(msg, OCT_INVALID,
                        "%.80s: shape %.80s of %s would take another size than the %" PRIu64
                        " bytes that follow",
                        r->path, npy_shape_text(out, shape), elements[r->element].name, left);
}

static int read_values(const struct reader *r, struct npy *out, struct oct_message *msg)
{
    unsigned char buffer[BUFFER_VALUES * 8];
    unsigned size = elements[r->element].size;

    out->data = malloc(out->count ? out->count * sizeof(float) : 1);
    if (!out->data)
        return message_fail(msg, OCT_NO_MEMORY, "%.120s: no memory for its %zu values", r->path, out->count);
    for (size_t done = 0; done < out->count;) {
        size_t n = out->count - done < BUFFER_VALUES ? out->count - done : BUFFER_VALUES;

        if (fread(buffer, size, n, r->file) != n)
            return message_fail(msg, OCT_ERROR, "%.120s: it cannot be read: %s", r->path,
                                ferror(r->file) ? strerror(errno) : "it became shorter");
        for (size_t i = 0; i < n; i++)
            out->data[done + i] = convert(r->element, buffer + i * size);
        done += n;
    }
    return OCT_OK;
}

static int open_file(struct reader *r, struct oct_message *msg)
{
    struct stat st;

    r->file = fopen(r->path, "rb");
    if (!r->file || fstat(fileno(r->file), &st) != 0)
        return message_fail(msg, OCT_ERROR, "%.120s: it cannot be read: %s", r->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return message_fail(msg, OCT_ERROR, "%.120s: it is %s, not a file", r->path,
                            S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
    r->bytes = (uint64_t)st.st_size;
    return OCT_OK;
}

int npy_read(struct npy *out, const char *path, struct oct_message *msg)
{
    struct reader r = {.path = path};
    int status;

    *out = (struct npy){0};
    status = open_file(&r, msg);
    if (!status)
        status = read_header(&r, msg);
    if (!status)
        status = read_dict(&r, out, msg);
    if (!status)
        status = check_size(&r, out, msg);
    if (!status)
        status = read_values(&r, out, msg);
    if (status)
        npy_free(out);
    free(r.header);
    if (r.file)
        fclose(r.file);
    return status;
}

void npy_free(struct npy *array)
{
    free(array->data);
    *array = (struct npy){0};
}

/* ---- writing ------------------------------------------------------------------------------------- */

int npy_write(const struct npy *array, const char *path, struct oct_message *msg)
{
    char head[512], shape[192];
    int used =
        snprintf(head + 10, sizeof(head) - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }",
                 npy_shape_text(array, shape));
    size_t length = ((size_t)used + 10 + 1 + 63) / 64 * 64; /* the values begin at a multiple of 64 */
    struct output out;

    memcpy(head, MAGIC "\x01", 8);
    head[8] = (char)((length - 10) & 0xff);
    head[9] = (char)((length - 10) >> 8);
    memset(head + 10 + used, ' ', length - 11 - (size_t)used);
    head[length - 1] = '\n';
    if (output_open(&out, path, msg))
        return OCT_ERROR;
    fwrite(head, 1, length, out.stream);
    fwrite(array->data, sizeof(float), array->count, out.stream);
    return output_close(&out, path, msg);
}
