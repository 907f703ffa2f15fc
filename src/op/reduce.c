/* Reductions: sum, amax, amin over any axes; argmax, argmin over one. They are
 * local to a shard. Their transposes are broadcasts, so the rules first put
 * reduced axes back with size 1. The kernels are in reduce.inc. */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

/* The loop over kept axes (operand 0: output, 1: input) and, within, that over
 * reduced ones (operand 0: input). */
struct reduction {
    bp__walk kept, gone;
};

static bool is_reduced(const bp__dims *axes, int axis)
{
    for (int i = 0; i < axes->n; i++)
        if (axes->d[i] == axis)
            return true;
    return false;
}

/* An empty reduction leaves `gone` empty: its sum is 0. */
static void reduction_init(struct reduction *r, const bp__kargs *k)
{
    const bp__axes_attrs *a = k->attrs;
    const bp__type *in = &k->in[0].type;
    int64_t stride[BP_MAX_RANK];
    int64_t kept_dims[BP_MAX_RANK], gone_dims[BP_MAX_RANK];
    int64_t kept[2][BP_MAX_RANK], gone[1][BP_MAX_RANK];
    int n_kept = 0, n_gone = 0;
    bp__strides(in->rank, in->dims, stride);
    for (int i = 0; i < in->rank; i++) {
        if (is_reduced(&a->axes, i)) {
            gone[0][n_gone] = stride[i];
            gone_dims[n_gone++] = in->dims[i];
        } else {
            kept[1][n_kept] = stride[i];
            kept_dims[n_kept++] = in->dims[i];
        }
    }
    bp__strides(n_kept, kept_dims, kept[0]);
    bp__walk_init(&r->kept, n_kept, kept_dims, 2,
                  (const int64_t (*)[BP_MAX_RANK])kept);
    bp__walk_init(&r->gone, n_gone, gone_dims, 1,
                  (const int64_t (*)[BP_MAX_RANK])gone);
}

static void arg_sizes(const bp__kargs *k, int64_t *outer, int64_t *n,
                      int64_t *inner)
{
    const bp__axis_attrs *a = k->attrs;
    const bp__type *in = &k->in[0].type;
    *outer = *inner = 1;
    for (int i = 0; i < in->rank; i++) {
        if (i < a->axis)
            *outer *= in->dims[i];
        else if (i > a->axis)
            *inner *= in->dims[i];
    }
    *n = in->dims[a->axis];
}

#define REAL float
#define ACC double
#define R(op) op##_ref_f32
#include "op/reduce.inc"
#define REAL double
#define ACC double
#define R(op) op##_ref_f64
#include "op/reduce.inc"
#define REAL int32_t
#define ACC uint32_t /* wraps around */
#define R(op) op##_ref_i32
#include "op/reduce.inc"
#define REAL uint8_t
#define R(op) op##_ref_u8
#include "op/reduce.inc"

