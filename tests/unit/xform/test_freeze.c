/* Frozen choices: at the point where they were taken, the frozen graph has
 * the value and the gradient of the graph itself; elsewhere it keeps the
 * choices. */
#include "t.h"

#include "xform/xform.h"

#include <bprop/ops.h>

enum { N = 12 };

/* One of each kind of choice over x f64[N]; nothing else is kinked. */
static bp_val build(bp_graph *g, int which, bp_val x)
{
    int64_t dims[4] = {1, 1, 3, 4}, axis = 0;
    bp_pool2d_options pool = {.kernel = {2, 2}, .stride = {1, 1}};
    bp_val c = bp_scalar(g, BP_F64, 0.25), k;
    switch (which) {
    case 0:
        return bp_relu(g, x);
    case 1:
        return bp_abs(g, x);
    case 2:
        return bp_maximum(g, bp_square(g, x), c);
    case 3:
        return bp_minimum(g, bp_mul_scalar(g, x, 3), c);
    case 4:
        return bp_amax(g, bp_square(g, x), 1, &axis, false);
    case 5:
        return bp_amin(g, x, 1, &axis, true);
    case 6:
        return bp_max_pool2d(g, bp_reshape(g, x, 4, dims), &pool);
    case 7:
        return bp_mul(g, x, bp_sign(g, x));
    case 8:
        return bp_mul(g, x, bp_floor(g, bp_mul_scalar(g, x, 3)));
    case 9:
        return bp_select(g, bp_gt(g, x, c), bp_square(g, x), x);
    case 10:
        k = bp_argmax(g, x, 0);
        return bp_mul(g, x, bp_gather(g, x, k, 0));
    default:
        return bp_mul(g, x, bp_stop_gradient(g, bp_square(g, x)));
    }
}
enum { N_CASES = 12 };

/* Outputs "y" (a scalar) and "dx". */
static void add_outputs(bp_graph *g, bp_val x)
{
    bp_val y = bp__val(g, g->outputs[0].value), dx;
    T_CHECKF(!bp_grad(g, y, &x, 1, &dx), "%s", bp_graph_error(g));
    bp_output(g, "dx", dx);
}

static bp_program *compile(bp_runtime *r, const bp_graph *g)
{
    bp_program *p = NULL;
    bp_error err = {0};
    const bp_graph *one[] = {g};
    T_OK(bp_compile(r, one, 1, NULL, &p, &err), &err);
    return p;
}

static double result(const bp_program *p, const char *name, int i)
{
    size_t bytes = 0;
    const double *v = bp_result(p, name, &bytes);
    T_REQUIRE(v && bytes >= (size_t)(i + 1) * sizeof *v);
    return v[i];
}

static bp_val find_input(const bp_graph *g, const char *name)
{
    for (size_t k = 0; k < g->n_nodes; k++)
        if (g->nodes[k].op == BP__OP_input &&
            !strcmp(((const bp__input_attrs *)g->nodes[k].attrs)->name, name))
            return bp__val(g, g->nodes[k].out);
    return BP_NIL;
}

static void run(bp_program *p, const double *x)
{
    bp_error err = {0};
    T_OK(bp_bind(p, "x", x, N * sizeof *x, &err), &err);
    T_OK(bp_run(p, &err), &err);
}

static void test_case(bp_runtime *r, int which)
{
    double x[N], moved[N], y0, dx0[N];
    uint64_t seed = 17;
    int64_t dims[1] = {N};
    size_t n, m;
    char *kept[8];
    bp_error err = {0};
    for (int i = 0; i < N; i++)
        x[i] = t_uniform(&seed, -1, 1);
    bp_graph *g = bp_graph_new(NULL);
    bp_val in = bp_input(g, "x", BP_F64, 1, dims);
    bp_val w = bp_sin(g, bp_iota(g, BP_F64, 1, dims, 0));
    bp_val y = build(g, which, bp_mul(g, in, bp_add_scalar(g, w, 2)));
    y = bp_add(g, bp_square(g, y), y); /* |y| and y must not look alike */
    bp_output(g, "y", bp_sum(g, y, 0, NULL, false));
    bp_graph *probe = bp__pass_freeze(g, BP__FREEZE_PROBE, true, &n);
    bp_graph *frozen = bp__pass_freeze(g, BP__FREEZE_FROZEN, true, &m);
    T_CHECKF(n == m && n >= 1 && n <= 8, "case %d: %zu choices", which, n);
    T_CHECK(bp_graph_verify(probe, &err) == BP_OK);
    T_CHECK(bp_graph_verify(frozen, &err) == BP_OK);
    add_outputs(g, in);
    add_outputs(frozen, find_input(frozen, "x"));
    bp_program *live = compile(r, g), *p = compile(r, probe);
    bp_program *f = compile(r, frozen);
    run(live, x);
    y0 = result(live, "y", 0);
    for (int i = 0; i < N; i++)
        dx0[i] = result(live, "dx", i);
    run(p, x);
    T_NEAR(result(p, "y", 0), y0, 0);
    for (size_t i = 0; i < n; i++) {
        char name[20];
        size_t bytes;
        snprintf(name, sizeof name, "choice.%zu", i);
        const void *v = bp_result(p, name, &bytes);
        T_REQUIRE(v && (kept[i] = malloc(bytes + 1)));
        memcpy(kept[i], v, bytes);
        T_OK(bp_bind(f, name, kept[i], bytes, &err), &err);
    }
    run(f, x);
    T_NEAR(result(f, "y", 0), y0, 1e-12 * fabs(y0));
    for (int i = 0; i < N; i++)
        T_CHECKF(fabs(result(f, "dx", i) - dx0[i]) <= 1e-12 * (1 + fabs(y0)),
                 "case %d: dx[%d] = %g, frozen %g", which, i, dx0[i],
                 result(f, "dx", i));
    /* Elsewhere, with other choices, the two differ. */
    for (int i = 0; i < N; i++)
        moved[i] = -2 * x[N - 1 - i];
    run(live, moved);
    double y1 = result(live, "y", 0);
    run(f, moved);
    T_CHECKF(result(f, "y", 0) != y1, "case %d is not frozen", which);
    for (size_t i = 0; i < n; i++)
        free(kept[i]);
    bp_program_free(live);
    bp_program_free(p);
    bp_program_free(f);
    bp_graph_free(g);
    bp_graph_free(probe);
    bp_graph_free(frozen);
}

int main(void)
{
    bp_runtime *r = NULL;
    bp_error err = {0};
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    for (int i = 0; i < N_CASES; i++)
        test_case(r, i);
    bp_runtime_free(r);
    return t_end();
}
