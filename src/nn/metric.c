/* Metrics: a value for each sample, summed over the whole batch, so that sums
 * of an epoch are exact and shards agree. Nothing here has a gradient. */
#include "nn/nn.h"

#include <bprop/ops.h>

#include <math.h>

/* [N, ...] -> [N]: the mean over all axes but the first. */
static bp_val mean_of_sample(bp_graph *g, bp_val x)
{
    int64_t axes[BP_MAX_RANK];
    int n = bp_val_rank(g, x) - 1;
    for (int i = 0; i < n; i++)
        axes[i] = i + 1;
    return n > 0 ? bp_mean(g, x, n, axes, false) : x;
}

/* Compares y's side of the threshold with t's, of one half. */
static bp_val right_side(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    double at = bp__arg(s, "threshold")->set
                    ? bp__arg_float(s, "threshold")
                    : nn->head == BP__HEAD_NONE ? 0.5 : 0;
    t = bp__nn_real_target(nn, y, t);
    bp_val yes = bp_gt(g, y, bp_scalar(g, nn->dtype, at));
    bp_val is = bp_gt(g, t, bp_scalar(g, nn->dtype, 0.5));
    yes = bp_cast(g, yes, BP_I32);
    is = bp_cast(g, is, BP_I32);
    return bp_cast(g, bp_eq(g, yes, is), nn->dtype);
}

static bp_val accuracy(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    const bp__type yt = *bp__type_of(g, y), tt = *bp__type_of(g, t);
    bool classes = tt.dtype == BP_I32 || tt.dtype == BP_U8;
    bool one = yt.rank < 2 || yt.dims[yt.rank - 1] == 1;
    if (one)
        return mean_of_sample(g, right_side(nn, s, y, t));
    bp_val best = bp_argmax(g, y, -1), want = t;
    if (tt.dtype == BP_U8)
        want = bp_cast(g, t, BP_I32);
    else if (!classes)
        want = bp_argmax(g, bp__nn_real_target(nn, y, t), -1);
    return mean_of_sample(g, bp_cast(g, bp_eq(g, best, want), nn->dtype));
}

/* The target's class: its index, or where a distribution is largest. */
static bp_val class_of(bp_nn *nn, bp_val y, bp_val t)
{
    bp_dtype type = bp_val_dtype(nn->g, t);
    if (type == BP_I32)
        return t;
    if (type == BP_U8)
        return bp_cast(nn->g, t, BP_I32);
    return bp_argmax(nn->g, bp__nn_real_target(nn, y, t), -1);
}

/* How many outputs come before the target's: larger ones, and equal ones of a
 * smaller index, so that top_k(1) is accuracy. */
static bp_val rank_of_target(bp_nn *nn, bp_val y, bp_val is)
{
    static const int64_t last = -1;
    bp_graph *g = nn->g;
    int64_t k = bp_val_dim(g, y, -1);
    bp_val zero = bp_scalar(g, nn->dtype, 0);
    bp_val own = bp_sum(g, bp_select(g, is, y, zero), 1, &last, true);
    bp_val place = bp_iota(g, nn->dtype, 1, &k, 0);
    bp_val at = bp_sum(g, bp_select(g, is, place, zero), 1, &last, true);
    bp_val equal = bp_eq(g, y, own);
    bp_val tie = bp_and(g, equal, bp_lt(g, place, at));
    /* A NaN counts as larger: then no comparison says that it is not. */
    bp_val before = bp_or(g, bp_not(g, bp_le(g, y, own)), tie);
    bp_val self = bp_and(g, is, bp_eq(g, own, own));
    before = bp_and(g, before, bp_not(g, self));
    return bp_sum(g, bp_cast(g, before, nn->dtype), 1, &last, false);
}

static bp_val top_k(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    char a[200], b[200];
    bp_graph *g = nn->g;
    const bp__type yt = *bp__type_of(g, y);
    bp_val at = yt.rank < 2 ? t : class_of(nn, y, t);
    if (!bp__ok(g))
        return BP_NIL;
    const bp__type tt = *bp__type_of(g, at);
    bool fits = yt.rank >= 2 && tt.rank + 1 == yt.rank;
    for (int i = 0; fits && i < tt.rank; i++)
        fits = tt.dims[i] == yt.dims[i];
    if (!fits)
        return bp__nn_fail(nn, BP_ESHAPE, "the network gives %s, the target "
                           "is %s: it must be a class for each row of the "
                           "last axis", bp__type_text(&yt, a),
                           bp__type_text(bp__type_of(g, t), b));
    bp_val is = bp_one_hot(g, at, yt.dims[yt.rank - 1], BP_BOOL);
    bp_val before = rank_of_target(nn, y, is);
    bp_val most = bp_scalar(g, nn->dtype, (double)bp__arg_int(s, "k"));
    bp_val hit = bp_lt(g, before, most);
    return mean_of_sample(g, bp_cast(g, hit, nn->dtype));
}

static bp_val squared_error_metric(bp_nn *nn, const bp__spec *s, bp_val y,
                                   bp_val t)
{
    (void)s;
    bp_val d = bp_sub(nn->g, y, bp__nn_real_target(nn, y, t));
    return mean_of_sample(nn->g, bp_square(nn->g, d));
}

static bp_val absolute_error_metric(bp_nn *nn, const bp__spec *s, bp_val y,
                                    bp_val t)
{
    (void)s;
    bp_val d = bp_sub(nn->g, y, bp__nn_real_target(nn, y, t));
    return mean_of_sample(nn->g, bp_abs(nn->g, d));
}

static const bp__argdef accuracy_args[] = {
    {"threshold", BP__ARG_FLOAT, "of a single output; unless given 0 for "
     "logits, else 0.5", BP__ANY,
     .no_default = true}, {.name = NULL}};

static const bp__argdef top_k_args[] = {
    {"k", BP__ARG_INT, "how many of the largest outputs count", .def = 5,
     BP__FROM(1)}, {.name = NULL}};

const bp__row bp__metric_rows[] = {
    {"accuracy", "share of samples whose largest output is the target's "
     "class", accuracy_args, "threshold", .build.metric = accuracy,
     .larger_is_better = true},
    {"top_k", "share of samples whose class is among the k largest outputs",
     top_k_args, "k", .build.metric = top_k, .larger_is_better = true},
    {"mean_squared_error", "(y - t)^2, mean over the outputs",
     .build.metric = squared_error_metric},
    {"mean_absolute_error", "|y - t|, mean over the outputs",
     .build.metric = absolute_error_metric},
    {.name = NULL}};

bp_val bp__nn_metric(bp_nn *nn, const bp__spec *s, bp_val output,
                     bp_val target)
{
    if (!bp__nn_ok(nn) || !s)
        return BP_NIL;
    bp_scope_push(nn->g, s->row->name);
    bp_val v = BP_NIL;
    if (!bp__value_of(nn->g, output) || !bp__value_of(nn->g, target))
        bp__nn_fail(nn, BP_EARG, "the output or the target is no value of "
                    "this graph");
    else
        v = bp__nn_total(nn->g, s->row->build.metric(nn, s, output, target));
    bp_scope_pop(nn->g);
    return v;
}

bp_val bp_nn_metric(bp_nn *nn, const char *metric, bp_val output,
                    bp_val target)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    return bp__nn_metric(nn, bp__nn_parse(nn, BP_NN_METRICS, metric), output,
                         target);
}
