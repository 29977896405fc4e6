/* SPDX-License-Identifier: MIT */
/* Instruction sets: what the processor has and the system lets us use, and the one mask over it. */
#define _GNU_SOURCE
#include "core/kernel.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEVELS 6

static const struct {
    const char *name;
    uint32_t mask;
} levels[LEVELS] = {
    {"base", 0},
    {"avx2", OCT_ISA_AVX2},
    {"avx512", OCT_ISA_AVX2 | OCT_ISA_AVX512},
    {"avx512_vnni", OCT_ISA_AVX2 | OCT_ISA_AVX512 | OCT_ISA_AVX512_VNNI},
    {"avx512_bf16", OCT_ISA_AVX2 | OCT_ISA_AVX512 | OCT_ISA_AVX512_VNNI | OCT_ISA_AVX512_BF16},
    {"amx", OCT_ISA_AVX2 | OCT_ISA_AVX512 | OCT_ISA_AVX512_VNNI | OCT_ISA_AVX512_BF16 | OCT_ISA_AMX},
};

/* The limit is the process's by nature (oneDNN fixes its choice once per process), hence file scope. */
static _Atomic uint32_t limit = UINT32_MAX;

#if defined(__x86_64__)
#include <cpuid.h>

/* Linux grants AMX tile data per process on request (arch/x86/include/uapi/asm/prctl.h). */
static bool amx_granted(void)
{
    const long arch_req_xcomp_perm = 0x1023, xfeature_xtiledata = 18;

    return syscall(SYS_arch_prctl, arch_req_xcomp_perm, xfeature_xtiledata) == 0;
}

static bool amx_present(void)
{
    const uint32_t bf16 = 1u << 22, tile = 1u << 24, int8 = 1u << 25, all = bf16 | tile | int8;
    uint32_t a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & all) == all;
}

uint32_t oct_cpu_detected(void)
{
    uint32_t isa = 0;

    /* gcc's checks include the operating system's XCR0. */
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        isa |= OCT_ISA_AVX2;
    if (!(isa & OCT_ISA_AVX2) || !__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return isa;
    isa |= OCT_ISA_AVX512;
    if (__builtin_cpu_supports("avx512vnni"))
        isa |= OCT_ISA_AVX512_VNNI;
    if (__builtin_cpu_supports("avx512bf16"))
        isa |= OCT_ISA_AVX512_BF16;
    if (amx_present() && amx_granted())
        isa |= OCT_ISA_AMX;
    return isa;
}

enum oct_cpu_family oct_cpu_family(void)
{
    const uint32_t zen5 = 0x1a;
    uint32_t a, b, c, d;

    __builtin_cpu_init();
    if (__builtin_cpu_is("amd") && __get_cpuid(1, &a, &b, &c, &d) &&
        (a >> 8 & 0xf) + (a >> 20 & 0xff) >= zen5)
        return OCT_CPU_ZEN5;
    return OCT_CPU_OTHER;
}
#else
uint32_t oct_cpu_detected(void)
{
    return 0;
}

enum oct_cpu_family oct_cpu_family(void)
{
    return OCT_CPU_OTHER;
}
#endif

uint32_t oct_cpu_usable(void)
{
    return oct_cpu_detected() & atomic_load(&limit);
}

void oct_cpu_limit(uint32_t mask)
{
    atomic_store(&limit, mask);
}

bool oct_isa_parse(const char *name, uint32_t *mask)
{
    for (int i = 0; i < LEVELS; i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *mask = levels[i].mask;
            return true;
        }
    }
    return false;
}

const char *oct_isa_name(uint32_t mask)
{
    static const uint32_t order[LEVELS] = {
        0, OCT_ISA_AVX2, OCT_ISA_AVX512, OCT_ISA_AVX512_VNNI, OCT_ISA_AVX512_BF16, OCT_ISA_AMX};

    for (int i = LEVELS - 1; i > 0; i--)
        if (mask & order[i])
            return levels[i].name;
    return levels[0].name;
}
