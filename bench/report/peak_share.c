/* SPDX-License-Identifier: MIT */
#include "report/peak_share.h"

#include <math.h>

#define DISPROVED 102
#define ATTEMPTS  3

/* Of the pairs of an output and a tap along one axis, the share that falls inside the input. */
static double axis_share(int in, int out, int k, int pad, int stride, int dilation)
{
    int64_t inside = 0;

    for (int t = 0; t < k; t++) {
        for (int o = 0; o < out; o++) {
            int64_t at = (int64_t)o * stride - pad + (int64_t)t * dilation;
            inside += at >= 0 && at < in;
        }
    }
    return (double)inside / ((double)out * k);
}

double percent_useful_share(const struct oct_problem *p)
{
    double useful = 0, all = 0;

    for (int from = 0; from < p->bands; from++) {
        for (int to = 0; to < p->bands; to++) {
            if (!oct_path_exists(p, from, to))
                continue;
            struct oct_path path = oct_path_get(p, from, to);
            double share =
                axis_share(path.in.d, path.out.d, p->kd, path.pad_front, path.stride_d, p->dilation_d) *
                axis_share(path.in.h, path.out.h, p->kh, path.pad_top, path.stride_h, p->dilation_h) *
                axis_share(path.in.w, path.out.w, p->kw, path.pad_left, path.stride_w, p->dilation_w);
            useful += share * (double)path.macs;
            all += (double)path.macs;
        }
    }
    return all > 0 ? useful / all : NAN;
}

/* The peak is that of the instruction set which the kernel names, or of the machine's widest where it
 * chooses. */
static double percent_of(const struct peaks *peaks, const struct bench_case *c, double gflops)
{
    const struct oct_kernel *k = c->kernel;

    if (k->algorithm != OCT_ALGORITHM_DIRECT)
        return NAN;
    return 100 * gflops * percent_useful_share(&c->problem) /
           peaks_fma(peaks, k->isa ? k->isa : oct_cpu_usable());
}

/* Returns the highest, 0 if none. */
static double percent_fill(const struct group_result *result, struct result_row *rows,
                           const struct peaks *peaks)
{
    double highest = 0;

    for (size_t i = 0; i < result->count; i++) {
        if (isnan(rows[i].gflops))
            continue;
        rows[i].pct_peak = percent_of(peaks, result->cases[i].bench_case, rows[i].gflops);
        highest = fmax(highest, rows[i].pct_peak);
    }
    return highest;
}

void percent_settle(const struct group_result *result, struct result_row *rows, struct peaks *peaks)
{
    double highest = percent_fill(result, rows, peaks);

    for (int i = 0; i < ATTEMPTS && highest > DISPROVED && peaks_raise(peaks, NULL) == OCT_OK; i++)
        highest = percent_fill(result, rows, peaks);
    for (size_t i = 0; i < result->count; i++)
        if (rows[i].pct_peak > DISPROVED)
            rows[i].pct_peak = NAN;
}
