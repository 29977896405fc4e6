/* SPDX-License-Identifier: MIT */
/* Ceilings: in order of size here; with OCTBENCH_SOAK=1, on a quiet machine, against independent loops. */
#define _GNU_SOURCE
#include "machine/peaks.h"
#include "base/sanitized.h"
#include "base/timer.h"
#include "machine/topology.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static struct topology *bind(int threads)
{
    static const struct affinity_settings how = {BIND_CORE, PLACE_COMPACT, false};
    struct topology *t = topology_open(NULL, NULL);
    int bound[8];

    assert_non_null(t);
    assert_int_equal(topology_bind_team(t, &how, threads, bound, NULL), OCT_OK);
    return t;
}

static void release(struct topology *t)
{
    topology_unbind(t);
    topology_close(t);
}

static void print_peaks(const struct peaks *p)
{
    print_message("%d threads: FMA base %.1f, AVX2 %.1f, AVX-512 %.1f GFLOP/s; L1 %.1f, L2 %.1f, L3 %.1f, "
                  "memory %.1f GB/s\n",
                  p->threads, p->fma_base, p->fma_avx2, p->fma_avx512, p->l1, p->l2, p->l3, p->memory);
}

/* Loose enough for a loaded machine: which of two is higher, by factors that hold on any x86. */
static void ceilings_are_in_order(void **state)
{
    struct topology *t = bind(1);
    struct peaks p;

    (void)state;
    assert_int_equal(peaks_measure(&p, 1, NULL), OCT_OK);
    print_peaks(&p);
    assert_true(p.fma_base > .5);
    if (oct_cpu_usable() & OCT_ISA_AVX2)
        assert_true(p.fma_avx2 > p.fma_base || SANITIZED); /* whose checks come between the instructions */
    else
        assert_true(isnan(p.fma_avx2));
    if (!(oct_cpu_usable() & OCT_ISA_AVX512))
        assert_true(isnan(p.fma_avx512));
    if (!isnan(p.l1) && !isnan(p.memory))
        assert_true(p.l1 > p.memory || SANITIZED);
    struct peaks was = p;
    assert_int_equal(peaks_raise(&p, NULL), OCT_OK);
    assert_true(p.fma_base >= was.fma_base && (isnan(was.l1) || p.l1 >= was.l1));
    release(t);
}

static void the_widest_set_of_the_mask(void **state)
{
    const struct peaks p = {.fma_base = 1, .fma_avx2 = 2, .fma_avx512 = 3};

    (void)state;
    assert_float_equal(peaks_fma(&p, 0), 1, 0);
    assert_float_equal(peaks_fma(&p, OCT_ISA_AVX2), 2, 0);
    assert_float_equal(peaks_fma(&p, OCT_ISA_AVX2 | OCT_ISA_AVX512 | OCT_ISA_AVX512_VNNI), 3, 0);
}

static void a_limit_hides_the_wider_sets(void **state)
{
    struct topology *t = bind(1);
    struct peaks p;

    (void)state;
    oct_cpu_limit(0);
    assert_int_equal(peaks_measure(&p, 1, NULL), OCT_OK);
    oct_cpu_limit(UINT32_MAX);
    assert_true(isnan(p.fma_avx2) && isnan(p.fma_avx512));
    release(t);
}

/* ---- against loops that share nothing with peaks.c ---------------------------------------------------- */

