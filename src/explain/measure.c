/* Differences: J and x(l) at each side of a parameter, in f64, on the reference
 * kernels, with comparisons and argmax choices frozen where the step has taken
 * them. What J changes by is the gradient; what x(l) changes by is the third
 * factor of the chain rule, exactly, since a layer is affine in its own
 * parameters. */
#include "explain/explain.h"

#define STEP 1e-4
/* Multiply-adds that all differences together may cost. */
#define BUDGET 1.5e9

typedef struct measuring {
    bp_explain *e;
    bp__point wide, narrow; /* in f64; in the task's type, if that is f32 */
    bool has_narrow;
    bp_program *frozen;
    void *batch[BP_NN_MAX_INPUTS], *target;
} measuring;

static void keep_x(void *user, bp_graph *g, const bp_traced *t)
{
    measuring *m = user;
    bp__ex_layers layers;
    bp_error err = {0};
    char name[40];
    if (bp__ex_group(&m->e->arena, t->nn, &layers, &err))
        bp_graph_fail(g, err.status, "%s", err.message);
    for (size_t i = 0; bp__ok(g) && i < layers.n; i++) {
        bp__snprintf(name, sizeof name, "x.%zu", i);
        bp_output(g, name, layers.list[i].x_val);
    }
}

/* The point's variables <- the store's. */
static void copy_variables(bp_store *to, bp_store *from)
{
    for (size_t i = 0; i < bp_store_count(to); i++) {
        bp_var_info a, b;
        bp_store_info(to, i, &a);
        int64_t k = bp_store_find(from, a.name);
        if (k < 0)
            continue;
        bp_store_info(from, (size_t)k, &b);
        const void *x = bp_store_read(from, (size_t)k);
        void *y = bp__store_write(to, i);
        if (a.dtype == b.dtype)
            memcpy(y, x, a.bytes);
        else if (a.dtype == BP_F64 && b.dtype == BP_F32)
            bp__read_reals(x, BP_F32, 0,
                           (int64_t)(a.bytes / sizeof(double)), y);
    }
}

static bp_status open_points(measuring *m, bp_store *s, bp_error *err)
{
    bp_explain *e = m->e;
    bp_task wide = e->task;
    wide.dtype = BP_F64;
    m->has_narrow = e->task.dtype == BP_F32;
    bp_status st = bp__point_init_keep(&m->wide, &e->a, &wide, 1,
                                       e->o.runtime, keep_x, m, err);
    if (st)
        return st;
    copy_variables(m->wide.store, s);
    bp__point *choices = &m->wide;
    if (m->has_narrow) {
        choices = &m->narrow;
        st = bp__point_init(&m->narrow, &e->a, &e->task, 1, e->o.runtime,
                            err);
        if (!st)
            copy_variables(m->narrow.store, s);
    }
    choices->compile.no_pass = e->o.no_pass;
    choices->compile.no_kernel = e->o.no_kernel;
    return st;
}

static bp_status bind_sample(measuring *m, bp_error *err)
{
    bp_explain *e = m->e;
    bool real = e->task.target.dtype != BP_I32 &&
                e->task.target.dtype != BP_U8;
    bp__point *p[2] = {&m->wide, m->has_narrow ? &m->narrow : NULL};
    for (int k = 0; k < 2; k++) {
        bool widened = k == 0;
        for (size_t i = 0; p[k] && i < e->n_inputs; i++) {
            bp_nn_io io;
            bp__task_input(&p[k]->task, i, &io);
            bool own = widened && bp__is_float(io.dtype);
            p[k]->input[i] = own ? (const void *)e->input[i].v
                                 : e->o.input[i];
            p[k]->input_bytes[i] = e->input[i].n * bp_dtype_bytes(io.dtype);
        }
        if (!p[k])
            continue;
        p[k]->target = widened && real ? (const void *)e->target.v
                                       : e->o.target;
        size_t item = real ? (widened ? 8 : 4)
                           : bp_dtype_bytes(e->task.target.dtype);
        p[k]->target_bytes = e->target.n * item;
    }
    bp__point *choices = m->has_narrow ? &m->narrow : &m->wide;
    bool values = !m->has_narrow;
    bp_status st = bp__point_probe(choices, values, err);
    if (!st)
        st = bp__point_frozen(&m->wide, values, false, &m->frozen, err);
    if (!st)
        st = bp__point_bind(&m->wide, m->frozen, choices, err);
    return st;
}

/* <dJ/dx(l), x(l)> at the point as it stands. */
static double carried(const measuring *m, const bp__ex_param *q)
{
    char name[40];
    const bp__ex_layer *l = &m->e->layers.list[q->layer];
    size_t bytes = 0;
    double sum = 0;
    bp__snprintf(name, sizeof name, "x.%zu", q->layer);
    const double *x = bp_result(m->frozen, name, &bytes);
    const double *delta = l->product.v ? l->product.v : l->dx.v;
    if (!x || !delta || bytes != l->dx.n * sizeof *x)
        return 0;
    for (size_t i = 0; i < l->dx.n; i++)
        sum += delta[i] * x[i];
    return sum;
}

