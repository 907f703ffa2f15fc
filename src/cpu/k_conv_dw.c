/* The gradient of a convolution by its weights. For a kernel row, a tile is
 * some (kernel column, input channel) pairs, which lie side by side in x, by
 * some vectors of output channels; its sum runs over the pixels of a block of
 * dy. See conv_plan.h for blocks, parts and splits. */
#include "cpu/tile.h"

#include "cpu/conv_rows.h"

typedef struct dw_block {
    int64_t n0, n1, i0, i1, j0, j1; /* of dy */
    const float *x;                 /* row x_row0, column 0 of n0, as read */
    int64_t x_row0, x_line, x_image; /* floats of a row, of a sample */
    int64_t col0;
    bool add;
} dw_block;

static dw_block dw_block_at(const bp__conv *c, const bp__conv_dw_plan *p,
                            int64_t b)
{
    dw_block k = {0};
    int64_t col = b % p->col_blocks, row = b / p->col_blocks % p->row_blocks;
    k.n0 = b / p->col_blocks / p->row_blocks * p->samples;
    k.n1 = BP__CONV_CLAMP(k.n0 + p->samples, 0, c->n);
    k.i0 = row * p->rows;
    k.i1 = BP__CONV_CLAMP(k.i0 + p->rows, 0, c->oh);
    k.j0 = col * p->cols;
    k.j1 = BP__CONV_CLAMP(k.j0 + p->cols, 0, c->ow);
    return k;
}

/* Where the block's x is read: in place, or padded in the buffer. */
static void dw_take_x(const bp__conv *c, const bp__conv_dw_plan *p,
                      dw_block *k, float *buffer)
{
    k->x_line = p->x_cols * c->c;
    k->col0 = p->col0;
    if (!p->copies) {
        k->x_image = c->h * k->x_line;
        k->x = c->x + k->n0 * k->x_image;
        return;
    }
    int64_t top = k->i0 * c->stride_h - c->pad_top,
            end = (k->i1 - 1) * c->stride_h + (c->kh - 1) * c->dil_h -
                  c->pad_top + 1;
    k->x_row0 = BP__CONV_CLAMP(top, 0, c->h);
    k->x_image = p->x_rows * k->x_line;
    k->x = buffer;
    end = BP__CONV_CLAMP(end, k->x_row0, c->h);
    const conv_lines r = {.w = c->w, .ch = c->c, .col0 = p->col0,
                     .cols = p->x_cols};
    for (int64_t n = k->n0; n < k->n1; n++)
        conv_fill(&r, c->x + n * c->h * c->w * c->c, k->x_row0, end,
                       buffer + (n - k->n0) * k->x_image);
}

/* [vector][pixel][16] of the block's dy, from channel o on. */
static void dw_take_dy(const bp__conv *c, const dw_block *k, int64_t o,
                       int vecs, int last, int64_t n_pixels, float *out)
{
    const int64_t row = k->n0 * c->oh + k->i0;
    const float *dy = c->dy + (row * c->ow + k->j0) * c->o;
    for (int v = 0; v < vecs; v++) {
        const float *from = dy + o + 16 * v;
        int n = v < vecs - 1 ? 16 : last;
        if (n == 16)
            for (int64_t i = 0; i < n_pixels; i++)
                v_store(out + 16 * i, v_load(from + i * c->o));
        else
            for (int64_t i = 0; i < n_pixels; i++)
                v_store(out + 16 * i, v_load_n(from + i * c->o, n));
        out += 16 * n_pixels;
    }
}

/* Steps over what is dense in both operands become one long step. */
static void dw_merge(tile_job *j)
{
    if (j->n_t == 1 || (j->a_t == j->n_k * j->a_k &&
                        j->b_t == j->n_k * j->b_k)) {
        j->n_k *= j->n_t;
        j->n_t = 1;
    }
    if (j->n_t == 1 && j->a_s == j->n_k * j->a_k &&
        j->b_s == j->n_k * j->b_k) {
        j->n_k *= j->n_s;
        j->n_s = 1;
    }
}

/* Kernel row a: all its tiles, for one group of panels. */
static void dw_kernel_row(const bp__conv *c, const bp__conv_dw_plan *p,
                          const dw_block *k, int64_t g, int64_t a, int vecs,
                          const float *dy, float *part)
{
    const bool whole = c->groups == 1 && c->dil_w == 1;
    const int64_t n_rows = whole ? c->kw * p->in_c : p->in_c;
    const int64_t width = k->j1 - k->j0, off = a * c->dil_h - c->pad_top;
    int64_t lo = off < 0 ? bp__conv_ceil(-off, c->stride_h) : 0,
            hi = off < c->h ? (c->h - 1 - off) / c->stride_h + 1 : 0;
    lo = BP__CONV_CLAMP(lo, k->i0, k->i1);
    hi = BP__CONV_CLAMP(hi, lo, k->i1);
    tile_job j = {.a_row = 1, .a_k = c->stride_w * c->c,
                  .a_t = c->stride_h * k->x_line, .a_s = k->x_image,
                  .b_k = 16, .b_t = width * 16,
                  .b_s = (k->i1 - k->i0) * width * 16,
                  .n_k = width, .n_t = hi - lo, .n_s = k->n1 - k->n0,
                  .c_row = p->out_c, .last = 16, .add = k->add};
    j.b_vec = j.b_s * j.n_s;
    const float *x = k->x + k->j0 * j.a_k + g * p->in_c;
    if (hi > lo) {
        x += (lo * c->stride_h + off - k->x_row0) * k->x_line;
        dy += (lo - k->i0) * width * 16;
    }
    dw_merge(&j);
    j.b = dy;
    const int64_t n_tiles = bp__conv_ceil(n_rows, TILE_ROWS);
    for (int64_t b = 0; b < c->kw; b += whole ? c->kw : 1) {
        int64_t col = b * c->dil_w - c->pad_left - k->col0;
        float *out = part + (a * c->kw + b) * p->in_c * p->out_c;
        for (int64_t t = 0; t < n_tiles; t++) {
            int64_t r0 = n_rows * t / n_tiles, r1 = n_rows * (t + 1) / n_tiles;
            j.a = x + col * c->c + r0;
            j.c = out + r0 * p->out_c;
            tile_call(&j, r1 - r0, vecs, true);
        }
    }
}

