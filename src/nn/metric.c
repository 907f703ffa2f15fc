/* Metrics: numbers of each sample, added up over the whole batch (or kept), so
 * that a set's value is that of its samples, whatever the batches and shards.
 * Nothing here has a gradient. */
#include "nn/measure.h"
#include "nn/metric.h"

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

bp_val bp__metric_rows_of(bp_graph *g, bp_val x)
{
    int64_t axes[BP_MAX_RANK];
    int n = bp_val_rank(g, x) - 2;
    for (int i = 0; i < n; i++)
        axes[i] = i + 1;
    return n > 0 ? bp_sum(g, x, n, axes, false) : x;
}

double bp__metric_threshold(const bp_nn *nn, const bp__spec *s)
{
    if (bp__arg(s, "threshold")->set)
        return bp__arg_float(s, "threshold");
    return nn->head == BP__HEAD_NONE ? 0.5 : 0;
}

/* Compares y's side of the threshold with t's, of one half. */
static bp_val right_side(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    double at = bp__metric_threshold(nn, s);
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
    bool classes = (tt.dtype == BP_I32 || tt.dtype == BP_U8) &&
                   tt.rank < yt.rank;
    bool one = yt.rank < 2 || yt.dims[yt.rank - 1] == 1;
    if (one)
        return mean_of_sample(g, right_side(nn, s, y, t));
    bp_val best = bp_argmax(g, y, -1), want = t;
    if (!classes)
        want = bp_argmax(g, bp__nn_real_target(nn, y, t), -1);
    else if (tt.dtype == BP_U8)
        want = bp_cast(g, t, BP_I32);
    return mean_of_sample(g, bp_cast(g, bp_eq(g, best, want), nn->dtype));
}

