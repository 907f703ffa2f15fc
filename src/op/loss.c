/* Cross-entropies: composites that give one loss for each sample or element.
 * What is summed up, and divided by the batch, is the caller's business. */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

/* ---- softmax_cross_entropy ---------------------------------------------- */

static bp_status softmax_ce_check_target(bp__infer *q)
{
    const bp__type *x = &q->in[0], *t = &q->in[1];
    char s[200], u[200];
    bp__type want = *x;
    bool index = !bp__is_float(t->dtype);
    if (index)
        want.dims[--want.rank] = 0;
    if (!bp__same_dims(t, &want))
        return bp__infer_fail(
            q, BP_ESHAPE, "logits %s with target %s: %s", bp__type_text(x, s),
            bp__type_text(t, u),
            index ? "a class index has the logits' shape without the last axis"
                  : "a distribution has the logits' shape");
    if (index && x->dims[x->rank - 1] &&
        bp__numel(x) > INT32_MAX)
        return bp__infer_fail(q, BP_ELIMIT, "logits %s: at most %d elements "
                              "with a class index", bp__type_text(x, s),
                              INT32_MAX);
    return BP_OK;
}

static bp_status softmax_ce_infer(bp__infer *q)
{
    const bp__type *x = &q->in[0], *t = &q->in[1];
    char s[200], u[200];
    if (bp__infer_dtype(q, 0, BP__D_F) != BP_OK)
        return q->status;
    if (t->dtype != x->dtype && t->dtype != BP_I32 && t->dtype != BP_U8)
        return bp__infer_fail(
            q, BP_EDTYPE, "logits %s with target %s: it may be a class index, "
            "i32 or u8, or a distribution, %s", bp__type_text(x, s),
            bp__type_text(t, u), bp_dtype_name((bp_dtype)x->dtype));
    if (x->rank == 0 || x->dims[x->rank - 1] == 0)
        return bp__infer_fail(q, BP_ESHAPE, "logits %s: there are no classes "
                              "along the last axis", bp__type_text(x, s));
    if (x->varying && x->rank == 1)
        return bp__infer_fail(q, BP_EARG, "logits %s: in a varying value axis "
                              "0 holds the samples; classes need another",
                              bp__type_text(x, s));
    if (softmax_ce_check_target(q) != BP_OK)
        return q->status;
    bp__infer_set(q, 0, x->dtype, x->rank - 1, x->dims);
    return BP_OK;
}

bp_val bp__flat_targets(bp_graph *g, bp_val target, int64_t n, int64_t k)
{
    bp_val t = bp_reshape(g, bp_cast(g, target, BP_I32), 1, &n);
    bp_val classes = bp_scalar(g, BP_I32, (double)k);
    bp_val row = bp_mul(g, bp_iota(g, BP_I32, 1, &n, 0), classes);
    bp_val ok = bp_ge(g, t, bp_scalar(g, BP_I32, 0));
    ok = bp_and(g, ok, bp_lt(g, t, classes));
    bp_val at = bp_add(g, row, t);
    return bp_select(g, ok, at, bp_scalar(g, BP_I32, -1));
}

/* l = log_softmax(x): -l[target], or -sum(target l) */
static void softmax_ce_define(const bp__define *d)
{
    bp_graph *g = d->g;
    bp__type x = *bp__type_of(g, d->in[0]);
    int64_t last = x.rank - 1, k = x.dims[last];
    bp_val l = bp_log_softmax(g, d->in[0], -1), y;
    if (bp__is_float(bp__type_of(g, d->in[1])->dtype)) {
        y = bp_sum(g, bp_mul(g, d->in[1], l), 1, &last, false);
    } else {
        int64_t all = bp__numel(&x), n = all / k;
        bp_val at = bp__flat_targets(g, d->in[1], n, k);
        y = bp_gather(g, bp_reshape(g, l, 1, &all), at, 0);
        y = bp_reshape(g, y, (int)last, x.dims);
    }
    d->out[0] = bp_neg(g, y);
}

static uint32_t softmax_ce_rows(const bp__shapes *s)
{
    return s->in[0].rank > 1 ? BP__ROWS | 3u : 0;
}

bp_val bp_softmax_cross_entropy(bp_graph *g, bp_val logits, bp_val target)
{
    return bp__emit1(g, BP__OP_softmax_cross_entropy, NULL, 2,
                     (bp_val[]){logits, target});
}

