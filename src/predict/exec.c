/* How a predictor runs its task: its steps, and what is kept to evaluate. The
 * only file here that knows of them. */
#include "predict/predict.h"

struct bp__machine {
    bp_allocator a;
    bp_task task; /* its target is that of the data to evaluate */
    bp__task_steps steps;
    bp__evaluator evaluator;
    bool evaluates; /* evaluator is there */
    bp_evaluation result;
};

bp_status bp__machine_new(bp_predictor *p, bp_error *err)
{
    const bp_config *c = p->run->config;
    bp__machine *m = p->machine = bp__calloc(&p->a, 1, sizeof *m);
    if (!m)
        return bp__oom(err);
    m->a = p->a;
    m->task = c->task;
    bp__task_steps_init(&m->steps, &m->a, &m->task, p->run->store, p->runtime);
    m->steps.no_pass = p->run->no_pass;
    m->steps.no_kernel = p->run->no_kernel;
    m->steps.shards = c->train.shards;
    return BP_OK;
}

void bp__machine_free(bp__machine *m)
{
    if (!m)
        return;
    bp_allocator a = m->a;
    if (m->evaluates)
        bp__evaluator_free(&m->evaluator);
    bp__task_steps_free(&m->steps);
    bp__free(&a, m, sizeof *m);
}

bp_status bp__machine_predict(bp_predictor *p, const bp_batch *b,
                              bp__outputs *y, bp_error *err)
{
    bp__machine *m = p->machine;
    bp_array output, probability;
    bp_step *step;
    bp_status st = bp__task_steps_run(&m->steps, BP_TASK_PREDICT, b, &step,
                                      err);
    if (!st && !bp_step_output(step, "output", &output))
        st = bp__error(err, BP_EBUG, "a prediction has no output");
    if (st)
        return st;
    y->dtype = output.dtype;
    y->output = output.data;
    y->n = (int64_t)(output.bytes / bp_dtype_bytes(y->dtype)) / b->count;
    y->probability = bp_step_output(step, "probability", &probability)
                         ? probability.data
                         : NULL;
    return BP_OK;
}

/* ---- evaluation --------------------------------------------------------------- */

static bool same_target(const bp_nn_io *a, const bp_nn_io *b)
{
    bool same = a->dtype == b->dtype && a->rank == b->rank;
    for (int i = 0; i < a->rank && same; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

/* Steps are traced for the target that the data have. */
static bp_status set_target(bp_predictor *p, const bp_data *d, bp_error *err)
{
    bp__machine *m = p->machine;
    bp_nn_io target = m->task.target;
    bp__config_target(d, m->task.dtype, &target);
    target.name = m->task.target.name;
    if (m->evaluates && same_target(&target, &m->task.target))
        return BP_OK;
    if (m->evaluates)
        bp__evaluator_free(&m->evaluator);
    bp__task_steps_free(&m->steps);
    m->evaluates = true;
    m->task.target = target;
    bp_status st = bp__evaluator_init(&m->evaluator, &m->steps,
                                      &p->run->output,
                                      p->run->config->train.batch, err);
    for (size_t i = 0; i < p->run->n_inputs; i++)
        m->evaluator.norm[i] = p->run->config->norm[i];
    return st;
}

static bp_status check(const bp_predictor *p, const bp_data *d,
                       const char *name, bp_error *err)
{
    const bp_task *t = &p->machine->task;
    bp_data_report report = {0};
    bp_data_expect e;
    bp_status st = bp__task_expect(t, p->run->store, &p->a, &e, err);
    if (st)
        return st;
    for (size_t i = 0; i < e.n_inputs; i++)
        if (bp__is_float(e.input_dtype[i]))
            e.below[i] = 0; /* a normalization may change them */
    if (e.target == BP_TARGET_REAL)
        e.target = BP_TARGET_NONE;
    st = bp_data_check(d, &e, name, &report);
    return st ? bp__error(err, st, "%lld of %lld samples cannot be used:\n%s",
                          (long long)report.n_bad,
                          (long long)report.n_records, report.text)
              : BP_OK;
}

bp_status bp__machine_evaluate(bp_predictor *p, bp_data *d, const char *name,
                               const bp_evaluation **e, bp_error *err)
{
    bp__machine *m = p->machine;
    *e = NULL;
    bp_status st = set_target(p, d, err);
    if (!st)
        st = check(p, d, name, err);
    if (!st)
        st = bp__evaluate(&m->evaluator, d, name, &m->result, err);
    if (!st)
        *e = &m->result;
    return st;
}
