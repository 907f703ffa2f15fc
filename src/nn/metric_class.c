/* Metrics of classes that are no mean over samples: from counts of each class
 * (precision, recall, F1), from the scores of all samples (AUC), from bins of
 * the confidence (calibration). */
#include "nn/measure.h"
#include "nn/metric.h"

#include <bprop/ops.h>

#include <math.h>

/* Predictions and targets as classes, i32 of one shape. */
typedef struct class_pair {
    bp_val said, is;
    int64_t k;
    bool one; /* a single output: class 1 beyond the threshold */
} class_pair;

static bool find_classes(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t,
                         class_pair *p)
{
    bp_graph *g = nn->g;
    const bp__type yt = *bp__type_of(g, y);
    *p = (class_pair){.one = yt.rank < 2 || yt.dims[yt.rank - 1] == 1};
    if (p->one) {
        bp_val half = bp_scalar(g, nn->dtype, 0.5);
        bp_val at = bp_scalar(g, nn->dtype, bp__metric_threshold(nn, s));
        t = bp__nn_real_target(nn, y, t);
        p->k = 2;
        p->said = bp_cast(g, bp_gt(g, y, at), BP_I32);
        p->is = bp_cast(g, bp_gt(g, t, half), BP_I32);
    } else {
        p->k = yt.dims[yt.rank - 1];
        p->is = bp__metric_class_of(nn, y, t);
        if (!bp__metric_check_classes(nn, y, p->is))
            return false;
        p->said = bp_argmax(g, y, -1);
    }
    return bp__nn_ok(nn);
}

/* Of each class, or of the one that `class` names; [..., k], or [..., 1]. */
static bp_val marks(bp_nn *nn, bp_val classes, int64_t k, int64_t only)
{
    bp_graph *g = nn->g;
    if (only < 0)
        return bp_one_hot(g, classes, k, nn->dtype);
    int64_t dims[BP_MAX_RANK];
    int rank = bp_val_rank(g, classes);
    bp_val hit = bp_eq(g, classes, bp_scalar(g, BP_I32, (double)only));
    if (!bp__nn_ok(nn))
        return BP_NIL;
    for (int i = 0; i < rank; i++)
        dims[i] = bp_val_dim(g, classes, i);
    dims[rank] = 1;
    return bp_reshape(g, bp_cast(g, hit, nn->dtype), rank + 1, dims);
}

/* -1: all of them; -2: the graph has the error. */
static int64_t chosen_class(bp_nn *nn, const bp__spec *s, int64_t k)
{
    const char *name = bp__arg(s, "class")->s;
    if (!name)
        return -1;
    int64_t c = bp__nn_class(nn, "", name, k); /* the scope names the metric */
    return c < 0 ? -2 : c;
}

/* ---- precision, recall, F1 ---- */

/* Rows of hits, said, truth: of each class, or of one. */
bp_val bp__metric_counts(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    class_pair p;
    if (!find_classes(nn, s, y, t, &p))
        return BP_NIL;
    int64_t only = chosen_class(nn, s, p.k);
    if (only < -1)
        return BP_NIL;
    bp_val part[3];
    part[1] = marks(nn, p.said, p.k, only);
    part[2] = marks(nn, p.is, p.k, only);
    part[0] = bp_mul(g, part[1], part[2]);
    return bp__metric_rows_of(g, bp_concat(g, 3, part, -1));
}

static bp__average average_of(const bp__spec *s)
{
    return bp__arg_is(s, "average", "weighted") ? BP__WEIGHTED
           : bp__arg_is(s, "average", "micro")  ? BP__MICRO
                                                : BP__MACRO;
}

static bool class_score(bp__class_measure what, const bp__spec *s,
                        const bp__metric_state *m, double *out)
{
    int64_t k = m->w / 3;
    *out = bp__class_score(what, average_of(s), k, m->x, m->x + k,
                           m->x + 2 * k);
    return true;
}

bool bp__metric_precision(const bp__spec *s, const bp__metric_state *m,
                          double *out)
{
    return class_score(BP__PRECISION, s, m, out);
}

bool bp__metric_recall(const bp__spec *s, const bp__metric_state *m,
                       double *out)
{
    return class_score(BP__RECALL, s, m, out);
}

bool bp__metric_f1(const bp__spec *s, const bp__metric_state *m, double *out)
{
    return class_score(BP__F1, s, m, out);
}

/* ---- probabilities ---- */

/* What the loss takes outputs for. */
static bp_val probabilities(bp_nn *nn, bp_val y, bool one)
{
    if (nn->head == BP__HEAD_SIGMOID)
        return bp_sigmoid(nn->g, y);
    return nn->head == BP__HEAD_SOFTMAX && !one ? bp_softmax(nn->g, y, -1) : y;
}

/* ---- AUC ---- */

/* Rows to keep: scores of each class, then the class; or, of two classes or a
 * chosen one, its score and whether it is. */
