/* SPDX-License-Identifier: MIT */
#include "base/complain.h"

#include <stdarg.h>
#include <string.h>

#define LONGEST_WORD 48

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void complain(struct complaints *to, int line, int column, const char *fmt, ...)
{
    char text[768];
    int used = snprintf(text, sizeof(text), "%d:%d: error: ", line, column);
    uint64_t hash;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text + used, sizeof(text) - (size_t)used, fmt, args);
    va_end(args);
    hash = hash_bytes(HASH_START, text, strlen(text));
    for (int i = 0; i < to->count && i < MAX_COMPLAINTS; i++)
        if (to->seen[i] == hash)
            return;
    if (to->count < MAX_COMPLAINTS) {
        to->seen[to->count] = hash;
        fprintf(to->err, "%s:%s\n", to->path, text);
    } else if (to->count == MAX_COMPLAINTS) {
        fprintf(to->err, "%s: more errors follow; these %d come first\n", to->path, MAX_COMPLAINTS);
    }
    to->count++;
}

/* Edits that turn one word into the other: insert, delete, replace, swap two neighbours. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST_WORD + 1], *before = rows[0], *last = rows[1], *now = rows[2];
    size_t m = strlen(a), n = strlen(b);

    if (m > LONGEST_WORD || n > LONGEST_WORD)
        return LONGEST_WORD;
    for (size_t j = 0; j <= n; j++)
        last[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *spare = before;

        now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        before = last;
        last = now;
        now = spare;
    }
    return last[n];
}

const char *nearest_word(const char *word, const char *const *words, size_t n)
{
    size_t best = strlen(word) / 3 + 2; /* farther than that is another word */
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, words[i]);

        if (d < best && d < strlen(words[i])) {
            best = d;
            found = words[i];
        }
    }
    return found;
}