#define REDUCE_REF(op, U8)                                            \
    static void op##_ref(const bp__kargs *k)                          \
    {                                                                 \
        static const bp__ref_fn fn[BP_N_DTYPES] = {                   \
            op##_ref_f32, op##_ref_f64, op##_ref_i32, U8, NULL};      \
        fn[k->in[0].type.dtype](k);                                   \
    }

/* ---- over several axes ---- */

static const bp__attrdef axes_attrdefs[] = {
    BP__ATTR(bp__axes_attrs, axes, DIMS),
    BP__ATTR(bp__axes_attrs, keep, BOOL), BP__ATTR_END};

static bp_status infer_reduce(bp__infer *q)
{
    const bp__axes_attrs *a = q->attrs;
    const bp__type *in = &q->in[0];
    char t[200];
    bool gone[BP_MAX_RANK] = {false};
    int64_t last = -1;
    if (a->axes.n < 0 || a->axes.n > in->rank)
        return bp__infer_fail(q, BP_EARG, "%d axes of %s", (int)a->axes.n,
                              bp__type_text(in, t));
    for (int i = 0; i < a->axes.n; i++) {
        int64_t k = a->axes.d[i];
        if (k <= last || k >= in->rank)
            return bp__infer_fail(q, BP_EARG,
                                  "axes of %s must rise from 0 to %d; %lld "
                                  "does not", bp__type_text(in, t),
                                  in->rank - 1, (long long)k);
        gone[last = k] = true;
    }
    int64_t dims[BP_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < in->rank; i++) {
        if (!gone[i])
            dims[rank++] = in->dims[i];
        else if (a->keep)
            dims[rank++] = 1;
    }
    bp__infer_set(q, 0, in->dtype, rank, dims);
    return BP_OK;
}

static bp_status infer_sum(bp__infer *q)
{
    bp_status s = bp__infer_dtype(q, 0, BP__D_NUM);
    return s != BP_OK ? s : infer_reduce(q);
}

static bp_status infer_amax(bp__infer *q)
{
    const bp__axes_attrs *a = q->attrs;
    char t[200];
    bp_status s = bp__infer_dtype(q, 0, BP__D_ORD);
    if (s == BP_OK)
        s = infer_reduce(q);
    for (int i = 0; s == BP_OK && i < a->axes.n; i++)
        if (q->in[0].dims[a->axes.d[i]] == 0)
            return bp__infer_fail(q, BP_ESHAPE,
                                  "axis %lld of %s is empty: nothing has no "
                                  "largest or smallest element",
                                  (long long)a->axes.d[i],
                                  bp__type_text(&q->in[0], t));
    return s;
}

/* Output row r needs input row r only, unless rows are what is reduced. */
static uint32_t reduce_rows(const bp__shapes *s)
{
    const bp__axes_attrs *a = s->attrs;
    if (s->in[0].rank == 0 || is_reduced(&a->axes, 0))
        return 0;
    return BP__ROWS | 1;
}

static bp_val emit_reduce(bp_graph *g, bp__op op, bp_val x, int n,
                          const int64_t *axes, bool keep)
{
    bp__axes_attrs a;
    memset(&a, 0, sizeof a);
    a.keep = keep;
    if (bp__value_of(g, x) && !bp__take_axes(g, op, x, n, axes, &a.axes))
        return BP_NIL;
    return bp__emit1(g, op, &a, 1, &x);
}

#define REDUCE_BUILDER(op)                                              \
    bp_val bp_##op(bp_graph *g, bp_val x, int n, const int64_t *axes,   \
                   bool keep)                                           \
    {                                                                   \
        return emit_reduce(g, BP__OP_##op, x, n, axes, keep);           \
    }

/* v in the shape that x has once its reduced axes have size 1. */
static bp_val keep_axes(bp_graph *g, bp_val v, bp_val x,
                        const bp__axes_attrs *a)
{
    bp__type t = *bp__type_of(g, x);
    if (a->keep)
        return v;
    for (int i = 0; i < a->axes.n; i++)
        t.dims[a->axes.d[i]] = 1;
    return bp_reshape(g, v, t.rank, t.dims);
}

static const bp__axes_attrs axes_none = {{0, {0}}, false},
                            axes_0 = {{1, {0}}, false},
                            axes_1 = {{1, {1}}, false},
                            axes_last_keep = {{1, {2}}, true},
                            axes_02 = {{2, {0, 2}}, false},
                            axes_12 = {{2, {1, 2}}, false},
                            axes_all_keep = {{2, {0, 1}}, true};

#define REDUCE_CASES(op, T)                                             \
    static const bp__case op##_cases[] = {                              \
        {&axes_1, 1, {T(-2, 2, 3, 4)}, false, NULL},                    \
        {&axes_0, 1, {T(-2, 2, 3, 4)}, false, "over rows"},             \
        {&axes_last_keep, 1, {T(-2, 2, 2, 3, 4)}, false, "keeps"},      \
        {&axes_02, 1, {T(-2, 2, 2, 3, 4)}, false, "outer and inner"},   \
        {&axes_all_keep, 1, {T(-2, 2, 2, 3)}, false, "all, keeps"},     \
        {&axes_none, 1, {T(-2, 2, 2, 3)}, false, "over no axis"},       \
        {&axes_0, 1, {BP__TI(-9, 9, 3, 2)}, false, NULL},               \
        {&axes_12, 1, {T(-2, 2, 3, 2, 2)}, true, "varying"},            \
    }
#define REDUCE_ROW(op, signature, formula)                                  \
    .name = #op, .sig = signature, .doc = formula, .n_in = 1, .n_out = 1,   \
    .diff = {BP__DIFF}, .attrs = axes_attrdefs,                             \
    .attrs_bytes = sizeof(bp__axes_attrs), .vjp = op##_vjp,                 \
    .rows = reduce_rows, .ref = op##_ref, .cases = op##_cases,              \
    .n_cases = BP__ARRAY_LEN(op##_cases)

REDUCE_REF(sum, NULL)
REDUCE_BUILDER(sum)
REDUCE_CASES(sum, BP__TF);

/* dx = dy, broadcast over the reduced axes */
static void sum_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp__type t = *bp__type_of(g, v->in[0]);
    bp_val dy = keep_axes(g, v->dy[0], v->in[0], v->attrs);
    v->dx[0] = bp_broadcast(g, dy, t.rank, t.dims);
}

const bp__opdef bp__op_sum = {
    REDUCE_ROW(sum, "(x:f|i32[..]) {axes, keep} -> same[..]",
               "Sum over axes: y = sum of x; of nothing: 0. Local to a shard; "
               "i32 wraps around."),
    .infer = infer_sum, .flags = BP__LINEAR,
};

