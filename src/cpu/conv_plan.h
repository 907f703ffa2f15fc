/* How a convolution is walked: functions of the shapes only, shared by
 * conv.c, which sizes the memory, and the kernels.
 *
 * fwd and dx are one walk: a destination image whose every pixel is a sum
 * over taps of a source image. In dx the destination falls into
 * stride_h x stride_w phases (rows and columns with the same remainder); each
 * is a dense convolution of dy with the taps that reach it, so zeros are
 * never inserted. fwd has one phase.
 *
 * The source is read through a buffer of rows that holds zeros where a tap
 * may lie beside the image; where none does, the image itself is read.
 */
#ifndef BP__CPU_CONV_PLAN_H
#define BP__CPU_CONV_PLAN_H

#include "cpu/conv.h"

/* Taps along one axis, of one phase. Tap q is number first + q*step of the
 * kernel and reads source index d*move + at + q*apart for the phase's
 * destination index d; apart > 0. `before`: taps of earlier phases. */
typedef struct bp__conv_taps {
    int64_t n, first, step, at, apart, before;
} bp__conv_taps;

typedef struct bp__conv_axis {
    int64_t src, dst, phases, move; /* sizes; move: source steps a pixel */
    int64_t kernel, stride, pad, dil;
    int64_t lo, hi; /* range of t*move + at + q*apart - t*move over phases */
} bp__conv_axis;

typedef struct bp__conv_plan {
    bool dx;                    /* the source is dy */
    bp__conv_axis y, x;         /* rows, columns */
    int64_t groups, src_c, dst_c; /* channels of a group */
    int64_t panels;             /* of 16 destination channels, of a group */
    bool copies;                /* through the buffer? */
    int64_t col0, cols;         /* columns that the buffer holds */
    int64_t band;               /* phase rows that share one buffer */
    int64_t buffer_rows;
} bp__conv_plan;

bp__conv_plan bp__conv_plan_of(const bp__conv *c, bool dx);
bp__conv_taps bp__conv_taps_of(const bp__conv_axis *a, bool dx, int64_t phase);
/* A convolution with a 1x1 kernel that moves pixel by pixel over samples
 * n0..n1 is one image of a single row. */
bp__conv bp__conv_flat(const bp__conv *c, int64_t n0, int64_t n1);
/* Kernel rows of one chain, of n rows with `terms` terms each. */
int64_t bp__conv_chain_rows(int64_t n, int64_t terms);

/* ---- the weight gradient ------------------------------------------------ */

enum { BP__CONV_DW_PARTS = 16 };

/* A chain runs over a block of dy: all of some samples, or some rows of one,
 * or a piece of one row. Chains are added in order into `parts` partial sums,
 * and those in a tree. A partial sum lies as [group][kh][kw][c][out_c] with
 * out_c = output channels of a group, rounded up to 16. Work is cut into
 * parts, and those into `splits` ranges of panels. */
typedef struct bp__conv_dw_plan {
    int64_t samples, rows, cols;             /* of a block */
    int64_t row_blocks, col_blocks, n_blocks; /* of an image; of all */
    int64_t parts, splits, in_c, out_c, panels;
    size_t part_floats;
    bool copies;                     /* x through a buffer? */
    int64_t col0, x_cols, x_rows;    /* x's columns, and rows of one sample */
} bp__conv_dw_plan;

bp__conv_dw_plan bp__conv_dw_plan_of(const bp__conv *c);

/* ---- Winograd ----------------------------------------------------------- */

/* Tiles that go together at most, floats between tiles in the transformed
 * source: functions of the source's channels. */
int64_t bp__conv_wino_tiles(int64_t channels);
int64_t bp__conv_wino_row(int64_t channels);
/* Floats between the 36 parts of a panel of packed weights: an odd number of
 * cache lines, so that they do not all fall into one set. */
int64_t bp__conv_wino_apart(int64_t channels);

#define BP__CONV_CLAMP(x, lo, hi) \
    ((x) < (lo) ? (lo) : (x) > (hi) ? (hi) : (x))

static inline int64_t bp__conv_ceil(int64_t a, int64_t b) /* a >= 0 */
{
    return (a + b - 1) / b;
}

#endif
