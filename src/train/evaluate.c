/* One pass over a data set in evaluation mode: loss, metrics, confusion. Sums
 * run in f64 in the order of the samples, so they depend on the batch alone.
 */
#include "train/train.h"

#include "fmt/array.h"

#include <math.h>

enum {
    EVAL_MAX_CLASSES = 4096,
    EVAL_MIN_BATCH = 100,
    EVAL_ELEMENTS = 1 << 20, /* of inputs, where the batch may be chosen */
};

/* A single output is a logit or a probability, as the loss takes it. */
static bp_status loss_threshold(const bp_task *t, bp__arena *ar,
                                double *threshold, bp_error *err)
{
    bp__spec *loss;
    bp_status st = bp__spec_parse(ar, BP_NN_LOSSES, t->loss, &loss, err);
    if (!st)
        *threshold = loss->row->head == BP__HEAD_NONE ? 0.5 : 0;
    return st;
}

/* Small batches would waste time, and large samples in large ones memory. */
static int64_t least_batch(const bp_task *t)
{
    int64_t numel = 0;
    for (size_t i = 0; i < bp__task_inputs(t); i++) {
        bp_nn_io io;
        int64_t n = 1;
        bp__task_input(t, i, &io);
        for (int k = 0; k < io.rank; k++)
            n *= io.dims[k];
        numel += n;
    }
    int64_t fits = EVAL_ELEMENTS / BP__MAX(numel, 1);
    return fits < 1 ? 1 : BP__MIN(fits, (int64_t)EVAL_MIN_BATCH);
}

bp_status bp__evaluator_init(bp__evaluator *e, bp__task_steps *k,
                             const bp__type *output, int64_t batch,
                             bp_error *err)
{
    *e = (bp__evaluator){.a = k->a, .steps = k};
    bp__arena_init(&e->arena, &k->a);
    const bp_task *t = k->task;
    e->batch = BP__MAX(batch, least_batch(t));
    bp_status st = bp__task_tallies(t, &e->arena, e->tally, &e->n_metrics,
                                    err);
    for (int i = 0; i < e->n_metrics; i++)
        e->metric_name[i] = e->tally[i].name;
    if (!st)
        st = loss_threshold(t, &e->arena, &e->threshold, err);
    int64_t n = bp__task_classes(t, output);
    if (st || output->rank != t->target.rank + 2)
        return st;
    if (n < 1 || n > EVAL_MAX_CLASSES)
        return BP_OK;
    e->confusion = bp__calloc(&e->a, (size_t)(n * n), sizeof *e->confusion);
    if (!e->confusion)
        return bp__oom(err);
    e->n_classes = n;
    return BP_OK;
}

void bp__evaluator_free(bp__evaluator *e)
{
    size_t k = (size_t)e->n_classes;
    bp__free(&e->a, e->confusion, k * k * sizeof *e->confusion);
    for (int i = 0; i < e->n_metrics; i++)
        bp__tally_free(&e->tally[i], &e->a);
    bp__arena_free(&e->arena);
    memset(e, 0, sizeof *e);
}

/* Adds a batch's labels to the table: first largest output, or threshold. */
static void count_confusion(bp__evaluator *e, const bp_step *p,
                            const bp_batch *b)
{
    bp_array y;
    const int32_t *truth = b->target;
    if (!bp_step_output(p, "output", &y))
        return;
    int64_t n = b->count * bp__task_labels(e->steps->task);
    int64_t width = n ? (int64_t)(y.bytes / bp_dtype_bytes(y.dtype)) / n : 0;
    if ((width != e->n_classes && !(width == 1 && e->n_classes == 2)))
        return;
    for (int64_t r = 0; r < n; r++) {
        int64_t best = 0;
        for (int64_t k = 1; k < width; k++)
            if (bp__array_number(&y, r * width + k) >
                bp__array_number(&y, r * width + best))
                best = k;
        if (width == 1)
            best = bp__array_number(&y, r) > e->threshold;
        if (truth[r] >= 0 && truth[r] < e->n_classes)
            e->confusion[truth[r] * e->n_classes + best]++;
    }
}

