/* Data movement by an index: gather and its transpose, scatter_add. An index
 * out of range is skipped and counted; the run then fails. */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

/* x as [outer, n, inner] around the axis; m indices. */
struct indexed {
    int64_t outer, n, inner, m;
};

static struct indexed split_at(const bp__type *x, int64_t axis,
                               const bp__type *index)
{
    struct indexed s = {1, x->dims[axis], 1, bp__numel(index)};
    for (int i = 0; i < x->rank; i++) {
        if (i < axis)
            s.outer *= x->dims[i];
        else if (i > axis)
            s.inner *= x->dims[i];
    }
    return s;
}

/* Dims of `x` with `axis` replaced by `n` dims. */
static bp_status replace_axis(bp__infer *q, const bp__type *x, int64_t axis,
                              int n, const int64_t *dims)
{
    int64_t out[2 * BP_MAX_RANK];
    int rank = 0;
    if (x->rank - 1 + n > BP_MAX_RANK)
        return bp__infer_fail(q, BP_ELIMIT, "the result would have rank %d: "
                              "at most %d are allowed", x->rank - 1 + n,
                              BP_MAX_RANK);
    for (int i = 0; i < axis; i++)
        out[rank++] = x->dims[i];
    for (int i = 0; i < n; i++)
        out[rank++] = dims[i];
    for (int i = (int)axis + 1; i < x->rank; i++)
        out[rank++] = x->dims[i];
    bp__infer_set(q, 0, x->dtype, rank, out);
    return BP_OK;
}

/* ---- gather ---- */

static const bp__attrdef gather_attrdefs[] = {
    BP__ATTR(bp__gather_attrs, axis, I64), BP__ATTR_END};

static bp_status infer_gather(bp__infer *q)
{
    const bp__gather_attrs *a = q->attrs;
    const bp__type *x = &q->in[0], *index = &q->in[1];
    char t[200];
    bp_status s = bp__infer_dtype(q, 1, BP__D_I32);
    if (s != BP_OK)
        return s;
    if (a->axis < 0 || a->axis >= x->rank)
        return bp__infer_fail(q, BP_EARG, "axis %lld of %s does not exist",
                              (long long)a->axis, bp__type_text(x, t));
    return replace_axis(q, x, a->axis, index->rank, index->dims);
}

/* Along axis 0 output rows follow the index's; else they follow x's. */
static uint32_t gather_rows(const bp__shapes *s)
{
    const bp__gather_attrs *a = s->attrs;
    if (a->axis > 0)
        return BP__ROWS | 1;
    return s->in[1].rank > 0 ? BP__ROWS | 2 : 0;
}

static void gather_ref(const bp__kargs *k)
{
    const bp__gather_attrs *a = k->attrs;
    struct indexed s = split_at(&k->in[0].type, a->axis, &k->in[1].type);
    const int32_t *index = k->in[1].data;
    const char *x = k->in[0].data;
    char *y = k->out[0].data;
    size_t element = bp_dtype_bytes((bp_dtype)k->out[0].type.dtype);
    size_t run = (size_t)s.inner * element;
    if (run == 0)
        return;
    for (int64_t o = 0; o < s.outer; o++)
        for (int64_t j = 0; j < s.m; j++) {
            char *to = y + (size_t)(o * s.m + j) * run;
            if (index[j] >= 0 && index[j] < s.n) {
                memcpy(to, x + (size_t)(o * s.n + index[j]) * run, run);
            } else {
                memset(to, 0, run);
                ++*k->faults;
            }
        }
}

/* dx = dy, scattered to where it was gathered */
static void gather_vjp(const bp__vjp *v)
{
    const bp__gather_attrs *a = v->attrs;
    int64_t size = bp__type_of(v->g, v->in[0])->dims[a->axis];
    if (v->need & 1)
        v->dx[0] = bp_scatter_add(v->g, v->dy[0], v->in[1], a->axis, size);
}

