/* Every op of the table through the compiler, values and gradients, in f32:
 * with the fast kernels against the interpreter over the reference kernels
 * (within 2e-5 of the tensor's largest value: sums are ordered otherwise, and
 * elementary functions round otherwise), to the bit between levels, numbers of
 * threads and passes, and to the bit against the interpreter where all
 * kernels are off. Every fast kernel that the lowering knows is met. */
#include "op/cases.h"
#include "op/eval.h"
#include "t.h"

#include "exec/exec.h"

#include "op/attrs.h"

#include <bprop/ops.h>

enum { MAX_RESULTS = 12 };

typedef struct result {
    size_t n, bytes;
    int dtype[MAX_RESULTS];
    void *data[MAX_RESULTS];
    size_t size[MAX_RESULTS];
} result;

static char met[200][40];
static int n_met;

static void meet(const bp_program *p)
{
    for (size_t c = 0; c < p->l->n_calls; c++) {
        const char *name = p->l->calls[c].kernel;
        int i = 0;
        while (i < n_met && strcmp(met[i], name) != 0)
            i++;
        if (i == n_met && n_met < 200)
            snprintf(met[n_met++], sizeof met[0], "%s", name);
    }
}

static bool was_met(const char *name)
{
    for (int i = 0; i < n_met; i++)
        if (strncmp(met[i], name, strlen(name)) == 0)
            return true;
    return false;
}

/* The case with the adjoints of its float inputs, all of them outputs. */
static bp_graph *build(const case_data *d, int *n_results)
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
    for (int i = 0; i < d->c->n_in; i++)
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

static void keep(result *r, const bp_graph *g, size_t i, const void *data)
{
    const bp__type *t = &g->values[g->outputs[i].value].type;
    r->dtype[i] = t->dtype;
    r->size[i] = bp__type_bytes(t);
    r->data[i] = malloc(r->size[i] + 1);
    if (data)
        memcpy(r->data[i], data, r->size[i]);
    T_CHECK(data != NULL || r->size[i] == 0);
}

static void drop(result *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->data[i]);
    r->n = 0;
}

static bool run(const case_data *d, const bp_graph *g, int threads, int level,
                const char *no_pass, const char *no_kernel, result *r)
{
    bp_error err = {BP_OK, ""};
    bp_runtime *rt;
    bp_program *p;
    bp_runtime_options ro = {.size = sizeof ro, .threads = threads,
                             .level = (bp_level)level};
    T_OK(bp_runtime_new(&ro, &rt, &err), &err);
    bp_compile_options o = {.size = sizeof o, .no_pass = no_pass,
                            .no_kernel = no_kernel};
    T_OK(bp_compile(rt, &g, 1, &o, &p, &err), &err);
    T_OK(bp__lowered_verify(p->l, &err), &err);
    T_OK(bp__plan_verify(p->plan, p->l, &err), &err);
    meet(p);
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
            keep(r, g, i, bp_result(p, g->outputs[i].name, NULL));
    }
    bp_program_free(p);
    bp_runtime_free(rt);
    return s == BP_OK;
}

static bool interpret(const case_data *d, const bp_graph *g, result *r)
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
    r->n = g->n_outputs;
    for (size_t i = 0; i < r->n; i++)
        keep(r, g, i, eval_output(e, g->outputs[i].name, NULL));
    eval_free(e);
    return ok;
}

static bool same_bits(const result *a, const result *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (memcmp(a->data[i], b->data[i], a->size[i]) != 0)
            return false;
    return a->n == b->n;
}

/* Floats within the bound, everything else equal. */
static void compare(const char *what, const result *a, const result *b)
{
    T_CHECKF(a->n == b->n, "%s: results", what);
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (a->dtype[i] != BP_F32) {
            T_CHECKF(memcmp(a->data[i], b->data[i], a->size[i]) == 0,
                     "%s: result %zu", what, i);
            continue;
        }
        const float *x = a->data[i], *y = b->data[i];
        double scale = 0, worst = 0;
        for (size_t k = 0; k < a->size[i] / 4; k++) {
            if (x[k] == y[k] || (x[k] != x[k] && y[k] != y[k]))
                continue;
            scale = fabs(x[k]) > scale ? fabs(x[k]) : scale;
            double e = fabs((double)x[k] - y[k]);
            worst = !(e <= worst) ? e : worst;
        }
        T_CHECKF(worst <= 2e-5 * (scale > 1e-3 ? scale : 1e-3),
                 "%s: result %zu is off by %g of %g", what, i, worst, scale);
    }
}

