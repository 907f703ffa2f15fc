/* softmax, log_softmax, logsumexp: values in both types, huge logits,
 * infinities, NaN, gradients, messages. */
#include "eval.h"

static void values(bp_dtype t)
{
    uint64_t state = 21;
    void *x = eval_random(&state, t, 60, -30, 30);
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", t, EVAL_DIMS(3, 4, 5));
    bp_output(g, "s", bp_softmax(g, v, 1));
    bp_output(g, "l", bp_log_softmax(g, v, -2));
    bp_output(g, "e", bp_logsumexp(g, v, 1, false));
    bp_val kept = bp_logsumexp(g, v, 1, true);
    T_CHECK(bp_val_rank(g, kept) == 3 && bp_val_dim(g, kept, 1) == 1);
    eval e = eval_graph(g, &(eval_in){"x", x}, 1);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++) {
            size_t at = (size_t)(i * 20 + j);
            long double most = -1e300L, sum = 0;
            for (size_t k = 0; k < 4; k++)
                most = fmaxl(most, eval_at(x, t, at + 5 * k));
            for (size_t k = 0; k < 4; k++)
                sum += expl(eval_at(x, t, at + 5 * k) - most);
            double lse = (double)(most + logl(sum));
            T_NEAR(eval_at(eval_out(&e, "e"), t, (size_t)(i * 5 + j)), lse,
                   eval_tol(t, lse, 8));
            for (size_t k = 0; k < 4; k++) {
                size_t q = at + 5 * k;
                double l = (double)(eval_at(x, t, q) - most - logl(sum));
                T_NEAR(eval_at(eval_out(&e, "l"), t, q), l, eval_tol(t, l, 8));
                T_NEAR(eval_at(eval_out(&e, "s"), t, q), exp(l),
                       eval_tol(t, 0, 32));
            }
        }
    eval_free(&e);
    bp_graph_free(g);
    free(x);
}

static void special(void)
{
    const float inf = INFINITY;
    const float x[5][3] = {{-inf, -inf, -inf}, {3e38f, -3e38f, 3e38f},
                           {-inf, 1, 1}, {inf, 0, 0}, {0, NAN, 0}};
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F32, EVAL_DIMS(5, 3));
    bp_output(g, "e", bp_logsumexp(g, v, 1, false));
    bp_output(g, "s", bp_softmax(g, v, 1));
    bp_output(g, "l", bp_log_softmax(g, v, 1));
    eval r = eval_graph(g, &(eval_in){"x", x}, 1);
    const float *e = eval_out(&r, "e"), *s = eval_out(&r, "s");
    const float *l = eval_out(&r, "l");
    T_CHECK(e[0] == -inf && e[1] == 3e38f && e[3] == inf && isnan(e[4]));
    T_NEAR(e[2], 1 + log(2), 1e-6);
    T_CHECK(s[3] == 0.5f && s[4] == 0 && s[5] == 0.5f);
    T_CHECK(s[6] == 0 && s[7] == 0.5f && l[6] == -inf);
    T_CHECK(isnan(s[12]) && isnan(s[13]) && isnan(l[14]));
    eval_free(&r);
    bp_graph_free(g);
}

/* d logsumexp = softmax, at large logits too. */
static void gradient(void)
{
    const double x[4] = {1000, 999, -1000, 998};
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F64, EVAL_DIMS(4)), d;
    bp_grad(g, bp_logsumexp(g, v, 0, false), &v, 1, &d);
    bp_output(g, "d", d);
    bp_output(g, "s", bp_softmax(g, v, 0));
    eval e = eval_graph(g, &(eval_in){"x", x}, 1);
    for (size_t i = 0; i < 4; i++)
        T_NEAR(eval_at(eval_out(&e, "d"), BP_F64, i),
               eval_at(eval_out(&e, "s"), BP_F64, i), 1e-15);
    eval_free(&e);
    bp_graph_free(g);
}

static bp_graph *softmax_of(bp_dtype t, int rank, const int64_t *d,
                            int64_t axis, bool batch)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val x = batch ? bp_batch_input(g, "x", t, rank, d)
                     : bp_input(g, "x", t, rank, d);
    bp_softmax(g, x, axis);
    return g;
}

static void messages(void)
{
    EVAL_FAILS(softmax_of(BP_F32, EVAL_DIMS(2, 3), 2, false), BP_EARG,
               "f32[2,3]", "axis 2");
    EVAL_FAILS(softmax_of(BP_F32, EVAL_DIMS(2, 3), -3, false), BP_EARG,
               "axis -3");
    EVAL_FAILS(softmax_of(BP_F32, EVAL_DIMS(2, 0), 1, false), BP_ESHAPE,
               "f32[2,0]", "no elements");
    EVAL_FAILS(softmax_of(BP_I32, EVAL_DIMS(2, 3), 1, false), BP_EDTYPE,
               "i32[2,3]");
    EVAL_FAILS(softmax_of(BP_F32, EVAL_DIMS(2, 3), 0, true), BP_EARG,
               "~f32[2,3]", "samples");
}

int main(void)
{
    values(BP_F32);
    values(BP_F64);
    special();
    gradient();
    messages();
    return t_end();
}