bp_val bp_gather(bp_graph *g, bp_val x, bp_val index, int64_t axis)
{
    bp__gather_attrs a = {0};
    bp_val in[] = {x, index};
    if (bp__value_of(g, x) &&
        (a.axis = bp__take_axis(g, BP__OP_gather, x, axis)) < 0)
        return BP_NIL;
    return bp__emit1(g, BP__OP_gather, &a, 2, in);
}

static const bp__gather_attrs gather_0 = {0}, gather_1 = {1};
static const bp__case gather_cases[] = {
    {&gather_0, 2, {BP__TF(-2, 2, 5, 3), BP__TI(0, 4, 4)}, false, "rows"},
    {&gather_1, 2, {BP__TF(-2, 2, 2, 4, 3), BP__TI(0, 3, 2, 3)}, false,
     "a matrix of indices"},
    {&gather_1, 2, {BP__TF(-2, 2, 3, 4), {BP_I32, 0, {0}, 0, 3, 0, {0},
                                          false}}, false, "one index"},
    {&gather_0, 2, {BP__TU(0, 9, 6), BP__TI(0, 5, 2, 2)}, false, NULL},
    {&gather_0, 2, {BP__TF(-2, 2, 5, 2), BP__TI(0, 4, 5, 2)}, true,
     "varying"},
};

const bp__opdef bp__op_gather = {
    .name = "gather", .sig = "(x:any[..], index:i32[..]) {axis} -> same[..]",
    .doc = "Picks along axis, which the index's dims replace: "
           "y[.., j, ..] = x[.., index[j], ..].",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__NONDIFF},
    .flags = BP__FAULTS | BP__LINEAR, .attrs = gather_attrdefs,
    .attrs_bytes = sizeof(bp__gather_attrs), .infer = infer_gather,
    .vjp = gather_vjp, .rows = gather_rows, .ref = gather_ref,
    .cases = gather_cases, .n_cases = BP__ARRAY_LEN(gather_cases),
};

/* ---- scatter_add ---- */

static const bp__attrdef scatter_attrdefs[] = {
    BP__ATTR(bp__scatter_attrs, axis, I64),
    BP__ATTR(bp__scatter_attrs, size, I64), BP__ATTR_END};

static bp_status infer_scatter(bp__infer *q)
{
    const bp__scatter_attrs *a = q->attrs;
    const bp__type *x = &q->in[0], *index = &q->in[1];
    char t[200], u[200];
    bp_status s = bp__infer_dtype(q, 0, BP__D_NUM);
    if (s == BP_OK)
        s = bp__infer_dtype(q, 1, BP__D_I32);
    if (s != BP_OK)
        return s;
    bool fits = a->axis >= 0 && a->axis + index->rank <= x->rank;
    for (int i = 0; fits && i < index->rank; i++)
        fits = x->dims[a->axis + i] == index->dims[i];
    if (!fits)
        return bp__infer_fail(q, BP_ESHAPE,
                              "%s from axis %lld on must have the dims of the "
                              "index, %s", bp__type_text(x, t),
                              (long long)a->axis, bp__type_text(index, u));
    if (a->size < 0)
        return bp__infer_fail(q, BP_EARG, "size %lld is negative",
                              (long long)a->size);
    int64_t dims[BP_MAX_RANK];
    int rank = 0;
    if (x->rank - index->rank + 1 > BP_MAX_RANK)
        return bp__infer_fail(q, BP_ELIMIT, "%s and one more axis: rank %d is "
                              "the limit", bp__type_text(x, t), BP_MAX_RANK);
    for (int i = 0; i < a->axis; i++)
        dims[rank++] = x->dims[i];
    dims[rank++] = a->size;
    for (int i = (int)a->axis + index->rank; i < x->rank; i++)
        dims[rank++] = x->dims[i];
    bp__infer_set(q, 0, x->dtype, rank, dims);
    return BP_OK;
}

static uint32_t scatter_rows(const bp__shapes *s)
{
    const bp__scatter_attrs *a = s->attrs;
    return a->axis > 0 ? BP__ROWS | 1 : 0;
}

