/* Graphs and programs of a gradient check. The programs under test come from
 * the task as it trains; the frozen ones, which say what is right, run on the
 * reference kernels without any pass. */
#include "train/check.h"

#include "xform/xform.h"

static bool keep_none(void *user, const bp_graph *g, size_t node)
{
    (void)user;
    (void)g;
    (void)node;
    return false;
}

static bp_graph *trace(bp__point *p, bp_task_mode mode, bp_traced *traced,
                       bp_error *err)
{
    bp_trace_options o = {.size = sizeof o, .rows = p->rows};
    bp_graph *g = bp_task_graph(&p->task, p->store, mode, &o, &p->a, traced);
    if (!bp__graph_error(g, err))
        return g;
    bp_graph_free(g);
    return NULL;
}

static bp_status find_params(bp__point *p, const bp_nn *nn, bp_error *err)
{
    p->n_params = bp_nn_param_count(nn);
    p->param = bp__arena_array(&p->arena, p->n_params, sizeof *p->param);
    p->data = bp__arena_array(&p->arena, p->n_params, sizeof *p->data);
    p->numel = bp__arena_array(&p->arena, p->n_params, sizeof *p->numel);
    for (size_t i = 0; i < p->n_params && !p->arena.failed; i++) {
        bp_var_info v;
        p->param[i] = bp__arena_strdup(&p->arena, bp_nn_param_name(nn, i));
        if (!p->param[i])
            break;
        int64_t k = bp_store_find(p->store, p->param[i]);
        if (k < 0 || bp_store_info(p->store, (size_t)k, &v))
            return bp__error(err, BP_EBUG, "a parameter is not in the store");
        p->data[i] = bp_store_data(p->store, (size_t)k);
        p->numel[i] = (int64_t)(v.bytes / bp_dtype_bytes(v.dtype));
    }
    return p->arena.failed ? bp__oom(err) : BP_OK;
}

/* Varying graph -> expanded -> one shard. */
static bp_graph *flatten(const bp_graph *g, bp_error *err)
{
    bp_graph *open = bp__pass_expand(g, keep_none, NULL);
    if (bp__graph_error(open, err)) {
        bp_graph_free(open);
        return NULL;
    }
    const bp_graph *one[] = {open};
    bp_graph *flat = bp__pass_shards(one, 1, err);
    bp_graph_free(open);
    if (flat && bp__graph_error(flat, err)) {
        bp_graph_free(flat);
        return NULL;
    }
    return flat;
}

bp_status bp__point_init(bp__point *p, const bp_allocator *a,
                         const bp_task *task, int64_t rows, bp_runtime *r,
                         bp_error *err)
{
    return bp__point_init_keep(p, a, task, rows, r, NULL, NULL, err);
}

bp_status bp__point_init_keep(bp__point *p, const bp_allocator *a,
                              const bp_task *task, int64_t rows,
                              bp_runtime *r, bp__point_keep keep, void *user,
                              bp_error *err)
{
    *p = (bp__point){.a = *a, .task = *task, .rows = rows, .runtime = r};
    p->compile.size = sizeof p->compile;
    bp__arena_init(&p->arena, a);
    p->store = bp_store_new(a);
    if (!p->store)
        return bp__oom(err);
    bp_traced traced = {0};
    bp_graph *g = trace(p, BP_TASK_TRACE, &traced, err);
    bp_status st = g ? find_params(p, traced.nn, err)
                     : (err->status ? err->status : BP_ENOMEM);
    if (!st) {
        bp_output(g, "objective", traced.objective);
        if (keep)
            keep(user, g, &traced);
        st = bp__graph_error(g, err);
    }
    if (!st) {
        p->base = flatten(g, err);
        st = p->base ? BP_OK : err->status;
    }
    bp_nn_free(traced.nn);
    bp_graph_free(g);
    return st;
}

void bp__point_free(bp__point *p)
{
    bp_graph_free(p->base);
    bp_store_free(p->store);
    bp__arena_free(&p->arena);
    memset(p, 0, sizeof *p);
}

bp_status bp__point_bind(const bp__point *p, bp_program *program,
                         const bp__point *choices, bp_error *err)
{
    bp_status st = BP_OK;
    char name[40];
    for (size_t i = 0; i < bp__task_inputs(&p->task) && !st; i++) {
        bp_nn_io io;
        bp__task_input(&p->task, i, &io);
        st = bp_bind(program, io.name, p->input[i], p->input_bytes[i], err);
    }
    if (!st)
        st = bp_bind(program, bp__task_target_name(&p->task), p->target,
                     p->target_bytes, err);
    for (size_t i = 0; choices && i < choices->n_choices && !st; i++) {
        bp__snprintf(name, sizeof name, "choice.%zu", i);
        st = bp_bind(program, name, choices->choice[i],
                     choices->choice_bytes[i], err);
    }
    return st;
}

static bp_status compile_plain(bp__point *p, const bp_graph *g,
                               bp_program **program, bp_error *err)
{
    bp_compile_options o = {.size = sizeof o, .no_pass = "all",
                            .no_kernel = "all"};
    const bp_graph *one[] = {g};
    return bp_compile(p->runtime, one, 1, &o, program, err);
}

