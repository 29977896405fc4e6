/* SPDX-License-Identifier: MIT */
#include "machine/memory.h"

#include <math.h>
#include <stdio.h>

/* The first line of the file that the format reads; a line such as "max" reads as no limit. */
static double read_number(const char *path, const char *format, double scale)
{
    FILE *f = fopen(path, "r");
    double number = INFINITY, found;
    char line[256];

    while (f && isinf(number) && fgets(line, sizeof(line), f))
        if (sscanf(line, format, &found) == 1)
            number = found * scale;
    if (f)
        fclose(f);
    return number;
}

double memory_available(void)
{
    double system = read_number("/proc/meminfo", "MemAvailable: %lf", 1024);
    double group = read_number("/sys/fs/cgroup/memory.max", "%lf", 1);

    return fmin(system, group);
}
