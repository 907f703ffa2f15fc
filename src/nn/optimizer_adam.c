/* Adam and its kin: bias-corrected running means of g and g^2. */
#include "nn/optimizer.h"

#include "base/math.h"

#include <bprop/ops.h>

bp__adam bp__adam_begin(bp_nn *nn, const bp__spec *s, bp_val rate,
                        bool decoupled)
{
    bp_graph *g = nn->g;
    bp__adam a = {.beta1 = bp__arg_float(s, "beta1"),
                  .beta2 = bp__arg_float(s, "beta2"),
                  .eps = bp__arg_float(s, "eps"),
                  .rate = rate,
                  .decoupled = decoupled};
    bp_val c1 = bp__optim_correction(nn, "beta1_power", a.beta1);
    bp_val c2 = bp__optim_correction(nn, "beta2_power", a.beta2);
    a.step_size = bp__optim_as_param(nn, bp_div(g, rate, c1));
    a.root = bp__optim_as_param(nn, bp_reciprocal(g, bp_sqrt(g, c2)));
    return a;
}

/* m += (1 - beta1)(g - m); v = beta2 v + (1 - beta2) g^2;
 * p - step_size * m / (sqrt(v) * root + eps) */
void bp__adam_one(bp_nn *nn, const bp__adam *a, size_t i, bp_val grad)
{
    bp_graph *g = nn->g;
    bp_val p = bp_nn_param_value(nn, i);
    bp_val m = bp__optim_mean(nn, i, "m", grad, a->beta1);
    bp_val v = bp__optim_mean_square(nn, i, "v", grad, a->beta2);
    bp_val root = bp_mul(g, bp_sqrt(g, v), a->root);
    bp_val step = bp_mul(g, a->step_size, m);
    step = bp_div(g, step, bp_add_scalar(g, root, a->eps));
    if (a->decoupled)
        p = bp__optim_shrunk(nn, i, p, a->rate);
    bp__optim_set_param(nn, i, bp_sub(g, p, step));
}

void bp__adam_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bool decoupled = strcmp(s->row->name, "adamw") == 0;
    bp__adam a = bp__adam_begin(nn, s, bp__optim_rate(nn, s), decoupled);
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        bp_val p = bp_nn_param_value(nn, i);
        bp_val d = decoupled ? grad[i]
                             : bp__optim_decayed(nn, i, p, grad[i]);
        bp__adam_one(nn, &a, i, d);
    }
}

/* Weights of the gradient and of its mean in a step of NAdam. */
typedef struct nadam_scalars {
    bp_val of_grad, of_mean;
} nadam_scalars;

/* beta1 * (1 - power / 2), power being 0.96^(t * momentum_decay). */
static bp_val nadam_momentum(bp_graph *g, bp_val power, double beta1)
{
    bp_val half = bp_mul_scalar(g, power, -0.5);
    return bp_mul_scalar(g, bp_add_scalar(g, half, 1), beta1);
}

/* lr / (1 - product) * factor */
static bp_val nadam_weight(bp_nn *nn, bp_val lr, bp_val product,
                           bp_val factor)
{
    bp_graph *g = nn->g;
    bp_val c = bp_sub(g, bp_scalar(g, BP_F64, 1), product);
    return bp__optim_as_param(nn, bp_mul(g, bp_div(g, lr, c), factor));
}

/* The momentum of step t is mu_t; what corrects the bias is the product of
 * all, up to this step for the gradient, up to the next one for the mean. */
static nadam_scalars nadam_begin(bp_nn *nn, const bp__spec *s, bp_val lr)
{
    bp_graph *g = nn->g;
    const char *power_name, *product_name;
    double beta1 = bp__arg_float(s, "beta1");
    double decay = bp__pow(0.96, bp__arg_float(s, "momentum_decay"));
    bp_val power = bp__optim_scalar(nn, "momentum_power", 1, &power_name);
    bp_val product = bp__optim_scalar(nn, "momentum_product", 1,
                                      &product_name);
    power = bp_mul_scalar(g, power, decay);
    power = bp__optim_keep(nn, power_name, power, false);
    bp_val mu = nadam_momentum(g, power, beta1);
    bp_val next = nadam_momentum(g, bp_mul_scalar(g, power, decay), beta1);
    product = bp__optim_keep(nn, product_name, bp_mul(g, product, mu), false);
    bp_val rest = bp_sub(g, bp_scalar(g, BP_F64, 1), mu);
    nadam_scalars a;
    a.of_grad = nadam_weight(nn, lr, product, rest);
    product = bp_mul(g, product, next);
    a.of_mean = nadam_weight(nn, lr, product, next);
    return a;
}

