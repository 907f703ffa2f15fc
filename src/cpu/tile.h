/* The one inner loop of products and convolutions: a tile of `rows` rows and
 * `vecs` vectors of 16 columns, all of it in registers,
 *
 *   sum[r][v] = sum over s, t, k of a(r; s,t,k) * b(v; s,t,k)
 *
 * with k innermost: k runs along memory, t and s step over what is not dense
 * (kernel columns and rows, image rows and samples). An element's sum is one
 * chain of fused multiply-adds in that order from +0, whatever the tile's
 * size; so sizes are free, and each level has those that fill its registers.
 *
 * Two forms: "rows" (a_k == 1: each row of the tile runs along k) and
 * "columns" (a_row == 1: the rows of the tile lie side by side). Included by
 * kernels only. Knows nothing of shapes.
 */
#ifndef BP__CPU_TILE_H
#define BP__CPU_TILE_H

#include "cpu/v16.h"

#include "cpu/gemm.h"

typedef struct tile_job {
    const float *a;
    int64_t a_row, a_k, a_t, a_s; /* steps in floats */
    const float *b;
    int64_t b_k, b_vec, b_t, b_s;
    int64_t n_k, n_t, n_s;
    float *c;
    int64_t c_row;
    int last;          /* columns of the last vector: 1..16 */
    bool add;          /* c holds the sum so far: c + sum, one more rounding */
    const float *bias; /* added where not NULL */
    int act;
} tile_job;

typedef void tile_fn(const tile_job *j);

/* The largest tiles: TILE_ROWS x TILE_VECS, and TILE_FEW x TILE_WIDE where
 * there are few rows. */
#if BP__LEVEL == 4
enum { TILE_ROWS = 14, TILE_VECS = 2, TILE_FEW = 4, TILE_WIDE = 4 };
#elif BP__LEVEL == 2 /* 20 sums, 4 of b, some of a, of 32 registers */
enum { TILE_ROWS = 5, TILE_VECS = 1, TILE_FEW = 2, TILE_WIDE = 2 };
#elif BP__LEVEL == 3
enum { TILE_ROWS = 6, TILE_VECS = 1, TILE_FEW = 3, TILE_WIDE = 2 };
#else
enum { TILE_ROWS = 2, TILE_VECS = 1, TILE_FEW = 1, TILE_WIDE = 1 };
#endif

#if BP__LEVEL == 1
#define TILE_UNROLL
#elif defined(__clang__)
#define TILE_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define TILE_UNROLL _Pragma("GCC unroll 16")
#else
#define TILE_UNROLL
#endif

V_INLINE bp__v16 tile_load(const float *p, int n)
{
    return n == V_LANES ? v_load(p) : v_load_n(p, n);
}

V_INLINE bp__v16 tile_act(bp__v16 x, int act)
{
    return act == BP__ACT_RELU ? v_max(x, v_zero()) : x;
}

/* tiles[vecs - 1][rows - 1][form], form 0: rows, 1: columns. */
extern tile_fn *const BP__K(tiles)[TILE_WIDE][TILE_ROWS][2];

V_INLINE void tile_call(const tile_job *j, int64_t rows, int vecs,
                        bool columns)
{
    BP__K(tiles)[vecs - 1][rows - 1][columns](j);
}

#endif
