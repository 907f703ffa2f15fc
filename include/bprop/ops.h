/* Builders: one for each op. All are sticky: on an erroneous graph, or with
 * BP_NIL among the operands, they return BP_NIL.
 *
 * "broadcasts" means NumPy's rule: shapes are aligned at their last axis, and
 * an axis of size 1 (or none) is repeated. f: f32 or f64; all float operands
 * of a node have the same type. An axis may count from the end (-1: last).
 * doc/ops.md is generated from the op table and has every formula.
 */
#ifndef BPROP_OPS_H
#define BPROP_OPS_H

#include <bprop/bprop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- elementwise, one operand ---------------------------------------- */
bp_val bp_neg(bp_graph *g, bp_val x);
bp_val bp_abs(bp_graph *g, bp_val x);
bp_val bp_sign(bp_graph *g, bp_val x);
bp_val bp_floor(bp_graph *g, bp_val x);
bp_val bp_reciprocal(bp_graph *g, bp_val x);
bp_val bp_square(bp_graph *g, bp_val x);
bp_val bp_sqrt(bp_graph *g, bp_val x);
bp_val bp_exp(bp_graph *g, bp_val x);
bp_val bp_log(bp_graph *g, bp_val x);
bp_val bp_log1p(bp_graph *g, bp_val x);
bp_val bp_sin(bp_graph *g, bp_val x);
bp_val bp_cos(bp_graph *g, bp_val x);
bp_val bp_tanh(bp_graph *g, bp_val x);
bp_val bp_sigmoid(bp_graph *g, bp_val x);
bp_val bp_erf(bp_graph *g, bp_val x);
bp_val bp_relu(bp_graph *g, bp_val x);
bp_val bp_not(bp_graph *g, bp_val x);       /* bool */
bp_val bp_is_finite(bp_graph *g, bp_val x); /* f -> bool */
/* To another element type; to bool: x != 0; float to integer truncates and
 * saturates (NaN: 0). */
bp_val bp_cast(bp_graph *g, bp_val x, bp_dtype to);
bp_val bp_stop_gradient(bp_graph *g, bp_val x);
bp_val bp_leaky_relu(bp_graph *g, bp_val x, double slope);
bp_val bp_gelu(bp_graph *g, bp_val x); /* x * Phi(x), the erf form */
/* PyTorch's activations of these names; finite where the true value is, and
 * so are their gradients. */
bp_val bp_elu(bp_graph *g, bp_val x, double alpha);
bp_val bp_selu(bp_graph *g, bp_val x);
bp_val bp_celu(bp_graph *g, bp_val x, double alpha); /* alpha > 0 */
bp_val bp_silu(bp_graph *g, bp_val x); /* x * sigmoid(x): swish */
bp_val bp_mish(bp_graph *g, bp_val x);
/* log(1 + exp(beta x)) / beta, and x itself where beta x > threshold; beta
 * above 0. */
bp_val bp_softplus(bp_graph *g, bp_val x, double beta, double threshold);
bp_val bp_softsign(bp_graph *g, bp_val x);
bp_val bp_hard_sigmoid(bp_graph *g, bp_val x);
bp_val bp_hard_swish(bp_graph *g, bp_val x);
bp_val bp_hard_tanh(bp_graph *g, bp_val x, double low, double high);

/* ---- elementwise, two or three operands; they broadcast --------------- */
bp_val bp_add(bp_graph *g, bp_val a, bp_val b); /* f or i32 */
bp_val bp_sub(bp_graph *g, bp_val a, bp_val b); /* f or i32 */
bp_val bp_mul(bp_graph *g, bp_val a, bp_val b); /* f or i32 */
bp_val bp_div(bp_graph *g, bp_val a, bp_val b);
bp_val bp_pow(bp_graph *g, bp_val a, bp_val b); /* a > 0 */
bp_val bp_maximum(bp_graph *g, bp_val a, bp_val b);
bp_val bp_minimum(bp_graph *g, bp_val a, bp_val b);
bp_val bp_eq(bp_graph *g, bp_val a, bp_val b); /* -> bool */
bp_val bp_ne(bp_graph *g, bp_val a, bp_val b);
bp_val bp_lt(bp_graph *g, bp_val a, bp_val b);
bp_val bp_le(bp_graph *g, bp_val a, bp_val b);
bp_val bp_gt(bp_graph *g, bp_val a, bp_val b);
bp_val bp_ge(bp_graph *g, bp_val a, bp_val b);
bp_val bp_and(bp_graph *g, bp_val a, bp_val b); /* bool */
bp_val bp_or(bp_graph *g, bp_val a, bp_val b);
/* where cond (bool): a, elsewhere b; all three broadcast. */
bp_val bp_select(bp_graph *g, bp_val cond, bp_val a, bp_val b);
/* x with a Python-like scalar of x's type. */
bp_val bp_add_scalar(bp_graph *g, bp_val x, double s);
bp_val bp_mul_scalar(bp_graph *g, bp_val x, double s);

