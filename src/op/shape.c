/* Data movement with a fixed pattern: reshape, permute, broadcast, slice, pad,
 * concat, flip. Any element type; the kernels copy bytes. The set is closed
 * under transposition: permute and flip undo themselves, slice and pad are
 * each other's, concat's is slices, broadcast's is sum. */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

static const bp__attrdef dims_attrdefs[] = {
    BP__ATTR(bp__dims_attrs, dims, DIMS), BP__ATTR_END};

static bool bad_rank(bp_graph *g, bp__op op, int rank)
{
    if (rank >= 0 && rank <= BP_MAX_RANK)
        return false;
    bp__fail(g, BP_ELIMIT, SIZE_MAX, "%s to rank %d: 0 to %d are allowed",
             bp__ops[op]->name, rank, BP_MAX_RANK);
    return true;
}

static size_t element_bytes(const bp__tensor *t)
{
    return bp_dtype_bytes((bp_dtype)t->type.dtype);
}

/* ---- reshape ---- */

static bp_status infer_reshape(bp__infer *q)
{
    const bp__dims_attrs *a = q->attrs;
    char t[200], d[200];
    bp_status s = bp__infer_dims(q, &a->dims);
    if (s != BP_OK)
        return s;
    bp__infer_set(q, 0, q->in[0].dtype, a->dims.n, a->dims.d);
    int64_t have = bp__numel(&q->in[0]), want = bp__numel(&q->out[0]);
    if (have != want)
        return bp__infer_fail(q, BP_ESHAPE,
                              "%s has %lld elements, %s has %lld",
                              bp__type_text(&q->in[0], t), (long long)have,
                              bp__dims_text(&a->dims, d), (long long)want);
    return BP_OK;
}

/* A row stays a row where the first axis does. */
static uint32_t reshape_rows(const bp__shapes *s)
{
    const bp__type *in = &s->in[0], *out = &s->out[0];
    if (in->rank < 1 || out->rank < 1 || in->dims[0] != out->dims[0])
        return 0;
    return BP__ROWS | 1;
}

/* dx = dy in x's shape */
static void reshape_vjp(const bp__vjp *v)
{
    const bp__type *t = bp__type_of(v->g, v->in[0]);
    int64_t dims[BP_MAX_RANK];
    memcpy(dims, t->dims, sizeof dims);
    v->dx[0] = bp_reshape(v->g, v->dy[0], t->rank, dims);
}

bp_val bp_reshape(bp_graph *g, bp_val x, int rank, const int64_t *dims)
{
    if (!bp__ok(g) || bad_rank(g, BP__OP_reshape, rank))
        return BP_NIL;
    bp__dims_attrs a = {bp__make_dims(rank, dims)};
    int64_t known = 1;
    int open = -1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] == -1 && open < 0)
            open = i;
        else if (dims[i] > 0 && known <= INT64_MAX / dims[i])
            known *= dims[i];
        else
            known = 0;
    }
    if (open >= 0) {
        int64_t n = bp_val_numel(g, x);
        char t[200], d[200];
        if (bp__value_of(g, x) && (known <= 0 || n % known != 0)) {
            bp__fail(g, BP_ESHAPE, SIZE_MAX,
                     "reshape of %s to %s: there is no whole size for the -1",
                     bp__type_text(bp__type_of(g, x), t),
                     bp__dims_text(&a.dims, d));
            return BP_NIL;
        }
        a.dims.d[open] = known > 0 ? n / known : 0;
    }
    return bp__emit1(g, BP__OP_reshape, &a, 1, &x);
}

static const bp__dims_attrs to_4_3 = {{2, {4, 3}}}, to_2_6 = {{2, {2, 6}}},
                            to_scalar = {{0, {0}}}, to_1 = {{1, {1}}},
                            to_2_3_2 = {{3, {2, 3, 2}}};
static const bp__case reshape_cases[] = {
    {&to_4_3, 1, {BP__TF(-2, 2, 3, 4)}, false, NULL},
    {&to_2_6, 1, {BP__TF(-2, 2, 2, 3, 2)}, false, "keeps rows"},
    {&to_scalar, 1, {BP__TF(-2, 2, 1, 1)}, false, "to a scalar"},
    {&to_1, 1, {{BP_F32, 0, {0}, -2, 2, 0, {0}, false}}, false,
     "from a scalar"},
    {&to_2_6, 1, {BP__TU(0, 9, 12)}, false, NULL},
    {&to_2_3_2, 1, {BP__TF(-2, 2, 2, 6)}, true, "varying"},
};

