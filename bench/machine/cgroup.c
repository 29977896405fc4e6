/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "machine/cgroup.h"

#include <ctype.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 65536

int64_t file_read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = 0;

    if (fd < 0)
        return -1;
    while (used + 1 < size && (got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    close(fd);
    text[used] = '\0';
    return got < 0 ? -1 : (int64_t)used;
}

int file_read_line(const char *path, char *line, size_t size)
{
    if (file_read_text(path, line, size) < 0)
        return -1;
    line[strcspn(line, "\n")] = '\0';
    return 0;
}

int64_t text_find_number(const char *text, const char *key)
{
    size_t length = strlen(key);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) != 0)
            continue;
        const char *p = line + length;
        if (*p != ' ' && *p != '\t' && *p != ':')
            continue;
        p += strspn(p, " \t:");
        return isdigit((unsigned char)*p) ? strtoll(p, NULL, 10) : -1;
    }
    return -1;
}

/* ---- where the hierarchies are mounted, and where in them this process lives ----------------------- */

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *p = list; *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        if (n == length && memcmp(p, word, n) == 0)
            return true;
        p += n;
    }
    return false;
}

/* Mount point of the v1 hierarchy with that controller, or of v2 for NULL. */
static bool find_mount(const char *mounts, const char *controller, char *out, size_t size)
{
    for (const char *line = mounts; line && *line; line = strchr(line, '\n')) {
        char where[512], type[32], options[512];

        line += *line == '\n';
        if (sscanf(line, "%*s %511s %31s %511s", where, type, options) != 3)
            continue;
        if (controller ? strcmp(type, "cgroup") == 0 && has_word(options, controller)
                       : strcmp(type, "cgroup2") == 0)
            return snprintf(out, size, "%s", where) < (int)size;
    }
    return false;
}

/* The process's path in that hierarchy, from lines of the form id:controllers:path. */
static bool find_path(const char *groups, const char *controller, char *out, size_t size)
{
    for (const char *line = groups; line && *line; line = strchr(line, '\n')) {
        char names[256] = "";

        line += *line == '\n';
        const char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;
        if (!second || (size_t)(second - first) > sizeof(names))
            continue;
        memcpy(names, first + 1, (size_t)(second - first) - 1);
        if (controller ? has_word(names, controller) : names[0] == '\0') {
            int length = (int)strcspn(second + 1, "\n");
            return snprintf(out, size, "%.*s", length, second + 1) < (int)size;
        }
    }
    return false;
}

/* ---- one directory ------------------------------------------------------------------------------- */

struct hierarchy {
    char top[PATH_MAX], here[PATH_MAX]; /* the mount, and the process's directory below it */
};

static double quota_v2(const char *directory, char *file, size_t size)
{
    char line[128];
    double quota, period;

    if (snprintf(file, size, "%s/cpu.max", directory) >= (int)size ||
        file_read_line(file, line, sizeof(line)))
        return NAN;
    return sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period : NAN;
}

static double quota_v1(const char *directory, char *file, size_t size)
{
    char line[128];
    double quota, period;

    if (snprintf(file, size, "%s/cpu.cfs_period_us", directory) >= (int)size ||
        file_read_line(file, line, sizeof(line)) || sscanf(line, "%lf", &period) != 1 || period <= 0)
        return NAN;
    if (snprintf(file, size, "%s/cpu.cfs_quota_us", directory) >= (int)size ||
        file_read_line(file, line, sizeof(line)) || sscanf(line, "%lf", &quota) != 1 || quota <= 0)
        return NAN;
    return quota / period;
}

static bool counts_throttling(const char *directory, char *file, size_t size)
{
    char text[4096];

    if (snprintf(file, size, "%s/cpu.stat", directory) >= (int)size ||
        file_read_text(file, text, sizeof(text)) < 0)
        return false;
    return text_find_number(text, "throttled_usec") >= 0 || text_find_number(text, "throttled_time") >= 0;
}

