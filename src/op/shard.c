/* The two ops that cross the border between replicated and varying values;
 * each is the other's transpose. Within one shard both are copies: with
 * several, lowering turns psum into a fixed binary tree of additions over the
 * shards. */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

/* Rows of a psum are not rows of samples, but they are independent. */
static uint32_t shard_rows(const bp__shapes *s)
{
    return bp__rows_elemwise(s);
}

static bp_status infer_psum(bp__infer *q)
{
    char t[200];
    bp_status s = bp__infer_dtype(q, 0, BP__D_NUM);
    if (s != BP_OK)
        return s;
    if (!q->in[0].varying)
        return bp__infer_fail(q, BP_EARG,
                              "%s is replicated: every shard has all of it, "
                              "so there is nothing to sum; a varying value "
                              "is needed", bp__type_text(&q->in[0], t));
    q->out[0].varying = 0;
    bp__infer_set(q, 0, q->in[0].dtype, q->in[0].rank, q->in[0].dims);
    return BP_OK;
}

/* dx = spread(dy) */
static void psum_vjp(const bp__vjp *v)
{
    v->dx[0] = bp_spread(v->g, v->dy[0]);
}

bp_val bp_psum(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_psum, NULL, 1, &x);
}

static const bp__case psum_cases[] = {
    {NULL, 1, {BP__TF(-2, 2, 3, 4)}, true, NULL},
    {NULL, 1, {BP__TI(-9, 9, 5)}, true, NULL},
};

const bp__opdef bp__op_psum = {
    .name = "psum", .sig = "(x:~f|i32[..]) -> same, replicated",
    .doc = "Sum over shards, in a fixed binary tree: y = sum of x over all "
           "shards.",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__ALIAS_IN0 | BP__VIEW | BP__LINEAR,
    .infer = infer_psum, .vjp = psum_vjp, .rows = shard_rows,
    .ref = bp__ref_copy, .cases = psum_cases,
    .n_cases = BP__ARRAY_LEN(psum_cases),
};

static bp_status infer_spread(bp__infer *q)
{
    char t[200];
    if (q->in[0].varying)
        return bp__infer_fail(q, BP_EARG,
                              "%s varies already: a replicated value is "
                              "needed", bp__type_text(&q->in[0], t));
    q->out[0].varying = 1;
    bp__infer_set(q, 0, q->in[0].dtype, q->in[0].rank, q->in[0].dims);
    return BP_OK;
}

/* dx = psum(dy) */
static void spread_vjp(const bp__vjp *v)
{
    v->dx[0] = bp_psum(v->g, v->dy[0]);
}

bp_val bp_spread(bp_graph *g, bp_val x)
{
    return bp__emit1(g, BP__OP_spread, NULL, 1, &x);
}

static const bp__case spread_cases[] = {
    {NULL, 1, {BP__TF(-2, 2, 3, 4)}, false, NULL},
    {NULL, 1, {BP__TB(5)}, false, NULL},
};

const bp__opdef bp__op_spread = {
    .name = "spread", .sig = "(x:any[..], replicated) -> same, varying",
    .doc = "A replicated value for every shard: y = x in each shard.",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF},
    .flags = BP__ALIAS_IN0 | BP__VIEW | BP__LINEAR,
    .infer = infer_spread, .vjp = spread_vjp, .rows = shard_rows,
    .ref = bp__ref_copy, .cases = spread_cases,
    .n_cases = BP__ARRAY_LEN(spread_cases),
};
