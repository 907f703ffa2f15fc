/* The numbers of one step: the sample, the gradients, by the program that
 * `bprop grad` runs, the products of factors, and the update, by the program
 * that trains. */
#include "explain/explain.h"

static bp_batch one_sample(const bp_explain *e)
{
    bp_batch b = {.count = 1, .n_inputs = e->n_inputs,
                  .target = e->o.target};
    for (size_t i = 0; i < e->n_inputs; i++) {
        bp_nn_io io;
        bp__task_input(&e->task, i, &io);
        b.input[i] = e->o.input[i];
        b.input_bytes[i] = e->input[i].n * bp_dtype_bytes(io.dtype);
    }
    bp_dtype t = e->task.target.dtype;
    if (t == BP_F32 || t == BP_F64)
        t = e->task.dtype;
    b.target_bytes = e->target.n * bp_dtype_bytes(t);
    return b;
}

/* ---- the sample ------------------------------------------------------- */

static bool copy_io(bp_explain *e, const bp_nn_io *io, bp_dtype dtype,
                    const void *data, bp__ex_tensor *t)
{
    bp__type type = bp__make_type(dtype, io->rank, io->dims);
    return bp__ex_copy(&e->arena, t, &type, data, false);
}

static bp_status copy_sample(bp_explain *e, bp_error *err)
{
    e->n_inputs = bp__task_inputs(&e->task);
    bp_dtype t = e->task.target.dtype;
    if (t == BP_F32 || t == BP_F64)
        t = e->task.dtype;
    for (size_t i = 0; i < e->n_inputs; i++) {
        bp_nn_io io;
        bp__task_input(&e->task, i, &io);
        if (!e->o.input[i])
            return bp__error(err, BP_EARG, "explain: input \"%s\" is missing",
                             io.name);
        e->input_name[i] = bp__arena_strdup(&e->arena, io.name);
        if (!copy_io(e, &io, io.dtype, e->o.input[i], &e->input[i]))
            return bp__oom(err);
        e->input[i].given = true;
    }
    if (!e->o.target)
        return bp__error(err, BP_EARG, "explain: the target is missing");
    return copy_io(e, &e->task.target, t, e->o.target, &e->target)
               ? BP_OK : bp__oom(err);
}

/* ---- the gradient program --------------------------------------------- */

static const char *symbol_of(bp__arena *ar, const char *name)
{
    const char *last = strrchr(name, '.');
    last = last ? last + 1 : name;
    if (!strcmp(last, "weight"))
        return "W";
    return strcmp(last, "bias") ? bp__arena_strdup(ar, last) : "b";
}

static bp_status read_params(bp_explain *e, bp_store *s, const bp_step *p,
                             bp_error *err)
{
    size_t count = bp_store_count(s);
    e->params = bp__arena_array(&e->arena, count + 1, sizeof *e->params);
    for (size_t i = 0; e->params && i < count; i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        if (v.kind != BP_VAR_PARAM)
            continue;
        bp__ex_param *q = &e->params[e->n_params++];
        bp__type t = bp__make_type(v.dtype, v.rank, v.dims);
        const char *name = bp__arena_printf(&e->arena, "grad.%s", v.name);
        q->name = bp__arena_strdup(&e->arena, v.name);
        q->symbol = name ? symbol_of(&e->arena, v.name) : NULL;
        bp_array g = {.data = NULL};
        if (name)
            bp_step_output(p, name, &g);
        if (!name ||
            !bp__ex_copy(&e->arena, &q->value, &t, bp_store_read(s, i),
                         false) ||
            !bp__ex_copy(&e->arena, &q->grad, &t, g.data, false))
            return e->arena.failed
                       ? bp__oom(err)
                       : bp__error(err, BP_EBUG, "no result '%s'", name);
    }
    return e->arena.failed ? bp__oom(err) : BP_OK;
}

bp_status bp__ex_run(const bp_explain *e, bp_program *p, bp_error *err)
{
    bp_batch b = one_sample(e);
    bp_status st = bp__bind_batch(p, &e->task, &b, true, err);
    return st ? st : bp_run(p, err);
}

static bp_status run_step(const bp_explain *e, bp__task_steps *k,
                          bp_task_mode mode, bp_step **p, bp_error *err)
{
    bp_batch b = one_sample(e);
    return bp__task_steps_run(k, mode, &b, p, err);
}

/* ---- the truth, in the output's shape ---------------------------------- */

static bp_status spread_target(bp_explain *e, bp_error *err)
{
    bp__ex_tensor *t = &e->truth;
    *t = e->output;
    t->given = true;
    t->v = bp__arena_array(&e->arena, t->n + 1, sizeof *t->v);
    if (!t->v)
        return bp__oom(err);
    bool labels = e->task.target.dtype == BP_I32 && e->target.n == 1;
    for (size_t i = 0; i < t->n; i++)
        if (e->target.n == t->n)
            t->v[i] = e->target.v[i];
        else
            t->v[i] = labels && (double)i == e->target.v[0];
    return BP_OK;
}

/* ---- products of the first two factors --------------------------------- */

