/* SPDX-License-Identifier: MIT */
/* What each bad config is told: the files of tests/bad with the message they must get in their first lines,
 * and what cannot be a file there. */
#define _GNU_SOURCE
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config_loading.h"

#define FEWEST_BAD 40

/* One word "..." and a trailing "..." in `expected` stand for what differs between machines. */
static bool says(const char *said, const char *expected)
{
    for (const char *gap; (gap = strstr(expected, " ...")); expected = gap + 4) {
        size_t length = (size_t)(gap - expected) + 1;

        if (strncmp(said, expected, length) != 0)
            return false;
        said += length;
        said += gap[4] ? strcspn(said, " ") : strlen(said);
    }
    return strcmp(said, expected) == 0;
}

/* The lines of `said` against the `# expect: ` lines at the top of the file. */
static void compare_lines(const char *path, const char *name, char *said)
{
    static const char mark[] = "# expect: ";
    char line[1024], want[2100], *next = said;
    FILE *f = fopen(path, "r");
    int lines = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) && strncmp(line, mark, strlen(mark)) == 0) {
        char *got = strsep(&next, "\n");

        line[strcspn(line, "\n")] = '\0';
        snprintf(want, sizeof(want), "%s:%s", path, line + strlen(mark));
        if (!got || !says(got, want))
            fail_msg("%s\nwants %s\nsays  %s", name, want, got ? got : "nothing");
        lines++;
    }
    fclose(f);
    assert_true(lines > 0);
    if (!next || *next)
        fail_msg("%s says more: %s", name, next ? next : "(no end of line)");
}

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && strcmp(dot, ".yaml") == 0;
}

/* At the base level everywhere, so that what is available does not depend on the machine. */
static void bad_files(void **state)
{
    struct dirent **entries;
    int count = scandir(TESTS_DIR "/data/bad", &entries, is_yaml, alphasort);

    (void)state;
    assert_true(count >= FEWEST_BAD);
    oct_cpu_limit(0);
    for (int i = 0; i < count; i++) {
        struct config config;
        struct outcome o;
        char path[1024];

        snprintf(path, sizeof(path), TESTS_DIR "/data/bad/%s", entries[i]->d_name);
        o = load(&config, path);
        if (o.status != 2)
            fail_msg("%s: status %d", path, o.status);
        compare_lines(path, entries[i]->d_name, o.said);
        assert_null(config.groups);
        free(o.said);
        free(entries[i]);
    }
    free(entries);
    oct_cpu_limit(UINT32_MAX);
}

static void expect(const char *path, const char *want)
{
    struct config config;
    struct outcome o = load(&config, path);
    char line[256];

    assert_int_equal(o.status, 2);
    snprintf(line, sizeof(line), "%s:%s\n", path, want);
    assert_string_equal(o.said, line);
    free(o.said);
}

static void expect_bytes(const char *bytes, size_t size, const char *want)
{
    char path[64];

    write_temporary(path, bytes, size);
    expect(path, want);
    unlink(path);
}

static void not_even_text(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *want;
    } rows[] = {
        {"", 0, "1:1: error: the file is empty"},
        {"# a comment\n\n", 13, "1:1: error: the file is empty"},
        {"schema: 1\n# caf\xe9\n", 17, "2:6: error: the byte 0xe9 is not UTF-8"},
        {"a: \xc3\xa9\xc0\x80", 7, "1:5: error: the byte 0xc0 is not UTF-8"},
        {"a: \xed\xa0\x80", 6, "1:4: error: the byte 0xed is not UTF-8"},
        {"a: \xf4\x90\x80\x80", 7, "1:4: error: the byte 0xf4 is not UTF-8"},
        {"a: \xe2\x82", 5, "1:4: error: the byte 0xe2 is not UTF-8"},
        {"\xff\xfes\0c\0", 6, "1:1: error: the byte 0xff is not UTF-8"},
        {"a: \x7f", 4, "1:4: error: the control character 0x7f is not YAML"},
        {"\x7f"
         "ELF\2",
         5, "1:1: error: the control character 0x7f is not YAML"},
        {"a\0b", 3, "1:2: error: the control character 0x00 is not YAML"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_bytes(rows[i].bytes, rows[i].size, rows[i].want);
}

static void not_a_file(void **state)
{
    (void)state;
    expect("/tmp", "1:1: error: cannot be read: Is a directory");
    expect("/nowhere/at_all.yaml", "1:1: error: cannot be read: No such file or directory");
    expect("/dev/null", "1:1: error: the file is empty");
    expect("/dev/zero", "1:1: error: the file is longer than the 1048576 bytes that a config may have");
}

static void too_much(void **state)
{
    const size_t size = 10000000;
    char *bytes = malloc(size + 1), path[64], text[8000] = "schema: 1\n";
    struct config config;
    struct outcome o;
    int lines = 0;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, '#', size);
    expect_bytes(bytes, size, "1:1: error: the file is longer than the 1048576 bytes that a config may have");
    memset(bytes, '[', 1000000);
    expect_bytes(bytes, 1000000, "1:33: error: nested deeper than 32 levels");
    free(bytes);
    for (int i = 0; i < 40; i++)
        sprintf(text + strlen(text), "%*sa:\n", i, "");
    expect_bytes(text, strlen(text), "34:33: error: nested deeper than 32 levels");

    strcpy(text, "schema: 1\n");
    for (int i = 0; i < 40; i++)
        sprintf(text + strlen(text), "key%d: 1\n", i);
    write_temporary(path, text, strlen(text));
    o = load(&config, path);
    unlink(path);
    assert_int_equal(o.status, 2);
    for (const char *p = o.said; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 21); /* 20 of them, and that there are more */
    free(o.said);
}

/* Many keys in one mapping must not make the search for duplicates take minutes. */
static void many_keys(void **state)
{
    char *text = malloc(20000);

    (void)state;
    assert_non_null(text);
    strcpy(text, "schema: 1\n");
    for (int i = 0; i < 1200; i++)
        sprintf(text + strlen(text), "k%d: 1\n", i);
    expect_bytes(text, strlen(text), "1001:1: error: a mapping has at most 1000 keys");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files), cmocka_unit_test(not_even_text), cmocka_unit_test(not_a_file),
        cmocka_unit_test(too_much),  cmocka_unit_test(many_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
