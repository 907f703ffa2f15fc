/* Scores of predictions. */
#include "train/scores.h"

#include "fmt/array.h"

#include "base/math.h"
#include "base/rng.h"
#include "data/data.h"
#include "fmt/array.h"
#include "nn/measure.h"

#include <math.h>
#include <stdlib.h>

/* ---- predictions -------------------------------------------------------- */

static bp_status new_predictions(bp__predictions *p, const bp_data *d,
                                 int64_t k, const bp_allocator *a,
                                 bp_error *err)
{
    bp_array t;
    *p = (bp__predictions){.a = *a, .n = bp_data_count(d), .k = k};
    p->classes = bp_data_target_kind(d) == BP_TARGET_CLASS;
    if (!bp_data_target(d, &t))
        return bp__error(err, BP_EARG, "%s has no targets to compare with",
                         bp_data_source(d));
    if (p->classes) /* each label counts */
        p->n *= bp__row_numel(&t);
    size_t n = (size_t)p->n;
    p->y = bp__calloc(a, n * (size_t)k, sizeof *p->y);
    if (p->classes)
        p->label = bp__calloc(a, n, sizeof *p->label);
    else
        p->truth = bp__calloc(a, n * (size_t)k, sizeof *p->truth);
    if (!p->y || (!p->label && !p->truth)) {
        bp__predictions_free(p);
        return bp__oom(err);
    }
    for (size_t i = 0; i < n && p->classes; i++)
        p->label[i] = ((const int32_t *)t.data)[i];
    for (size_t i = 0; i < n * (size_t)k && !p->classes; i++)
        p->truth[i] = bp__element(t.dtype, t.data, (int64_t)i);
    return BP_OK;
}

void bp__predictions_free(bp__predictions *p)
{
    const bp_allocator *a = &p->a;
    size_t n = (size_t)p->n;
    if (!a->fn)
        return;
    bp__free(a, p->y, n * (size_t)p->k * sizeof *p->y);
    bp__free(a, p->label, n * sizeof *p->label);
    bp__free(a, p->truth, n * (size_t)p->k * sizeof *p->truth);
    p->y = p->truth = NULL;
    p->label = NULL;
}

/* `rows` of k numbers. */
static bp_status take_batch(const bp_step *step, int64_t rows,
                            bp__predictions *p, int64_t at, bp_error *err)
{
    bp_array y = {.bytes = 0};
    if (!bp_step_output(step, "probability", &y))
        bp_step_output(step, "output", &y);
    int64_t k = rows ? (int64_t)(y.bytes / bp_dtype_bytes(y.dtype)) / rows : 0;
    bool one = p->classes && p->k == 2 && k == 1;
    if (!y.data || (k != p->k && !one))
        return bp__error(err, BP_ESHAPE, "the network gives %lld numbers a "
                         "sample, %lld can be scored", (long long)k,
                         (long long)p->k);
    for (int64_t i = 0; i < rows * k; i++) {
        double v = bp__array_number(&y, i);
        if (one) {
            p->y[2 * (at + i)] = 1 - v;
            p->y[2 * (at + i) + 1] = v;
        } else {
            p->y[at * k + i] = v;
        }
    }
    return BP_OK;
}

bp_status bp__predict_all(bp__evaluator *e, bp_data *d, const bp_allocator *a,
                          bp__predictions *p, bp_error *err)
{
    const bp_task *task = e->steps->task;
    bp_loader *l = NULL;
    bp_loader_options o = {.size = sizeof o, .allocator = a,
                           .batch = e->batch};
    bp__task_loader(task, &o);
    memcpy(o.norm, e->norm, sizeof o.norm);
    bp_array t;
    int64_t k = bp_data_target_kind(d) == BP_TARGET_CLASS ? e->n_classes
                : bp_data_target(d, &t) ? bp__row_numel(&t)
                                        : 1;
    bp_status st = new_predictions(p, d, k, a, err);
    if (!st)
        st = bp_loader_new(d, &o, &l, err);
    int64_t n = st ? 0 : bp_loader_batches(l), at = 0;
    for (int64_t i = 0; i < n && !st; i++) {
        bp_batch b;
        bp_step *step;
        st = bp_loader_next(l, &b, err);
        if (!st)
            st = bp__task_steps_run(e->steps, BP_TASK_PREDICT, &b, &step, err);
        int64_t rows = b.count * (p->classes ? bp__task_labels(task) : 1);
        if (!st)
            st = take_batch(step, rows, p, at, err);
        at += rows;
    }
    bp_loader_free(l);
    if (st)
        bp__predictions_free(p);
    return st;
}

