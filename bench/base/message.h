/* SPDX-License-Identifier: MIT */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include "octconv.h"

/* Writes the reason (msg may be NULL) and returns the status, so that a check is one line. */
int message_fail(struct oct_message *msg, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
