/* SPDX-License-Identifier: MIT */
/* Which tiles compute a layer: rows into stretches of tiles, output channels into groups. */
#ifndef OCT_DIRECT_TILING_H
#define OCT_DIRECT_TILING_H

#include "direct/tile.h"
#include "frame/schedule.h"
#include "frame/tuning.h"

/* A stretch of equal neighbouring tiles of a row. */
struct stretch {
    int x, width, tiles;   /* width: index into the kind's list */
    int column[MAX_TERMS]; /* the first of tiling->columns, by term */
    int columns[MAX_TERMS];
};

/* How one kind of tile covers a row of a job. */
struct row_cover {
    int first, count; /* of tiling->stretch */
    float cost;       /* cycles for one input channel of one tap */
};

struct group {
    int kind, block;           /* its tile, its first block of output channels */
    int conv_group;            /* 0 unless the convolution has several */
    size_t weights[MAX_TERMS]; /* floats from the first packed weight, by term */
};

struct tiling {
    struct row_cover cover[MAX_JOBS][DIRECT_KINDS];
    struct stretch *stretch;
    struct direct_tap *columns; /* taps of one row of the window; src and weights count from that row */

    /* Flat rows are cut while they run. The width (index) that ends one best, by the pixels left. */
    uint8_t tail[DIRECT_KINDS][2 * DIRECT_MAX_WIDTH];

    struct group *group[MAX_JOBS]; /* one array */
    int groups[MAX_JOBS];
    size_t weights; /* floats that all groups pack */

    /* Where an addend's value for each pixel of a job lies, in floats: nearest-upsampling as a table. */
    const int32_t *upsample[MAX_JOBS][MAX_ADDENDS];
    int32_t *upsample_tables;

    struct tasks tasks; /* the same for the frame, which deals them out */
};

/* OCT_OK or OCT_NO_MEMORY; either way to be freed. */
int direct_make_tiling(struct tiling *out, const struct layer *layer, const struct direct_isa *isa,
                       const struct tuning *tuning, int threads);
void direct_free_tiling(struct tiling *tiling);

/* The next width of a flat row, as an index; whole pairs of pixels are what pooling needs. */
int direct_flat_width(const struct tiling *tiling, const struct direct_isa *isa, int kind, int left,
                      bool pairs);

#endif
