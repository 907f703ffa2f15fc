/* The loop: steps, ends of epochs, the end. State changes only between steps,
 * so that a checkpoint at any moment continues with the same bits. */
#include "train/trainer.h"

#include <float.h>
#include <math.h>

static double mean_of(double sum, double n)
{
    return n > 0 ? sum / n : 0;
}

/* ---- the epoch's sums ------------------------------------------------------ */

/* all: metrics too whose value takes time; else those are NaN. */
static bp_status train_evaluation(bp_trainer *t, bool all, bp_evaluation *e,
                                  bp_error *err)
{
    double n = *t->state.sum_samples;
    bp_status st = BP_OK;
    *e = (bp_evaluation){.samples = (int64_t)n, .n_metrics = t->n_metrics};
    e->loss = mean_of(*t->state.sum_loss, *t->state.sum_weight);
    for (int i = 0; i < t->n_metrics; i++) {
        e->metric_name[i] = t->metric_name[i];
        e->metric[i] = (double)NAN;
        t->tally[i].n = (int64_t)n; /* a resumed run's samples too */
        if (!st && (all || bp__tally_is_cheap(&t->tally[i])))
            st = bp__tally_value(&t->tally[i], &t->a, &e->metric[i], err);
    }
    return st;
}

static void clear_sums(bp_trainer *t)
{
    *t->state.sum_samples = 0;
    *t->state.sum_loss = 0;
    *t->state.sum_weight = 0;
    for (int i = 0; i < t->n_metrics; i++)
        bp__tally_clear(&t->tally[i]);
}

static bp__log_record record_of(const bp_trainer *t, const char *split,
                                const bp_evaluation *e)
{
    bp__log_record r = {.step = *t->step,
                        .epoch = (int64_t)*t->state.epoch + 1,
                        .split = split,
                        .samples = e->samples,
                        .loss = e->loss,
                        .n_metrics = e->n_metrics,
                        .wide = t->task.dtype == BP_F64,
                        .seconds = bp__trainer_clock() - t->began};
    for (int i = 0; i < e->n_metrics; i++) {
        r.metric_name[i] = e->metric_name[i];
        r.metric[i] = e->metric[i];
    }
    return r;
}

static void step_facts(const bp_trainer *t, bp__log_record *r)
{
    r->has_step_facts = true;
    r->lr = *t->lr;
    r->grad_norm = *t->state.grad_norm;
}

/* ---- one step ---------------------------------------------------------------- */

/* A fault names rows of the batch; the user knows samples of the set. The
 * numbers stand after this word in the diagnosis. */
static void name_data_rows(bp_error *err, const bp_fields *b, const char *split)
{
    const char *p = strstr(err->message, "in sample(s) ");
    char text[300] = "";
    size_t len = 0;
    if (!p)
        return;
    p += strlen("in sample(s) ");
    while (*p >= '0' && *p <= '9') {
        int64_t row = 0;
        for (; *p >= '0' && *p <= '9'; p++)
            row = row < 1 << 30 ? 10 * row + (*p - '0') : row;
        if (row < b->field[0].dims[0] && len < 200)
            len += (size_t)bp__snprintf(text + len, sizeof text - len, "%s%lld",
                                        len ? ", " : "",
                                        (long long)b->sample[row]);
        if (p[0] == ',' && p[1] == ' ')
            p += 2;
    }
    size_t n = strlen(err->message);
    if (len)
        bp__snprintf(err->message + n, sizeof err->message - n,
                     " of the batch: rows %s of %s", text, split);
}

static bp_status step_failed(bp_trainer *t, bp_status st, const bp_fields *b,
                             bp_error *err)
{
    bp_error why = *err;
    if (st == BP_ENONFINITE) {
        name_data_rows(&why, b, "train");
        t->failed = true;
    }
    return bp__error(err, st, "step %lld (epoch %lld, batch %lld of %lld): %s",
                     (long long)*t->step + 1, (long long)*t->state.epoch + 1,
                     (long long)*t->state.batch + 1, (long long)t->batches,
                     why.message);
}

