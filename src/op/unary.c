/* Elementwise ops with one operand. Floats only, but for `not`, `cast` and
 * `stop_gradient`. The kernels are in unary.inc. */
#include "base/math.h"
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

#include <math.h>

#define REAL float
#define R(op) op##_ref_f32
#define M(name) bp__##name##f
#define C(name) name##f
#include "op/unary.inc"
#undef REAL
#undef R
#undef M
#undef C
#define REAL double
#define R(op) op##_ref_f64
#define M(name) bp__##name
#define C(name) name
#include "op/unary.inc"

static bp_status infer_unary_float(bp__infer *q)
{
    bp_status s = bp__infer_dtype(q, 0, BP__D_F);
    return s != BP_OK ? s : bp__infer_elemwise(q, BP__D_F);
}

static bp_status infer_unary_any(bp__infer *q)
{
    return bp__infer_elemwise(q, BP__D_ANY);
}

/* ---- cases ---- */

/* Shapes [3,4], [7] and [] over [lo, hi], away from n points (0 or 1). */
#define UNARY_CASES_AT(op, lo, hi, n, point)                                \
    static const bp__case op##_cases[] = {                                  \
        {NULL, 1, {{BP_F32, 2, {3, 4}, lo, hi, n, {point}, false}}, false,  \
         NULL},                                                             \
        {NULL, 1, {{BP_F32, 1, {7}, lo, hi, n, {point}, false}}, false,     \
         NULL},                                                             \
        {NULL, 1, {{BP_F32, 0, {0}, lo, hi, n, {point}, false}}, false,     \
         "scalar"},                                                         \
        {NULL, 1, {{BP_F32, 2, {3, 4}, lo, hi, n, {point}, false}}, true,   \
         "varying"},                                                        \
    }
#define UNARY_CASES(op, lo, hi) UNARY_CASES_AT(op, lo, hi, 0, 0)
#define UNARY_CASES_AVOID(op, lo, hi, point) \
    UNARY_CASES_AT(op, lo, hi, 1, point)

/* ---- rows ---- */

/* The kernel for the operand's type, and the builder. */
#define UNARY(op)                                    \
    static void op##_ref(const bp__kargs *k)         \
    {                                                \
        if (k->in[0].type.dtype == BP_F32)           \
            op##_ref_f32(k);                         \
        else                                         \
            op##_ref_f64(k);                         \
    }                                                \
    bp_val bp_##op(bp_graph *g, bp_val x)            \
    {                                                \
        return bp__emit1(g, BP__OP_##op, NULL, 1, &x); \
    }

#define UNARY_ROW(op, formula)                                       \
    .name = #op, .sig = "(x:f[..]) -> f[..]", .doc = formula,        \
    .n_in = 1, .n_out = 1, .infer = infer_unary_float, .ref = op##_ref, \
    .cases = op##_cases, .n_cases = BP__ARRAY_LEN(op##_cases)

enum { IN_PLACE = BP__ELEMWISE | BP__ALIAS_IN0 };

UNARY(neg)
UNARY_CASES(neg, -2, 2);

/* dx = -dy */
static void neg_vjp(const bp__vjp *v)
{
    v->dx[0] = bp_neg(v->g, v->dy[0]);
}

const bp__opdef bp__op_neg = {
    UNARY_ROW(neg, "Negation: y = -x."),
    .diff = {BP__DIFF}, .vjp = neg_vjp, .flags = IN_PLACE | BP__LINEAR,
};

UNARY(abs)
UNARY_CASES_AVOID(abs, -2, 2, 0);

/* dx = dy * sign(x): 0 at x = 0 */
static void abs_vjp(const bp__vjp *v)
{
    v->dx[0] = bp_mul(v->g, v->dy[0], bp_sign(v->g, v->in[0]));
}

const bp__opdef bp__op_abs = {
    UNARY_ROW(abs, "Absolute value: y = |x|; its gradient at 0 is 0."),
    .diff = {BP__DIFF}, .vjp = abs_vjp, .flags = IN_PLACE,
};

UNARY(sign)
UNARY_CASES_AVOID(sign, -2, 2, 0);

const bp__opdef bp__op_sign = {
    UNARY_ROW(sign, "Sign: y = 1 if x > 0, -1 if x < 0, else x."),
    .diff = {BP__NONDIFF}, .flags = IN_PLACE,
};

UNARY(floor)
UNARY_CASES(floor, -1.9, 1.9);

const bp__opdef bp__op_floor = {
    UNARY_ROW(floor, "Floor: y = the largest whole number <= x."),
    .diff = {BP__NONDIFF}, .flags = IN_PLACE,
};

UNARY(reciprocal)
UNARY_CASES(reciprocal, 0.5, 3);

/* dx = -dy * y^2 */
static void reciprocal_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp_val y2 = bp_square(g, v->out[0]);
    v->dx[0] = bp_neg(g, bp_mul(g, v->dy[0], y2));
}

