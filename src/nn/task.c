/* The graphs of a training task: one function for all modes, on the parts that
 * a caller could put together by hand. */
#include "nn/task.h"

#include "nn/trace.h"

#include <bprop/ops.h>

/* One trace under way. */
typedef struct task_trace {
    bp_task task;
    bp__task_step o;
    bp_trace *trace;
    bp_graph *g;
    bp_nn *nn;
    bp_val x[BP_NN_MAX_INPUTS];
    bp_val target2, mix; /* of mixup */
    bp_traced out;
} task_trace;

static const char *const input_names[BP_NN_MAX_INPUTS] = {
    "x", "x1", "x2", "x3", "x4", "x5", "x6", "x7"};

/* ---- inputs -------------------------------------------------------------- */

size_t bp__task_inputs(const bp_task *t)
{
    if (t->n_inputs || t->net || !t->model)
        return BP__MIN(t->n_inputs, (size_t)BP_NN_MAX_INPUTS);
    return BP__MIN(bp_model_input_count(t->model), (size_t)BP_NN_MAX_INPUTS);
}

void bp__task_input(const bp_task *t, size_t i, bp_nn_io *io)
{
    if (t->n_inputs || t->net || !t->model) {
        *io = t->input[i];
    } else {
        *io = (bp_nn_io){0};
        bp__model_input(t->model, i, io);
    }
    if (!io->name)
        io->name = input_names[i];
    if (bp__is_float(io->dtype)) /* whole numbers come as they are */
        io->dtype = t->dtype;
}

size_t bp_task_input_count(const bp_task *t)
{
    return bp__task_inputs(t);
}

bool bp_task_get_input(const bp_task *t, size_t i, bp_nn_io *io)
{
    if (i >= bp__task_inputs(t))
        return false;
    bp__task_input(t, i, io);
    return true;
}

const char *bp__task_target_name(const bp_task *t)
{
    return t->target.name ? t->target.name : "target";
}

/* Floats are of the task's type. */
static bp_dtype target_dtype(const bp_task *t)
{
    bp_dtype d = t->target.dtype;
    return d == BP_F32 || d == BP_F64 ? t->dtype : d;
}

static bp_status add_input(bp_step_input *in, const bp_nn_io *io,
                           const char *name, bp_dtype dtype, bp_error *err)
{
    *in = (bp_step_input){.name = name, .dtype = dtype, .rank = io->rank + 1};
    if (io->rank < 0 || io->rank >= BP_MAX_RANK)
        return bp__error(err, BP_ELIMIT, "%s: rank %d of a sample, must be 0 "
                         "to %d", name, io->rank, BP_MAX_RANK - 1);
    in->dims[0] = BP_ANY;
    for (int i = 0; i < io->rank; i++)
        in->dims[i + 1] = io->dims[i];
    return BP_OK;
}

static bp_status add_mixup(const bp_task *t, bp_step_input *in, size_t *n,
                           bp_error *err)
{
    const bp_nn_io scalar = {.name = NULL};
    bp_status st = add_input(&in[*n], &t->target, "target2", target_dtype(t),
                             err);
    if (!st)
        st = add_input(&in[*n + 1], &scalar, "mix", t->dtype, err);
    *n += 2;
    return st;
}

bp_status bp__task_step_inputs(const bp_task *t, bp_task_mode mode,
                               bp_step_input in[BP_STEP_MAX_INPUTS], size_t *n,
                               bp_error *err)
{
    bp_status st = BP_OK;
    if (!t->net && t->model && bp_model_status(t->model))
        return bp__error(err, bp_model_status(t->model), "%s",
                         bp_model_error(t->model));
    if (t->n_inputs > BP_NN_MAX_INPUTS)
        return bp__error(err, BP_ELIMIT, "%zu inputs: at most %d", t->n_inputs,
                         BP_NN_MAX_INPUTS);
    *n = bp__task_inputs(t);
    if (*n < 1)
        return bp__error(err, BP_EARG, "the task has no input");
    for (size_t i = 0; i < *n && !st; i++) {
        bp_nn_io io;
        bp__task_input(t, i, &io);
        st = add_input(&in[i], &io, io.name, io.dtype, err);
    }
    if (!st && mode != BP_TASK_PREDICT) {
        st = add_input(&in[*n], &t->target, bp__task_target_name(t),
                       target_dtype(t), err);
        *n += 1;
    }
    if (!st && mode == BP_TASK_TRAIN && t->mixup)
        st = add_mixup(t, in, n, err);
    return st;
}

static void take_inputs(task_trace *t)
{
    const bp_task *k = &t->task;
    for (size_t i = 0; i < bp__task_inputs(k); i++) {
        bp_nn_io io;
        bp__task_input(k, i, &io);
        t->x[i] = bp_trace_input(t->trace, io.name);
    }
    if (t->o.mode != BP_TASK_PREDICT)
        t->out.target = bp_trace_input(t->trace, bp__task_target_name(k));
    if (t->o.mode == BP_TASK_TRAIN && k->mixup) {
        t->target2 = bp_trace_input(t->trace, "target2");
        t->mix = bp_trace_input(t->trace, "mix");
    }
}

/* ---- the network and its loss ---------------------------------------------- */

