/* SPDX-License-Identifier: MIT */
/* results.csv: one column table that prints the header, prints a row and reads one back. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "base/csv.h"

#define RESULTS_SCHEMA 2

/* Empty cells: "" for text, EMPTY_INT, NAN. Meaning and unit of each column: reports/README.md. */
struct result_row {
    int64_t schema;
    char run_id[40], case_id[24], group_id[24], suite[64], layer[64];
    int64_t n, c_in, c_out, d, h, w, kd, kh, kw, stride;
    char pad[8]; /* "same" or a number */
    int64_t dilation;
    char groups[16]; /* a number or "depthwise" */
    int64_t bands;
    double alpha_in, alpha_out;
    char down[16], paths[64], dtype[8], epilogue[40], cache[16], kernel[48], isa[24], impl[200];
    int64_t threads;
    char status[16], reason[280];
    int64_t macs, macs_vanilla, act_bytes, act_bytes_vanilla, weight_bytes;
    double theory_speedup;
    int64_t plan_ns, samples, iters;
    double t_min_ns, t_median_ns, t_ci_lo_ns, t_ci_hi_ns, t_p90_ns, gflops, pct_peak;
    char vanilla_kernel[48];
    double vanilla_median_ns, speedup, speedup_lo, speedup_hi, octave_efficiency, self_speedup,
        self_efficiency;
    double max_abs_err, err_bound;
    double cycles, instructions, ipc, freq_ghz, llc_misses, steal_pct;
    char rerun[640];

    /* Since schema 2; a file of schema 1 ends before them. */
    char kind[16], network[64], library[32], algorithm[16], machine_id[20];
    int64_t stride_d, stride_h, stride_w;
    char pads[96]; /* "front/back/top/bottom/left/right", each a number or a word */
    int64_t act_peak_bytes;
    double t_p99_ns;
};

struct csv_column {
    const char *name;
    enum { CSV_TEXT, CSV_INT, CSV_REAL } type;
    size_t offset, size;
};

extern const struct csv_column results_columns[];
extern const size_t results_column_count;

/* Every cell empty. */
void result_row_clear(struct result_row *row);

int results_write_header(FILE *f);
int results_write_row(FILE *f, const struct result_row *row);

/* Reads the header, of schema 1 or 2, then rows; statuses and messages as csv_next(). */
struct results_reader;
struct results_reader *results_open(const char *path, char *message, size_t size);
int results_next(struct results_reader *reader, struct result_row *row, char *message, size_t size);
void results_close(struct results_reader *reader);

/* Bytes up to the end of the last whole row read: what follows a torn write is cut off there. */
int64_t results_whole(const struct results_reader *reader);

#endif
