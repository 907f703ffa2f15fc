/* Optimizers that divide by the size of past gradients, element by element,
 * without Adam's bias corrections: Adagrad, RMSprop, Adadelta; and Adamax. */
#include "nn/optimizer.h"

#include <bprop/ops.h>

/* lr / (1 + lr_decay * (t - 1)): trainer.step counts the steps before. */
static bp_val adagrad_rate(bp_nn *nn, const bp__spec *s)
{
    bp_graph *g = nn->g;
    double decay = bp__arg_float(s, "lr_decay");
    bp_val lr = bp__optim_rate(nn, s);
    if (decay == 0)
        return bp__optim_as_param(nn, lr);
    bp_val step = bp__nn_state(nn, bp__nn_trainer_name(nn, "step"),
                               BP_VAR_TRAINER, BP_I32, 0, NULL, 0);
    bp_val t = bp_mul_scalar(g, bp_cast(g, step, BP_F64), decay);
    lr = bp_div(g, lr, bp_add_scalar(g, t, 1));
    return bp__optim_as_param(nn, lr);
}

/* sum += d^2; p - lr * d / (sqrt(sum) + eps) */
void bp__adagrad_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    double start = bp__arg_float(s, "initial_accumulator_value");
    double eps = bp__arg_float(s, "eps");
    bp_val lr = adagrad_rate(nn, s);
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        const char *name;
        bp_val p = bp_nn_param_value(nn, i);
        bp_val d = bp__optim_decayed(nn, i, p, grad[i]);
        bp_val sum = bp__optim_moment(nn, i, "sum", start, &name);
        sum = bp_add(g, sum, bp_square(g, d));
        sum = bp__optim_keep(nn, name, sum, false);
        bp_val below = bp_add_scalar(g, bp_sqrt(g, sum), eps);
        bp_val step = bp_div(g, bp_mul(g, lr, d), below);
        bp__optim_set_param(nn, i, bp_sub(g, p, step));
    }
}

/* sqrt(v) + eps; centered: v less the square of the mean gradient, which is
 * the gradient's variance and never below 0 but for rounding. */
static bp_val rmsprop_size(bp_nn *nn, const bp__spec *s, size_t i, bp_val d)
{
    bp_graph *g = nn->g;
    double alpha = bp__arg_float(s, "alpha");
    bp_val v = bp__optim_mean_square(nn, i, "v", d, alpha);
    if (bp__arg_bool(s, "centered")) {
        bp_val m = bp__optim_mean(nn, i, "m", d, alpha);
        v = bp_sub(g, v, bp_square(g, m));
        v = bp_maximum(g, v, bp_scalar(g, nn->dtype, 0));
    }
    return bp_add_scalar(g, bp_sqrt(g, v), bp__arg_float(s, "eps"));
}

/* buf = momentum * buf + d / size; p - lr * buf */
void bp__rmsprop_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    double mu = bp__arg_float(s, "momentum");
    bp_val lr = bp__optim_as_param(nn, bp__optim_rate(nn, s));
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        const char *name;
        bp_val p = bp_nn_param_value(nn, i);
        bp_val d = bp__optim_decayed(nn, i, p, grad[i]);
        bp_val step = bp_div(g, d, rmsprop_size(nn, s, i, d));
        if (mu > 0) {
            bp_val old = bp__optim_moment(nn, i, "momentum", 0, &name);
            step = bp_add(g, bp_mul_scalar(g, old, mu), step);
            step = bp__optim_keep(nn, name, step, true);
        }
        bp__optim_set_param(nn, i, bp_sub(g, p, bp_mul(g, lr, step)));
    }
}

/* delta = sqrt(u + eps) / sqrt(v + eps) * d; u, v: mean squares of the deltas
 * before this one and of the gradients with this one; p - lr * delta */
void bp__adadelta_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    double rho = bp__arg_float(s, "rho"), eps = bp__arg_float(s, "eps");
    bp_val lr = bp__optim_as_param(nn, bp__optim_rate(nn, s));
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        const char *name;
        bp_val p = bp_nn_param_value(nn, i);
        bp_val d = bp__optim_decayed(nn, i, p, grad[i]);
        bp_val v = bp__optim_mean_square(nn, i, "v", d, rho);
        bp_val u = bp__optim_moment(nn, i, "delta", 0, &name);
        bp_val size = bp_sqrt(g, bp_add_scalar(g, v, eps));
        bp_val delta = bp_sqrt(g, bp_add_scalar(g, u, eps));
        delta = bp_mul(g, bp_div(g, delta, size), d);
        bp__optim_mean_square(nn, i, "delta", delta, rho);
        bp__optim_set_param(nn, i, bp_sub(g, p, bp_mul(g, lr, delta)));
    }
}

/* m += (1 - beta1)(d - m); u = max(beta2 * u, |d| + eps);
 * p - lr / (1 - beta1^t) * m / u */
void bp__adamax_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    double beta1 = bp__arg_float(s, "beta1");
    double beta2 = bp__arg_float(s, "beta2"), eps = bp__arg_float(s, "eps");
    bp_val lr = bp__optim_rate(nn, s);
    bp_val c1 = bp__optim_correction(nn, "beta1_power", beta1);
    bp_val step_size = bp__optim_as_param(nn, bp_div(g, lr, c1));
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        const char *name;
        bp_val p = bp_nn_param_value(nn, i);
        bp_val d = bp__optim_decayed(nn, i, p, grad[i]);
        bp_val m = bp__optim_mean(nn, i, "m", d, beta1);
        bp_val u = bp__optim_moment(nn, i, "u", 0, &name);
        u = bp_mul_scalar(g, u, beta2);
        u = bp_maximum(g, u, bp_add_scalar(g, bp_abs(g, d), eps));
        bp__nn_set_state(nn, name, u); /* at least eps: nothing to cut off */
        bp_val step = bp_div(g, bp_mul(g, step_size, m), u);
        bp__optim_set_param(nn, i, bp_sub(g, p, step));
    }
}
