/* Losses and penalties. A loss is a mean over the samples of the whole batch,
 * so bp_mean's psum and global count make shards agree. */
#include "nn/nn.h"

#include <bprop/ops.h>

#include <math.h>

bp_val bp__nn_total(bp_graph *g, bp_val x)
{
    bp_val s = bp_sum(g, x, 0, NULL, false);
    return bp_val_varying(g, s) ? bp_psum(g, s) : s;
}

static bool is_class(const bp__type *t)
{
    return t->dtype == BP_I32 || t->dtype == BP_U8;
}

static bp_val target_misfit(bp_nn *nn, bp_val y, bp_val t, const char *want)
{
    char a[200], b[200];
    return bp__nn_fail(nn, BP_ESHAPE, "the network gives %s, the target is "
                       "%s: it must be %s", bp__type_text(
                           bp__type_of(nn->g, y), a),
                       bp__type_text(bp__type_of(nn->g, t), b), want);
}

bp_val bp__nn_real_target(bp_nn *nn, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    if (!bp__ok(g))
        return BP_NIL;
    const bp__type yt = *bp__type_of(g, y), tt = *bp__type_of(g, t);
    bool fits = bp__same_dims(&yt, &tt);
    int64_t last = yt.rank ? yt.dims[yt.rank - 1] : 1;
    if (!is_class(&tt)) {
        if (fits && tt.dtype == yt.dtype)
            return t;
        return target_misfit(nn, y, t, "of the same type and shape, or a "
                             "class (i32) for each sample");
    }
    bool one = yt.rank < 2 || last == 1;
    if (fits && one)
        return bp_cast(g, t, (bp_dtype)yt.dtype);
    bool leading = tt.rank + 1 == yt.rank;
    for (int i = 0; leading && i < tt.rank; i++)
        leading = tt.dims[i] == yt.dims[i];
    if (!leading)
        return target_misfit(nn, y, t, "a class for each row of the last "
                             "axis");
    if (one)
        return bp_reshape(g, bp_cast(g, t, (bp_dtype)yt.dtype), yt.rank,
                          yt.dims);
    bp_val index = tt.dtype == BP_I32 ? t : bp_cast(g, t, BP_I32);
    return bp_one_hot(g, index, last, (bp_dtype)yt.dtype);
}

/* Sums over all axes but the first: one value for each sample. */
static bp_val sum_of_sample(bp_graph *g, bp_val x)
{
    int64_t axes[BP_MAX_RANK];
    int n = bp_val_rank(g, x) - 1;
    for (int i = 0; i < n; i++)
        axes[i] = i + 1;
    return n > 0 ? bp_sum(g, x, n, axes, false) : x;
}

static bp_val mean_of_all(bp_graph *g, bp_val x)
{
    return bp_mean(g, x, 0, NULL, false);
}

static bp_val squared_error(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    bp_val d = bp_square(g, bp_sub(g, y, bp__nn_real_target(nn, y, t)));
    if (bp__arg_is(s, "form", "mean"))
        return mean_of_all(g, d);
    return bp_mul_scalar(g, mean_of_all(g, sum_of_sample(g, d)), 0.5);
}

static bp_val binary_cross_entropy(bp_nn *nn, const bp__spec *s, bp_val y,
                                   bp_val t)
{
    (void)s;
    t = bp__nn_real_target(nn, y, t);
    return mean_of_all(nn->g, bp_sigmoid_cross_entropy(nn->g, y, t));
}

static bp_val sigmoid_cross_entropy(bp_nn *nn, const bp__spec *s, bp_val y,
                                    bp_val t)
{
    (void)s;
    t = bp__nn_real_target(nn, y, t);
    bp_val e = bp_sigmoid_cross_entropy(nn->g, y, t);
    return mean_of_all(nn->g, sum_of_sample(nn->g, e));
}

static bp_val softmax_cross_entropy(bp_nn *nn, const bp__spec *s, bp_val y,
                                    bp_val t)
{
    (void)s;
    const bp__type yt = *bp__type_of(nn->g, y), tt = *bp__type_of(nn->g, t);
    bool fits = is_class(&tt) ? tt.rank + 1 == yt.rank : tt.rank == yt.rank;
    for (int i = 0; fits && i < tt.rank; i++)
        fits = tt.dims[i] == yt.dims[i];
    if (yt.rank < 2 || !fits)
        return target_misfit(nn, y, t, "a class (i32) for each row of the "
                             "last axis, or a distribution of the same "
                             "shape");
    return mean_of_all(nn->g, bp_softmax_cross_entropy(nn->g, y, t));
}

static const bp__argdef squared_args[] = {
    {"form", BP__ARG_CHOICE, "mean over the outputs, or half their sum "
     "(quadratic cost)", .def_text = "mean", .choices = "mean|half_sum"},
    {.name = NULL}};