/* Panels u0..u1, counted over all groups, of one block. */
static void dw_panels(const bp__conv *c, const bp__conv_dw_plan *p,
                      const dw_block *k, int64_t u0, int64_t u1, float *dy,
                      float *part)
{
    const int64_t og = c->o / c->groups,
                  n_pixels = (k->n1 - k->n0) * (k->i1 - k->i0) *
                             (k->j1 - k->j0);
    const bool whole = c->groups == 1 && c->dil_w == 1;
    const int64_t n_rows = whole ? c->kw * p->in_c : p->in_c;
    const int wide = n_rows <= TILE_FEW ? TILE_WIDE : TILE_VECS;
    for (int64_t u = u0; u < u1;) {
        int64_t g = u / p->panels, i = u % p->panels;
        int64_t left = p->panels - i < u1 - u ? p->panels - i : u1 - u;
        int vecs = left < wide ? (int)left : wide;
        int64_t next = (i + vecs) * 16;
        int last = next <= og ? 16 : (int)(16 + og - next);
        dw_take_dy(c, k, g * og + i * 16, vecs, last, n_pixels, dy);
        for (int64_t a = 0; a < c->kh; a++)
            dw_kernel_row(c, p, k, g, a, vecs, dy,
                          part + g * c->kh * c->kw * p->in_c * p->out_c +
                              i * 16);
        u += vecs;
    }
}

void BP__K(conv_dw_unit)(const bp__conv *c, int64_t unit, float *scratch)
{
    const bp__conv_dw_plan p = bp__conv_dw_plan_of(c);
    const int64_t i = unit / p.splits, s = unit % p.splits,
                  n_panels = c->groups * p.panels;
    float *part = c->partials + (size_t)i * p.part_floats;
    float *dy = scratch;
    float *x = dy + p.samples * p.rows * p.cols * BP__GEMM_WIDE * 16;
    const int64_t b0 = p.n_blocks * i / p.parts,
                  b1 = p.n_blocks * (i + 1) / p.parts;
    for (int64_t b = b0; b < b1; b++) {
        dw_block k = dw_block_at(c, &p, b);
        k.add = b > b0;
        dw_take_x(c, &p, &k, x);
        dw_panels(c, &p, &k, n_panels * s / p.splits,
                  n_panels * (s + 1) / p.splits, dy, part);
    }
}

/* The tree over the partial sums: neighbours first. */
V_INLINE bp__v16 dw_sum(const float *at, size_t step, int64_t n)
{
    bp__v16 t[BP__CONV_DW_PARTS];
    for (int64_t i = 0; i < n; i++)
        t[i] = v_load(at + (size_t)i * step);
    for (; n > 1; n = (n + 1) / 2) {
        for (int64_t i = 0; i < n / 2; i++)
            t[i] = v_add(t[2 * i], t[2 * i + 1]);
        if (n & 1)
            t[n / 2] = t[n - 1];
    }
    return t[0];
}

/* unit: (group, panel); writes dw of its 16 output channels. */
void BP__K(conv_dw_combine)(const bp__conv *c, int64_t unit0, int64_t unit1)
{
    const bp__conv_dw_plan p = bp__conv_dw_plan_of(c);
    const int64_t og = c->o / c->groups, taps = c->kh * c->kw,
                  terms = p.in_c * taps;
    for (int64_t u = unit0; u < unit1; u++) {
        int64_t g = u / p.panels, i = u % p.panels;
        const float *from = c->partials + g * terms * p.out_c + i * 16;
        float *out = c->out + (g * og + i * 16) * terms;
        int lanes = og - i * 16 < 16 ? (int)(og - i * 16) : 16;
        int64_t q = 0, tap = 0; /* of term k = q*taps + tap */
        for (int64_t k = 0; k < terms; k += 16) {
            int n = terms - k < 16 ? (int)(terms - k) : 16;
            bp__v16 t[16];
            for (int l = 0; l < 16; l++) {
                t[l] = v_zero();
                if (l >= n)
                    continue;
                t[l] = dw_sum(from + (tap * p.in_c + q) * p.out_c,
                              p.part_floats, p.parts);
                if (++tap == taps) {
                    tap = 0;
                    q++;
                }
            }
            v_transpose(t);
            for (int l = 0; l < lanes; l++)
                v_store_n(out + l * terms + k, t[l], n);
        }
    }
}
