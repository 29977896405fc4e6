/* SPDX-License-Identifier: MIT */
#include "base/message.h"

#include <stdarg.h>
#include <stdio.h>

int message_fail(struct oct_message *msg, int status, const char *fmt, ...)
{
    va_list args;

    if (!msg)
        return status;
    va_start(args, fmt);
    vsnprintf(msg->text, sizeof(msg->text), fmt, args);
    va_end(args);
    return status;
}
