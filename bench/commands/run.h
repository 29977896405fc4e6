/* SPDX-License-Identifier: MIT */
/* Subcommands around a sweep. Each takes its own argv[0] and returns the exit status. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

int run_main(int argc, char **argv);
int list_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int kernels_main(int argc, char **argv);

#endif
