/* SPDX-License-Identifier: MIT */
/* Messages, the clock and the profile: the few things every kernel file needs. */
#define _POSIX_C_SOURCE 200809L
#include "core/kernel.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int oct_fail(struct oct_message *msg, int status, const char *fmt, ...)
{
    va_list args;

    if (!msg)
        return status;
    va_start(args, fmt);
    vsnprintf(msg->text, sizeof(msg->text), fmt, args);
    va_end(args);
    return status;
}

uint64_t oct_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void oct_profile_add(struct oct_profile *profile, const char *name, uint64_t ns)
{
    const int room = (int)(sizeof(profile->part) / sizeof(profile->part[0]));
    int i = 0;

    if (!profile)
        return;
    while (i < profile->count && strcmp(profile->part[i].name, name) != 0)
        i++;
    if (i == room)
        return;
    if (i == profile->count) {
        snprintf(profile->part[i].name, sizeof(profile->part[i].name), "%s", name);
        profile->part[i].ns = 0;
        profile->count++;
    }
    profile->part[i].ns += ns;
}
