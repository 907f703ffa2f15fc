/* Activations: composites, one value at a time.
 *
 * A definition chooses by comparisons. Both branches of a choice run, and the
 * gradient of the one not taken is multiplied by 0: so what could overflow
 * there gets a harmless operand first. The gradient at a kink is PyTorch's.
 * A NaN fails every comparison and comes out of the branch that computes.
 */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

static bp_val scalar_like(bp_graph *g, bp_val x, double value)
{
    return bp_scalar(g, bp_val_dtype(g, x), value);
}

/* Same type as x. */
static bp_status like_x_infer(bp__infer *q)
{
    const bp__type *x = &q->in[0];
    if (bp__infer_dtype(q, 0, BP__D_F) != BP_OK)
        return q->status;
    bp__infer_set(q, 0, x->dtype, x->rank, x->dims);
    return BP_OK;
}

/* y = x > 0 ? x : slope x; the slope's side at 0 */
static void leaky_relu_define(const bp__define *d)
{
    const bp__scalar_attrs *a = d->attrs;
    bp_val x = d->in[0], zero = scalar_like(d->g, x, 0);
    bp_val up = bp_gt(d->g, x, zero);
    d->out[0] = bp_select(d->g, up, x, bp_mul_scalar(d->g, x, a->value));
}

bp_val bp_leaky_relu(bp_graph *g, bp_val x, double slope)
{
    bp__scalar_attrs a = {slope};
    return bp__emit1(g, BP__OP_leaky_relu, &a, 1, &x);
}

static const bp__attrdef leaky_relu_attrs[] = {
    BP__ATTR(bp__scalar_attrs, value, F64),
    BP__ATTR_END,
};
static const bp__scalar_attrs leaky_slope = {0.1}, leaky_steep = {-1.5};
static const bp__case leaky_relu_cases[] = {
    {&leaky_slope, 1, {BP__TF_AVOID(-2, 2, 0, 5, 7)}, true, NULL},
    {&leaky_steep, 1, {BP__TF_AVOID(-2, 2, 0, 3, 1, 2)}, false,
     "any slope will do"},
    {&leaky_slope, 1, {{.dtype = BP_F32, .rank = 0, .lo = -2, .hi = -1}},
     false, "a scalar"},
    {&leaky_slope, 1, {BP__TF_AVOID(-2, 2, 0, 2, 0)}, false, "nothing"},
};

const bp__opdef bp__op_leaky_relu = {
    .name = "leaky_relu",
    .sig = "(x:f[..]) {value} -> f[..]",
    .doc = "Positive elements as they are, others times a slope. "
           "y = x > 0 ? x : value x",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__COMPOSITE | BP__ELEMWISE,
    .attrs = leaky_relu_attrs, .attrs_bytes = sizeof(bp__scalar_attrs),
    .infer = like_x_infer, .define = leaky_relu_define,
    .rows = bp__rows_elemwise,
    .cases = leaky_relu_cases, .n_cases = BP__ARRAY_LEN(leaky_relu_cases),
};

/* y = x (0.5 + 0.5 erf(x / sqrt(2))) */
static void gelu_define(const bp__define *d)
{
    bp_graph *g = d->g;
    bp_val x = d->in[0];
    bp_val e = bp_erf(g, bp_mul_scalar(g, x, 0.70710678118654752440));
    bp_val phi = bp_add_scalar(g, bp_mul_scalar(g, e, 0.5), 0.5);
    d->out[0] = bp_mul(g, x, phi);
}

bp_val bp_gelu(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_gelu, NULL, 1, &x);
}

static const bp__case gelu_cases[] = {
    {NULL, 1, {BP__TF(-3, 3, 5, 7)}, true, NULL},
    {NULL, 1, {{.dtype = BP_F32, .rank = 0, .lo = -1, .hi = 1}}, false,
     "a scalar"},
    {NULL, 1, {BP__TF(-3, 3, 2, 0)}, false, "nothing"},
};

