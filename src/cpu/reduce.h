/* Sums, f32. The order of a sum depends on shapes only.
 *
 * A tensor is seen as x[outer][n][inner], summed over n.
 *   inner == 1: 16 lanes, lane l adds elements l, l + 16, ...; then the fixed
 *     tree of v_hsum.
 *   inner > 1: four chains for each column, chain k adds rows k, k + 4, ...;
 *     then (0 + 1) + (2 + 3).
 * Long sums are cut by the caller into parts of equal length, each summed so,
 * and the parts are added by a binary tree (combine).
 */
#ifndef BP__CPU_REDUCE_H
#define BP__CPU_REDUCE_H

#include <stddef.h>
#include <stdint.h>

typedef struct bp__reduce_fns {
    /* y[o][i] = sum over n of x[o][n][i], for o0 <= o < o1. */
    void (*sum)(const float *x, float *y, int64_t n, int64_t inner,
                int64_t o0, int64_t o1);
    /* y[i] = the tree's sum over p of x[p][i], for i0 <= i < i1. Halves: the
     * first has the largest power of two below n. */
    void (*combine)(const float *x, float *y, int64_t n, int64_t inner,
                    int64_t i0, int64_t i1);
} bp__reduce_fns;

#define BP__REDUCE_FNS                                            \
    {                                                             \
        .sum = BP__K(reduce_sum), .combine = BP__K(reduce_combine) \
    }

#ifdef BP__LEVEL
void BP__K(reduce_sum)(const float *x, float *y, int64_t n, int64_t inner,
                       int64_t o0, int64_t o1);
void BP__K(reduce_combine)(const float *x, float *y, int64_t n,
                           int64_t inner, int64_t i0, int64_t i1);
#endif

#endif