bp_val bp__metric_class_of(bp_nn *nn, bp_val y, bp_val t)
{
    bp_dtype type = bp_val_dtype(nn->g, t);
    bool classes = bp_val_rank(nn->g, t) < bp_val_rank(nn->g, y);
    if (type == BP_I32 && classes)
        return t;
    if (type == BP_U8 && classes)
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

bool bp__metric_check_classes(bp_nn *nn, bp_val y, bp_val t)
{
    char a[200], b[200];
    if (!bp__nn_ok(nn))
        return false;
    const bp__type yt = *bp__type_of(nn->g, y), tt = *bp__type_of(nn->g, t);
    bool fits = yt.rank >= 2 && tt.rank + 1 == yt.rank;
    for (int i = 0; fits && i < tt.rank; i++)
        fits = tt.dims[i] == yt.dims[i];
    if (!fits)
        bp__nn_fail(nn, BP_ESHAPE, "the network gives %s, the target is %s: "
                    "it must be a class for each row of the last axis",
                    bp__type_text(&yt, a), bp__type_text(&tt, b));
    return fits;
}

static bp_val top_k(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    const bp__type yt = *bp__type_of(g, y);
    bp_val at = yt.rank < 2 ? t : bp__metric_class_of(nn, y, t);
    if (!bp__metric_check_classes(nn, y, at))
        return BP_NIL;
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

/* In f64, where differences of large numbers lose nothing. */
static bp_val exact_difference(bp_nn *nn, bp_val y, bp_val t)
{
    t = bp__nn_real_target(nn, y, t);
    t = bp_cast(nn->g, t, BP_F64);
    return bp_sub(nn->g, bp_cast(nn->g, y, BP_F64), t);
}

static bp_val root_metric(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    (void)s;
    bp_val d = exact_difference(nn, y, t);
    return mean_of_sample(nn->g, bp_square(nn->g, d));
}

static bool root_value(const bp__spec *s, const bp__metric_state *m,
                       double *out)
{
    (void)s;
    *out = sqrt(m->x[0] / (double)m->n);
    return true;
}

/* Rows of (y - t)^2, t, t^2, each of all outputs. */
static bp_val r2_metric(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    (void)s;
    bp_graph *g = nn->g;
    bp_val d = exact_difference(nn, y, t);
    if (!bp__nn_ok(nn))
        return BP_NIL;
    int64_t dims[2] = {bp_val_dim(g, y, 0), -1};
    bp_val part[3] = {bp_square(g, d)};
    part[1] = bp_cast(g, bp__nn_real_target(nn, y, t), BP_F64);
    part[2] = bp_square(g, part[1]);
    for (int i = 0; i < 3; i++)
        part[i] = bp_reshape(g, part[i], 2, dims);
    return bp_concat(g, 3, part, 1);
}

/* The mean over the outputs. */
static bool r2_value(const bp__spec *s, const bp__metric_state *m, double *out)
{
    int64_t k = m->w / 3;
    double sum = 0, n = (double)m->n;
    (void)s;
    for (int64_t i = 0; i < k; i++) {
        double t = m->x[k + i], tt = m->x[2 * k + i];
        double around = tt - t * t / n;
        /* What rounding leaves of a constant is none of its spread. */
        sum += bp__r2(m->x[i], around > 1e-13 * tt ? around : 0);
    }
    *out = k ? sum / (double)k : (double)NAN;
    return true;
}

#define THRESHOLD                                                          \
    {"threshold", BP__ARG_FLOAT, "of a single output; unless given 0 for " \
     "logits, else 0.5", BP__ANY, .no_default = true}
#define CLASS                                                            \
    {"class", BP__ARG_TEXT, "of this one alone: its name, or its number" \
     " from 0", .no_default = true}

static const bp__argdef accuracy_args[] = {THRESHOLD, {.name = NULL}};
static const bp__argdef top_k_args[] = {
    {"k", BP__ARG_INT, "how many of the largest outputs count", .def = 5,
     BP__FROM(1)}, {.name = NULL}};
static const bp__argdef counts_args[] = {
    CLASS,
    {"average", BP__ARG_CHOICE, "over the classes that occur: each counts the "
     "same, or as often as it is true; micro: of all their counts together",
     .def_text = "macro", .choices = "macro|weighted|micro"},
    THRESHOLD, {.name = NULL}};
static const bp__argdef auc_args[] = {
    CLASS,
    {"average", BP__ARG_CHOICE, "of more than two classes: each against the "
     "rest", .def_text = "macro", .choices = "macro|weighted"},
    {.name = NULL}};
static const bp__argdef bins_args[] = {
    {"bins", BP__ARG_INT, "of the confidence, equally wide", .def = 15,
     .min = 1, .max = 1000}, {.name = NULL}};

const bp__kinddef bp__metric_rows[] = {
    {"accuracy", "share of samples whose largest output is the target's "
     "class", accuracy_args, "threshold", .build.metric = accuracy,
     .larger_is_better = true},
    {"top_k", "share of samples whose class is among the k largest outputs; "
     "called top_5 where k is 5", top_k_args, "k", .build.metric = top_k,
     .larger_is_better = true, .label = "top_{k}"},
    {"precision", "share of the samples said to be of a class that are; 0 "
     "where none is said to be", counts_args, "class",
     .build.metric = bp__metric_counts, .value = bp__metric_precision,
     .larger_is_better = true},
    {"recall", "share of the samples of a class that are said to be; 0 where "
     "there are none", counts_args, "class",
     .build.metric = bp__metric_counts, .value = bp__metric_recall,
     .larger_is_better = true},
    {"f1", "2 precision recall / (precision + recall), or 0", counts_args,
     "class", .build.metric = bp__metric_counts, .value = bp__metric_f1,
     .larger_is_better = true},
    {"auc", "area under the ROC curve, exact: of two classes, or of each "
     "against the rest; keeps the scores of all samples", auc_args, "class",
     .build.metric = bp__metric_ranks, .value = bp__metric_auc,
     .keeps = true, .larger_is_better = true},
    {"calibration_error", "expected calibration error: the distance of "
     "accuracy and mean confidence in each bin of the confidence, each by its "
     "samples: Guo et al. 2017", bins_args, "bins",
     .build.metric = bp__metric_bins, .value = bp__metric_calibration},
    {"mean_squared_error", "(y - t)^2, mean over the outputs",
     .build.metric = squared_error_metric},
    {"mean_absolute_error", "|y - t|, mean over the outputs",
     .build.metric = absolute_error_metric},
    {"root_mean_squared_error", "the root of the mean of (y - t)^2 over "
     "samples and outputs", .build.metric = root_metric,
     .value = root_value},
    {"r2", "1 - sum (y - t)^2 / sum (t - mean t)^2, mean over the outputs; "
     "undefined where a target is constant", .build.metric = r2_metric,
     .value = r2_value, .larger_is_better = true},
    {.name = NULL}};

int64_t bp__nn_class(bp_nn *nn, const char *what, const char *class_name,
                     int64_t k)
{
    int64_t c = -1, named = nn->class_name ? BP__MIN(nn->n_classes, k) : 0;
    const char *near = NULL;
    int best = 3;
    for (int64_t i = 0; i < named; i++) {
        if (!strcmp(nn->class_name[i], class_name))
            return i;
        int d = bp__edit_distance(nn->class_name[i], class_name);
        if (d < best) {
            best = d;
            near = nn->class_name[i];
        }
    }
    if (bp__parse_int64(class_name, &c) && c >= 0 && c < k)
        return c;
    if (near)
        bp__nn_fail(nn, BP_ENOTFOUND, "%sthere is no class \"%.60s\": did "
                    "you mean \"%.60s\"?", what, class_name, near);
    else if (named)
        bp__nn_fail(nn, BP_ENOTFOUND, "%sthere is no class \"%.60s\": the "
                    "first of %lld is \"%.60s\"", what, class_name,
                    (long long)k, nn->class_name[0]);
    else
        bp__nn_fail(nn, BP_ENOTFOUND, "%sthere is no class \"%.60s\": "
                    "classes have the numbers 0 to %lld", what, class_name,
                    (long long)k - 1);
    return -1;
}

/* Over axis 0 of the whole batch. */
static bp_val sum_of_rows(bp_graph *g, bp_val rows)
{
    static const int64_t first = 0;
    if (bp_val_rank(g, rows) < 2)
        return bp__nn_total(g, rows);
    bp_val s = bp_sum(g, rows, 1, &first, false);
    return bp_val_varying(g, s) ? bp_psum(g, s) : s;
}

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
        v = s->row->build.metric(nn, s, output, target);
    if (bp__nn_ok(nn) && !s->row->keeps)
        v = sum_of_rows(nn->g, v);
    if (bp__nn_ok(nn) && bp_val_dtype(nn->g, v) != BP_F64)
        v = bp_cast(nn->g, v, BP_F64);
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