bp_status bp__predict_constant(const bp_data *train, const bp_data *d,
                               int64_t k, const bp_allocator *a,
                               bp__predictions *p, bp_error *err)
{
    bp_array t;
    bp_status st = new_predictions(p, d, k, a, err);
    if (st)
        return st;
    if (!bp_data_target(train, &t) || t.dims[0] < 1) {
        bp__predictions_free(p);
        return bp__error(err, BP_EARG, "%s has no targets to guess from",
                         bp_data_source(train));
    }
    int64_t n = t.dims[0] * (p->classes ? bp__row_numel(&t) : 1);
    for (int64_t i = 0; i < n; i++)
        if (p->classes)
            p->y[((const int32_t *)t.data)[i]] += 1;
        else
            for (int64_t c = 0; c < k; c++)
                p->y[c] += bp__element(t.dtype, t.data, i * k + c);
    for (int64_t c = 0; c < k; c++)
        p->y[c] /= (double)n;
    for (int64_t i = 1; i < p->n; i++)
        memcpy(p->y + i * k, p->y, (size_t)k * sizeof *p->y);
    return BP_OK;
}

/* ---- scores -----------------------------------------------------------------
 * Over the samples that `draw` numbers; NULL: each once. */

static int64_t drawn(const int64_t *draw, int64_t i)
{
    return draw ? draw[i] : i;
}

static int64_t best_class(const bp__predictions *p, int64_t i)
{
    int64_t best = 0;
    for (int64_t c = 1; c < p->k; c++)
        if (p->y[i * p->k + c] > p->y[i * p->k + best])
            best = c;
    return best;
}

static double accuracy(const bp__predictions *p, const int64_t *draw)
{
    int64_t right = 0;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t s = drawn(draw, i);
        right += best_class(p, s) == p->label[s];
    }
    return (double)right / (double)p->n;
}

static double mean_f1(const bp__predictions *p, const int64_t *draw)
{
    double *count = bp__calloc(&p->a, 3 * (size_t)p->k, sizeof *count);
    if (!count)
        return (double)NAN;
    double *said = count + p->k, *truth = said + p->k;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t s = drawn(draw, i), best = best_class(p, s);
        truth[p->label[s]]++;
        said[best]++;
        if (best == p->label[s])
            count[best]++;
    }
    double f1 = bp__class_score(BP__F1, BP__MACRO, p->k, count, said, truth);
    bp__free(&p->a, count, 3 * (size_t)p->k * sizeof *count);
    return f1;
}

static double log_loss(const bp__predictions *p, const int64_t *draw)
{
    double sum = 0;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t s = drawn(draw, i);
        double q = p->y[s * p->k + p->label[s]];
        sum -= bp__log(q > 1e-15 ? q : 1e-15);
    }
    return sum / (double)p->n;
}

static double area(const bp__predictions *p)
{
    if (p->k != 2)
        return (double)NAN;
    bp__ranked *r = bp__calloc(&p->a, (size_t)p->n, sizeof *r);
    if (!r)
        return (double)NAN;
    for (int64_t i = 0; i < p->n; i++)
        r[i] = (bp__ranked){p->y[2 * i + 1], p->label[i] == 1};
    double a = bp__roc_area(r, p->n);
    bp__free(&p->a, r, (size_t)p->n * sizeof *r);
    return a;
}