static bp_status eval_batch(bp__evaluator *e, bp_loader *l, bp_batch *b,
                            bp_evaluation *sum, bp_error *err)
{
    bp_step *p;
    bp_status st = bp_loader_next(l, b, err);
    if (!st)
        st = bp__task_steps_run(e->steps, BP_TASK_EVAL, b, &p, err);
    if (st)
        return st;
    sum->samples += b->count;
    double weight = bp__loss_weight(p, b->count);
    sum->loss += bp_step_number(p, "loss") * weight;
    e->loss_weight += weight;
    for (int i = 0; i < e->n_metrics && !st; i++)
        st = bp__tally_add(&e->tally[i], &e->a, p, b->count, err);
    if (e->n_classes)
        count_confusion(e, p, b);
    return st;
}

/* NaN stands for what is not known yet. */
static void eval_progress(bp__evaluator *e, const bp_evaluation *sum,
                          int64_t batch, int64_t batches, const char *split)
{
    double mean[BP_MAX_METRICS];
    bp_progress p = {.batch = batch, .batches = batches, .split = split,
                     .samples = sum->samples, .n_metrics = e->n_metrics,
                     .metric_name = e->metric_name, .metric = mean};
    if (!e->on_batch)
        return;
    p.loss = sum->loss / (e->loss_weight > 0 ? e->loss_weight : 1);
    for (int i = 0; i < e->n_metrics; i++) {
        mean[i] = (double)NAN;
        if (bp__tally_is_cheap(&e->tally[i]))
            bp__tally_value(&e->tally[i], &e->a, &mean[i], NULL);
    }
    e->on_batch(e->user, &p);
}

bp_status bp__evaluate(bp__evaluator *e, bp_data *d, const char *split,
                       bp_evaluation *result, bp_error *err)
{
    bp_loader *l = NULL;
    bp_loader_options o = {.size = sizeof o, .allocator = &e->a,
                           .batch = e->batch, .prefetch = true};
    bp__task_loader(e->steps->task, &o);
    memcpy(o.norm, e->norm, sizeof o.norm);
    memset(result, 0, sizeof *result);
    result->n_metrics = e->n_metrics;
    memcpy(result->metric_name, e->metric_name, sizeof e->metric_name);
    result->n_classes = e->n_classes;
    result->confusion = e->confusion;
    if (e->n_classes)
        memset(e->confusion, 0,
               (size_t)(e->n_classes * e->n_classes) * sizeof *e->confusion);
    e->loss_weight = 0;
    for (int i = 0; i < e->n_metrics; i++)
        bp__tally_clear(&e->tally[i]);
    bp_status st = bp_loader_new(d, &o, &l, err);
    int64_t n = st ? 0 : bp_loader_batches(l);
    for (int64_t i = 0; i < n && !st; i++) {
        bp_batch b;
        if (e->stop && *e->stop)
            st = bp__error(err, BP_ECANCELED, "stopped while evaluating %s",
                           split);
        else
            st = eval_batch(e, l, &b, result, err);
        if (!st)
            eval_progress(e, result, i + 1, n, split);
    }
    bp_loader_free(l);
    if (st || !result->samples)
        return st;
    result->loss /= e->loss_weight > 0 ? e->loss_weight : 1;
    for (int i = 0; i < e->n_metrics && !st; i++)
        st = bp__tally_value(&e->tally[i], &e->a, &result->metric[i], err);
    return st;
}

void bp__stuck_classes(const bp_evaluation *e, bp__str *out)
{
    /* A twentieth of fewer samples than this is less than one sample. */
    const int64_t least = 20;
    int n = 0;
    for (int64_t k = 0; k < e->n_classes; k++) {
        int64_t truth = 0, predicted = 0;
        for (int64_t j = 0; j < e->n_classes; j++) {
            truth += e->confusion[k * e->n_classes + j];
            predicted += e->confusion[j * e->n_classes + k];
        }
        /* A saturated output still wins where all others are lower. */
        if (truth < least || predicted >= (truth + 19) / 20)
            continue;
        if (n < 20)
            bp__str_printf(out, "%s%lld",
                           n ? ", " : "stuck: hardly ever predicts class ",
                           (long long)k);
        n++;
    }
    if (n > 20)
        bp__str_printf(out, " and %d more", n - 20);
}
