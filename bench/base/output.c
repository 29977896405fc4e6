/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/output.h"

#include "base/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_LINKS 40 /* as many as the system follows */

static int fail(const char *path, int why, struct oct_message *msg)
{
    return message_fail(msg, OCT_ERROR, "%.120s: it cannot be written: %s", path, strerror(why));
}

static int directory_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (int)(slash - path) + 1 : 0;
}

/* The path behind the symlinks at its end, whether or not anything is there. 0 or an errno. */
static int follow(const char *path, char target[OUTPUT_PATH])
{
    char link[OUTPUT_PATH], next[OUTPUT_PATH];

    if (strlen(path) >= OUTPUT_PATH)
        return ENAMETOOLONG;
    memcpy(target, path, strlen(path) + 1);
    for (int i = 0; i < MOST_LINKS; i++) {
        ssize_t length = readlink(target, link, sizeof(link) - 1);

        if (length < 0)
            return 0;
        link[length] = '\0';
        if (snprintf(next, sizeof(next), "%.*s%s", *link == '/' ? 0 : directory_length(target), target,
                     link) >= (int)sizeof(next))
            return ENAMETOOLONG;
        memcpy(target, next, sizeof(next));
    }
    return ELOOP;
}

static bool same_file(const struct stat *st, int fd)
{
    struct stat other;

    return fstat(fd, &other) == 0 && other.st_dev == st->st_dev && other.st_ino == st->st_ino;
}

/* The stream that holds this file open already. A second one would write over what the first has written. */
static FILE *standard_stream(const char *path)
{
    struct stat st;

    if (strcmp(path, "-") == 0)
        return stdout;
    if (stat(path, &st))
        return NULL;
    return same_file(&st, STDOUT_FILENO) ? stdout : same_file(&st, STDERR_FILENO) ? stderr : NULL;
}

bool output_is_stdout(const char *path)
{
    return standard_stream(path) == stdout;
}

/* In the target's directory, under a name as short as any. */
static bool name_temporary(struct output *out)
{
    return snprintf(out->temporary, sizeof(out->temporary), "%.*s.octbench-%ld.tmp",
                    directory_length(out->target), out->target, (long)getpid()) < (int)sizeof(out->temporary);
}

