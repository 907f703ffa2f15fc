/* Softmax and its relatives along the last axis, f32: rows of k numbers, a
 * range of rows a call, rows independent of each other.
 *
 * m is the row's maximum, 0 where that is not finite; lanes of 16 and the
 * fixed tree of v_hsum add up.
 */
#ifndef BP__CPU_SOFTMAX_H
#define BP__CPU_SOFTMAX_H

#include <stdint.h>

/* What a cross-entropy's target is: of type bp_dtype; f32: a distribution. */
typedef struct bp__softmax_fns {
    /* y = exp(x - m) / sum */
    void (*softmax)(const float *x, float *y, int64_t k, int64_t r0,
                    int64_t r1);
    /* y = x - m - log(sum) */
    void (*log_softmax)(const float *x, float *y, int64_t k, int64_t r0,
                        int64_t r1);
    /* y[r] = m + log(sum) */
    void (*logsumexp)(const float *x, float *y, int64_t k, int64_t r0,
                      int64_t r1);
    /* dx = y (dy - sum(dy y)), with y = softmax(x) */
    void (*softmax_dx)(const float *y, const float *dy, float *dx, int64_t k,
                       int64_t r0, int64_t r1);
    /* dx = dy - exp(y) sum(dy), with y = log_softmax(x) */
    void (*log_softmax_dx)(const float *y, const float *dy, float *dx,
                           int64_t k, int64_t r0, int64_t r1);
    /* loss[r] = logsumexp(x) - x[target], or sum(t (logsumexp(x) - x)). A
     * class out of range is counted; its loss and gradient are 0. */
    void (*xent)(const float *x, const void *target, int dtype, float *loss,
                 int64_t k, int64_t r0, int64_t r1, int64_t *faults);
    /* dx = dloss[r] (softmax(x) sum(t) - t) */
    void (*xent_dx)(const float *x, const void *target, int dtype,
                    const float *dloss, float *dx, int64_t k, int64_t r0,
                    int64_t r1);
} bp__softmax_fns;

#define BP__SOFTMAX_FNS                                                      \
    {                                                                        \
        .softmax = BP__K(softmax), .log_softmax = BP__K(log_softmax),        \
        .logsumexp = BP__K(logsumexp), .softmax_dx = BP__K(softmax_dx),      \
        .log_softmax_dx = BP__K(log_softmax_dx), .xent = BP__K(xent),        \
        .xent_dx = BP__K(xent_dx)                                            \
    }

#ifdef BP__LEVEL
void BP__K(softmax)(const float *x, float *y, int64_t k, int64_t r0,
                    int64_t r1);
void BP__K(log_softmax)(const float *x, float *y, int64_t k, int64_t r0,
                        int64_t r1);
void BP__K(logsumexp)(const float *x, float *y, int64_t k, int64_t r0,
                      int64_t r1);
void BP__K(softmax_dx)(const float *y, const float *dy, float *dx, int64_t k,
                       int64_t r0, int64_t r1);
void BP__K(log_softmax_dx)(const float *y, const float *dy, float *dx,
                           int64_t k, int64_t r0, int64_t r1);
void BP__K(xent)(const float *x, const void *target, int dtype, float *loss,
                 int64_t k, int64_t r0, int64_t r1, int64_t *faults);
void BP__K(xent_dx)(const float *x, const void *target, int dtype,
                    const float *dloss, float *dx, int64_t k, int64_t r0,
                    int64_t r1);
#endif

#endif
