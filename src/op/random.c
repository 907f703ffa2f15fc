/* Random numbers: functions of (key, stream, index) alone. The index of an
 * element counts over the whole batch: `base` is that of the shard's first
 * element, and a kernel that is given a range of rows starts further on. */
#include "base/rng.h"
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

static const bp__attrdef random_attrdefs[] = {
    BP__ATTR(bp__random_attrs, dtype, DTYPE),
    BP__ATTR(bp__random_attrs, dims, DIMS),
    BP__ATTR(bp__random_attrs, stream, I64),
    BP__ATTR(bp__random_attrs, p, F64),
    BP__ATTR(bp__random_attrs, varying, BOOL),
    BP__ATTR(bp__random_attrs, base, I64), BP__ATTR_END};

static bp_status infer_random(bp__infer *q)
{
    const bp__random_attrs *a = q->attrs;
    const bp__type *key = &q->in[0];
    char t[200];
    if (key->dtype != BP_I32 || key->rank != 1 || key->dims[0] != 4)
        return bp__infer_fail(q, key->dtype != BP_I32 ? BP_EDTYPE : BP_ESHAPE,
                              "the key is %s: it must be i32[4], seed and "
                              "step, low words first",
                              bp__type_text(key, t));
    if (key->varying != a->varying)
        return bp__infer_fail(q, BP_EARG, "varying numbers need a varying "
                              "key, replicated ones a replicated key");
    if (a->varying && a->dims.n < 1)
        return bp__infer_fail(q, BP_ESHAPE, "a varying scalar has no axis of "
                              "samples");
    if (a->base < 0)
        return bp__infer_fail(q, BP_EARG, "base %lld is negative",
                              (long long)a->base);
    bp_status s = bp__infer_dims(q, &a->dims);
    if (s == BP_OK)
        bp__infer_set(q, 0, a->dtype, a->dims.n, a->dims.d);
    return s;
}

static bp_status infer_random_float(bp__infer *q)
{
    const bp__random_attrs *a = q->attrs;
    if (!bp__is_float(a->dtype))
        return bp__infer_fail(q, BP_EDTYPE, "numbers are f32 or f64, not %s",
                              bp_dtype_name((bp_dtype)a->dtype));
    return infer_random(q);
}

static bp_status infer_bernoulli(bp__infer *q)
{
    const bp__random_attrs *a = q->attrs;
    if (!(a->p >= 0 && a->p <= 1))
        return bp__infer_fail(q, BP_EARG, "%g is no probability", a->p);
    if (a->dtype != BP_BOOL)
        return bp__infer_fail(q, BP_EDTYPE, "outcomes are bool, not %s",
                              bp_dtype_name((bp_dtype)a->dtype));
    return infer_random(q);
}

/* Each row can be drawn by itself; the key is needed whole. */
static uint32_t random_rows(const bp__shapes *s)
{
    return s->out[0].rank ? BP__ROWS : 0;
}

static uint64_t first_index(const bp__kargs *k)
{
    const bp__random_attrs *a = k->attrs;
    const bp__type *t = &k->out[0].type;
    int64_t row = 1;
    for (int i = 1; i < t->rank; i++)
        row *= t->dims[i];
    return (uint64_t)a->base + (uint64_t)k->first_row * (uint64_t)row;
}

static bp__rng random_stream(const bp__kargs *k)
{
    const bp__random_attrs *a = k->attrs;
    return bp__rng_make(k->in[0].data, a->stream);
}

static void uniform_ref(const bp__kargs *k)
{
    bp__rng r = random_stream(k);
    size_t n = (size_t)bp__numel(&k->out[0].type);
    if (k->out[0].type.dtype == BP_F32)
        bp__rng_fill_f32(&r, first_index(k), n, k->out[0].data);
    else
        bp__rng_fill_f64(&r, first_index(k), n, k->out[0].data);
}

static void normal_ref(const bp__kargs *k)
{
    bp__rng r = random_stream(k);
    size_t n = (size_t)bp__numel(&k->out[0].type);
    if (k->out[0].type.dtype == BP_F32)
        bp__rng_fill_normal_f32(&r, first_index(k), n, k->out[0].data);
    else
        bp__rng_fill_normal_f64(&r, first_index(k), n, k->out[0].data);
}

static void bernoulli_ref(const bp__kargs *k)
{
    const bp__random_attrs *a = k->attrs;
    bp__rng r = random_stream(k);
    bp__rng_fill_bernoulli(&r, a->p, first_index(k),
                           (size_t)bp__numel(&k->out[0].type),
                           k->out[0].data);
}

