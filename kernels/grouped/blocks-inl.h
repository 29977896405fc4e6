/* SPDX-License-Identifier: MIT */
/*
 * Grouped 3x3 layers whose groups fill whole blocks: all lanes take the same channel, broadcast. A file of an
 * instruction set includes this after grouped/loops-inl.h, with BLOCK_WIDE defined; nobody else does.
 *
 * The sums of a tile of rows x columns of one block of outputs stay in registers for all channels of a path.
 * For each row of the kernel three registers hold its weights, and every broadcast feeds the one to three
 * sums of its row that see it. What lies between two tiles costs multiply-adds: hence one loop for all
 * channels and rows of the kernel, addresses from a table, weights at a walking pointer, and edges of the
 * plane that are constants of functions of their own rather than branches.
 */

#define BLOCK_TALL 4

struct block_tile {
    vec row[BLOCK_TALL][BLOCK_WIDE];
};

/* What of a tile's input lies outside the plane: one row or column at each side, at most. */
struct block_edges {
    bool top, bottom, left, right;
};

/* One path into a tile. */
struct block_pass {
    const float *pixels; /* the tile's first input row and column, of the first step's block */
    size_t row;          /* floats from one input row to the next */
    const float *weights;
    const ptrdiff_t *offset;
    int steps;
    struct block_edges edges;
    const float *begin; /* what the sums begin with: a vector for all, or one for each */
    size_t begin_row, begin_column;
    float *end; /* where they go */
    size_t end_row;
    bool clamp;
    float low, high;
};

/* One input pixel into the one to three sums of its row that see it. In assembly, so that the sums stay where
 * they are: a tile and its weights fill all registers but one, and compilers that reorder these, or move sums
 * from one register to another, run out of them. */
INLINE void feed(const float *pixel, int count, vec *a, vec wa, vec *b, vec wb, vec *c, vec wc)
{
    vec v;

    if (count == 3)
        __asm__("vbroadcastss %7, %3\n\t"
                "vfmadd231ps %4, %3, %0\n\t"
                "vfmadd231ps %5, %3, %1\n\t"
                "vfmadd231ps %6, %3, %2"
                : "+v"(*a), "+v"(*b), "+v"(*c), "=&v"(v)
                : "v"(wa), "v"(wb), "v"(wc), "m"(*pixel));
    else if (count == 2)
        __asm__("vbroadcastss %5, %2\n\t"
                "vfmadd231ps %3, %2, %0\n\t"
                "vfmadd231ps %4, %2, %1"
                : "+v"(*a), "+v"(*b), "=&v"(v)
                : "v"(wa), "v"(wb), "m"(*pixel));
    else
#if LANES == 16
        __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(*a) : "v"(wa), "m"(*pixel));
#else
        __asm__("vbroadcastss %3, %1\n\t"
                "vfmadd231ps %2, %1, %0"
                : "+v"(*a), "=&v"(v)
                : "v"(wa), "m"(*pixel));
#endif
}

/* Input column i of a row of the tile: by weight kx into sum x, by kx + stride into x - 1 ... */
INLINE void add_block_pixel(vec *acc, const vec w[3], const float *pixel, int i, int wide, int stride)
{
    const int over = oct_max(i / stride - wide + 1, 0); /* sums beyond the last */
    const int x = i / stride - over, kx = i % stride + over * stride;
    const int count = oct_min(x, (2 - kx) / stride) + 1, x2 = oct_max(x - 1, 0), x3 = oct_max(x - 2, 0);

    feed(pixel + i * LANES, count, acc + x, w[kx], acc + x2, w[oct_min(kx + stride, 2)], acc + x3,
         w[oct_min(kx + 2 * stride, 2)]);
}

/* An address in one register: compilers may else keep its sum with every constant, on the stack. */
INLINE const float *held(const float *p)
{
    __asm__("" : "+r"(p));
    return p;
}

/* Sum x of row r is complete. */
INLINE void end_block_sum(const struct block_pass *p, float *end, vec sum, int x)
{
    if (p->clamp)
        clamp(p->low, p->high, &sum, 1);
    vec_store(end + x * LANES, sum);
}

/* One row of the kernel of one step; `out`: of the last, or NULL. Column by column, so that as many sums as
 * there are rows lie between two uses of one. */
INLINE void add_block_row(struct block_tile *acc, const float *pixel, size_t row, const float *weights,
                          int ky, struct block_edges e, int tall, int wide, int stride,
                          const struct block_pass *out)
{
    const int last = (wide - 1) * stride + 2;
    const float *at = weights + 3 * ky * LANES, *rows[BLOCK_TALL];
    const vec w[3] = {vec_load(at), vec_load(at + LANES), vec_load(at + 2 * LANES)};
    float *end[BLOCK_TALL];

    OCT_UNROLL
    for (int r = 0; r < tall; r++) {
        rows[r] = held(pixel + (ky + r * stride) * row);
        end[r] = out ? (float *)held(out->end + r * out->end_row) : NULL;
    }
    OCT_UNROLL
    for (int i = 0; i <= last; i++) {
        OCT_UNROLL
        for (int r = 0; r < tall; r++) {
            const bool clipped = (i == 0 && e.left) || (i == last && e.right) ||
                                 (ky == 0 && r == 0 && e.top) || (ky == 2 && r == tall - 1 && e.bottom);
            const int x = (i - 2) / stride;

            if (!clipped)
                add_block_pixel(acc->row[r], w, rows[r], i, wide, stride);
            if (out && i >= 2 && (i - 2) % stride == 0)
                end_block_sum(out, end[r], acc->row[r][x], x);
        }
    }
}

