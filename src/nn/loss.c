/* Losses. A loss is a mean over the samples of the whole batch,
 * so bp_mean's psum and global count make shards agree. */
#include "nn/loss.h"

#include "op/op.h"

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
    if (fits) /* 0 or 1 for each output */
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

/* The mean of losses x of each sample (and output), by the weights of their
 * classes where the loss has some. */
static bp_val mean_by_class(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t,
                            bp_val x)
{
    bp__weights w;
    if (!bp__loss_weights(nn, s, y, t, &w))
        return BP_NIL;
    if (!w.any)
        return mean_of_all(nn->g, x);
    return bp__loss_mean(nn, bp__loss_weighted(nn, x, &w), &w);
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
    bp_val real = bp__nn_real_target(nn, y, t);
    return mean_by_class(nn, s, y, t,
                         bp_sigmoid_cross_entropy(nn->g, y, real));
}

static bp_val sigmoid_cross_entropy(bp_nn *nn, const bp__spec *s, bp_val y,
                                    bp_val t)
{
    bp_val real = bp__nn_real_target(nn, y, t);
    bp_val e = bp_sigmoid_cross_entropy(nn->g, y, real);
    return mean_by_class(nn, s, y, t, sum_of_sample(nn->g, e));
}

/* A class for each row of the last axis, or a distribution of y's shape. */
static bool check_classes(bp_nn *nn, bp_val y, bp_val t)
{
    const bp__type yt = *bp__type_of(nn->g, y), tt = *bp__type_of(nn->g, t);
    bool fits = is_class(&tt) ? tt.rank + 1 == yt.rank : tt.rank == yt.rank;
    for (int i = 0; fits && i < tt.rank; i++)
        fits = tt.dims[i] == yt.dims[i];
    if (yt.rank < 2 || !fits)
        target_misfit(nn, y, t, "a class (i32) for each row of the last "
                      "axis, or a distribution of the same shape");
    return bp__ok(nn->g);
}

/* The mean over the classes of their weights times -log softmax(y). */
static bp_val weighted_uniform(bp_nn *nn, bp_val y, const bp__weights *w)
{
    static const int64_t last = -1;
    bp_graph *g = nn->g;
    bp_val lse = bp_logsumexp(g, y, -1, true);
    bp_val each = bp_mul(g, bp_sub(g, lse, y), w->table);
    return bp_mean(g, each, 1, &last, false);
}

/* With smoothing e, the target is (1 - e) t + e / K: the second part of that
 * is the loss of a uniform distribution, logsumexp(y) - mean(y). */
static bp_val softmax_cross_entropy(bp_nn *nn, const bp__spec *s, bp_val y,
                                    bp_val t)
{
    static const int64_t last = -1;
    bp_graph *g = nn->g;
    double e = bp__arg_float(s, "label_smoothing");
    if (!check_classes(nn, y, t))
        return BP_NIL;
    bp__weights w;
    bp_val hard = bp_softmax_cross_entropy(g, y, t);
    if (!bp__loss_weights(nn, s, y, t, &w))
        return BP_NIL;
    if (e == 0 && !w.any)
        return mean_of_all(g, hard);
    if (w.any) {
        hard = bp__loss_weighted(nn, hard, &w);
        if (e > 0) {
            bp_val even = weighted_uniform(nn, y, &w);
            even = bp_mul_scalar(g, even, e);
            hard = bp_add(g, bp_mul_scalar(g, hard, 1 - e), even);
        }
        return bp__loss_mean(nn, hard, &w);
    }
    bp_val flat = bp_logsumexp(g, y, -1, false);
    flat = bp_sub(g, flat, bp_mean(g, y, 1, &last, false));
    hard = bp_mul_scalar(g, hard, 1 - e);
    return mean_of_all(g, bp_add(g, hard, bp_mul_scalar(g, flat, e)));
}

/* -y[class], or -sum t y. */
static bp_val negative_log_likelihood(bp_nn *nn, const bp__spec *s, bp_val y,
                                      bp_val t)
{
    bp_graph *g = nn->g;
    bp__weights w;
    if (!check_classes(nn, y, t) || !bp__loss_weights(nn, s, y, t, &w))
        return BP_NIL;
    const bp__type yt = *bp__type_of(g, y);
    int64_t last = yt.rank - 1, all = bp__numel(&yt), k = yt.dims[last];
    if (!is_class(bp__type_of(g, t))) {
        bp_val sum = bp_sum(g, bp_mul(g, t, y), 1, &last, false);
        return bp_neg(g, mean_of_all(g, sum));
    }
    if (k < 1 || all > INT32_MAX)
        return target_misfit(nn, y, t, "of an output with 1 class or more "
                             "and less than 2^31 elements");
    bp_val at = bp__flat_targets(g, t, all / k, k);
    bp_val picked = bp_gather(g, bp_reshape(g, y, 1, &all), at, 0);
    if (w.any)
        return bp__loss_mean(nn, bp__loss_weighted(nn, bp_neg(g, picked), &w),
                             &w);
    return bp_neg(g, mean_of_all(g, picked));
}