const bp__opdef bp__op_reciprocal = {
    UNARY_ROW(reciprocal, "Reciprocal: y = 1 / x."),
    .diff = {BP__DIFF}, .vjp = reciprocal_vjp, .flags = IN_PLACE,
};

UNARY(square)
UNARY_CASES(square, -2, 2);

/* dx = 2 dy * x */
static void square_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    v->dx[0] = bp_mul(g, bp_mul_scalar(g, v->dy[0], 2), v->in[0]);
}

const bp__opdef bp__op_square = {
    UNARY_ROW(square, "Square: y = x * x."),
    .diff = {BP__DIFF}, .vjp = square_vjp, .flags = IN_PLACE,
};

UNARY(sqrt)
UNARY_CASES(sqrt, 0.3, 3);

/* dx = dy / (2 y) */
static void sqrt_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    v->dx[0] = bp_div(g, bp_mul_scalar(g, v->dy[0], 0.5), v->out[0]);
}

const bp__opdef bp__op_sqrt = {
    UNARY_ROW(sqrt, "Square root: y = x^(1/2); NaN for x < 0."),
    .diff = {BP__DIFF}, .vjp = sqrt_vjp, .flags = IN_PLACE,
};

UNARY(exp)
UNARY_CASES(exp, -2, 2);

/* dx = dy * y */
static void exp_vjp(const bp__vjp *v)
{
    v->dx[0] = bp_mul(v->g, v->dy[0], v->out[0]);
}

const bp__opdef bp__op_exp = {
    UNARY_ROW(exp, "Exponential: y = e^x."),
    .diff = {BP__DIFF}, .vjp = exp_vjp, .flags = IN_PLACE,
};

UNARY(log)
UNARY_CASES(log, 0.3, 3);

/* dx = dy / x */
static void log_vjp(const bp__vjp *v)
{
    v->dx[0] = bp_div(v->g, v->dy[0], v->in[0]);
}

const bp__opdef bp__op_log = {
    UNARY_ROW(log, "Natural logarithm: y = log x."),
    .diff = {BP__DIFF}, .vjp = log_vjp, .flags = IN_PLACE,
};

UNARY(log1p)
UNARY_CASES(log1p, -0.6, 2);

/* dx = dy / (1 + x) */
static void log1p_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    v->dx[0] = bp_div(g, v->dy[0], bp_add_scalar(g, v->in[0], 1));
}

const bp__opdef bp__op_log1p = {
    UNARY_ROW(log1p, "Logarithm of one more, exact near 0: y = log(1 + x)."),
    .diff = {BP__DIFF}, .vjp = log1p_vjp, .flags = IN_PLACE,
};

UNARY(sin)
UNARY_CASES(sin, -4, 4);

/* dx = dy * cos(x) */
static void sin_vjp(const bp__vjp *v)
{
    v->dx[0] = bp_mul(v->g, v->dy[0], bp_cos(v->g, v->in[0]));
}

const bp__opdef bp__op_sin = {
    UNARY_ROW(sin, "Sine: y = sin x, x in radians."),
    .diff = {BP__DIFF}, .vjp = sin_vjp, .flags = IN_PLACE,
};

UNARY(cos)
UNARY_CASES(cos, -4, 4);

/* dx = -dy * sin(x) */
static void cos_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    v->dx[0] = bp_neg(g, bp_mul(g, v->dy[0], bp_sin(g, v->in[0])));
}

const bp__opdef bp__op_cos = {
    UNARY_ROW(cos, "Cosine: y = cos x, x in radians."),
    .diff = {BP__DIFF}, .vjp = cos_vjp, .flags = IN_PLACE,
};

UNARY(tanh)
UNARY_CASES(tanh, -2, 2);

/* dx = dy * (1 - y^2) */
static void tanh_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp_val y2 = bp_square(g, v->out[0]);
    bp_val one = bp_scalar(g, bp_val_dtype(g, y2), 1);
    v->dx[0] = bp_mul(g, v->dy[0], bp_sub(g, one, y2));
}

const bp__opdef bp__op_tanh = {
    UNARY_ROW(tanh, "Hyperbolic tangent: y = (e^x - e^-x) / (e^x + e^-x)."),
    .diff = {BP__DIFF}, .vjp = tanh_vjp, .flags = IN_PLACE,
};