static double error_score(const bp__predictions *p, bp__score s,
                          const int64_t *draw)
{
    double squares = 0, sum = 0, mean = 0, around = 0;
    for (int64_t i = 0; i < p->n; i++) {
        int64_t k = drawn(draw, i) * p->k + p->of;
        double e = p->y[k] - p->truth[k];
        squares += e * e;
        sum += fabs(e);
        mean += p->truth[k];
    }
    mean /= (double)p->n;
    if (s == BP__SCORE_MAE)
        return sum / (double)p->n;
    if (s == BP__SCORE_RMSE)
        return sqrt(squares / (double)p->n);
    for (int64_t i = 0; i < p->n; i++) {
        double e = p->truth[drawn(draw, i) * p->k + p->of] - mean;
        around += e * e;
    }
    return bp__r2(squares, around);
}

static double score_of(const bp__predictions *p, bp__score s,
                       const int64_t *draw)
{
    if (p->n < 1 || p->classes != (s <= BP__SCORE_LOG_LOSS))
        return (double)NAN;
    switch (s) {
    case BP__SCORE_ACCURACY:
        return accuracy(p, draw);
    case BP__SCORE_F1:
        return mean_f1(p, draw);
    case BP__SCORE_AUC:
        return area(p);
    case BP__SCORE_LOG_LOSS:
        return log_loss(p, draw);
    default:
        return error_score(p, s, draw);
    }
}

double bp__score_of(const bp__predictions *p, bp__score s)
{
    return score_of(p, s, NULL);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Of 1,000 draws; q: of the difference to another's score. */
static bool middle_of_draws(const bp__predictions *p, const bp__predictions *q,
                            bp__score s, double *low, double *high)
{
    const bp_allocator *a = &p->a;
    enum { DRAWS = 1000, STREAM = 7003 };
    int64_t *draw = bp__calloc(a, (size_t)p->n + 1, sizeof *draw);
    double *all = bp__calloc(a, DRAWS, sizeof *all);
    int n = 0;
    *low = *high = (double)NAN;
    for (int d = 0; draw && all && d < DRAWS; d++) {
        bp__rng r = bp__rng_seed(1, (uint64_t)d, STREAM);
        for (int64_t i = 0; i < p->n; i++)
            draw[i] = (int64_t)bp__rng_below(&r, (uint64_t)i, (uint64_t)p->n);
        double x = score_of(p, s, draw);
        if (q)
            x -= score_of(q, s, draw);
        if (!isnan(x))
            all[n++] = x;
    }
    if (n > 0) {
        qsort(all, (size_t)n, sizeof *all, compare_doubles);
        *low = all[n / 40];
        *high = all[n - 1 - n / 40];
    }
    bool ok = draw && all;
    bp__free(a, draw, ((size_t)p->n + 1) * sizeof *draw);
    bp__free(a, all, DRAWS * sizeof *all);
    return ok;
}

bool bp__score_interval(const bp__predictions *p, bp__score s, double *low,
                        double *high)
{
    bool ok = middle_of_draws(p, NULL, s, low, high);
    if (!ok || s != BP__SCORE_ACCURACY || *high - *low > 0)
        return ok;
    double x = bp__score_of(p, s);
    double bound = bp__exp(bp__log(0.025) / (double)p->n);
    if (x >= 1)
        *low = bound;
    if (x <= 0)
        *high = 1 - bound;
    return ok;
}

bool bp__score_gain(const bp__predictions *p, const bp__predictions *q,
                    bp__score s, bp__gain *gain)
{
    double low, high;
    *gain = BP__GAIN_NONE;
    if (!middle_of_draws(p, q, s, &low, &high))
        return false;
    bool less = s >= BP__SCORE_LOG_LOSS && s <= BP__SCORE_MAE;
    if (low > 0)
        *gain = less ? BP__GAIN_WORSE : BP__GAIN_BETTER;
    else if (high < 0)
        *gain = less ? BP__GAIN_BETTER : BP__GAIN_WORSE;
    return true;
}