static bp_status measure_one(measuring *m, const bp__ex_param *q,
                             double *data, bp__ex_check *c, bp_error *err)
{
    double old = data[c->at], at[2], j[2], x[2];
    bp_status st = BP_OK;
    for (int k = 0; k < 2 && !st; k++) {
        data[c->at] = at[k] = k ? old - STEP : old + STEP;
        st = bp_run(m->frozen, err);
        if (!st) {
            j[k] = bp__result_number(m->frozen, "objective");
            x[k] = carried(m, q);
        }
    }
    data[c->at] = old;
    if (st)
        return st;
    c->fd = (j[0] - j[1]) / (at[0] - at[1]);
    c->product = (x[0] - x[1]) / (at[0] - at[1]);
    return BP_OK;
}

/* A dense layer's third factor is its input: an outer product. */
static bool outer_product(const bp_explain *e, const bp__ex_param *q,
                          bp__ex_check *c)
{
    const bp__ex_layer *l = &e->layers.list[q->layer];
    const double *delta = l->product.v ? l->product.v : l->dx.v;
    if (!l->row || strcmp(q->symbol, "W") || !delta || l->n_from != 1 ||
        !l->row->dweight || strcmp(l->row->dweight, "y@-") ||
        l->x.rank != 1)
        return false;
    int from = l->from[0];
    const bp__ex_tensor *in = from < 0 ? &e->input[-1 - from]
                                       : &e->layers.list[from].y;
    size_t n = (size_t)q->grad.dims[1];
    if (in->n != n)
        return false;
    c->product = delta[c->at / n] * in->v[c->at % n];
    return true;
}

static double away(double a)
{
    return a < 0 ? -a : a;
}

/* Indices of the largest gradients, in ascending order. */
static void pick(bp__ex_param *q, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < q->grad.n; i++) {
            bool taken = false;
            for (size_t j = 0; j < k && !taken; j++)
                taken = q->check[j].at == i;
            if (!taken && (best == SIZE_MAX ||
                           away(q->grad.v[i]) > away(q->grad.v[best])))
                best = i;
        }
        q->check[k].at = best;
    }
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j && q->check[j].at < q->check[j - 1].at; j--) {
            bp__ex_check c = q->check[j];
            q->check[j] = q->check[j - 1];
            q->check[j - 1] = c;
        }
}

static bp_status measure_param(measuring *m, bp__ex_param *q, size_t most,
                               bp_error *err)
{
    bp_explain *e = m->e;
    double *data = NULL;
    size_t few = BP__MIN(q->grad.n, (size_t)BP__EX_FEW);
    q->n_checks = q->grad.n <= most ? q->grad.n : BP__MIN(few, most);
    q->check = bp__arena_array(&e->arena, q->n_checks + 1, sizeof *q->check);
    for (size_t i = 0; i < m->wide.n_params; i++)
        if (!strcmp(m->wide.param[i], q->name))
            data = m->wide.data[i];
    if (!q->check || !data)
        return q->check ? bp__error(err, BP_EBUG, "no parameter %s", q->name)
                        : bp__oom(err);
    if (q->n_checks == q->grad.n)
        for (size_t i = 0; i < q->n_checks; i++)
            q->check[i].at = i;
    else
        pick(q, q->n_checks);
    bp_status st = BP_OK;
    for (size_t i = 0; i < q->n_checks && !st; i++) {
        bp__ex_check *c = &q->check[i];
        st = measure_one(m, q, data, c, err);
        outer_product(e, q, c);
        if (q->penalty.v)
            c->product += q->penalty.v[c->at];
        double g = q->grad.v[c->at];
        q->worst_product = BP__MAX(q->worst_product, away(c->product - g));
        q->worst_fd = BP__MAX(q->worst_fd, away(c->fd - g));
    }
    return st;
}

bp_status bp__ex_measure(bp_explain *e, bp_store *s, bp_error *err)
{
    measuring m = {.e = e};
    bp_status st = open_points(&m, s, err);
    if (!st)
        st = bind_sample(&m, err);
    double runs = BUDGET / (e->work + 1e5) / 2 / (double)(e->n_params + 1);
    size_t most = runs < 1 ? 1 : runs > BP__EX_TENSOR ? BP__EX_TENSOR
                                                      : (size_t)runs;
    for (size_t i = 0; i < e->n_params && !st; i++)
        st = measure_param(&m, &e->params[i], most, err);
    bp_program_free(m.frozen);
    bp__point_free(&m.wide);
    if (m.has_narrow)
        bp__point_free(&m.narrow);
    return st;
}
