/* softmax, log_softmax and logsumexp: composites along one axis.
 *
 * Each subtracts the largest element first, so that exp cannot overflow. The
 * result does not depend on what is subtracted, so it is a constant to the
 * gradient, by stop_gradient.
 */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

/* Checks x and the axis of a softmax, log_softmax or logsumexp. */
static bp_status along_axis_check(bp__infer *q)
{
    const bp__axis_attrs *a = q->attrs;
    const bp__type *x = &q->in[0];
    char s[200];
    if (bp__infer_dtype(q, 0, BP__D_F) != BP_OK)
        return q->status;
    if (a->axis < 0 || a->axis >= x->rank)
        return bp__infer_fail(q, BP_EARG, "of %s: axis %lld does not exist",
                              bp__type_text(x, s), (long long)a->axis);
    if (x->dims[a->axis] == 0)
        return bp__infer_fail(q, BP_ESHAPE, "of %s along axis %lld, which has "
                              "no elements", bp__type_text(x, s),
                              (long long)a->axis);
    if (x->varying && a->axis == 0)
        return bp__infer_fail(q, BP_EARG, "of %s along axis 0: in a varying "
                              "value that axis holds the samples, which "
                              "shards do not see all of",
                              bp__type_text(x, s));
    return BP_OK;
}

static bp_status softmax_infer(bp__infer *q)
{
    const bp__type *x = &q->in[0];
    if (along_axis_check(q) != BP_OK)
        return q->status;
    bp__infer_set(q, 0, x->dtype, x->rank, x->dims);
    return BP_OK;
}

static bp_status logsumexp_infer(bp__infer *q)
{
    const bp__axis_attrs *a = q->attrs;
    const bp__type *x = &q->in[0];
    int64_t dims[BP_MAX_RANK];
    int rank = 0;
    if (along_axis_check(q) != BP_OK)
        return q->status;
    for (int i = 0; i < x->rank; i++)
        if (i != a->axis || a->keep)
            dims[rank++] = i == a->axis ? 1 : x->dims[i];
    bp__infer_set(q, 0, x->dtype, rank, dims);
    return BP_OK;
}

/* The largest element along the axis: any constant would do, this one keeps
 * exp from overflowing. */
static bp_val shift_of(bp_graph *g, bp_val x, int64_t axis)
{
    return bp_stop_gradient(g, bp_amax(g, x, 1, &axis, true));
}

/* m = max(x), or 0 where that is infinite: log(sum(exp(x - m))) + m, which is
 * -inf for a row of -inf. */
static void logsumexp_define(const bp__define *d)
{
    const bp__axis_attrs *a = d->attrs;
    bp_graph *g = d->g;
    bp_val x = d->in[0], m = shift_of(g, x, a->axis);
    bp_val zero = bp_scalar(g, bp_val_dtype(g, x), 0);
    m = bp_select(g, bp_is_finite(g, m), m, zero);
    bp_val e = bp_exp(g, bp_sub(g, x, m));
    bp_val s = bp_log(g, bp_sum(g, e, 1, &a->axis, true));
    bp_val y = bp_add(g, s, m);
    if (!a->keep) {
        int64_t dims[BP_MAX_RANK];
        bp__type t = *bp__type_of(g, y);
        int rank = 0;
        for (int i = 0; i < t.rank; i++)
            if (i != a->axis)
                dims[rank++] = t.dims[i];
        y = bp_reshape(g, y, rank, dims);
    }
    d->out[0] = y;
}

/* e = exp(x - max(x)): e / sum(e) */
static void softmax_define(const bp__define *d)
{
    const bp__axis_attrs *a = d->attrs;
    bp_val x = d->in[0];
    bp_val e = bp_exp(d->g, bp_sub(d->g, x, shift_of(d->g, x, a->axis)));
    d->out[0] = bp_div(d->g, e, bp_sum(d->g, e, 1, &a->axis, true));
}

/* z = x - max(x): z - log(sum(exp(z))) */
static void log_softmax_define(const bp__define *d)
{
    const bp__axis_attrs *a = d->attrs;
    bp_val x = d->in[0];
    bp_val z = bp_sub(d->g, x, shift_of(d->g, x, a->axis));
    bp_val s = bp_sum(d->g, bp_exp(d->g, z), 1, &a->axis, true);
    d->out[0] = bp_sub(d->g, z, bp_log(d->g, s));
}

static uint32_t along_axis_rows(const bp__shapes *s)
{
    const bp__axis_attrs *a = s->attrs;
    return a->axis > 0 ? BP__ROWS | 1u : 0;
}

