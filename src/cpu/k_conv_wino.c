/* Winograd's F(4x4,3x3), forward and by data: an output tile of 4x4 pixels
 * comes from 6x6 source pixels through 36 products in place of 144,
 *
 *   y = A' [ (G w G') . (B' x B) ] A,   "." summed over source channels,
 *
 * at the points 0, 1, -1, 2, -2, infinity. The 36 sums over channels of some
 * tiles are 36 matrix products: rows are tiles, columns are channels.
 *
 * Every tile is computed by itself and in one fixed order of operations, so
 * the bits depend neither on the level nor on how many tiles go together.
 * Rounding errors are larger than the direct kernel's: see conv.h.
 */
#include "cpu/tile.h"

#include "cpu/conv_plan.h"

/* ---- the three transforms ----------------------------------------------- */

/* o = B' d */
V_INLINE void wino_in(bp__v16 *o, const bp__v16 *d)
{
    const bp__v16 m4 = v_set1(-4), m5 = v_set1(-5), p4 = v_set1(4),
                  p2 = v_set1(2);
    bp__v16 a = v_fma(m4, d[2], d[4]), b = v_fma(m4, d[1], d[3]),
            c = v_sub(d[4], d[2]), e = v_sub(d[3], d[1]);
    o[0] = v_fma(p4, d[0], v_fma(m5, d[2], d[4]));
    o[1] = v_add(a, b);
    o[2] = v_sub(a, b);
    o[3] = v_fma(p2, e, c);
    o[4] = v_fnma(p2, e, c);
    o[5] = v_fma(p4, d[1], v_fma(m5, d[3], d[5]));
}

/* o = A' m */
V_INLINE void wino_out(bp__v16 *o, const bp__v16 *m)
{
    const bp__v16 p2 = v_set1(2), p4 = v_set1(4), p8 = v_set1(8);
    bp__v16 s = v_add(m[1], m[2]), d = v_sub(m[1], m[2]),
            u = v_add(m[3], m[4]), w = v_sub(m[3], m[4]);
    o[0] = v_add(v_add(m[0], s), u);
    o[1] = v_fma(p2, w, d);
    o[2] = v_fma(p4, u, s);
    o[3] = v_add(v_fma(p8, w, d), m[5]);
}

/* o = G g */
V_INLINE void wino_weight(bp__v16 *o, const bp__v16 *g)
{
    const bp__v16 q4 = v_set1(1.0f / 4), q6 = v_set1(-1.0f / 6),
                  q24 = v_set1(1.0f / 24), q12 = v_set1(1.0f / 12),
                  p6 = v_set1(1.0f / 6);
    bp__v16 s = v_add(g[0], g[2]), u = v_fma(q24, g[0], v_mul(p6, g[2])),
            w = v_mul(q12, g[1]);
    o[0] = v_mul(q4, g[0]);
    o[1] = v_mul(q6, v_add(s, g[1]));
    o[2] = v_mul(q6, v_sub(s, g[1]));
    o[3] = v_add(u, w);
    o[4] = v_sub(u, w);
    o[5] = g[2];
}

/* ---- packing: [panel][36][source channel][16] -------------------------- */

/* The nine weights g[a][b] of 16 destination channels, to out[36] apart. */
V_INLINE void wino_pack_one(const bp__v16 g[9], float *out, int64_t apart)
{
    bp__v16 t[6][3], o[6];
    TILE_UNROLL
    for (int b = 0; b < 3; b++) {
        const bp__v16 column[3] = {g[b], g[3 + b], g[6 + b]};
        wino_weight(o, column);
        TILE_UNROLL
        for (int i = 0; i < 6; i++)
            t[i][b] = o[i];
    }
    TILE_UNROLL
    for (int i = 0; i < 6; i++) {
        wino_weight(o, t[i]);
        TILE_UNROLL
        for (int k = 0; k < 6; k++)
            v_store(out + (6 * i + k) * apart, o[k]);
    }
}

/* Zeros behind each part of a panel: nothing reads them, but a call sets all of
 * its output, or whoever looks for values that are not finite finds old ones.
 */
static void wino_pad(float *out, int64_t channels, int64_t apart)
{
    for (int64_t i = 0; i < 36; i++)
        for (int64_t at = 16 * channels; at < apart; at += 16)
            v_store(out + i * apart + at, v_zero());
}

