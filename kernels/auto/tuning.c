/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "auto/tuning.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

/* The processor's name for itself (Intel SDM volume 2A, CPUID leaves 80000002h to 80000004h). */
static void processor_name(char name[49])
{
    memset(name, 0, 49);
#ifdef __x86_64__
    for (unsigned i = 0; i < 3; i++) {
        unsigned words[4] = {0};

        if (!__get_cpuid(0x80000002u + i, &words[0], &words[1], &words[2], &words[3]))
            return;
        memcpy(name + 16 * i, words, sizeof(words));
    }
#endif
}

static void add_problem(char *key, size_t used, const struct oct_problem *p)
{
    char text[96];

    for (const struct oct_field *f = oct_fields; f->name && used < TUNING_KEY; f++) {
        if (f->type != OCT_FIELD_CHANNELS && oct_field_get(f, p) == f->usual)
            continue;
        used += (size_t)snprintf(key + used, TUNING_KEY - used, " %s=%s", f->name,
                                 oct_field_text(f, p, text, sizeof(text)));
    }
}

void tuning_key(char key[TUNING_KEY], const struct oct_problem *p, const struct oct_plan_options *options)
{
    const char *onednn = oct_onednn_version();
    char processor[49];
    int used;

    processor_name(processor);
    used = snprintf(key, TUNING_KEY, "%s, isa %s, octconv %s, oneDNN %s, threads=%d in=%s out=%s cold=%d",
                    processor, oct_isa_name(oct_cpu_usable()), oct_version(), onednn ? onednn : "none",
                    options->threads, oct_layout_name(options->in), oct_layout_name(options->out),
                    options->cold_weights);
    add_problem(key, (size_t)used, p);
}

/* "kernel<tab>ns<tab>key". */
static bool take_line(const char *line, const char *key, char kernel[64])
{
    const char *tab = strchr(line, '\t'), *second = tab ? strchr(tab + 1, '\t') : NULL;
    size_t length = tab ? (size_t)(tab - line) : 0;

    if (!second || length == 0 || length >= 64 || strcmp(second + 1, key) != 0)
        return false;
    memcpy(kernel, line, length);
    kernel[length] = '\0';
    return true;
}

bool tuning_find(const char *path, const char *key, char kernel[64])
{
    FILE *f = fopen(path, "re");
    char line[TUNING_KEY + 128];
    bool found = false;

    if (!f)
        return false;
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        found |= take_line(line, key, kernel);
    }
    fclose(f);
    return found;
}

void tuning_add(const char *path, const char *key, const char *kernel, uint64_t ns)
{
    char line[TUNING_KEY + 128];
    int length = snprintf(line, sizeof(line), "%s\t%" PRIu64 "\t%s\n", kernel, ns, key);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

    if (file < 0)
        return;
    /* Lost with a full disk: the next run measures again. */
    if (write(file, line, (size_t)length) != length)
        (void)0;
    close(file);
}