const bp__opdef bp__op_reshape = {
    .name = "reshape", .sig = "(x:any[..]) {dims} -> same[dims]",
    .doc = "The same elements in row-major order under other dims: y = x.",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__ALIAS_IN0 | BP__VIEW | BP__LINEAR,
    .attrs = dims_attrdefs, .attrs_bytes = sizeof(bp__dims_attrs),
    .infer = infer_reshape, .vjp = reshape_vjp, .rows = reshape_rows,
    .ref = bp__ref_copy, .cases = reshape_cases,
    .n_cases = BP__ARRAY_LEN(reshape_cases),
};

/* ---- permute ---- */

static bp_status infer_permute(bp__infer *q)
{
    const bp__dims_attrs *a = q->attrs;
    const bp__type *in = &q->in[0];
    char t[200], d[200];
    unsigned seen = 0;
    for (int i = 0; i < a->dims.n && i < in->rank; i++)
        if (a->dims.d[i] >= 0 && a->dims.d[i] < in->rank)
            seen |= 1u << a->dims.d[i];
    if (a->dims.n != in->rank || seen != (1u << in->rank) - 1)
        return bp__infer_fail(q, BP_EARG,
                              "%s are not the axes of %s, each once",
                              bp__dims_text(&a->dims, d),
                              bp__type_text(in, t));
    int64_t dims[BP_MAX_RANK] = {0};
    for (int i = 0; i < in->rank; i++)
        dims[i] = in->dims[a->dims.d[i]];
    bp__infer_set(q, 0, in->dtype, in->rank, dims);
    return BP_OK;
}

static uint32_t permute_rows(const bp__shapes *s)
{
    const bp__dims_attrs *a = s->attrs;
    return a->dims.n > 0 && a->dims.d[0] == 0 ? BP__ROWS | 1 : 0;
}

static void permute_ref(const bp__kargs *k)
{
    const bp__dims_attrs *a = k->attrs;
    const bp__type *in = &k->in[0].type, *out = &k->out[0].type;
    int64_t dense[BP_MAX_RANK], from[BP_MAX_RANK], to[BP_MAX_RANK];
    bp__strides(in->rank, in->dims, dense);
    bp__strides(out->rank, out->dims, to);
    for (int i = 0; i < out->rank; i++)
        from[i] = dense[a->dims.d[i]];
    bp__copy_strided(k->out[0].data, 0, to, k->in[0].data, 0, from, out->rank,
                     out->dims, element_bytes(&k->out[0]));
}

/* dx = dy with its axes put back */
static void permute_vjp(const bp__vjp *v)
{
    const bp__dims_attrs *a = v->attrs;
    int64_t back[BP_MAX_RANK] = {0};
    for (int i = 0; i < a->dims.n; i++)
        back[a->dims.d[i]] = i;
    v->dx[0] = bp_permute(v->g, v->dy[0], back);
}

bp_val bp_permute(bp_graph *g, bp_val x, const int64_t *axes)
{
    int rank = bp__type_of(g, x)->rank;
    bp__dims_attrs a = {bp__make_dims(rank, axes)};
    for (int i = 0; i < rank; i++)
        if (a.dims.d[i] < 0)
            a.dims.d[i] += rank;
    return bp__emit1(g, BP__OP_permute, &a, 1, &x);
}

static const bp__dims_attrs perm_10 = {{2, {1, 0}}},
                            perm_201 = {{3, {2, 0, 1}}},
                            perm_021 = {{3, {0, 2, 1}}},
                            perm_0231 = {{4, {0, 2, 3, 1}}};
static const bp__case permute_cases[] = {
    {&perm_10, 1, {BP__TF(-2, 2, 3, 4)}, false, NULL},
    {&perm_201, 1, {BP__TF(-2, 2, 2, 3, 4)}, false, NULL},
    {&perm_021, 1, {BP__TI(-9, 9, 2, 3, 4)}, false, "keeps rows"},
    {&perm_0231, 1, {BP__TF(-2, 2, 2, 3, 2, 2)}, true, "varying"},
};