/* ---- reductions -------------------------------------------------------
 * axes NULL and n 0: all axes. keep: reduced axes stay with size 1.
 * These are local to a shard; bp_mean and the losses are not. */
bp_val bp_sum(bp_graph *g, bp_val x, int n, const int64_t *axes, bool keep);
bp_val bp_amax(bp_graph *g, bp_val x, int n, const int64_t *axes, bool keep);
bp_val bp_amin(bp_graph *g, bp_val x, int n, const int64_t *axes, bool keep);
bp_val bp_argmax(bp_graph *g, bp_val x, int64_t axis); /* -> i32, first one */
bp_val bp_argmin(bp_graph *g, bp_val x, int64_t axis);
/* Over the whole batch where x varies and axis 0 is among the axes: then the
 * result is replicated. */
bp_val bp_mean(bp_graph *g, bp_val x, int n, const int64_t *axes, bool keep);
bp_val bp_logsumexp(bp_graph *g, bp_val x, int64_t axis, bool keep);

/* ---- shape ------------------------------------------------------------ */
/* One entry of dims may be -1: what remains. */
bp_val bp_reshape(bp_graph *g, bp_val x, int rank, const int64_t *dims);
/* Output axis i is input axis axes[i]. */
bp_val bp_permute(bp_graph *g, bp_val x, const int64_t *axes);
bp_val bp_broadcast(bp_graph *g, bp_val x, int rank, const int64_t *dims);
/* start, stop, step: one entry an axis; step NULL: all 1. */
bp_val bp_slice(bp_graph *g, bp_val x, const int64_t *start,
                const int64_t *stop, const int64_t *step);
/* Zeros around (lo, hi) and step-1 of them between; step NULL: all 1. */
bp_val bp_pad(bp_graph *g, bp_val x, const int64_t *lo, const int64_t *hi,
              const int64_t *step);
bp_val bp_concat(bp_graph *g, int n, const bp_val *x, int64_t axis);
bp_val bp_flip(bp_graph *g, bp_val x, int n, const int64_t *axes);
/* index (i32) of any shape; NumPy's take along axis. An index out of range
 * fails the run with BP_ERANGE. */
bp_val bp_gather(bp_graph *g, bp_val x, bp_val index, int64_t axis);
/* Sums x's slices into zeros of `size` along axis. */
bp_val bp_scatter_add(bp_graph *g, bp_val x, bp_val index, int64_t axis,
                      int64_t size);
bp_val bp_iota(bp_graph *g, bp_dtype dtype, int rank, const int64_t *dims,
               int64_t axis);
bp_val bp_one_hot(bp_graph *g, bp_val index, int64_t depth, bp_dtype dtype);

/* ---- products ---------------------------------------------------------- */
/* [..,M,K] x [..,K,N] -> [..,M,N]; leading axes broadcast; ta, tb transpose
 * the last two axes of an operand. */
bp_val bp_matmul(bp_graph *g, bp_val a, bp_val b, bool ta, bool tb);

typedef struct bp_conv2d_options {
    int64_t stride[2];   /* {0, 0} stands for {1, 1} */
    int64_t padding[4];  /* top, bottom, left, right */
    int64_t dilation[2]; /* {0, 0} stands for {1, 1} */
    int64_t groups;      /* 0 stands for 1 */
} bp_conv2d_options;
/* x [N,C,H,W], w [O,C/groups,KH,KW] -> [N,O,OH,OW]; options NULL: defaults. */
bp_val bp_conv2d(bp_graph *g, bp_val x, bp_val w, const bp_conv2d_options *o);
/* Its transposes. dy [N,O,OH,OW], w -> [N,C,height,width]: a transposed
 * convolution. x, dy -> [O,C/groups,height,width], summed over N. */
