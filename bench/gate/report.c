/* SPDX-License-Identifier: MIT */
/* What the gate found, for people (table), for CI logs (annotations) and for machines (JUnit; JSON is in
 * json_files.c). */
#include "gate/gate.h"

#include "base/output.h"

#include <math.h>
#include <string.h>

static int count_answer(const struct gate_report *r, enum answer answer)
{
    int count = 0;

    for (int i = 0; i < r->count; i++)
        count += r->states[i].answer == answer;
    return count;
}

static double percent(double ratio)
{
    return 100 * (ratio - 1);
}

/* "+3.1% [+2.6%, +3.9%]": change of the time, new against base; positive is slower. */
static void change_text(const struct interval *slowdown, char *text, size_t size)
{
    if (isnan(slowdown->low))
        snprintf(text, size, "%+.1f%%", percent(slowdown->mid));
    else
        snprintf(text, size, "%+.1f%% [%+.1f%%, %+.1f%%]", percent(slowdown->mid), percent(slowdown->low),
                 percent(slowdown->high));
}

static void explain(const struct gate_report *r, int i, char *text, size_t size)
{
    const struct gate_state *s = &r->states[i];
    double tolerance = percent(exp(r->rule->tolerance));
    char change[64];

    change_text(&s->slowdown, change, sizeof(change));
    switch (s->answer) {
    case ANSWER_REGRESSED:
        snprintf(text, size, "slower by %s, tolerance %.1f%%, p = %.2g in %d fresh launches", change,
                 tolerance, s->p, s->confirmed);
        break;
    case ANSWER_INCONCLUSIVE:
        if (isnan(s->pairs_needed))
            snprintf(text, size, "%s: too noisy to tell from the tolerance of %.1f%%", change, tolerance);
        else
            snprintf(text, size, "%s: too noisy; about %.0f pairs would tell it from the tolerance of %.1f%%",
                     change, s->pairs_needed, tolerance);
        break;
    default:
        snprintf(text, size, "time changed by %s, tolerance %.1f%%", change, tolerance);
    }
}

void gate_report_table(const struct gate_report *r, FILE *f)
{
    int width = 4;

    for (int i = 0; i < r->count; i++)
        width = (int)strlen(r->cases[i].name) > width ? (int)strlen(r->cases[i].name) : width;
    fprintf(f, "%-*s  %-12s  %-26s  %8s\n", width, "case", "answer", "change of time [95%]", "launches");
    for (int i = 0; i < r->count; i++) {
        const struct gate_state *s = &r->states[i];
        char change[64];
        change_text(&s->slowdown, change, sizeof(change));
        fprintf(f, "%-*s  %-12s  %-26s  %8d\n", width, r->cases[i].name, answer_name(s->answer), change,
                s->screened + s->confirmed);
    }
    fprintf(f,
            "\ngate: %d regressed, %d inconclusive, %d equivalent, %d improved; tolerance %.1f%%, %d "
            "launches of %d "
            "pairs, %.0f s\n",
            count_answer(r, ANSWER_REGRESSED), count_answer(r, ANSWER_INCONCLUSIVE),
            count_answer(r, ANSWER_EQUIVALENT), count_answer(r, ANSWER_IMPROVED),
            percent(exp(r->rule->tolerance)), r->launches, 2 * r->rule->quads, r->seconds);
}

/* Workflow commands of GitHub Actions: one line, with %, CR and LF escaped. */
void gate_report_annotations(const struct gate_report *r, FILE *f)
{
    for (int i = 0; i < r->count; i++) {
        enum answer answer = r->states[i].answer;
        char text[256];

        if (answer != ANSWER_REGRESSED && answer != ANSWER_INCONCLUSIVE)
            continue;
        explain(r, i, text, sizeof(text));
        fprintf(f, "::%s title=octbench %s::%s: ", answer == ANSWER_REGRESSED ? "error" : "warning",
                answer_name(answer), r->cases[i].name);
        for (const char *c = text; *c; c++)
            if (*c == '%')
                fputs("%25", f);
            else
                fputc(*c, f);
        fputc('\n', f);
    }
}

static void xml_text(FILE *f, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", f);
            break;
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        default:
            fputc((unsigned char)*text < ' ' ? ' ' : *text, f);
        }
    }
}

static void junit_case(const struct gate_report *r, int i, FILE *f)
{
    enum answer answer = r->states[i].answer;
    char text[256];

    explain(r, i, text, sizeof(text));
    fputs("  <testcase classname=\"octbench.ab\" name=\"", f);
    xml_text(f, r->cases[i].name);
    fputs("\" time=\"0\">", f);
    if (answer == ANSWER_REGRESSED || answer == ANSWER_INCONCLUSIVE) {
        fputs(answer == ANSWER_REGRESSED ? "<failure type=\"regressed\" message=\"" : "<skipped message=\"",
              f);
        xml_text(f, text);
        fputs("\"/>", f);
    } else {
        fputs("<system-out>", f);
        xml_text(f, text);
        fputs("</system-out>", f);
    }
    fputs("</testcase>\n", f);
}

int gate_report_junit(const struct gate_report *r, const char *path)
{
    struct output out;
    struct oct_message msg;
    FILE *f;

    if (output_open(&out, path, &msg))
        return gate_fail(1, &msg);
    f = out.stream;
    fprintf(f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"octbench ab\" "
            "tests=\"%d\" "
            "failures=\"%d\" errors=\"0\" skipped=\"%d\" time=\"%.3f\">\n",
            r->count, count_answer(r, ANSWER_REGRESSED), count_answer(r, ANSWER_INCONCLUSIVE), r->seconds);
    for (int i = 0; i < r->count; i++)
        junit_case(r, i, f);
    fputs("</testsuite>\n</testsuites>\n", f);
    return output_close(&out, path, &msg) ? gate_fail(1, &msg) : 0;
}
