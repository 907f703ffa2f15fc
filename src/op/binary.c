/* Elementwise ops with two operands, and select. Operands broadcast, in the
 * kernels by strides; the adjoints that the rules give have the broadcast
 * shape, and the gradient transform sums them down. The kernels are in
 * binary.inc. */
#include "base/math.h"
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

#define FLOAT
#define REAL float
#define WIDE float
#define R(op) op##_ref_f32
#define M(name) bp__##name##f
#include "op/binary.inc"
#undef M
#define REAL double
#define WIDE double
#define R(op) op##_ref_f64
#define M(name) bp__##name
#include "op/binary.inc"
#undef M
#undef FLOAT
#define REAL int32_t
#define WIDE uint32_t
#define R(op) op##_ref_i32
#include "op/binary.inc"
#define REAL uint8_t /* u8 and bool: no arithmetic */
#define LOGIC
#define R(op) op##_ref_u8
#include "op/binary.inc"

static bp_status infer_binary_float(bp__infer *q)
{
    return bp__infer_elemwise(q, BP__D_F);
}

static bp_status infer_binary_num(bp__infer *q)
{
    return bp__infer_elemwise(q, BP__D_NUM);
}

static bp_status infer_compare(bp__infer *q)
{
    bp_status s = bp__infer_elemwise(q, BP__D_ANY);
    q->out[0].dtype = BP_BOOL;
    return s;
}

static bp_status infer_logical(bp__infer *q)
{
    return bp__infer_elemwise(q, BP__D_BOOL);
}

/* ---- rows ---- */

