/* What optimizers keep from step to step, and the scalars of a step. */
#include "nn/optimizer.h"

#include <bprop/ops.h>

bp_val bp__optim_rate(bp_nn *nn, const bp__spec *s)
{
    return bp__nn_state(nn, bp__nn_trainer_name(nn, "lr"), BP_VAR_TRAINER,
                        BP_F64, 0, NULL, bp__arg_float(s, "lr"));
}

bp_val bp__optim_as_param(const bp_nn *nn, bp_val x)
{
    return nn->dtype == BP_F64 ? x : bp_cast(nn->g, x, nn->dtype);
}

bp_val bp__optim_shrunk(bp_nn *nn, size_t i, bp_val p, bp_val rate)
{
    bp_graph *g = nn->g;
    double decay = nn->groups[i].weight_decay;
    if (decay == 0)
        return p;
    bp_val drop = bp_mul_scalar(g, rate, decay);
    drop = bp_sub(g, bp_scalar(g, BP_F64, 1), drop);
    return bp_mul(g, p, bp__optim_as_param(nn, drop));
}

bp_val bp__optim_decayed(bp_nn *nn, size_t i, bp_val p, bp_val grad)
{
    double decay = nn->groups[i].weight_decay;
    if (decay == 0)
        return grad;
    return bp_add(nn->g, grad, bp_mul_scalar(nn->g, p, decay));
}

/* ---- of each parameter ---- */

bp_val bp__optim_moment_of(bp_nn *nn, const char *param, bp_val p,
                           const char *suffix, double start,
                           const char **name)
{
    /* Weights have one average, whoever reads them; moments are the step's. */
    const char *own = strcmp(suffix, "ahead") ? nn->sh->moments : "";
    *name = bp__arena_printf(&nn->arena, "optim.%s%s%s.%s", own,
                             own[0] ? "." : "", param, suffix);
    if (!*name)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    const bp__type t = *bp__type_of(nn->g, p);
    return bp__nn_state(nn, *name, BP_VAR_OPTIM, (bp_dtype)t.dtype, t.rank,
                        t.dims, start);
}

bp_val bp__optim_moment(bp_nn *nn, size_t i, const char *suffix,
                        double start, const char **name)
{
    bp_val p = bp_nn_param_value(nn, i);
    return bp__optim_moment_of(nn, bp_nn_param_name(nn, i), p, suffix, start,
                               name);
}

bp_val bp__optim_keep(bp_nn *nn, const char *name, bp_val next,
                      bool may_be_negative)
{
    next = bp__nn_cut_off(nn->g, next, may_be_negative);
    bp__nn_set_state(nn, name, next);
    return next;
}

bp_val bp__optim_mean(bp_nn *nn, size_t i, const char *suffix, bp_val x,
                      double beta)
{
    bp_graph *g = nn->g;
    const char *name;
    bp_val m = bp__optim_moment(nn, i, suffix, 0, &name);
    m = bp_add(g, m, bp_mul_scalar(g, bp_sub(g, x, m), 1 - beta));
    return bp__optim_keep(nn, name, m, true);
}

bp_val bp__optim_mean_square(bp_nn *nn, size_t i, const char *suffix,
                             bp_val x, double beta)
{
    bp_graph *g = nn->g;
    const char *name;
    bp_val v = bp__optim_moment(nn, i, suffix, 0, &name);
    bp_val x2 = bp_mul_scalar(g, bp_square(g, x), 1 - beta);
    v = bp_add(g, bp_mul_scalar(g, v, beta), x2);
    return bp__optim_keep(nn, name, v, false);
}

/* ---- of all parameters together ---- */

bp_val bp__optim_scalar(bp_nn *nn, const char *which, double start,
                        const char **name)
{
    const char *step = nn->sh->step;
    *name = bp__arena_printf(&nn->arena, "optim.%s%s%s", step,
                             step[0] ? "." : "", which);
    if (!*name)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    return bp__nn_state(nn, *name, BP_VAR_OPTIM, BP_F64, 0, NULL, start);
}

/* beta^t is a variable, multiplied by beta in each step. Exact enough for any
 * t: each step's rounding is half an ULP, and the product goes to 0. */
bp_val bp__optim_correction(bp_nn *nn, const char *which, double beta)
{
    bp_graph *g = nn->g;
    const char *name;
    bp_val power = bp__optim_scalar(nn, which, 1, &name);
    bp_val next = bp_mul_scalar(g, power, beta);
    next = bp__optim_keep(nn, name, next, false);
    return bp_sub(g, bp_scalar(g, BP_F64, 1), next);
}
