/* SPDX-License-Identifier: MIT */
/* Files that survive a kill: written whole or not at all, synced when the call returns. */
#ifndef BENCH_FILE_H
#define BENCH_FILE_H

#include "octconv.h"

/* All return OCT_OK, or OCT_ERROR with "path: what went wrong" in msg. */

/* Replaces the file by `text`, as output.h says. */
int file_replace(const char *path, const char *text, size_t size, struct oct_message *msg);

/* Appends in one write and syncs. Where the disk is full the file is cut back to what it was. */
int file_append(const char *path, const char *text, size_t size, struct oct_message *msg);

/* The directory and its missing parents. */
int file_make_directory(const char *path, struct oct_message *msg);

/* "directory/name" into path[size]; false when it does not fit. */
bool file_join(char *path, size_t size, const char *directory, const char *name);

#endif
