/* SPDX-License-Identifier: MIT */
/*
 * The transforms of inputs and of sums, over the vector type that was included
 * before. `large` is a tile of 4, else of 2. With points p the polynomial of
 * the weights is evaluated at p, B^T has the coefficients of the products of (x
 * - q) over all other points q (of m = 4: the weights hold the divisors of
 * that), and A^T powers of p.
 */
#ifndef OCT_WINOGRAD_TRANSFORMS_INL_H
#define OCT_WINOGRAD_TRANSFORMS_INL_H

#include "winograd/winograd.h"

#define A2 (float)(WINOGRAD_A * WINOGRAD_A)
#define B2 (float)(WINOGRAD_B * WINOGRAD_B)
#define A1 (float)(WINOGRAD_A)
#define B1 (float)(WINOGRAD_B)
/* What m = 2 lacks in the divisors of m = 4, at 0 and at +-a. */
#define AT_0 (-B2)
#define AT_A (A2 - B2)

enum { TILE_SMALL = 2, TILE_LARGE = 4 };

static const float zero_row[WINOGRAD_WINDOW * LANES] __attribute__((aligned(64)));

INLINE vec scaled(float factor, vec v)
{
    return factor == 1 ? v : vec_mul(vec_set1(factor), v);
}

/* factor * a + b */
INLINE vec scaled_sum(float factor, vec a, vec b)
{
    return factor == 1 ? vec_add(a, b) : vec_fma(vec_set1(factor), a, b);
}

/* ---- inputs
 * --------------------------------------------------------------------------------------
 */

/* At 0 and at infinity. */
INLINE void ends(const bool large, const vec *d, vec *at_0, vec *at_infinity)
{
    if (large) {
        *at_0 = scaled_sum(A2 * B2, d[0], scaled_sum(-(A2 + B2), d[2], d[4]));
        *at_infinity = scaled_sum(A2 * B2, d[1], scaled_sum(-(A2 + B2), d[3], d[5]));
    } else {
        *at_0 = scaled_sum(-A2 * AT_0, d[0], scaled(AT_0, d[2]));
        *at_infinity = scaled_sum(-A2, d[1], d[3]);
    }
}

/* At a and at -a. */
INLINE void pair_a(const bool large, const vec *d, vec *plus, vec *minus)
{
    vec even, odd;

    if (large) {
        even = scaled_sum(-B2, d[2], d[4]);
        odd = scaled(A1, scaled_sum(-B2, d[1], d[3]));
    } else {
        even = scaled(AT_A, d[2]);
        odd = scaled(A1 * AT_A, d[1]);
    }
    *plus = vec_add(even, odd);
    *minus = vec_sub(even, odd);
}

/* At b and at -b. */
INLINE void pair_b(const vec *d, vec *plus, vec *minus)
{
    vec even = scaled_sum(-A2, d[2], d[4]), odd = scaled_sum(-A2, d[1], d[3]);

    *plus = vec_fma(vec_set1(B1), odd, even);
    *minus = vec_fma(vec_set1(-B1), odd, even);
}

INLINE void input_line(const bool large, const vec *d, vec *at)
{
    ends(large, d, at, at + 3);
    pair_a(large, d, at + 1, at + 2);
    if (large)
        pair_b(d, at + 4, at + 5);
}

/* Two points of each column, by number of the first. */
INLINE void column_pair(const bool large, const int point, const vec *d, vec *first, vec *second)
{
    if (point == 0)
        ends(large, d, first, second);
    else if (point == 1)
        pair_a(large, d, first, second);
    else
        pair_b(d, first, second);
}

/* Where a window's rows begin, and which of its columns lie in the plane. */
struct window {
    const float *row[WINOGRAD_WINDOW];
    int first, last;
};

