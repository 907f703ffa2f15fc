/* Parts of tensors: slice, pad, concat. Any element type; the kernels copy
 * bytes. slice and pad are each other's transposes, with every step and
 * margin, and concat's transpose is slices. */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

/* One entry an axis, from the caller's array; NULL: all `value`. */
static bp__dims take_entries(int rank, const int64_t *d, int64_t value)
{
    bp__dims r;
    memset(&r, 0, sizeof r);
    r.n = rank;
    for (int i = 0; i < rank; i++)
        r.d[i] = d ? d[i] : value;
    return r;
}

/* ---- slice ---- */

static const bp__attrdef slice_attrdefs[] = {
    BP__ATTR(bp__slice_attrs, start, DIMS),
    BP__ATTR(bp__slice_attrs, stop, DIMS),
    BP__ATTR(bp__slice_attrs, step, DIMS), BP__ATTR_END};

static bp_status infer_slice(bp__infer *q)
{
    const bp__slice_attrs *a = q->attrs;
    const bp__type *in = &q->in[0];
    char t[200];
    int64_t dims[BP_MAX_RANK] = {0};
    bp__type_text(in, t);
    if (a->start.n != in->rank || a->stop.n != in->rank ||
        a->step.n != in->rank)
        return bp__infer_fail(q, BP_EARG, "%s needs %d starts, stops and "
                              "steps", t, in->rank);
    for (int i = 0; i < in->rank; i++) {
        int64_t lo = a->start.d[i], hi = a->stop.d[i], step = a->step.d[i];
        if (lo < 0 || hi < lo || hi > in->dims[i] || step < 1)
            return bp__infer_fail(q, BP_ESHAPE,
                                  "axis %d of %s from %lld to %lld by %lld: "
                                  "0 <= start <= stop <= %lld and step >= 1 "
                                  "are needed", i, t, (long long)lo,
                                  (long long)hi, (long long)step,
                                  (long long)in->dims[i]);
        dims[i] = hi > lo ? (hi - lo - 1) / step + 1 : 0;
    }
    bp__infer_set(q, 0, in->dtype, in->rank, dims);
    return BP_OK;
}

static uint32_t slice_rows(const bp__shapes *s)
{
    const bp__slice_attrs *a = s->attrs;
    bool whole = s->in[0].rank > 0 && a->start.d[0] == 0 &&
                 a->step.d[0] == 1 && s->in[0].dims[0] == s->out[0].dims[0];
    return whole ? BP__ROWS | 1 : 0;
}

static void slice_ref(const bp__kargs *k)
{
    const bp__slice_attrs *a = k->attrs;
    const bp__type *in = &k->in[0].type, *out = &k->out[0].type;
    int64_t from[BP_MAX_RANK], to[BP_MAX_RANK], start = 0;
    bp__strides(in->rank, in->dims, from);
    bp__strides(out->rank, out->dims, to);
    for (int i = 0; i < in->rank; i++) {
        start += from[i] * a->start.d[i];
        from[i] *= a->step.d[i];
    }
    bp__copy_strided(k->out[0].data, 0, to, k->in[0].data, start, from,
                     out->rank, out->dims,
                     bp_dtype_bytes((bp_dtype)out->dtype));
}

/* dx = dy among zeros: padded by what the slice left out */
static void slice_vjp(const bp__vjp *v)
{
    const bp__slice_attrs *a = v->attrs;
    bp__type in = *bp__type_of(v->g, v->in[0]);
    bp__type out = *bp__type_of(v->g, v->out[0]);
    int64_t hi[BP_MAX_RANK] = {0};
    for (int i = 0; i < in.rank; i++) {
        int64_t n = out.dims[i];
        int64_t end = a->start.d[i] + (n ? (n - 1) * a->step.d[i] + 1 : 0);
        hi[i] = in.dims[i] - end;
    }
    v->dx[0] = bp_pad(v->g, v->dy[0], a->start.d, hi, a->step.d);
}

bp_val bp_slice(bp_graph *g, bp_val x, const int64_t *start,
                const int64_t *stop, const int64_t *step)
{
    const bp__type *t = bp__type_of(g, x);
    bp__slice_attrs a = {take_entries(t->rank, start, 0),
                         take_entries(t->rank, stop, 0),
                         take_entries(t->rank, step, 1)};
    for (int i = 0; i < t->rank; i++) {
        if (!stop)
            a.stop.d[i] = t->dims[i];
        if (a.start.d[i] < 0)
            a.start.d[i] += t->dims[i];
        if (a.stop.d[i] < 0)
            a.stop.d[i] += t->dims[i];
    }
    return bp__emit1(g, BP__OP_slice, &a, 1, &x);
}

