/* SPDX-License-Identifier: MIT */
/* The layers that kernels get wrong: every shape with every option, the impossible ones left out. */
#ifndef TESTS_EDGE_PROBLEMS_H
#define TESTS_EDGE_PROBLEMS_H

#include "octconv.h"

/* The next one from *cursor on (start with 0); false at the end. */
bool edge_problem(int *cursor, struct oct_problem *p);

#endif
