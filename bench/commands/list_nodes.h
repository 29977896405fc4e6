/* SPDX-License-Identifier: MIT */
#ifndef BENCH_LIST_NODES_H
#define BENCH_LIST_NODES_H

/* A network file's nodes, one a line: shapes, multiply-adds, bytes, and their sums. Returns the exit status.
 */
int list_nodes(const char *path, double alpha);

#endif