const bp__opdef bp__op_gelu = {
    .name = "gelu",
    .sig = "(x:f[..]) -> f[..]",
    .doc = "x times the normal distribution function of x. "
           "y = x (1 + erf(x / sqrt(2))) / 2",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__COMPOSITE | BP__ELEMWISE,
    .infer = like_x_infer, .define = gelu_define, .rows = bp__rows_elemwise,
    .cases = gelu_cases, .n_cases = BP__ARRAY_LEN(gelu_cases),
    .math = "y@ = x@ Φ(x@)",
    .slope = "Φ(x@) + x@ φ(x@)",
};

/* What the rows of this file share. */
#define ACTIVATION(op, formula)                                            \
    .name = #op, .doc = formula, .n_in = 1, .n_out = 1,                    \
    .diff = {BP__DIFF}, .flags = BP__COMPOSITE | BP__ELEMWISE,             \
    .infer = like_x_infer, .define = op##_define,                          \
    .rows = bp__rows_elemwise, .cases = op##_cases,                        \
    .n_cases = BP__ARRAY_LEN(op##_cases)

/* Cases of a row without attributes (NULL) or with one set of them, away from
 * n kinks. */
#define CASES(op, attrs, lo, hi, n, ...)                                   \
    static const bp__case op##_cases[] = {                                 \
        {attrs, 1, {{BP_F32, 2, {5, 7}, lo, hi, n, {__VA_ARGS__}, false}}, \
         true, NULL},                                                      \
        {attrs, 1, {{BP_F32, 3, {3, 1, 2}, lo, hi, n, {__VA_ARGS__},       \
                     false}}, false, NULL},                                \
        {attrs, 1, {{BP_F32, 0, {0}, lo, hi, n, {__VA_ARGS__}, false}},    \
         false, "a scalar"},                                               \
        {attrs, 1, {{BP_F32, 2, {2, 0}, lo, hi, 0, {0}, false}}, false,    \
         "nothing"},                                                       \
    }

/* ---- exponential units -------------------------------------------------- */

/* x > 0 ? x : alpha (exp(x / scale) - 1), the exponential of what is not
 * positive. */
static bp_val exponential_unit(bp_graph *g, bp_val x, double alpha,
                               double scale)
{
    bp_val zero = scalar_like(g, x, 0), up = bp_gt(g, x, zero);
    bp_val below = bp_select(g, up, zero, x);
    if (scale != 1)
        below = bp_mul_scalar(g, below, 1 / scale);
    bp_val tail = bp_add_scalar(g, bp_exp(g, below), -1);
    if (alpha != 1)
        tail = bp_mul_scalar(g, tail, alpha);
    return bp_select(g, up, x, tail);
}

static void elu_define(const bp__define *d)
{
    const bp__alpha_attrs *a = d->attrs;
    d->out[0] = exponential_unit(d->g, d->in[0], a->alpha, 1);
}

bp_val bp_elu(bp_graph *g, bp_val x, double alpha)
{
    bp__alpha_attrs a = {alpha};
    return bp__emit1(g, BP__OP_elu, &a, 1, &x);
}

static const bp__attrdef alpha_attrs[] = {
    BP__ATTR(bp__alpha_attrs, alpha, F64),
    BP__ATTR_END,
};
static const bp__alpha_attrs alpha_half = {0.5};
CASES(elu, &alpha_half, -3, 3, 1, 0);

const bp__opdef bp__op_elu = {
    ACTIVATION(elu, "Exponential linear unit (Clevert 2015, "
                    "arXiv:1511.07289). y = x > 0 ? x : alpha (exp(x) - 1)"),
    .sig = "(x:f[..]) {alpha} -> f[..]",
    .attrs = alpha_attrs, .attrs_bytes = sizeof(bp__alpha_attrs),
};

