/* SPDX-License-Identifier: MIT */
/* What this build is. */
#include "core/kernel.h"

#include <stddef.h>

int oct_abi(void)
{
    return OCT_ABI;
}

const char *oct_version(void)
{
    return OCT_VERSION;
}

#ifndef OCT_WITH_ONEDNN
const char *oct_onednn_version(void)
{
    return NULL;
}
#endif
