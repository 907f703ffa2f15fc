/* Setting a training run up and taking it down. Everything that can be wrong
 * with model, options, data or folder is found here, before the first step. */
#include "data/data.h"
#include "fmt/array.h"
#include "train/trainer.h"

static bp_status check_options(const bp_task *task,
                               const bp_trainer_options *o, bp_error *err)
{
    if (!o->train || !bp_data_count(o->train))
        return bp__error(err, BP_EARG, "there is no training data");
    if (!task->loss || !task->optimizer)
        return bp__error(err, BP_EARG, "training needs %s",
                         task->loss ? "an optimizer" : "a loss");
    if (o->epochs < 0 || o->steps < 0 || o->batch < 0 || o->shards < 0 ||
        o->patience < 0 || o->log_every < 0)
        return bp__error(err, BP_EARG, "epochs, steps, batch, shards, patience "
                         "and log_every may not be negative");
    if (o->resume && o->replace)
        return bp__error(err, BP_EARG, "resume and replace exclude each other");
    return BP_OK;
}

static void set_defaults(bp_trainer *t)
{
    bp_trainer_options *o = &t->o;
    o->epochs = o->epochs ? o->epochs : 1;
    o->batch = o->batch ? o->batch : 64;
    o->shards = o->shards ? o->shards : 1;
    if (o->checkpoint_seconds == 0)
        o->checkpoint_seconds = 30;
    int64_t n = bp_data_count(o->train);
    o->batch = o->batch < n ? o->batch : n;
    t->task.n_train = n;
}

static bp_status choose_monitor(bp_trainer *t, bp_error *err)
{
    const char *m = t->o.monitor;
    t->monitor = -1;
    if (!m)
        t->monitor = t->n_metrics ? 0 : -1;
    for (int i = 0; m && i < t->n_metrics; i++)
        if (!strcmp(m, t->metric_name[i]))
            t->monitor = i;
    if (m && t->monitor < 0 && strcmp(m, "loss"))
        return bp__error(err, BP_ENOTFOUND, "monitor '%s' is neither loss nor a "
                         "metric of this task", m);
    t->larger_is_better =
        t->monitor >= 0 &&
        t->evaluator.tally[t->monitor].spec->row->larger_is_better;
    return BP_OK;
}

/* Is what the data holds of input i what the network gets? */
static bool is_as_stored(const bp_trainer *t, size_t i)
{
    bp_array x;
    const bp_norm *given = t->o.norm[i];
    bp_norm_kind kind = given ? bp_norm_get_kind(given) : t->o.normalize;
    bool bytes = bp_data_input(t->o.train, i, &x) &&
                 (x.dtype == BP_U8 || x.dtype == BP_BOOL);
    return kind == BP_NORM_NONE || (kind == BP_NORM_UNIT && !bytes);
}

static bp_status fill_expectation(const bp_trainer *t, bp_data_expect *e,
                                  bp_error *err)
{
    bp_status st = bp__task_expect(&t->task, t->store, &t->a, e, err);
    for (size_t i = 0; i < e->n_inputs && !st; i++)
        if (!bp__is_whole(e->input_dtype[i]) && !is_as_stored(t, i))
            e->below[i] = 0;
    return st;
}

/* A softmax of one output is 1: such a network has nothing to learn. */
static bp_status check_outputs(bp_trainer *t, const bp__type *output,
                               bp_error *err)
{
    bp__spec *loss;
    int64_t width = output->rank > 1 ? output->dims[output->rank - 1] : 1;
    if (!bp__task_classes(&t->task, output) || width > 1)
        return BP_OK;
    bp_status st = bp__spec_parse(&t->arena, BP_NN_LOSSES, t->task.loss, &loss,
                                  err);
    if (!st && loss->row->head == BP__HEAD_SOFTMAX)
        st = bp__error(err, BP_ESHAPE, "the network has one output; %s takes "
                       "one for each class (binary_cross_entropy takes one "
                       "for two classes)", loss->row->name);
    return st;
}

static bp_status check_data(bp_trainer *t, const bp__type *output,
                            bp_error *err)
{
    bp_data *const sets[] = {t->o.train, t->o.valid, t->o.test};
    bp_data_expect e;
    bp_status st = check_outputs(t, output, err);
    if (!st)
        st = fill_expectation(t, &e, err);
    if (st)
        return st;
    bp_data_report *report = bp__calloc(&t->a, 1, sizeof *report);
    if (!report)
        return bp__oom(err);
    for (int s = BP_SPLIT_TRAIN; s <= BP_SPLIT_TEST; s++) {
        if (!sets[s])
            continue;
        bp_status one =
            bp_data_check(sets[s], &e, bp_split_name((bp_split)s), report);
        st = st ? st : one;
    }
    if (st)
        bp__error(err, st, "%lld of %lld samples cannot be used:\n%s",
                  (long long)report->n_bad, (long long)report->n_records,
                  report->text);
    bp__free(&t->a, report, sizeof *report);
    return st;
}

