/* Direct convolution forward and its gradient by data: one walk over the
 * plan of conv_plan.h that calls the tiles of tile.h. A tile is some pixels
 * of a destination row by some vectors of 16 channels; its sum runs over
 * kernel rows, columns, source channels. */
#include "cpu/tile.h"

#include "cpu/conv_rows.h"

/* ---- packing: [group][panel][phase][tap row][tap column][channel][16] --- */

/* lanes x n floats, n <= 16, with `stride` between lanes: t[i] holds number i
 * of each lane. */
V_INLINE void conv_gather(const float *w, int64_t stride, int lanes, int n,
                          bp__v16 t[16])
{
    for (int i = 0; i < 16; i++)
        t[i] = i < lanes ? tile_load(w + i * stride, n) : v_zero();
    v_transpose(t);
}

static int conv_up_to_16(int64_t n)
{
    return n < 16 ? (int)n : 16;
}

void BP__K(conv_fwd_pack)(const bp__conv *c, const float *w, int64_t unit0,
                          int64_t unit1, float *packed)
{
    const int64_t cg = c->c / c->groups, og = c->o / c->groups,
                  panels = bp__conv_ceil(og, 16), taps = c->kh * c->kw,
                  terms = cg * taps;
    for (int64_t u = unit0; u < unit1; u++) {
        int64_t o = u / panels * og + u % panels * 16;
        int lanes = conv_up_to_16(og - u % panels * 16);
        float *out = packed + u * terms * 16;
        int64_t q = 0, tap = 0; /* of term k = q*taps + tap */
        for (int64_t k = 0; k < terms; k += 16) {
            bp__v16 t[16];
            int n = conv_up_to_16(terms - k);
            conv_gather(w + o * terms + k, terms, lanes, n, t);
            for (int i = 0; i < n; i++) {
                v_store(out + (tap * cg + q) * 16, t[i]);
                if (++tap == taps) {
                    tap = 0;
                    q++;
                }
            }
        }
    }
}

/* Where kernel element (a, b) stands among the taps of all phases. */
static int64_t conv_dx_place(const bp__conv_plan *p, int64_t a, int64_t b)
{
    int64_t ry = (a * p->y.dil - p->y.pad) % p->y.stride,
            rx = (b * p->x.dil - p->x.pad) % p->x.stride;
    ry += ry < 0 ? p->y.stride : 0;
    rx += rx < 0 ? p->x.stride : 0;
    bp__conv_taps ty = bp__conv_taps_of(&p->y, true, ry),
                  tx = bp__conv_taps_of(&p->x, true, rx);
    return ty.before * p->x.kernel + ty.n * tx.before +
           (a - ty.first) / ty.step * tx.n + (b - tx.first) / tx.step;
}

void BP__K(conv_dx_pack)(const bp__conv *c, const float *w, int64_t unit0,
                         int64_t unit1, float *packed)
{
    const bp__conv_plan p = bp__conv_plan_of(c, true);
    const int64_t taps = c->kh * c->kw, og = p.src_c, cg = p.dst_c;
    for (int64_t u = unit0; u < unit1; u++) {
        int64_t o0 = u / p.panels * og, q = u % p.panels * 16;
        int lanes = conv_up_to_16(cg - q);
        float *out = packed + u * taps * og * 16;
        for (int64_t tap = 0; tap < taps; tap += 16) {
            int n = conv_up_to_16(taps - tap);
            float *place[16];
            for (int i = 0; i < n; i++)
                place[i] = out + conv_dx_place(&p, (tap + i) / c->kw,
                                               (tap + i) % c->kw) * og * 16;
            for (int64_t o = 0; o < og; o++) {
                const float *from = w + ((o0 + o) * cg + q) * taps + tap;
                if (taps == 1) {
                    v_store(place[0] + o * 16, tile_load(from, lanes));
                    continue;
                }
                bp__v16 t[16];
                conv_gather(from, taps, lanes, n, t);
                for (int i = 0; i < n; i++)
                    v_store(place[i] + o * 16, t[i]);
            }
        }
    }
}

/* ---- the walk ----------------------------------------------------------- */

