/* SPDX-License-Identifier: MIT */
#include "check/random_problem.h"

#include "check/stats.h"

#include <stdio.h>
#include <string.h>

#define PICK(state, table) (table)[below(state, (int)(sizeof(table) / sizeof((table)[0])))]

static int below(uint64_t *state, int n)
{
    return (int)(stats_random(state) % (uint64_t)n);
}

static int between(uint64_t *state, int low, int high)
{
    return low + below(state, high - low + 1);
}

static bool chance(uint64_t *state, int percent)
{
    return below(state, 100) < percent;
}

/* Whole vectors half of the time, any number in the other half: each tail of every vector length. */
static int random_channels(uint64_t *state)
{
    static const int whole[] = {16, 32, 32, 48, 64, 64, 96, 128};

    return chance(state, 50) ? PICK(state, whole) : between(state, 1, 72);
}

static double random_alpha(uint64_t *state)
{
    static const double alphas[] = {0, 0, .125, .25, .25, .5, .5, .5, .75, .875, 1};

    return PICK(state, alphas);
}

/* `units` channel units over the bands: by the ratio between the first two, freely among more. */
static void split_channels(uint64_t *state, int units, double alpha, int bands, int channels[])
{
    if (bands == 1) {
        channels[0] = units;
        return;
    }
    channels[1] = oct_low_channels(units, alpha);
    channels[0] = units - channels[1];
    for (int b = 2; b < bands; b++) {
        int giver = below(state, b), part = below(state, channels[giver] + 1);

        channels[b] = part;
        channels[giver] -= part;
    }
}

static void choose_channels(uint64_t *state, struct oct_problem *p)
{
    static const int group_counts[] = {2, 2, 3, 4, 8, 16};
    double alpha = random_alpha(state);
    int unit = 1;

    split_channels(state, random_channels(state), alpha, p->bands, p->ic);
    if (chance(state, 10)) {
        p->groups = OCT_GROUPS_DEPTHWISE;
        memcpy(p->oc, p->ic, sizeof(p->oc));
        return;
    }
    if (chance(state, 60))
        split_channels(state, random_channels(state), alpha, p->bands, p->oc);
    else
        split_channels(state, random_channels(state), random_alpha(state), p->bands, p->oc);
    if (chance(state, 85))
        return;
    p->groups = unit = PICK(state, group_counts);
    for (int b = 0; b < p->bands; b++) {
        p->ic[b] = (p->ic[b] + unit - 1) / unit * unit;
        p->oc[b] = (p->oc[b] + unit - 1) / unit * unit;
    }
}

static int random_extent(uint64_t *state)
{
    static const int usual[] = {7, 7, 14, 14, 28, 56};

    return chance(state, 45) ? PICK(state, usual) : between(state, 1, 33);
}

static void choose_extents(uint64_t *state, struct oct_problem *p)
{
    static const int batches[] = {1, 1, 1, 2, 3};

    p->n = PICK(state, batches);
    p->h = p->w = random_extent(state);
    if (chance(state, 30))
        p->w = random_extent(state);
}

static void choose_window(uint64_t *state, struct oct_problem *p)
{
    int kind = below(state, 100);

    if (kind < 30) {
        p->kh = p->kw = 1;
    } else if (kind < 70) {
        p->kh = p->kw = 3;
    } else if (kind < 80) {
        p->kh = p->kw = between(state, 2, 7);
    } else {
        p->kh = between(state, 1, 7);
        p->kw = between(state, 1, 7);
    }
    if (chance(state, 15))
        oct_problem_set_dilation(p, between(state, 2, 3));
    if (chance(state, 12)) {
        p->d = between(state, 1, 5);
        p->kd = between(state, 1, 3);
    }
    if (chance(state, 15))
        oct_problem_set_pad(p, below(state, 5));
}