static bp_val emit_random(bp_graph *g, bp__op op, bp_val key, bp_dtype dtype,
                          double p, int rank, const int64_t *dims,
                          int64_t stream, bool varying)
{
    if (!bp__ok(g))
        return BP_NIL;
    if (rank < 0 || rank > BP_MAX_RANK) {
        bp__fail(g, BP_ELIMIT, SIZE_MAX, "%s: rank %d: 0 to %d are allowed",
                 bp__ops[op]->name, rank, BP_MAX_RANK);
        return BP_NIL;
    }
    bp__random_attrs a;
    memset(&a, 0, sizeof a);
    a.dtype = (int32_t)dtype;
    a.dims = bp__make_dims(rank, dims);
    a.stream = stream;
    a.p = p;
    a.varying = varying;
    if (varying && bp__value_of(g, key) && !bp_val_varying(g, key))
        key = bp_spread(g, key); /* as reading it in varying code would */
    return bp__emit1(g, op, &a, 1, &key);
}

bp_val bp_uniform(bp_graph *g, bp_val key, bp_dtype dtype, int rank,
                  const int64_t *dims, int64_t stream, bool varying)
{
    return emit_random(g, BP__OP_uniform, key, dtype, 0, rank, dims, stream,
                       varying);
}

bp_val bp_normal(bp_graph *g, bp_val key, bp_dtype dtype, int rank,
                 const int64_t *dims, int64_t stream, bool varying)
{
    return emit_random(g, BP__OP_normal, key, dtype, 0, rank, dims, stream,
                       varying);
}

bp_val bp_bernoulli(bp_graph *g, bp_val key, double p, int rank,
                    const int64_t *dims, int64_t stream, bool varying)
{
    return emit_random(g, BP__OP_bernoulli, key, BP_BOOL, p, rank, dims,
                       stream, varying);
}

#define RANDOM_ATTRS(name, dtype, p)                                        \
    static const bp__random_attrs                                           \
        name##_rows = {dtype, {2, {3, 5}}, 7, p, false, 0},                 \
        name##_later = {dtype, {1, {9}}, 1, p, false, 1000},                \
        name##_scalar = {dtype, {0, {0}}, 0, p, false, 0}
#define KEY {BP_I32, 1, {4}, 0, 1000, 0, {0}, false}
#define RANDOM_CASES(op, more)                                 \
    static const bp__case op##_cases[] = {                     \
        {&op##_rows, 1, {KEY}, false, NULL},                   \
        {&op##_later, 1, {KEY}, false, "starts further on"},   \
        {&op##_scalar, 1, {KEY}, false, "scalar"},             \
        {&more, 1, {KEY}, false, NULL},                        \
    }
#define RANDOM_ROW(op, signature, formula)                                  \
    .name = #op, .sig = signature, .doc = formula, .n_in = 1, .n_out = 1,   \
    .diff = {BP__NONDIFF}, .flags = BP__RANDOM, .attrs = random_attrdefs,   \
    .attrs_bytes = sizeof(bp__random_attrs), .rows = random_rows,           \
    .ref = op##_ref, .cases = op##_cases,                                   \
    .n_cases = BP__ARRAY_LEN(op##_cases)

RANDOM_ATTRS(uniform, BP_F32, 0);
static const bp__random_attrs uniform_f64 = {BP_F64, {2, {2, 3}}, 3, 0, false,
                                             0};
RANDOM_CASES(uniform, uniform_f64);

const bp__opdef bp__op_uniform = {
    RANDOM_ROW(uniform, "(key:i32[4]) {dtype, dims, stream} -> f[dims]",
               "Uniform random numbers in [0, 1): y[i] = u(key, stream, "
               "base + i)."),
    .infer = infer_random_float,
};

RANDOM_ATTRS(normal, BP_F32, 0);
static const bp__random_attrs normal_f64 = {BP_F64, {2, {2, 3}}, 3, 0, false,
                                            0};
RANDOM_CASES(normal, normal_f64);

const bp__opdef bp__op_normal = {
    RANDOM_ROW(normal, "(key:i32[4]) {dtype, dims, stream} -> f[dims]",
               "Normal random numbers, mean 0, variance 1: y[i] = n(key, "
               "stream, base + i)."),
    .infer = infer_random_float,
};

RANDOM_ATTRS(bernoulli, BP_BOOL, 0.25);
static const bp__random_attrs bernoulli_one = {BP_BOOL, {1, {4}}, 3, 1, false,
                                               0};
RANDOM_CASES(bernoulli, bernoulli_one);

const bp__opdef bp__op_bernoulli = {
    RANDOM_ROW(bernoulli, "(key:i32[4]) {dims, stream, p} -> bool[dims]",
               "Random truths: y[i] = (u(key, stream, base + i) < p)."),
    .infer = infer_bernoulli,
};
