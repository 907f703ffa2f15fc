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

const bp__row bp__metric_rows[] = {
    {"accuracy", "share of samples whose largest output is the target's "
     "class", accuracy_args, "threshold", .build.metric = accuracy},
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
