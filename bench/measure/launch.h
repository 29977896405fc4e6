/* SPDX-License-Identifier: MIT */
/* Launches: the rounds of a group in a fresh process. Where memory happens to lie is luck that stays fixed
 * within a process and moves a kernel by up to some percent, so that only several of them show it. */
#ifndef BENCH_LAUNCH_H
#define BENCH_LAUNCH_H

#include "measure/lineup.h"

/* Starts this program anew with ctx->arguments and --launch, and adds its samples to the lineup. OCT_OK also
 * where cases failed, or where ctx->stop was set; result->crashed where the process died of a kernel. */
int launch_measure(struct group_context *ctx, struct group_result *result, struct lineup *lineup, int launch,
                   struct oct_message *msg);

/* That process's side: measures what --launch=TEXT asks for and says it on stdout. The exit status. */
int launch_answer(struct group_context *ctx, const char *text);

#endif