/* A part of what the tile below will read first, into level 1; the steps of a block of inputs fetch it all.
 * At stride 2 every other row is new, of planes that have left level 1: more than hardware prefetchers
 * follow. */
INLINE void prefetch_below(const float *pixel, size_t row, int step, int tall, int wide, int stride)
{
    const int rows = tall * stride, parts = LANES / (rows <= 2 ? 2 : rows <= 4 ? 4 : 8); /* of a row */
    const int pixels = oct_ceil_div((wide - 1) * stride + 3, parts);

    pixel += (rows + 3 - stride + step % LANES / parts) * row + step % parts * pixels * LANES;
    OCT_UNROLL
    for (int i = 0; i < pixels; i += 16 / LANES)
        __builtin_prefetch(pixel + i * LANES);
}

/* All steps of a path. Sums are stored one by one, as the last row of the kernel in the last step completes
 * them: then the stores of 512 bits take no time from multiply-adds. */
INLINE void add_block_pass(const struct block_pass *p, struct block_edges e, int tall, int wide, int stride)
{
    struct block_tile acc;
    const float *weights = p->weights, *pixels = p->pixels;
    const ptrdiff_t *offset = p->offset, *const last = offset + p->steps - 1;
    const size_t row = p->row;

    OCT_UNROLL
    for (int r = 0; r < tall; r++) {
        OCT_UNROLL
        for (int x = 0; x < wide; x++)
            acc.row[r][x] = vec_load(p->begin + r * p->begin_row + x * p->begin_column);
    }
    for (;; offset++, weights += 9 * LANES) {
        const float *pixel = pixels + *offset;

        if (stride == 2)
            prefetch_below(pixel, row, (int)(offset - p->offset), tall, wide, stride);
        add_block_row(&acc, pixel, row, weights, 0, e, tall, wide, stride, NULL);
        add_block_row(&acc, pixel, row, weights, 1, e, tall, wide, stride, NULL);
        if (offset == last)
            break;
        add_block_row(&acc, pixel, row, weights, 2, e, tall, wide, stride, NULL);
    }
    add_block_row(&acc, pixels + *offset, row, weights, 2, e, tall, wide, stride, p);
}

typedef void block_fn(const struct block_pass *p);

/* Edges as constants keep the loop free of branches, between which compilers lose registers. A switch instead
 * of a function for each costs a few percent: there are two jumps to foresee then. */
#define BLOCK_EDGES(tall, wide, stride, name, ...)                                    \
    static void block_##tall##_##wide##_##stride##_##name(const struct block_pass *p) \
    {                                                                                 \
        add_block_pass(p, (struct block_edges){__VA_ARGS__}, tall, wide, stride);     \
    }
#define BLOCK_ANY_EDGES(tall, wide, stride)                                        \
    static void block_##tall##_##wide##_##stride##_any(const struct block_pass *p) \
    {                                                                              \
        const struct block_edges e = p->edges;                                     \
        add_block_pass(p, e, tall, wide, stride);                                  \
    }

/* A shape whose edges are not constant, and one that has a function for all edges but top and bottom at once;
 * either at both strides. */
#define BLOCK_PLAIN(tall, wide)   BLOCK_ANY_EDGES(tall, wide, 1) BLOCK_ANY_EDGES(tall, wide, 2)
#define BLOCK_CLIPPED(tall, wide) BLOCK_CLIPPED_BY(tall, wide, 1) BLOCK_CLIPPED_BY(tall, wide, 2)
#define BLOCK_CLIPPED_BY(tall, wide, stride)                           \
    BLOCK_ANY_EDGES(tall, wide, stride)                                \
    BLOCK_EDGES(tall, wide, stride, none, false, false, false, false)  \
    BLOCK_EDGES(tall, wide, stride, top, true, false, false, false)    \
    BLOCK_EDGES(tall, wide, stride, bottom, false, true, false, false) \
    BLOCK_EDGES(tall, wide, stride, left, false, false, true, false)   \
    BLOCK_EDGES(tall, wide, stride, right, false, false, false, true)  \
    BLOCK_EDGES(tall, wide, stride, tl, true, false, true, false)      \
    BLOCK_EDGES(tall, wide, stride, tr, true, false, false, true)      \
    BLOCK_EDGES(tall, wide, stride, bl, false, true, true, false)      \
    BLOCK_EDGES(tall, wide, stride, br, false, true, false, true)      \
    BLOCK_EDGES(tall, wide, stride, lr, false, false, true, true)      \
    BLOCK_EDGES(tall, wide, stride, tlr, true, false, true, true)      \
    BLOCK_EDGES(tall, wide, stride, blr, false, true, true, true)

