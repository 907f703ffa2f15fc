/* Batch and layer normalisation: composites.
 *
 * Variances are taken in two passes, of what is left when the mean has been
 * subtracted, and are biased (divided by the count). Where x varies, the
 * statistics of batch_norm are those of the whole batch: bp_mean puts a psum
 * into the definition, and mean and var are replicated.
 */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

/* x, gamma and beta have one float type; eps is sound. */
static bp_status norm_check(bp__infer *q)
{
    const bp__norm_attrs *a = q->attrs;
    char s[200], u[200];
    for (int i = 0; i < 3; i++) {
        if (bp__infer_dtype(q, i, BP__D_F) != BP_OK)
            return q->status;
        if (q->in[i].dtype != q->in[0].dtype)
            return bp__infer_fail(q, BP_EDTYPE, "x is %s, operand %d %s: all "
                                  "must have one element type",
                                  bp__type_text(&q->in[0], s), i,
                                  bp__type_text(&q->in[i], u));
    }
    if (!(a->eps >= 0 && a->eps < 1e300))
        return bp__infer_fail(q, BP_EARG, "eps is %g: it must be a number "
                              "that is not negative", a->eps);
    return BP_OK;
}

/* gamma and beta have these dims. */
static bp_status norm_check_params(bp__infer *q, int rank, const int64_t *dims,
                                   const char *what)
{
    bp__type want = bp__make_type((bp_dtype)q->in[0].dtype, rank, dims);
    char s[200], u[200], w[200];
    for (int i = 1; i < 3; i++)
        if (!bp__same_dims(&q->in[i], &want))
            return bp__infer_fail(q, BP_ESHAPE, "x is %s, %s %s: it must be "
                                  "%s, %s", bp__type_text(&q->in[0], s),
                                  i == 1 ? "gamma" : "beta",
                                  bp__type_text(&q->in[i], u),
                                  bp__type_text(&want, w), what);
    return BP_OK;
}

/* (x - mean) * scale + shift, scale = gamma / sqrt(var + eps) */
static bp_val norm_apply(bp_graph *g, bp_val centered, bp_val var, double eps,
                         bp_val gamma, bp_val beta)
{
    bp_val inv = bp_reciprocal(g, bp_sqrt(g, bp_add_scalar(g, var, eps)));
    bp_val y = bp_mul(g, centered, bp_mul(g, inv, gamma));
    return bp_add(g, y, beta);
}

/* ---- batch_norm --------------------------------------------------------- */

static bp_status batch_norm_infer(bp__infer *q)
{
    const bp__type *x = &q->in[0];
    int64_t rows = bp_graph_rows(q->g);
    char s[200];
    if (norm_check(q) != BP_OK)
        return q->status;
    if (x->rank < 2)
        return bp__infer_fail(q, BP_ESHAPE, "x is %s: it needs 2 axes or "
                              "more, [N,C,..]", bp__type_text(x, s));
    if (x->varying && rows && x->dims[0] % rows)
        return bp__infer_fail(q, BP_ESHAPE, "x is %s: in a varying value axis "
                              "0 holds the shard's %lld samples or a multiple "
                              "of them", bp__type_text(x, s), (long long)rows);
    if (norm_check_params(q, 1, &x->dims[1], "the channels") != BP_OK)
        return q->status;
    bp__infer_set(q, 0, x->dtype, x->rank, x->dims);
    for (int i = 1; i < 3; i++) {
        bp__infer_set(q, i, x->dtype, 1, &x->dims[1]);
        q->out[i].varying = 0;
    }
    return BP_OK;
}