/* Two rows of points: few enough to stay in registers. */
INLINE void scatter_rows(const bool high, const bool wide, const bool whole, const struct window *win,
                         const int point, const int second, float *v, ptrdiff_t slab, ptrdiff_t points)
{
    const int h = high ? 6 : 4, w = wide ? 6 : 4;
    vec top[WINOGRAD_WINDOW], bottom[WINOGRAD_WINDOW], at[WINOGRAD_POINTS];

    OCT_UNROLL
    for (int j = 0; j < w; j++) {
        const bool inside = j >= win->first && j < win->last;
        vec d[WINOGRAD_WINDOW];

        OCT_UNROLL
        for (int i = 0; i < h; i++)
            d[i] = whole ? vec_load(win->row[i] + j * LANES) : vec_load_if(inside, win->row[i] + j * LANES);
        column_pair(high, point, d, top + j, bottom + j);
    }
    input_line(wide, top, at);
    OCT_UNROLL
    for (int j = 0; j < w; j++)
        vec_store(v + (point * points + j) * slab, at[j]);
    input_line(wide, bottom, at);
    OCT_UNROLL
    for (int j = 0; j < w; j++)
        vec_store(v + (second * points + j) * slab, at[j]);
}

INLINE void scatter_tile(const bool high, const bool wide, const bool whole, const struct window *win,
                         float *v, ptrdiff_t slab, ptrdiff_t points)
{
    scatter_rows(high, wide, whole, win, 0, 3, v, slab, points);
    scatter_rows(high, wide, whole, win, 1, 2, v, slab, points);
    if (high)
        scatter_rows(high, wide, whole, win, 4, 5, v, slab, points);
}

/* Rows outside of the plane are read from zeros. */
INLINE void find_rows(struct window *win, const struct winograd_scatter *s, int y, int x, const int rows)
{
    for (int i = 0; i < rows; i++) {
        const bool inside = y + i >= 0 && y + i < s->h;

        win->row[i] = inside ? s->src + ((ptrdiff_t)(y + i - s->first) * s->w + x) * LANES : zero_row;
    }
}

INLINE void scatter(const bool high, const bool wide, const struct winograd_scatter *s)
{
    const int h = high ? TILE_LARGE : TILE_SMALL, w = wide ? TILE_LARGE : TILE_SMALL;
    const ptrdiff_t slab = s->slab, points = s->points;
    float *v = s->v;

    for (int r = 0; r < s->rows; r++) {
        for (int c = 0; c < s->cols; c++, v += LANES) {
            int x = s->x + c * w;
            struct window win = {.first = oct_max(-x, 0), .last = oct_min(s->w - x, w + 2)};

            find_rows(&win, s, s->y + r * h, x, h + 2);
            if (win.first == 0 && win.last == w + 2)
                scatter_tile(high, wide, true, &win, v, slab, points);
            else
                scatter_tile(high, wide, false, &win, v, slab, points);
        }
    }
}

/* ---- sums
 * ----------------------------------------------------------------------------------------
 */

INLINE void sum_line(const bool large, const vec *m, vec *y)
{
    vec even = vec_add(m[1], m[2]), odd = vec_sub(m[1], m[2]), even_b, odd_b;

    if (!large) {
        y[0] = vec_add(m[0], even);
        y[1] = scaled_sum(A1, odd, m[3]);
        return;
    }
    even_b = vec_add(m[4], m[5]);
    odd_b = vec_sub(m[4], m[5]);
    y[0] = vec_add(m[0], vec_add(even, even_b));
    y[1] = scaled_sum(B1, odd_b, scaled(A1, odd));
    y[2] = scaled_sum(B2, even_b, scaled(A2, even));
    y[3] = scaled_sum(B1 * B2, odd_b, scaled_sum(A1 * A2, odd, m[3]));
}

/* What a pixel gets beside its sum. */
INLINE vec finish(const struct winograd_gather *g, vec sum, int y, int x, ptrdiff_t at)
{
    for (int a = 0; a < g->addends; a++) {
        const struct winograd_addend *low = g->addend + a;
        int ly = (y >> low->up) - low->first, lx = x >> low->up;

        sum = vec_add(sum, vec_load(low->src + ((ptrdiff_t)ly * low->w + lx) * LANES));
    }
    if (g->residual)
        sum = vec_add(sum, vec_load(g->residual + at));
    if (g->epilogue & (OCT_EPILOGUE_RELU | OCT_EPILOGUE_RELU6))
        sum = vec_max(sum, vec_zero());
    if (g->epilogue & OCT_EPILOGUE_RELU6)
        sum = vec_min(sum, vec_set1(6));
    return sum;
}

