/* Rows of k numbers, f32, along the last axis: largest and smallest elements
 * and their places, and layer normalization. A range of rows a call; rows are
 * independent of each other. Sums take 16 lanes and the fixed tree of v_hsum.
 *
 * A NaN is above and below every number. Of equal elements the first one's
 * place is given. k >= 1.
 */
#ifndef BP__CPU_ROWS_H
#define BP__CPU_ROWS_H

#include <stdint.h>

/* mean and variance (biased) of a row, then x' = (x - mean) / sqrt(var + eps);
 * y = x' gamma + beta. */
typedef struct bp__layer_norm {
    int64_t k;
    float eps;
    const float *x, *gamma; /* [rows,k], [k] */
    const float *beta;      /* forward */
    const float *dy;        /* backward */
    float *dbeta;           /* norm_dparams */
} bp__layer_norm;

typedef void bp__rows_f32_fn(const float *x, float *y, int64_t k, int64_t r0,
                             int64_t r1);
typedef void bp__rows_i32_fn(const float *x, int32_t *y, int64_t k,
                             int64_t r0, int64_t r1);
typedef void bp__layer_norm_fn(const bp__layer_norm *n, float *y, int64_t r0,
                               int64_t r1);

typedef struct bp__rows_fns {
    bp__rows_f32_fn *amax, *amin;
    bp__rows_i32_fn *argmax, *argmin;
    bp__layer_norm_fn *norm;
    /* dx = (g - mean(g) - x' mean(g x')) / sqrt(var + eps), g = dy gamma */
    bp__layer_norm_fn *norm_dx;
    /* Sums over the rows r0..r1, in order: y is dgamma (of dy x'), and
     * n->dbeta (of dy). */
    bp__layer_norm_fn *norm_dparams;
} bp__rows_fns;

#ifdef BP__LEVEL
#include "cpu/v16.h"
bp__rows_f32_fn BP__K(rows_amax), BP__K(rows_amin);
bp__rows_i32_fn BP__K(rows_argmax), BP__K(rows_argmin);
bp__layer_norm_fn BP__K(layer_norm), BP__K(layer_norm_dx),
    BP__K(layer_norm_dparams);
#define BP__ROWS_FNS                                                        \
    {                                                                       \
        .amax = BP__K(rows_amax), .amin = BP__K(rows_amin),                 \
        .argmax = BP__K(rows_argmax), .argmin = BP__K(rows_argmin),         \
        .norm = BP__K(layer_norm), .norm_dx = BP__K(layer_norm_dx),         \
        .norm_dparams = BP__K(layer_norm_dparams)                           \
    }
#endif

#endif