static void trace_net(task_trace *t)
{
    const bp_task *k = &t->task;
    size_t n = bp__task_inputs(k);
    t->nn->inputs = t->x;
    t->nn->n_inputs = n;
    if (k->net)
        t->out.output = k->net(t->nn, t->x[0], k->user);
    else if (k->model)
        t->out.output = bp_nn_model(t->nn, k->model, n, t->x);
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
    if (t->nn->members && t->o.mode != BP_TASK_EVAL)
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
        (t->o.mode == BP_TASK_TRAIN || t->o.mode == BP_TASK_EVAL))
        bp_output(g, "loss.weight", t->nn->loss_weight);
    t->out.objective = t->out.loss;
    if (t->task.penalty && t->o.mode != BP_TASK_EVAL)
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
    double rows = (double)bp_graph_global_rows(t->g);
    bp_val count = bp_scalar(t->g, BP_F64, rows);
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
    bp_trace_minimize(t->trace, t->out.objective,
                      t->o.grad_norm ? &norm : NULL);
    if (t->o.grad_norm)
        bp_output(t->g, "grad_norm", norm);
}

static void trace_evaluation(task_trace *t)
{
    bp_output(t->g, "output", t->out.output);
    bp_output(t->g, "loss", t->out.loss);
    trace_metrics(t);
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
    if (t->o.mode != BP_TASK_PREDICT)
        trace_loss(t);
    switch (t->o.mode) {
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

/* ---- as a step ------------------------------------------------------------- */

void bp__task_trace(bp_trace *trace, void *user)
{
    bp__task_step *o = user;
    task_trace t = {.task = *o->task, .o = *o, .trace = trace,
                    .g = bp_trace_graph(trace)};
    t.nn = bp_trace_net(trace, "");
    if (t.nn) {
        t.nn->class_name = t.task.class_name;
        t.nn->n_classes = t.task.n_classes;
        t.nn->class_count = t.task.class_count;
        t.nn->n_class_counts = t.task.n_class_counts;
        take_inputs(&t);
        trace_task(&t);
    }
    t.out.nn = t.nn;
    if (o->traced)
        *o->traced = t.out;
}

bp_status bp__task_step_options(bp__task_step *k,
                                bp_step_input in[BP_STEP_MAX_INPUTS],
                                bp_step_options *o, bp_error *err)
{
    const bp_task *t = k->task;
    bool training = k->mode != BP_TASK_EVAL && k->mode != BP_TASK_PREDICT;
    *o = (bp_step_options){.size = sizeof *o, .fn = bp__task_trace, .user = k,
                           .input = in, .training = training,
                           .dtype = t->dtype, .seed = t->seed,
                           .init = t->init, .bias_init = t->bias_init};
    o->dry = k->mode == BP_TASK_GRADIENT || k->mode == BP_TASK_TRACE;
    if (k->mode == BP_TASK_TRAIN || k->mode == BP_TASK_TRACE)
        o->optimizer = t->optimizer;
    /* Gradients are those of the weights that are saved. */
    if (k->mode == BP_TASK_GRADIENT)
        o->read = BP_READ_AVERAGED;
    return bp__task_step_inputs(t, k->mode, in, &o->n_inputs, err);
}

/* The task with what it lacks of this version's fields set to zero. */
static bp_status copy_task(const bp_task *task, bp_task *to, bp_error *err)
{
    if (!task)
        return bp__error(err, BP_EARG, "bp_task and bp_trace_options are "
                         "needed, with their size set");
    return BP__OPTIONS(to, task, bp_task, err);
}

static bp_graph *failed_graph(const bp_allocator *a, const bp_error *err)
{
    bp_graph *g = bp_graph_new(a);
    if (g)
        bp_graph_fail(g, err->status, "%s", err->message);
    return g;
}

bp_graph *bp_task_graph(const bp_task *task, bp_store *s, bp_task_mode mode,
                        const bp_trace_options *options,
                        const bp_allocator *a, bp_traced *traced)
{
    bp_task all;
    bp_trace_options q = {.size = sizeof q};
    bp_error err = {0};
    bp_traced out = {0};
    bp_step_input in[BP_STEP_MAX_INPUTS];
    bp_array types[BP_STEP_MAX_INPUTS] = {{.rank = 0}};
    bp_step_options so;
    if (traced)
        memset(traced, 0, sizeof *traced);
    bp_status st = copy_task(task, &all, &err);
    if (!st && !options)
        st = copy_task(NULL, &all, &err);
    if (!st)
        st = BP__OPTIONS(&q, options, bp_trace_options, &err);
    if (!st && q.rows < 1)
        st = bp__error(&err, BP_EARG, "a shard of %lld rows: must be at least "
                       "1", (long long)q.rows);
    bp__task_step k = {.task = &all, .mode = mode, .grad_norm = q.grad_norm,
                       .sums = q.sums, .traced = &out};
    if (!st)
        st = bp__task_step_options(&k, in, &so, &err);
    if (st)
        return failed_graph(a, &err);
    so.shards = q.shards;
    for (size_t i = 0; i < so.n_inputs; i++) {
        types[i] = (bp_array){.dtype = in[i].dtype, .rank = in[i].rank};
        memcpy(types[i].dims, in[i].dims, sizeof in[i].dims);
    }
    bp__tracing tracing = {.o = &so, .s = s, .in = types, .rows = q.rows,
                           .a = a ? a : &bp__malloc_allocator,
                           .global_rows = q.global_rows ? q.global_rows
                                                        : q.rows};
    bp_nn *nn;
    bp_graph *g = bp__trace(&tracing, NULL, &nn);
    if (traced)
        *traced = out;
    else
        bp_nn_free(nn);
    return g;
}
