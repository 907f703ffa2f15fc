/* Activations far out, in f32 and f64: no NaN and no infinity where the true
 * value, slope or curvature is finite; a NaN stays one; arguments that are
 * refused. */
#include "eval.h"

typedef bp_val (*unary)(bp_graph *g, bp_val x);

static bp_val elu(bp_graph *g, bp_val x)
{
    return bp_elu(g, x, 1.5);
}
static bp_val celu(bp_graph *g, bp_val x)
{
    return bp_celu(g, x, 0.5);
}
static bp_val softplus(bp_graph *g, bp_val x)
{
    return bp_softplus(g, x, 1, 20);
}
/* Where the threshold never helps. */
static bp_val softplus_pure(bp_graph *g, bp_val x)
{
    return bp_softplus(g, x, 1, 1e38);
}
static bp_val hard_tanh(bp_graph *g, bp_val x)
{
    return bp_hard_tanh(g, x, -2, 3);
}

/* far(x): what the function tends to on each side, as a factor of x and a
 * constant. */
static const struct {
    const char *name;
    unary f;
    double factor_low, low, factor_high, high;
} functions[] = {
    {"elu", elu, 0, -1.5, 1, 0},
    {"selu", bp_selu, 0, -1.0507009873554805 * 1.6732632423543772,
     1.0507009873554805, 0},
    {"celu", celu, 0, -0.5, 1, 0},
    {"silu", bp_silu, 0, 0, 1, 0},
    {"mish", bp_mish, 0, 0, 1, 0},
    {"softplus", softplus, 0, 0, 1, 0},
    {"softplus, pure", softplus_pure, 0, 0, 1, 0},
    {"softsign", bp_softsign, 0, -1, 0, 1},
    {"hard_sigmoid", bp_hard_sigmoid, 0, 0, 0, 1},
    {"hard_swish", bp_hard_swish, 0, 0, 1, 0},
    {"hard_tanh", hard_tanh, 0, -2, 0, 3},
};

enum { N = 17, N_FAR = 12 };
static const double points[N] = {
    -1e30, -1e6, -1000, -200, -120, -104, 104, 120, 200, 1000, 1e6, 1e30,
    -20, -1e-30, 0, 1e-30, 20};

/* y, its slope d, and the derivative of that, at all points. 0 x is added to d,
 * since where d is a constant there is no path to x. */
static eval run(unary f, bp_dtype dtype, const void *x)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", dtype, EVAL_DIMS(N)), d, d2;
    bp_val y = f(g, v);
    bp_grad(g, bp_sum(g, y, 0, NULL, false), &v, 1, &d);
    bp_val path = bp_add(g, d, bp_mul_scalar(g, v, 0));
    bp_grad(g, bp_sum(g, path, 0, NULL, false), &v, 1, &d2);
    bp_output(g, "y", y);
    bp_output(g, "d", d);
    bp_output(g, "d2", d2);
    eval e = eval_graph(g, &(eval_in){"x", x}, 1);
    bp_graph_free(g);
    return e;
}

static void check(size_t k, bp_dtype dtype)
{
    float x32[N];
    for (int i = 0; i < N; i++)
        x32[i] = (float)points[i];
    const void *x = dtype == BP_F32 ? (const void *)x32 : points;
    eval e = run(functions[k].f, dtype, x);
    const void *y = eval_out(&e, "y"), *d = eval_out(&e, "d");
    const void *d2 = eval_out(&e, "d2");
    double eps = dtype == BP_F32 ? 1e-6 : 1e-14;
    for (size_t i = 0; i < N; i++) {
        const char *name = functions[k].name;
        double at = eval_at(x, dtype, i), v = eval_at(y, dtype, i);
        double slope = eval_at(d, dtype, i);
        T_CHECKF(isfinite(v) && isfinite(slope) &&
                     isfinite(eval_at(d2, dtype, i)),
                 "%s at %g: %g, %g, %g", name, at, v, slope,
                 eval_at(d2, dtype, i));
        if (i >= N_FAR)
            continue;
        double by = at < 0 ? functions[k].factor_low
                           : functions[k].factor_high;
        double want = by * at + (at < 0 ? functions[k].low
                                        : functions[k].high);
        /* The tail of softsign is 1 / x. */
        double tail = k == 7 ? 1.01 / fabs(at) : 0;
        T_CHECKF(fabs(v - want) <= eps * fmax(1, fabs(want)) + tail,
                 "%s at %g: %g, not %g", name, at, v, want);
        T_CHECKF(fabs(slope - by) <= eps + tail, "%s at %g: slope %g", name,
                 at, slope);
    }
    eval_free(&e);
}

static void test_nan(size_t k)
{
    double x[N];
    for (int i = 0; i < N; i++)
        x[i] = i % 2 ? points[i] : NAN;
    eval e = run(functions[k].f, BP_F64, x);
    for (size_t i = 0; i < N; i++)
        T_CHECKF(isnan(eval_at(eval_out(&e, "y"), BP_F64, i)) == !(i % 2),
                 "%s at %g", functions[k].name, x[i]);
    eval_free(&e);
}

static bp_graph *refused(int which)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val x = bp_input(g, "x", which ? BP_F32 : BP_I32, EVAL_DIMS(2, 3));
    switch (which) {
    case 1:
        bp_celu(g, x, 0);
        break;
    case 2:
        bp_softplus(g, x, -1, 20);
        break;
    case 3:
        bp_hard_tanh(g, x, 1, 1);
        break;
    default:
        bp_mish(g, x);
    }
    return g;
}

int main(void)
{
    for (size_t k = 0; k < BP__ARRAY_LEN(functions); k++) {
        check(k, BP_F32);
        check(k, BP_F64);
        test_nan(k);
    }
    EVAL_FAILS(refused(0), BP_EDTYPE, "mish", "i32[2,3]");
    EVAL_FAILS(refused(1), BP_EARG, "celu", "alpha is 0");
    EVAL_FAILS(refused(2), BP_EARG, "softplus", "beta is -1");
    EVAL_FAILS(refused(3), BP_EARG, "hard_tanh", "low 1", "high 1");
    return t_end();
}