static double best_of(double best, double value)
{
    return value > best ? value : best;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* Twelve chains in inline assembly: no compiler between the count and the machine. Eight
 * would hide the latency; ten leave Zen 4 five percent short. */
__attribute__((target("avx2,fma"))) static void twelve_chains_256(long rounds)
{
    __asm__ volatile("vxorps %%ymm0, %%ymm0, %%ymm0\n\tvmovaps %%ymm0, %%ymm1\n\tvmovaps %%ymm0, %%ymm2\n\t"
                     "vmovaps %%ymm0, %%ymm3\n\tvmovaps %%ymm0, %%ymm4\n\tvmovaps %%ymm0, %%ymm5\n\t"
                     "vmovaps %%ymm0, %%ymm6\n\tvmovaps %%ymm0, %%ymm7\n\tvmovaps %%ymm0, %%ymm8\n\t"
                     "vmovaps %%ymm0, %%ymm9\n\tvmovaps %%ymm0, %%ymm10\n\tvmovaps %%ymm0, %%ymm11\n\t"
                     "vmovaps %%ymm0, %%ymm12\n\t"
                     "1:\n\t"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm0\n\tvfmadd231ps %%ymm12, %%ymm12, %%ymm1\n\t"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm2\n\tvfmadd231ps %%ymm12, %%ymm12, %%ymm3\n\t"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm4\n\tvfmadd231ps %%ymm12, %%ymm12, %%ymm5\n\t"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm6\n\tvfmadd231ps %%ymm12, %%ymm12, %%ymm7\n\t"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm8\n\tvfmadd231ps %%ymm12, %%ymm12, %%ymm9\n\t"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm10\n\tvfmadd231ps %%ymm12, %%ymm12, %%ymm11\n\t"
                     "dec %0\n\tjnz 1b\n\tvzeroupper\n\t"
                     : "+r"(rounds)
                     :
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                       "xmm10", "xmm11", "xmm12");
}

__attribute__((target("avx512f"))) static void twelve_chains_512(long rounds)
{
    __asm__ volatile("vpxord %%zmm0, %%zmm0, %%zmm0\n\tvmovaps %%zmm0, %%zmm1\n\tvmovaps %%zmm0, %%zmm2\n\t"
                     "vmovaps %%zmm0, %%zmm3\n\tvmovaps %%zmm0, %%zmm4\n\tvmovaps %%zmm0, %%zmm5\n\t"
                     "vmovaps %%zmm0, %%zmm6\n\tvmovaps %%zmm0, %%zmm7\n\tvmovaps %%zmm0, %%zmm8\n\t"
                     "vmovaps %%zmm0, %%zmm9\n\tvmovaps %%zmm0, %%zmm10\n\tvmovaps %%zmm0, %%zmm11\n\t"
                     "vmovaps %%zmm0, %%zmm12\n\t"
                     "1:\n\t"
                     "vfmadd231ps %%zmm12, %%zmm12, %%zmm0\n\tvfmadd231ps %%zmm12, %%zmm12, %%zmm1\n\t"
                     "vfmadd231ps %%zmm12, %%zmm12, %%zmm2\n\tvfmadd231ps %%zmm12, %%zmm12, %%zmm3\n\t"
                     "vfmadd231ps %%zmm12, %%zmm12, %%zmm4\n\tvfmadd231ps %%zmm12, %%zmm12, %%zmm5\n\t"
                     "vfmadd231ps %%zmm12, %%zmm12, %%zmm6\n\tvfmadd231ps %%zmm12, %%zmm12, %%zmm7\n\t"
                     "vfmadd231ps %%zmm12, %%zmm12, %%zmm8\n\tvfmadd231ps %%zmm12, %%zmm12, %%zmm9\n\t"
                     "vfmadd231ps %%zmm12, %%zmm12, %%zmm10\n\tvfmadd231ps %%zmm12, %%zmm12, %%zmm11\n\t"
                     "dec %0\n\tjnz 1b\n\tvzeroupper\n\t"
                     : "+r"(rounds)
                     :
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                       "xmm10", "xmm11", "xmm12");
}

static double independent_fma(void (*loop)(long), int lanes, int threads)
{
    const long rounds = 400000;
    double best = 0;

    for (int run = 0; run < 300; run++) {
        double start = omp_get_wtime();
#pragma omp parallel num_threads(threads)
        loop(rounds);
        double seconds = omp_get_wtime() - start;
        best = best_of(best, 2e-9 * lanes * 12 * (double)rounds * threads / seconds);
    }
    return best;
}
#endif

/* The sum of an array as STREAM would have it, with sums enough that no add waits for another. */
static double sum_of(const double *a, size_t n)
{
    enum { SUMS = 32 };
    double part[SUMS] = {0}, sum = 0;

    for (size_t i = 0; i < n; i += SUMS)
        for (size_t k = 0; k < SUMS; k++)
            part[k] += a[i + k];
    for (size_t k = 0; k < SUMS; k++)
        sum += part[k];
    return sum;
}

static double independent_bandwidth(int threads)
{
    const size_t n = (size_t)1 << 26; /* doubles of each thread: 512 MiB */
    double *a = oct_alloc(n * sizeof(*a) * (size_t)threads), best = 0;

    assert_non_null(a);
#pragma omp parallel num_threads(threads)
    for (size_t i = 0; i < n; i++)
        a[n * (size_t)omp_get_thread_num() + i] = 1;
    for (int run = 0; run < 6; run++) {
        double sum = 0, start = omp_get_wtime();
#pragma omp parallel num_threads(threads) reduction(+ : sum)
        sum = sum_of(a + n * (size_t)omp_get_thread_num(), n);
        double bytes = (double)(n * sizeof(*a)) * threads, seconds = omp_get_wtime() - start;
        assert_float_equal(sum, (double)n * threads, 0);
        best = best_of(best, bytes / seconds * 1e-9);
    }
    oct_free(a);
    return best;
}

static void assert_within(const char *what, double measured, double independent, double share)
{
    print_message("%s: %.1f measured, %.1f by an independent loop, ratio %.3f\n", what, measured, independent,
                  measured / independent);
    assert_true(fabs(measured / independent - 1) <= share);
}

/* Both are best-of-many, taken in turn: the clock of a shared machine wanders by several percent, and each
 * side must get its share of the good moments. */
static void independent_loops_agree(void **state)
{
    const int turns = 3;

    (void)state;
    if (!getenv("OCTBENCH_SOAK"))
        skip();
    for (int threads = 1; threads <= 2; threads++) {
        struct topology *t = bind(threads);
        struct peaks p = {threads, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
        double avx2 = 0, avx512 = 0, memory = 0;

        for (int turn = 0; turn < turns; turn++) {
            assert_int_equal(peaks_raise(&p, NULL), OCT_OK);
            memory = fmax(memory, independent_bandwidth(threads));
#if defined(__x86_64__)
            if (!isnan(p.fma_avx2))
                avx2 = fmax(avx2, independent_fma(twelve_chains_256, 8, threads));
            if (!isnan(p.fma_avx512))
                avx512 = fmax(avx512, independent_fma(twelve_chains_512, 16, threads));
#endif
        }
        print_peaks(&p);
        if (avx2 > 0)
            assert_within("FMA AVX2", p.fma_avx2, avx2, .03);
        if (avx512 > 0)
            assert_within("FMA AVX-512", p.fma_avx512, avx512, .03);
        if (!isnan(p.memory))
            assert_within("memory", p.memory, memory, .10);
        release(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ceilings_are_in_order),
        cmocka_unit_test(the_widest_set_of_the_mask),
        cmocka_unit_test(a_limit_hides_the_wider_sets),
        cmocka_unit_test(independent_loops_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