static const bp__slice_attrs
    slice_plain = {{2, {1, 0}}, {2, {3, 3}}, {2, {1, 1}}},
    slice_step = {{2, {0, 1}}, {2, {4, 6}}, {2, {3, 2}}},
    slice_keeps_rows = {{3, {0, 1, 0}}, {3, {2, 3, 4}}, {3, {1, 1, 3}}},
    slice_empty = {{2, {1, 0}}, {2, {1, 3}}, {2, {1, 1}}},
    slice_rest = {{1, {0}}, {1, {4}}, {1, {3}}};
static const bp__case slice_cases[] = {
    {&slice_plain, 1, {BP__TF(-2, 2, 3, 4)}, false, NULL},
    {&slice_step, 1, {BP__TF(-2, 2, 4, 7)}, false, "steps"},
    {&slice_rest, 1, {BP__TF(-2, 2, 6)}, false, "leaves a rest"},
    {&slice_keeps_rows, 1, {BP__TI(-9, 9, 2, 3, 4)}, false, NULL},
    {&slice_empty, 1, {BP__TF(-2, 2, 3, 4)}, false, "empty"},
    {&slice_keeps_rows, 1, {BP__TF(-2, 2, 2, 3, 4)}, true, "varying"},
};

const bp__opdef bp__op_slice = {
    .name = "slice", .sig = "(x:any[..]) {start, stop, step} -> same[..]",
    .doc = "A box of x: y[i] = x[start + i * step], up to but without stop.",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__LINEAR,
    .attrs = slice_attrdefs, .attrs_bytes = sizeof(bp__slice_attrs),
    .infer = infer_slice, .vjp = slice_vjp, .rows = slice_rows,
    .ref = slice_ref, .cases = slice_cases,
    .n_cases = BP__ARRAY_LEN(slice_cases),
};

/* ---- pad ---- */

static const bp__attrdef pad_attrdefs[] = {
    BP__ATTR(bp__pad_attrs, lo, DIMS), BP__ATTR(bp__pad_attrs, hi, DIMS),
    BP__ATTR(bp__pad_attrs, step, DIMS), BP__ATTR_END};

static bp_status infer_pad(bp__infer *q)
{
    const bp__pad_attrs *a = q->attrs;
    const bp__type *in = &q->in[0];
    const int64_t most = INT64_MAX / 256;
    char t[200];
    int64_t dims[BP_MAX_RANK] = {0};
    bp__type_text(in, t);
    if (a->lo.n != in->rank || a->hi.n != in->rank || a->step.n != in->rank)
        return bp__infer_fail(q, BP_EARG, "%s needs %d margins below, above "
                              "and steps", t, in->rank);
    for (int i = 0; i < in->rank; i++) {
        int64_t lo = a->lo.d[i], hi = a->hi.d[i], step = a->step.d[i];
        int64_t n = in->dims[i];
        if (lo < 0 || hi < 0 || step < 1)
            return bp__infer_fail(q, BP_EARG,
                                  "axis %d of %s by %lld below, %lld above, "
                                  "step %lld: margins are at least 0, steps "
                                  "at least 1", i, t, (long long)lo,
                                  (long long)hi, (long long)step);
        if (lo > most || hi > most || (n && step > most / n))
            return bp__infer_fail(q, BP_ELIMIT,
                                  "axis %d of %s would be too long", i, t);
        dims[i] = lo + hi + (n ? (n - 1) * step + 1 : 0);
    }
    bp__dims d = bp__make_dims(in->rank, dims);
    bp_status s = bp__infer_dims(q, &d);
    if (s == BP_OK)
        bp__infer_set(q, 0, in->dtype, in->rank, dims);
    return s;
}

static uint32_t pad_rows(const bp__shapes *s)
{
    const bp__pad_attrs *a = s->attrs;
    bool whole = s->in[0].rank > 0 && a->lo.d[0] == 0 && a->hi.d[0] == 0 &&
                 a->step.d[0] == 1;
    return whole ? BP__ROWS | 1 : 0;
}