/* Where t > 0, t (log t - y); else 0, whatever y is. */
static bp_val kl_divergence(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    (void)s;
    bp_graph *g = nn->g;
    t = bp__nn_real_target(nn, y, t);
    bp_val none = bp_le(g, t, bp_scalar(g, nn->dtype, 0));
    bp_val log_t = bp_log(g, bp_select(g, none, bp_scalar(g, nn->dtype, 1),
                                       t));
    bp_val d = bp_mul(g, t, bp_sub(g, log_t, y));
    d = bp_select(g, none, bp_scalar(g, nn->dtype, 0), d);
    return mean_of_all(g, sum_of_sample(g, d));
}

/* ---- of differences ---- */

static bp_val absolute_error(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    (void)s;
    bp_val d = bp_sub(nn->g, y, bp__nn_real_target(nn, y, t));
    return mean_of_all(nn->g, bp_abs(nn->g, d));
}

/* c (d - c / 2), c being d cut off at +-delta: d^2 / 2 between, and outside
 * delta (|d| - delta / 2), without a square that could overflow. */
static bp_val huber(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    double delta = bp__arg_float(s, "delta");
    bp_val d = bp_sub(g, y, bp__nn_real_target(nn, y, t));
    bp_val c = bp_hard_tanh(g, d, -delta, delta);
    bp_val rest = bp_sub(g, d, bp_mul_scalar(g, c, 0.5));
    return mean_of_all(g, bp_mul(g, c, rest));
}

/* log cosh d = -log(1 - tanh(d)^2) / 2, exact near 0, and
 * |d| + log1p(exp(-2 |d|)) - log 2, which never overflows: for |d| from 1 on.
 * Each gets only what it is good for: the other's gradient is times 0. */
static bp_val log_cosh(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    (void)s;
    bp_graph *g = nn->g;
    bp_val d = bp_sub(g, y, bp__nn_real_target(nn, y, t));
    bp_val one = bp_scalar(g, nn->dtype, 1), size = bp_abs(g, d);
    bp_val far = bp_ge(g, size, one);
    bp_val th = bp_tanh(g, bp_select(g, far, bp_scalar(g, nn->dtype, 0), d));
    bp_val near = bp_log1p(g, bp_neg(g, bp_square(g, th)));
    near = bp_mul_scalar(g, near, -0.5);
    size = bp_select(g, far, size, one);
    bp_val tail = bp_log1p(g, bp_exp(g, bp_mul_scalar(g, size, -2)));
    tail = bp_add_scalar(g, tail, -0.69314718055994530942);
    return mean_of_all(g, bp_select(g, far, bp_add(g, size, tail), near));
}

/* ---- margins, counts ---- */

/* max(0, 1 - t y); a class is 1, the others -1. */
static bp_val margin(bp_nn *nn, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    bool classes = is_class(bp__type_of(g, t));
    t = bp__nn_real_target(nn, y, t);
    if (classes)
        t = bp_add_scalar(g, bp_mul_scalar(g, t, 2), -1);
    bp_val agree = bp_neg(g, bp_mul(g, t, y));
    return bp_relu(g, bp_add_scalar(g, agree, 1));
}

static bp_val hinge(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    return mean_by_class(nn, s, y, t, margin(nn, y, t));
}

static bp_val squared_hinge(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    return mean_by_class(nn, s, y, t, bp_square(nn->g, margin(nn, y, t)));
}

static bp_val poisson(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    t = bp__nn_real_target(nn, y, t);
    bool logs = bp__arg_bool(s, "log_input");
    bp_val rate = logs ? bp_exp(g, y) : y;
    bp_val log_rate = logs ? y : bp_log(g, bp_add_scalar(g, y, 1e-8));
    return mean_of_all(g, bp_sub(g, rate, bp_mul(g, t, log_rate)));
}

static const bp__argdef squared_args[] = {
    {"form", BP__ARG_CHOICE, "mean over the outputs, or half their sum "
     "(quadratic cost)", .def_text = "mean", .choices = "mean|half_sum"},
    {.name = NULL}};

static const bp__argdef smoothing_args[] = {
    {"label_smoothing", BP__ARG_FLOAT, "so much of the target is spread over "
     "all classes evenly", .def = 0, .min = 0, .max = 1},
    BP__CLASS_WEIGHTS, {.name = NULL}};
static const bp__argdef class_args[] = {BP__CLASS_WEIGHTS, {.name = NULL}};
static const bp__argdef huber_args[] = {
    {"delta", BP__ARG_FLOAT, "where the square ends", .def = 1, BP__ABOVE(0)},
    {.name = NULL}};
static const bp__argdef poisson_args[] = {
    {"log_input", BP__ARG_BOOL, "y is the logarithm of the rate", .def = 1},
    {.name = NULL}};

/* ---- dJ/dp, for explanations -------------------------------------------- */

