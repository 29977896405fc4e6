/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "measure/engine_scripts.h"

#include "base/file.h"
#include "base/message.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define NOT_INSTALLED 6 /* exit status of a script that lacks a package */

extern char **environ;

bool engine_script_path(char *path, size_t size, const char *name)
{
    const char *folder = getenv("OCTBENCH_ENGINES");

    return file_join(path, size, folder && *folder ? folder : OCTBENCH_ENGINES_FOLDER, name);
}

static int await(pid_t pid)
{
    int state = 0;

    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

int engine_script_run(const char *name, char *const arguments[], struct oct_message *msg)
{
    size_t count = 0;
    char path[4096], **argv;
    pid_t pid;
    int error, ended;

    while (arguments[count])
        count++;
    argv = calloc(count + 2, sizeof(*argv));
    if (!argv || !engine_script_path(path, sizeof(path), name)) {
        free(argv);
        return message_fail(msg, OCT_NO_MEMORY, "no memory to run %s", name);
    }
    argv[0] = path;
    memcpy(argv + 1, arguments, count * sizeof(*argv));
    error = posix_spawn(&pid, path, NULL, NULL, argv, environ);
    free(argv);
    if (error)
        return message_fail(msg, OCT_UNSUPPORTED, "%.180s: it cannot be run: %s", path, strerror(error));
    ended = await(pid);
    if (ended == NOT_INSTALLED)
        return message_fail(msg, OCT_UNSUPPORTED, "%s lacks a package", name);
    return ended ? message_fail(msg, OCT_ERROR, "%s failed", name) : OCT_OK;
}
