/* Many samples: from memory, from a data set, from files. */
#include "predict/predict.h"

enum { BATCH = 256 };

static bp_status check(const bp_predictor *p, const bp_data *d,
                       const char *what, bp_error *err)
{
    bp_data_report report = {0};
    bp_data_expect e = {.size = sizeof e, .n_inputs = p->run->n_inputs};
    for (size_t i = 0; i < e.n_inputs; i++) {
        const bp_nn_io *io = &p->run->input[i];
        e.rank[i] = io->rank;
        e.input_dtype[i] = io->dtype;
        memcpy(e.dims[i], io->dims, sizeof io->dims);
    }
    bp_status st = bp_data_check(d, &e, what, &report);
    return st ? bp__error(err, st, "%s", report.text) : BP_OK;
}

/* Where samples come from, and who hears of them. */
typedef struct stream {
    bp_predictor *p;
    bp_answer_fn answer;
    void (*note)(void *user, const char *text);
    void (*unreadable)(void *user, const char *message);
    void *user;
    bp__config view;  /* the run's, with notes of its own */
    int64_t done;     /* samples of earlier batches of this file */
} stream;

static bp_status tell(stream *q, const bp__source_samples *s, const bp_batch *b,
                      const bp__outputs *y, bp_error *err)
{
    bp_status st = BP_OK;
    for (int64_t k = 0; k < b->count && !st; k++) {
        bp_answer *a = &q->p->answer;
        st = bp__answer(q->p, y, k, err);
        if (st)
            break;
        int64_t row = b->sample[k];
        a->sample = q->done + row;
        a->path = s->path;
        a->name = s->name ? s->name[row] : NULL;
        a->line = s->line ? s->line[row] : 0;
        if (q->answer && q->answer(q->user, a))
            st = bp__error(err, BP_ECANCELED, "stopped after sample %lld",
                           (long long)a->sample);
    }
    return st;
}

static bp_status predict(stream *q, const bp__source_samples *s, const char *what,
                         bp_error *err)
{
    const bp__opened *r = q->p->run;
    bp_loader *l = NULL;
    bp_loader_options o = {.size = sizeof o, .allocator = &q->p->a,
                           .batch = BATCH};
    bp__task_loader(&r->config->task, &o);
    for (size_t i = 0; i < r->n_inputs; i++)
        o.norm[i] = r->config->norm[i];
    bp_status st = check(q->p, s->data, what, err);
    if (!st)
        st = bp_loader_new(s->data, &o, &l, err);
    int64_t n = st ? 0 : bp_loader_batches(l);
    for (int64_t i = 0; i < n && !st; i++) {
        bp_batch b;
        bp__outputs y;
        st = bp_loader_next(l, &b, err);
        if (!st)
            st = bp__machine_predict(q->p, &b, &y, err);
        if (!st)
            st = tell(q, s, &b, &y, err);
    }
    bp_loader_free(l);
    return st;
}

bp_status bp_predictor_data(bp_predictor *p, bp_data *d, bp_answer_fn fn,
                            void *user, bp_error *err)
{
    stream q = {.p = p, .answer = fn, .user = user};
    bp__source_samples s = {.data = d};
    if (!d)
        return bp__error(err, BP_EARG, "bp_predictor_data needs data");
    return predict(&q, &s, bp_data_source(d), err);
}

bp_status bp_predictor_arrays(bp_predictor *p, const bp_array *input,
                              size_t n_inputs, bp_answer_fn fn, void *user,
                              bp_error *err)
{
    bp_data_options o = {.size = sizeof o, .allocator = &p->a};
    bp_data *d = NULL;
    bp_status st = bp_data_from_arrays(input, n_inputs, NULL, &o, &d, err);
    if (!st)
        st = bp_predictor_data(p, d, fn, user, err);
    bp_data_free(d);
    return st;
}

/* ---- files ------------------------------------------------------------------- */

static bp_status take_samples(void *user, const bp__source_samples *s, bp_error *err)
{
    stream *q = user;
    if (q->view.source.notes && q->note)
        q->note(q->user, q->view.source.notes);
    q->view.source.notes = NULL;
    bp_status st = predict(q, s, s->path, err);
    q->done += bp_data_count(s->data);
    return st;
}

static void tell_unreadable(void *user, const char *message)
{
    stream *q = user;
    if (q->unreadable)
        q->unreadable(q->user, message);
}

/* The run's configuration is read by clones too: what reading a file adds goes
 * into a copy. */
bp_status bp__predict_view(const bp_predictor *p, bp__config *view,
                           bp_error *err)
{
    *view = *p->run->config;
    bp__arena_init(&view->arena, &p->a);
    view->resolved = bp__yaml_copy(&view->arena, view->resolved);
    view->source.arena = &view->arena;
    view->source.data = bp__yaml_get(view->resolved, "data");
    view->source.notes = NULL;
    bp__config_shapes(view);
    if (view->resolved)
        return BP_OK;
    bp__arena_free(&view->arena);
    return bp__oom(err);
}

bp_status bp_predictor_files(bp_predictor *p, const char *const *path,
                             size_t n, const bp_predict_files *options,
                             bp_error *err)
{
    bp_predict_files o;
    bp_status st = BP__OPTIONS(&o, options, bp_predict_files, err);
    if (!st && n != p->run->n_inputs)
        st = bp__error(err, BP_EARG, "this model has %zu inputs, and is given "
                       "%zu files", p->run->n_inputs, n);
    if (st)
        return st;
    stream q = {.p = p, .answer = o.answer, .note = o.note,
                .unreadable = o.unreadable, .user = o.user};
    bp__source_reader to = {take_samples, tell_unreadable, &q};
    st = bp__predict_view(p, &q.view, err);
    if (st)
        return st;
    st = bp__source_inputs(&q.view.source, path, n, &to, err);
    bp__arena_free(&q.view.arena);
    return st;
}
