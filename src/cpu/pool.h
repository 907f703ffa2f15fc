/* Pooling on channels-last memory, f32, and reorders between the two physical
 * layouts. Sixteen channels at a time; a range of samples a call; samples are
 * independent of each other, so that any range gives the same bits.
 *
 * Max pooling: the first of equal maxima wins, the first NaN before all; the
 * place in the plane, h * w_size + w, goes to `index`. Padding never wins.
 * Averages: taps added in order, then divided.
 */
#ifndef BP__CPU_POOL_H
#define BP__CPU_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bp__pool2d {
    int64_t c, h, w, oh, ow; /* x: [n,h,w,c], y and index: [n,oh,ow,c] */
    int64_t k_h, k_w, stride_h, stride_w, pad_top, pad_left;
    bool count_pad;  /* averages divide by the whole window */
    bool relu;       /* max: of relu(x) */
} bp__pool2d;

typedef struct bp__pool_fns {
    void (*max)(const bp__pool2d *p, const float *x, float *y, int32_t *index,
                int64_t n0, int64_t n1);
    /* dx[index] += dy. With k_h > 0 every index lies in its own window. */
    void (*scatter)(const bp__pool2d *p, const float *dy,
                    const int32_t *index, float *dx, int64_t n0, int64_t n1,
                    int64_t *faults);
    void (*avg)(const bp__pool2d *p, const float *x, float *y, int64_t n0,
                int64_t n1);
    void (*avg_dx)(const bp__pool2d *p, const float *dy, float *dx,
                   int64_t n0, int64_t n1);
    /* [n,rows,cols] -> [n,cols,rows]: to channels last with rows = channels,
     * and back with rows = pixels. */
    void (*transpose)(const float *x, float *y, int64_t rows, int64_t cols,
                      int64_t n0, int64_t n1);
} bp__pool_fns;

#define BP__POOL_FNS                                                   \
    {                                                                  \
        .max = BP__K(pool_max), .scatter = BP__K(pool_scatter),        \
        .avg = BP__K(pool_avg), .avg_dx = BP__K(pool_avg_dx),          \
        .transpose = BP__K(pool_transpose)                             \
    }

#ifdef BP__LEVEL
void BP__K(pool_max)(const bp__pool2d *p, const float *x, float *y,
                     int32_t *index, int64_t n0, int64_t n1);
void BP__K(pool_scatter)(const bp__pool2d *p, const float *dy,
                         const int32_t *index, float *dx, int64_t n0,
                         int64_t n1, int64_t *faults);
void BP__K(pool_avg)(const bp__pool2d *p, const float *x, float *y,
                     int64_t n0, int64_t n1);
void BP__K(pool_avg_dx)(const bp__pool2d *p, const float *dy, float *dx,
                        int64_t n0, int64_t n1);
void BP__K(pool_transpose)(const float *x, float *y, int64_t rows,
                           int64_t cols, int64_t n0, int64_t n1);
#endif

#endif
