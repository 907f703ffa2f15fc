/* A task's modes as steps, and what a task says about its inputs and outputs.
 */
#include "train/step.h"
#include "train/train.h"

#include "fmt/array.h"

/* ---- public ---------------------------------------------------------------- */

bp_status bp_task_step(const bp_task *task, bp_task_mode mode, bp_store *s,
                       bp_runtime *r, const bp_task_step_options *options,
                       bp_step **step, bp_error *err)
{
    typedef struct own {
        bp_task task;
        bp__task_step k;
    } own;
    bp_task_step_options q;
    bp_step_input in[BP_STEP_MAX_INPUTS];
    bp_step_options o;
    *step = NULL;
    bp_task all;
    if (!task)
        return bp__error(err, BP_EARG, "bp_task_step needs a task");
    bp_status st = BP__OPTIONS(&all, task, bp_task, err);
    if (!st)
        st = BP__OPTIONS(&q, options, bp_task_step_options, err);
    if (st)
        return st;
    const bp_allocator *a = q.allocator ? q.allocator : &bp__malloc_allocator;
    own *u = bp__calloc(a, 1, sizeof *u);
    if (!u)
        return bp__oom(err);
    u->task = all;
    u->k = (bp__task_step){.task = &u->task, .mode = mode,
                           .grad_norm = q.grad_norm, .sums = q.sums};
    st = bp__task_step_options(&u->k, in, &o, err);
    o.allocator = a;
    o.name = q.name;
    o.shards = q.shards;
    o.no_pass = q.no_pass;
    o.no_kernel = q.no_kernel;
    o.max_bytes = q.max_bytes;
    if (!st)
        st = bp_step_new(s, r, &o, step, err);
    if (st)
        bp__free(a, u, sizeof *u);
    else
        bp__step_own(*step, u, sizeof *u);
    return st;
}

bp_status bp_task_prepare(bp_step *step, const bp_task *t, bp_task_mode mode,
                          int64_t rows, bp_error *err)
{
    bp_step_input in[BP_STEP_MAX_INPUTS];
    bp_array x[BP_STEP_MAX_INPUTS];
    size_t n = 0;
    if (!step || !t || rows < 1)
        return bp__error(err, BP_EARG, "bp_task_prepare needs a step, its task "
                         "and at least one row");
    bp_status st = bp__task_step_inputs(t, mode, in, &n, err);
    for (size_t i = 0; !st && i < n; i++) {
        x[i] = (bp_array){.dtype = in[i].dtype, .rank = in[i].rank};
        memcpy(x[i].dims, in[i].dims, sizeof x[i].dims);
        x[i].dims[0] = rows;
    }
    return st ? st : bp_step_prepare(step, n, x, err);
}

/* ---- of one task ------------------------------------------------------------ */

void bp__task_steps_init(bp__task_steps *k, const bp_allocator *a,
                         const bp_task *task, bp_store *store, bp_runtime *r)
{
    *k = (bp__task_steps){.a = *a, .task = task, .store = store, .runtime = r};
    k->shards = 1;
}

void bp__task_steps_free(bp__task_steps *k)
{
    for (int i = 0; i < BP__TASK_MODES; i++) {
        bp_step_free(k->step[i]);
        k->step[i] = NULL;
    }
}

bp_status bp__task_steps_get(bp__task_steps *k, bp_task_mode mode,
                             bp_step **step, bp_error *err)
{
    bp_task_step_options o = {.size = sizeof o, .allocator = &k->a,
                              .shards = k->shards, .grad_norm = k->grad_norm,
                              .no_pass = k->no_pass,
                              .no_kernel = k->no_kernel};
    bp_status st = BP_OK;
    if (!k->step[mode])
        st = bp_task_step(k->task, mode, k->store, k->runtime, &o,
                          &k->step[mode], err);
    *step = k->step[mode];
    return st;
}

bp_status bp__task_steps_prepare(bp__task_steps *k, bp_task_mode mode,
                                 int64_t rows, bp_step **step, bp_error *err)
{
    bp_status st = bp__task_steps_get(k, mode, step, err);
    return st ? st : bp_task_prepare(*step, k->task, mode, rows, err);
}

/* An input's array of a batch, whose shape the task knows. */
static bp_status batch_array(const bp_step_input *in, int64_t rows,
                             const void *data, size_t bytes, bp_array *x,
                             bp_error *err)
{
    char text[200];
    *x = (bp_array){.dtype = in->dtype, .rank = in->rank, .bytes = bytes,
                    .data = (void *)(uintptr_t)data};
    memcpy(x->dims, in->dims, sizeof x->dims);
    x->dims[0] = rows;
    bp__type t = bp__make_type(x->dtype, x->rank, x->dims);
    if (bp__type_bytes(&t) == bytes)
        return BP_OK;
    return bp__error(err, BP_ESHAPE, "input \"%s\" is %s, %zu bytes: %zu were "
                     "given", in->name, bp__type_text(&t, text),
                     bp__type_bytes(&t), bytes);
}

