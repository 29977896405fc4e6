/* SPDX-License-Identifier: MIT */
/* The subcommands. Each takes its own argv[0] and returns the exit status. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

int run_main(int argc, char **argv);
int list_main(int argc, char **argv);
int net_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int kernels_main(int argc, char **argv);
int export_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int conv_main(int argc, char **argv);
int ab_main(int argc, char **argv);
int aa_main(int argc, char **argv);
int compare_main(int argc, char **argv);

#endif