static bp_status add_sums(bp_trainer *t, const bp_step *p, int64_t n,
                          bp_error *err)
{
    bp_status st = BP_OK;
    int64_t before = (int64_t)*t->state.sum_samples;
    for (int i = 0; i < t->n_metrics && !st; i++) {
        t->tally[i].n = before;
        st = bp__tally_add(&t->tally[i], &t->a, p, n, err);
    }
    *t->state.sum_samples += (double)n;
    double weight = bp__loss_weight(p, n);
    *t->state.sum_loss += bp_step_number(p, "loss") * weight;
    *t->state.sum_weight += weight;
    *t->state.grad_norm = bp_step_number(p, "grad_norm");
    return st;
}

/* Of one batch alone. */
static bp_status batch_evaluation(bp_trainer *t, const bp_step *p,
                                  int64_t n, bp_evaluation *e, bp_error *err)
{
    bp_status st = BP_OK;
    *e = (bp_evaluation){.samples = n, .n_metrics = t->n_metrics};
    e->loss = bp_step_number(p, "loss");
    for (int i = 0; i < t->n_metrics && !st; i++) {
        bp__tally one = {.spec = t->tally[i].spec, .name = t->tally[i].name,
                         .output = t->tally[i].output};
        e->metric_name[i] = t->metric_name[i];
        st = bp__tally_add(&one, &t->a, p, n, err);
        if (!st)
            st = bp__tally_value(&one, &t->a, &e->metric[i], err);
        bp__tally_free(&one, &t->a);
    }
    return st;
}

static void report_step(bp_trainer *t)
{
    bp_evaluation e;
    if (!t->o.on_step)
        return;
    train_evaluation(t, false, &e, NULL);
    bp_progress p = {.epoch = (int64_t)*t->state.epoch + 1,
                     .epochs = t->o.epochs,
                     .step = *t->step,
                     .steps = t->total_steps,
                     .batch = (int64_t)*t->state.batch,
                     .batches = t->batches,
                     .split = "train",
                     .samples = e.samples,
                     .loss = e.loss,
                     .n_metrics = e.n_metrics,
                     .metric_name = t->metric_name,
                     .metric = e.metric,
                     .lr = *t->lr,
                     .grad_norm = *t->state.grad_norm};
    t->o.on_step(t->o.user, &p);
}

bp_status bp__trainer_step(bp_trainer *t, double rate, bp_evaluation *now,
                           bp_error *err)
{
    bp_fields b;
    bp_step *p = t->steps.step[BP_TASK_TRAIN];
    bp_status st = bp_source_next(t->source, &b, err);
    if (!st)
        st = bp_step_set_rate(p, rate, err);
    if (st)
        return st;
    st = bp__task_steps_run_fields(&t->steps, BP_TASK_TRAIN, &b, &p, err);
    if (st)
        return step_failed(t, st, &b, err);
    st = add_sums(t, p, b.field[0].dims[0], err);
    *t->state.batch += 1;
    return st || !now ? st : batch_evaluation(t, p, b.field[0].dims[0], now, err);
}

static bp_status one_step(bp_trainer *t, bp_error *err)
{
    bp_evaluation now;
    double rate = bp__optimizer_lr(t->optimizer, *t->step, t->batches,
                                   t->total_steps);
    bool log = t->o.log_every && (*t->step + 1) % t->o.log_every == 0;
    bp_status st = bp__trainer_step(t, bp__plateau_rate(&t->plateau, rate),
                                    log ? &now : NULL, err);
    if (st)
        return st;
    if (log) {
        bp__log_record r = record_of(t, "train", &now);
        step_facts(t, &r);
        st = bp__folder_log(t->folder, &r, err);
    }
    report_step(t);
    return st;
}

/* ---- the end of an epoch ------------------------------------------------------ */

/* What is not defined is as bad as can be: best weights there are all the
 * same. */
static double monitored(const bp_trainer *t, const bp_evaluation *e)
{
    double x = t->monitor < 0 ? e->loss : e->metric[t->monitor];
    if (isnan(x))
        x = t->larger_is_better ? -DBL_MAX : DBL_MAX;
    return x;
}

