/* The cross-entropies: values, exact gradients (at 0 and far out too), bad
 * labels, messages. */
#include "eval.h"

static void class_index(bp_dtype t)
{
    const int32_t label[6] = {0, 3, 2, 1, 1, 3};
    uint64_t state = 2;
    void *x = eval_random(&state, t, 24, -5, 5);
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", t, EVAL_DIMS(2, 3, 4)), d;
    bp_val y = bp_input(g, "t", BP_I32, EVAL_DIMS(2, 3));
    bp_val l = bp_softmax_cross_entropy(g, v, y);
    T_CHECK(bp_val_rank(g, l) == 2 && bp_val_dim(g, l, 1) == 3);
    bp_output(g, "l", l);
    bp_grad(g, bp_sum(g, l, 0, NULL, false), &v, 1, &d);
    bp_output(g, "d", d);
    bp_val hot = bp_one_hot(g, y, 4, t);
    bp_output(g, "h", bp_softmax_cross_entropy(g, v, hot));
    bp_output(g, "u", bp_softmax_cross_entropy(g, v, bp_cast(g, y, BP_U8)));
    eval e = eval_graph(g, (eval_in[]){{"x", x}, {"t", label}}, 2);
    T_CHECK(e.faults == 0);
    for (size_t r = 0; r < 6; r++) {
        long double sum = 0;
        for (size_t k = 0; k < 4; k++)
            sum += expl(eval_at(x, t, 4 * r + k));
        double want = (double)(logl(sum) -
                               eval_at(x, t, 4 * r + (size_t)label[r]));
        T_NEAR(eval_at(eval_out(&e, "l"), t, r), want, eval_tol(t, want, 16));
        T_NEAR(eval_at(eval_out(&e, "h"), t, r), want, eval_tol(t, want, 16));
        T_NEAR(eval_at(eval_out(&e, "u"), t, r), want, eval_tol(t, want, 16));
        for (size_t k = 0; k < 4; k++) {
            double p = (double)(expl(eval_at(x, t, 4 * r + k)) / sum);
            T_NEAR(eval_at(eval_out(&e, "d"), t, 4 * r + k),
                   p - ((size_t)label[r] == k), eval_tol(t, 1, 16));
        }
    }
    eval_free(&e);
    bp_graph_free(g);
    free(x);
}

/* Labels outside of [0, K) are counted, on either side, and never read a
 * neighbour's logits. */
static void bad_labels(void)
{
    const int32_t label[4] = {1, -1, 2, INT32_MIN};
    const float x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F32, EVAL_DIMS(4, 2));
    bp_val l = bp_softmax_cross_entropy(
        g, v, bp_input(g, "t", BP_I32, EVAL_DIMS(4)));
    bp_output(g, "l", l);
    eval e = eval_graph(g, (eval_in[]){{"x", x}, {"t", label}}, 2);
    T_CHECK(e.faults == 3);
    T_NEAR(eval_at(eval_out(&e, "l"), BP_F32, 0), log(1 + exp(-1)), 1e-6);
    eval_free(&e);
    bp_graph_free(g);
}

