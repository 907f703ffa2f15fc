/* The graphs of a training task: one function for all modes, on the parts that
 * a caller could put together by hand. */
#include "nn/nn.h"

#include <bprop/ops.h>

/* One trace under way. */
typedef struct task_trace {
    bp_task task;
    bp_trace_options o;
    bp_task_mode mode;
    bp_graph *g;
    bp_nn *nn;
    bp_val x[BP_NN_MAX_INPUTS];
    bp_val target2, mix; /* of mixup */
    bp_traced out;
} task_trace;

static void copy_options(task_trace *t, const bp_task *task,
                         const bp_trace_options *o)
{
    if (!task || task->size < sizeof(size_t) || !o ||
        o->size < sizeof(size_t)) {
        bp_graph_fail(t->g, BP_EARG, "bp_task and bp_trace_options are "
                      "needed, with their size set");
        return;
    }
    memcpy(&t->task, task, BP__MIN(task->size, sizeof t->task));
    memcpy(&t->o, o, BP__MIN(o->size, sizeof t->o));
    if (t->o.shards == 0)
        t->o.shards = 1;
    if (t->o.global_rows == 0)
        t->o.global_rows = t->o.rows;
    if (t->o.rows < 1)
        bp_graph_fail(t->g, BP_EARG, "a shard of %lld rows: must be at least "
                      "1", (long long)t->o.rows);
    if (t->task.n_inputs > BP_NN_MAX_INPUTS)
        bp_graph_fail(t->g, BP_ELIMIT, "%zu inputs: at most %d",
                      t->task.n_inputs, BP_NN_MAX_INPUTS);
}

/* The inputs of the description, where the task names none. */
static void take_model_inputs(task_trace *t)
{
    const bp_model *m = t->task.model;
    if (t->task.net || !m)
        return;
    if (bp_model_status(m) != BP_OK)
        bp_graph_fail(t->g, bp_model_status(m), "%s", bp_model_error(m));
    if (t->task.n_inputs)
        return;
    for (size_t i = 0; i < bp_model_input_count(m); i++) {
        bp_nn_io *io = &t->task.input[i];
        bp__model_input(m, i, &io->name, &io->rank, io->dims);
        t->task.n_inputs++;
    }
}

static bp_val batch_input(task_trace *t, const bp_nn_io *io,
                          const char *name, bp_dtype dtype)
{
    int64_t dims[BP_MAX_RANK] = {t->o.rows};
    if (io->rank < 0 || io->rank >= BP_MAX_RANK) {
        bp_graph_fail(t->g, BP_ELIMIT, "%s: rank %d of a sample, must be 0 "
                      "to %d", name, io->rank, BP_MAX_RANK - 1);
        return BP_NIL;
    }
    for (int i = 0; i < io->rank; i++)
        dims[i + 1] = io->dims[i];
    return bp_batch_input(t->g, io->name ? io->name : name, dtype,
                          io->rank + 1, dims);
}

static void make_inputs(task_trace *t)
{
    static const char *const names[BP_NN_MAX_INPUTS] = {
        "x", "x1", "x2", "x3", "x4", "x5", "x6", "x7"};
    take_model_inputs(t);
    if (t->task.n_inputs < 1)
        bp_graph_fail(t->g, BP_EARG, "the task has no input");
    for (size_t i = 0; i < t->task.n_inputs; i++)
        t->x[i] = batch_input(t, &t->task.input[i], names[i], t->task.dtype);
    bp_dtype dtype = t->task.target.dtype;
    if (dtype == BP_F32 || dtype == BP_F64)
        dtype = t->task.dtype;
    if (t->mode != BP_TASK_PREDICT)
        t->out.target = batch_input(t, &t->task.target, "target", dtype);
    if (t->mode == BP_TASK_TRAIN && t->task.mixup) {
        bp_nn_io other = t->task.target;
        other.name = "target2";
        t->target2 = batch_input(t, &other, other.name, dtype);
        t->mix = batch_input(t, &(bp_nn_io){.name = "mix"}, "mix",
                             t->task.dtype);
    }
}

static void trace_net(task_trace *t)
{
    const bp_task *k = &t->task;
    t->nn->inputs = t->x;
    t->nn->n_inputs = k->n_inputs;
    if (k->net)
        t->out.output = k->net(t->nn, t->x[0], k->user);
    else if (k->model)
        t->out.output = bp_nn_model(t->nn, k->model, k->n_inputs, t->x);
    else
        bp_graph_fail(t->g, BP_EARG, "the task has neither net nor model");
    t->nn->inputs = NULL;
    t->nn->n_inputs = 0;
    const bp__value *v = bp__value_of(t->g, t->out.output);
    if (bp__ok(t->g) && !v)
        bp_graph_fail(t->g, BP_EARG, "the net returned no value of its "
                      "graph");
    else if (v && !v->type.varying)
        bp_graph_fail(t->g, BP_EARG, "the net's output does not depend on "
                      "its input");
}