const bp__opdef bp__op_permute = {
    .name = "permute", .sig = "(x:any[..]) {dims} -> same[..]",
    .doc = "Axes in another order: axis i of y is axis dims[i] of x.",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__LINEAR,
    .attrs = dims_attrdefs, .attrs_bytes = sizeof(bp__dims_attrs),
    .infer = infer_permute, .vjp = permute_vjp, .rows = permute_rows,
    .ref = permute_ref, .cases = permute_cases,
    .n_cases = BP__ARRAY_LEN(permute_cases),
};

/* ---- broadcast ---- */

static bp_status infer_broadcast(bp__infer *q)
{
    const bp__dims_attrs *a = q->attrs;
    char t[200], d[200];
    bp_status s = bp__infer_dims(q, &a->dims);
    if (s != BP_OK)
        return s;
    bp__infer_set(q, 0, q->in[0].dtype, a->dims.n, a->dims.d);
    bp__type both;
    if (!bp__broadcast_dims(&q->in[0], &q->out[0], &both) ||
        !bp__same_dims(&both, &q->out[0]))
        return bp__infer_fail(q, BP_ESHAPE,
                              "%s does not broadcast to %s: sizes must be "
                              "equal or 1, counted from the last axis",
                              bp__type_text(&q->in[0], t),
                              bp__dims_text(&a->dims, d));
    return BP_OK;
}

static void broadcast_ref(const bp__kargs *k)
{
    const bp__type *out = &k->out[0].type;
    int64_t from[BP_MAX_RANK], to[BP_MAX_RANK];
    bp__strides(out->rank, out->dims, to);
    bp__broadcast_strides(&k->in[0].type, out, from);
    bp__copy_strided(k->out[0].data, 0, to, k->in[0].data, 0, from, out->rank,
                     out->dims, element_bytes(&k->out[0]));
}

/* dx = sum of dy over the axes that were repeated */
static void broadcast_vjp(const bp__vjp *v)
{
    bp_graph *g = v->g;
    bp__type in = *bp__type_of(g, v->in[0]);
    bp__type out = *bp__type_of(g, v->out[0]);
    int64_t axes[BP_MAX_RANK];
    int n = 0;
    for (int i = 0; i < out.rank; i++) {
        int k = i - (out.rank - in.rank);
        if (k < 0 || (in.dims[k] == 1 && out.dims[i] != 1))
            axes[n++] = i;
    }
    bp_val dx = n ? bp_sum(g, v->dy[0], n, axes, true) : v->dy[0];
    v->dx[0] = out.rank == in.rank ? dx
                                   : bp_reshape(g, dx, in.rank, in.dims);
}

bp_val bp_broadcast(bp_graph *g, bp_val x, int rank, const int64_t *dims)
{
    if (!bp__ok(g) || bad_rank(g, BP__OP_broadcast, rank))
        return BP_NIL;
    bp__dims_attrs a = {bp__make_dims(rank, dims)};
    return bp__emit1(g, BP__OP_broadcast, &a, 1, &x);
}

static const bp__dims_attrs to_3_4 = {{2, {3, 4}}},
                            to_2_3_4 = {{3, {2, 3, 4}}};
static const bp__case broadcast_cases[] = {
    {&to_3_4, 1, {BP__TF(-2, 2, 3, 1)}, false, "columns"},
    {&to_3_4, 1, {BP__TF(-2, 2, 4)}, false, "rows"},
    {&to_2_3_4, 1, {BP__TF(-2, 2, 2, 1, 4)}, false, "in the middle"},
    {&to_2_3_4, 1, {{BP_F32, 0, {0}, -2, 2, 0, {0}, false}}, false,
     "a scalar"},
    {&to_3_4, 1, {BP__TB(1, 4)}, false, NULL},
    {&to_3_4, 1, {BP__TF(-2, 2, 3, 1)}, true, "varying"},
};

