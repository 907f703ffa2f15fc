/* A case of the op table through the compiler and through the interpreter, and
 * how their results are compared. See compiled.h. */
#include "op/compiled.h"

#include "op/eval.h"
#include "t.h"

#include "exec/exec.h"

#include "op/attrs.h"

#include <bprop/ops.h>

bp_graph *compiled_graph(const case_data *d, compiled_wrt which,
                         int *n_results)
{
    bp_val in[CASE_MAX_IN], out[BP__MAX_OUT], dy[BP__MAX_OUT];
    bp_val y[BP__MAX_OUT], wrt[CASE_MAX_IN], adj[CASE_MAX_IN];
    int n_out, n_y = 0, n_wrt = 0, n = 0;
    char name[16];
    bp_graph *g = case_graph(d, in, out, &n_out);
    if (!g)
        return NULL;
    uint64_t seed = 77;
    for (int i = 0; i < n_out; i++) {
        bp__type t = *bp__type_of(g, out[i]);
        snprintf(name, sizeof name, "y%d", i);
        bp_output(g, name, out[i]);
        n++;
        if (t.dtype != BP_F32)
            continue;
        size_t numel = (size_t)bp__numel(&t);
        float *c = malloc((numel + 1) * sizeof *c);
        for (size_t k = 0; k < numel; k++)
            c[k] = (float)t_uniform(&seed, -1, 1);
        dy[n_y] = bp_const(g, BP_F32, t.rank, t.dims, c);
        if (t.varying)
            dy[n_y] = bp_spread(g, dy[n_y]);
        y[n_y++] = out[i];
        free(c);
    }
    int n_in = which == COMPILED_VALUES  ? 0
               : which == COMPILED_FIRST ? 1
                                         : d->c->n_in;
    for (int i = 0; i < n_in; i++)
        if (case_is_float(d, i) && case_differentiable(d, i))
            wrt[n_wrt++] = in[i];
    if (n_y && n_wrt)
        bp_vjp(g, y, dy, (size_t)n_y, wrt, (size_t)n_wrt, adj);
    for (int i = 0; n_y && i < n_wrt; i++)
        if (!bp_is_nil(adj[i])) {
            snprintf(name, sizeof name, "d%d", i);
            bp_output(g, name, adj[i]);
            n++;
        }
    *n_results = n;
    return g;
}

static void take(compiled_result *r, const bp_graph *g, size_t i,
                 const void *data)
{
    const bp__type *t = &g->values[g->outputs[i].value].type;
    r->dtype[i] = t->dtype;
    r->size[i] = bp__type_bytes(t);
    r->data[i] = malloc(r->size[i] + 1);
    if (data)
        memcpy(r->data[i], data, r->size[i]);
    T_CHECK(data != NULL || r->size[i] == 0);
}

void compiled_drop(compiled_result *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->data[i]);
    r->n = 0;
}

bool compiled_run(const case_data *d, const bp_graph *g,
                  const compiled_how *how, compiled_result *r)
{
    bp_error err = {BP_OK, ""};
    bp_runtime *rt;
    bp_program *p;
    bp_runtime_options ro = {.size = sizeof ro, .threads = how->threads,
                             .level = how->level};
    T_OK(bp_runtime_new(&ro, &rt, &err), &err);
    if (how->cpu)
        rt->cpu = how->cpu;
    bp_compile_options o = {.size = sizeof o, .no_pass = how->no_pass,
                            .no_kernel = how->no_kernel};
    T_OK(bp_compile(rt, &g, 1, &o, &p, &err), &err);
    T_OK(bp__lowered_verify(p->l, &err), &err);
    T_OK(bp__plan_verify(p->plan, p->l, &err), &err);
    for (size_t c = 0; how->meet && c < p->l->n_calls; c++)
        how->meet(p->l->calls[c].kernel);
    for (int i = 0; i < d->c->n_in; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        T_OK(bp_bind(p, name, d->in[i], bp__type_bytes(&d->type[i]), &err),
             &err);
    }
    bp_status s = bp_run(p, &err);
    r->n = 0;
    if (s == BP_OK) {
        r->n = g->n_outputs;
        for (size_t i = 0; i < r->n; i++)
            take(r, g, i, bp_result(p, g->outputs[i].name, NULL));
    }
    bp_program_free(p);
    bp_runtime_free(rt);
    return s == BP_OK;
}

bool compiled_interpret(const case_data *d, const bp_graph *g,
                        compiled_result *r)
{
    bp_error err = {BP_OK, ""};
    eval *e = eval_new(g, &err);
    T_REQUIRE(e != NULL);
    for (int i = 0; i < d->c->n_in; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        T_CHECK(eval_bind(e, name, d->in[i]));
    }
    T_CHECK(eval_run(e));
    bool ok = eval_faults(e) == 0;
    r->signs = !d->def->define;
    r->n = g->n_outputs;
    for (size_t i = 0; i < r->n; i++)
        take(r, g, i, eval_output(e, g->outputs[i].name, NULL));
    eval_free(e);
    return ok;
}