/* An ensemble is the network's last layer, and what it gives depends on the
 * loss. */
static void take_ensemble(task_trace *t)
{
    const bp__spec *s = bp__nn_parse(t->nn, BP_NN_LOSSES, t->task.loss);
    if (!s || !bp__ok(t->g))
        return;
    if (t->out.output.id != t->nn->members_mean.id)
        bp_graph_fail(t->g, BP_EARG, "an ensemble must be the network's last "
                      "layer: put the layers behind it into its body");
    else
        t->out.output = bp__nn_ensemble_output(t->nn, s->row->head);
}

static bp_val loss_of(task_trace *t, bp_val target)
{
    if (t->nn->members && t->mode != BP_TASK_EVAL)
        return bp__nn_ensemble_loss(t->nn, t->task.loss, target);
    return bp_nn_loss(t->nn, t->task.loss, t->out.output, target);
}

static void trace_loss(task_trace *t)
{
    bp_graph *g = t->g;
    /* The weight that the last loss leaves is that of the batch's own targets.
     */
    bp_val other = bp_is_nil(t->mix) ? BP_NIL : loss_of(t, t->target2);
    t->out.loss = loss_of(t, t->out.target);
    if (!bp_is_nil(t->mix)) {
        bp_val m = bp_mean(g, t->mix, 0, NULL, false);
        bp_val own = bp_mul(g, m, t->out.loss);
        bp_val rest = bp_add_scalar(g, bp_neg(g, m), 1);
        rest = bp_mul(g, rest, other);
        t->out.loss = bp_add(g, own, rest);
    }
    if (!bp_is_nil(t->nn->loss_weight) &&
        (t->mode == BP_TASK_TRAIN || t->mode == BP_TASK_EVAL))
        bp_output(g, "loss.weight", t->nn->loss_weight);
    t->out.objective = t->out.loss;
    if (t->task.penalty && t->mode != BP_TASK_EVAL)
        t->out.objective =
            bp_add(g, t->out.loss, bp_nn_penalty(t->nn, t->task.penalty,
                                                 t->task.n_train));
}

/* trainer.<sums>.<name> += value, in f64. */
static void add_to_sum(task_trace *t, const char *name, bp_val value)
{
    bp_nn *nn = t->nn;
    const char *full = bp__arena_printf(&nn->arena, "trainer.%s.%s",
                                        t->o.sums, name);
    if (!full) {
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
        return;
    }
    int64_t dims[BP_MAX_RANK];
    int rank = bp_val_rank(t->g, value);
    for (int i = 0; i < rank; i++)
        dims[i] = bp_val_dim(t->g, value, i);
    bp_val old = bp__nn_state(nn, full, BP_VAR_TRAINER, BP_F64, rank, dims, 0);
    if (bp_val_dtype(t->g, value) != BP_F64)
        value = bp_cast(t->g, value, BP_F64);
    bp__nn_set_state(nn, full, bp_add(t->g, old, value));
}

static void trace_metric(task_trace *t, const bp__spec *s, const char *name)
{
    bp_nn *nn = t->nn;
    bp_val v = bp__nn_metric(nn, s, t->out.output, t->out.target);
    const char *full = bp__arena_printf(&nn->arena, "metric.%s", name);
    if (!full) {
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
        return;
    }
    bp_output(t->g, full, v);
    if (!t->o.sums)
        return;
    if (s->row->keeps)
        bp__nn_fail(nn, BP_EARG, "%s keeps a row of each sample: it has no "
                    "sum (its output has them)", name);
    else
        add_to_sum(t, name, v);
}

static void trace_metrics(task_trace *t)
{
    bp_nn *nn = t->nn;
    bp_error err = {0};
    bp__spec **list;
    size_t n;
    bp_status st = BP_OK;
    if (!bp__nn_ok(nn))
        return;
    st = bp__spec_parse_list(&nn->arena, BP_NN_METRICS, t->task.metrics, &list,
                             &n, &err);
    const char **name = bp__arena_array(&nn->arena, n + 1, sizeof *name);
    if (!st)
        st = name ? bp__metric_labels(&nn->arena, list, n, name, &err)
                  : bp__oom(&err);
    if (st)
        bp_graph_fail(t->g, err.status, "%s", err.message);
    for (size_t i = 0; i < n && bp__nn_ok(nn); i++)
        trace_metric(t, list[i], name[i]);
    if (!bp__nn_ok(nn))
        return;
    if (!t->o.sums)
        return;
    bp_val count = bp_scalar(t->g, BP_F64, (double)t->o.global_rows);
    bp_val weight = nn->loss_weight;
    weight = bp_is_nil(weight) ? count : bp_cast(t->g, weight, BP_F64);
    add_to_sum(t, "loss", bp_mul(t->g, bp_cast(t->g, t->out.loss, BP_F64),
                                 weight));
    add_to_sum(t, "count", count);
    if (!bp_is_nil(nn->loss_weight))
        add_to_sum(t, "weight", weight);
}