INLINE void gather_tile(const bool high, const bool wide, const struct winograd_gather *g, const float *m,
                        int y, int x)
{
    const int points_h = high ? 6 : 4, points_w = wide ? 6 : 4;
    const int h = high ? TILE_LARGE : TILE_SMALL, w = wide ? TILE_LARGE : TILE_SMALL;
    const vec bias = g->bias ? vec_load(g->bias) : vec_zero();
    vec t[TILE_LARGE][WINOGRAD_POINTS];

    OCT_UNROLL
    for (int j = 0; j < points_w; j++) {
        vec column[WINOGRAD_POINTS], sums[TILE_LARGE];

        OCT_UNROLL
        for (int i = 0; i < points_h; i++)
            column[i] = vec_load(m + (i * g->points + j) * g->slab);
        sum_line(high, column, sums);
        OCT_UNROLL
        for (int i = 0; i < h; i++)
            t[i][j] = sums[i];
    }
    OCT_UNROLL
    for (int i = 0; i < h; i++) {
        ptrdiff_t at = ((ptrdiff_t)(y + i - g->first) * g->w + x) * LANES;
        vec sums[TILE_LARGE];

        if (y + i >= g->h)
            return;
        sum_line(wide, t[i], sums);
        OCT_UNROLL
        for (int j = 0; j < w; j++)
            if (x + j < g->w)
                vec_store(g->out + at + j * LANES,
                          finish(g, vec_add(sums[j], bias), y + i, x + j, at + j * LANES));
    }
}

INLINE void gather(const bool high, const bool wide, const struct winograd_gather *g)
{
    const int h = high ? TILE_LARGE : TILE_SMALL, w = wide ? TILE_LARGE : TILE_SMALL;
    const float *m = g->m;

    for (int r = 0; r < g->rows; r++)
        for (int c = 0; c < g->cols; c++, m += LANES)
            gather_tile(high, wide, g, m, g->y + r * h, g->x + c * w);
}

/* ---- pooling
 * -------------------------------------------------------------------------------------
 */

static vec window_mean(const float *src, int w, int rows, int cols)
{
    vec sum = vec_zero();

    for (int y = 0; y < rows; y++)
        for (int x = 0; x < cols; x++)
            sum = vec_add(sum, vec_load(src + ((ptrdiff_t)y * w + x) * LANES));
    return vec_div(sum, vec_set1((float)(rows * cols)));
}

static void pool_row_of_pairs(float *dst, const float *top, const float *bottom, int pairs)
{
    const vec quarter = vec_set1(0.25f);

    for (int x = 0; x < pairs; x++, dst += LANES, top += 2 * LANES, bottom += 2 * LANES) {
        vec a = vec_add(vec_load(top), vec_load(top + LANES));
        vec b = vec_add(vec_load(bottom), vec_load(bottom + LANES));

        vec_store(dst, vec_mul(vec_add(a, b), quarter));
    }
}

static void pool(float *dst, const float *src, struct oct_extent e, int log2, int from, int first, int last)
{
    const int size = 1 << log2, cols = oct_ceil_div(e.w, size);

    for (int y = first; y < last; y++, dst += cols * LANES) {
        const float *row = src + ((ptrdiff_t)y * size - from) * e.w * LANES;
        int rows = oct_min(size, e.h - y * size), x = 0;

        if (log2 == 1 && rows == 2) {
            x = e.w / 2;
            pool_row_of_pairs(dst, row, row + (ptrdiff_t)e.w * LANES, x);
        }
        for (; x < cols; x++)
            vec_store(dst + x * LANES,
                      window_mean(row + x * size * LANES, e.w, rows, oct_min(size, e.w - x * size)));
    }
}

#define SCATTER(name, high, wide)                      \
    static void name(const struct winograd_scatter *s) \
    {                                                  \
        scatter(high, wide, s);                        \
    }
#define GATHER(name, high, wide)                      \
    static void name(const struct winograd_gather *g) \
    {                                                 \
        gather(high, wide, g);                        \
    }

SCATTER(scatter_2x2, false, false)
SCATTER(scatter_2x4, false, true)
SCATTER(scatter_4x2, true, false)
SCATTER(scatter_4x4, true, true)
GATHER(gather_2x2, false, false)
GATHER(gather_2x4, false, true)
GATHER(gather_4x2, true, false)
GATHER(gather_4x4, true, true)

#endif
