/* Matrix products with batch axes and transposes.
 *
 * One op serves forward and backward: the adjoint of either operand is a
 * product again, so the row is closed under transposition. The reference
 * kernel adds up in f64 for both element types, in the order of k.
 */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

typedef struct mm_dims { /* of the operands as they are multiplied */
    int64_t m, n, ka, kb;
} mm_dims;

static mm_dims mm_read(const bp__type *a, const bp__type *b,
                       const bp__matmul_attrs *at)
{
    const int64_t *da = a->dims + a->rank - 2, *db = b->dims + b->rank - 2;
    return (mm_dims){.m = da[at->ta], .ka = da[!at->ta],
                     .kb = db[at->tb], .n = db[!at->tb]};
}

/* The type without its last two axes. */
static bp__type mm_lead(const bp__type *t)
{
    return bp__make_type((bp_dtype)t->dtype, t->rank - 2, t->dims);
}

static bp_status mm_infer(bp__infer *q)
{
    const bp__matmul_attrs *at = q->attrs;
    const bp__type *a = &q->in[0], *b = &q->in[1];
    char s[200], u[200];
    for (int i = 0; i < 2; i++)
        if (bp__infer_dtype(q, i, BP__D_F) != BP_OK)
            return q->status;
    bp__type_text(a, s);
    bp__type_text(b, u);
    if (a->dtype != b->dtype)
        return bp__infer_fail(q, BP_EDTYPE, "%s x %s: both operands must have "
                              "one element type; cast one of them", s, u);
    if (a->rank < 2 || b->rank < 2)
        return bp__infer_fail(q, BP_ESHAPE, "%s x %s: both operands need at "
                              "least 2 axes; reshape a vector to [1,K] or "
                              "[K,1]", s, u);
    mm_dims d = mm_read(a, b, at);
    if (d.ka != d.kb)
        return bp__infer_fail(
            q, BP_ESHAPE, "%s%s x %s%s: the inner sizes %lld and %lld differ",
            s, at->ta ? " transposed" : "", u, at->tb ? " transposed" : "",
            (long long)d.ka, (long long)d.kb);
    bp__type la = mm_lead(a), lb = mm_lead(b), out = la;
    if (!bp__broadcast_dims(&la, &lb, &out))
        return bp__infer_fail(
            q, BP_ESHAPE, "%s x %s: the axes before the last two do not "
            "broadcast: sizes must be equal or 1", s, u);
    int64_t dims[BP_MAX_RANK];
    memcpy(dims, out.dims, sizeof dims);
    dims[out.rank] = d.m;
    dims[out.rank + 1] = d.n;
    bp__infer_set(q, 0, a->dtype, out.rank + 2, dims);
    return BP_OK;
}

/* da = dy op(b)', db = op(a)' dy, each transposed where the operand was. */
static void mm_vjp(const bp__vjp *v)
{
    const bp__matmul_attrs *at = v->attrs;
    bp_val a = v->in[0], b = v->in[1], dy = v->dy[0];
    if (v->need & 1)
        v->dx[0] = at->ta ? bp_matmul(v->g, b, dy, at->tb, true)
                          : bp_matmul(v->g, dy, b, false, !at->tb);
    if (v->need & 2)
        v->dx[1] = at->tb ? bp_matmul(v->g, dy, a, true, at->ta)
                          : bp_matmul(v->g, a, dy, !at->ta, false);
}

/* Without batch axes a row of the output is one of m: a row of `a`, or, with
 * ta, a column, which the kernel finds by first_row. */
static uint32_t mm_rows(const bp__shapes *s)
{
    const bp__matmul_attrs *at = s->attrs;
    const bp__type *out = &s->out[0];
    if (out->rank == 2)
        return BP__ROWS | (at->ta ? 0u : 1u);
    uint32_t mask = BP__ROWS;
    for (int i = 0; i < 2; i++)
        if (s->in[i].rank == out->rank && s->in[i].dims[0] == out->dims[0])
            mask |= 1u << i;
    return mask;
}

/* y[m,n] = sum over k of a[m * am + k * ak] b[k * bk + n * bn] */
typedef struct mm_plane {
    int64_t m, n, k, am, ak, bk, bn;
} mm_plane;

#define REF_T float
#define REF(name) name##_f32
#include "op/matmul_ref.inc"
#undef REF_T
#undef REF
#define REF_T double
#define REF(name) name##_f64
#include "op/matmul_ref.inc"
#undef REF_T
#undef REF

/* Offsets of the operands' matrices for batch number i of the output. */
static void mm_offsets(const bp__kargs *k, int64_t i, int64_t *off)
{
    const bp__type *out = &k->out[0].type;
    off[0] = off[1] = 0;
    int64_t size[2] = {1, 1};
    for (int p = 0; p < 2; p++) {
        const bp__type *t = &k->in[p].type;
        size[p] = t->dims[t->rank - 2] * t->dims[t->rank - 1];
    }
    for (int ax = out->rank - 3; ax >= 0; ax--) {
        int64_t at = i % out->dims[ax];
        i /= out->dims[ax];
        for (int p = 0; p < 2; p++) {
            const bp__type *t = &k->in[p].type;
            int mine = ax - (out->rank - t->rank);
            if (mine < 0)
                continue;
            if (t->dims[mine] != 1)
                off[p] += at * size[p];
            size[p] *= t->dims[mine];
        }
    }
}