static bp_status count_classes(bp_trainer *t, const bp__type *output,
                               bp_error *err)
{
    int64_t n = bp__task_classes(&t->task, output);
    if (t->task.class_count || !n)
        return BP_OK;
    t->class_count = bp__arena_array(&t->arena, (size_t)n,
                                     sizeof *t->class_count);
    if (!t->class_count)
        return bp__oom(err);
    bp__data_count_classes(t->o.train, n, t->class_count);
    t->task.class_count = t->class_count;
    t->task.n_class_counts = n;
    return BP_OK;
}

static bp_status fit_norms(bp_trainer *t, bp_error *err)
{
    bp_status st = BP_OK;
    for (size_t i = 0; i < t->n_inputs && !st; i++) {
        const bp_norm *given = t->o.norm[i];
        if (given)
            st = bp_norm_new(bp_norm_get_kind(given), bp_norm_count(given),
                             bp_norm_mean(given), bp_norm_std(given), &t->a,
                             &t->norm[i], err);
        else
            st = bp__task_norm(&t->task, t->o.train, i, t->o.normalize, &t->a,
                               &t->norm[i], err);
    }
    return st;
}

static bp_status open_sources(bp_trainer *t, bp_error *err)
{
    bp_loader_options o = {.size = sizeof o, .allocator = &t->a,
                           .batch = t->o.batch, .shuffle = true,
                           .seed = t->task.seed, .augment = t->o.augment};
    bp__task_loader(&t->task, &o);
    o.prefetch = bp__data_prefetch_pays(t->o.train, t->o.batch);
    for (size_t i = 0; i < t->n_inputs; i++)
        o.norm[i] = t->norm[i];
    bp_status st = bp_source_from_data(t->o.train, &o, &t->source, err);
    bp_loader_options plain = {.size = sizeof plain, .allocator = &t->a,
                               .batch = 1};
    if (!st && t->o.valid)
        st = bp_source_from_data(t->o.valid, &plain, &t->valid, err);
    if (st)
        return st;
    t->batches = bp_source_batches(t->source);
    if (t->o.epochs > INT64_MAX / t->batches)
        return bp__error(err, BP_ELIMIT, "too many epochs");
    t->total_steps = t->o.epochs * t->batches;
    if (t->o.steps && t->o.steps < t->total_steps)
        t->total_steps = t->o.steps;
    if (t->total_steps > INT32_MAX)
        return bp__error(err, BP_ELIMIT, "%lld steps are more than this "
                         "version counts (2^31 - 1)",
                         (long long)t->total_steps);
    return BP_OK;
}

static bp_status set_evaluator(bp_trainer *t, bp__evaluator *e,
                               bp__task_steps *k, bp_store *s,
                               const bp__type *output, bp_error *err)
{
    bp__task_steps_init(k, &t->a, &t->task, s, t->runtime);
    k->no_pass = t->o.no_pass;
    k->no_kernel = t->o.no_kernel;
    k->shards = t->o.shards;
    k->grad_norm = true;
    bp_status st = bp__evaluator_init(e, k, output, t->o.batch, err);
    for (size_t i = 0; i < t->n_inputs; i++)
        e->norm[i] = t->norm[i];
    e->on_batch = t->o.on_step;
    e->user = t->o.user;
    return st;
}

/* Variables of the step, which the first trace has made. */
static bp_status find_step_variables(bp_trainer *t, bp_error *err)
{
    int64_t step = bp_store_find(t->store, "trainer.step");
    int64_t lr = bp_store_find(t->store, "trainer.lr");
    if (step < 0 || lr < 0)
        return bp__error(err, BP_EBUG, "the training step keeps no trainer.%s",
                         step < 0 ? "step" : "lr");
    t->step = bp_store_read(t->store, (size_t)step);
    t->lr = bp_store_read(t->store, (size_t)lr);
    return BP_OK;
}

