/* SPDX-License-Identifier: MIT */
/* Tiles, blocks and slots: the geometry that a tiling gives. */
#include "winograd/plan.h"

int winograd_tiles(const struct sides *s)
{
    return s->large + s->small;
}

int winograd_tile_start(const struct sides *s, int i)
{
    return i <= s->large ? 4 * i : 4 * s->large + 2 * (i - s->large);
}

int winograd_tile_at(const struct sides *s, int at)
{
    int i = at <= 4 * s->large ? at / 4 : s->large + (at - 4 * s->large) / 2;

    return oct_min(i, winograd_tiles(s));
}

int winograd_large(const struct sides *s, int first, int last)
{
    return oct_max(oct_min(last, s->large) - first, 0);
}

struct slots winograd_slots(const struct plane *plane, const struct block *b)
{
    int high = winograd_large(&plane->rows, b->y0, b->y1), low = b->y1 - b->y0 - high;
    int wide = winograd_large(&plane->cols, b->x0, b->x1), narrow = b->x1 - b->x0 - wide;
    struct slots s = {.count = {{low * narrow, low * wide}, {high * narrow, high * wide}}};

    s.first[1][1] = s.count[1][0];
    s.first[0][1] = s.first[1][1] + s.count[1][1];
    s.first[0][0] = s.first[0][1] + s.count[0][1];
    return s;
}

void winograd_slot_range(const struct slots *s, bool high, bool wide, int *first, int *last)
{
    *first = wide ? s->first[1][1] : 0;
    *last = high ? s->first[0][1] : wide ? s->first[0][0] : s->first[0][0] + s->count[0][0];
}

void winograd_strip_rows(const struct oct_plan *plan, int plane, int strip, int *first, int *last)
{
    const struct plane *coarse = plan->layer.plane, *p = coarse + plane;
    int up = coarse->octave - p->octave, from, to;

    oct_share(winograd_tiles(&coarse->rows), plan->strips, strip, &from, &to);
    *first = winograd_tile_at(&p->rows, winograd_tile_start(&coarse->rows, from) << up);
    *last = strip == plan->strips - 1
                ? winograd_tiles(&p->rows)
                : winograd_tile_at(&p->rows, winograd_tile_start(&coarse->rows, to) << up);
}