/* m = mean(x), v = mean((x - m)^2): (x - m) gamma / sqrt(v + eps) + beta */
static void batch_norm_define(const bp__define *d)
{
    const bp__norm_attrs *a = d->attrs;
    bp_graph *g = d->g;
    bp_val x = d->in[0];
    const bp__type t = *bp__type_of(g, x);
    int64_t axes[BP_MAX_RANK], dims[BP_MAX_RANK], n = 0;
    for (int i = 0; i < t.rank; i++) {
        dims[i] = i == 1 ? t.dims[1] : 1;
        if (i != 1)
            axes[n++] = i;
    }
    bp_val mean = bp_mean(g, x, (int)n, axes, true);
    bp_val centered = bp_sub(g, x, mean);
    bp_val var = bp_mean(g, bp_square(g, centered), (int)n, axes, true);
    bp_val gamma = bp_reshape(g, d->in[1], t.rank, dims);
    bp_val beta = bp_reshape(g, d->in[2], t.rank, dims);
    d->out[0] = norm_apply(g, centered, var, a->eps, gamma, beta);
    d->out[1] = bp_reshape(g, mean, 1, &t.dims[1]);
    d->out[2] = bp_reshape(g, var, 1, &t.dims[1]);
}

bp_val bp_batch_norm(bp_graph *g, bp_val x, bp_val gamma, bp_val beta,
                     double eps, bp_val *mean, bp_val *var)
{
    bp__norm_attrs a = {eps, 0};
    bp_val out[BP__MAX_OUT];
    bp__emit(g, BP__OP_batch_norm, &a, 3, (bp_val[]){x, gamma, beta}, out);
    if (mean)
        *mean = out[1];
    if (var)
        *var = out[2];
    return out[0];
}

static const bp__attrdef batch_norm_attrs[] = {
    BP__ATTR(bp__norm_attrs, eps, F64),
    BP__ATTR_END,
};
static const bp__norm_attrs batch_norm_eps = {1e-2, 0},
                            batch_norm_fine = {1e-5, 0};
static const bp__case batch_norm_cases[] = {
    {&batch_norm_eps, 3, {BP__TF(-2, 2, 3, 2, 2, 3), BP__TF(0.5, 2, 2),
                          BP__TF(-1, 1, 2)}, true, "pictures"},
    {&batch_norm_fine, 3, {BP__TF(-2, 2, 6, 3), BP__TF(-2, 2, 3),
                           BP__TF(-1, 1, 3)}, false, "vectors"},
    {&batch_norm_eps, 3, {BP__TF(-2, 2, 5, 1, 3), BP__TF(-2, 2, 1),
                          BP__TF(-1, 1, 1)}, true, "one channel"},
    {&batch_norm_eps, 3, {BP__TF(-2, 2, 3, 0, 2), BP__TF(-2, 2, 0),
                          BP__TF(-1, 1, 0)}, false, "no channels"},
};

const bp__opdef bp__op_batch_norm = {
    .name = "batch_norm",
    .sig = "(x:f[N,C,..], gamma:f[C], beta:f[C]) {eps} -> f[N,C,..], f[C], "
           "f[C]",
    .doc = "Each channel, over the whole batch, to mean beta and deviation "
           "gamma; also gives mean and biased variance. "
           "y = (x - mean) gamma / sqrt(var + eps) + beta",
    .n_in = 3, .n_out = 3, .diff = {BP__DIFF, BP__DIFF, BP__DIFF},
    .flags = BP__COMPOSITE,
    .attrs = batch_norm_attrs, .attrs_bytes = sizeof(bp__norm_attrs),
    .infer = batch_norm_infer, .define = batch_norm_define,
    .cases = batch_norm_cases, .n_cases = BP__ARRAY_LEN(batch_norm_cases),
};

/* ---- layer_norm --------------------------------------------------------- */

static bp_status layer_norm_infer(bp__infer *q)
{
    const bp__norm_attrs *a = q->attrs;
    const bp__type *x = &q->in[0];
    char s[200];
    if (norm_check(q) != BP_OK)
        return q->status;
    if (a->n_axes < 1 || a->n_axes > x->rank)
        return bp__infer_fail(q, BP_EARG, "x is %s: the number of axes must "
                              "be from 1 to %d, not %lld",
                              bp__type_text(x, s), x->rank,
                              (long long)a->n_axes);
    if (x->varying && a->n_axes == x->rank)
        return bp__infer_fail(q, BP_EARG, "x is %s: in a varying value axis 0 "
                              "holds the samples, which are not normalised "
                              "over; use %d axes or fewer",
                              bp__type_text(x, s), x->rank - 1);
    int first = x->rank - (int)a->n_axes;
    if (norm_check_params(q, (int)a->n_axes, x->dims + first,
                          "the last axes of x") != BP_OK)
        return q->status;
    bp__infer_set(q, 0, x->dtype, x->rank, x->dims);
    return BP_OK;
}