/* alpha and scale are the fixed point of mean 0 and variance 1. */
static void selu_define(const bp__define *d)
{
    bp_val y = exponential_unit(d->g, d->in[0], 1.6732632423543772848, 1);
    d->out[0] = bp_mul_scalar(d->g, y, 1.0507009873554804934);
}

bp_val bp_selu(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_selu, NULL, 1, &x);
}

CASES(selu, NULL, -3, 3, 1, 0);

const bp__opdef bp__op_selu = {
    ACTIVATION(selu, "Self-normalizing unit (Klambauer 2017, "
                     "arXiv:1706.02515). y = 1.0507 (x > 0 ? x : "
                     "1.6733 (exp(x) - 1))"),
    .sig = "(x:f[..]) -> f[..]",
    .math = "y@ = λ (max(x@, 0) + α (e^{min(x@, 0)} − 1))",
    .slope = "λ (1_{x@ > 0} + α e^{x@} 1_{x@ ≤ 0})",
};

static bp_status celu_infer(bp__infer *q)
{
    const bp__alpha_attrs *a = q->attrs;
    if (!(a->alpha > 0))
        return bp__infer_fail(q, BP_EARG, "alpha is %g: it must be above 0",
                              a->alpha);
    return like_x_infer(q);
}

static void celu_define(const bp__define *d)
{
    const bp__alpha_attrs *a = d->attrs;
    d->out[0] = exponential_unit(d->g, d->in[0], a->alpha, a->alpha);
}

bp_val bp_celu(bp_graph *g, bp_val x, double alpha)
{
    bp__alpha_attrs a = {alpha};
    return bp__emit1(g, BP__OP_celu, &a, 1, &x);
}

CASES(celu, &alpha_half, -3, 3, 1, 0);

const bp__opdef bp__op_celu = {
    .name = "celu", .sig = "(x:f[..]) {alpha} -> f[..]",
    .doc = "Exponential unit with slope 1 at 0 for every alpha (Barron 2017, "
           "arXiv:1704.07483). y = x > 0 ? x : alpha (exp(x / alpha) - 1)",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__COMPOSITE | BP__ELEMWISE,
    .attrs = alpha_attrs, .attrs_bytes = sizeof(bp__alpha_attrs),
    .infer = celu_infer, .define = celu_define, .rows = bp__rows_elemwise,
    .cases = celu_cases, .n_cases = BP__ARRAY_LEN(celu_cases),
};

/* ---- of the sigmoid and softplus ---------------------------------------- */

static void silu_define(const bp__define *d)
{
    bp_val s = bp_sigmoid(d->g, d->in[0]);
    d->out[0] = bp_mul(d->g, d->in[0], s);
}

bp_val bp_silu(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_silu, NULL, 1, &x);
}

CASES(silu, NULL, -4, 4, 0, 0);

const bp__opdef bp__op_silu = {
    ACTIVATION(silu, "Sigmoid-weighted unit, swish (Hendrycks 2016, "
                     "arXiv:1606.08415; Elfwing 2017, arXiv:1702.03118). "
                     "y = x / (1 + exp(-x))"),
    .sig = "(x:f[..]) -> f[..]",
    .math = "y@ = x@ σ(x@)",
    .slope = "σ(x@) + y@ (1 − σ(x@))",
};

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), where one comparison makes
 * both choices: see sigmoid_cross_entropy. */
static bp_val soft_plus(bp_graph *g, bp_val x)
{
    bp_val zero = scalar_like(g, x, 0), up = bp_ge(g, x, zero);
    bp_val most = bp_select(g, up, x, zero);
    bp_val away = bp_select(g, up, bp_neg(g, x), x);
    return bp_add(g, most, bp_log1p(g, bp_exp(g, away)));
}

static bp_status softplus_infer(bp__infer *q)
{
    const bp__softplus_attrs *a = q->attrs;
    if (!(a->beta > 0))
        return bp__infer_fail(q, BP_EARG, "beta is %g: it must be above 0",
                              a->beta);
    return like_x_infer(q);
}