/* One phase of one image. */
typedef struct conv_pass {
    const bp__conv_plan *p;
    bp__conv_taps ty, tx;
    const float *src; /* at source row r0, and the column of tap 0, pixel 0 */
    int64_t r0, src_row; /* src_row: floats between source rows */
    float *dst;       /* of phase row 0 */
    int64_t dst_row, dst_pixel, n_x;
    const float *packed; /* of the phase, in the first panel of the group */
    int64_t panel_floats, chain;
    const float *bias; /* of the group */
    int act;
} conv_pass;

/* The taps q0..q1 of one chain that lie inside the image, for row t. */
static void conv_chain(const conv_pass *s, tile_job *j, int64_t t, int64_t q0,
                       const float *panel)
{
    const bp__conv_taps *ty = &s->ty;
    int64_t q1 = q0 + s->chain < ty->n ? q0 + s->chain : ty->n;
    int64_t row = t * s->p->y.move + ty->at, src = s->p->y.src;
    int64_t lo = row < 0 ? bp__conv_ceil(-row, ty->apart) : 0,
            hi = row < src ? (src - 1 - row) / ty->apart + 1 : 0;
    q0 = q0 > lo ? q0 : lo;
    q1 = q1 < hi ? q1 : hi;
    j->n_s = q1 > q0 ? q1 - q0 : 0;
    j->a = s->src + (j->n_s ? (row + q0 * ty->apart - s->r0) * s->src_row
                             : 0);
    j->b = panel + (j->n_s ? q0 * j->b_s : 0);
}

/* A row of tiles: pixels 0..n_x of row t, `vecs` panels. */
static void conv_row(const conv_pass *s, tile_job *j, int64_t t, int vecs,
                     const float *panel, float *dst, const float *bias)
{
    const int64_t n_tiles = bp__conv_ceil(s->n_x, TILE_ROWS),
                  least = s->n_x / n_tiles, more = s->n_x % n_tiles;
    int64_t x = 0;
    for (int64_t i = 0; i < n_tiles; i++) {
        int64_t rows = least + (i < more);
        for (int64_t q = 0; q == 0 || q < s->ty.n; q += s->chain) {
            bool end = q + s->chain >= s->ty.n;
            conv_chain(s, j, t, q, panel);
            j->a += x * j->a_row;
            j->c = dst + t * s->dst_row + x * s->dst_pixel;
            j->add = q > 0;
            j->bias = end ? bias : NULL;
            j->act = end ? s->act : BP__ACT_NONE;
            tile_call(j, rows, vecs, false);
        }
        x += rows;
    }
}

/* Phase rows t0..t1. */
static void conv_rows(const conv_pass *s, int64_t t0, int64_t t1)
{
    const bp__conv_plan *p = s->p;
    const bool whole = p->groups == 1 && s->tx.apart == 1;
    const int wide = s->n_x <= TILE_FEW ? TILE_WIDE : TILE_VECS;
    tile_job j = {.a_row = p->x.move * p->src_c * p->groups, .a_k = 1,
                  .a_s = s->ty.apart * s->src_row,
                  .a_t = s->tx.apart * p->src_c * p->groups,
                  .b_k = 16, .b_vec = s->panel_floats,
                  .b_t = p->src_c * 16, .b_s = s->tx.n * p->src_c * 16,
                  .n_k = p->src_c, .n_t = s->tx.n, .c_row = s->dst_pixel};
    if (whole) {
        j.n_k = s->tx.n * p->src_c;
        j.n_t = 1;
    }
    if (s->n_x <= 0)
        return;
    for (int64_t i = 0; i < p->panels;) {
        int vecs = p->panels - i < wide ? (int)(p->panels - i) : wide;
        int64_t next = i + vecs;
        j.last = next * 16 <= p->dst_c ? 16 : (int)(16 + p->dst_c - next * 16);
        for (int64_t t = t0; t < t1; t++)
            conv_row(s, &j, t, vecs, s->packed + i * s->panel_floats,
                     s->dst + i * 16, s->bias ? s->bias + i * 16 : NULL);
        i = next;
    }
}

/* All phases of phase rows t0..t1 of an image, from the buffer (or image) at
 * src, which begins with source row r0. */