static int64_t bytes_in(const char *directory, const char *name)
{
    char file[PATH_MAX], line[64];
    /* version 1 says "no limit" with a number near 2^63 */
    const int64_t absurd = INT64_C(1) << 60;

    if (snprintf(file, sizeof(file), "%s/%s", directory, name) >= (int)sizeof(file) ||
        file_read_line(file, line, sizeof(line)) || !isdigit((unsigned char)line[0]))
        return -1;
    int64_t value = strtoll(line, NULL, 10);
    return value < absurd ? value : -1;
}

/* ---- the way up ---------------------------------------------------------------------------------- */

static void read_cpu(struct hierarchy h, double (*quota)(const char *, char *, size_t), struct cgroup *out)
{
    char file[PATH_MAX];
    size_t top = strlen(h.top);

    for (;;) {
        double cores = quota(h.here, file, sizeof(file));
        if (!isnan(cores) && (isnan(out->quota_cores) || cores < out->quota_cores)) {
            out->quota_cores = cores;
            memcpy(out->quota_file, file, sizeof(file));
            /* the group that is limited is the one whose throttling matters */
            out->stat_file[0] = '\0';
        }
        if (!out->stat_file[0] && counts_throttling(h.here, file, sizeof(file)))
            memcpy(out->stat_file, file, sizeof(file));
        char *slash = strrchr(h.here, '/');
        if (strlen(h.here) <= top || !slash)
            return;
        *slash = '\0';
    }
}

static void read_memory(struct hierarchy h, const char *limit, const char *usage, struct cgroup *out)
{
    size_t top = strlen(h.top);

    for (;;) {
        int64_t bytes = bytes_in(h.here, limit);
        if (bytes >= 0 && (out->memory_limit_bytes < 0 || bytes < out->memory_limit_bytes)) {
            out->memory_limit_bytes = bytes;
            out->memory_usage_bytes = bytes_in(h.here, usage);
        }
        char *slash = strrchr(h.here, '/');
        if (strlen(h.here) <= top || !slash)
            return;
        *slash = '\0';
    }
}

/* A container sees its own group as the mount's top although /proc/self/cgroup may tell the host's path: a
 * path that does not exist there falls back to the top. */
static bool locate(const char *root, const char *mounts, const char *groups, const char *controller,
                   struct hierarchy *out)
{
    char mount[512], path[512];

    if (!find_mount(mounts, controller, mount, sizeof(mount)))
        return false;
    if (snprintf(out->top, sizeof(out->top), "%s%s", root, mount) >= (int)sizeof(out->top))
        return false;
    memcpy(out->here, out->top, sizeof(out->here));
    if (!find_path(groups, controller, path, sizeof(path)) || strcmp(path, "/") == 0)
        return true;
    size_t used = strlen(out->top);
    if (snprintf(out->here + used, sizeof(out->here) - used, "%s", path) >= (int)(sizeof(out->here) - used) ||
        access(out->here, R_OK) != 0)
        memcpy(out->here, out->top, sizeof(out->here));
    return true;
}

void cgroup_read(const char *root, struct cgroup *out)
{
    char file[PATH_MAX], *mounts = malloc(TEXT_MAX), *groups = malloc(TEXT_MAX);
    struct hierarchy h;

    memset(out, 0, sizeof(*out));
    out->quota_cores = NAN;
    out->memory_limit_bytes = out->memory_usage_bytes = -1;
    if (!mounts || !groups)
        goto done;
    snprintf(file, sizeof(file), "%s/proc/self/mounts", root);
    if (file_read_text(file, mounts, TEXT_MAX) < 0)
        goto done;
    snprintf(file, sizeof(file), "%s/proc/self/cgroup", root);
    if (file_read_text(file, groups, TEXT_MAX) < 0)
        goto done;
    if (locate(root, mounts, groups, NULL, &h)) {
        read_cpu(h, quota_v2, out);
        read_memory(h, "memory.max", "memory.current", out);
    }
    if (locate(root, mounts, groups, "cpu", &h))
        read_cpu(h, quota_v1, out);
    if (locate(root, mounts, groups, "memory", &h))
        read_memory(h, "memory.limit_in_bytes", "memory.usage_in_bytes", out);
done:
    free(mounts);
    free(groups);
}