static bp_status batch_arrays(const bp_task *t, bp_task_mode mode,
                              const bp_batch *b,
                              bp_array x[BP_STEP_MAX_INPUTS], size_t *n,
                              bp_error *err)
{
    bp_step_input in[BP_STEP_MAX_INPUTS];
    size_t m = bp__task_inputs(t), k = m;
    bp_status st = bp__task_step_inputs(t, mode, in, n, err);
    if (!st && m != b->n_inputs)
        st = bp__error(err, BP_ESHAPE, "the model has %zu input(s), the data "
                       "%zu", m, b->n_inputs);
    for (size_t i = 0; i < m && !st; i++)
        st = batch_array(&in[i], b->count, b->input[i], b->input_bytes[i],
                         &x[i], err);
    if (!st && k < *n) {
        st = batch_array(&in[k], b->count, b->target, b->target_bytes, &x[k],
                         err);
        k++;
    }
    if (!st && k < *n) {
        st = batch_array(&in[k], b->count, b->target2, b->target_bytes, &x[k],
                         err);
        if (!st)
            st = batch_array(&in[k + 1], b->count, b->mix, b->mix_bytes,
                             &x[k + 1], err);
    }
    return st;
}

bp_status bp__task_steps_run(bp__task_steps *k, bp_task_mode mode,
                             const bp_batch *b, bp_step **step, bp_error *err)
{
    bp_array x[BP_STEP_MAX_INPUTS];
    size_t n;
    bp_status st = bp__task_steps_get(k, mode, step, err);
    if (!st)
        st = batch_arrays(k->task, mode, b, x, &n, err);
    return st ? st : bp_step_run(*step, n, x, err);
}

/* A sample's shape is the model's where the data have as many numbers:
 * [28,28] fits [1,28,28]. */
static bp_status fit_fields(const bp_task *t, bp_task_mode mode,
                            const bp_fields *f,
                            bp_array x[BP_STEP_MAX_INPUTS], bp_error *err)
{
    bp_step_input in[BP_STEP_MAX_INPUTS];
    size_t n;
    bp_status st = bp__task_step_inputs(t, mode, in, &n, err);
    if (!st && n != f->n)
        st = bp__error(err, BP_ESHAPE, "the model has %zu inputs and targets, "
                       "the data %zu", n, f->n);
    for (size_t i = 0; !st && i < n; i++)
        st = batch_array(&in[i], f->field[0].dims[0], f->field[i].data,
                         f->field[i].bytes, &x[i], err);
    return st;
}

bp_status bp__task_steps_run_fields(bp__task_steps *k, bp_task_mode mode,
                                    const bp_fields *f, bp_step **step,
                                    bp_error *err)
{
    bp_array x[BP_STEP_MAX_INPUTS];
    bp_status st = bp__task_steps_get(k, mode, step, err);
    if (!st)
        st = fit_fields(k->task, mode, f, x, err);
    return st ? st : bp_step_run(*step, f->n, x, err);
}

/* ---- what a task says --------------------------------------------------- */

bp_status bp__task_output(const bp_task *t, bp_store *s, const bp_allocator *a,
                          bp__type *out, bp_error *err)
{
    return bp__task_look(t, s, a, out, NULL, err);
}

bp_status bp__bind_batch(bp_program *p, const bp_task *t, const bp_batch *b,
                         bool target, bp_error *err)
{
    size_t n = bp__task_inputs(t);
    if (n != b->n_inputs)
        return bp__error(err, BP_ESHAPE, "the model has %zu input(s), the data "
                         "%zu", n, b->n_inputs);
    bp_status st = BP_OK;
    for (size_t i = 0; i < n && !st; i++) {
        bp_nn_io io;
        bp__task_input(t, i, &io);
        st = bp_bind(p, io.name, b->input[i], b->input_bytes[i], err);
    }
    if (!st && target)
        st = bp_bind(p, bp__task_target_name(t), b->target, b->target_bytes,
                     err);
    if (!st && target && b->mix && t->mixup) {
        st = bp_bind(p, "target2", b->target2, b->target_bytes, err);
        if (!st)
            st = bp_bind(p, "mix", b->mix, b->mix_bytes, err);
    }
    return st;
}

double bp__result_number(const bp_program *p, const char *name)
{
    size_t bytes = 0;
    const void *r = bp_result(p, name, &bytes);
    if (r && bytes == sizeof(float))
        return *(const float *)r;
    if (r && bytes == sizeof(double))
        return *(const double *)r;
    return 0;
}

double bp__loss_weight(const bp_step *p, int64_t rows)
{
    bp_array x;
    return bp_step_output(p, "loss.weight", &x) ? bp__array_number(&x, 0)
                                                : (double)rows;
}
