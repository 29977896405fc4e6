/* SPDX-License-Identifier: MIT */
#include "edge_problems.h"

#include <string.h>

struct shape {
    int ic[OCT_MAX_BANDS], oc[OCT_MAX_BANDS], bands, h, w, k;
};

/* Multiples of 16 and tails, alpha 0, mixed and 1, extents that 14 and 7 divide and that nothing divides. */
static const struct shape shapes[] = {
    {{16}, {32}, 1, 7, 7, 3},
    {{32}, {32}, 1, 14, 14, 1},
    {{3}, {17}, 1, 9, 6, 3},
    {{16, 16}, {16, 16}, 2, 14, 14, 3},
    {{16, 16}, {32, 32}, 2, 14, 14, 1},
    {{32, 32}, {16, 16}, 2, 7, 7, 1},
    {{16, 48}, {48, 16}, 2, 8, 8, 1},
    {{56, 8}, {56, 8}, 2, 14, 14, 1},
    {{56, 8}, {28, 4}, 2, 7, 7, 3},
    {{16, 16}, {32, 32}, 2, 28, 28, 1},
    {{16, 16}, {16, 16}, 2, 4, 56, 3},
    {{10, 19}, {24, 32}, 2, 14, 14, 1}, /* just as many channels behind whole blocks as tiles finish with */
    {{35, 18}, {32, 16}, 2, 6, 14, 1},
    {{37, 35}, {16, 24}, 2, 4, 28, 1}, /* blocks in halves, odd channels, pooling in the tiles */
    {{32, 0}, {16, 16}, 2, 14, 14, 3},
    {{3, 0}, {8, 8}, 2, 15, 13, 3},
    {{16, 16}, {32, 0}, 2, 14, 14, 1},
    {{0, 32}, {0, 32}, 2, 14, 14, 3},
    {{0, 24}, {24, 0}, 2, 7, 7, 1},
    {{24, 8}, {24, 8}, 2, 9, 11, 3},
    {{17, 3}, {8, 24}, 2, 5, 17, 1},
    {{8, 8}, {8, 8}, 2, 1, 1, 3},
    {{16, 16}, {16, 16}, 2, 2, 3, 1},
    {{33, 31}, {15, 17}, 2, 10, 12, 3},
    {{64, 64}, {64, 64}, 2, 6, 5, 3}, /* in two groups these are of whole blocks */
    {{96, 64}, {64, 128}, 2, 6, 4, 1},
    {{16, 8, 8}, {16, 8, 8}, 3, 12, 10, 3},
    {{4, 0, 12}, {8, 8, 0}, 3, 9, 9, 1},
    {{8, 4, 2, 2}, {2, 2, 4, 8}, 4, 16, 16, 3},
};

#define SET(field, value) offsetof(struct oct_problem, field), (int)(value)
#define MOST_SETTINGS     9
#define PADS(top, bottom, left, right)                                     \
    {SET(pad_top, top)}, {SET(pad_bottom, bottom)}, {SET(pad_left, left)}, \
    {                                                                      \
        SET(pad_right, right)                                              \
    }
#define SAME_UPPER PADS(OCT_PAD_SAME_UPPER, OCT_PAD_SAME_UPPER, OCT_PAD_SAME_UPPER, OCT_PAD_SAME_UPPER)
#define STRIDED                     \
    {                               \
        SET(down, OCT_DOWN_STRIDED) \
    }

/* Fields of 4 bytes to overwrite; offset 0 (n) with value 0 ends the list. */
struct variation {
    struct {
        size_t offset;
        int value;
    } set[MOST_SETTINGS];
};

