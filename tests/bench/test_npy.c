/* SPDX-License-Identifier: MIT */
/* .npy files: what is written is read back, what lies is refused. */
#define _POSIX_C_SOURCE 200809L
#include "check/npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define F4_2x3 "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"

/* A file of the given version, header text and values. */
static void write_npy(char path[64], int version, const char *header, const void *values, size_t size)
{
    size_t length = strlen(header);
    unsigned char head[12] = {0x93,
                              'N',
                              'U',
                              'M',
                              'P',
                              'Y',
                              (unsigned char)version,
                              0,
                              (unsigned char)(length & 0xff),
                              (unsigned char)(length >> 8)};
    int fd;

    strcpy(path, "/tmp/test_npy_XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, head, version == 1 ? 10 : 12), version == 1 ? 10 : 12);
    assert_int_equal(write(fd, header, length), length);
    assert_int_equal(write(fd, values, size), size);
    close(fd);
}

static void written_is_read(void **state)
{
    float values[6] = {1, -2, 3.5f, 0, 1e-40f, 6};
    struct npy a = {.rank = 2, .shape = {2, 3}, .count = 6, .data = values}, b;
    char path[64];

    (void)state;
    write_npy(path, 1, F4_2x3, "", 0);
    assert_int_equal(npy_write(&a, path, NULL), OCT_OK);
    assert_int_equal(npy_read(&b, path, NULL), OCT_OK);
    assert_int_equal(b.rank, 2);
    assert_int_equal(b.shape[0], 2);
    assert_int_equal(b.shape[1], 3);
    assert_int_equal(b.count, 6);
    assert_memory_equal(b.data, values, sizeof(values));
    npy_free(&b);
    unlink(path);
}

static void other_types_and_versions(void **state)
{
    static const struct {
        int version;
        const char *header;
        unsigned char bytes[16];
        size_t size;
        float want[2];
    } rows[] = {
        {2, "{\"shape\": (2,), 'fortran_order': False, 'descr': '<i2'}\n", {1, 0, 0xff, 0xff}, 4, {1, -1}},
        {3, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2)}", {7, 200}, 2, {7, 200}},
        {1,
         "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }    \n",
         {0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0xe0, 0xbf},
         16,
         {1, -.5f}},
        {1,
         "{'descr': '<i8', 'fortran_order': False, 'shape': (), }",
         {254, 255, 255, 255, 255, 255, 255, 255},
         8,
         {-2}},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 99999999999), }", {0}, 0, {0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oct_message msg = {""};
        char path[64];
        struct npy a;

        write_npy(path, rows[i].version, rows[i].header, rows[i].bytes, rows[i].size);
        if (npy_read(&a, path, &msg) != OCT_OK)
            fail_msg("row %zu: %s", i, msg.text);
        for (size_t j = 0; j < a.count; j++)
            assert_true(a.data[j] == rows[i].want[j]);
        npy_free(&a);
        unlink(path);
    }
}