static void pad_ref(const bp__kargs *k)
{
    const bp__pad_attrs *a = k->attrs;
    const bp__type *in = &k->in[0].type, *out = &k->out[0].type;
    int64_t from[BP_MAX_RANK], to[BP_MAX_RANK], start = 0;
    size_t bytes = bp__type_bytes(out);
    if (bytes)
        memset(k->out[0].data, 0, bytes);
    bp__strides(in->rank, in->dims, from);
    bp__strides(out->rank, out->dims, to);
    for (int i = 0; i < in->rank; i++) {
        start += to[i] * a->lo.d[i];
        to[i] *= a->step.d[i];
    }
    bp__copy_strided(k->out[0].data, start, to, k->in[0].data, 0, from,
                     in->rank, in->dims,
                     bp_dtype_bytes((bp_dtype)out->dtype));
}

/* dx = the elements of dy that came from x */
static void pad_vjp(const bp__vjp *v)
{
    const bp__pad_attrs *a = v->attrs;
    bp__type in = *bp__type_of(v->g, v->in[0]);
    int64_t stop[BP_MAX_RANK] = {0};
    for (int i = 0; i < in.rank; i++) {
        int64_t n = in.dims[i];
        stop[i] = a->lo.d[i] + (n ? (n - 1) * a->step.d[i] + 1 : 0);
    }
    v->dx[0] = bp_slice(v->g, v->dy[0], a->lo.d, stop, a->step.d);
}

bp_val bp_pad(bp_graph *g, bp_val x, const int64_t *lo, const int64_t *hi,
              const int64_t *step)
{
    int rank = bp__type_of(g, x)->rank;
    bp__pad_attrs a = {take_entries(rank, lo, 0), take_entries(rank, hi, 0),
                       take_entries(rank, step, 1)};
    return bp__emit1(g, BP__OP_pad, &a, 1, &x);
}

static const bp__pad_attrs
    pad_plain = {{2, {1, 0}}, {2, {2, 1}}, {2, {1, 1}}},
    pad_step = {{2, {0, 2}}, {2, {1, 0}}, {2, {3, 2}}},
    pad_keeps_rows = {{2, {0, 1}}, {2, {0, 2}}, {2, {1, 2}}};
static const bp__case pad_cases[] = {
    {&pad_plain, 1, {BP__TF(-2, 2, 2, 3)}, false, NULL},
    {&pad_step, 1, {BP__TF(-2, 2, 3, 2)}, false, "between"},
    {&pad_plain, 1, {BP__TF(-2, 2, 0, 3)}, false, "empty"},
    {&pad_keeps_rows, 1, {BP__TU(0, 9, 3, 2)}, false, NULL},
    {&pad_keeps_rows, 1, {BP__TF(-2, 2, 3, 2)}, true, "varying"},
};

const bp__opdef bp__op_pad = {
    .name = "pad", .sig = "(x:any[..]) {lo, hi, step} -> same[..]",
    .doc = "x among zeros: y[lo + i * step] = x[i], hi more after the last.",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__LINEAR,
    .attrs = pad_attrdefs, .attrs_bytes = sizeof(bp__pad_attrs),
    .infer = infer_pad, .vjp = pad_vjp, .rows = pad_rows, .ref = pad_ref,
    .cases = pad_cases, .n_cases = BP__ARRAY_LEN(pad_cases),
};

/* ---- concat ---- */

static const bp__attrdef concat_attrdefs[] = {
    BP__ATTR(bp__axis_attrs, axis, I64), BP__ATTR_END};

static bp_status infer_concat(bp__infer *q)
{
    const bp__axis_attrs *a = q->attrs;
    char t[200], u[200];
    if (q->n_in < 1)
        return bp__infer_fail(q, BP_EARG, "at least one operand is needed");
    const bp__type *first = &q->in[0];
    if (a->axis < 0 || a->axis >= first->rank)
        return bp__infer_fail(q, BP_EARG, "axis %lld of %s does not exist",
                              (long long)a->axis, bp__type_text(first, t));
    bp__type out = *first;
    for (int i = 1; i < q->n_in; i++) {
        const bp__type *x = &q->in[i];
        bp__type like = *x;
        if (x->dtype != first->dtype)
            return bp__infer_fail(q, BP_EDTYPE,
                                  "operands 0 and %d are %s and %s: cast one "
                                  "of them", i, bp__type_text(first, t),
                                  bp__type_text(x, u));
        if (x->rank == first->rank)
            like.dims[a->axis] = first->dims[a->axis];
        if (!bp__same_dims(&like, first))
            return bp__infer_fail(q, BP_ESHAPE,
                                  "operands 0 and %d are %s and %s: they may "
                                  "differ in axis %lld only", i,
                                  bp__type_text(first, t),
                                  bp__type_text(x, u), (long long)a->axis);
        if (x->dims[a->axis] > INT64_MAX - out.dims[a->axis])
            return bp__infer_fail(q, BP_ELIMIT, "too many elements");
        out.dims[a->axis] += x->dims[a->axis];
    }
    bp__infer_set(q, 0, out.dtype, out.rank, out.dims);
    return BP_OK;
}

