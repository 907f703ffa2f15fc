/* The matrix product of gemm.h: drives the tiles of tile.h over a block of C.
 *
 * Order: pieces of k, then groups of columns (B's part of a group stays in
 * the first cache), then tiles of rows. Where B is not packed and its rows do
 * not serve as vectors, or the group is used by many rows, the group is
 * packed into scratch first: the same numbers from another place.
 */
#include "cpu/tile.h"

enum {
    GEMM_MANY_ROWS = 4 * TILE_ROWS, /* from here on a copy of B's part pays */
    GEMM_BLOCK_TILES = BP__GEMM_BLOCK_ROWS / TILE_ROWS
};

typedef struct gemm_part { /* of C, and of k: from k0; end: the last one */
    int64_t m0, m1, n0, n1, k0;
    bool end;
} gemm_part;

/* ---- packing ------------------------------------------------------------ */

/* out[kk][16] = stored rows k0.. of B, columns n..n+lanes. */
static void gemm_copy_panel(const float *b, int64_t ldb, int64_t n_k,
                            int lanes, float *out)
{
    if (lanes == V_LANES) {
        for (int64_t k = 0; k < n_k; k++)
            v_store(out + 16 * k, v_load(b + k * ldb));
    } else {
        for (int64_t k = 0; k < n_k; k++)
            v_store(out + 16 * k, v_load_n(b + k * ldb, lanes));
    }
}

/* The same where B is stored transposed: b[lane*ldb + k]. */
static void gemm_turn_panel(const float *b, int64_t ldb, int64_t n_k,
                            int lanes, float *out)
{
    for (int64_t k = 0; k < n_k; k += 16) {
        int n = n_k - k < 16 ? (int)(n_k - k) : 16;
        bp__v16 t[16];
        for (int i = 0; i < 16; i++)
            t[i] = i >= lanes ? v_zero()
                   : n == 16  ? v_load(b + i * ldb + k)
                              : v_load_n(b + i * ldb + k, n);
        v_transpose(t);
        for (int i = 0; i < n; i++)
            v_store(out + 16 * (k + i), t[i]);
    }
}

static void gemm_panel(const bp__gemm *g, int64_t n, int lanes, int64_t k0,
                       int64_t n_k, float *out)
{
    if (g->tb)
        gemm_turn_panel(g->b + n * g->ldb + k0, g->ldb, n_k, lanes, out);
    else
        gemm_copy_panel(g->b + k0 * g->ldb + n, g->ldb, n_k, lanes, out);
}

static int gemm_lanes(int64_t n, int64_t end)
{
    return end - n < 16 ? (int)(end - n) : 16;
}

void BP__K(gemm_pack_b)(const bp__gemm *g, int64_t p0, int64_t p1, float *out)
{
    for (int64_t p = p0; p < p1; p++)
        gemm_panel(g, 16 * p, gemm_lanes(16 * p, g->n), 0, g->k,
                   out + p * 16 * g->k);
}

/* ---- the block ---------------------------------------------------------- */

/* Fills in where the group's B comes from. */
static void gemm_group(const bp__gemm *g, tile_job *j, int64_t n, int vecs,
                       int64_t k0, bool copy, float *scratch)
{
    if (g->packed_b) {
        j->b = g->packed_b + (n / 16 * g->k + k0) * 16;
        j->b_k = 16;
        j->b_vec = 16 * g->k;
    } else if (copy) {
        for (int v = 0; v < vecs; v++)
            gemm_panel(g, n + 16 * v, v < vecs - 1 ? 16 : j->last, k0,
                       j->n_k, scratch + v * 16 * j->n_k);
        j->b = scratch;
        j->b_k = 16;
        j->b_vec = 16 * j->n_k;
    } else {
        j->b = g->b + k0 * g->ldb + n;
        j->b_k = g->ldb;
        j->b_vec = 16;
    }
}

/* Rows of A in the order of the tiles, [tile][k][rows of the tile], where
 * their stride would put them all into one set of the cache. */