/* A class that is no target weighs nothing, however unlikely it is. */
static bool softmax_dprob(const bp__spec *s, size_t n, const double *p,
                          const double *t, double *dp)
{
    double smooth = bp__arg_float(s, "label_smoothing");
    if (smooth > 0 && bp__arg(s, "class_weights")->set)
        return false; /* every class counts, by its weight */
    for (size_t i = 0; i < n; i++) {
        double want = t[i] * (1 - smooth) + smooth / (double)n;
        dp[i] = want == 0 ? 0 : -want / p[i];
    }
    return true;
}

static bool sigmoid_dprob(const bp__spec *s, size_t n, const double *p,
                          const double *t, double *dp)
{
    (void)s;
    for (size_t i = 0; i < n; i++)
        dp[i] = (p[i] - t[i]) / (p[i] * (1 - p[i]));
    return true;
}

static bool binary_dprob(const bp__spec *s, size_t n, const double *p,
                         const double *t, double *dp)
{
    sigmoid_dprob(s, n, p, t, dp);
    for (size_t i = 0; i < n; i++)
        dp[i] /= (double)n;
    return true;
}

const bp__kinddef bp__loss_rows[] = {
    {"softmax_cross_entropy", "-log softmax(y)[class], or -sum t log "
     "softmax(y): categorical, of logits", smoothing_args,
     "label_smoothing", .build.loss = softmax_cross_entropy,
     .head = BP__HEAD_SOFTMAX,
     .math = "J = −Σ_k ?label_smoothing{((1 − ε) t_k + ε / K)}"
             "?!label_smoothing{t_k} ln y_k",
     .dprob = softmax_dprob},
    {"binary_cross_entropy", "-t log s(y) - (1-t) log(1 - s(y)) of logits, "
     "mean over the outputs", class_args, .build.loss = binary_cross_entropy,
     .head = BP__HEAD_SIGMOID,
     .math = "J = −frac{1}{n} Σ_k (t_k ln y_k + (1 − t_k) ln(1 − y_k))",
     .dprob = binary_dprob},
    {"sigmoid_cross_entropy", "the same, summed over the outputs", class_args,
     .build.loss = sigmoid_cross_entropy, .head = BP__HEAD_SIGMOID,
     .math = "J = −Σ_k (t_k ln y_k + (1 − t_k) ln(1 − y_k))",
     .dprob = sigmoid_dprob},
    {"mean_squared_error", "(y - t)^2", squared_args, "form",
     .build.loss = squared_error,
     .math = "?mean{J = frac{1}{n} Σ_k (y_k − t_k)^2}"
             "?half_sum{J = frac{1}{2} Σ_k (y_k − t_k)^2}"},
    {"mean_absolute_error", "|y - t|, mean over the outputs",
     .build.loss = absolute_error,
     .math = "J = frac{1}{n} Σ_k |y_k − t_k|"},
    {"huber", "(y - t)^2 / 2 where |y - t| < delta, else delta * (|y - t| - "
     "delta / 2); mean over the outputs: Huber 1964", huber_args, "delta",
     .build.loss = huber,
     .math = "J = frac{1}{n} Σ_k h_δ(y_k − t_k)"},
    {"log_cosh", "log cosh(y - t), mean over the outputs",
     .build.loss = log_cosh,
     .math = "J = frac{1}{n} Σ_k ln cosh(y_k − t_k)"},
    {"hinge", "max(0, 1 - t y), mean over the outputs; t is -1 or 1, and of a "
     "class 1 for that class, -1 for the others (one output: -1 for class 0, "
     "1 for class 1)", class_args, .build.loss = hinge,
     .head = BP__HEAD_MARGIN,
     .math = "J = frac{1}{n} Σ_k max(0, 1 − t_k y_k)"},
    {"squared_hinge", "max(0, 1 - t y)^2, likewise", class_args,
     .build.loss = squared_hinge, .head = BP__HEAD_MARGIN,
     .math = "J = frac{1}{n} Σ_k max(0, 1 − t_k y_k)^2"},
    {"kl_divergence", "t * (log t - y) where t > 0, summed over the outputs; y "
     "is a log-probability, of log_softmax: PyTorch's batchmean",
     .build.loss = kl_divergence, .head = BP__HEAD_SOFTMAX,
     .math = "J = Σ_k t_k (ln t_k − y_k)"},
    {"nll", "-y[class], or -sum t y: y is a log-probability, of log_softmax",
     class_args,
     .build.loss = negative_log_likelihood, .head = BP__HEAD_SOFTMAX,
     .math = "J = −Σ_k t_k y_k"},
    {"poisson", "exp(y) - t y, or y - t log(y + 1e-8), mean over the outputs: "
     "negative log-likelihood of counts t, but for a constant", poisson_args,
     NULL, .build.loss = poisson,
     .math = "J = frac{1}{n} Σ_k (e^{y_k} − t_k y_k)"},
    {.name = NULL}};

bp_val bp__nn_loss(bp_nn *nn, const bp__spec *s, bp_val output, bp_val target)
{
    if (!bp__nn_ok(nn) || !s)
        return BP_NIL;
    bp_scope_push(nn->g, s->row->name);
    bp_val loss = BP_NIL;
    nn->loss_weight = BP_NIL;
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
