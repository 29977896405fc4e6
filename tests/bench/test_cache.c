/* SPDX-License-Identifier: MIT */
/* What was flushed is slow to read again, and unchanged. */
#include "machine/cache.h"
#include "octconv.h"
#include "base/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define BYTES ((size_t)64 << 10)
#define TRIES 200

enum how { WARM, RANGE, PROCESS };

/* A chain through the lines in an order that no prefetcher knows: each load waits for the one before it. */
static void make_chain(uint32_t *a)
{
    const size_t lines = BYTES / 64;
    size_t at = 0;

    for (size_t i = 0; i < lines; i++) {
        size_t next = (at * 5 + 1) % lines; /* a full cycle, as lines is a power of two */
        a[at * 16] = (uint32_t)(next * 16);
        at = next;
    }
}

static uint64_t walk(const uint32_t *a)
{
    uint64_t start = timer_now_ns();
    const volatile uint32_t *p = a;
    uint32_t at = 0;

    for (size_t i = 0; i < BYTES / 64; i++)
        at = p[at];
    assert_int_equal(at, 0);
    return timer_now_ns() - start;
}

/* The fastest of many: noise only adds. */
static uint64_t fastest(uint32_t *a, enum how how)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < TRIES; i++) {
        walk(a);
        if (how == RANGE)
            cache_flush_range(a, BYTES);
        else if (how == PROCESS)
            cache_flush_process();
        uint64_t ns = walk(a);
        best = ns < best ? ns : best;
    }
    return best;
}

static void flushed_lines_are_cold(void **state)
{
    uint32_t *a = oct_alloc(BYTES);

    (void)state;
    assert_non_null(a);
    memset(a, 0, BYTES);
    make_chain(a);
    if (!cache_flush_range(a, BYTES) || !cache_flush_process()) {
        oct_free(a);
        skip();
    }
    uint64_t warm = fastest(a, WARM), range = fastest(a, RANGE), process = fastest(a, PROCESS);
    print_message("64 KiB, line by line: %d ns warm, %d after a flush of the range, %d of the process\n",
                  (int)warm, (int)range, (int)process);
    assert_true(range > 2 * warm);
    assert_true(process > 2 * warm);
    oct_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(flushed_lines_are_cold)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
