/* SPDX-License-Identifier: MIT */
/* Instruction-set levels, the limit over them, and detection against what the system says. */
#include "octconv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *const levels[] = {"base", "avx2", "avx512", "avx512_vnni", "avx512_bf16", "amx"};

#define LEVELS (sizeof(levels) / sizeof(levels[0]))

static void each_level_holds_those_below(void **state)
{
    uint32_t below = 0, mask;

    (void)state;
    for (size_t i = 0; i < LEVELS; i++) {
        assert_true(oct_isa_parse(levels[i], &mask));
        assert_int_equal(mask & below, below);
        assert_true(i == 0 || mask != below);
        assert_string_equal(oct_isa_name(mask), levels[i]);
        below = mask;
    }
}

static void unknown_levels(void **state)
{
    uint32_t mask = 7;

    (void)state;
    assert_false(oct_isa_parse("avx1024", &mask));
    assert_false(oct_isa_parse("", &mask));
    assert_false(oct_isa_parse("AVX2", &mask));
    assert_int_equal(mask, 7);
}

static void one_set_alone_has_its_levels_name(void **state)
{
    (void)state;
    assert_string_equal(oct_isa_name(OCT_ISA_AMX), "amx");
    assert_string_equal(oct_isa_name(OCT_ISA_AVX512_VNNI), "avx512_vnni");
    assert_string_equal(oct_isa_name(0), "base");
}

static void the_limit_takes_away_and_gives_nothing(void **state)
{
    uint32_t detected = oct_cpu_detected();

    (void)state;
    assert_int_equal(oct_cpu_usable(), detected);
    oct_cpu_limit(OCT_ISA_AVX2);
    assert_int_equal(oct_cpu_usable(), detected & OCT_ISA_AVX2);
    assert_int_equal(oct_cpu_detected(), detected);
    oct_cpu_limit(0);
    assert_int_equal(oct_cpu_usable(), 0);
    oct_cpu_limit(UINT32_MAX);
    assert_int_equal(oct_cpu_usable(), detected);
}

/* The kernels' reasons tell a limit, which one can lift, from a processor, which one cannot. */
static void reasons(void **state)
{
    struct oct_message msg;

    (void)state;
    oct_cpu_limit(0);
    for (int k = 0; oct_kernels[k]; k++) {
        if (!oct_kernels[k]->isa) {
            assert_int_equal(oct_kernel_available(oct_kernels[k], &msg), OCT_OK);
            continue;
        }
        assert_int_equal(oct_kernel_available(oct_kernels[k], &msg), OCT_UNSUPPORTED);
        if (oct_kernels[k]->isa & ~oct_cpu_detected())
            assert_non_null(strstr(msg.text, "does not have"));
        else
            assert_non_null(strstr(msg.text, "limit"));
    }
    oct_cpu_limit(UINT32_MAX);
}

/* Is every one of the words in the "flags" line of /proc/cpuinfo? False where there is no such line. */
static bool system_lists(const char *const words[])
{
    char line[8192], word[64];
    bool all = false;
    FILE *f = fopen("/proc/cpuinfo", "r");

    if (!f)
        return false;
    while (!all && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "flags", 5) != 0)
            continue;
        line[strcspn(line, "\n")] = ' ';
        all = true;
        for (int i = 0; words[i]; i++) {
            snprintf(word, sizeof(word), " %s ", words[i]);
            all = all && strstr(line, word);
        }
    }
    fclose(f);
    return all;
}

static void detection_agrees_with_the_system(void **state)
{
    static const struct {
        uint32_t isa;
        const char *words[6];
    } rows[] = {
        {OCT_ISA_AVX2, {"avx2", "fma"}},
        {OCT_ISA_AVX512, {"avx512f", "avx512bw", "avx512dq", "avx512vl"}},
        {OCT_ISA_AVX512_VNNI, {"avx512_vnni"}},
        {OCT_ISA_AVX512_BF16, {"avx512_bf16"}},
    };
    static const char *const amx[] = {"amx_tile", "amx_int8", "amx_bf16", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal((oct_cpu_detected() & rows[i].isa) != 0, system_lists(rows[i].words));
    if (oct_cpu_detected() & OCT_ISA_AMX) /* the system may have AMX and yet not grant it */
        assert_true(system_lists(amx));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_holds_those_below),
        cmocka_unit_test(unknown_levels),
        cmocka_unit_test(one_set_alone_has_its_levels_name),
        cmocka_unit_test(the_limit_takes_away_and_gives_nothing),
        cmocka_unit_test(reasons),
        cmocka_unit_test(detection_agrees_with_the_system),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