bp_val bp_conv2d_dx(bp_graph *g, bp_val dy, bp_val w, int64_t height,
                    int64_t width, const bp_conv2d_options *o);
bp_val bp_conv2d_dw(bp_graph *g, bp_val x, bp_val dy, int64_t height,
                    int64_t width, const bp_conv2d_options *o);

typedef struct bp_pool2d_options {
    int64_t kernel[2];
    int64_t stride[2];  /* {0, 0}: the kernel's size */
    int64_t padding[4]; /* top, bottom, left, right */
    bool exclude_padding; /* averages count real elements only */
} bp_pool2d_options;
/* x [N,C,H,W] -> [N,C,OH,OW]. Each padding must be smaller than the kernel, so
 * that every window holds an element; padding never wins, a NaN always does.
 * bp_max_pool2d_index gives i32[N,C,OH,OW]: the place h*W + w, within its
 * plane, of each window's first largest element. */
bp_val bp_max_pool2d(bp_graph *g, bp_val x, const bp_pool2d_options *o);
bp_val bp_max_pool2d_index(bp_graph *g, bp_val x, const bp_pool2d_options *o);
bp_val bp_avg_pool2d(bp_graph *g, bp_val x, const bp_pool2d_options *o);
/* Adds dy to zeros [N,C,height,width] at the places of index (as above); the
 * transpose picks them out of x. A place out of range fails the run with
 * BP_ERANGE. */
bp_val bp_pool_scatter(bp_graph *g, bp_val dy, bp_val index, int64_t height,
                       int64_t width);
bp_val bp_pool_gather(bp_graph *g, bp_val x, bp_val index);
/* The transpose of the average: each element's share of dy. */
bp_val bp_avg_pool2d_dx(bp_graph *g, bp_val dy, int64_t height, int64_t width,
                        const bp_pool2d_options *o);

/* ---- random numbers ----------------------------------------------------
 * key: i32[4] {seed low, seed high, step, word of the step's name}. Element i
 * of stream s is a function of (key, s, i) alone; with `varying`, i counts over
 * the whole batch. */
bp_val bp_uniform(bp_graph *g, bp_val key, bp_dtype dtype, int rank,
                  const int64_t *dims, int64_t stream, bool varying);
bp_val bp_normal(bp_graph *g, bp_val key, bp_dtype dtype, int rank,
                 const int64_t *dims, int64_t stream, bool varying);
bp_val bp_bernoulli(bp_graph *g, bp_val key, double p, int rank,
                    const int64_t *dims, int64_t stream, bool varying);
/* 0 with probability p, else x / (1 - p). */
bp_val bp_dropout(bp_graph *g, bp_val x, bp_val key, double p,
                  int64_t stream);

/* ---- shards -------------------------------------------------------------*/
bp_val bp_psum(bp_graph *g, bp_val x);   /* varying -> replicated sum */
bp_val bp_spread(bp_graph *g, bp_val x); /* replicated -> varying */

/* ---- probabilities, losses, norms -------------------------------------- */
bp_val bp_softmax(bp_graph *g, bp_val x, int64_t axis);
bp_val bp_log_softmax(bp_graph *g, bp_val x, int64_t axis);
/* Along the last axis, one loss for each row: logits f[..,K] with target
 * i32[..] or u8[..] (class index) or f[..,K] (distribution) -> f[..]. */
bp_val bp_softmax_cross_entropy(bp_graph *g, bp_val logits, bp_val target);
/* Elementwise; target any real number. */
bp_val bp_sigmoid_cross_entropy(bp_graph *g, bp_val logits, bp_val target);
/* x [N,C,...]; gamma, beta [C]. Statistics over all axes but 1, of the whole
 * batch. mean and var (biased), [C] and replicated where x varies, may be
 * NULL. */
bp_val bp_batch_norm(bp_graph *g, bp_val x, bp_val gamma, bp_val beta,
                     double eps, bp_val *mean, bp_val *var);
/* Over the last n_axes axes; gamma, beta have those dims. */
bp_val bp_layer_norm(bp_graph *g, bp_val x, bp_val gamma, bp_val beta,
                     int n_axes, double eps);

#ifdef __cplusplus
}
#endif
#endif
