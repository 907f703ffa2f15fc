/* Attribute structs of the ops, shared by their rows, the kernels and the
 * lowering. Zero-initialise before filling: padding is not compared, but
 * unused entries of a bp__dims are expected to be 0. */
#ifndef BP__OP_ATTRS_H
#define BP__OP_ATTRS_H

#include "ir/ir.h"

typedef struct bp__iota_attrs { /* value = index along axis */
    int32_t dtype;
    bp__dims dims;
    int64_t axis;
} bp__iota_attrs;

typedef struct bp__cast_attrs {
    int32_t dtype;
} bp__cast_attrs;

typedef struct bp__axes_attrs { /* sum, amax, amin, mean: sorted, 0..rank-1 */
    bp__dims axes;
    bool keep;                  /* reduced axes stay, with size 1 */
} bp__axes_attrs;

typedef struct bp__axis_attrs { /* argmax, argmin (axis is removed), softmax,
    log_softmax, logsumexp (axis is kept with size 1 where keep), concat */
    int64_t axis;
    bool keep;
} bp__axis_attrs;

typedef struct bp__dims_attrs { /* reshape, broadcast: new dims; permute: axes
    (out axis i is in axis d[i]); flip: axes */
    bp__dims dims;
} bp__dims_attrs;

typedef struct bp__slice_attrs { /* out[i] = in[start + i*step], to stop */
    bp__dims start, stop, step;  /* one entry an axis; step >= 1 */
} bp__slice_attrs;

typedef struct bp__pad_attrs { /* zeros: lo before, hi after, step-1 between */
    bp__dims lo, hi, step;     /* >= 0, >= 0, >= 1 */
} bp__pad_attrs;

typedef struct bp__gather_attrs { /* out = in with `axis` replaced by the
    index's dims (NumPy's take) */
    int64_t axis;
} bp__gather_attrs;

typedef struct bp__scatter_attrs { /* transpose of gather; size: of the axis */
    int64_t axis, size;
} bp__scatter_attrs;

typedef struct bp__matmul_attrs {
    bool ta, tb; /* transpose the last two axes */
} bp__matmul_attrs;

/* Convolution is cross-correlation, as everywhere in this field. x is
 * [N,C,H,W], w is [O,C/groups,KH,KW], y is [N,O,OH,OW]. */
typedef struct bp__conv_attrs {
    int64_t stride_h, stride_w;
    int64_t pad_top, pad_bottom, pad_left, pad_right;
    int64_t dil_h, dil_w;
    int64_t groups;
    /* conv2d_dx (dy, w -> dx): H and W of dx. conv2d_dw (x, dy -> dw): KH and
     * KW. 0, 0 for conv2d itself. */
    int64_t size_h, size_w;
} bp__conv_attrs;

typedef struct bp__pool_attrs {
    int64_t k_h, k_w, stride_h, stride_w;
    int64_t pad_top, pad_bottom, pad_left, pad_right;
    /* avg_pool2d_dx, pool_scatter: H and W of the result. */
    int64_t size_h, size_w;
    bool count_pad; /* average over the whole window (PyTorch's default) */
} bp__pool_attrs;

/* uniform [0,1), normal (0,1), bernoulli (1 with probability p, as bool): the
 * input is a key, i32[4] = {seed low, seed high, step low, step high}; element
 * i is f(key, stream, i), i counted over the whole batch where `varying`. */
typedef struct bp__random_attrs {
    int32_t dtype;
    bp__dims dims;
    int64_t stream;
    double p;
    bool varying;
    int64_t base; /* index of the first element: set when shards are placed */
} bp__random_attrs;

typedef struct bp__one_hot_attrs {
    int64_t depth;
    int32_t dtype;
} bp__one_hot_attrs;

typedef struct bp__scalar_attrs { /* leaky_relu: slope */
    double value;
} bp__scalar_attrs;

typedef struct bp__alpha_attrs { /* elu, celu */
    double alpha;
} bp__alpha_attrs;

typedef struct bp__softplus_attrs {
    double beta, threshold; /* x itself where beta x > threshold */
} bp__softplus_attrs;

typedef struct bp__hard_tanh_attrs {
    double low, high;
} bp__hard_tanh_attrs;

typedef struct bp__dropout_attrs { /* p: probability of dropping */
    double p;
    int64_t stream;
} bp__dropout_attrs;

typedef struct bp__norm_attrs { /* batch_norm: eps. layer_norm: also the number
    of trailing axes that are normalised */
    double eps;
    int64_t n_axes;
} bp__norm_attrs;

#endif