#define BINARY_BUILDER(op)                              \
    bp_val bp_##op(bp_graph *g, bp_val a, bp_val b)     \
    {                                                   \
        bp_val in[] = {a, b};                           \
        return bp__emit1(g, BP__OP_##op, NULL, 2, in);  \
    }

#define BINARY_FLOAT(op)                       \
    static void op##_ref(const bp__kargs *k)   \
    {                                          \
        if (k->in[0].type.dtype == BP_F32)     \
            op##_ref_f32(k);                   \
        else                                   \
            op##_ref_f64(k);                   \
    }                                          \
    BINARY_BUILDER(op)

#define BINARY_NUM(op)                         \
    static void op##_ref(const bp__kargs *k)   \
    {                                          \
        if (k->in[0].type.dtype == BP_F32)     \
            op##_ref_f32(k);                   \
        else if (k->in[0].type.dtype == BP_F64) \
            op##_ref_f64(k);                   \
        else                                   \
            op##_ref_i32(k);                   \
    }                                          \
    BINARY_BUILDER(op)

#define BINARY_ANY_REF(op, n)                     \
    static void op##_ref(const bp__kargs *k)      \
    {                                             \
        static const bp__ref_fn fn[BP_N_DTYPES] = { \
            op##_ref_f32, op##_ref_f64, op##_ref_i32, op##_ref_u8, \
            op##_ref_u8};                         \
        fn[k->in[n].type.dtype](k);               \
    }

#define BINARY_ANY(op)    \
    BINARY_ANY_REF(op, 0) \
    BINARY_BUILDER(op)

#define BINARY_ROW(op, signature, formula)                               \
    .name = #op, .sig = signature, .doc = formula, .n_in = 2, .n_out = 1, \
    .ref = op##_ref, .cases = op##_cases,                                \
    .n_cases = BP__ARRAY_LEN(op##_cases)

#define NUM_SIG "(a:f|i32[..], b:same[..]) -> same[..]"
#define FLOAT_SIG "(a:f[..], b:f[..]) -> f[..]"

enum { IN_PLACE2 = BP__ELEMWISE | BP__ALIAS_IN0 };

/* Same shape, broadcasts on either side and on both, a scalar, varying. */
#define BINARY_CASES(op, A, B, lo_a, hi_a, lo_b, hi_b, ...)                  \
    static const bp__case op##_cases[] = {                                   \
        {NULL, 2, {A(lo_a, hi_a, 3, 4), B(lo_b, hi_b, 3, 4)}, false, NULL},  \
        {NULL, 2, {A(lo_a, hi_a, 2, 1, 3), B(lo_b, hi_b, 4, 1)}, false,      \
         "broadcasts both"},                                                 \
        {NULL, 2, {A(lo_a, hi_a, 3), B(lo_b, hi_b, 2, 3)}, false,            \
         "broadcasts the first"},                                            \
        {NULL, 2, {A(lo_a, hi_a, 2, 3), {BP_F32, 0, {0}, lo_b, hi_b, 0, {0}, \
                                         false}}, false, "scalar"},          \
        {NULL, 2, {A(lo_a, hi_a, 4, 2), B(lo_b, hi_b, 4, 2)}, true,          \
         "varying"},                                                         \
        __VA_ARGS__                                                          \
    }
#define FAR(lo, hi, ...) BP__TF_AVOID(lo, hi, 0, __VA_ARGS__)
#define BOTH_I32 \
    {NULL, 2, {BP__TI(-9, 9, 2, 3), BP__TI(-9, 9, 3)}, false, NULL}

BINARY_NUM(add)
BINARY_CASES(add, BP__TF, BP__TF, -2, 2, -2, 2, BOTH_I32);

/* da = dy, db = dy */
static void add_vjp(const bp__vjp *v)
{
    for (int i = 0; i < 2; i++)
        if (v->need >> i & 1)
            v->dx[i] = v->dy[0];
}

const bp__opdef bp__op_add = {
    BINARY_ROW(add, NUM_SIG, "Sum of two: y = a + b; i32 wraps around."),
    .diff = {BP__DIFF, BP__DIFF}, .infer = infer_binary_num, .vjp = add_vjp,
    .flags = IN_PLACE2 | BP__COMMUTES | BP__LINEAR,
};

BINARY_NUM(sub)
BINARY_CASES(sub, BP__TF, BP__TF, -2, 2, -2, 2, BOTH_I32);

/* da = dy, db = -dy */
static void sub_vjp(const bp__vjp *v)
{
    if (v->need & 1)
        v->dx[0] = v->dy[0];
    if (v->need & 2)
        v->dx[1] = bp_neg(v->g, v->dy[0]);
}

const bp__opdef bp__op_sub = {
    BINARY_ROW(sub, NUM_SIG, "Difference: y = a - b; i32 wraps around."),
    .diff = {BP__DIFF, BP__DIFF}, .infer = infer_binary_num, .vjp = sub_vjp,
    .flags = IN_PLACE2 | BP__LINEAR,
};

BINARY_NUM(mul)
BINARY_CASES(mul, BP__TF, BP__TF, -2, 2, -2, 2, BOTH_I32);

/* da = dy * b, db = dy * a */
static void mul_vjp(const bp__vjp *v)
{
    if (v->need & 1)
        v->dx[0] = bp_mul(v->g, v->dy[0], v->in[1]);
    if (v->need & 2)
        v->dx[1] = bp_mul(v->g, v->dy[0], v->in[0]);
}

const bp__opdef bp__op_mul = {
    BINARY_ROW(mul, NUM_SIG, "Product: y = a * b; i32 wraps around."),
    .diff = {BP__DIFF, BP__DIFF}, .infer = infer_binary_num, .vjp = mul_vjp,
    .flags = IN_PLACE2 | BP__COMMUTES,
};

BINARY_FLOAT(div)
BINARY_CASES(div, BP__TF, BP__TF, -2, 2, 0.5, 3, );

/* da = dy / b, db = -(dy / b) * y */
static void div_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp_val da = bp_div(g, v->dy[0], v->in[1]);
    if (v->need & 1)
        v->dx[0] = da;
    if (v->need & 2)
        v->dx[1] = bp_neg(g, bp_mul(g, da, v->out[0]));
}

const bp__opdef bp__op_div = {
    BINARY_ROW(div, FLOAT_SIG, "Quotient: y = a / b."),
    .diff = {BP__DIFF, BP__DIFF}, .infer = infer_binary_float,
    .vjp = div_vjp, .flags = IN_PLACE2,
};

BINARY_FLOAT(pow)
BINARY_CASES(pow, BP__TF, BP__TF, 0.4, 2, -2, 2, );

/* da = dy * b * a^(b-1), db = dy * y * log(a) */
static void pow_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp_val a = v->in[0], b = v->in[1], dy = v->dy[0];
    if (v->need & 1) {
        bp_val less = bp_pow(g, a, bp_add_scalar(g, b, -1));
        v->dx[0] = bp_mul(g, dy, bp_mul(g, b, less));
    }
    if (v->need & 2)
        v->dx[1] = bp_mul(g, dy, bp_mul(g, v->out[0], bp_log(g, a)));
}

const bp__opdef bp__op_pow = {
    BINARY_ROW(pow, FLOAT_SIG, "Power: y = a^b; its gradient is meant for "
                               "a > 0."),
    .diff = {BP__DIFF, BP__DIFF}, .infer = infer_binary_float,
    .vjp = pow_vjp, .flags = IN_PLACE2,
};