const bp__opdef bp__op_broadcast = {
    .name = "broadcast", .sig = "(x:any[..]) {dims} -> same[dims]",
    .doc = "Repeats axes of size 1, and missing leading ones, as NumPy does: "
           "y[i] = x[i without them].",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__LINEAR,
    .attrs = dims_attrdefs, .attrs_bytes = sizeof(bp__dims_attrs),
    .infer = infer_broadcast, .vjp = broadcast_vjp,
    .rows = bp__rows_elemwise, .ref = broadcast_ref,
    .cases = broadcast_cases, .n_cases = BP__ARRAY_LEN(broadcast_cases),
};

/* ---- flip ---- */

static bp_status infer_flip(bp__infer *q)
{
    const bp__dims_attrs *a = q->attrs;
    const bp__type *in = &q->in[0];
    char t[200], d[200];
    int64_t last = -1;
    for (int i = 0; i < a->dims.n; i++) {
        if (a->dims.d[i] <= last || a->dims.d[i] >= in->rank)
            return bp__infer_fail(q, BP_EARG,
                                  "axes %s of %s must rise and exist",
                                  bp__dims_text(&a->dims, d),
                                  bp__type_text(in, t));
        last = a->dims.d[i];
    }
    bp__infer_set(q, 0, in->dtype, in->rank, in->dims);
    return BP_OK;
}

static uint32_t flip_rows(const bp__shapes *s)
{
    const bp__dims_attrs *a = s->attrs;
    /* Axes rise: the first one is the lowest. */
    bool rows = a->dims.n > 0 && a->dims.d[0] == 0;
    return s->in[0].rank > 0 && !rows ? BP__ROWS | 1 : 0;
}

static void flip_ref(const bp__kargs *k)
{
    const bp__dims_attrs *a = k->attrs;
    const bp__type *t = &k->out[0].type;
    int64_t from[BP_MAX_RANK], to[BP_MAX_RANK], start = 0;
    bp__strides(t->rank, t->dims, to);
    memcpy(from, to, sizeof(int64_t) * t->rank);
    for (int i = 0; i < a->dims.n; i++) {
        int64_t axis = a->dims.d[i];
        start += from[axis] * (t->dims[axis] - 1);
        from[axis] = -from[axis];
    }
    bp__copy_strided(k->out[0].data, 0, to, k->in[0].data, start, from,
                     t->rank, t->dims, element_bytes(&k->out[0]));
}

/* dx = dy, flipped along the same axes */
static void flip_vjp(const bp__vjp *v)
{
    const bp__dims_attrs *a = v->attrs;
    v->dx[0] = bp_flip(v->g, v->dy[0], a->dims.n, a->dims.d);
}

bp_val bp_flip(bp_graph *g, bp_val x, int n, const int64_t *axes)
{
    bp__dims_attrs a;
    memset(&a, 0, sizeof a);
    if (bp__value_of(g, x) &&
        !bp__take_axes(g, BP__OP_flip, x, n, axes, &a.dims))
        return BP_NIL;
    return bp__emit1(g, BP__OP_flip, &a, 1, &x);
}

static const bp__dims_attrs flip_1 = {{1, {1}}}, flip_02 = {{2, {0, 2}}},
                            flip_none = {{0, {0}}};
static const bp__case flip_cases[] = {
    {&flip_1, 1, {BP__TF(-2, 2, 3, 4)}, false, NULL},
    {&flip_02, 1, {BP__TF(-2, 2, 2, 3, 4)}, false, "outer and inner"},
    {&flip_1, 1, {BP__TU(0, 9, 3, 4, 2)}, false, NULL},
    {&flip_none, 1, {BP__TF(-2, 2, 3)}, false, "no axis"},
    {&flip_1, 1, {BP__TF(-2, 2, 3, 4)}, true, "varying"},
};

const bp__opdef bp__op_flip = {
    .name = "flip", .sig = "(x:any[..]) {dims} -> same",
    .doc = "Reverses axes: y[.., i, ..] = x[.., n - 1 - i, ..].",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__LINEAR,
    .attrs = dims_attrdefs, .attrs_bytes = sizeof(bp__dims_attrs),
    .infer = infer_flip, .vjp = flip_vjp, .rows = flip_rows, .ref = flip_ref,
    .cases = flip_cases, .n_cases = BP__ARRAY_LEN(flip_cases),
};
