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
        p->dilation = between(state, 2, 3);
    if (chance(state, 12)) {
        p->d = between(state, 1, 5);
        p->kd = between(state, 1, 3);
    }
    if (chance(state, 15))
        p->pad = below(state, 5);
}

static void choose_options(uint64_t *state, struct oct_problem *p)
{
    static const uint32_t activations[] = {0, 0, OCT_EPILOGUE_RELU, OCT_EPILOGUE_RELU6};

    p->stride = chance(state, 25) ? 2 : 1;
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

/* Appends to a list whose items a character separates; what does not fit is cut. */
static void append(char *list, size_t size, char separator, const char *item)
{
    size_t used = strlen(list);

    if (used > 0 && used + 1 < size) {
        list[used++] = separator;
        list[used] = '\0';
    }
    snprintf(list + used, size - used, "%s", item);
}

static void list_channels(const struct oct_problem *p, const int channels[], char *list, size_t size)
{
    char number[16];

    list[0] = '\0';
    for (int b = 0; b < p->bands; b++) {
        snprintf(number, sizeof(number), "%d", channels[b]);
        append(list, size, ',', number);
    }
}

/* The paths that contribute. */
static void list_paths(const struct oct_problem *p, char *list, size_t size)
{
    char name[4];

    list[0] = '\0';
    for (int from = 0; from < p->bands; from++)
        for (int to = 0; to < p->bands; to++)
            if (oct_path_exists(p, from, to))
                append(list, size, ',', oct_path_name(p, from, to, name));
    if (!list[0])
        append(list, size, ',', "none");
}

static void list_epilogue(uint32_t epilogue, char *list, size_t size)
{
    static const char *const names[] = {"bias", "residual", "relu", "relu6"};

    list[0] = '\0';
    for (int i = 0; i < 4; i++)
        if (epilogue & 1u << i)
            append(list, size, '+', names[i]);
    if (!list[0])
        append(list, size, '+', "none");
}

void problem_text(const struct oct_problem *p, char *buf, size_t size)
{
    char ic[64], oc[64], paths[64], epilogue[32], pad[16] = "same", groups[16] = "depthwise";

    list_channels(p, p->ic, ic, sizeof(ic));
    list_channels(p, p->oc, oc, sizeof(oc));
    list_paths(p, paths, sizeof(paths));
    list_epilogue(p->epilogue, epilogue, sizeof(epilogue));
    if (p->pad != OCT_PAD_SAME)
        snprintf(pad, sizeof(pad), "%d", p->pad);
    if (p->groups != OCT_GROUPS_DEPTHWISE)
        snprintf(groups, sizeof(groups), "%d", p->groups);
    snprintf(buf, size,
             "n=%d d=%d h=%d w=%d bands=%d ic=%s oc=%s k=%dx%dx%d stride=%d pad=%s dilation=%d groups=%s "
             "down=%s order=%s paths=%s dtype=%s epilogue=%s",
             p->n, p->d, p->h, p->w, p->bands, ic, oc, p->kd, p->kh, p->kw, p->stride, pad, p->dilation,
             groups, p->down == OCT_DOWN_POOL ? "pool" : "strided",
             p->stride_order == OCT_STRIDE_OFFICIAL ? "official" : "pool_first", paths,
             oct_dtype_name(p->dtype), epilogue);
}
