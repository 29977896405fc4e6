/* SPDX-License-Identifier: MIT */
/* Libraries that are not quite liboctconv, to be refused by the gate: FAKE_ABI sets the number that oct_abi()
 * gives, FAKE_NO_TABLE leaves the table of kernels out. */
#include "octconv.h"

#include <stddef.h>

#ifndef FAKE_ABI
#define FAKE_ABI OCT_ABI
#endif

#ifndef FAKE_NO_TABLE
const struct oct_kernel *const oct_kernels[] = {NULL};
#endif

int oct_abi(void)
{
    return FAKE_ABI;
}

const char *oct_version(void)
{
    return "fake";
}

void oct_cpu_limit(uint32_t mask)
{
    (void)mask;
}