/* What layer lists beside ResNet's have: axes that differ, padding that does, words in its place. */
static void choose_axes(uint64_t *state, struct oct_problem *p)
{
    static const int words[] = {OCT_PAD_SAME, OCT_PAD_SAME_UPPER};

    p->stride_d = between(state, 1, p->d > 1 ? 3 : 1);
    if (p->kd > 1 && chance(state, 50))
        p->pad_front = p->pad_back = chance(state, 50) ? OCT_PAD_CAUSAL : OCT_PAD_SAME_UPPER;
    if (p->bands > 1)
        return;
    p->down = OCT_DOWN_STRIDED;
    p->stride_order = OCT_STRIDE_OFFICIAL;
    p->stride_h = between(state, 1, 5);
    p->stride_w = chance(state, 50) ? p->stride_h : between(state, 1, 5);
    p->dilation_h = between(state, 1, 3);
    p->dilation_d = between(state, 1, 2);
    p->pad_top = between(state, 0, 3);
    p->pad_bottom = between(state, 0, 3);
    p->pad_left = between(state, 0, 3);
    p->pad_right = between(state, 0, 3);
    if (chance(state, 40))
        p->pad_top = p->pad_bottom = p->pad_left = p->pad_right = PICK(state, words);
}

static void choose_options(uint64_t *state, struct oct_problem *p)
{
    static const uint32_t activations[] = {0, 0, OCT_EPILOGUE_RELU, OCT_EPILOGUE_RELU6};

    oct_problem_set_stride(p, chance(state, 25) ? 2 : 1);
    p->down = chance(state, 20) ? OCT_DOWN_STRIDED : OCT_DOWN_POOL;
    p->stride_order = chance(state, 25) ? OCT_STRIDE_POOL_FIRST : OCT_STRIDE_OFFICIAL;
    if (chance(state, p->bands > 1 ? 20 : 4))
        p->paths = (uint32_t)stats_random(state) & OCT_ALL_PATHS;
    p->epilogue = PICK(state, activations);
    if (chance(state, 35))
        p->epilogue |= OCT_EPILOGUE_BIAS;
    if (chance(state, 25))
        p->epilogue |= OCT_EPILOGUE_RESIDUAL;
}

/* What fast paths are written for: whole vectors, 1x1 and 3x3, maps that 7 divides, nothing special. */
static struct oct_problem draw_plain(uint64_t *state)
{
    static const int extents[] = {7, 14, 14, 28, 28, 56};
    struct oct_problem p = oct_problem_default();

    p.bands = chance(state, 80) ? 2 : 1;
    split_channels(state, 16 * between(state, 1, 8), random_alpha(state), p.bands, p.ic);
    split_channels(state, 16 * between(state, 1, 8), random_alpha(state), p.bands, p.oc);
    p.h = p.w = PICK(state, extents);
    p.kh = p.kw = chance(state, 50) ? 1 : 3;
    return p;
}

static struct oct_problem draw(uint64_t *state)
{
    static const int bands[] = {1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4};
    struct oct_problem p = oct_problem_default();

    memset(p.ic, 0, sizeof(p.ic));
    memset(p.oc, 0, sizeof(p.oc));
    p.bands = PICK(state, bands);
    choose_channels(state, &p);
    choose_extents(state, &p);
    choose_window(state, &p);
    choose_options(state, &p);
    if (chance(state, 35))
        choose_axes(state, &p);
    return p;
}

struct oct_problem random_problem(uint64_t *state, size_t max_macs)
{
    size_t limit = max_macs < 4096 ? 4096 : max_macs;
    struct oct_problem p;

    do
        p = chance(state, 35) ? draw_plain(state) : draw(state);
    while (oct_problem_check(&p, NULL) || oct_macs(&p) > limit || oct_act_bytes(&p) / 4 > limit ||
           oct_weight_bytes(&p) / 4 > limit);
    return p;
}

/* ---- text ---------------------------------------------------------------------------------------- */

/* Fields that a reader looks for even where they have their usual value. */
static bool always_told(const struct oct_field *f)
{
    return f->type == OCT_FIELD_CHANNELS || f->offset <= offsetof(struct oct_problem, bands) ||
           (f->offset >= offsetof(struct oct_problem, kd) && f->offset <= offsetof(struct oct_problem, kw));
}

void problem_text(const struct oct_problem *p, char *buf, size_t size)
{
    size_t used = 0;
    char text[96];

    for (const struct oct_field *f = oct_fields; f->name && used < size; f++) {
        if (!always_told(f) && oct_field_get(f, p) == f->usual)
            continue;
        used += (size_t)snprintf(buf + used, size - used, "%s%s=%s", used ? " " : "", f->name,
                                 oct_field_text(f, p, text, sizeof(text)));
    }
}
