/* Values and adjoints of every layer: the graph of `bprop grad` with more
 * outputs, whose gradients must have the same bits. What training does not form
 * is derived here by nodes of its own: slopes, Jacobians, predictions. */
#include "explain/explain.h"

#include <bprop/ops.h>

typedef struct tracing {
    bp_explain *e;
    bp_graph *g;
    bp_traced t;
    bp_val *wrt, *adj; /* parameters, then x and y of each layer */
    size_t n_wrt, n_params;
    bp_val penalty;    /* BP_NIL: none */
} tracing;

static void keep(bp_graph *g, bp_val v, const char *what, size_t i)
{
    char name[60];
    bp__snprintf(name, sizeof name, "%s.%zu", what, i);
    if (!bp_is_nil(v))
        bp_output(g, name, v);
}

static bp_status take_gradients(tracing *q, bp_error *err)
{
    bp_explain *e = q->e;
    size_t n = bp_nn_param_count(q->t.nn), layers = e->layers.n;
    q->n_params = n;
    q->n_wrt = n + 2 * layers;
    q->wrt = bp__arena_array(&e->arena, 2 * q->n_wrt + 1, sizeof *q->wrt);
    if (!q->wrt)
        return bp__oom(err);
    q->adj = q->wrt + q->n_wrt;
    for (size_t i = 0; i < n; i++)
        q->wrt[i] = bp_nn_param_value(q->t.nn, i);
    for (size_t i = 0; i < layers; i++) {
        q->wrt[n + 2 * i] = e->layers.list[i].x_val;
        q->wrt[n + 2 * i + 1] = e->layers.list[i].y_val;
    }
    bp_val one = bp_scalar(q->g, e->task.dtype, 1);
    bp_vjp(q->g, &q->t.objective, &one, 1, q->wrt, q->n_wrt, q->adj);
    for (size_t i = 0; i < n; i++)
        keep(q->g, q->adj[i], "grad", i);
    for (size_t i = 0; i < layers; i++) {
        keep(q->g, e->layers.list[i].x_val, "x", i);
        keep(q->g, e->layers.list[i].y_val, "y", i);
        keep(q->g, q->adj[n + 2 * i], "dx", i);
        keep(q->g, q->adj[n + 2 * i + 1], "dy", i);
    }
    return bp__graph_error(q->g, err);
}

/* The node that multiplies dy by something has formed the slope. */
static bp_val formed_slope(const tracing *q, bp_val dx, bp_val dy)
{
    const bp_graph *g = q->g;
    const bp__value *v = bp__value_of(g, dx);
    if (!v || !bp__value_of(g, dy))
        return BP_NIL;
    const bp__node *n = &g->nodes[v->node];
    if (strcmp(bp__def_of(n)->name, "mul"))
        return BP_NIL;
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t other = g->edges[n->in + 1 - i];
        if (g->edges[n->in + i] == dy.id &&
            bp__same_dims(&g->values[other].type, &v->type))
            return bp__val(g, other);
    }
    return BP_NIL;
}

/* Rows of the Jacobian of y [1,K] by x: K transposed products. */
static void keep_jacobian(tracing *q, size_t i, bp_val x, bp_val y)
{
    bp_graph *g = q->g;
    const bp__type t = *bp__type_of(g, y);
    int64_t k = t.rank == 2 ? t.dims[1] : 0;
    double row64[BP__EX_ROW];
    float row32[BP__EX_ROW];
    if (k < 1 || k > BP__EX_ROW)
        return;
    for (int64_t r = 0; r < k; r++) {
        char name[60];
        bp_val adj;
        for (int64_t j = 0; j < k; j++)
            row32[j] = (float)(row64[j] = j == r);
        bp_val dy = bp_const(g, (bp_dtype)t.dtype, 2, t.dims,
                             t.dtype == BP_F64 ? (void *)row64
                                               : (void *)row32);
        dy = bp_spread(g, dy);
        bp_vjp(g, &y, &dy, 1, &x, 1, &adj);
        bp__snprintf(name, sizeof name, "row.%zu.%lld", i, (long long)r);
        bp_output(g, name, adj);
    }
}