static void check_case(const case_data *d)
{
    char text[120];
    int n;
    result want, got, other;
    case_text(d, text);
    bp_graph *g = build(d, &n);
    if (!g)
        return;
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s: %s", text, bp_graph_error(g));
    if (bp_graph_status(g) != BP_OK || n > MAX_RESULTS) {
        bp_graph_free(g);
        return;
    }
    bool sound = interpret(d, g, &want);
    bool ran = run(d, g, 1, BP_LEVEL_AUTO, NULL, NULL, &got);
    /* A case with an index out of range, or a result that is not finite, is
     * refused as a whole; values are other tests' concern then. */
    if (sound && ran) {
        compare(text, &want, &got);
        for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
            if (!bp_level_available((bp_level)l))
                continue;
            T_CHECK(run(d, g, l % 3 + 1, l, NULL, NULL, &other));
            T_CHECKF(same_bits(&got, &other), "%s: bits at level %s", text,
                     bp_level_name((bp_level)l));
            drop(&other);
        }
        T_CHECK(run(d, g, 2, BP_LEVEL_AUTO, "all", NULL, &other));
        T_CHECKF(same_bits(&got, &other), "%s: bits without passes", text);
        drop(&other);
        T_CHECK(run(d, g, 1, BP_LEVEL_AUTO, NULL, "all", &other));
        T_CHECKF(same_bits(&want, &other), "%s: bits without kernels", text);
        drop(&other);
    }
    drop(&want);
    drop(&got);
    bp_graph_free(g);
}

/* Shapes that the table's cases are too small for. */
static void check_large(void)
{
    static const bp__conv_attrs conv = {.stride_h = 1, .stride_w = 1,
                                        .pad_top = 1, .pad_bottom = 1,
                                        .pad_left = 1, .pad_right = 1,
                                        .dil_h = 1, .dil_w = 1, .groups = 1};
    static const bp__case cases[] = {
        {.attrs = &conv, .n_in = 2,
         .in = {{BP_F32, 4, {3, 33, 13, 14}, -1, 1, 0, {0}, false},
                {BP_F32, 4, {20, 33, 3, 3}, -1, 1, 0, {0}, false}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        case_data d = {.op = BP__OP_conv2d, .def = &bp__op_conv2d,
                       .c = &cases[i], .index = 100 + (int)i};
        uint64_t seed = 9;
        for (int k = 0; k < cases[i].n_in; k++) {
            const bp__tin *t = &cases[i].in[k];
            d.type[k] = bp__make_type(BP_F32, t->rank, t->dims);
            d.in[k] = malloc(bp__type_bytes(&d.type[k]));
            case_fill(t, &d.type[k], &seed, d.in[k]);
        }
        check_case(&d);
        case_free(&d);
    }
}

int main(void)
{
    check_large();
    for (int op = 1; op < BP__N_OPS; op++) {
        if (bp__ops[op]->flags & BP__LEAF)
            continue;
        for (int i = 0; i < bp__ops[op]->n_cases; i++) {
            case_data d;
            case_draw(&d, (bp__op)op, i, BP_F32, 5);
            check_case(&d);
            case_free(&d);
        }
    }
    for (int op = 1; op < BP__N_OPS; op++)
        for (int back = 0; back < 2; back++) {
            const bp__kernel *const *k = bp__kernels_of_op((bp__op)op, back);
            for (; k && *k; k++)
                T_CHECKF(was_met((*k)->name), "kernel %s was not met",
                         (*k)->name);
        }
    T_CHECK(was_met("chain"));
    return t_end();
}