static uint32_t concat_rows(const bp__shapes *s)
{
    const bp__axis_attrs *a = s->attrs;
    if (a->axis == 0 || s->n_in > 30)
        return 0;
    return BP__ROWS | ((1u << s->n_in) - 1);
}

static void concat_ref(const bp__kargs *k)
{
    const bp__axis_attrs *a = k->attrs;
    const bp__type *out = &k->out[0].type;
    int64_t from[BP_MAX_RANK], to[BP_MAX_RANK], start = 0;
    bp__strides(out->rank, out->dims, to);
    for (int i = 0; i < k->n_in; i++) {
        const bp__type *in = &k->in[i].type;
        bp__strides(in->rank, in->dims, from);
        bp__copy_strided(k->out[0].data, start, to, k->in[i].data, 0, from,
                         in->rank, in->dims,
                         bp_dtype_bytes((bp_dtype)out->dtype));
        start += to[a->axis] * in->dims[a->axis];
    }
}

/* dx_i = the part of dy that came from x_i */
static void concat_vjp(const bp__vjp *v)
{
    const bp__axis_attrs *a = v->attrs;
    bp__type out = *bp__type_of(v->g, v->out[0]);
    int64_t start[BP_MAX_RANK] = {0}, stop[BP_MAX_RANK];
    memcpy(stop, out.dims, sizeof stop);
    for (int i = 0; i < v->n_in; i++) {
        stop[a->axis] = start[a->axis] +
                        bp__type_of(v->g, v->in[i])->dims[a->axis];
        if (i >= 32 || v->need >> i & 1)
            v->dx[i] = bp_slice(v->g, v->dy[0], start, stop, NULL);
        start[a->axis] = stop[a->axis];
    }
}

bp_val bp_concat(bp_graph *g, int n, const bp_val *x, int64_t axis)
{
    bp__axis_attrs a;
    memset(&a, 0, sizeof a);
    if (!bp__ok(g))
        return BP_NIL;
    if (n > 0 && bp__value_of(g, x[0]) &&
        (a.axis = bp__take_axis(g, BP__OP_concat, x[0], axis)) < 0)
        return BP_NIL;
    return bp__emit1(g, BP__OP_concat, &a, n, x);
}

static const bp__axis_attrs concat_0 = {0, false}, concat_1 = {1, false};
static const bp__case concat_cases[] = {
    {&concat_0, 2, {BP__TF(-2, 2, 2, 3), BP__TF(-2, 2, 1, 3)}, false,
     "rows"},
    {&concat_1, 3, {BP__TF(-2, 2, 2, 3), BP__TF(-2, 2, 2, 0),
                    BP__TF(-2, 2, 2, 2)}, false, "columns, one empty"},
    {&concat_0, 1, {BP__TF(-2, 2, 3)}, false, "one operand"},
    {&concat_1, 2, {BP__TI(-9, 9, 2, 3, 2), BP__TI(-9, 9, 2, 1, 2)}, false,
     NULL},
    {&concat_1, 2, {BP__TF(-2, 2, 3, 2), BP__TF(-2, 2, 3, 2)}, true,
     "varying"},
};

const bp__opdef bp__op_concat = {
    .name = "concat", .sig = "(x:any[..], ...) {axis} -> same[..]",
    .doc = "One after the other along axis: y = [x_0, x_1, ...].",
    .n_in = BP__VARIADIC, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__LINEAR, .attrs = concat_attrdefs,
    .attrs_bytes = sizeof(bp__axis_attrs), .infer = infer_concat,
    .vjp = concat_vjp, .rows = concat_rows, .ref = concat_ref,
    .cases = concat_cases, .n_cases = BP__ARRAY_LEN(concat_cases),
};