static void softplus_define(const bp__define *d)
{
    const bp__softplus_attrs *a = d->attrs;
    bp_graph *g = d->g;
    bp_val x = d->in[0];
    bp_val scaled = a->beta == 1 ? x : bp_mul_scalar(g, x, a->beta);
    bp_val high = bp_gt(g, scaled, scalar_like(g, x, a->threshold));
    bp_val y = soft_plus(g, scaled);
    if (a->beta != 1)
        y = bp_mul_scalar(g, y, 1 / a->beta);
    d->out[0] = bp_select(g, high, x, y);
}

bp_val bp_softplus(bp_graph *g, bp_val x, double beta, double threshold)
{
    bp__softplus_attrs a = {beta, threshold};
    return bp__emit1(g, BP__OP_softplus, &a, 1, &x);
}

static const bp__attrdef softplus_attrs[] = {
    BP__ATTR(bp__softplus_attrs, beta, F64),
    BP__ATTR(bp__softplus_attrs, threshold, F64),
    BP__ATTR_END,
};
static const bp__softplus_attrs softplus_two = {2, 3};
CASES(softplus, &softplus_two, -3, 3, 2, 0, 1.5);

const bp__opdef bp__op_softplus = {
    .name = "softplus", .sig = "(x:f[..]) {beta, threshold} -> f[..]",
    .doc = "A smooth ramp (Dugas 2001); x itself where beta x > threshold. "
           "y = log(1 + exp(beta x)) / beta",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__COMPOSITE | BP__ELEMWISE,
    .attrs = softplus_attrs, .attrs_bytes = sizeof(bp__softplus_attrs),
    .infer = softplus_infer, .define = softplus_define,
    .rows = bp__rows_elemwise,
    .cases = softplus_cases, .n_cases = BP__ARRAY_LEN(softplus_cases),
};

static void mish_define(const bp__define *d)
{
    bp_val t = bp_tanh(d->g, soft_plus(d->g, d->in[0]));
    d->out[0] = bp_mul(d->g, d->in[0], t);
}

bp_val bp_mish(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_mish, NULL, 1, &x);
}

CASES(mish, NULL, -4, 4, 1, 0);

const bp__opdef bp__op_mish = {
    ACTIVATION(mish, "Misra 2019, arXiv:1908.08681. "
                     "y = x tanh(log(1 + exp(x)))"),
    .sig = "(x:f[..]) -> f[..]",
    .math = "y@ = x@ tanh(ln(1 + e^{x@}))",
    .slope = "tanh(s) + x@ σ(x@) (1 − tanh^2(s)), s = ln(1 + e^{x@})",
};

/* y = x / (1 + |x|) */
static void softsign_define(const bp__define *d)
{
    bp_val size = bp_add_scalar(d->g, bp_abs(d->g, d->in[0]), 1);
    d->out[0] = bp_div(d->g, d->in[0], size);
}

bp_val bp_softsign(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_softsign, NULL, 1, &x);
}

CASES(softsign, NULL, -4, 4, 1, 0);

const bp__opdef bp__op_softsign = {
    ACTIVATION(softsign, "A sigmoid with slow tails (Glorot 2010). "
                         "y = x / (1 + |x|)"),
    .sig = "(x:f[..]) -> f[..]",
    .math = "y@ = frac{x@}{1 + |x@|}",
    .slope = "frac{1}{(1 + |x@|)^2}",
};

/* ---- piecewise linear --------------------------------------------------- */

/* inside where low < x < high; a and b from there on: without a gradient. */
static bp_val between(bp_graph *g, bp_val x, double low, double high,
                      bp_val inside, double a, double b)
{
    bp_val over = bp_ge(g, x, scalar_like(g, x, high));
    bp_val under = bp_le(g, x, scalar_like(g, x, low));
    bp_val y = bp_select(g, over, scalar_like(g, x, b), inside);
    return bp_select(g, under, scalar_like(g, x, a), y);
}