static void liars(void **state)
{
    static const struct {
        int version;
        const char *header;
        size_t size;
        const char *want; /* after "path: " */
    } rows[] = {
        {1, F4_2x3, 20, "shape (2, 3) of f4 would take another size than the 20 bytes that follow"},
        {1, F4_2x3, 28, "shape (2, 3) of f4 would take another size than the 28 bytes that follow"},
        {1, F4_2x3, 0, "shape (2, 3) of f4 would take another size than the 0 bytes that follow"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0,
         "shape (4294967296, 4294967296) of f4 would take another size than the 0 bytes that follow"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}", 0,
         "its shape holds something that is no extent"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", 0,
         "its shape holds something that is no extent"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4,
         "its shape has more than 8 axes"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': 6}", 24, "its shape is not a tuple"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (6", 24, "its shape is not a tuple"},
        {1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", 24,
         "it is in Fortran order; save numpy.ascontiguousarray(x) instead"},
        {1, "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", 24,
         "fortran_order is neither True nor False"},
        {1, "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3)}", 24,
         "its dtype is '>f4'; little-endian float32 is read, float64 and integers too"},
        {1, "{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", 24,
         "its dtype is '<c8'; little-endian float32 is read, float64 and integers too"},
        {1, "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (6,)}", 24,
         "its dtype is not a simple one; float32 is read, float64 and integers too"},
        {1, "{'descr': '<f4', 'shape': (6,)}", 24,
         "its header is not a dict of 'descr', 'fortran_order' and 'shape'"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'shape': (6,)}", 24,
         "its header is not a dict of 'descr', 'fortran_order' and 'shape'"},
        {1, "[1, 2]", 24, "its header is not a dict"},
        {1, "", 0, "its header is not a dict"},
        {1, "{'descr", 0, "its header is not a dict of 'descr', 'fortran_order' and 'shape'"},
        {4, F4_2x3, 24, "version 4.0 of the .npy format is not known"},
    };
    static const char values[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oct_message msg = {""};
        char path[64], want[256];
        struct npy a;

        write_npy(path, rows[i].version, rows[i].header, values, rows[i].size);
        assert_int_equal(npy_read(&a, path, &msg), OCT_INVALID);
        assert_null(a.data);
        snprintf(want, sizeof(want), "%s: %s", path, rows[i].want);
        assert_string_equal(msg.text, want);
        unlink(path);
    }
}

static void expect_bytes(const char *bytes, size_t size, int status, const char *want)
{
    struct oct_message msg = {""};
    char path[64] = "/tmp/test_npy_XXXXXX";
    int fd = mkstemp(path);
    struct npy a;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
    assert_int_equal(npy_read(&a, path, &msg), status);
    assert_non_null(strstr(msg.text, want));
    unlink(path);
}

static void no_npy_at_all(void **state)
{
    struct oct_message msg;
    struct npy a;

    (void)state;
    expect_bytes("", 0, OCT_INVALID, "not a .npy file");
    expect_bytes("PK\3\4 an archive", 15, OCT_INVALID, "not a .npy file");
    expect_bytes("\x93NUMPY\1\0", 8, OCT_INVALID, "it ends within its header");
    expect_bytes("\x93NUMPY\1\0\xff\xff{", 11, OCT_INVALID, "it ends within its header");
    expect_bytes("\x93NUMPY\2\0\xff\xff\xff\xff{", 13, OCT_INVALID,
                 "its header claims 4294967295 bytes, more than 65536");
    expect_bytes("\x93NUMPY\1\0\2\0{\0", 12, OCT_INVALID, "its header is not text");
    assert_int_equal(npy_read(&a, "/tmp", &msg), OCT_ERROR);
    assert_string_equal(msg.text, "/tmp: it is a directory, not a file");
    assert_int_equal(npy_read(&a, "/nowhere/x.npy", &msg), OCT_ERROR);
    assert_string_equal(msg.text, "/nowhere/x.npy: it cannot be read: No such file or directory");
}

static void cannot_write(void **state)
{
    float value[1] = {0};
    struct npy a = {.rank = 1, .shape = {1}, .count = 1, .data = value};
    struct oct_message msg;

    (void)state;
    assert_int_equal(npy_write(&a, "/nowhere/x.npy", &msg), OCT_ERROR);
    assert_string_equal(msg.text, "/nowhere/x.npy: it cannot be written: No such file or directory");
    assert_int_equal(npy_write(&a, "/dev/full", &msg), OCT_ERROR);
    assert_string_equal(msg.text, "/dev/full: it cannot be written: No space left on device");
    assert_int_equal(access("/dev/full", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_is_read), cmocka_unit_test(other_types_and_versions),
        cmocka_unit_test(liars),           cmocka_unit_test(no_npy_at_all),
        cmocka_unit_test(cannot_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
