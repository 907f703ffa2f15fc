/* Optimizers whose step is the gradient, or one mean of gradients. */
#include "nn/optimizer.h"

#include <bprop/ops.h>

/* p - lr * d */
void bp__sgd_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    bp_val lr = bp__optim_as_param(nn, bp__optim_rate(nn, s));
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        bp_val p = bp_nn_param_value(nn, i);
        bp_val d = bp__optim_decayed(nn, i, p, grad[i]);
        bp__optim_set_param(nn, i, bp_sub(g, p, bp_mul(g, lr, d)));
    }
}

/* buf = momentum * buf + d; p - lr * buf, or with Nesterov's look ahead
 * p - lr * (d + momentum * buf). */
void bp__momentum_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    bool nesterov = strcmp(s->row->name, "nesterov") == 0;
    double mu = bp__arg_float(s, "momentum");
    bp_val lr = bp__optim_as_param(nn, bp__optim_rate(nn, s));
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        const char *name;
        bp_val p = bp_nn_param_value(nn, i);
        bp_val d = bp__optim_decayed(nn, i, p, grad[i]);
        bp_val old = bp__optim_moment(nn, i, "momentum", 0, &name);
        bp_val buf = bp_add(g, bp_mul_scalar(g, old, mu), d);
        buf = bp__optim_keep(nn, name, buf, true);
        bp_val step = nesterov
                          ? bp_add(g, d, bp_mul_scalar(g, buf, mu)) : buf;
        bp__optim_set_param(nn, i, bp_sub(g, p, bp_mul(g, lr, step)));
    }
}

/* p shrunk - lr * sign(c), c = beta1 * m + (1 - beta1) d; the mean that is
 * kept, m = beta2 * m + (1 - beta2) d, is a slower one. */
void bp__lion_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    double beta1 = bp__arg_float(s, "beta1");
    double beta2 = bp__arg_float(s, "beta2");
    bp_val rate = bp__optim_rate(nn, s);
    bp_val lr = bp__optim_as_param(nn, rate);
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        const char *name;
        bp_val p = bp_nn_param_value(nn, i);
        bp_val m = bp__optim_moment(nn, i, "m", 0, &name);
        bp_val c = bp_mul_scalar(g, m, beta1);
        c = bp_add(g, c, bp_mul_scalar(g, grad[i], 1 - beta1));
        bp__optim_mean(nn, i, "m", grad[i], beta2);
        p = bp__optim_shrunk(nn, i, p, rate);
        bp_val step = bp_mul(g, lr, bp_sign(g, c));
        bp__optim_set_param(nn, i, bp_sub(g, p, step));
    }
}