static const bp__case softmax_ce_cases[] = {
    {NULL, 2, {BP__TF(-3, 3, 4, 5), BP__TI(0, 4, 4)}, true, "a class index"},
    {NULL, 2, {BP__TF(-3, 3, 7, 3), BP__TU(0, 2, 7)}, false, "in a u8"},
    {NULL, 2, {BP__TF(-3, 3, 2, 3, 4), BP__TI(0, 3, 2, 3)}, true,
     "several for each sample"},
    {NULL, 2, {BP__TF(-3, 3, 5),
               {.dtype = BP_I32, .rank = 0, .lo = 0, .hi = 4}}, false,
     "a vector of logits"},
    {NULL, 2, {BP__TF(-3, 3, 4, 5), BP__TF(0.1, 1, 4, 5)}, true,
     "a distribution, not even normalised"},
    {NULL, 2, {BP__TF(-3, 3, 3, 1), BP__TI(0, 0, 3)}, false, "one class: 0"},
    {NULL, 2, {BP__TF(-3, 3, 0, 4), BP__TI(0, 3, 0)}, false, "no samples"},
};

const bp__opdef bp__op_softmax_cross_entropy = {
    .name = "softmax_cross_entropy",
    .sig = "(logits:f[..,K], target:i[..] or f[..,K]) -> f[..]",
    .doc = "Cross-entropy of the logits' softmax along the last axis; a class "
           "index out of range fails the run. l = log_softmax(logits): "
           "y = -l[target], or -sum(target l)",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__DIFF},
    .flags = BP__COMPOSITE | BP__FAULTS,
    .infer = softmax_ce_infer, .define = softmax_ce_define,
    .rows = softmax_ce_rows,
    .cases = softmax_ce_cases, .n_cases = BP__ARRAY_LEN(softmax_ce_cases),
};

/* ---- sigmoid_cross_entropy ---------------------------------------------- */

static bp_status sigmoid_ce_infer(bp__infer *q)
{
    const bp__type *x = &q->in[0], *t = &q->in[1];
    char s[200], u[200];
    if (bp__infer_dtype(q, 0, BP__D_F) != BP_OK ||
        bp__infer_dtype(q, 1, BP__D_F) != BP_OK)
        return q->status;
    bp__type_text(x, s);
    bp__type_text(t, u);
    if (x->dtype != t->dtype)
        return bp__infer_fail(q, BP_EDTYPE, "logits %s with target %s: both "
                              "must have one element type", s, u);
    if (!bp__same_dims(x, t))
        return bp__infer_fail(q, BP_ESHAPE, "logits %s with target %s: both "
                              "must have one shape; reshape or broadcast one",
                              s, u);
    bp__infer_set(q, 0, x->dtype, x->rank, x->dims);
    return BP_OK;
}

/* y = max(x, 0) - x t + log1p(exp(-|x|)). Both max(x, 0) and -|x| are chosen
 * by one comparison: either branch is a formula of the same smooth function,
 * so the derivatives are those of the whole on both sides and at 0 itself,
 * where a maximum and an absolute value would each have a kink. */
static void sigmoid_ce_define(const bp__define *d)
{
    bp_graph *g = d->g;
    bp_val x = d->in[0], zero = bp_scalar(g, bp_val_dtype(g, x), 0);
    bp_val up = bp_ge(g, x, zero);
    bp_val most = bp_select(g, up, x, zero);
    bp_val away = bp_select(g, up, bp_neg(g, x), x);
    bp_val tail = bp_log1p(g, bp_exp(g, away));
    d->out[0] = bp_add(g, bp_sub(g, most, bp_mul(g, x, d->in[1])), tail);
}

bp_val bp_sigmoid_cross_entropy(bp_graph *g, bp_val logits, bp_val target)
{
    return bp__emit1(g, BP__OP_sigmoid_cross_entropy, NULL, 2,
                     (bp_val[]){logits, target});
}

static const bp__case sigmoid_ce_cases[] = {
    {NULL, 2, {BP__TF_AVOID(-4, 4, 0, 5, 7), BP__TF(0, 1, 5, 7)}, true, NULL},
    {NULL, 2, {BP__TF_AVOID(-4, 4, 0, 6), BP__TF(-2, 3, 6)}, true,
     "targets outside of [0, 1]"},
    {NULL, 2, {{.dtype = BP_F32, .rank = 0, .lo = 1, .hi = 2},
               {.dtype = BP_F32, .rank = 0, .lo = 0, .hi = 1}}, false,
     "scalars"},
    {NULL, 2, {BP__TF(-4, 4, 0, 3), BP__TF(0, 1, 0, 3)}, false, "no samples"},
};

const bp__opdef bp__op_sigmoid_cross_entropy = {
    .name = "sigmoid_cross_entropy",
    .sig = "(logits:f[..], target:f[..]) -> f[..]",
    .doc = "Cross-entropy of each logit's sigmoid; the target may be any real "
           "number. y = max(x, 0) - x t + log1p(exp(-|x|))",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__DIFF},
    .flags = BP__COMPOSITE | BP__ELEMWISE,
    .infer = sigmoid_ce_infer, .define = sigmoid_ce_define,
    .rows = bp__rows_elemwise,
    .cases = sigmoid_ce_cases, .n_cases = BP__ARRAY_LEN(sigmoid_ce_cases),
};
