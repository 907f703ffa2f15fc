/* Rows of a channels-last image with zeros beside them. Included by kernels
 * only. */
#ifndef BP__CPU_CONV_ROWS_H
#define BP__CPU_CONV_ROWS_H

#include "cpu/conv_plan.h"

#include <string.h>

typedef struct conv_lines {
    int64_t w, ch;      /* columns of the image, channels */
    int64_t col0, cols; /* columns to be had: from col0 < 0, or beyond w */
} conv_lines;

/* Rows r0..r1 of the image, one after the other. */
static inline void conv_fill(const conv_lines *p, const float *image,
                             int64_t r0, int64_t r1, float *out)
{
    const int64_t lo = BP__CONV_CLAMP(p->col0, 0, p->w),
                  hi = BP__CONV_CLAMP(p->col0 + p->cols, lo, p->w);
    const size_t left = (size_t)BP__CONV_CLAMP(lo - p->col0, 0, p->cols),
                 mid = (size_t)(hi - lo), right = (size_t)p->cols - left - mid;
    const size_t ch = (size_t)p->ch, pixel = ch * sizeof(float);
    for (int64_t r = r0; r < r1; r++) {
        memset(out, 0, left * pixel);
        out += left * ch;
        memcpy(out, image + (r * p->w + lo) * p->ch, mid * pixel);
        out += mid * ch;
        memset(out, 0, right * pixel);
        out += right * ch;
    }
}

#endif
