/* SPDX-License-Identifier: MIT */
/* The files that say which events a group counts and what follows from them. */
#include "counters/counter_groups.h"
#include "counters/counters.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static double letters(void *context, const char *name)
{
    (void)context;
    return name[0] == 'a' ? 6 : name[0] == 'b' ? 3 : name[0] == 'z' ? 0 : NAN;
}

static void formulas(void **state)
{
    static const struct {
        const char *text;
        double value; /* NAN: `why` says why */
        const char *why;
    } rows[] = {
        {"a", 6, ""},
        {"a + 2 * b", 12, ""},
        {"(a + 2) * b", 24, ""},
        {"a - b - 1", 2, ""},
        {"a / b / 2", 1, ""},
        {" 1.5e1 ", 15, ""},
        {"a / z", NAN, "divisor is 0"},
        {"a + c", NAN, "needs c"},
        {"a +", NAN, "missing at ''"},
        {"(a + b", NAN, "closing parenthesis"},
        {"a b", NAN, "should end at 'b'"},
        {"", NAN, "missing"},
        {".", NAN, "not a number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[96];
        double value = formula_evaluate(rows[i].text, letters, NULL, why, sizeof(why));
        if (isnan(rows[i].value))
            assert_true(isnan(value));
        else
            assert_float_equal(value, rows[i].value, 1e-12);
        if (!strstr(why, rows[i].why) || (!rows[i].why[0] && why[0]))
            fail_msg("'%s' gives '%s'", rows[i].text, why);
    }
}

static void bad_groups(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"summary x\n", "f:1: the group has no event"},
        {"event a * EV1\nwhat a b\n", "f:2: a line begins with"},
        {"event a\n", "f:1: event wants"},
        {"event a *\n", "f:1: the event is missing"},
        {"event a * EV1\nmetric m * a\n", "f:2: metric wants"},
        {"event a * EV1\nmetric m * = a +\n", "f:2: not a formula"},
    };
    struct counter_group *group = malloc(sizeof(*group));
    struct oct_message msg;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(counter_group_parse(group, "f", rows[i].text, &msg), OCT_INVALID);
        if (!strstr(msg.text, rows[i].message))
            fail_msg("'%s' does not say '%s'", msg.text, rows[i].message);
    }
    assert_int_equal(counter_group_load(group, "ipx", &msg), OCT_INVALID);
    assert_non_null(strstr(msg.text, "ipc, cache, tlb"));
    assert_int_equal(counter_group_load(group, "/nowhere/group.txt", &msg), OCT_INVALID);
    free(group);
}

/* Every formula's names are events of its group that the same processors have, or the pass's own. */
static void groups_are_whole(void **state)
{
    static const char *const pmus[] = {"skx", "clx", "icl", "icx", "spr", "amd64_fam19h_zen4"};
    struct counter_group *g = malloc(sizeof(*g));
    struct oct_message msg;

    (void)state;
    for (int i = 0; counters_group_names()[i]; i++) {
        if (counter_group_load(g, counters_group_names()[i], &msg))
            fail_msg("%s", msg.text);
        assert_true(g->summary[0] != '\0');
        for (int m = 0; m < g->metrics; m++) {
            for (size_t k = 0; k < sizeof(pmus) / sizeof(pmus[0]); k++) {
                if (!counter_pmu_matches(g->metric[m].pmu, pmus[k]))
                    continue;
                char text[sizeof(g->metric[m].text)];
                strcpy(text, g->metric[m].text);
                for (char *w = strtok(text, " +-*/()"); w; w = strtok(NULL, " +-*/()")) {
                    bool found = strspn(w, "0123456789.") == strlen(w) || strcmp(w, "macs") == 0 ||
                                 strcmp(w, "wall_ns") == 0 || strcmp(w, "threads") == 0;
                    for (int e = 0; e < g->events && !found; e++)
                        found =
                            strcmp(g->event[e].name, w) == 0 && counter_pmu_matches(g->event[e].pmu, pmus[k]);
                    if (!found)
                        fail_msg("%s: metric %s wants %s on %s", g->name, g->metric[m].name, w, pmus[k]);
                }
            }
        }
    }
    free(g);
}

static void pmu_globs(void **state)
{
    (void)state;
    assert_true(counter_pmu_matches("skx,icx", "icx"));
    assert_true(counter_pmu_matches("amd64_fam19h_*", "amd64_fam19h_zen4"));
    assert_false(counter_pmu_matches("skx,icx", "ic"));
    assert_false(counter_pmu_matches("skx", NULL));
    assert_true(counter_pmu_matches("skx,*", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formulas),
        cmocka_unit_test(bad_groups),
        cmocka_unit_test(groups_are_whole),
        cmocka_unit_test(pmu_globs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