/* The first operand stays 0.05 away from 0, the second within 0.02 of it: each
 * wins somewhere, and no small step makes the other win. */
BINARY_NUM(maximum)
BINARY_CASES(maximum, FAR, BP__TF, -2, 2, -0.02, 0.02, BOTH_I32);
BINARY_NUM(minimum)
BINARY_CASES(minimum, FAR, BP__TF, -2, 2, -0.02, 0.02, BOTH_I32);

/* dx = dy where x beats the other, dy / 2 where they are equal, else 0 */
static bp_val extremum_side(const bp__vjp *v, bp_val wins)
{
    bp_graph *g = v->g;
    bp_val dy = v->dy[0];
    bp_val zero = bp_scalar(g, bp_val_dtype(g, dy), 0);
    bp_val equal = bp_eq(g, v->in[0], v->in[1]);
    bp_val tie = bp_select(g, equal, bp_mul_scalar(g, dy, 0.5), zero);
    return bp_select(g, wins, dy, tie);
}

static void maximum_vjp(const bp__vjp *v)
{
    if (v->need & 1)
        v->dx[0] = extremum_side(v, bp_gt(v->g, v->in[0], v->in[1]));
    if (v->need & 2)
        v->dx[1] = extremum_side(v, bp_gt(v->g, v->in[1], v->in[0]));
}

static void minimum_vjp(const bp__vjp *v)
{
    if (v->need & 1)
        v->dx[0] = extremum_side(v, bp_lt(v->g, v->in[0], v->in[1]));
    if (v->need & 2)
        v->dx[1] = extremum_side(v, bp_lt(v->g, v->in[1], v->in[0]));
}

const bp__opdef bp__op_maximum = {
    BINARY_ROW(maximum, NUM_SIG,
               "The larger: y = a if a > b or a is NaN, else b; so NaN wins. "
               "Equal operands share the gradient by halves."),
    .diff = {BP__DIFF, BP__DIFF}, .infer = infer_binary_num,
    .vjp = maximum_vjp, .flags = IN_PLACE2,
};

const bp__opdef bp__op_minimum = {
    BINARY_ROW(minimum, NUM_SIG,
               "The smaller: y = a if a < b or a is NaN, else b; so NaN wins. "
               "Equal operands share the gradient by halves."),
    .diff = {BP__DIFF, BP__DIFF}, .infer = infer_binary_num,
    .vjp = minimum_vjp, .flags = IN_PLACE2,
};

/* ---- comparisons: a NaN compares as IEEE 754 says ---- */

/* Whole numbers, so that equal ones occur. */
#define COMPARE_CASES(op)                                                   \
    static const bp__case op##_cases[] = {                                  \
        {NULL, 2, {FAR(-2, 2, 3, 4), BP__TF(-0.02, 0.02, 3, 4)}, false,     \
         NULL},                                                             \
        {NULL, 2, {BP__TI(-1, 1, 2, 1, 3), BP__TI(-1, 1, 4, 1)}, false,     \
         "broadcasts both"},                                                \
        {NULL, 2, {BP__TU(0, 2, 3), BP__TU(0, 2, 2, 3)}, false,             \
         "broadcasts the first"},                                           \
        {NULL, 2, {BP__TB(2, 3), BP__TB(2, 3)}, true, "varying"},           \
    }
#define COMPARE(op, formula, more_flags)                                    \
    BINARY_ANY(op)                                                          \
    COMPARE_CASES(op);                                                      \
    const bp__opdef bp__op_##op = {                                         \
        BINARY_ROW(op, "(a:any[..], b:same[..]) -> bool[..]", formula),     \
        .diff = {BP__NONDIFF, BP__NONDIFF}, .infer = infer_compare,         \
        .flags = BP__ELEMWISE | (more_flags),                               \
    };

COMPARE(eq, "Equal: y = (a = b).", BP__COMMUTES)
COMPARE(ne, "Not equal: y = (a != b); true where one is NaN.", BP__COMMUTES)
COMPARE(lt, "Less: y = (a < b).", 0)
COMPARE(le, "Less or equal: y = (a <= b).", 0)
COMPARE(gt, "Greater: y = (a > b).", 0)
COMPARE(ge, "Greater or equal: y = (a >= b).", 0)

/* ---- logic ---- */

