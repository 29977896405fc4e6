/* SPDX-License-Identifier: MIT */
/* What octbench doctor finds out, and the advice that follows from it. */
#ifndef BENCH_FINDINGS_H
#define BENCH_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

enum fact_kind { FACT_TEXT, FACT_INT, FACT_REAL };

struct fact {
    const char *section;
    char name[48]; /* with its unit, such as l2_bytes */
    enum fact_kind kind;
    char text[160]; /* "" is unknown */
    int64_t number; /* EMPTY_INT (base/csv.h) is unknown */
    double real;    /* NAN is unknown */
};

struct examination {
    const char *root; /* before the paths of /proc and /sys */
    double seconds;   /* for the steadiness of each team */
    size_t count, advice_count;
    struct fact fact[160];
    char advice[32][320];
};

void found_text(struct examination *examination, const char *section, const char *name, const char *value);
void found_int(struct examination *examination, const char *section, const char *name, int64_t value);
void found_real(struct examination *examination, const char *section, const char *name, double value);
void advise(struct examination *examination, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Everything on stdout: for people, or as one JSON object. The exit status. */
void print_examination(const struct examination *examination);
int print_examination_json(const struct examination *examination);

#endif