/* Added in order of the index. */
#define SCATTER(T, ACC)                                                     \
    do {                                                                    \
        const T *x = k->in[0].data;                                         \
        T *y = k->out[0].data;                                              \
        for (int64_t o = 0; o < s.outer; o++)                               \
            for (int64_t j = 0; j < s.m; j++) {                             \
                if (index[j] < 0 || index[j] >= s.n) {                      \
                    ++*k->faults;                                           \
                    continue;                                               \
                }                                                           \
                const T *from = x + (o * s.m + j) * s.inner;                \
                T *to = y + (o * s.n + index[j]) * s.inner;                 \
                for (int64_t i = 0; i < s.inner; i++)                       \
                    to[i] = (T)((ACC)to[i] + (ACC)from[i]);                 \
            }                                                               \
    } while (0)

static void scatter_ref(const bp__kargs *k)
{
    const bp__scatter_attrs *a = k->attrs;
    struct indexed s = split_at(&k->out[0].type, a->axis, &k->in[1].type);
    const int32_t *index = k->in[1].data;
    size_t bytes = bp__type_bytes(&k->out[0].type);
    if (bytes)
        memset(k->out[0].data, 0, bytes);
    if (s.inner == 0)
        return;
    if (k->out[0].type.dtype == BP_F32)
        SCATTER(float, float);
    else if (k->out[0].type.dtype == BP_F64)
        SCATTER(double, double);
    else
        SCATTER(int32_t, uint32_t);
}

/* dx = dy, gathered from where it was scattered to */
static void scatter_vjp(const bp__vjp *v)
{
    const bp__scatter_attrs *a = v->attrs;
    if (v->need & 1)
        v->dx[0] = bp_gather(v->g, v->dy[0], v->in[1], a->axis);
}

bp_val bp_scatter_add(bp_graph *g, bp_val x, bp_val index, int64_t axis,
                      int64_t size)
{
    /* Counted from the end, the axis is one of the result. */
    int rank = bp__type_of(g, x)->rank - bp__type_of(g, index)->rank + 1;
    bp__scatter_attrs a = {axis < 0 ? axis + rank : axis, size};
    bp_val in[] = {x, index};
    return bp__emit1(g, BP__OP_scatter_add, &a, 2, in);
}

static const bp__scatter_attrs scatter_0 = {0, 5}, scatter_1 = {1, 3};
static const bp__case scatter_cases[] = {
    {&scatter_0, 2, {BP__TF(-2, 2, 4, 3), BP__TI(0, 4, 4)}, false, "rows"},
    {&scatter_1, 2, {BP__TF(-2, 2, 2, 2, 3, 2), BP__TI(0, 2, 2, 3)}, false,
     "a matrix of indices"},
    {&scatter_1, 2, {BP__TF(-2, 2, 2, 3), {BP_I32, 0, {0}, 0, 2, 0, {0},
                                           false}}, false, "one index"},
    {&scatter_0, 2, {BP__TI(-9, 9, 6), BP__TI(0, 4, 6)}, false, NULL},
    {&scatter_1, 2, {BP__TF(-2, 2, 3, 3), BP__TI(0, 2, 3)}, true, "varying"},
};

const bp__opdef bp__op_scatter_add = {
    .name = "scatter_add",
    .sig = "(x:f|i32[..], index:i32[..]) {axis, size} -> same[..]",
    .doc = "Transpose of gather: y[.., i, ..] = sum of x[.., j, ..] over all "
           "j with index[j] = i.",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__NONDIFF},
    .flags = BP__FAULTS | BP__LINEAR, .attrs = scatter_attrdefs,
    .attrs_bytes = sizeof(bp__scatter_attrs), .infer = infer_scatter,
    .vjp = scatter_vjp, .rows = scatter_rows, .ref = scatter_ref,
    .cases = scatter_cases, .n_cases = BP__ARRAY_LEN(scatter_cases),
};