static bp_val along_axis(bp_graph *g, bp__op op, bp_val x, int64_t axis,
                         bool keep)
{
    bp__axis_attrs a;
    memset(&a, 0, sizeof a);
    a.keep = keep;
    if (bp__value_of(g, x) && (a.axis = bp__take_axis(g, op, x, axis)) < 0)
        return BP_NIL;
    return bp__emit1(g, op, &a, 1, &x);
}

bp_val bp_softmax(bp_graph *g, bp_val x, int64_t axis)
{
    return along_axis(g, BP__OP_softmax, x, axis, false);
}

bp_val bp_log_softmax(bp_graph *g, bp_val x, int64_t axis)
{
    return along_axis(g, BP__OP_log_softmax, x, axis, false);
}

bp_val bp_logsumexp(bp_graph *g, bp_val x, int64_t axis, bool keep)
{
    return along_axis(g, BP__OP_logsumexp, x, axis, keep);
}

static const bp__attrdef softmax_attrs[] = {
    BP__ATTR(bp__axis_attrs, axis, I64),
    BP__ATTR_END,
};
static const bp__attrdef logsumexp_attrs[] = {
    BP__ATTR(bp__axis_attrs, axis, I64),
    BP__ATTR(bp__axis_attrs, keep, BOOL),
    BP__ATTR_END,
};
static const bp__axis_attrs along_0 = {0, false}, along_1 = {1, false},
                            along_2 = {2, false}, along_0_keep = {0, true},
                            along_1_keep = {1, true};
static const bp__case softmax_cases[] = {
    {&along_1, 1, {BP__TF(-3, 3, 4, 5)}, true, "of each sample"},
    {&along_0, 1, {BP__TF(-3, 3, 7)}, false, "of a vector"},
    {&along_1, 1, {BP__TF(-3, 3, 2, 3, 4)}, false, "in the middle"},
    {&along_2, 1, {BP__TF(-3, 3, 2, 3, 1)}, false, "of one element: 1"},
    {&along_1, 1, {BP__TF(-3, 3, 0, 3)}, false, "of no samples"},
};
static const bp__case logsumexp_cases[] = {
    {&along_1, 1, {BP__TF(-3, 3, 4, 5)}, true, "of each sample"},
    {&along_1_keep, 1, {BP__TF(-3, 3, 2, 3, 4)}, false, "an axis that stays"},
    {&along_0_keep, 1, {BP__TF(-3, 3, 7)}, false, "of a vector"},
    {&along_2, 1, {BP__TF(-3, 3, 2, 3, 1)}, false, "of one element: x"},
    {&along_1, 1, {BP__TF(-3, 3, 0, 3)}, false, "of no samples"},
};

const bp__opdef bp__op_logsumexp = {
    .name = "logsumexp",
    .sig = "(x:f[..]) {axis, keep} -> f[..]",
    .doc = "Logarithm of the sum of exponentials along an axis; -inf where "
           "all are. y = log(sum(exp(x - m))) + m, m = max(x)",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__COMPOSITE,
    .attrs = logsumexp_attrs, .attrs_bytes = sizeof(bp__axis_attrs),
    .infer = logsumexp_infer, .define = logsumexp_define,
    .rows = along_axis_rows,
    .cases = logsumexp_cases, .n_cases = BP__ARRAY_LEN(logsumexp_cases),
};

const bp__opdef bp__op_softmax = {
    .name = "softmax",
    .sig = "(x:f[..]) {axis} -> f[..]",
    .doc = "Exponentials along an axis, divided by their sum. "
           "y = exp(x - m) / sum(exp(x - m)), m = max(x)",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__COMPOSITE,
    .attrs = softmax_attrs, .attrs_bytes = sizeof(bp__axis_attrs),
    .infer = softmax_infer, .define = softmax_define, .rows = along_axis_rows,
    .cases = softmax_cases, .n_cases = BP__ARRAY_LEN(softmax_cases),
};

const bp__opdef bp__op_log_softmax = {
    .name = "log_softmax",
    .sig = "(x:f[..]) {axis} -> f[..]",
    .doc = "Logarithm of softmax. y = x - m - log(sum(exp(x - m))), "
           "m = max(x)",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__COMPOSITE,
    .attrs = softmax_attrs, .attrs_bytes = sizeof(bp__axis_attrs),
    .infer = softmax_infer, .define = log_softmax_define,
    .rows = along_axis_rows,
    .cases = softmax_cases, .n_cases = BP__ARRAY_LEN(softmax_cases),
};