/* As batch_norm's, over the last axes. */
static void layer_norm_define(const bp__define *d)
{
    const bp__norm_attrs *a = d->attrs;
    bp_graph *g = d->g;
    bp_val x = d->in[0];
    int64_t axes[BP_MAX_RANK];
    for (int i = 0; i < a->n_axes; i++)
        axes[i] = i - a->n_axes;
    bp_val mean = bp_mean(g, x, (int)a->n_axes, axes, true);
    bp_val centered = bp_sub(g, x, mean);
    bp_val square = bp_square(g, centered);
    bp_val var = bp_mean(g, square, (int)a->n_axes, axes, true);
    d->out[0] = norm_apply(g, centered, var, a->eps, d->in[1], d->in[2]);
}

static uint32_t layer_norm_rows(const bp__shapes *s)
{
    const bp__norm_attrs *a = s->attrs;
    return a->n_axes < s->in[0].rank ? BP__ROWS | 1u : 0;
}

bp_val bp_layer_norm(bp_graph *g, bp_val x, bp_val gamma, bp_val beta,
                     int n_axes, double eps)
{
    bp__norm_attrs a = {eps, n_axes};
    return bp__emit1(g, BP__OP_layer_norm, &a, 3,
                     (bp_val[]){x, gamma, beta});
}

static const bp__attrdef layer_norm_attrs[] = {
    BP__ATTR(bp__norm_attrs, eps, F64),
    BP__ATTR(bp__norm_attrs, n_axes, I64),
    BP__ATTR_END,
};
static const bp__norm_attrs layer_norm_1 = {1e-2, 1}, layer_norm_2 = {1e-5, 2};
static const bp__case layer_norm_cases[] = {
    {&layer_norm_1, 3, {BP__TF(-2, 2, 4, 5), BP__TF(0.5, 2, 5),
                        BP__TF(-1, 1, 5)}, true, "the last axis"},
    {&layer_norm_2, 3, {BP__TF(-2, 2, 2, 3, 4), BP__TF(-2, 2, 3, 4),
                        BP__TF(-1, 1, 3, 4)}, true, "the last two"},
    {&layer_norm_1, 3, {BP__TF(-2, 2, 6), BP__TF(-2, 2, 6), BP__TF(-1, 1, 6)},
     false, "all axes"},
    {&layer_norm_1, 3, {BP__TF(-2, 2, 3, 1), BP__TF(-2, 2, 1),
                        BP__TF(-1, 1, 1)}, false, "one element: beta"},
    {&layer_norm_1, 3, {BP__TF(-2, 2, 0, 4), BP__TF(-2, 2, 4),
                        BP__TF(-1, 1, 4)}, false, "no samples"},
};

const bp__opdef bp__op_layer_norm = {
    .name = "layer_norm",
    .sig = "(x:f[..,S], gamma:f[S], beta:f[S]) {eps, n_axes} -> f[..,S]",
    .doc = "Each sample, over its last axes, to mean 0 and deviation 1, then "
           "scaled and shifted. "
           "y = (x - mean) gamma / sqrt(var + eps) + beta",
    .n_in = 3, .n_out = 1, .diff = {BP__DIFF, BP__DIFF, BP__DIFF},
    .flags = BP__COMPOSITE,
    .attrs = layer_norm_attrs, .attrs_bytes = sizeof(bp__norm_attrs),
    .infer = layer_norm_infer, .define = layer_norm_define,
    .rows = layer_norm_rows,
    .cases = layer_norm_cases, .n_cases = BP__ARRAY_LEN(layer_norm_cases),
};
