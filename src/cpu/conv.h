/* Convolution 2-d and its two transposes, f32, on channels-last memory.
 *
 *   y[n,i,j,o] = sum over a,b,q of x[n, i*stride_h + a*dil_h - pad_top,
 *                j*stride_w + b*dil_w - pad_left, q] * w[o,q,a,b]
 *
 * x is stored [n,h,w,c], y and dy [n,oh,ow,o], dense; weights and their
 * gradient in PyTorch's layout [o, c/groups, kh, kw]. Padding at the bottom
 * and at the right is what oh and ow imply.
 *
 * Sums. Every element is one chain of fused multiply-adds (or a few, cut
 * where the shapes say so, and added in order):
 *   fwd: taps (a, b), then channels, ascending
 *   dx:  taps by ascending place in dy, then output channels, ascending
 *   dw:  samples, rows, columns of dy, ascending, in groups of samples; the
 *        groups are added in a fixed tree
 * A tap row (a) that lies outside the image is left out; in a row that lies
 * inside, a tap outside multiplies an exact zero. So a weight that is not
 * finite spoils the same elements everywhere.
 *
 * All calls are independent of each other within one of the steps
 * pack -> fwd, pack -> dx, dw_unit -> dw_combine, and write disjoint memory;
 * bits depend on shapes and data only: not on the level, on ranges or on
 * threads.
 */
#ifndef BP__CPU_CONV_H
#define BP__CPU_CONV_H

#include "cpu/gemm.h"

typedef struct bp__conv {
    int64_t n, c, h, w;
    int64_t o, kh, kw, oh, ow;
    int64_t stride_h, stride_w, pad_top, pad_left, dil_h, dil_w, groups;
    const float *x;      /* read by fwd, dw */
    const float *dy;     /* read by dx, dw */
    const float *packed; /* weights, packed for the very kernel */
    const float *bias;   /* [o] or NULL: fwd only */
    int act;             /* BP__ACT_...: fwd only */
    float *out;          /* y, dx, or dw */
    float *partials;     /* dw: partial sums */
} bp__conv;

/* ---- conv.c: functions of the shapes only --------------------------------
 * Floats are SIZE_MAX on overflow. Scratch: one for each thread, 64-byte
 * aligned. Packed weights are replicated values: packed once a step, in
 * `units` that any threads may do. */

size_t bp__conv_fwd_packed_floats(const bp__conv *c);
int64_t bp__conv_fwd_pack_units(const bp__conv *c);
size_t bp__conv_fwd_scratch_floats(const bp__conv *c);

size_t bp__conv_dx_packed_floats(const bp__conv *c);
int64_t bp__conv_dx_pack_units(const bp__conv *c);
size_t bp__conv_dx_scratch_floats(const bp__conv *c);

/* The weight gradient: units first, then combine units; a barrier between. */
size_t bp__conv_dw_partial_floats(const bp__conv *c);
int64_t bp__conv_dw_units(const bp__conv *c);
int64_t bp__conv_dw_combine_units(const bp__conv *c);
size_t bp__conv_dw_scratch_floats(const bp__conv *c);

/* Winograd's F(4x4,3x3): may it be used, for this shape, in place of fwd (of
 * dx)? Its bits are the same at every level too, but not the direct kernel's:
 * the error of an element is at most 64 * 2^-24 times the largest sum of
 * |x w| in the image, as tested; its root mean square was 1e-6 (16 channels)
 * to 4e-6 (256) of that of y. A value that is not finite spoils its tile. */
bool bp__conv_wino_fwd_fits(const bp__conv *c);
size_t bp__conv_wino_fwd_packed_floats(const bp__conv *c);
int64_t bp__conv_wino_fwd_pack_units(const bp__conv *c);
size_t bp__conv_wino_fwd_scratch_floats(const bp__conv *c);
bool bp__conv_wino_dx_fits(const bp__conv *c);
size_t bp__conv_wino_dx_packed_floats(const bp__conv *c);
int64_t bp__conv_wino_dx_pack_units(const bp__conv *c);
size_t bp__conv_wino_dx_scratch_floats(const bp__conv *c);

/* ---- one table a level ------------------------------------------------- */

typedef void bp__conv_pack_fn(const bp__conv *c, const float *weights,
                              int64_t unit0, int64_t unit1, float *packed);
/* Samples n0 <= n < n1 of the output. */
typedef void bp__conv_fn(const bp__conv *c, int64_t n0, int64_t n1,
                         float *scratch);

typedef struct bp__conv_fns {
    bp__conv_pack_fn *fwd_pack;
    bp__conv_fn *fwd;
    bp__conv_pack_fn *dx_pack;
    bp__conv_fn *dx;
    /* Writes its own part of c->partials. */
    void (*dw_unit)(const bp__conv *c, int64_t unit, float *scratch);
    /* Adds the partial sums, writes its own part of c->out. */
    void (*dw_combine)(const bp__conv *c, int64_t unit0, int64_t unit1);
    bp__conv_pack_fn *wino_fwd_pack;
    bp__conv_fn *wino_fwd;
    bp__conv_pack_fn *wino_dx_pack;
    bp__conv_fn *wino_dx;
} bp__conv_fns;

#ifdef BP__K /* within a level's kernels */
bp__conv_pack_fn BP__K(conv_fwd_pack), BP__K(conv_dx_pack),
    BP__K(conv_wino_fwd_pack), BP__K(conv_wino_dx_pack);
bp__conv_fn BP__K(conv_fwd), BP__K(conv_dx), BP__K(conv_wino_fwd),
    BP__K(conv_wino_dx);
void BP__K(conv_dw_unit)(const bp__conv *c, int64_t unit, float *scratch);
void BP__K(conv_dw_combine)(const bp__conv *c, int64_t unit0, int64_t unit1);
#define BP__CONV_FNS                                                      \
    {                                                                     \
        .fwd_pack = BP__K(conv_fwd_pack), .fwd = BP__K(conv_fwd),         \
        .dx_pack = BP__K(conv_dx_pack), .dx = BP__K(conv_dx),             \
        .dw_unit = BP__K(conv_dw_unit),                                   \
        .dw_combine = BP__K(conv_dw_combine),                             \
        .wino_fwd_pack = BP__K(conv_wino_fwd_pack),                       \
        .wino_fwd = BP__K(conv_wino_fwd),                                 \
        .wino_dx_pack = BP__K(conv_wino_dx_pack),                         \
        .wino_dx = BP__K(conv_wino_dx)                                    \
    }

#endif

#endif
