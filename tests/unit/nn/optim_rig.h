/* What the tests of optimizers share: a function of five numbers with
 * different curvatures, and a program that minimizes it. */
#ifndef BP_TEST_NN_OPTIM_RIG_H
#define BP_TEST_NN_OPTIM_RIG_H

#include "rig.h"

enum { N = 5, STEPS = 1000 };

static const double curve[N] = {0.5, 1.0, 2.0, 0.1, 3.0};
static const double slope[N] = {1.0, -2.0, 0.5, 0.0, -0.25};

/* f = sum curve * w^2 + slope * w, so that df/dw = 2 * curve * w + slope. */
static inline bp_val objective(bp_nn *nn)
{
    bp_graph *g = bp_nn_graph(nn);
    const int64_t n = N;
    bp_val w = bp_nn_param(nn, "w", 1, &n, "normal(1)");
    bp_val a = bp_mul(g, bp_const(g, BP_F64, 1, &n, curve), bp_square(g, w));
    bp_val b = bp_mul(g, bp_const(g, BP_F64, 1, &n, slope), w);
    return bp_sum(g, bp_add(g, a, b), 0, NULL, false);
}

static inline bp_program *build(bp_runtime *r, bp_store *s,
                                const char *optimizer)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64, .training = true,
                       .seed = 3, .optimizer = optimizer};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val f = objective(nn), norm = BP_NIL;
    bp_nn_minimize(nn, f, optimizer, &norm);
    bp_output(g, "f", f);
    bp_output(g, "norm", norm);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bp_nn_free(nn);
    return rig_compile(r, g);
}

/* A rate that changes in every step t = 1, 2, ... */
static inline double moving_rate(int t)
{
    return 0.02 * (1 + cos(t * 0.01)) + 1e-4;
}

/* The larger one; NaN wins. */
static inline double worse(double a, double b)
{
    return b <= a ? a : b;
}

#endif