/* dx = dy * m / sum(m), m = (x = y): ties share the gradient evenly */
static void amax_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    const bp__axes_attrs *a = v->attrs;
    bp_val x = v->in[0];
    bp_val y = keep_axes(g, v->out[0], x, a);
    bp_val dy = keep_axes(g, v->dy[0], x, a);
    bp_val m = bp_cast(g, bp_eq(g, x, y), bp_val_dtype(g, x));
    bp_val count = bp_sum(g, m, a->axes.n, a->axes.d, true);
    v->dx[0] = bp_mul(g, bp_div(g, m, count), dy);
}

REDUCE_REF(amax, amax_ref_u8)
REDUCE_BUILDER(amax)
REDUCE_CASES(amax, BP__TF_DISTINCT);

const bp__opdef bp__op_amax = {
    REDUCE_ROW(amax, "(x:f|i32|u8[..]) {axes, keep} -> same[..]",
               "Largest over axes: y = max of x; NaN wins. Elements that tie "
               "share the gradient evenly."),
    .infer = infer_amax,
};

REDUCE_REF(amin, amin_ref_u8)
REDUCE_BUILDER(amin)
REDUCE_CASES(amin, BP__TF_DISTINCT);
#define amin_vjp amax_vjp /* it speaks of x = y only */

const bp__opdef bp__op_amin = {
    REDUCE_ROW(amin, "(x:f|i32|u8[..]) {axes, keep} -> same[..]",
               "Smallest over axes: y = min of x; NaN wins. Elements that tie "
               "share the gradient evenly."),
    .infer = infer_amax,
};

/* ---- the place of the largest ---- */

static const bp__attrdef arg_attrdefs[] = {
    BP__ATTR(bp__axis_attrs, axis, I64), BP__ATTR_END};

static bp_status infer_arg(bp__infer *q)
{
    const bp__axis_attrs *a = q->attrs;
    const bp__type *in = &q->in[0];
    char t[200];
    bp_status s = bp__infer_dtype(q, 0, BP__D_ORD);
    if (s != BP_OK)
        return s;
    if (a->axis < 0 || a->axis >= in->rank)
        return bp__infer_fail(q, BP_EARG, "axis %lld of %s does not exist",
                              (long long)a->axis, bp__type_text(in, t));
    int64_t size = in->dims[a->axis];
    if (size == 0 || size > INT32_MAX)
        return bp__infer_fail(q, BP_ESHAPE,
                              "axis %lld of %s must have 1 to 2^31-1 elements",
                              (long long)a->axis, bp__type_text(in, t));
    int64_t dims[BP_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < in->rank; i++)
        if (i != a->axis)
            dims[rank++] = in->dims[i];
    bp__infer_set(q, 0, BP_I32, rank, dims);
    return BP_OK;
}

static uint32_t arg_rows(const bp__shapes *s)
{
    const bp__axis_attrs *a = s->attrs;
    return s->in[0].rank > 1 && a->axis != 0 ? BP__ROWS | 1 : 0;
}

static bp_val emit_arg(bp_graph *g, bp__op op, bp_val x, int64_t axis)
{
    bp__axis_attrs a;
    memset(&a, 0, sizeof a);
    if (bp__value_of(g, x) && (a.axis = bp__take_axis(g, op, x, axis)) < 0)
        return BP_NIL;
    return bp__emit1(g, op, &a, 1, &x);
}

static const bp__axis_attrs arg_axis_0 = {0, false}, arg_axis_1 = {1, false},
                            arg_axis_2 = {2, false};
static const bp__case arg_cases[] = {
    {&arg_axis_1, 1, {BP__TF_DISTINCT(-2, 2, 3, 4)}, false, NULL},
    {&arg_axis_0, 1, {BP__TF_DISTINCT(-2, 2, 3, 4)}, false, "over rows"},
    {&arg_axis_2, 1, {BP__TI(-2, 2, 2, 3, 5)}, false, "ties"},
    {&arg_axis_1, 1, {BP__TU(0, 3, 2, 5, 2)}, true, "ties, varying"},
};

#define ARG(op, formula)                                                    \
    REDUCE_REF(op, op##_ref_u8)                                             \
    bp_val bp_##op(bp_graph *g, bp_val x, int64_t axis)                     \
    {                                                                       \
        return emit_arg(g, BP__OP_##op, x, axis);                           \
    }                                                                       \
    const bp__opdef bp__op_##op = {                                         \
        .name = #op, .sig = "(x:f|i32|u8[..]) {axis} -> i32[..]",           \
        .doc = formula, .n_in = 1, .n_out = 1, .diff = {BP__NONDIFF},       \
        .attrs = arg_attrdefs, .attrs_bytes = sizeof(bp__axis_attrs),       \
        .infer = infer_arg, .rows = arg_rows, .ref = op##_ref,              \
        .cases = arg_cases, .n_cases = BP__ARRAY_LEN(arg_cases),            \
    };

ARG(argmax, "Place of the largest along axis, which is removed: the first "
            "one; NaN counts as largest.")
ARG(argmin, "Place of the smallest along axis, which is removed: the first "
            "one; NaN counts as smallest.")
