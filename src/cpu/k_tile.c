/* The tiles of tile.h, one function for each size and form. */
#include "cpu/tile.h"

/* Hides where a pointer comes from, so that the compiler keeps a few bases
 * and strides in registers rather than one pointer a row. */
#if defined(__GNUC__)
#define TILE_OPAQUE(p) __asm__("" : "+r"(p))
#else
#define TILE_OPAQUE(p) ((void)0)
#endif

/* c + sum, + bias, activation: each a pass over the registers, so that a test
 * is made once. */
V_INLINE void tile_store(const tile_job *j, int rows, int vecs,
                         bp__v16 (*sum)[TILE_WIDE])
{
    const int last = vecs - 1, n = j->last;
    if (j->add) {
        TILE_UNROLL
        for (int r = 0; r < rows; r++) {
            const float *c = j->c + r * j->c_row;
            TILE_UNROLL
            for (int v = 0; v < vecs; v++)
                sum[r][v] = v_add(tile_load(c + 16 * v, v < last ? 16 : n),
                                  sum[r][v]);
        }
    }
    if (j->bias) {
        TILE_UNROLL
        for (int v = 0; v < vecs; v++) {
            bp__v16 bias = tile_load(j->bias + 16 * v, v < last ? 16 : n);
            TILE_UNROLL
            for (int r = 0; r < rows; r++)
                sum[r][v] = v_add(sum[r][v], bias);
        }
    }
    if (j->act != BP__ACT_NONE) {
        TILE_UNROLL
        for (int r = 0; r < rows; r++) {
            TILE_UNROLL
            for (int v = 0; v < vecs; v++)
                sum[r][v] = tile_act(sum[r][v], j->act);
        }
    }
    TILE_UNROLL
    for (int v = 0; v < vecs; v++) {
        float *c = j->c + 16 * v;
        if (v < last || n == V_LANES) {
            TILE_UNROLL
            for (int r = 0; r < rows; r++)
                v_store(c + r * j->c_row, sum[r][v]);
        } else {
            TILE_UNROLL
            for (int r = 0; r < rows; r++)
                v_store_n(c + r * j->c_row, sum[r][v], n);
        }
    }
}

/* One step of k; row r's factor is `factor`. */
#define TILE_STEP(factor)                                                \
    do {                                                                 \
        bp__v16 w[TILE_WIDE];                                            \
        TILE_UNROLL                                                      \
        for (int v = 0; v < vecs; v++)                                   \
            w[v] = v_load(b + v * b_vec);                                \
        TILE_UNROLL                                                      \
        for (int r = 0; r < rows; r++) {                                 \
            bp__v16 x = v_set1(factor);                                  \
            TILE_UNROLL                                                  \
            for (int v = 0; v < vecs; v++)                               \
                sum[r][v] = v_fma(x, w[v], sum[r][v]);                   \
        }                                                                \
        b += b_k;                                                        \
    } while (0)

V_INLINE void tile_run(const tile_job *j, int rows, int vecs, bool columns)
{
    bp__v16 sum[TILE_ROWS][TILE_WIDE], total[TILE_ROWS][TILE_WIDE];
    TILE_UNROLL
    for (int r = 0; r < rows; r++)
        TILE_UNROLL
        for (int v = 0; v < vecs; v++)
            sum[r][v] = v_zero();
    const int64_t a_row = j->a_row, a_k = j->a_k, b_k = j->b_k,
                  b_vec = j->b_vec, n_k = j->n_k;
    for (int64_t s = 0; s < j->n_s; s++)
        for (int64_t t = 0; t < j->n_t; t++) {
            const float *a = j->a + s * j->a_s + t * j->a_t;
            const float *b = j->b + s * j->b_s + t * j->b_t;
            if (columns) {
                for (int64_t k = n_k; k > 0; k--, a += a_k)
                    TILE_STEP(a[r]);
                continue;
            }
            const float *a5 = a + 5 * a_row, *a10 = a + 10 * a_row;
            for (int64_t k = n_k; k > 0; k--) {
                TILE_STEP((r < 5 ? a : r < 10 ? a5 : a10)[r % 5 * a_row]);
                a++;
                a5++;
                a10++;
                TILE_OPAQUE(a);
                TILE_OPAQUE(a5);
                TILE_OPAQUE(a10);
            }
        }
    /* A copy, so that nothing but the loop above touches the sums: clang
     * would keep them in memory, where a register is two. */
    TILE_UNROLL
    for (int r = 0; r < rows; r++)
        TILE_UNROLL
        for (int v = 0; v < vecs; v++)
            total[r][v] = sum[r][v];
    tile_store(j, rows, vecs, total);
}

#define TILE_FN(rows, vecs)                                       \
    static void tile_r_##rows##_##vecs(const tile_job *j)         \
    {                                                             \
        tile_run(j, rows, vecs, false);                           \
    }                                                             \
    static void tile_c_##rows##_##vecs(const tile_job *j)         \
    {                                                             \
        tile_run(j, rows, vecs, true);                            \
    }
#if BP__LEVEL == 4
#define TILE_EACH(X)                                                     \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1)      \
    X(9, 1) X(10, 1) X(11, 1) X(12, 1) X(13, 1) X(14, 1)                 \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) X(8, 2)      \
    X(9, 2) X(10, 2) X(11, 2) X(12, 2) X(13, 2) X(14, 2)                 \
    X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(1, 4) X(2, 4) X(3, 4) X(4, 4)
#elif BP__LEVEL == 1
#define TILE_EACH(X) X(1, 1) X(2, 1)
#elif BP__LEVEL == 2
#define TILE_EACH(X)                                                     \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(1, 2) X(2, 2)
#else
#define TILE_EACH(X)                                                     \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1)                      \
    X(1, 2) X(2, 2) X(3, 2)
#endif
TILE_EACH(TILE_FN)

#define TILE_ENTRY(rows, vecs)                                           \
    [vecs - 1][rows - 1] = {tile_r_##rows##_##vecs, tile_c_##rows##_##vecs},
tile_fn *const BP__K(tiles)[TILE_WIDE][TILE_ROWS][2] = {
    TILE_EACH(TILE_ENTRY)};
