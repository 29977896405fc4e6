/* SPDX-License-Identifier: MIT */
/* What one thread does of a plan: runs of register tiles, and pooling. execute.c says when. */
#ifndef OCT_DIRECT_RUN_TILES_H
#define OCT_DIRECT_RUN_TILES_H

#include "direct/views.h"

/* Rows [first, last) of plane z of one group of a job; pixels where the job is flat. */
void direct_run_group(const struct worker *w, int job, int group, int z, struct span rows);
/* The same of all groups from `group` on. */
void direct_run_groups(const struct worker *w, int job, int group, int z, struct span rows);
/* Rows of plane z of one group of the first output, whose tiles leave the rider behind. */
void direct_run_riding(const struct worker *w, int group, int z, struct span rows);
/* Rows of plane z of one block of a pooled source. */
void direct_pool_block(const struct worker *w, int source, int block, int z, struct span rows);

#endif
