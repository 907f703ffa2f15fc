/* Muon: the step of a matrix is its momentum with all singular values brought
 * near 1, by a few products; other parameters take AdamW's step. */
#include "nn/optimizer.h"

#include <bprop/ops.h>

#include <math.h>

/* Of the polynomial a x + b x^3 + c x^5, whose iterates bring every singular
 * value from (0, 1] to about 1 fast: steep at 0, not exact at 1. */
#define NS_A 3.4445
#define NS_B (-4.7750)
#define NS_C 2.0315

/* A matrix of a parameter's first axis by all others. */
static bp_val as_matrix(bp_graph *g, bp_val x, const bp__type *t)
{
    const int64_t dims[2] = {t->dims[0], -1};
    return t->rank == 2 ? x : bp_reshape(g, x, 2, dims);
}

/* The Newton-Schulz iteration: x (a I + b A + c A^2), A the smaller one of
 * x x' and x' x. */
static bp_val orthogonal(bp_graph *g, bp_val x, bool tall, int64_t steps)
{
    bp_val norm = bp_sqrt(g, bp_sum(g, bp_square(g, x), 0, NULL, false));
    x = bp_div(g, x, bp_add_scalar(g, norm, 1e-7));
    for (int64_t i = 0; i < steps; i++) {
        bp_val a = bp_matmul(g, x, x, tall, !tall);
        bp_val b = bp_mul_scalar(g, bp_matmul(g, a, a, false, false), NS_C);
        b = bp_add(g, bp_mul_scalar(g, a, NS_B), b);
        bp_val bx = tall ? bp_matmul(g, x, b, false, false)
                         : bp_matmul(g, b, x, false, false);
        x = bp_add(g, bp_mul_scalar(g, x, NS_A), bx);
    }
    return x;
}

/* m += (1 - momentum)(g - m); the direction is g + momentum (m - g) with
 * Nesterov's look ahead, else m; p shrunk - lr sqrt(max(1, rows / columns))
 * times the direction made orthogonal. */
static void muon_matrix(bp_nn *nn, const bp__spec *s, size_t i, bp_val grad,
                        bp_val rate)
{
    bp_graph *g = nn->g;
    double mu = bp__arg_float(s, "momentum");
    bp_val p = bp_nn_param_value(nn, i);
    const bp__type t = *bp__type_of(g, p);
    double rows = (double)t.dims[0], columns = (double)bp__numel(&t) / rows;
    bp_val d = bp__optim_mean(nn, i, "momentum", grad, mu);
    if (bp__arg_bool(s, "nesterov"))
        d = bp_add(g, grad, bp_mul_scalar(g, bp_sub(g, d, grad), mu));
    d = orthogonal(g, as_matrix(g, d, &t), rows > columns,
                   bp__arg_int(s, "ns_steps"));
    if (t.rank != 2)
        d = bp_reshape(g, d, t.rank, t.dims);
    if (rows > columns)
        d = bp_mul_scalar(g, d, sqrt(rows / columns));
    p = bp__optim_shrunk(nn, i, p, rate);
    bp_val lr = bp__optim_as_param(nn, rate);
    bp__optim_set_param(nn, i, bp_sub(g, p, bp_mul(g, lr, d)));
}

void bp__muon_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    bp_val rate = bp__optim_rate(nn, s);
    /* One schedule for both rates. */
    double ratio = bp__arg_float(s, "adam_lr") / bp__arg_float(s, "lr");
    bp__adam a = bp__adam_begin(nn, s, bp_mul_scalar(g, rate, ratio), true);
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        const bp__type *t = bp__type_of(g, bp_nn_param_value(nn, i));
        if (t->rank >= 2 && bp__numel(t) > 0 && !nn->groups[i].adamw)
            muon_matrix(nn, s, i, grad[i], rate);
        else
            bp__adam_one(nn, &a, i, grad[i]);
    }
}
