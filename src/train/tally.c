/* A metric over a set: the states of batches, put together in their order. */
#include "train/train.h"

static bool keeps(const bp__tally *t)
{
    return t->spec->row->keeps;
}

/* The step's numbers of this metric, which are f64. */
static const double *result_of(const bp__tally *t, const bp_step *p,
                               int64_t *n)
{
    bp_array x = {.bytes = 0};
    bp_step_output(p, t->output, &x);
    *n = (int64_t)(x.bytes / sizeof(double));
    return x.data;
}

void bp__tally_clear(bp__tally *t)
{
    t->n = 0;
    if (!keeps(t) && t->x)
        memset(t->x, 0, (size_t)t->width * sizeof *t->x);
}

bp_status bp__tally_add(bp__tally *t, const bp_allocator *a,
                        const bp_step *p, int64_t rows, bp_error *err)
{
    int64_t n;
    const double *x = result_of(t, p, &n);
    int64_t at = keeps(t) ? t->n * (n / rows) : 0;
    size_t need = (size_t)(at + n), had = t->cap;
    t->width = keeps(t) ? n / rows : n;
    if (t->borrowed && (at < 0 || need > t->cap))
        return bp__error(err, BP_EBUG, "%s: more samples than there are",
                         t->name);
    if (!t->borrowed && !bp__grow(a, &t->x, &t->cap, need, sizeof *t->x))
        return bp__oom(err);
    if (!keeps(t) && !had)
        memset(t->x, 0, need * sizeof *t->x);
    for (int64_t i = 0; i < n; i++)
        t->x[at + i] = keeps(t) ? x[i] : t->x[i] + x[i];
    t->n += rows;
    return BP_OK;
}

bp_status bp__tally_value(const bp__tally *t, const bp_allocator *a,
                          double *out, bp_error *err)
{
    bp__metric_state m = {t->x, t->n, t->width, a};
    return bp__metric_value(t->spec, &m, out) ? BP_OK : bp__oom(err);
}

bool bp__tally_is_cheap(const bp__tally *t)
{
    return !keeps(t);
}

void bp__tally_free(bp__tally *t, const bp_allocator *a)
{
    if (!t->borrowed)
        bp__free(a, t->x, t->cap * sizeof *t->x);
    *t = (bp__tally){0};
}

bp_status bp__task_tallies(const bp_task *task, bp__arena *ar,
                           bp__tally list[BP_MAX_METRICS], int *n,
                           bp_error *err)
{
    bp__spec **specs;
    const char *names[BP_MAX_METRICS];
    size_t count;
    *n = 0;
    memset(list, 0, BP_MAX_METRICS * sizeof *list);
    bp_status st = bp__spec_parse_list(ar, BP_NN_METRICS, task->metrics,
                                       &specs, &count, err);
    if (!st && count > BP_MAX_METRICS)
        st = bp__error(err, BP_ELIMIT, "at most %d metrics, not %zu",
                       BP_MAX_METRICS, count);
    if (!st)
        st = bp__metric_labels(ar, specs, count, names, err);
    for (size_t i = 0; i < count && !st; i++) {
        list[i].spec = specs[i];
        list[i].name = names[i];
        list[i].output = bp__arena_printf(ar, "metric.%s", names[i]);
        st = list[i].output ? BP_OK : bp__oom(err);
    }
    if (!st)
        *n = (int)count;
    return st;
}