UNARY(sigmoid)
UNARY_CASES(sigmoid, -3, 3);

/* dx = dy * y * (1 - y) */
static void sigmoid_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp_val y = v->out[0];
    bp_val one = bp_scalar(g, bp_val_dtype(g, y), 1);
    bp_val slope = bp_mul(g, y, bp_sub(g, one, y));
    v->dx[0] = bp_mul(g, v->dy[0], slope);
}

const bp__opdef bp__op_sigmoid = {
    UNARY_ROW(sigmoid, "Logistic sigmoid: y = 1 / (1 + e^-x)."),
    .diff = {BP__DIFF}, .vjp = sigmoid_vjp, .flags = IN_PLACE,
};

UNARY(erf)
UNARY_CASES(erf, -2, 2);

/* dx = dy * 2 / sqrt(pi) * exp(-x^2) */
static void erf_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp_val bell = bp_exp(g, bp_neg(g, bp_square(g, v->in[0])));
    bp_val slope = bp_mul_scalar(g, bell, 1.1283791670955126);
    v->dx[0] = bp_mul(g, v->dy[0], slope);
}

const bp__opdef bp__op_erf = {
    UNARY_ROW(erf, "Error function: y = 2 / sqrt(pi) times the integral of "
                   "e^(-t^2) for t from 0 to x."),
    .diff = {BP__DIFF}, .vjp = erf_vjp, .flags = IN_PLACE,
};

UNARY(relu)
UNARY_CASES_AVOID(relu, -2, 2, 0);

/* dx = dy where y > 0, else 0: the output is all that backward needs */
static void relu_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp_val zero = bp_scalar(g, bp_val_dtype(g, v->out[0]), 0);
    bp_val on = bp_gt(g, v->out[0], zero);
    v->dx[0] = bp_select(g, on, v->dy[0], zero);
}

const bp__opdef bp__op_relu = {
    UNARY_ROW(relu, "Rectifier: y = x if x > 0, else 0; NaN stays NaN; its "
                    "gradient at 0 is 0."),
    .diff = {BP__DIFF}, .vjp = relu_vjp, .flags = IN_PLACE,
};

/* ---- to and from bool ---- */

UNARY(is_finite)
UNARY_CASES(is_finite, -2, 2);

static bp_status infer_is_finite(bp__infer *q)
{
    bp_status s = infer_unary_float(q);
    q->out[0].dtype = BP_BOOL;
    return s;
}

const bp__opdef bp__op_is_finite = {
    .name = "is_finite", .sig = "(x:f[..]) -> bool[..]",
    .doc = "Neither NaN nor infinite: y = (x - x = 0).",
    .n_in = 1, .n_out = 1, .diff = {BP__NONDIFF}, .flags = BP__ELEMWISE,
    .infer = infer_is_finite, .ref = is_finite_ref,
    .cases = is_finite_cases, .n_cases = BP__ARRAY_LEN(is_finite_cases),
};

static bp_status infer_not(bp__infer *q)
{
    bp_status s = bp__infer_dtype(q, 0, BP__D_BOOL);
    return s != BP_OK ? s : bp__infer_elemwise(q, BP__D_BOOL);
}

static void not_ref(const bp__kargs *k)
{
    const uint8_t *x = k->in[0].data;
    uint8_t *y = k->out[0].data;
    int64_t n = bp__numel(&k->out[0].type);
    for (int64_t i = 0; i < n; i++)
        y[i] = !x[i];
}

bp_val bp_not(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_not, NULL, 1, &x);
}

static const bp__case not_cases[] = {
    {NULL, 1, {BP__TB(3, 4)}, false, NULL},
};

const bp__opdef bp__op_not = {
    .name = "not", .sig = "(x:bool[..]) -> bool[..]",
    .doc = "Logical negation: y = not x.",
    .n_in = 1, .n_out = 1, .diff = {BP__NONDIFF}, .flags = IN_PLACE,
    .infer = infer_not, .ref = not_ref,
    .cases = not_cases, .n_cases = BP__ARRAY_LEN(not_cases),
};

/* ---- cast ---- */

static const bp__attrdef cast_attrdefs[] = {
    BP__ATTR(bp__cast_attrs, dtype, DTYPE), BP__ATTR_END};

static bp_status infer_cast(bp__infer *q)
{
    const bp__cast_attrs *a = q->attrs;
    bp_status s = bp__infer_elemwise(q, BP__D_ANY);
    if (a->dtype < 0 || a->dtype >= BP_N_DTYPES)
        return bp__infer_fail(q, BP_EARG, "%d is no element type",
                              (int)a->dtype);
    q->out[0].dtype = (uint8_t)a->dtype;
    return s;
}