static const struct variation variations[] = {
    {{{0, 0}}},
    {{{SET(n, 3)}}},
    /* taps on both sides of a plane that is smaller than they are apart */
    {{{SET(kh, 2)},
      {SET(kw, 1)},
      {SET(dilation_h, 3)},
      {SET(dilation_w, 3)},
      {SET(epilogue, OCT_EPILOGUE_RELU)}}},
    {{{SET(stride_h, 2)}, {SET(stride_w, 2)}}},
    {{{SET(stride_h, 2)}, {SET(stride_w, 2)}, {SET(stride_order, OCT_STRIDE_POOL_FIRST)}}},
    {{{SET(down, OCT_DOWN_STRIDED)}}},
    {{{SET(down, OCT_DOWN_STRIDED)}, {SET(stride_h, 2)}, {SET(stride_w, 2)}}},
    {{{SET(down, OCT_DOWN_STRIDED)},
      {SET(stride_h, 2)},
      {SET(stride_w, 2)},
      {SET(stride_order, OCT_STRIDE_POOL_FIRST)}}},
    {{{SET(paths, OCT_PATH_BIT(0, 0) | OCT_PATH_BIT(1, 1))}}},
    {{{SET(paths, OCT_ALL_PATHS & ~OCT_PATH_BIT(0, 1))}}},
    {{{SET(paths, OCT_ALL_PATHS & ~OCT_PATH_BIT(1, 0))}}},
    {{{SET(paths, OCT_ALL_PATHS & ~OCT_PATH_BIT(1, 1))}}},
    {{{SET(paths, OCT_ALL_PATHS & ~OCT_PATH_BIT(0, 0))}}},
    {{{SET(paths, OCT_PATH_BIT(1, 0))}, {SET(epilogue, OCT_EPILOGUE_BIAS)}}},
    {{{SET(groups, 2)}}},
    {{{SET(groups, 8)}, {SET(n, 2)}}},
    {{{SET(groups, OCT_GROUPS_DEPTHWISE)}}},
    {{{SET(groups, OCT_GROUPS_DEPTHWISE)}, {SET(stride_h, 2)}, {SET(stride_w, 2)}}},
    {{{SET(dilation_d, 2)}, {SET(dilation_h, 2)}, {SET(dilation_w, 2)}}},
    {{{SET(pad_top, 0)}, {SET(pad_bottom, 0)}, {SET(pad_left, 0)}, {SET(pad_right, 0)}}},
    {{{SET(pad_top, 2)}, {SET(pad_bottom, 2)}, {SET(pad_left, 2)}, {SET(pad_right, 2)}}},
    {{{SET(kh, 1)}, {SET(kw, 3)}}},
    {{{SET(kh, 7)}, {SET(kw, 5)}}},
    {{{SET(kh, 2)}, {SET(kw, 2)}}},
    {{{SET(d, 3)}}},
    {{{SET(d, 3)}, {SET(kd, 3)}, {SET(stride_h, 2)}, {SET(stride_w, 2)}}},
    /* strides, dilations and padding that differ from axis to axis and from side to side */
    {{STRIDED, {SET(stride_h, 3)}, {SET(stride_w, 5)}}},
    {{STRIDED, {SET(stride_h, 4)}, {SET(stride_w, 4)}, {SET(kh, 4)}, {SET(kw, 4)}, PADS(0, 0, 0, 0)}},
    {{STRIDED, {SET(stride_h, 1)}, {SET(stride_w, 3)}, {SET(dilation_h, 2)}, {SET(groups, 2)}}},
    {{STRIDED, {SET(stride_h, 2)}, {SET(stride_w, 1)}, {SET(dilation_w, 2)}, {SET(groups, -1)}}},
    {{PADS(2, 0, 0, 1)}},
    {{PADS(0, 1, 1, 0), {SET(groups, 2)}}},
    {{SAME_UPPER, {SET(stride_h, 2)}, {SET(stride_w, 2)}, {SET(kh, 2)}, {SET(kw, 4)}}},
    {{SAME_UPPER, {SET(stride_h, 2)}, {SET(stride_w, 2)}, {SET(groups, 2)}}},
    {{STRIDED, SAME_UPPER, {SET(stride_h, 2)}, {SET(stride_w, 2)}, {SET(groups, -1)}}},
    {{{SET(groups, 8)}, {SET(groups_per_path, 1)}}},
    {{{SET(groups, 4)}, {SET(groups_per_path, 1)}, {SET(stride_h, 2)}, {SET(stride_w, 2)}}},
    {{{SET(d, 4)},
      {SET(kd, 3)},
      {SET(stride_d, 2)},
      {SET(pad_front, OCT_PAD_CAUSAL)},
      {SET(pad_back, OCT_PAD_CAUSAL)}}},
    {{{SET(d, 5)}, {SET(stride_d, 3)}, {SET(n, 2)}}},
    {{{SET(d, 2)}, {SET(pad_front, 1)}, {SET(pad_back, 2)}}},
    {{{SET(epilogue, OCT_EPILOGUE_BIAS | OCT_EPILOGUE_RELU)}}},
    {{{SET(epilogue, OCT_EPILOGUE_RELU6)}}},
    {{{SET(epilogue, OCT_EPILOGUE_RESIDUAL)}, {SET(n, 2)}}},
    {{{SET(epilogue, OCT_EPILOGUE_BIAS | OCT_EPILOGUE_RESIDUAL | OCT_EPILOGUE_RELU6)}}},
};

/* Larger products of shape and option are left out: the walk takes every kernel through all of them. */
#define MOST_MACS 1500000

#define SHAPES     ((int)(sizeof(shapes) / sizeof(shapes[0])))
#define VARIATIONS ((int)(sizeof(variations) / sizeof(variations[0])))

static struct oct_problem vary(const struct shape *shape, const struct variation *variation)
{
    struct oct_problem p = oct_problem_default();

    memcpy(p.ic, shape->ic, sizeof(p.ic));
    memcpy(p.oc, shape->oc, sizeof(p.oc));
    p.bands = shape->bands;
    p.h = shape->h;
    p.w = shape->w;
    p.kh = p.kw = shape->k;
    for (int i = 0; i < MOST_SETTINGS && (variation->set[i].offset || variation->set[i].value); i++)
        memcpy((char *)&p + variation->set[i].offset, &variation->set[i].value, sizeof(int));
    return p;
}

bool edge_problem(int *cursor, struct oct_problem *p)
{
    while (*cursor < SHAPES * VARIATIONS) {
        int i = (*cursor)++;

        *p = vary(&shapes[i / VARIATIONS], &variations[i % VARIATIONS]);
        if (oct_problem_check(p, NULL) == OCT_OK && oct_macs(p) <= MOST_MACS)
            return true;
    }
    return false;
}