static bool meets_target(const bp_trainer *t, double x)
{
    return t->larger_is_better ? x >= t->o.target : x <= t->o.target;
}

static bool is_better(const bp_trainer *t, double x)
{
    if (!(*t->state.has_best > 0))
        return true;
    return t->larger_is_better ? x > *t->state.best : x < *t->state.best;
}

static bp_status log_epoch(bp_trainer *t, const bp_evaluation *train,
                           const bp_evaluation *valid, const char *note,
                           const char *units, bp_error *err)
{
    bp__str hints;
    char weights[20];
    bp__log_record r = record_of(t, "train", train);
    r.whole_epoch = true;
    step_facts(t, &r);
    bp__str_init(&hints, &t->a);
    bp__trainer_lint_epoch(t, train, units, &hints);
    r.note = hints.len ? hints.s : NULL;
    r.weights = weights;
    bp_status st = hints.failed ? bp__oom(err) : BP_OK;
    if (!st)
        st = bp_store_hash(t->store, BP_KINDS_WEIGHTS, weights, err);
    if (!st)
        st = bp__folder_log(t->folder, &r, err);
    bp__str_free(&hints);
    if (st || !valid)
        return st;
    r = record_of(t, "valid", valid);
    r.whole_epoch = true;
    r.note = note;
    return bp__folder_log(t->folder, &r, err);
}

static void report_epoch(bp_trainer *t, const bp_epoch *e)
{
    if (t->o.on_epoch)
        t->o.on_epoch(t->o.user, e);
}

static bp_epoch epoch_facts(const bp_trainer *t, double began)
{
    return (bp_epoch){.epoch = (int64_t)*t->state.epoch + 1,
                      .epochs = t->o.epochs,
                      .step = *t->step,
                      .lr = *t->lr,
                      .grad_norm = *t->state.grad_norm,
                      .best_epoch = (int64_t)*t->state.best_epoch,
                      .seconds = bp__trainer_clock() - began};
}

/* Judges, logs, writes the weights. */
static bp_status close_epoch(bp_trainer *t, const bp_evaluation *train,
                             const bp_evaluation *valid, double began,
                             bp_error *err)
{
    bp__str note, units;
    bp__str_init(&note, &t->a);
    bp__str_init(&units, &t->a);
    double x = monitored(t, valid ? valid : train);
    bool best = is_better(t, x);
    bp_status st = bp__trainer_lint_units(t, &units, err);
    if (valid)
        bp__stuck_classes(valid, &note);
    const char *said = note.len ? note.s : NULL;
    if (!st)
        st = log_epoch(t, train, valid, said, units.len ? units.s : "", err);
    if (best) {
        *t->state.has_best = 1;
        *t->state.best = x;
        *t->state.best_epoch = *t->state.epoch + 1;
        *t->state.idle = 0;
        if (!st)
            st = bp__folder_keep_best(t->folder, err);
    } else {
        *t->state.idle += 1;
    }
    bp__plateau_judge(&t->plateau, x, t->larger_is_better);
    if (!st)
        st = bp__folder_save_last(t->folder, err);
    if (!st) {
        bp_epoch e = epoch_facts(t, began);
        e.train = train;
        e.valid = valid;
        e.best = best;
        bp__trainer_diverges(t, train, &note);
        if (units.len)
            bp__str_printf(&note, "%s%s", note.len ? "; " : "", units.s);
        e.note = note.len ? note.s : NULL;
        report_epoch(t, &e);
    }
    bp__str_free(&note);
    bp__str_free(&units);
    return st;
}

static bp_status end_epoch(bp_trainer *t, double began, bp_error *err)
{
    bp_evaluation train, valid;
    bp_status st = train_evaluation(t, true, &train, err);
    if (!st && t->o.valid)
        st = bp__evaluate(&t->evaluator, t->o.valid, "valid", &valid, err);
    if (!st)
        st = close_epoch(t, &train, t->o.valid ? &valid : NULL, began, err);
    if (st)
        return st;
    *t->state.epoch += 1;
    *t->state.batch = 0;
    clear_sums(t);
    st = bp__folder_draw(t->folder, err);
    return st ? st : bp_folder_save(t->folder, err);
}