static void mm_ref(const bp__kargs *k)
{
    const bp__matmul_attrs *at = k->attrs;
    const bp__type *a = &k->in[0].type, *b = &k->in[1].type;
    const bp__type *out = &k->out[0].type;
    int64_t ca = a->dims[a->rank - 1], cb = b->dims[b->rank - 1];
    mm_plane p = {.m = out->dims[out->rank - 2],
                  .n = out->dims[out->rank - 1],
                  .k = at->ta ? a->dims[a->rank - 2] : ca,
                  .am = at->ta ? 1 : ca, .ak = at->ta ? ca : 1,
                  .bk = at->tb ? 1 : cb, .bn = at->tb ? cb : 1};
    int64_t n_batch = 1, column = out->rank == 2 && at->ta ? k->first_row : 0;
    for (int i = 0; i < out->rank - 2; i++)
        n_batch *= out->dims[i];
    for (int64_t i = 0; i < n_batch; i++) {
        int64_t off[2], y = i * p.m * p.n;
        mm_offsets(k, i, off);
        off[0] += column;
        if (out->dtype == BP_F32)
            mm_product_f32(&p, (float *)k->out[0].data + y,
                           (const float *)k->in[0].data + off[0],
                           (const float *)k->in[1].data + off[1]);
        else
            mm_product_f64(&p, (double *)k->out[0].data + y,
                           (const double *)k->in[0].data + off[0],
                           (const double *)k->in[1].data + off[1]);
    }
}

bp_val bp_matmul(bp_graph *g, bp_val a, bp_val b, bool ta, bool tb)
{
    bp__matmul_attrs at = {.ta = ta, .tb = tb};
    return bp__emit1(g, BP__OP_matmul, &at, 2, (bp_val[]){a, b});
}

static const bp__attrdef mm_attrs[] = {
    BP__ATTR(bp__matmul_attrs, ta, BOOL),
    BP__ATTR(bp__matmul_attrs, tb, BOOL),
    BP__ATTR_END,
};

static const bp__matmul_attrs mm_nn = {false, false}, mm_nt = {false, true},
                              mm_tn = {true, false}, mm_tt = {true, true};
static const bp__case mm_cases[] = {
    {&mm_nn, 2, {BP__TF(-1, 1, 3, 5), BP__TF(-1, 1, 5, 2)}, false, NULL},
    {&mm_nt, 2, {BP__TF(-1, 1, 3, 4), BP__TF(-1, 1, 5, 4)}, false, "b'"},
    {&mm_tn, 2, {BP__TF(-1, 1, 4, 3), BP__TF(-1, 1, 4, 2)}, false, "a'"},
    {&mm_tt, 2, {BP__TF(-1, 1, 2, 3), BP__TF(-1, 1, 5, 2)}, false, "a' b'"},
    {&mm_nn, 2, {BP__TF(-1, 1, 7, 1), BP__TF(-1, 1, 1, 67)}, false,
     "an outer product, wider than a block"},
    {&mm_nn, 2, {BP__TF(-1, 1, 1, 9), BP__TF(-1, 1, 9, 1)}, false, "a dot"},
    {&mm_nn, 2, {BP__TF(-1, 1, 4, 2, 3), BP__TF(-1, 1, 4, 3, 2)}, true,
     "a batch"},
    {&mm_nt, 2, {BP__TF(-1, 1, 2, 3, 2, 3), BP__TF(-1, 1, 3, 4, 3)}, false,
     "b repeated along the first axis"},
    {&mm_tn, 2, {BP__TF(-1, 1, 3, 2), BP__TF(-1, 1, 2, 1, 3, 4)}, false,
     "a repeated along two axes"},
    {&mm_tt, 2, {BP__TF(-1, 1, 2, 1, 2, 3), BP__TF(-1, 1, 1, 3, 2, 2)}, false,
     "each repeated along one axis"},
    {&mm_nn, 2, {BP__TF(-1, 1, 6, 4), BP__TF(-1, 1, 4, 3)}, true, "samples"},
    {&mm_tn, 2, {BP__TF(-1, 1, 6, 4), BP__TF(-1, 1, 6, 3)}, true,
     "a sum over samples"},
    {&mm_nn, 2, {BP__TF(-1, 1, 2, 0), BP__TF(-1, 1, 0, 3)}, false,
     "an empty sum is 0"},
    {&mm_nn, 2, {BP__TF(-1, 1, 0, 3), BP__TF(-1, 1, 3, 2)}, false, "no rows"},
    {&mm_nt, 2, {BP__TF(-1, 1, 0, 2, 3), BP__TF(-1, 1, 1, 4, 3)}, false,
     "no batch"},
};

const bp__opdef bp__op_matmul = {
    .name = "matmul",
    .sig = "(a:f[..,M,K], b:f[..,K,N]) {ta, tb} -> f[..,M,N]",
    .doc = "Matrix product; leading axes broadcast; ta and tb transpose the "
           "last two axes of an operand. y = op(a) op(b)",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__DIFF},
    .attrs = mm_attrs, .attrs_bytes = sizeof(bp__matmul_attrs),
    .infer = mm_infer, .vjp = mm_vjp, .rows = mm_rows, .ref = mm_ref,
    .cases = mm_cases, .n_cases = BP__ARRAY_LEN(mm_cases),
};
