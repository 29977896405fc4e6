/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool limit_isa(int argc, char **argv)
{
    uint32_t mask = UINT32_MAX;

    if (argc > 1 && !oct_isa_parse(argv[1], &mask)) {
        fprintf(stderr, "%s is no instruction-set level\n", argv[1]);
        exit(2);
    }
    if (argc > 1 && mask & ~oct_cpu_detected())
        return false;
    oct_cpu_limit(mask);
    return true;
}

int judge(const struct oct_kernel *k, const struct operands *ops, int threads, struct oct_message *msg)
{
    struct prepared prepared;
    int status = contract_check(&prepared, k, ops, threads, msg);

    if (!status)
        prepared_free(&prepared);
    return status;
}

void expect(struct operands *ops, const struct oct_problem *p, enum fill fill, uint64_t seed)
{
    const struct oct_kernel *reference = oct_kernels[0];
    struct oct_message msg;

    if (!operands_make(ops, p, fill, seed, reference, 1, &msg) &&
        !operands_add_magnitudes(ops, reference, 1, &msg))
        return;
    fprintf(stderr, "%s, seed %" PRIu64 ": %s\n", reference->name, seed, msg.text);
    abort();
}