/* ---- ends ------------------------------------------------------------------------ */

static bool reached_end(bp_trainer *t)
{
    int64_t epochs = (int64_t)*t->state.epoch;
    char *s = t->end;
    size_t n = sizeof t->end;
    s[0] = 0;
    if (t->o.has_target && *t->state.has_best > 0 &&
        meets_target(t, *t->state.best))
        bp__snprintf(s, n, "the target is met in epoch %lld",
                     (long long)*t->state.best_epoch);
    else if (t->o.patience && *t->state.idle >= (double)t->o.patience)
        bp__snprintf(s, n, "no better epoch since epoch %lld (patience %lld)",
                     (long long)*t->state.best_epoch,
                     (long long)t->o.patience);
    else if (t->o.steps && *t->step >= t->o.steps)
        bp__snprintf(s, n, "all %lld steps are done", (long long)t->o.steps);
    else if (epochs >= t->o.epochs)
        bp__snprintf(s, n, epochs == 1 ? "the epoch is done"
                                : "all %lld epochs are done",
                     (long long)epochs);
    return s[0] != 0;
}

/* The last act: the test set, with the best weights. */
static bp_status finish(bp_trainer *t, double began, bp_error *err)
{
    bp_evaluation test;
    bp_status st = BP_OK;
    if (t->o.test)
        st = bp__evaluate(&t->best_evaluator, t->o.test, "test", &test, err);
    if (st || !t->o.test)
        return st;
    bp__str note;
    bp__str_init(&note, &t->a);
    bp__stuck_classes(&test, &note);
    bp__log_record r = record_of(t, "test", &test);
    r.epoch = (int64_t)*t->state.best_epoch;
    r.whole_epoch = true;
    r.note = note.len ? note.s : NULL;
    /* The checkpoint does not count this record: a run that goes on from it
     * writes over it. */
    double keep = t->folder->log_bytes;
    st = bp__folder_log(t->folder, &r, err);
    t->folder->log_bytes = keep;
    if (!st) {
        bp_epoch e = epoch_facts(t, began);
        e.epoch = (int64_t)*t->state.epoch;
        e.test = &test;
        e.note = r.note;
        report_epoch(t, &e);
    }
    bp__str_free(&note);
    return st;
}

/* Saves after a request to stop. */
static bp_status stopped(bp_trainer *t, bp_error *err)
{
    bp_status st = bp_folder_save(t->folder, err);
    t->folder->stop = 0;
    if (st)
        return st;
    return bp__error(err, BP_ECANCELED, "stopped after step %lld of %lld "
                     "(epoch %lld)", (long long)*t->step,
                     (long long)t->total_steps,
                     (long long)*t->state.epoch + 1);
}

/* Steps up to the end of the epoch, of the steps, or a request to stop. */
static bp_status run_epoch(bp_trainer *t, bp_error *err)
{
    bp_status st = BP_OK;
    while (!st && *t->state.batch < (double)t->batches &&
           !(t->o.steps && *t->step >= t->o.steps)) {
        st = one_step(t, err);
        if (st)
            return st;
        if (bp_folder_stopping(t->folder))
            return BP_ECANCELED;
        st = bp_folder_tick(t->folder, err);
    }
    return st;
}

bp_status bp_trainer_run(bp_trainer *t, bp_error *err)
{
    bp_error own = {0};
    err = err ? err : &own;
    if (t->failed)
        return bp__error(err, BP_ENONFINITE, "this run has failed: go on from "
                         "its last checkpoint");
    double began = bp__trainer_clock();
    while (!reached_end(t)) {
        bp_status st = bp_folder_stopping(t->folder) ? BP_ECANCELED : run_epoch(t, err);
        if (!st)
            st = end_epoch(t, began, err);
        if (st == BP_ECANCELED)
            return stopped(t, err);
        if (st)
            return st;
        began = bp__trainer_clock();
    }
    bp_status st = finish(t, began, err);
    if (!st && t->o.run_dir)
        st = bp__append_sync(&t->folder->log, err);
    return st == BP_ECANCELED ? stopped(t, err) : st;
}
