/* SPDX-License-Identifier: MIT */
/* The report directory: CSV files appended and synced group by group. results.csv is the commit record: a
 * group's rows reach it in one write after everything else about the group is on disk, so a killed run can be
 * taken up again with --resume. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "measure/result.h"
#include "report/results.h"

struct report {
    char dir[2048];
    char run_id[40];
    char started[32];    /* ISO 8601, UTC */
    char (*resumed)[32]; /* when it was taken up again, each time */
    size_t resumed_count;
    struct result_row *rows; /* all that results.csv holds, in order */
    size_t count, room;
};

/* What a run must have in common with the one that it resumes. */
struct report_identity {
    const char *config_hash;
    const char *isa; /* limit; NULL: none */
};

/* Makes the directory, or opens one to resume. `dir` NULL: reports/<time>-<config stem>. Returns 0, or an
 * exit status with the reason. Nothing of the run is in the directory yet. */
int report_open(struct report *report, const char *dir, const char *config_path, bool resume,
                const struct report_identity *identity, struct oct_message *msg);

/* Headers of new files. Resuming: cuts torn rows off, drops groups of `config` that are not complete and what
 * the other files hold of them, and reads the rest. 0 or an exit status. */
int report_begin(struct report *report, const struct config *config, struct oct_message *msg);

bool report_has(const struct report *report, const char *case_id);
bool report_has_group(const struct report *report, const struct group *group);

/* Appends all of a group: its result, and a row for each of its cases. OCT_OK, or the reason; what was there
 * before is kept. */
int report_append(struct report *report, const struct group_result *result, const struct result_row *rows,
                  struct oct_message *msg);

void report_close(struct report *report);

/* Seconds since the epoch as 2026-01-31T12:00:00Z. */
void report_time(char text[32]);

#endif