static bp_status trainer_build(bp_trainer *t, bp_error *err)
{
    bp__type output;
    bp_step *p;
    bp_status st = BP_OK;
    if (!t->runtime) {
        bp_runtime_options o = {.size = sizeof o, .allocator = &t->a};
        st = bp_runtime_new(&o, &t->runtime, err);
    }
    if (!st)
        st = bp__task_output(&t->task, t->store, &t->a, &output, err);
    if (!st)
        st = check_data(t, &output, err);
    if (!st)
        st = count_classes(t, &output, err);
    if (!st)
        st = fit_norms(t, err);
    if (!st)
        st = open_sources(t, err);
    if (!st)
        st = set_evaluator(t, &t->evaluator, &t->steps, t->store, &output,
                           err);
    if (!st) {
        t->n_metrics = t->evaluator.n_metrics;
        t->metric_name = t->evaluator.metric_name;
        st = choose_monitor(t, err);
    }
    if (!st)
        st = bp__spec_parse(&t->arena, BP_NN_OPTIMIZERS, t->task.optimizer,
                            &t->optimizer, err);
    if (!st)
        st = bp__task_steps_prepare(&t->steps, BP_TASK_TRAIN, t->o.batch, &p,
                                    err);
    if (!st)
        st = find_step_variables(t, err);
    if (!st)
        st = bp__trainer_add_state(t, err);
    if (!st)
        st = bp__plateau_init(&t->plateau, t->store, t->optimizer, err);
    if (st)
        return st;
    if (!t->o.no_hints)
        st = bp__trainer_lint(t, err);
    if (!st)
        st = bp__trainer_open_files(t, err);
    if (!st)
        st = set_evaluator(t, &t->best_evaluator, &t->best_steps,
                           t->folder->best_store, &output, err);
    if (!st)
        t->evaluator.stop = t->best_evaluator.stop = &t->folder->stop;
    return st;
}

bp_status bp_trainer_new(const bp_task *task, const bp_trainer_options *given,
                         bp_trainer **out, bp_error *err)
{
    bp_error own = {0};
    bp_trainer_options all, *o = &all;
    bp_task whole;
    err = err ? err : &own;
    *out = NULL;
    bp_status st = BP__OPTIONS(o, given, bp_trainer_options, err);
    if (!st && !task)
        st = bp__error(err, BP_EARG, "bp_trainer_new needs a task");
    if (!st)
        st = BP__OPTIONS(&whole, task, bp_task, err);
    if (!st)
        st = check_options(&whole, o, err);
    if (st)
        return st;
    const bp_allocator *a = o->allocator ? o->allocator
                                         : &bp__malloc_allocator;
    bp_trainer *t = bp__calloc(a, 1, sizeof *t);
    if (!t)
        return bp__oom(err);
    t->a = *a;
    t->task = whole;
    t->task.mixup = o->augment.mixup > 0;
    t->o = *o;
    t->o.allocator = &t->a;
    bp__arena_init(&t->arena, a);
    bp_data_retain(o->train);
    bp_data_retain(o->valid);
    bp_data_retain(o->test);
    t->runtime = o->runtime;
    set_defaults(t);
    t->n_inputs = bp__task_inputs(&t->task);
    t->store = bp_store_new(a);
    t->began = bp__trainer_clock();
    st = t->store ? trainer_build(t, err) : bp__oom(err);
    if (st)
        bp_trainer_free(t);
    else
        *out = t;
    return st;
}

void bp_trainer_free(bp_trainer *t)
{
    if (!t)
        return;
    bp__evaluator_free(&t->evaluator);
    bp__evaluator_free(&t->best_evaluator);
    bp__task_steps_free(&t->steps);
    bp__task_steps_free(&t->best_steps);
    bp_folder_free(t->folder);
    bp_source_free(t->source);
    bp_source_free(t->valid);
    for (size_t i = 0; i < t->n_inputs; i++)
        bp_norm_free(t->norm[i]);
    bp_store_free(t->store);
    if (!t->o.runtime)
        bp_runtime_free(t->runtime);
    bp_data_free(t->o.train);
    bp_data_free(t->o.valid);
    bp_data_free(t->o.test);
    bp__arena_free(&t->arena);
    bp_allocator a = t->a;
    bp__free(&a, t, sizeof *t);
}

void bp_trainer_stop(bp_trainer *t)
{
    bp_folder_stop(t->folder);
}

bp_store *bp_trainer_store(bp_trainer *t)
{
    return t->store;
}

int64_t bp_trainer_step(const bp_trainer *t)
{
    return *t->step;
}

int64_t bp_trainer_epoch(const bp_trainer *t)
{
    return (int64_t)*t->state.epoch;
}

int64_t bp_trainer_best_epoch(const bp_trainer *t)
{
    return (int64_t)*t->state.best_epoch;
}

const bp_norm *bp_trainer_norm(const bp_trainer *t, size_t input)
{
    return input < t->n_inputs ? t->norm[input] : NULL;
}

const bp_transfer_report *bp_trainer_transfer(const bp_trainer *t)
{
    return &t->transfer;
}

const char *bp_trainer_resume_note(const bp_trainer *t)
{
    return t->resume_note;
}

const char *bp_trainer_end(const bp_trainer *t)
{
    return t->end;
}

bp__evaluator *bp__trainer_best(bp_trainer *t)
{
    return &t->best_evaluator;
}

bp_status bp_trainer_evaluate(bp_trainer *t, bp_data *d, bool best_weights,
                              const bp_evaluation **e, bp_error *err)
{
    bp_status st = bp__evaluate(best_weights ? &t->best_evaluator
                                             : &t->evaluator,
                                d, "test", &t->evaluated, err);
    if (!st)
        *e = &t->evaluated;
    return st;
}