static bp_val gate(bp_graph *g, bp_val x)
{
    bp_val ramp = bp_add_scalar(g, bp_mul_scalar(g, x, 1.0 / 6), 0.5);
    return between(g, x, -3, 3, ramp, 0, 1);
}

static void hard_sigmoid_define(const bp__define *d)
{
    d->out[0] = gate(d->g, d->in[0]);
}

bp_val bp_hard_sigmoid(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_hard_sigmoid, NULL, 1, &x);
}

CASES(hard_sigmoid, NULL, -5, 5, 2, -3, 3);

const bp__opdef bp__op_hard_sigmoid = {
    ACTIVATION(hard_sigmoid, "A sigmoid of three straight parts. "
                             "y = min(max(x / 6 + 1 / 2, 0), 1)"),
    .sig = "(x:f[..]) -> f[..]",
    .math = "y@ = min(max(frac{x@}{6} + frac{1}{2}, 0), 1)",
    .slope = "frac{1}{6} 1_{−3 < x@ < 3}",
};

static void hard_swish_define(const bp__define *d)
{
    d->out[0] = bp_mul(d->g, d->in[0], gate(d->g, d->in[0]));
}

bp_val bp_hard_swish(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_hard_swish, NULL, 1, &x);
}

CASES(hard_swish, NULL, -5, 5, 2, -3, 3);

const bp__opdef bp__op_hard_swish = {
    ACTIVATION(hard_swish, "x times its hard sigmoid (Howard 2019, "
                           "arXiv:1905.02244). "
                           "y = x min(max(x / 6 + 1 / 2, 0), 1)"),
    .sig = "(x:f[..]) -> f[..]",
    .math = "y@ = frac{x@}{6} min(max(x@ + 3, 0), 6)",
    .slope = "(frac{x@}{3} + frac{1}{2}) 1_{−3 < x@ < 3} + 1_{x@ ≥ 3}",
};

static bp_status hard_tanh_infer(bp__infer *q)
{
    const bp__hard_tanh_attrs *a = q->attrs;
    if (!(a->low < a->high))
        return bp__infer_fail(q, BP_EARG, "low %g must be below high %g",
                              a->low, a->high);
    return like_x_infer(q);
}

static void hard_tanh_define(const bp__define *d)
{
    const bp__hard_tanh_attrs *a = d->attrs;
    bp_val x = d->in[0];
    d->out[0] = between(d->g, x, a->low, a->high, x, a->low, a->high);
}

bp_val bp_hard_tanh(bp_graph *g, bp_val x, double low, double high)
{
    bp__hard_tanh_attrs a = {low, high};
    return bp__emit1(g, BP__OP_hard_tanh, &a, 1, &x);
}

static const bp__attrdef hard_tanh_attrs[] = {
    BP__ATTR(bp__hard_tanh_attrs, low, F64),
    BP__ATTR(bp__hard_tanh_attrs, high, F64),
    BP__ATTR_END,
};
static const bp__hard_tanh_attrs hard_tanh_uneven = {-1, 0.5};
CASES(hard_tanh, &hard_tanh_uneven, -2, 2, 2, -1, 0.5);

const bp__opdef bp__op_hard_tanh = {
    .name = "hard_tanh", .sig = "(x:f[..]) {low, high} -> f[..]",
    .doc = "x, cut off below and above (Collobert 2004). "
           "y = min(max(x, low), high)",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__COMPOSITE | BP__ELEMWISE,
    .attrs = hard_tanh_attrs, .attrs_bytes = sizeof(bp__hard_tanh_attrs),
    .infer = hard_tanh_infer, .define = hard_tanh_define,
    .rows = bp__rows_elemwise,
    .cases = hard_tanh_cases, .n_cases = BP__ARRAY_LEN(hard_tanh_cases),
};
