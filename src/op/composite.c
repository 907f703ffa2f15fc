/* Composites: ops with a definition in other ops. Their gradients are
 * generated from the definitions, so a definition must have the right
 * derivative everywhere, not just the right value. More of them are in
 * softmax.c, loss.c and norm.c.
 */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

/* A scalar of x's element type. */
static bp_val scalar_like(bp_graph *g, bp_val x, double value)
{
    return bp_scalar(g, bp_val_dtype(g, x), value);
}

/* ---- mean --------------------------------------------------------------- */

/* Is this a mean over the samples of all shards? */
static bool mean_crosses(const bp__type *x, const bp__axes_attrs *a)
{
    return x->varying && a->axes.n && a->axes.d[0] == 0;
}

/* How many elements one result is the mean of, over all shards. A varying
 * axis 0 holds the shard's rows, or a multiple of them. */
static double mean_count(const bp_graph *g, const bp__type *x,
                         const bp__axes_attrs *a)
{
    double n = 1;
    for (int i = 0; i < a->axes.n; i++)
        n *= (double)x->dims[a->axes.d[i]];
    int64_t rows = bp_graph_rows(g);
    if (mean_crosses(x, a) && rows)
        n = n / (double)rows * (double)bp_graph_global_rows(g);
    return n;
}

static bp_status mean_infer(bp__infer *q)
{
    const bp__axes_attrs *a = q->attrs;
    const bp__type *x = &q->in[0];
    int64_t dims[BP_MAX_RANK], rows = bp_graph_rows(q->g);
    int rank = 0, k = 0;
    char s[200];
    if (bp__infer_dtype(q, 0, BP__D_F) != BP_OK)
        return q->status;
    for (int i = 0; i < a->axes.n; i++)
        if (a->axes.d[i] < (i ? a->axes.d[i - 1] + 1 : 0) ||
            a->axes.d[i] >= x->rank)
            return bp__infer_fail(q, BP_EARG, "of %s: the axes must be "
                                  "sorted, distinct and below the rank",
                                  bp__type_text(x, s));
    if (mean_crosses(x, a) && rows && x->dims[0] % rows)
        return bp__infer_fail(
            q, BP_ESHAPE, "of %s over axis 0: in a varying value that axis "
            "holds the shard's %lld samples or a multiple of them",
            bp__type_text(x, s), (long long)rows);
    for (int i = 0; i < x->rank; i++) {
        bool gone = k < a->axes.n && a->axes.d[k] == i;
        k += gone;
        if (!gone || a->keep)
            dims[rank++] = gone ? 1 : x->dims[i];
    }
    bp__infer_set(q, 0, x->dtype, rank, dims);
    if (mean_crosses(x, a))
        q->out[0].varying = 0;
    return BP_OK;
}

/* y = psum(sum(x)) / count; without a psum where one shard has it all */
static void mean_define(const bp__define *d)
{
    const bp__axes_attrs *a = d->attrs;
    const bp__type x = *bp__type_of(d->g, d->in[0]);
    bp_val s = d->in[0];
    if (a->axes.n)
        s = bp_sum(d->g, s, a->axes.n, a->axes.d, a->keep);
    if (mean_crosses(&x, a))
        s = bp_psum(d->g, s);
    d->out[0] = bp_div(d->g, s, scalar_like(d->g, s, mean_count(d->g, &x, a)));
}

/* Rows stay apart where axis 0 is not averaged. */
static uint32_t mean_rows(const bp__shapes *s)
{
    const bp__axes_attrs *a = s->attrs;
    return s->in[0].rank && (!a->axes.n || a->axes.d[0] != 0) ? BP__ROWS | 1u
                                                              : 0;
}

bp_val bp_mean(bp_graph *g, bp_val x, int n, const int64_t *axes, bool keep)
{
    bp__axes_attrs a;
    memset(&a, 0, sizeof a);
    a.keep = keep;
    if (bp__value_of(g, x) &&
        !bp__take_axes(g, BP__OP_mean, x, n, axes, &a.axes))
        return BP_NIL;
    return bp__emit1(g, BP__OP_mean, &a, 1, &x);
}

static const bp__attrdef mean_attrs[] = {
    BP__ATTR(bp__axes_attrs, axes, DIMS),
    BP__ATTR(bp__axes_attrs, keep, BOOL),
    BP__ATTR_END,
};
static const bp__axes_attrs mean_all3 = {{3, {0, 1, 2}}, false},
                            mean_0 = {{1, {0}}, true},
                            mean_12 = {{2, {1, 2}}, false},
                            mean_02 = {{2, {0, 2}}, true},
                            mean_none = {{0, {0}}, false};
