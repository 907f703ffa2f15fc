/* The matrix product, C[m,n] = op(A)[m,k] * op(B)[k,n] (+ bias, activation),
 * f32, row-major.
 *
 * Every element of C is one chain of fused multiply-adds, k ascending, cut
 * into equal pieces of at most BP__GEMM_CUT terms; the partial chains are
 * added in order. That depends on k alone: not on the level, the block asked
 * for, alignment, or on whether an operand was packed. So a caller may cut C
 * into any blocks, on any threads. A block writes its own elements of C only
 * and reads A and B only.
 *
 * Epilogue: + bias[j], then the activation: separate roundings, the very ones
 * of separate ops; a NaN passes through relu.
 *
 * Packed B: panels of 16 columns, [ceil(n/16)][k][16], the last one filled up
 * with zeros; the same at every level. Panels may be packed on any threads.
 */
#ifndef BP__CPU_GEMM_H
#define BP__CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BP__GEMM_CUT = 320,
    BP__GEMM_PANEL = 16,
    BP__GEMM_WIDE = 4,       /* the widest group of panels of any level */
    BP__GEMM_BLOCK_ROWS = 168 /* rows that go through B's part together */
};

/* What follows the sum; `relu` is x > 0 ? x : (x is NaN ? x : +0). */
enum {
    BP__ACT_NONE = 0,
    BP__ACT_RELU = 1
};

typedef struct bp__gemm {
    int64_t m, n, k; /* >= 0; k == 0 makes every sum +0 */
    bool ta, tb;     /* a is stored [k,m]; b is stored [n,k] */
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc; /* in floats, between stored rows */
    const float *packed_b; /* from pack_b, then b is not read; or NULL */
    const float *bias;     /* [n] or NULL */
    int act;
} bp__gemm;

/* ---- gemm.c: functions of the shapes only ------------------------------- */

/* Floats of the whole packed B, and its panels. SIZE_MAX on overflow. */
size_t bp__gemm_packed_floats(int64_t n, int64_t k);
int64_t bp__gemm_panels(int64_t n);
/* Terms of a chain: all pieces are so long, but for a shorter last one. */
int64_t bp__gemm_piece(int64_t k);
/* Floats of scratch (64-byte aligned) that any block of this product needs;
 * one scratch for each thread. Reads m, n, k, ta, tb and whether packed_b is
 * NULL. */
size_t bp__gemm_scratch_floats(const bp__gemm *g);

/* ---- one table a level ------------------------------------------------- */

typedef struct bp__gemm_fns {
    /* Packs panels p0 <= p < p1 of b (n, k, tb, b, ldb are read) into their
     * places in `out`, which is the whole packed B. */
    void (*pack_b)(const bp__gemm *g, int64_t p0, int64_t p1, float *out);
    /* Computes rows m0..m1, columns n0..n1 of C. n0 should be a multiple of
     * 16 for speed, and must be one where packed_b is given. */
    void (*block)(const bp__gemm *g, int64_t m0, int64_t m1, int64_t n0,
                  int64_t n1, float *scratch);
} bp__gemm_fns;

#ifdef BP__K /* within a level's kernels */
void BP__K(gemm_pack_b)(const bp__gemm *g, int64_t p0, int64_t p1, float *out);
void BP__K(gemm_block)(const bp__gemm *g, int64_t m0, int64_t m1, int64_t n0,
                       int64_t n1, float *scratch);
#define BP__GEMM_FNS                                                \
    {                                                               \
        .pack_b = BP__K(gemm_pack_b), .block = BP__K(gemm_block)    \
    }
#endif

#endif