static void trace_training(task_trace *t)
{
    bp_val norm = BP_NIL;
    bp_output(t->g, "loss", t->out.loss);
    bp_output(t->g, "objective", t->out.objective);
    trace_metrics(t);
    bp_nn_minimize(t->nn, t->out.objective, t->task.optimizer,
                   t->o.grad_norm ? &norm : NULL);
    if (t->o.grad_norm)
        bp_output(t->g, "grad_norm", norm);
}

/* Sums only: evaluation is no step, so neither step nor key go on. */
static void commit_sums(bp_nn *nn)
{
    for (size_t i = 0; i < nn->n_vars; i++)
        if (!bp_is_nil(nn->vars[i].next))
            bp_update(nn->g, nn->s, nn->vars[i].name, nn->vars[i].next);
}

static void trace_evaluation(task_trace *t)
{
    bp_output(t->g, "output", t->out.output);
    bp_output(t->g, "loss", t->out.loss);
    trace_metrics(t);
    if (bp__nn_ok(t->nn))
        commit_sums(t->nn);
}

static void trace_prediction(task_trace *t)
{
    bp_output(t->g, "output", t->out.output);
    const bp__spec *s = bp__nn_parse(t->nn, BP_NN_LOSSES, t->task.loss);
    if (s && s->row->head == BP__HEAD_SOFTMAX)
        bp_output(t->g, "probability", bp_softmax(t->g, t->out.output, -1));
    else if (s && s->row->head == BP__HEAD_SIGMOID)
        bp_output(t->g, "probability", bp_sigmoid(t->g, t->out.output));
}

static void trace_gradients(task_trace *t)
{
    size_t n = bp_nn_param_count(t->nn);
    bp_output(t->g, "loss", t->out.loss);
    bp_output(t->g, "objective", t->out.objective);
    bp_val *grad = bp__nn_ok(t->nn)
                       ? bp__arena_array(&t->nn->arena, n + 1, sizeof *grad)
                       : NULL;
    if (!grad || bp_nn_gradients(t->nn, t->out.objective, grad) != BP_OK) {
        bp_graph_fail(t->g, BP_ENOMEM, "out of memory");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char name[520];
        bp__snprintf(name, sizeof name, "grad.%s",
                     bp_nn_param_name(t->nn, i));
        bp_output(t->g, name, grad[i]);
    }
}

static void trace_task(task_trace *t)
{
    trace_net(t);
    if (t->nn->members)
        take_ensemble(t);
    if (t->mode != BP_TASK_PREDICT)
        trace_loss(t);
    switch (t->mode) {
    case BP_TASK_TRAIN:
        trace_training(t);
        break;
    case BP_TASK_EVAL:
        trace_evaluation(t);
        break;
    case BP_TASK_PREDICT:
        trace_prediction(t);
        break;
    case BP_TASK_GRADIENT:
        trace_gradients(t);
        break;
    case BP_TASK_TRACE:
        break;
    }
}

bp_graph *bp_task_graph(const bp_task *task, bp_store *s, bp_task_mode mode,
                        const bp_trace_options *options,
                        const bp_allocator *a, bp_traced *traced)
{
    if (traced)
        memset(traced, 0, sizeof *traced);
    task_trace t = {.mode = mode, .g = bp_graph_new(a)};
    if (!t.g)
        return NULL;
    copy_options(&t, task, options);
    bp_graph_set_shard(t.g, t.o.shards, t.o.rows, t.o.global_rows);
    bool training = mode != BP_TASK_EVAL && mode != BP_TASK_PREDICT;
    bp_nn_options no = {.size = sizeof no, .dtype = t.task.dtype,
                        .training = training, .seed = t.task.seed,
                        .init = t.task.init, .bias_init = t.task.bias_init};
    if (mode == BP_TASK_TRAIN || mode == BP_TASK_TRACE)
        no.optimizer = t.task.optimizer;
    if (bp__ok(t.g))
        t.nn = bp_nn_new(t.g, s, &no);
    if (t.nn) {
        t.nn->class_name = t.task.class_name;
        t.nn->n_classes = t.task.n_classes;
        t.nn->class_count = t.task.class_count;
        t.nn->n_class_counts = t.task.n_class_counts;
        make_inputs(&t);
        trace_task(&t);
    }
    t.out.nn = t.nn;
    if (traced)
        *traced = t.out;
    else
        bp_nn_free(t.nn);
    return t.g;
}
