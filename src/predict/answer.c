/* Outputs of a network -> what they say of a sample. */
#include "predict/predict.h"

static bp_status make_room(bp_predictor *p, int64_t n, bp_error *err)
{
    if (n <= p->room)
        return BP_OK;
    size_t old = 2 * (size_t)p->room * sizeof *p->numbers;
    size_t bytes = bp__mul_size(bp__mul_size((size_t)n, 2),
                                sizeof *p->numbers);
    double *x = bp__realloc(&p->a, p->numbers, old, bytes);
    if (!x)
        return bp__oom(err);
    p->numbers = x;
    p->room = n;
    return BP_OK;
}

/* Of a single output: is it above a half. */
static int64_t best_of(const double *x, int64_t n)
{
    int64_t best = 0;
    if (n == 1)
        return x[0] > 0.5;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static void decide(const bp_predictor *p, bp_answer *a)
{
    const bp__opened *r = p->run;
    a->class_index = -1;
    a->class_name = NULL;
    a->probability = 0;
    if (!r->classes || a->n < 1)
        return;
    int64_t k = a->class_index = best_of(a->value, a->n);
    a->class_name = bp_config_class_name(r->config, k);
    a->probability = a->n > 1 ? a->value[k] : k ? a->value[0]
                                                : 1 - a->value[0];
}

bp_status bp__answer(bp_predictor *p, const bp__outputs *y, int64_t row,
                     bp_error *err)
{
    int64_t n = y->n, at = row * n;
    bp_status st = make_room(p, n, err);
    if (st)
        return st;
    double *output = p->numbers, *value = p->numbers + p->room;
    const void *from = y->probability ? y->probability : y->output;
    bp__read_reals(y->output, y->dtype, at, n, output);
    bp__read_reals(from, y->dtype, at, n, value);
    for (int64_t i = 0; i < n && i < p->run->n_units; i++) {
        const bp_target_units *u = &p->run->units[i];
        value[i] = value[i] / u->factor + u->center;
    }
    p->answer = (bp_answer){.n = n, .output = output, .value = value};
    decide(p, &p->answer);
    return BP_OK;
}