static void conv_band(const bp__conv *c, const bp__conv_plan *p, int64_t t0,
                      int64_t t1, const float *src, int64_t r0, float *dst)
{
    const int64_t src_ch = p->src_c * p->groups, dst_ch = p->dst_c * p->groups;
    conv_pass s = {.p = p, .r0 = r0, .src_row = p->cols * src_ch,
                   .dst_row = p->y.phases * p->x.dst * dst_ch,
                   .dst_pixel = p->x.phases * dst_ch,
                   .panel_floats = c->kh * c->kw * p->src_c * 16,
                   .act = p->dx ? BP__ACT_NONE : c->act};
    for (int64_t ry = 0; ry < p->y.phases && ry < p->y.dst; ry++) {
        s.ty = bp__conv_taps_of(&p->y, p->dx, ry);
        int64_t n_y = bp__conv_ceil(p->y.dst - ry, p->y.phases);
        for (int64_t rx = 0; rx < p->x.phases && rx < p->x.dst; rx++) {
            s.tx = bp__conv_taps_of(&p->x, p->dx, rx);
            s.n_x = bp__conv_ceil(p->x.dst - rx, p->x.phases);
            s.chain = bp__conv_chain_rows(s.ty.n, s.tx.n * p->src_c);
            int64_t taps = s.ty.before * p->x.kernel + s.ty.n * s.tx.before;
            for (int64_t g = 0; g < p->groups; g++) {
                s.src = src + (s.tx.n ? s.tx.at - p->col0 : 0) * src_ch +
                        g * p->src_c;
                s.dst = dst + (ry * p->x.dst + rx) * dst_ch + g * p->dst_c;
                s.packed = c->packed + g * p->panels * s.panel_floats +
                           taps * p->src_c * 16;
                s.bias = !p->dx && c->bias ? c->bias + g * p->dst_c : NULL;
                conv_rows(&s, t0, t1 < n_y ? t1 : n_y);
            }
        }
    }
}

static void conv_walk(const bp__conv *c, bool dx, int64_t n0, int64_t n1,
                      const float *src, float *dst, float *scratch)
{
    const bp__conv_plan p = bp__conv_plan_of(c, dx);
    const int64_t rows = bp__conv_ceil(p.y.dst, p.y.phases);
    const int64_t src_image = p.y.src * p.x.src * p.src_c * p.groups,
                  dst_image = p.y.dst * p.x.dst * p.dst_c * p.groups;
    const conv_lines lines = {.w = p.x.src, .ch = p.src_c * p.groups,
                              .col0 = p.col0, .cols = p.cols};
    for (int64_t n = n0; n < n1; n++) {
        const float *image = src + n * src_image;
        for (int64_t t0 = 0; t0 < rows; t0 += p.band) {
            int64_t t1 = t0 + p.band < rows ? t0 + p.band : rows;
            int64_t r0 = BP__CONV_CLAMP(t0 * p.y.move + p.y.lo, 0, p.y.src),
                    r1 = BP__CONV_CLAMP((t1 - 1) * p.y.move + p.y.hi + 1, r0,
                                        p.y.src);
            if (p.copies)
                conv_fill(&lines, image, r0, r1, scratch);
            conv_band(c, &p, t0, t1, p.copies ? scratch : image,
                      p.copies ? r0 : 0, dst + n * dst_image);
        }
    }
}

void BP__K(conv_fwd)(const bp__conv *c, int64_t n0, int64_t n1, float *scratch)
{
    bp__conv f = bp__conv_flat(c, n0, n1);
    if (f.ow != c->ow || f.oh != c->oh)
        conv_walk(&f, false, 0, 1, f.x, c->out + n0 * c->oh * c->ow * c->o,
                  scratch);
    else
        conv_walk(c, false, n0, n1, c->x, c->out, scratch);
}

void BP__K(conv_dx)(const bp__conv *c, int64_t n0, int64_t n1, float *scratch)
{
    bp__conv f = bp__conv_flat(c, n0, n1);
    if (f.ow != c->ow || f.oh != c->oh)
        conv_walk(&f, true, 0, 1, f.dy, c->out + n0 * c->h * c->w * c->c,
                  scratch);
    else
        conv_walk(c, true, n0, n1, c->dy, c->out, scratch);
}