static bp_status keep_choices(bp__point *p, const bp_program *program,
                              bp_error *err)
{
    char name[40];
    p->choice = bp__arena_array(&p->arena, p->n_choices + 1,
                                sizeof *p->choice);
    p->choice_bytes = bp__arena_array(&p->arena, p->n_choices + 1,
                                      sizeof *p->choice_bytes);
    for (size_t i = 0; i < p->n_choices && !p->arena.failed; i++) {
        size_t bytes = 0;
        bp__snprintf(name, sizeof name, "choice.%zu", i);
        const void *v = bp_result(program, name, &bytes);
        if (!v)
            return bp__error(err, BP_EBUG, "no result %s", name);
        p->choice[i] = bp__arena_copy(&p->arena, v, bytes);
        p->choice_bytes[i] = bytes;
    }
    return p->arena.failed ? bp__oom(err) : BP_OK;
}

bp_status bp__point_probe(bp__point *p, bool values, bp_error *err)
{
    bp_program *program = NULL;
    bp_graph *g = bp__pass_freeze(p->base, BP__FREEZE_PROBE, values,
                                  &p->n_choices);
    const bp_graph *one[] = {g};
    bp_status st = bp__graph_error(g, err);
    /* As the task is compiled: its choices are wanted, not the reference's. */
    if (!st)
        st = bp_compile(p->runtime, one, 1, &p->compile, &program, err);
    if (!st)
        st = bp__point_bind(p, program, NULL, err);
    if (!st)
        st = bp_run(program, err);
    if (!st)
        st = keep_choices(p, program, err);
    bp_program_free(program);
    bp_graph_free(g);
    return st;
}

/* Values of the parameters in a graph that passes have rebuilt. */
static void find_variables(const bp__point *p, const bp_graph *g, bp_val *v)
{
    for (size_t i = 0; i < p->n_params; i++)
        v[i] = BP_NIL;
    for (size_t k = 0; k < g->n_nodes; k++) {
        if (g->nodes[k].op != BP__OP_variable)
            continue;
        const bp__variable_attrs *at = g->nodes[k].attrs;
        for (size_t i = 0; i < p->n_params; i++)
            if (bp_is_nil(v[i]) && !strcmp(at->name, p->param[i]))
                v[i] = bp__val(g, g->nodes[k].out);
    }
}

static bp_status add_gradients(bp__point *p, bp_graph *g, bp_error *err)
{
    bp_val *v = bp__arena_array(&p->arena, 2 * p->n_params + 1, sizeof *v);
    char name[40];
    if (!v)
        return bp__oom(err);
    find_variables(p, g, v);
    bp_val objective = bp__val(g, g->outputs[0].value);
    bp_grad(g, objective, v, p->n_params, v + p->n_params);
    for (size_t i = 0; i < p->n_params; i++) {
        bp__snprintf(name, sizeof name, "grad.%zu", i);
        bp_output(g, name, v[p->n_params + i]);
    }
    return bp__graph_error(g, err);
}

bp_status bp__point_frozen(bp__point *p, bool values, bool gradient,
                           bp_program **program, bp_error *err)
{
    size_t n;
    bp_graph *g = bp__pass_freeze(p->base, BP__FREEZE_FROZEN, values, &n);
    bp_status st = bp__graph_error(g, err);
    if (!st && gradient)
        st = add_gradients(p, g, err);
    if (!st)
        st = compile_plain(p, g, program, err);
    bp_graph_free(g);
    return st;
}

bp_status bp__point_gradient(bp__point *p, bp_program **program, bp_error *err)
{
    bp_graph *g = trace(p, BP_TASK_GRADIENT, NULL, err);
    const bp_graph *one[] = {g};
    if (!g)
        return err->status;
    bp_status st = bp_compile(p->runtime, one, 1, &p->compile, program, err);
    bp_graph_free(g);
    return st;
}

static bp_status add_products(bp__point *p, bp_graph *g, bp_traced *traced,
                              bp_error *err)
{
    size_t n = p->n_params;
    bp_val *adj = bp__arena_array(&p->arena, 3 * n + 1, sizeof *adj);
    bp_val *wrt = adj + n, *out = adj + 2 * n, sum = BP_NIL;
    char name[40];
    if (!adj)
        return bp__oom(err);
    if (bp_nn_gradients(traced->nn, traced->objective, adj))
        return bp__graph_error(g, err);
    for (size_t i = 0; i < n; i++) {
        wrt[i] = bp_nn_param_value(traced->nn, i);
        bp__type t = *bp__type_of(g, wrt[i]);
        bp__snprintf(name, sizeof name, "direction.%zu", i);
        bp_val d = bp_input(g, name, (bp_dtype)t.dtype, t.rank, t.dims);
        bp_val s = bp_sum(g, bp_mul(g, adj[i], d), 0, NULL, false);
        sum = bp_is_nil(sum) ? s : bp_add(g, sum, s);
    }
    bp_val one = bp_scalar(g, p->task.dtype, 1);
    bp_vjp(g, &sum, &one, 1, wrt, n, out);
    for (size_t i = 0; i < n && !bp_graph_status(g); i++) {
        bp__snprintf(name, sizeof name, "product.%zu", i);
        if (!bp_is_nil(out[i]))
            bp_output(g, name, out[i]);
    }
    return bp__graph_error(g, err);
}

bp_status bp__point_hessian(bp__point *p, bp_program **program, bp_error *err)
{
    bp_traced traced = {0};
    bp_graph *g = trace(p, BP_TASK_TRACE, &traced, err);
    if (!g)
        return err->status;
    bp_status st = add_products(p, g, &traced, err);
    const bp_graph *one[] = {g};
    if (!st)
        st = bp_compile(p->runtime, one, 1, &p->compile, program, err);
    bp_nn_free(traced.nn);
    bp_graph_free(g);
    return st;
}
