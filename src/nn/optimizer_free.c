/* Schedule-free AdamW. Two sequences: z takes AdamW's steps, x is the weighted
 * mean of all z, and the gradient is taken between them, at
 * y = (1 - beta1) z + beta1 x.
 *
 * The parameters' variables hold x, since x is what is evaluated and saved; y
 * exists within a training step only. In z's place `ahead` = z - x is kept: it
 * starts from 0 wherever the parameters start, or are loaded from. */
#include "nn/optimizer.h"

#include <bprop/ops.h>

#define AHEAD "ahead"

double bp__schedule_free_ahead(const bp__spec *s)
{
    return 1 - bp__arg_float(s, "beta1");
}

/* The share of this step's z in the mean: rate^2 of the largest rate so far,
 * of the sum of all of these. Steps with a rate of 0 at the start have none. */
static bp_val share_of_step(bp_nn *nn, bp_val rate)
{
    bp_graph *g = nn->g;
    const char *max_name, *sum_name;
    bp_val zero = bp_scalar(g, BP_F64, 0), one = bp_scalar(g, BP_F64, 1);
    bp_val max = bp__optim_scalar(nn, "lr_max", 0, &max_name);
    bp_val sum = bp__optim_scalar(nn, "weight_sum", 0, &sum_name);
    max = bp_maximum(g, max, rate);
    bp_val weight = bp_square(g, max);
    sum = bp_add(g, sum, weight);
    bp__nn_set_state(nn, max_name, max);
    bp__nn_set_state(nn, sum_name, sum);
    bp_val some = bp_gt(g, sum, zero);
    return bp_div(g, weight, bp_select(g, some, sum, one));
}

/* u = g / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay * y;
 * z -= lr * u; x += share * (z - x) */
void bp__schedule_free_update(bp_nn *nn, const bp__spec *s,
                              const bp_val *grad)
{
    bp_graph *g = nn->g;
    double beta2 = bp__arg_float(s, "beta2"), eps = bp__arg_float(s, "eps");
    bp_val rate = bp__optim_rate(nn, s);
    bp_val lr = bp__optim_as_param(nn, rate);
    bp_val c2 = bp__optim_correction(nn, "beta2_power", beta2);
    c2 = bp__optim_as_param(nn, bp_reciprocal(g, bp_sqrt(g, c2)));
    bp__share share = bp__optim_share(nn, share_of_step(nn, rate));
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        const char *name;
        bp_val y = bp_nn_param_value(nn, i);
        bp_val v = bp__optim_mean_square(nn, i, "v", grad[i], beta2);
        bp_val below = bp_mul(g, bp_sqrt(g, v), c2);
        bp_val u = bp_div(g, grad[i], bp_add_scalar(g, below, eps));
        u = bp__optim_decayed(nn, i, y, u);
        if (nn->groups[i].lr_factor != 1)
            u = bp_mul_scalar(g, u, nn->groups[i].lr_factor);
        bp_val ahead = bp__optim_moment(nn, i, AHEAD, 0, &name);
        ahead = bp_sub(g, ahead, bp_mul(g, lr, u));
        bp__optim_average(nn, i, ahead, share);
    }
}