/* Adam with Nesterov's look ahead:
 * p - (of_grad * d + of_mean * m) / (sqrt(v / (1 - beta2^t)) + eps) */
void bp__nadam_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    bool decoupled = strcmp(s->row->name, "nadamw") == 0;
    double beta1 = bp__arg_float(s, "beta1");
    double beta2 = bp__arg_float(s, "beta2"), eps = bp__arg_float(s, "eps");
    bp_val lr = bp__optim_rate(nn, s);
    nadam_scalars a = nadam_begin(nn, s, lr);
    bp_val c2 = bp__optim_correction(nn, "beta2_power", beta2);
    c2 = bp__optim_as_param(nn, bp_reciprocal(g, bp_sqrt(g, c2)));
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        bp_val p = bp_nn_param_value(nn, i), d = grad[i];
        if (decoupled)
            p = bp__optim_shrunk(nn, i, p, lr);
        else
            d = bp__optim_decayed(nn, i, p, d);
        bp_val m = bp__optim_mean(nn, i, "m", d, beta1);
        bp_val v = bp__optim_mean_square(nn, i, "v", d, beta2);
        bp_val below = bp_mul(g, bp_sqrt(g, v), c2);
        bp_val ahead = bp_mul(g, a.of_grad, d);
        bp_val step = bp_add(g, ahead, bp_mul(g, a.of_mean, m));
        step = bp_div(g, step, bp_add_scalar(g, below, eps));
        bp__optim_set_param(nn, i, bp_sub(g, p, step));
    }
}

/* The Euclidean norm; where it is 0: 1, and *some is false. */
static bp_val norm_or_one(bp_graph *g, bp_val x, bp_val *some)
{
    bp_dtype dtype = bp_val_dtype(g, x);
    bp_val norm = bp_sqrt(g, bp_sum(g, bp_square(g, x), 0, NULL, false));
    *some = bp_gt(g, norm, bp_scalar(g, dtype, 0));
    return bp_select(g, *some, norm, bp_scalar(g, dtype, 1));
}

/* |p| / |r| of a whole tensor; 1 where either is 0. */
static bp_val trust_ratio(bp_graph *g, bp_val p, bp_val r)
{
    bp_val some_p, some_r;
    bp_val size_p = norm_or_one(g, p, &some_p);
    bp_val size_r = norm_or_one(g, r, &some_r);
    bp_val one = bp_scalar(g, bp_val_dtype(g, p), 1);
    bp_val both = bp_and(g, some_p, some_r);
    return bp_select(g, both, bp_div(g, size_p, size_r), one);
}

/* r = Adam's direction + weight_decay * p; p - lr * |p| / |r| * r */
void bp__lamb_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    double beta1 = bp__arg_float(s, "beta1");
    double beta2 = bp__arg_float(s, "beta2"), eps = bp__arg_float(s, "eps");
    bp_val lr = bp__optim_as_param(nn, bp__optim_rate(nn, s));
    bp_val c1 = bp__optim_correction(nn, "beta1_power", beta1);
    bp_val c2 = bp__optim_correction(nn, "beta2_power", beta2);
    c1 = bp__optim_as_param(nn, bp_reciprocal(g, c1));
    c2 = bp__optim_as_param(nn, bp_reciprocal(g, bp_sqrt(g, c2)));
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        bp_val p = bp_nn_param_value(nn, i);
        bp_val m = bp__optim_mean(nn, i, "m", grad[i], beta1);
        bp_val v = bp__optim_mean_square(nn, i, "v", grad[i], beta2);
        bp_val below = bp_mul(g, bp_sqrt(g, v), c2);
        below = bp_add_scalar(g, below, eps);
        bp_val r = bp_div(g, bp_mul(g, c1, m), below);
        r = bp__optim_decayed(nn, i, p, r);
        bp_val step = bp_mul(g, lr, trust_ratio(g, p, r));
        bp__optim_set_param(nn, i, bp_sub(g, p, bp_mul(g, step, r)));
    }
}