static void gemm_pack_tile(const float *a, int64_t lda, int rows,
                           int64_t n_k, float *out)
{
    for (int64_t k = 0; k < n_k; k += 16) {
        int n = n_k - k < 16 ? (int)(n_k - k) : 16;
        bp__v16 t[16];
        for (int i = 0; i < 16; i++)
            t[i] = i < rows ? tile_load(a + i * lda + k, n) : v_zero();
        v_transpose(t);
        /* Each store runs into the next row, which is then written over. */
        for (int i = 0; i < n; i++)
            v_store(out + (k + i) * rows, t[i]);
    }
}

static bool gemm_packs_a(const bp__gemm *g, int64_t n)
{
    return !g->ta && g->lda % 1024 == 0 && n > 4 * V_LANES * TILE_VECS;
}

/* One piece of k, rows m0..m1, all columns of the block. The job holds what
 * is the same for all its tiles. */
static void gemm_rows(const bp__gemm *g, tile_job *j, const gemm_part *p,
                      float *scratch)
{
    const int64_t m = p->m1 - p->m0, n_tiles = (m + TILE_ROWS - 1) / TILE_ROWS;
    const int wide = m <= TILE_FEW ? TILE_WIDE : TILE_VECS;
    const bool packs_a = gemm_packs_a(g, p->n1 - p->n0);
    float *pa = scratch + BP__GEMM_WIDE * 16 * j->n_k;
    int64_t r[GEMM_BLOCK_TILES + 1];
    for (int64_t t = 0; t <= n_tiles; t++)
        r[t] = p->m0 + m * t / n_tiles;
    for (int64_t t = 0; packs_a && t < n_tiles; t++)
        gemm_pack_tile(g->a + r[t] * g->lda + p->k0, g->lda,
                       (int)(r[t + 1] - r[t]), j->n_k,
                       pa + (r[t] - p->m0) * j->n_k);
    for (int64_t n = p->n0; n < p->n1;) {
        int64_t left = bp__gemm_panels(p->n1 - n);
        int vecs = left < wide ? (int)left : wide;
        int64_t next = n + 16 * vecs;
        j->last = next <= p->n1 ? 16 : 16 - (int)(next - p->n1);
        j->bias = p->end && g->bias ? g->bias + n : NULL;
        bool copy = g->tb || j->last < 16 || m >= GEMM_MANY_ROWS;
        gemm_group(g, j, n, vecs, p->k0, copy, scratch);
        for (int64_t t = 0; t < n_tiles; t++) {
            int64_t rows = r[t + 1] - r[t];
            if (packs_a) {
                j->a = pa + (r[t] - p->m0) * j->n_k;
                j->a_k = rows;
            } else {
                j->a = g->ta ? g->a + p->k0 * g->lda + r[t]
                             : g->a + r[t] * g->lda + p->k0;
            }
            j->c = g->c + r[t] * g->ldc + n;
            tile_call(j, rows, vecs, g->ta || packs_a);
        }
        n = next;
    }
}

void BP__K(gemm_block)(const bp__gemm *g, int64_t m0, int64_t m1, int64_t n0,
                       int64_t n1, float *scratch)
{
    enum { BLOCK = GEMM_BLOCK_TILES * TILE_ROWS };
    const int64_t piece = bp__gemm_piece(g->k);
    if (n1 <= n0)
        return;
    tile_job j = {.a_row = g->ta ? 1 : g->lda, .a_k = g->ta ? g->lda : 1,
                  .n_t = 1, .n_s = 1, .c_row = g->ldc};
    for (int64_t k0 = 0; k0 == 0 || k0 < g->k; k0 += piece) {
        gemm_part p = {.n0 = n0, .n1 = n1, .k0 = k0};
        p.end = k0 + piece >= g->k;
        j.n_k = p.end ? g->k - k0 : piece;
        j.add = k0 > 0;
        j.act = p.end ? g->act : BP__ACT_NONE;
        for (p.m0 = m0; p.m0 < m1; p.m0 = p.m1) {
            p.m1 = m1 - p.m0 < BLOCK ? m1 : p.m0 + BLOCK;
            gemm_rows(g, &j, &p, scratch);
        }
        if (p.end)
            break;
    }
}