/* A file that a kill leaves nothing of, where the file system has such. */
static int open_unnamed(const struct output *out)
{
    char directory[OUTPUT_PATH];
    int length = directory_length(out->target);

    if (access("/proc/self/fd", X_OK)) /* which gives it its name at last */
        return -1;
    snprintf(directory, sizeof(directory), "%.*s", length, out->target);
    return open(length ? directory : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
}

static int open_temporary(struct output *out)
{
    int fd = -1;

    out->unnamed = -1;
    if (!name_temporary(out)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = out->unnamed = open_unnamed(out);
    if (fd >= 0)
        return fd;
    unlink(out->temporary); /* of a killed process that had the same number */
    return open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

/* A regular file, or none yet. Where nothing can be made beside it (one file mounted into a container), a
 * file that is there is written as it is. -1 with errno. */
static int open_regular(struct output *out, const struct stat *before)
{
    int fd;

    if (before && access(out->target, W_OK))
        return -1;
    fd = open_temporary(out);
    if (fd >= 0 && before)
        (void)fchmod(fd, before->st_mode & 07777);
    if (fd >= 0 || !before)
        return fd;
    out->temporary[0] = '\0';
    return open(out->target, O_WRONLY | O_CLOEXEC);
}

static int open_target(struct output *out)
{
    struct stat st;

    if (stat(out->target, &st)) {
        if (errno != ENOENT)
            return -1;
        return open_regular(out, NULL);
    }
    if (S_ISREG(st.st_mode))
        return open_regular(out, &st);
    out->temporary[0] = '\0';
    return open(out->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
}

int output_open(struct output *out, const char *path, struct oct_message *msg)
{
    int fd, why;

    *out = (struct output){.stream = standard_stream(path), .unnamed = -1};
    out->borrowed = out->stream != NULL;
    if (out->borrowed)
        return OCT_OK;
    why = *path ? follow(path, out->target) : ENOENT;
    if (why)
        return fail(path, why, msg);
    fd = open_target(out);
    if (fd >= 0)
        out->stream = fdopen(fd, "wb");
    if (out->stream)
        return OCT_OK;
    why = errno;
    if (fd >= 0)
        close(fd);
    return fail(path, why, msg);
}

void output_discard(struct output *out)
{
    if (!out->stream || out->borrowed)
        return;
    fclose(out->stream);
    if (out->temporary[0] && out->unnamed < 0)
        unlink(out->temporary);
    out->stream = NULL;
}

int output_check(const char *path, struct oct_message *msg)
{
    struct output out;
    struct stat st;

    if (!standard_stream(path) && stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        if (S_ISDIR(st.st_mode) || S_ISSOCK(st.st_mode))
            return fail(path, S_ISDIR(st.st_mode) ? EISDIR : ENXIO, msg);
        return access(path, W_OK) ? fail(path, errno, msg) : OCT_OK; /* opening a pipe would wait */
    }
    if (output_open(&out, path, msg))
        return OCT_ERROR;
    output_discard(&out);
    return OCT_OK;
}

/* A rename is on disk only when its directory is. */
static void sync_directory(const struct output *out)
{
    char directory[OUTPUT_PATH];
    int length = directory_length(out->target), fd;

    snprintf(directory, sizeof(directory), "%.*s", length, out->target);
    fd = open(length ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

static int name_the_unnamed(const struct output *out)
{
    char from[64];

    if (out->unnamed < 0)
        return 0;
    snprintf(from, sizeof(from), "/proc/self/fd/%d", out->unnamed);
    unlink(out->temporary);
    return linkat(AT_FDCWD, from, AT_FDCWD, out->temporary, AT_SYMLINK_FOLLOW);
}

/* 0 or -1 with errno. Pipes and some file systems cannot be synced: that is no failure to write. */
static int finish(struct output *out)
{
    if (fflush(out->stream) || ferror(out->stream))
        return -1;
    if (out->borrowed)
        return 0;
    if (fsync(fileno(out->stream)) && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        return -1;
    if (!out->temporary[0])
        return ftruncate(fileno(out->stream), ftello(out->stream)) && errno != EINVAL ? -1 : 0;
    return name_the_unnamed(out);
}

/* A file that is mounted there cannot be replaced, only written. */
static int copy_over(const struct output *out)
{
    char block[1 << 14];
    ssize_t got = -1;
    int from = open(out->temporary, O_RDONLY | O_CLOEXEC),
        to = open(out->target, O_WRONLY | O_TRUNC | O_CLOEXEC);

    while (from >= 0 && to >= 0 && (got = read(from, block, sizeof(block))) > 0)
        if (write(to, block, (size_t)got) != got)
            got = -2;
    if (from >= 0)
        close(from);
    if (to >= 0 && close(to))
        got = -1;
    unlink(out->temporary);
    return got == 0 ? 0 : -1;
}

int output_close(struct output *out, const char *path, struct oct_message *msg)
{
    int why = finish(out) ? errno : 0;

    if (out->borrowed)
        return why ? fail(path, why, msg) : OCT_OK;
    if (why) {
        output_discard(out);
        return fail(path, why, msg);
    }
    if (fclose(out->stream))
        why = errno;
    out->stream = NULL;
    if (!why && out->temporary[0] && rename(out->temporary, out->target)) {
        why = errno;
        if (why == EBUSY)
            return copy_over(out) ? fail(path, errno, msg) : OCT_OK;
    }
    if (why) {
        if (out->temporary[0])
            unlink(out->temporary);
        return fail(path, why, msg);
    }
    if (out->temporary[0])
        sync_directory(out);
    return OCT_OK;
}

FILE *output_stream(const char *path, struct oct_message *msg)
{
    FILE *standard = standard_stream(path), *stream = standard ? standard : fopen(path, "we");

    if (!stream)
        fail(path, errno, msg);
    return stream;
}

int output_stream_close(FILE *stream, const char *path, struct oct_message *msg)
{
    bool borrowed = stream == stdout || stream == stderr;
    int failed, why;

    errno = 0;
    failed = fflush(stream) | ferror(stream);
    why = errno;
    if (!borrowed && fclose(stream)) {
        why = errno;
        failed = 1;
    }
    return failed ? fail(path, why ? why : EIO, msg) : OCT_OK;
}