void BP__K(conv_wino_fwd_pack)(const bp__conv *c, const float *w,
                               int64_t unit0, int64_t unit1, float *packed)
{
    for (int64_t u = unit0; u < unit1; u++) {
        const int64_t terms = 9 * c->c, apart = bp__conv_wino_apart(c->c);
        int lanes = c->o - 16 * u < 16 ? (int)(c->o - 16 * u) : 16;
        const float *from = w + 16 * u * terms;
        float *out = packed + u * 36 * apart;
        for (int64_t q = 0; q < c->c; q += 16) {
            bp__v16 t[9 * 16]; /* [channel][tap] of 16 channels */
            int64_t left = 9 * (c->c - q);
            for (int64_t k = 0; k < 9 * 16 && k < left; k += 16) {
                int n = left - k < 16 ? (int)(left - k) : 16;
                for (int i = 0; i < 16; i++)
                    t[k + i] = i < lanes ? tile_load(from + i * terms + k, n)
                                         : v_zero();
                v_transpose(t + k);
            }
            for (int64_t i = 0; i < 16 && q + i < c->c; i++)
                wino_pack_one(t + 9 * i, out + (q + i) * 16, apart);
            from += 9 * 16;
        }
        wino_pad(out, c->c, apart);
    }
}

void BP__K(conv_wino_dx_pack)(const bp__conv *c, const float *w,
                              int64_t unit0, int64_t unit1, float *packed)
{
    for (int64_t u = unit0; u < unit1; u++) {
        int lanes = c->c - 16 * u < 16 ? (int)(c->c - 16 * u) : 16;
        const int64_t apart = bp__conv_wino_apart(c->o);
        float *out = packed + u * 36 * apart;
        for (int64_t o = 0; o < c->o; o++) {
            const float *from = w + (o * c->c + 16 * u) * 9;
            bp__v16 t[16], g[9];
            for (int i = 0; i < 16; i++)
                t[i] = i < lanes ? v_load_n(from + 9 * i, 9) : v_zero();
            v_transpose(t);
            for (int i = 0; i < 9; i++) /* the kernel is turned round */
                g[i] = t[8 - i];
            wino_pack_one(g, out + o * 16, apart);
        }
        wino_pad(out, c->o, apart);
    }
}

/* ---- the walk ----------------------------------------------------------- */

typedef struct wino_image { /* what fwd and dx have in common */
    int64_t src_h, src_w, src_c, dst_h, dst_w, dst_c, pad_top, pad_left;
    int64_t tiles_x, tiles; /* in a row, in an image */
    int64_t row;            /* floats of a tile's channels in V */
    const float *src, *packed, *bias;
    float *dst;
    int act;
} wino_image;

/* Tile t of the whole range: B' x B of all channels to v[36] apart. */
static void wino_take(const wino_image *p, int64_t t, const float *zeros,
                      float *v, int64_t apart)
{
    const int64_t n = t / p->tiles, y = t % p->tiles / p->tiles_x * 4,
                  x = t % p->tiles % p->tiles_x * 4;
    const float *image = p->src + n * p->src_h * p->src_w * p->src_c;
    const float *at[36];
    for (int64_t i = 0; i < 6; i++)
        for (int64_t k = 0; k < 6; k++) {
            int64_t r = y + i - p->pad_top, s = x + k - p->pad_left;
            bool inside = r >= 0 && r < p->src_h && s >= 0 && s < p->src_w;
            at[6 * i + k] = inside ? image + (r * p->src_w + s) * p->src_c
                                   : zeros;
        }
    for (int64_t c = 0; c < p->src_c; c += 16) {
        int lanes = p->src_c - c < 16 ? (int)(p->src_c - c) : 16;
        bp__v16 r[6][6], d[6], o[6];
        TILE_UNROLL
        for (int k = 0; k < 6; k++) {
            TILE_UNROLL
            for (int i = 0; i < 6; i++)
                d[i] = tile_load(at[6 * i + k] + c, lanes);
            wino_in(o, d);
            TILE_UNROLL
            for (int i = 0; i < 6; i++)
                r[i][k] = o[i];
        }
        TILE_UNROLL
        for (int i = 0; i < 6; i++) {
            wino_in(o, r[i]);
            TILE_UNROLL
            for (int k = 0; k < 6; k++)
                v_store(v + (6 * i + k) * apart + c, o[k]);
        }
    }
}

/* A' m A of 16 channels of tile t, with bias and activation, to the image. */
static void wino_give(const wino_image *p, int64_t t, int64_t ch,
                      const float *m, int64_t apart)
{
    const int64_t n = t / p->tiles, y = t % p->tiles / p->tiles_x * 4,
                  x = t % p->tiles % p->tiles_x * 4;
    const int lanes = p->dst_c - ch < 16 ? (int)(p->dst_c - ch) : 16;
    float *image = p->dst + n * p->dst_h * p->dst_w * p->dst_c + ch;
    bp__v16 r[4][6], d[6], o[4];
    TILE_UNROLL
    for (int k = 0; k < 6; k++) {
        TILE_UNROLL
        for (int i = 0; i < 6; i++)
            d[i] = v_load(m + (6 * i + k) * apart);
        wino_out(o, d);
        TILE_UNROLL
        for (int i = 0; i < 4; i++)
            r[i][k] = o[i];
    }
    const bp__v16 bias = p->bias ? tile_load(p->bias + ch, lanes) : v_zero();
    for (int i = 0; i < 4 && y + i < p->dst_h; i++) {
        wino_out(o, r[i]);
        float *out = image + ((y + i) * p->dst_w + x) * p->dst_c;
        for (int k = 0; k < 4 && x + k < p->dst_w; k++) {
            bp__v16 s = p->bias ? v_add(o[k], bias) : o[k];
            s = tile_act(s, p->act);
            if (lanes == 16)
                v_store(out + k * p->dst_c, s);
            else
                v_store_n(out + k * p->dst_c, s, lanes);
        }
    }
}

