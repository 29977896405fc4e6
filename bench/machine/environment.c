/* SPDX-License-Identifier: MIT */
#include "machine/environment.h"

#include <stddef.h>
#include <string.h>

const char *const environment_names[] = {
    "OMP_WAIT_POLICY",   "GOMP_SPINCOUNT",   "KMP_BLOCKTIME",   "OMP_PROC_BIND",      "OMP_PLACES",
    "GOMP_CPU_AFFINITY", "OMP_DYNAMIC",      "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "HWLOC_XMLFILE",
    "HWLOC_SYNTHETIC",   "HWLOC_COMPONENTS", "LD_PRELOAD",      "GLIBC_TUNABLES",     NULL};

bool environment_family(const char *text)
{
    static const char *const families[] = {"OMP_",  "GOMP_",  "KMP_",        "MALLOC_",   "ONEDNN_",
                                           "DNNL_", "HWLOC_", "LD_PRELOAD=", "LD_AUDIT=", "GLIBC_TUNABLES="};

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (strncmp(text, families[i], strlen(families[i])) == 0)
            return true;
    return false;
}
