/* SPDX-License-Identifier: MIT */
/* octbench doctor: what this machine can measure, and what will disturb it. */
#ifndef BENCH_DOCTOR_H
#define BENCH_DOCTOR_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int doctor_main(int argc, char **argv);

/* ---- what doctor.c and its examinations share ---- */

enum fact_kind { FACT_TEXT, FACT_INT, FACT_REAL };

struct fact {
    const char *section;
    char name[48]; /* with its unit, such as l2_bytes */
    enum fact_kind kind;
    char text[160]; /* "" is unknown */
    int64_t number; /* EMPTY_INT (csv.h) is unknown */
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

struct topology;

/* The system as it is set up: processor, clock, limits, memory, runtime. */
void examine_system(struct examination *examination, const struct topology *topology);
/* By trying: counters, the ledger, the timer, how steady the machine is. */
void examine_measuring(struct examination *examination, const struct topology *topology);

#endif