static void keep_slope(tracing *q, size_t i)
{
    bp_graph *g = q->g;
    bp__ex_layer *l = &q->e->layers.list[i];
    bp_val y = l->y_val;
    if (!l->act)
        return;
    if (l->head) {
        y = l->act->part == BP__PART_ACTIVATION_ROW
                ? bp_softmax(g, l->x_val, -1) : bp_sigmoid(g, l->x_val);
        keep(g, y, "head", i);
        l->y.derived = true;
    }
    if (l->act->part == BP__PART_ACTIVATION_ROW) {
        keep_jacobian(q, i, l->x_val, y);
        return;
    }
    bp_val *adj = q->adj + q->n_params + 2 * i;
    bp_val slope = l->head ? BP_NIL : formed_slope(q, adj[0], adj[1]);
    l->slope.derived = bp_is_nil(slope);
    if (bp_is_nil(slope)) {
        const bp__type t = *bp__type_of(g, y);
        bp_val ones = bp_full(g, (bp_dtype)t.dtype, t.rank, t.dims, 1);
        ones = bp_spread(g, ones);
        bp_vjp(g, &y, &ones, 1, &l->x_val, 1, &slope);
    }
    keep(g, slope, "slope", i);
}

/* The objective is the loss, or loss + penalty. */
static void keep_penalty(tracing *q)
{
    bp_graph *g = q->g;
    bp_val one = bp_scalar(g, q->e->task.dtype, 1);
    bp_val *adj = bp__arena_array(&q->e->arena, q->n_params + 1, sizeof *adj);
    if (!adj || !q->e->task.penalty || !bp__ok(g))
        return;
    const bp__value *v = bp__value_of(g, q->t.objective);
    const bp__node *n = &g->nodes[v->node];
    for (uint32_t i = 0; i < n->n_in; i++)
        if (g->edges[n->in + i] != q->t.loss.id)
            q->penalty = bp__val(g, g->edges[n->in + i]);
    bp_vjp(g, &q->penalty, &one, 1, q->wrt, q->n_params, adj);
    for (size_t i = 0; i < q->n_params; i++)
        keep(g, adj[i], "penalty", i);
}

/* Does the loss read this value? Of an ensemble it reads each member's. */
static bool is_output(const bp_traced *t, bp_val v)
{
    for (size_t i = 0; i < t->nn->n_members; i++)
        if (t->nn->members[i].id == v.id)
            return true;
    return t->output.id == v.id;
}

/* Where the loss turns outputs into predictions, and the last layer has no
 * activation, that is its activation. */
static void find_head(bp_explain *e, const bp_traced *t, bp__spec *loss)
{
    const bp__kinddef *r = loss->row;
    e->members = t->nn->n_members;
    if (!r->dprob || !r->dprob(loss, 0, NULL, NULL, NULL))
        return;
    for (size_t i = 0; i < e->layers.n; i++) {
        bp__ex_layer *l = &e->layers.list[i];
        if (!is_output(t, l->y_val) || l->act)
            continue;
        l->act = bp__kind_find(BP_NN_LAYERS,
                              r->head == BP__HEAD_SOFTMAX ? "softmax"
                                                          : "sigmoid");
        l->head = l->act != NULL;
    }
}

static void count_work(bp_explain *e, const bp_nn *nn)
{
    bp_nn_layer_info info;
    for (size_t i = 0; i < bp_nn_layer_count(nn); i++)
        if (bp_nn_layer_get(nn, i, &info)) {
            e->work += info.multiply_adds;
            e->uses_batch |= !strcmp(info.kind, "batch_norm");
        }
}

/* Whose parameters: the layer with the longest path that begins the name. */
static void assign_params(bp_explain *e)
{
    for (size_t k = 0; k < e->n_params; k++) {
        size_t best = 0;
        for (size_t i = 0; i < e->layers.n; i++) {
            const char *path = e->layers.list[i].path;
            size_t n = strlen(path);
            if (n >= best && !strncmp(path, e->params[k].name, n) &&
                e->params[k].name[n] == '.') {
                best = n;
                e->params[k].layer = i;
            }
        }
        bp__ex_layer *l = &e->layers.list[e->params[k].layer];
        if (!l->n_params)
            l->first_param = k;
        l->n_params++;
    }
}

static bool read_tensor(tracing *q, const bp_program *p, const char *what,
                        size_t i, bp_val v, bp__ex_tensor *t)
{
    char name[60];
    bool derived = t->derived;
    bp__snprintf(name, sizeof name, "%s.%zu", what, i);
    const void *data = bp_result(p, name, NULL);
    const bp__type *type = bp__type_of(q->g, v);
    bool ok = !data || bp__ex_copy(&q->e->arena, t, type, data, true);
    t->derived = derived;
    return ok;
}