/* A double holds every value of every element type. */
static double cast_load(const void *p, int dtype, int64_t i)
{
    switch (dtype) {
    case BP_F32:
        return ((const float *)p)[i];
    case BP_F64:
        return ((const double *)p)[i];
    case BP_I32:
        return ((const int32_t *)p)[i];
    default:
        return ((const uint8_t *)p)[i];
    }
}

/* The whole part, kept within [lo, hi]; 0 for NaN. */
static double cast_whole(double x, double lo, double hi)
{
    return x != x ? 0 : x < lo ? lo : x > hi ? hi : trunc(x);
}

static void cast_store(void *p, int dtype, int64_t i, double x)
{
    switch (dtype) {
    case BP_F32:
        ((float *)p)[i] = (float)x;
        break;
    case BP_F64:
        ((double *)p)[i] = x;
        break;
    case BP_I32:
        ((int32_t *)p)[i] = (int32_t)cast_whole(x, INT32_MIN, INT32_MAX);
        break;
    case BP_U8:
        ((uint8_t *)p)[i] = (uint8_t)cast_whole(x, 0, 255);
        break;
    default:
        ((uint8_t *)p)[i] = x != 0;
    }
}

static void cast_ref(const bp__kargs *k)
{
    int from = k->in[0].type.dtype, to = k->out[0].type.dtype;
    int64_t n = bp__numel(&k->out[0].type);
    for (int64_t i = 0; i < n; i++)
        cast_store(k->out[0].data, to, i,
                   cast_load(k->in[0].data, from, i));
}

/* dx = dy in the operand's type; integers have no gradient */
static void cast_vjp(const bp__vjp *v)
{
    bp_dtype from = bp_val_dtype(v->g, v->in[0]);
    if (bp__is_float(from) &&
        bp__is_float(bp_val_dtype(v->g, v->out[0])))
        v->dx[0] = bp_cast(v->g, v->dy[0], from);
}

bp_val bp_cast(bp_graph *g, bp_val x, bp_dtype to)
{
    bp__cast_attrs a = {(int32_t)to};
    return bp__emit1(g, BP__OP_cast, &a, 1, &x);
}

static const bp__cast_attrs cast_f32 = {BP_F32}, cast_f64 = {BP_F64},
                            cast_i32 = {BP_I32}, cast_u8 = {BP_U8},
                            cast_bool = {BP_BOOL};
static const bp__case cast_cases[] = {
    {&cast_f64, 1, {BP__TF(-2, 2, 3, 4)}, false, NULL},
    {&cast_f32, 1, {BP__TF(-2, 2, 3, 4)}, false, "rounds to f32"},
    {&cast_i32, 1, {BP__TF(-9, 9, 3, 4)}, false, NULL},
    {&cast_u8, 1, {BP__TF(-9, 300, 3, 4)}, false, "saturates"},
    {&cast_bool, 1, {BP__TI(-1, 1, 6)}, false, NULL},
    {&cast_f32, 1, {BP__TU(0, 255, 2, 3)}, false, NULL},
    {&cast_f64, 1, {BP__TB(2, 3)}, true, NULL},
};

const bp__opdef bp__op_cast = {
    .name = "cast", .sig = "(x:any[..]) {dtype} -> dtype[..]",
    .doc = "Element type: y = x as dtype. To bool: x != 0. Float to integer "
           "truncates and saturates; NaN gives 0.",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__ELEMWISE | BP__LINEAR,
    .attrs = cast_attrdefs, .attrs_bytes = sizeof(bp__cast_attrs),
    .infer = infer_cast, .vjp = cast_vjp, .ref = cast_ref,
    .cases = cast_cases, .n_cases = BP__ARRAY_LEN(cast_cases),
};

/* ---- stop_gradient ---- */

bp_val bp_stop_gradient(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_stop_gradient, NULL, 1, &x);
}

UNARY_CASES(stop_gradient, -2, 2);

const bp__opdef bp__op_stop_gradient = {
    .name = "stop_gradient", .sig = "(x:any[..]) -> same",
    .doc = "A constant as far as gradients go: y = x.",
    .n_in = 1, .n_out = 1, .diff = {BP__NONDIFF},
    .flags = IN_PLACE | BP__VIEW,
    .infer = infer_unary_any, .ref = bp__ref_copy,
    .cases = stop_gradient_cases,
    .n_cases = BP__ARRAY_LEN(stop_gradient_cases),
};