#define LOGICAL(op, formula)                                                \
    static void op##_ref(const bp__kargs *k)                                \
    {                                                                       \
        op##_ref_u8(k);                                                     \
    }                                                                       \
    BINARY_BUILDER(op)                                                      \
    static const bp__case op##_cases[] = {                                  \
        {NULL, 2, {BP__TB(3, 4), BP__TB(3, 4)}, false, NULL},               \
        {NULL, 2, {BP__TB(2, 1, 3), BP__TB(4, 1)}, false,                   \
         "broadcasts both"},                                                \
        {NULL, 2, {BP__TB(4, 3), BP__TB(4, 3)}, true, "varying"},           \
    };                                                                      \
    const bp__opdef bp__op_##op = {                                         \
        BINARY_ROW(op, "(a:bool[..], b:bool[..]) -> bool[..]", formula),    \
        .diff = {BP__NONDIFF, BP__NONDIFF}, .infer = infer_logical,         \
        .flags = IN_PLACE2 | BP__COMMUTES,                                  \
    };

LOGICAL(and, "Both: y = a and b.")
LOGICAL(or, "At least one: y = a or b.")

/* ---- select ---- */

BINARY_ANY_REF(select, 1)

bp_val bp_select(bp_graph *g, bp_val cond, bp_val a, bp_val b)
{
    bp_val in[] = {cond, a, b};
    return bp__emit1(g, BP__OP_select, NULL, 3, in);
}

static bp_status infer_select(bp__infer *q)
{
    char t[3][200];
    const bp__type *in = q->in;
    bp_status s = bp__infer_dtype(q, 0, BP__D_BOOL);
    if (s != BP_OK)
        return s;
    for (int i = 0; i < 3; i++)
        bp__type_text(&in[i], t[i]);
    if (in[1].dtype != in[2].dtype)
        return bp__infer_fail(q, BP_EDTYPE,
                              "operands 1 and 2 are %s and %s: cast one of "
                              "them", t[1], t[2]);
    bp__type out;
    if (!bp__broadcast_dims(&in[0], &in[1], &out) ||
        !bp__broadcast_dims(&out, &in[2], &out))
        return bp__infer_fail(q, BP_ESHAPE,
                              "%s, %s and %s do not broadcast: sizes must be "
                              "equal or 1, counted from the last axis", t[0],
                              t[1], t[2]);
    bp__infer_set(q, 0, in[1].dtype, out.rank, out.dims);
    return BP_OK;
}

/* da = dy where cond, else 0; db the other way round */
static void select_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp_val zero = bp_scalar(g, bp_val_dtype(g, v->dy[0]), 0);
    if (v->need & 2)
        v->dx[1] = bp_select(g, v->in[0], v->dy[0], zero);
    if (v->need & 4)
        v->dx[2] = bp_select(g, v->in[0], zero, v->dy[0]);
}

static const bp__case select_cases[] = {
    {NULL, 3, {BP__TB(3, 4), BP__TF(-2, 2, 3, 4), BP__TF(-2, 2, 3, 4)}, false,
     NULL},
    {NULL, 3, {BP__TB(4, 1), BP__TF(-2, 2, 2, 1, 3), BP__TF(-2, 2, 3)}, false,
     "broadcasts all"},
    {NULL, 3, {BP__TB(2, 3), BP__TI(-9, 9, 2, 3), BP__TI(-9, 9, 3)}, false,
     NULL},
    {NULL, 3, {BP__TB(2, 3), BP__TU(0, 9, 2, 3), BP__TU(0, 9, 3)}, false,
     NULL},
    {NULL, 3, {BP__TB(4), BP__TF(-2, 2, 4), BP__TF(-2, 2, 4)}, true,
     "varying"},
};

const bp__opdef bp__op_select = {
    .name = "select",
    .sig = "(cond:bool[..], a:any[..], b:same[..]) -> same[..]",
    .doc = "Choice: y = a where cond, else b.",
    .n_in = 3, .n_out = 1, .diff = {BP__NONDIFF, BP__DIFF, BP__DIFF},
    .flags = BP__ELEMWISE | BP__LINEAR,
    .infer = infer_select, .vjp = select_vjp, .ref = select_ref,
    .cases = select_cases, .n_cases = BP__ARRAY_LEN(select_cases),
};

/* ---- with a scalar ---- */

bp_val bp_add_scalar(bp_graph *g, bp_val x, double s)
{
    return bp_add(g, x, bp_scalar(g, bp_val_dtype(g, x), s));
}

bp_val bp_mul_scalar(bp_graph *g, bp_val x, double s)
{
    return bp_mul(g, x, bp_scalar(g, bp_val_dtype(g, x), s));
}