static const bp__case mean_cases[] = {
    {&mean_all3, 1, {BP__TF(-2, 2, 3, 1, 5)}, false, "of everything"},
    {&mean_all3, 1, {BP__TF(-2, 2, 3, 2, 2)}, true, "over the whole batch"},
    {&mean_0, 1, {BP__TF(-2, 2, 5, 3)}, true, "over the samples"},
    {&mean_12, 1, {BP__TF(-2, 2, 3, 2, 4)}, true, "of each sample"},
    {&mean_02, 1, {BP__TF(-2, 2, 3, 4, 2)}, false, "axes that stay"},
    {&mean_none, 1, {BP__TF(-2, 2, 3)}, false, "no axes: x itself"},
    {&mean_none, 1, {{.dtype = BP_F32, .rank = 0, .lo = -2, .hi = 2}}, false,
     "of a scalar"},
    {&mean_12, 1, {BP__TF(-2, 2, 0, 2, 4)}, false, "of no samples"},
};

const bp__opdef bp__op_mean = {
    .name = "mean",
    .sig = "(x:f[..]) {axes, keep} -> f[..]",
    .doc = "Mean over axes; over the whole batch, and replicated, where x "
           "varies and axis 0 is one of them. y = psum(sum(x)) / count",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__COMPOSITE | BP__LINEAR,
    .attrs = mean_attrs, .attrs_bytes = sizeof(bp__axes_attrs),
    .infer = mean_infer, .define = mean_define, .rows = mean_rows,
    .cases = mean_cases, .n_cases = BP__ARRAY_LEN(mean_cases),
};

/* ---- one_hot ------------------------------------------------------------ */