/* dl/dx = sigmoid(x) - t and d2l/dx2 = sigmoid' everywhere, at 0 as well. */
static void sigmoid_ce(void)
{
    enum { N = 9 };
    const double x[N] = {-800, -40, -1, -1e-9, 0, 1e-9, 1, 40, 800};
    const double t[N] = {0, 0, 0.3, 0.5, 0.25, 1.5, -1, 1, 1};
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F64, EVAL_DIMS(N)), d[2], d2;
    bp_val y = bp_input(g, "t", BP_F64, EVAL_DIMS(N)), in[2] = {v, y};
    bp_val l = bp_sigmoid_cross_entropy(g, v, y);
    bp_output(g, "l", l);
    bp_grad(g, bp_sum(g, l, 0, NULL, false), in, 2, d);
    bp_grad(g, bp_sum(g, d[0], 0, NULL, false), &v, 1, &d2);
    bp_output(g, "d", d[0]);
    bp_output(g, "dt", d[1]);
    bp_output(g, "d2", d2);
    eval e = eval_graph(g, (eval_in[]){{"x", x}, {"t", t}}, 2);
    for (size_t i = 0; i < N; i++) {
        double want = fmax(x[i], 0) - x[i] * t[i] + log1p(exp(-fabs(x[i])));
        double s = 1 / (1 + exp(-x[i]));
        T_NEAR(eval_at(eval_out(&e, "l"), BP_F64, i), want,
               1e-15 * fabs(want));
        T_NEAR(eval_at(eval_out(&e, "d"), BP_F64, i), s - t[i], 4e-16);
        T_NEAR(eval_at(eval_out(&e, "dt"), BP_F64, i), -x[i], 0);
        T_NEAR(eval_at(eval_out(&e, "d2"), BP_F64, i), s * (1 - s), 1e-15);
    }
    /* At -40 with target 0 the gradient is sigmoid(-40), to full precision. */
    T_NEAR(eval_at(eval_out(&e, "d"), BP_F64, 1), exp(-40), 1e-15 * exp(-40));
    eval_free(&e);
    bp_graph_free(g);
}

/* Logits that are their own target: both operands are one value. */
static void same_operand(void)
{
    const double x[3] = {0.5, -0.25, 2};
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F64, EVAL_DIMS(3)), d;
    bp_val l = bp_sigmoid_cross_entropy(g, v, v);
    bp_grad(g, bp_sum(g, l, 0, NULL, false), &v, 1, &d);
    bp_output(g, "d", d);
    eval e = eval_graph(g, &(eval_in){"x", x}, 1);
    for (size_t i = 0; i < 3; i++) /* l = softplus(x) - x^2 */
        T_NEAR(eval_at(eval_out(&e, "d"), BP_F64, i),
               1 / (1 + exp(-x[i])) - 2 * x[i], 1e-15);
    eval_free(&e);
    bp_graph_free(g);
}

static bp_graph *ce_of(bp_dtype tx, int rx, const int64_t *dx, bp_dtype tt,
                       int rt, const int64_t *dt, bool sigmoid)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val x = bp_input(g, "x", tx, rx, dx), t = bp_input(g, "t", tt, rt, dt);
    if (sigmoid)
        bp_sigmoid_cross_entropy(g, x, t);
    else
        bp_softmax_cross_entropy(g, x, t);
    return g;
}

static void messages(void)
{
    EVAL_FAILS(ce_of(BP_F32, EVAL_DIMS(4, 5), BP_I32, EVAL_DIMS(4, 5), false),
               BP_ESHAPE, "f32[4,5]", "i32[4,5]", "without the last axis");
    EVAL_FAILS(ce_of(BP_F32, EVAL_DIMS(4, 5), BP_F32, EVAL_DIMS(4), false),
               BP_ESHAPE, "f32[4,5]", "f32[4]", "distribution");
    EVAL_FAILS(ce_of(BP_F32, EVAL_DIMS(4, 5), BP_F64, EVAL_DIMS(4, 5), false),
               BP_EDTYPE, "f64[4,5]", "i32 or u8");
    EVAL_FAILS(ce_of(BP_F32, EVAL_DIMS(4, 5), BP_BOOL, EVAL_DIMS(4), false),
               BP_EDTYPE, "bool[4]");
    EVAL_FAILS(ce_of(BP_F32, EVAL_DIMS(4, 0), BP_I32, EVAL_DIMS(4), false),
               BP_ESHAPE, "f32[4,0]", "no classes");
    EVAL_FAILS(ce_of(BP_F32, EVAL_DIMS(4, 1), BP_F32, EVAL_DIMS(4), true),
               BP_ESHAPE, "f32[4,1]", "f32[4]", "one shape");
    EVAL_FAILS(ce_of(BP_F32, EVAL_DIMS(4), BP_I32, EVAL_DIMS(4), true),
               BP_EDTYPE, "i32[4]");
}

int main(void)
{
    class_index(BP_F32);
    class_index(BP_F64);
    bad_labels();
    sigmoid_ce();
    same_operand();
    messages();
    return t_end();
}