/* Their entries in a table of struct block_shape. */
#define FOUR(f) f, f, f, f
#define ANY(f)                                                     \
    {                                                              \
        FOUR(f##_any), FOUR(f##_any), FOUR(f##_any), FOUR(f##_any) \
    }
#define CLIPPED(f)                                                                                    \
    {                                                                                                 \
        f##_none, f##_top, f##_bottom, f##_any, f##_left, f##_tl, f##_bl, f##_any, f##_right, f##_tr, \
            f##_br, f##_any, f##_lr, f##_tlr, f##_blr, f##_any                                        \
    }
#define SHAPE(how, tall, wide)                                             \
    {                                                                      \
        {                                                                  \
            how(block_##tall##_##wide##_1), how(block_##tall##_##wide##_2) \
        }                                                                  \
    }

/* A tile begins with the bias, the results from lower resolutions and the residual. */
static __attribute__((noinline)) void begin_block(const struct grouped_conv *c, struct block_tile *sums,
                                                  int oy, int x0, int tall, int wide)
{
    const vec bias = vec_load(c->bias);

    for (int r = 0; r < tall; r++) {
        fill(sums->row[r], bias, BLOCK_WIDE);
        add_others(c, oy + r, x0, sums->row[r], wide);
    }
}

/* By stride, and by edges: top + 2 bottom + 4 left + 8 right. */
struct block_shape {
    block_fn *pass[2][16];
};

/* A pass for each path; where a tile reads and writes is set tile by tile. Sums come to rest between passes.
 */
static void start_passes(const struct grouped_conv *c, struct block_pass *pass, struct block_tile *sums)
{
    for (int i = 0; i < c->segments; i++) {
        const struct grouped_segment *s = &c->segment[i];
        const bool first = i == 0 && !c->ups && !c->residual, last = i + 1 == c->segments;

        pass[i].row = s->row;
        pass[i].weights = s->steps.weights;
        pass[i].offset = s->steps.offset;
        pass[i].steps = s->steps.count;
        pass[i].begin = first ? c->bias : (const float *)sums;
        pass[i].begin_row = first ? 0 : BLOCK_WIDE * LANES;
        pass[i].begin_column = first ? 0 : LANES;
        pass[i].end = (float *)sums;
        pass[i].end_row = last ? c->row : BLOCK_WIDE * LANES;
        pass[i].clamp = c->clamp && last;
        pass[i].low = c->low;
        pass[i].high = c->high;
    }
}

/* Does this file do the job: paths whose planes and strides are the same, of whole blocks. */
static bool blocks_can(const struct grouped_conv *c)
{
    const struct grouped_segment *s = &c->segment[0];

    if (!c->three || c->kh != 3 || c->pad_h > 1 || c->segments == 0)
        return false;
    for (int i = 0; i < c->segments; i++) {
        const struct grouped_segment *other = &c->segment[i];

        if (other->steps.lanes != GROUPED_ONE || other->stride != s->stride || other->h != s->h ||
            other->w != s->w)
            return false;
    }
    return (c->last - 1) * s->stride - c->pad_h + 2 <= s->h;
}

/* Columns [x0, x0 + wide); shape: of `wide` columns and one row, those of more rows follow. */
static void convolve_block_columns(const struct grouped_conv *c, struct block_pass *pass,
                                   struct block_tile *sums, const struct block_shape *shape, int tallest,
                                   int x0, int wide)
{
    const int stride = c->segment[0].stride, ix = x0 * stride - c->pad_w;
    const bool left = ix < 0, right = ix + (wide - 1) * stride + 2 >= c->segment[0].w;
    const int parts = (c->last - c->first + tallest - 1) / tallest;
    const int each = (c->last - c->first) / parts, more = (c->last - c->first) - each * parts;

    for (int part = 0, oy = c->first, tall; part < parts; part++, oy += tall) {
        const int iy = oy * stride - c->pad_h;
        bool top, bottom;
        block_fn *f;

        tall = each + (part < more);
        top = iy < 0;
        bottom = iy + (tall - 1) * stride + 2 >= c->segment[0].h;
        f = shape[tall - 1].pass[stride - 1][top + 2 * bottom + 4 * left + 8 * right];
        if (c->ups || c->residual)
            begin_block(c, sums, oy, x0, tall, wide);
        pass[c->segments - 1].end = c->dst + output_offset(c, oy, x0);
        for (int i = 0; i < c->segments; i++) {
            const struct grouped_segment *s = &c->segment[i];

            pass[i].edges = (struct block_edges){top, bottom, left, right};
            pass[i].pixels = s->src + (ptrdiff_t)(iy - s->top) * (ptrdiff_t)s->row + (ptrdiff_t)ix * LANES;
            f(&pass[i]);
        }
    }
}