bp_val bp__metric_ranks(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    bp_graph *g = nn->g;
    class_pair p;
    if (!find_classes(nn, s, y, t, &p))
        return BP_NIL;
    const bp__type yt = *bp__type_of(g, y);
    int64_t n = yt.dims[0], column[2] = {n, 1}, only = chosen_class(nn, s, p.k);
    if (only < -1)
        return BP_NIL;
    if (yt.rank > 2)
        return bp__nn_fail(nn, BP_ESHAPE, "auc ranks samples, and wants one "
                           "class a sample: the network gives a rank of %d",
                           yt.rank);
    bp_val score = bp_cast(g, probabilities(nn, y, p.one), BP_F64);
    bool all = !p.one && p.k > 2 && only < 0;
    if (!all) {
        int64_t c = only < 0 ? 1 : only;
        bp_val one = bp_scalar(g, BP_I32, (double)c);
        p.is = bp_eq(g, p.is, one);
        if (!p.one) {
            const int64_t start[2] = {0, c}, stop[2] = {n, c + 1};
            score = bp_slice(g, score, start, stop, NULL);
        } else if (c == 0) {
            score = bp_neg(g, score);
        }
        score = bp_reshape(g, score, 2, column);
    }
    bp_val part[2] = {score, bp_reshape(g, bp_cast(g, p.is, BP_F64), 2,
                                        column)};
    return bp_concat(g, 2, part, 1);
}

bool bp__metric_auc(const bp__spec *s, const bp__metric_state *m, double *out)
{
    int64_t k = m->w - 1;
    double sum = 0, weights = 0;
    bp__ranked *r = bp__calloc(m->a, (size_t)m->n, sizeof *r);
    if (!r)
        return false;
    for (int64_t c = 0; c < k; c++) {
        double yes = 0;
        for (int64_t i = 0; i < m->n; i++) {
            double is = m->x[i * m->w + k];
            r[i].score = m->x[i * m->w + c];
            r[i].yes = k == 1 ? is > 0 : is == (double)c;
            yes += r[i].yes;
        }
        double area = bp__roc_area(r, m->n);
        if (isnan(area))
            continue; /* every sample is of it, or none */
        double w = bp__arg_is(s, "average", "weighted") ? yes : 1;
        sum += w * area;
        weights += w;
    }
    bp__free(m->a, r, (size_t)m->n * sizeof *r);
    *out = weights > 0 ? sum / weights : (double)NAN;
    return true;
}

/* ---- calibration ---- */

/* Rows: of each bin of the confidence whether the sample is in it, its
 * confidence, and whether it is right. Bin i is (i / bins, (i + 1) / bins]. */
bp_val bp__metric_bins(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t)
{
    static const int64_t last = -1;
    bp_graph *g = nn->g;
    class_pair p;
    int64_t bins = bp__arg_int(s, "bins");
    if (!find_classes(nn, s, y, t, &p))
        return BP_NIL;
    if (nn->head == BP__HEAD_MARGIN)
        return bp__nn_fail(nn, BP_EARG, "calibration_error needs "
                           "probabilities: this loss makes margins");
    bp_val sure = probabilities(nn, y, p.one);
    if (p.one) {
        bp_val other = bp_add_scalar(g, bp_neg(g, sure), 1);
        sure = bp_maximum(g, sure, other);
    } else {
        bp_val hot = bp_one_hot(g, p.said, p.k, BP_BOOL);
        sure = bp_select(g, hot, sure, bp_scalar(g, nn->dtype, 0));
        sure = bp_sum(g, sure, 1, &last, false);
    }
    sure = bp_cast(g, sure, BP_F64);
    bp_val right = bp_cast(g, bp_eq(g, p.said, p.is), BP_F64);
    /* ceil(x) - 1 = -floor(-x) - 1 */
    bp_val bin = bp_floor(g, bp_mul_scalar(g, sure, -(double)bins));
    bin = bp_add_scalar(g, bp_neg(g, bin), -1);
    bin = bp_maximum(g, bin, bp_scalar(g, BP_F64, 0));
    bin = bp_minimum(g, bin, bp_scalar(g, BP_F64, (double)bins - 1));
    bp_val in = bp_one_hot(g, bp_cast(g, bin, BP_I32), bins, BP_F64);
    int64_t dims[BP_MAX_RANK];
    int rank = bp_val_rank(g, right);
    if (!bp__nn_ok(nn))
        return BP_NIL;
    for (int i = 0; i < rank; i++)
        dims[i] = bp_val_dim(g, right, i);
    dims[rank] = 1;
    bp_val part[3] = {in};
    part[1] = bp_mul(g, in, bp_reshape(g, sure, rank + 1, dims));
    part[2] = bp_mul(g, in, bp_reshape(g, right, rank + 1, dims));
    return bp__metric_rows_of(g, bp_concat(g, 3, part, -1));
}

/* The mean distance of accuracy and confidence, each bin by its samples. */
bool bp__metric_calibration(const bp__spec *s, const bp__metric_state *m,
                            double *out)
{
    int64_t bins = m->w / 3;
    double sum = 0, n = 0;
    (void)s;
    for (int64_t i = 0; i < bins; i++) {
        sum += fabs(m->x[bins + i] - m->x[2 * bins + i]);
        n += m->x[i];
    }
    *out = n > 0 ? sum / n : (double)NAN;
    return true;
}