bool compiled_same_bits(const compiled_result *a, const compiled_result *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (memcmp(a->data[i], b->data[i], a->size[i]) != 0)
            return false;
    return a->n == b->n;
}

bool compiled_agrees(const compiled_result *a, const compiled_result *b,
                     char *why)
{
    snprintf(why, COMPILED_WHY, "%zu results for %zu", b->n, a->n);
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (a->dtype[i] != BP_F32) {
            if (memcmp(a->data[i], b->data[i], a->size[i]) == 0)
                continue;
            snprintf(why, COMPILED_WHY, "result %zu differs", i);
            return false;
        }
        const float *x = a->data[i], *y = b->data[i];
        double scale = 0, worst = 0;
        for (size_t k = 0; k < a->size[i] / 4; k++) {
            if (a->signs && x[k] == y[k] &&
                !signbit(x[k]) != !signbit(y[k])) {
                snprintf(why, COMPILED_WHY, "result %zu: a zero's sign", i);
                return false;
            }
            if (x[k] == y[k] || (x[k] != x[k] && y[k] != y[k]))
                continue;
            scale = fabs(x[k]) > scale ? fabs(x[k]) : scale;
            double e = fabs((double)x[k] - y[k]);
            worst = !(e <= worst) ? e : worst;
        }
        if (worst <= 2e-5 * (scale > 1e-3 ? scale : 1e-3))
            continue;
        snprintf(why, COMPILED_WHY, "result %zu is off by %g of %g", i, worst,
                 scale);
        return false;
    }
    return a->n == b->n;
}


/* Shapes that the table's cases are too small for. */
static const bp__conv_attrs same_conv = {
    .stride_h = 1, .stride_w = 1, .pad_top = 1, .pad_bottom = 1,
    .pad_left = 1, .pad_right = 1, .dil_h = 1, .dil_w = 1, .groups = 1};
static const bp__axes_attrs every_axis = {{1, {0}}, false};
static const bp__matmul_attrs product = {false, false};
/* Where neither is larger, the second operand is the result: seen by a zero's
 * sign. */
#define ZEROS {BP_F32, 1, {37}, 0, 0, 0, {0}, false}
static const bp__case large[] = {
    {.attrs = &same_conv, .n_in = 2,
     .in = {{BP_F32, 4, {3, 33, 13, 14}, -1, 1, 0, {0}, false},
            {BP_F32, 4, {20, 33, 3, 3}, -1, 1, 0, {0}, false}}},
    {.attrs = &same_conv, .n_in = 2, /* x and dy have one shape */
     .in = {{BP_F32, 4, {2, 5, 6, 7}, -1, 1, 0, {0}, false},
            {BP_F32, 4, {5, 5, 3, 3}, -1, 1, 0, {0}, false}}},
    {.attrs = &product, .n_in = 2, /* square */
     .in = {{BP_F32, 2, {19, 19}, -1, 1, 0, {0}, false},
            {BP_F32, 2, {19, 19}, -1, 1, 0, {0}, false}}},
    {.attrs = &every_axis, .n_in = 1, /* in parts */
     .in = {{BP_F32, 1, {70001}, -1, 1, 0, {0}, false}}},
    {.n_in = 2, .in = {ZEROS, ZEROS}},
    {.n_in = 2, .in = {ZEROS, ZEROS}},
};
static const bp__op large_op[] = {BP__OP_conv2d, BP__OP_conv2d, BP__OP_matmul,
                                  BP__OP_sum, BP__OP_maximum, BP__OP_minimum};

bool compiled_large(int i, case_data *d)
{
    if (i >= (int)(sizeof large / sizeof *large))
        return false;
    uint64_t seed = 9;
    *d = (case_data){.op = large_op[i], .def = bp__ops[large_op[i]],
                     .c = &large[i], .index = 100 + i};
    for (int k = 0; k < large[i].n_in; k++) {
        const bp__tin *t = &large[i].in[k];
        d->type[k] = bp__make_type(BP_F32, t->rank, t->dims);
        d->in[k] = malloc(bp__type_bytes(&d->type[k]));
        case_fill(t, &d->type[k], &seed, d->in[k]);
        float *x = d->in[k];
        for (int64_t j = 0; t->lo == t->hi && j < t->dims[0]; j++)
            x[j] = (j >> k & 1) ? -0.0f : 0.0f;
    }
    return true;
}