const bp__row bp__loss_rows[] = {
    {"softmax_cross_entropy", "-log softmax(y)[class], or -sum t log "
     "softmax(y): categorical, of logits",
     .build.loss = softmax_cross_entropy, .head = BP__HEAD_SOFTMAX},
    {"binary_cross_entropy", "-t log s(y) - (1-t) log(1 - s(y)) of logits, "
     "mean over the outputs", .build.loss = binary_cross_entropy,
     .head = BP__HEAD_SIGMOID},
    {"sigmoid_cross_entropy", "the same, summed over the outputs",
     .build.loss = sigmoid_cross_entropy, .head = BP__HEAD_SIGMOID},
    {"mean_squared_error", "(y - t)^2", squared_args, "form",
     .build.loss = squared_error},
    {.name = NULL}};

bp_val bp__nn_loss(bp_nn *nn, const bp__spec *s, bp_val output, bp_val target)
{
    if (!bp__nn_ok(nn) || !s)
        return BP_NIL;
    bp_scope_push(nn->g, s->row->name);
    bp_val loss = BP_NIL;
    if (!bp__value_of(nn->g, output) || !bp__value_of(nn->g, target))
        bp__nn_fail(nn, BP_EARG, "the output or the target is no value of "
                    "this graph");
    else if (bp_val_dtype(nn->g, output) != nn->dtype)
        bp__nn_fail(nn, BP_EDTYPE, "the output is %s, not %s",
                    bp_dtype_name(bp_val_dtype(nn->g, output)),
                    bp_dtype_name(nn->dtype));
    else
        loss = s->row->build.loss(nn, s, output, target);
    nn->head = s->row->head;
    bp_scope_pop(nn->g);
    return loss;
}

bp_val bp_nn_loss(bp_nn *nn, const char *loss, bp_val output, bp_val target)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    return bp__nn_loss(nn, bp__nn_parse(nn, BP_NN_LOSSES, loss), output,
                       target);
}

/* ---- penalties ---- */

/* The factor of sum w^2. */
static double l2_factor(const bp__spec *s, int64_t n_train)
{
    if (bp__arg(s, "weight")->set)
        return 0.5 * bp__arg_float(s, "weight");
    return bp__arg_float(s, "lambda") / (2 * (double)n_train);
}

static bp_val l2_penalty(bp_nn *nn, const bp__spec *s, int64_t n_train)
{
    bp_graph *g = nn->g;
    bool all = bp__arg_is(s, "on", "all");
    bp_val sum = BP_NIL;
    if (bp__arg(s, "lambda")->set && n_train < 1)
        return bp__nn_fail(nn, BP_EARG, "lambda is divided by the number of "
                           "training samples, which is not known: use weight");
    for (size_t i = 0; i < bp_nn_param_count(nn); i++) {
        bp_val w = bp_nn_param_value(nn, i);
        if (!all && bp_val_rank(g, w) < 2)
            continue;
        bp_val q = bp_sum(g, bp_square(g, w), 0, NULL, false);
        sum = bp_is_nil(sum) ? q : bp_add(g, sum, q);
    }
    if (bp_is_nil(sum))
        return bp_scalar(g, nn->dtype, 0);
    return bp_mul_scalar(g, sum, l2_factor(s, n_train));
}

static const char *check_l2(const bp__spec *s)
{
    return bp__arg(s, "weight")->set == bp__arg(s, "lambda")->set
               ? "give either weight or lambda" : NULL;
}

static const bp__argdef l2_args[] = {
    {"weight", BP__ARG_FLOAT, "weight / 2 * sum w^2: the gradient is "
     "weight * w", BP__FROM(0), .no_default = true},
    {"lambda", BP__ARG_FLOAT, "lambda / (2 n) * sum w^2, n the number of "
     "training samples", BP__FROM(0), .no_default = true},
    {"on", BP__ARG_CHOICE, "weights (rank 2 and more) or all parameters",
     .def_text = "weights", .choices = "weights|all"}, {.name = NULL}};

const bp__row bp__penalty_rows[] = {
    {"l2", "the sum of the squared parameters", l2_args, "weight",
     .check = check_l2, .build.penalty = l2_penalty},
    {.name = NULL}};

bp_val bp_nn_penalty(bp_nn *nn, const char *penalty, int64_t n_train)
{
    const bp__spec *s =
        bp__nn_ok(nn) ? bp__nn_parse(nn, BP_NN_PENALTIES, penalty) : NULL;
    if (!s)
        return BP_NIL;
    bp_scope_push(nn->g, s->row->name);
    bp_val p = s->row->build.penalty(nn, s, n_train);
    bp_scope_pop(nn->g);
    return p;
}
