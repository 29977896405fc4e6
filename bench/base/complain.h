/* SPDX-License-Identifier: MIT */
/* Errors in a file the user wrote: `file:line:column: error: message`, several of them, none twice. */
#ifndef BENCH_COMPLAIN_H
#define BENCH_COMPLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MAX_COMPLAINTS 20

struct complaints {
    const char *path;
    FILE *err;
    int count;
    uint64_t seen[MAX_COMPLAINTS]; /* hashes of what was said */
};

/* Line and column count from 1. After MAX_COMPLAINTS one line says that the rest is left out. */
void complain(struct complaints *to, int line, int column, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* FNV-1a, 64 bits, going on from `hash` (HASH_START for a new one). */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n);

/* The word that `word` was probably meant to be, or NULL where none is near. */
const char *nearest_word(const char *word, const char *const *words, size_t n);

#endif