static bp_status one_hot_infer(bp__infer *q)
{
    const bp__one_hot_attrs *a = q->attrs;
    const bp__type *x = &q->in[0];
    char s[200];
    if (bp__infer_dtype(q, 0, BP__D_I32 | BP__D_U8) != BP_OK)
        return q->status;
    if (a->dtype < 0 || a->dtype >= BP_N_DTYPES)
        return bp__infer_fail(q, BP_EARG, "element type %d does not exist",
                              (int)a->dtype);
    if (a->depth < 0 || a->depth > INT32_MAX)
        return bp__infer_fail(q, BP_EARG, "depth %lld: it must be from 0 to "
                              "%d", (long long)a->depth, INT32_MAX);
    if (x->rank == BP_MAX_RANK)
        return bp__infer_fail(q, BP_ELIMIT, "of %s: the result would have "
                              "more than %d axes", bp__type_text(x, s),
                              BP_MAX_RANK);
    int64_t dims[BP_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[x->rank] = a->depth;
    bp__infer_set(q, 0, a->dtype, x->rank + 1, dims);
    return BP_OK;
}

/* y = cast(index[..,1] == iota(depth)) */
static void one_hot_define(const bp__define *d)
{
    const bp__one_hot_attrs *a = d->attrs;
    bp_graph *g = d->g;
    bp__type t = *bp__type_of(g, d->in[0]);
    t.dims[t.rank] = 1;
    bp_val x = bp_cast(g, d->in[0], BP_I32);
    x = bp_reshape(g, x, t.rank + 1, t.dims);
    bp_val hit = bp_eq(g, x, bp_iota(g, BP_I32, 1, &a->depth, 0));
    d->out[0] = bp_cast(g, hit, (bp_dtype)a->dtype);
}

static uint32_t one_hot_rows(const bp__shapes *s)
{
    return s->in[0].rank ? BP__ROWS | 1u : 0;
}

bp_val bp_one_hot(bp_graph *g, bp_val index, int64_t depth, bp_dtype dtype)
{
    bp__one_hot_attrs a;
    memset(&a, 0, sizeof a);
    a.depth = depth;
    a.dtype = dtype;
    return bp__emit1(g, BP__OP_one_hot, &a, 1, &index);
}

static const bp__attrdef one_hot_attrs[] = {
    BP__ATTR(bp__one_hot_attrs, depth, I64),
    BP__ATTR(bp__one_hot_attrs, dtype, DTYPE),
    BP__ATTR_END,
};
static const bp__one_hot_attrs one_hot_5 = {5, BP_F32},
                               one_hot_3b = {3, BP_BOOL},
                               one_hot_0 = {0, BP_F32};
static const bp__case one_hot_cases[] = {
    {&one_hot_5, 1, {BP__TI(-2, 6, 3, 4)}, true, "some out of range: zeros"},
    {&one_hot_3b, 1, {BP__TU(0, 2, 7)}, false, "u8 to bool"},
    {&one_hot_5, 1, {{.dtype = BP_I32, .rank = 0, .lo = 0, .hi = 4}}, false,
     "of a scalar"},
    {&one_hot_0, 1, {BP__TI(0, 4, 3)}, false, "no classes"},
};

const bp__opdef bp__op_one_hot = {
    .name = "one_hot",
    .sig = "(index:i[..]) {depth, dtype} -> dtype[..,depth]",
    .doc = "1 at the place of the index along a new last axis, 0 elsewhere; "
           "an index out of range gives zeros. y[..,k] = index[..] == k",
    .n_in = 1, .n_out = 1, .diff = {BP__NONDIFF}, .flags = BP__COMPOSITE,
    .attrs = one_hot_attrs, .attrs_bytes = sizeof(bp__one_hot_attrs),
    .infer = one_hot_infer, .define = one_hot_define, .rows = one_hot_rows,
    .cases = one_hot_cases, .n_cases = BP__ARRAY_LEN(one_hot_cases),
};

/* ---- dropout ------------------------------------------------------------ */

static bp_status dropout_infer(bp__infer *q)
{
    const bp__dropout_attrs *a = q->attrs;
    const bp__type *key = &q->in[1];
    char s[200];
    if (bp__infer_dtype(q, 0, BP__D_F) != BP_OK ||
        bp__infer_dtype(q, 1, BP__D_I32) != BP_OK)
        return q->status;
    if (key->rank != 1 || key->dims[0] != 4)
        return bp__infer_fail(q, BP_ESHAPE, "the key is %s: it must be i32[4]",
                              bp__type_text(key, s));
    if (!(a->p >= 0 && a->p < 1))
        return bp__infer_fail(q, BP_EARG, "probability %g: it must be at "
                              "least 0 and less than 1", a->p);
    bp__infer_set(q, 0, q->in[0].dtype, q->in[0].rank, q->in[0].dims);
    return BP_OK;
}

/* y = x (mask / (1 - p)), mask = bernoulli(1 - p) */
static void dropout_define(const bp__define *d)
{
    const bp__dropout_attrs *a = d->attrs;
    bp_graph *g = d->g;
    bp_val x = d->in[0];
    bp__type t = *bp__type_of(g, x);
    bp_val mask = bp_bernoulli(g, d->in[1], 1 - a->p, t.rank, t.dims,
                               a->stream, t.varying);
    mask = bp_cast(g, mask, (bp_dtype)t.dtype);
    d->out[0] = bp_mul(g, x, bp_mul_scalar(g, mask, 1 / (1 - a->p)));
}

static uint32_t dropout_rows(const bp__shapes *s)
{
    return s->in[0].rank ? BP__ROWS | 1u : 0;
}

bp_val bp_dropout(bp_graph *g, bp_val x, bp_val key, double p, int64_t stream)
{
    bp__dropout_attrs a = {p, stream};
    return bp__emit1(g, BP__OP_dropout, &a, 2, (bp_val[]){x, key});
}

static const bp__attrdef dropout_attrs[] = {
    BP__ATTR(bp__dropout_attrs, p, F64),
    BP__ATTR(bp__dropout_attrs, stream, I64),
    BP__ATTR_END,
};
static const bp__dropout_attrs dropout_half = {0.5, 3}, dropout_none = {0, 0};
static const bp__case dropout_cases[] = {
    {&dropout_half, 2, {BP__TF(-2, 2, 5, 7), BP__TI(0, 1000, 4)}, false, NULL},
    {&dropout_none, 2, {BP__TF(-2, 2, 3, 2), BP__TI(0, 1000, 4)}, false,
     "nothing is dropped"},
    {&dropout_half, 2, {BP__TF(-2, 2, 0, 2), BP__TI(0, 1000, 4)}, false,
     "no samples"},
};

const bp__opdef bp__op_dropout = {
    .name = "dropout",
    .sig = "(x:f[..], key:i32[4]) {p, stream} -> f[..]",
    .doc = "0 with probability p, otherwise x / (1 - p). "
           "y = x bernoulli(1 - p) / (1 - p)",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__NONDIFF},
    .flags = BP__COMPOSITE | BP__RANDOM | BP__LINEAR,
    .attrs = dropout_attrs, .attrs_bytes = sizeof(bp__dropout_attrs),
    .infer = dropout_infer, .define = dropout_define, .rows = dropout_rows,
    .cases = dropout_cases, .n_cases = BP__ARRAY_LEN(dropout_cases),
};