static bool read_jacobian(tracing *q, const bp_program *p, size_t i)
{
    bp__ex_layer *l = &q->e->layers.list[i];
    size_t k = l->x.n;
    bp__ex_tensor t = {.rank = 2, .dims = {(int64_t)k, (int64_t)k},
                       .n = k * k, .derived = true};
    if (k > BP__EX_ROW || l->x.rank != 1)
        return true;
    t.v = bp__arena_array(&q->e->arena, t.n + 1, sizeof *t.v);
    for (size_t r = 0; t.v && r < k; r++) {
        char name[60];
        bp__snprintf(name, sizeof name, "row.%zu.%zu", i, r);
        const void *data = bp_result(p, name, NULL);
        if (!data)
            return false;
        bp__read_reals(data, q->e->task.dtype, 0, (int64_t)k, t.v + r * k);
    }
    l->slope = t;
    return t.v != NULL;
}

static bool read_layer(tracing *q, const bp_program *p, size_t i)
{
    bp__ex_layer *l = &q->e->layers.list[i];
    bool ok = read_tensor(q, p, "x", i, l->x_val, &l->x) &&
              read_tensor(q, p, l->head ? "head" : "y", i, l->y_val, &l->y) &&
              read_tensor(q, p, "dx", i, l->x_val, &l->dx) &&
              read_tensor(q, p, "dy", i, l->y_val, &l->dy);
    if (!ok || !l->act)
        return ok;
    if (l->act->part == BP__PART_ACTIVATION_ROW)
        return read_jacobian(q, p, i);
    return read_tensor(q, p, "slope", i, l->x_val, &l->slope);
}

static bool read_penalty(tracing *q, const bp_program *p)
{
    for (size_t i = 0; i < q->n_params; i++)
        for (size_t k = 0; k < q->e->n_params; k++) {
            bp__ex_param *w = &q->e->params[k];
            char name[60];
            size_t bytes = 0;
            if (strcmp(w->name, bp_nn_param_name(q->t.nn, i)))
                continue;
            bp__snprintf(name, sizeof name, "grad.%zu", i);
            const void *g = bp_result(p, name, &bytes);
            w->same_bits = g && bytes == w->grad.n *
                                             bp_dtype_bytes(q->e->task.dtype);
            for (size_t j = 0; w->same_bits && j < w->grad.n; j++) {
                double x = bp__read_real(g, q->e->task.dtype, (int64_t)j);
                w->same_bits = x == w->grad.v[j];
            }
            bp__snprintf(name, sizeof name, "penalty.%zu", i);
            const void *data = bp_result(p, name, NULL);
            if (data && !bp__ex_copy(&q->e->arena, &w->penalty,
                                     bp__type_of(q->g, q->wrt[i]), data,
                                     false))
                return false;
        }
    return true;
}

static bp_status trace_step(tracing *q, bp_store *s, bp_error *err)
{
    bp_explain *e = q->e;
    bp_trace_options o = {.size = sizeof o, .rows = 1};
    bp__spec *loss = NULL;
    q->g = bp_task_graph(&e->task, s, BP_TASK_TRACE, &o, &e->a, &q->t);
    bp_status st = bp__graph_error(q->g, err);
    if (!st)
        st = bp__ex_group(&e->arena, q->t.nn, &e->layers, err);
    if (!st)
        st = bp__spec_parse(&e->arena, BP_NN_LOSSES, e->task.loss, &loss,
                            err);
    if (st)
        return st;
    find_head(e, &q->t, loss);
    count_work(e, q->t.nn);
    assign_params(e);
    st = take_gradients(q, err);
    for (size_t i = 0; !st && i < e->layers.n; i++)
        keep_slope(q, i);
    if (!st)
        keep_penalty(q);
    bp_output(q->g, "output", q->t.output);
    return st ? st : bp__graph_error(q->g, err);
}

bp_status bp__ex_observe(bp_explain *e, bp_store *s, bp_error *err)
{
    tracing q = {.e = e};
    bp_program *p = NULL;
    bp_compile_options co = {.size = sizeof co, .no_pass = e->o.no_pass,
                             .no_kernel = e->o.no_kernel};
    bp_status st = trace_step(&q, s, err);
    const bp_graph *one[] = {q.g};
    if (!st)
        st = bp_compile(e->o.runtime, one, 1, &co, &p, err);
    if (!st)
        st = bp__ex_run(e, p, err);
    bool ok = true;
    for (size_t i = 0; !st && ok && i < e->layers.n; i++)
        ok = read_layer(&q, p, i);
    if (!st && ok)
        ok = read_penalty(&q, p) &&
             bp__ex_copy(&e->arena, &e->output,
                         bp__type_of(q.g, q.t.output),
                         bp_result(p, "output", NULL), true);
    if (!st && !ok)
        st = e->arena.failed ? bp__oom(err)
                             : bp__error(err, BP_EBUG, "explain: a result is "
                                         "missing");
    bp_program_free(p);
    bp_nn_free(q.t.nn);
    bp_graph_free(q.g);
    return st;
}
