/* One sample at a time, in microseconds: what it is put into, the loader and
 * the program are made by the first call and used by all later ones. */
#include "predict/predict.h"

/* ---- the place of a sample --------------------------------------------------- */

void bp__single_free(bp_predictor *p)
{
    bp__single *s = &p->one;
    bp_loader_free(s->loader);
    bp_data_free(s->data);
    for (size_t i = 0; i < p->run->n_inputs; i++)
        bp_array_free(&p->a, &s->x[i]);
    if (s->row)
        s->row->free(s->row);
    memset(s, 0, sizeof *s);
}

static int64_t numel_of(int rank, const int64_t *dims)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= dims[i];
    return n;
}

static bool fits(const bp_predictor *p, const bp_array *input)
{
    for (size_t i = 0; i < p->run->n_inputs; i++)
        if (!p->one.data || p->one.x[i].dtype != input[i].dtype)
            return false;
    return true;
}

static bp_status make_place(bp_predictor *p, const bp_array *input,
                            bp_error *err)
{
    bp__single *s = &p->one;
    const bp__opened *r = p->run;
    bp_data_options o = {.size = sizeof o, .allocator = &p->a,
                         .borrow = true};
    bp_loader_options lo = {.size = sizeof lo, .allocator = &p->a, .batch = 1};
    bp__task_loader(&r->config->task, &lo);
    bp_status st = BP_OK;
    bp_loader_free(s->loader);
    bp_data_free(s->data);
    s->loader = NULL;
    s->data = NULL;
    for (size_t i = 0; i < r->n_inputs && !st; i++) {
        int64_t dims[BP_MAX_RANK] = {1};
        const bp_nn_io *io = &r->input[i];
        for (int k = 0; k < io->rank && k + 1 < BP_MAX_RANK; k++)
            dims[k + 1] = io->dims[k];
        bp_array_free(&p->a, &s->x[i]);
        st = bp_array_new(&p->a, input[i].dtype, io->rank + 1, dims,
                          &s->x[i], err);
        lo.norm[i] = r->config->norm[i];
    }
    if (!st)
        st = bp_data_from_arrays(s->x, r->n_inputs, NULL, &o, &s->data, err);
    return st ? st : bp_loader_new(s->data, &lo, &s->loader, err);
}

static bp_status put(bp_predictor *p, size_t i, const bp_array *x,
                     bp_error *err)
{
    const bp_nn_io *io = &p->run->input[i];
    bp_array *to = &p->one.x[i];
    int64_t n = numel_of(io->rank, io->dims);
    char want[200], got[200];
    if (!x->data || numel_of(x->rank, x->dims) != n)
        return bp__error(err, BP_ESHAPE, "input \"%s\" is %s for a sample, "
                         "not %s", io->name,
                         bp__shape_text(io->rank, io->dims, want),
                         bp__shape_text(x->rank, x->dims, got));
    memcpy(to->data, x->data, to->bytes);
    if (x->dtype != BP_F32 && x->dtype != BP_F64)
        return BP_OK;
    for (int64_t k = 0; k < n; k++) {
        double v = bp__read_real(x->data, x->dtype, k);
        if (!(v - v == 0))
            return bp__error(err, BP_ENONFINITE, "input \"%s\": element %lld "
                             "is not finite", io->name, (long long)k);
    }
    return BP_OK;
}

bp_status bp_predictor_sample(bp_predictor *p, const bp_array *input,
                              size_t n_inputs, bp_answer *a, bp_error *err)
{
    bp__single *s = &p->one;
    bp_batch b;
    bp__outputs y;
    if (n_inputs != p->run->n_inputs)
        return bp__error(err, BP_ESHAPE, "this model has %zu inputs, and is "
                         "given %zu", p->run->n_inputs, n_inputs);
    bp_status st = fits(p, input) ? BP_OK : make_place(p, input, err);
    for (size_t i = 0; i < n_inputs && !st; i++)
        st = put(p, i, &input[i], err);
    if (!st) /* another epoch: the loader makes the batch anew */
        st = bp_loader_seek(s->loader, s->calls++, 0, err);
    if (!st)
        st = bp_loader_next(s->loader, &b, err);
    if (!st)
        st = bp__machine_predict(p, &b, &y, err);
    if (!st)
        st = bp__answer(p, &y, 0, err);
    if (!st)
        *a = p->answer;
    return st;
}

bp_status bp_predictor_row(bp_predictor *p, const char *const *column,
                           const char *const *cell, size_t n, bp_answer *a,
                           bp_error *err)
{
    bp__single *s = &p->one;
    int64_t unseen = 0;
    bp_array x;
    bp_status st = BP_OK;
    if (!s->row)
        st = bp__source_row_new(&p->run->config->source, &p->a, &s->row, err);
    if (!st)
        st = s->row->read(s->row, column, cell, n, &x, &unseen, err);
    if (!st)
        st = bp_predictor_sample(p, &x, 1, a, err);
    if (!st)
        a->unseen = p->answer.unseen = unseen;
    return st;
}
