/* SPDX-License-Identifier: MIT */
/* What the gate's subcommands share: which cases, which two builds, and launches of them in fresh processes.
 */
#ifndef BENCH_GATE_H
#define BENCH_GATE_H

#include "config/cases.h"
#include "gate/verdict.h"

/* One case of the gate. The problem's pointers stay with the config. */
struct gate_case {
    const char *name;
    const struct oct_problem *problem;
    const char *base_kernel, *new_kernel;
    int threads;
};

/* Everything a launch must know; the child gets it back from its command line. */
struct gate_options {
    const char *config_path;
    const char *base, *new;               /* libraries; NULL: the build linked in */
    const char *base_kernel, *new_kernel; /* NULL: the config's kernel on both sides */
    const char *filter;                   /* NULL: all cases */
    const char *isa;                      /* NULL: no limit */
    uint64_t seed;
    int quads;
    uint64_t sample_ns;
    uint64_t timeout_ns; /* of one launch */
};

/* The config's cases through the kernels it asks for, and those kernels' own vanilla layers; the baselines of
 * other kernels are left out. With base_kernel and new_kernel: one case a layer and alpha. Returns their
 * number; *out is the caller's to free. */
int gate_cases(const struct config *config, const struct gate_options *options, struct gate_case **out);

/* ---- launches ------------------------------------------------------------------------------------ */

struct gate_run {
    const struct gate_options *options;
    const struct gate_case *cases;
    int count;
    int launches; /* so far; numbers the next and seeds it */
    FILE *quads;  /* every quad's log-ratio as CSV, or NULL */
    int run;      /* column `run` of that file */
    bool progress;
    volatile const int *interrupted;
    uint64_t started_ns;
};

/* Runs the new build of every case against the reference in a fresh process: 0, 5 wrong or crashed, 6 not
 * possible, 2 a library that cannot be compared; said on stderr. */
int gate_verify(struct gate_run *run);
/* A gate_launch_fn over a struct gate_run. */
int gate_launch(void *run, const bool *want, double *estimate);

/* The child's side: octbench gate-launch, an internal subcommand. */
int gate_launch_main(int argc, char **argv);

/* ---- reports ------------------------------------------------------------------------------------- */

struct gate_report {
    const struct gate_options *options;
    const struct gate_rule *rule;
    const struct gate_case *cases;
    const struct gate_state *states;
    int count, launches;
    double seconds;
    const char *base_version, *new_version;
};

void gate_report_table(const struct gate_report *report, FILE *f);
void gate_report_annotations(const struct gate_report *report, FILE *f);
int gate_report_json(const struct gate_report *report, const char *path);
int gate_report_junit(const struct gate_report *report, const char *path);

/* ---- certificates: what octbench aa says of a machine and a config --------------------------------- */

struct certificate_case {
    const char *name;
    int launches, false_alarms;
    double noise;               /* 95% of launches agree within this share when nothing changed */
    double smallest_detectable; /* the slowdown that the gate catches 19 times in 20 */
    double seconds_to_halve;    /* of a run whose quads are four times as many: noise falls as 1/sqrt */
};

struct certificate {
    char config_hash[65], machine[128];
    int runs, false_alarms, inconclusive;
    double rate_bound; /* 95% upper bound on the chance of a false alarm in a run */
    double tolerance, tolerance_floor, seconds_per_run;
    int count;
    struct certificate_case *cases;
};

int certificate_write(const struct certificate *certificate, const char *path);
/* 0; 2 when the file is none, belongs to another config, or certifies no tolerance as low as this (a share).
 */
int certificate_check(const char *path, const char *config_hash, double tolerance);

/* ---- options --------------------------------------------------------------------------------------- */

/* What ab and aa read from their command lines. */
struct gate_arguments {
    struct gate_options options;
    struct gate_rule rule;
    const char *certificate, *json, *junit, *quads_csv;
    bool github, quiet;
    int runs;
};

struct argp_state;
struct argp;
extern const struct argp gate_argp; /* the options both share, as a child parser; input: gate_arguments */
struct gate_arguments gate_defaults(void);

/* SIGINT and SIGTERM set the flag; a launch under way is ended. */
volatile const int *gate_catch_signals(void);

/* The config as the options' isa and filter leave it. 0, or 2 with the reason said. */
int gate_load(struct config *config, const struct gate_options *options);
/* Says the message on stderr; returns the status. */
int gate_fail(int status, const struct oct_message *msg);
/* Before minutes of measuring: whether what is to be written can be. 0, or 2 with the reason said. */
int gate_check_outputs(const char *const paths[], int count);
/* Opens the file of every quad's log-ratio, where a path is given. 0, or 2 with the reason said. */
int gate_open_quads(struct gate_run *run, const char *path);
/* Whether all of it arrived: `status`, or 1 with the reason said. */
int gate_close_quads(struct gate_run *run, const char *path, int status);

/* Opens both libraries to check them and to learn their versions. 0, or 2 with the reason on stderr. */
int gate_check_libraries(const struct gate_options *options, char versions[2][64]);

#endif
