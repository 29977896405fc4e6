/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "base/crash.h"

#include "base/sanitized.h"

#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CRASHED 5

/* The handler has nothing but file scope to learn from. */
static char note[1024];

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

    (void)ignored; /* there is no one left to tell */
}

static void on_crash(int number)
{
    say(number == SIGILL   ? "\noctbench: illegal instruction"
        : number == SIGFPE ? "\noctbench: arithmetic exception"
                           : "\noctbench: crashed reading or writing memory");
    say(*note ? " in " : "\n");
    say(note);
    _exit(CRASHED);
}

void crash_install(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]) && !SANITIZED; i++)
        sigaction(fatal[i], &action, NULL);
}

void crash_note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(note, sizeof(note), format, args);
    va_end(args);
}