/* m[36][tiles][16 * vecs] = v[36][tiles][channels] by the panels at u. */
static void wino_products(const wino_image *p, int64_t n_tiles, int vecs,
                          const float *v, const float *u, float *m)
{
    const int64_t n = bp__conv_ceil(n_tiles, TILE_ROWS),
                  apart = bp__conv_wino_apart(p->src_c),
                  piece = bp__conv_chain_rows(p->src_c, 1);
    tile_job j = {.a_row = p->row, .a_k = 1, .b_k = 16,
                  .b_vec = 36 * apart, .n_t = 1, .n_s = 1,
                  .c_row = 16 * vecs, .last = 16};
    for (int64_t k = 0; k < 36; k++)
        for (int64_t i = 0; i < n; i++) {
            int64_t r0 = n_tiles * i / n, r1 = n_tiles * (i + 1) / n;
            j.c = m + (k * n_tiles + r0) * j.c_row;
            for (int64_t c = 0; c < p->src_c; c += piece) {
                j.a = v + (k * n_tiles + r0) * p->row + c;
                j.b = u + k * apart + c * 16;
                j.n_k = p->src_c - c < piece ? p->src_c - c : piece;
                j.add = c > 0;
                tile_call(&j, r1 - r0, vecs, false);
            }
        }
}

static void wino_walk(wino_image *p, int64_t n0, int64_t n1, float *scratch)
{
    const int64_t most = bp__conv_wino_tiles(p->src_c),
                  panels = bp__conv_ceil(p->dst_c, 16),
                  apart = bp__conv_wino_apart(p->src_c);
    p->tiles_x = bp__conv_ceil(p->dst_w, 4);
    p->tiles = p->tiles_x * bp__conv_ceil(p->dst_h, 4);
    p->row = bp__conv_wino_row(p->src_c);
    float *zeros = scratch, *v = zeros + p->row,
          *m = v + 36 * most * p->row;
    memset(zeros, 0, (size_t)p->row * sizeof(float));
    for (int64_t t0 = n0 * p->tiles; t0 < n1 * p->tiles; t0 += most) {
        int64_t n = n1 * p->tiles - t0 < most ? n1 * p->tiles - t0 : most;
        for (int64_t t = 0; t < n; t++)
            wino_take(p, t0 + t, zeros, v + t * p->row, n * p->row);
        const int wide = n <= TILE_FEW ? TILE_WIDE : TILE_VECS;
        for (int64_t i = 0; i < panels; i += wide) {
            int vecs = panels - i < wide ? (int)(panels - i) : wide;
            wino_products(p, n, vecs, v, p->packed + i * 36 * apart, m);
            for (int64_t t = 0; t < n; t++)
                for (int k = 0; k < vecs; k++)
                    wino_give(p, t0 + t, (i + k) * 16,
                              m + (t * vecs + k) * 16, n * vecs * 16);
        }
    }
}

void BP__K(conv_wino_fwd)(const bp__conv *c, int64_t n0, int64_t n1,
                          float *scratch)
{
    wino_image p = {.src_h = c->h, .src_w = c->w, .src_c = c->c,
                    .dst_h = c->oh, .dst_w = c->ow, .dst_c = c->o,
                    .pad_top = c->pad_top, .pad_left = c->pad_left,
                    .src = c->x, .packed = c->packed, .bias = c->bias,
                    .dst = c->out, .act = c->act};
    wino_walk(&p, n0, n1, scratch);
}

/* dx is the convolution of dy with the kernel turned round and transposed. */
void BP__K(conv_wino_dx)(const bp__conv *c, int64_t n0, int64_t n1,
                         float *scratch)
{
    wino_image p = {.src_h = c->oh, .src_w = c->ow, .src_c = c->o,
                    .dst_h = c->h, .dst_w = c->w, .dst_c = c->c,
                    .pad_top = 2 - c->pad_top, .pad_left = 2 - c->pad_left,
                    .src = c->dy, .packed = c->packed, .dst = c->out};
    wino_walk(&p, n0, n1, scratch);
}
