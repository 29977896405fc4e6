/* SPDX-License-Identifier: MIT */
/* A file that the user named to be written. Regular files appear whole or not at all, also through a symlink;
 * what is no regular file (a device, a pipe) is written as it is, and never replaced. `-` is the standard
 * output, and so is any name of the file behind it. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include "octconv.h"

#include <stdio.h>

#define OUTPUT_PATH 4096

struct output {
    FILE *stream;
    bool borrowed;               /* the standard output or error */
    int unnamed;                 /* a file without a name yet, or -1 */
    char target[OUTPUT_PATH];    /* symlinks followed */
    char temporary[OUTPUT_PATH]; /* renamed over the target at the end; empty: the target itself is written */
};

/* All return OCT_OK, or OCT_ERROR with "path: it cannot be written: why" in msg. */

/* Whether it could be written now; nothing is changed. For a look before long work. */
int output_check(const char *path, struct oct_message *msg);
/* Write to out->stream, then close or discard. */
int output_open(struct output *out, const char *path, struct oct_message *msg);
/* Syncs what can be synced, and puts it in place of the target. On failure the target is as it was. */
int output_close(struct output *out, const char *path, struct oct_message *msg);
void output_discard(struct output *out);

/* For what grows while it is watched: a stream on the target itself, emptied. NULL with the reason in msg. */
FILE *output_stream(const char *path, struct oct_message *msg);
/* Whether all that was written arrived. */
int output_stream_close(FILE *stream, const char *path, struct oct_message *msg);

/* Whether `path` means the standard output, so that nothing else may be printed there. */
bool output_is_stdout(const char *path);

#endif