static void head_factor(bp_explain *e, bp__ex_layer *l)
{
    bp__spec *loss = NULL;
    bp_error err = {0};
    if (bp__spec_parse(&e->arena, BP_NN_LOSSES, e->task.loss, &loss, &err)) {
        e->arena.failed = true; /* it was traced: only memory is missing */
        return;
    }
    l->dy = (bp__ex_tensor){0};
    if (l->y.n != e->truth.n)
        return;
    l->dy = l->y;
    l->dy.v = bp__arena_array(&e->arena, l->y.n + 1, sizeof *l->dy.v);
    l->dy.derived = true;
    if (l->dy.v)
        loss->row->dprob(loss, l->y.n, l->y.v, e->truth.v, l->dy.v);
    for (size_t i = 0; l->dy.v && e->members && i < l->dy.n; i++)
        l->dy.v[i] /= (double)e->members;
}

static void multiply_factors(bp_explain *e, bp__ex_layer *l)
{
    if (l->head && l->dy.v)
        head_factor(e, l);
    if (!l->act || !l->dy.v || !l->slope.v || !l->dx.v)
        return;
    size_t n = l->dx.n;
    l->product = l->dx;
    l->product.v = bp__arena_array(&e->arena, n + 1, sizeof *l->product.v);
    l->product.derived = true;
    bool row = l->slope.n != n || l->act->part == BP__PART_ACTIVATION_ROW;
    for (size_t i = 0; l->product.v && i < n; i++) {
        double sum = 0;
        /* row k of the Jacobian is dy[k]/dx */
        for (size_t k = 0; row && k < n; k++)
            sum += l->dy.v[k] * l->slope.v[k * n + i];
        l->product.v[i] = row ? sum : l->dy.v[i] * l->slope.v[i];
        double d = l->product.v[i] - l->dx.v[i];
        d = d < 0 ? -d : d;
        if (!(d <= l->worst))
            l->worst = d;
    }
}

/* ---- the update -------------------------------------------------------- */

static void set_rate(bp_explain *e, bp_store *s)
{
    bp_error err;
    int64_t k = bp_store_find(s, "trainer.lr");
    double *lr = k < 0 ? NULL : bp_store_data(s, (size_t)k);
    if (lr && !bp_nn_learning_rate(e->optimizer, 0,
                                   BP__MAX(e->o.steps_per_epoch, 1),
                                   BP__MAX(e->o.steps, 1), &e->lr, &err))
        *lr = e->lr;
}

static bp_status update(bp_explain *e, bp_store *s, bp__task_steps *gradient,
                        bp__task_steps *train, bp_error *err)
{
    bp_step *p = NULL;
    bp_status st = bp__task_steps_prepare(train, BP_TASK_TRAIN, 1, &p, err);
    if (!st)
        set_rate(e, s);
    if (!st)
        st = run_step(e, train, BP_TASK_TRAIN, &p, err);
    for (size_t i = 0; !st && i < e->n_params; i++) {
        bp__ex_param *q = &e->params[i];
        size_t k = (size_t)bp_store_find(s, q->name);
        bp__type t = bp__make_type(e->task.dtype, q->value.rank,
                                   q->value.dims);
        if (!bp__ex_copy(&e->arena, &q->after, &t, bp_store_read(s, k),
                         false))
            st = bp__oom(err);
    }
    if (!st)
        st = run_step(e, gradient, BP_TASK_GRADIENT, &p, err);
    if (!st)
        e->after = bp_step_number(p, "objective");
    return st;
}

/* The store's bytes, so that it is left as it was found. */
static void **save_store(bp_explain *e, bp_store *s, size_t *n)
{
    *n = bp_store_count(s);
    void **copy = bp__arena_array(&e->arena, *n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < *n; i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        copy[i] = bp__arena_copy(&e->arena, bp_store_read(s, i), v.bytes);
    }
    return e->arena.failed ? NULL : copy;
}

static void restore_store(bp_store *s, void **copy, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        memcpy(bp__store_write(s, i), copy[i], v.bytes);
    }
}

static bp_status trained_step(bp_explain *e, bp_store *s,
                              bp__task_steps *gradient,
                              bp_error *err)
{
    size_t n;
    void **saved = save_store(e, s, &n);
    if (!saved)
        return bp__oom(err);
    bp_task task = e->task;
    bp__task_steps train;
    task.optimizer = e->optimizer;
    bp__task_steps_init(&train, &e->a, &task, s, gradient->runtime);
    train.no_pass = gradient->no_pass;
    train.no_kernel = gradient->no_kernel;
    bp_status st = e->optimizer ? update(e, s, gradient, &train, err) : BP_OK;
    bp__task_steps_free(&train);
    restore_store(s, saved, n);
    return st;
}

bp_status bp__ex_collect(bp_explain *e, bp_store *s, bp_error *err)
{
    bp__task_steps gradient;
    bp_step *p = NULL;
    bp__task_steps_init(&gradient, &e->a, &e->task, s, e->o.runtime);
    gradient.no_pass = e->o.no_pass;
    gradient.no_kernel = e->o.no_kernel;
    bp_status st = copy_sample(e, err);
    if (!st)
        st = run_step(e, &gradient, BP_TASK_GRADIENT, &p, err);
    if (!st) {
        e->loss = bp_step_number(p, "loss");
        e->objective = bp_step_number(p, "objective");
        st = read_params(e, s, p, err);
    }
    if (!st)
        st = bp__ex_observe(e, s, err);
    if (!st)
        st = spread_target(e, err);
    for (size_t i = 0; !st && i < e->layers.n; i++)
        multiply_factors(e, &e->layers.list[i]);
    if (!st)
        st = trained_step(e, s, &gradient, err);
    bp__task_steps_free(&gradient);
    return st && !err->status ? bp__oom(err) : st;
}
