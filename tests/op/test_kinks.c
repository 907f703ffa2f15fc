/* Gradients where there is no derivative: the values that the rules promise.
 * (Everywhere else central differences are the judge, see test_grad.c.) */
#include "op/eval.h"
#include "t.h"

#include <bprop/ops.h>

enum { MAX = 6 };

typedef bp_val (*build_fn)(bp_graph *g, const bp_val *x);

static bp_val make_relu(bp_graph *g, const bp_val *x)
{
    return bp_relu(g, x[0]);
}

static bp_val make_abs(bp_graph *g, const bp_val *x)
{
    return bp_abs(g, x[0]);
}

static bp_val make_maximum(bp_graph *g, const bp_val *x)
{
    return bp_maximum(g, x[0], x[1]);
}

static bp_val make_minimum(bp_graph *g, const bp_val *x)
{
    return bp_minimum(g, x[0], x[1]);
}

static bp_val make_amax(bp_graph *g, const bp_val *x)
{
    return bp_amax(g, x[0], 0, NULL, false);
}

static bp_val make_amin(bp_graph *g, const bp_val *x)
{
    return bp_amin(g, x[0], 0, NULL, true);
}

/* The cotangent is 2 everywhere. */
static const struct {
    const char *name;
    build_fn build;
    int n_in, n;
    double x[2][MAX], dx[2][MAX];
} points[] = {
    {"relu", make_relu, 1, 4, {{0, -0.0, 1, -1}}, {{0, 0, 2, 0}}},
    {"abs", make_abs, 1, 4, {{0, -0.0, 3, -3}}, {{0, 0, 2, -2}}},
    {"maximum", make_maximum, 2, 3, {{1, 2, 0}, {1, 1, -0.0}},
     {{1, 2, 1}, {1, 0, 1}}},
    {"minimum", make_minimum, 2, 3, {{1, 2, 0}, {1, 1, -0.0}},
     {{1, 0, 1}, {1, 2, 1}}},
    {"amax", make_amax, 1, 4, {{3, 1, 3, 2}}, {{1, 0, 1, 0}}},
    {"amin", make_amin, 1, 4, {{-1, -1, -1, -1}}, {{.5, .5, .5, .5}}},
};

static void check_point(size_t p)
{
    bp_error err = {0};
    bp_val in[2], adj[2], y, dy;
    static const char *const names[] = {"x0", "x1"}, *const grads[] = {"g0",
                                                                       "g1"};
    bp_graph *g = bp_graph_new(NULL);
    int64_t n = points[p].n;
    for (int i = 0; i < points[p].n_in; i++)
        in[i] = bp_input(g, names[i], BP_F64, 1, &n);
    y = points[p].build(g, in);
    dy = bp_full(g, BP_F64, bp_val_rank(g, y), bp__type_of(g, y)->dims, 2);
    bp_vjp(g, &y, &dy, 1, in, (size_t)points[p].n_in, adj);
    for (int i = 0; i < points[p].n_in; i++)
        bp_output(g, grads[i], adj[i]);
    eval *e = eval_new(g, &err);
    if (T_CHECKF(e, "%s: %s", points[p].name, err.message)) {
        for (int i = 0; i < points[p].n_in; i++)
            eval_bind(e, names[i], points[p].x[i]);
        T_CHECK(eval_run(e));
        for (int i = 0; i < points[p].n_in; i++) {
            const double *dx = eval_output(e, grads[i], NULL);
            for (int64_t k = 0; k < n; k++)
                T_CHECKF(dx[k] == points[p].dx[i][k],
                         "%s: adjoint of operand %d at %g is %g, not %g",
                         points[p].name, i, points[p].x[i][k], dx[k],
                         points[p].dx[i][k]);
        }
        eval_free(e);
    }
    bp_graph_free(g);
}

int main(void)
{
    for (size_t p = 0; p < BP__ARRAY_LEN(points); p++)
        check_point(p);
    return t_end();
}
