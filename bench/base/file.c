/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/file.h"

#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096

static int fail(const char *path, const char *what, struct oct_message *msg)
{
    snprintf(msg->text, sizeof(msg->text), "%.160s: %s: %s", path, what, strerror(errno));
    return OCT_ERROR;
}

bool file_join(char *path, size_t size, const char *directory, const char *name)
{
    int length = snprintf(path, size, "%s/%s", directory, name);

    return length >= 0 && (size_t)length < size;
}

/* 0, or -1 with errno. */
static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        text += written;
        size -= (size_t)written;
    }
    return 0;
}

/* Some things that can be written cannot be synced (pipes, some file systems): that is no failure to write.
 */
static int sync_file(int fd)
{
    return fsync(fd) && errno != EINVAL && errno != EROFS ? -1 : 0;
}

int file_append(const char *path, const char *text, size_t size, struct oct_message *msg)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666), keep;
    off_t before;

    if (fd < 0)
        return fail(path, "cannot open", msg);
    before = lseek(fd, 0, SEEK_END);
    if (write_all(fd, text, size) || sync_file(fd)) {
        keep = errno;
        if (before >= 0 && ftruncate(fd, before))
            keep = errno == EINVAL ? keep : errno;
        close(fd);
        errno = keep;
        return fail(path, "cannot write", msg);
    }
    return close(fd) ? fail(path, "cannot close", msg) : OCT_OK;
}

int file_replace(const char *path, const char *text, size_t size, struct oct_message *msg)
{
    struct output out;

    if (output_open(&out, path, msg))
        return OCT_ERROR;
    fwrite(text, 1, size, out.stream);
    return output_close(&out, path, msg);
}

int file_make_directory(const char *path, struct oct_message *msg)
{
    char part[PATH_ROOM];
    struct stat st;

    if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part)) {
        errno = ENAMETOOLONG;
        return fail(path, "cannot make the directory", msg);
    }
    for (char *slash = part; *slash; slash++) {
        if (*slash != '/' || slash == part)
            continue;
        *slash = '\0';
        if (mkdir(part, 0777) && errno != EEXIST)
            return fail(part, "cannot make the directory", msg);
        *slash = '/';
    }
    if (mkdir(part, 0777) && errno != EEXIST)
        return fail(part, "cannot make the directory", msg);
    if (stat(part, &st))
        return fail(part, "cannot make the directory", msg);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return fail(part, "cannot write there", msg);
    }
    if (access(part, W_OK | X_OK))
        return fail(part, "cannot write there", msg);
    return OCT_OK;
}
