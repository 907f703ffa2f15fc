/* Weights that are averaged (`ema`, and the row's own way of schedule_free):
 * the parameters' variables hold the average, which evaluation and files then
 * have, and `ahead`, what training has beyond it. The network reads the sum of
 * both while it trains. */
#include "base/pattern.h"
#include "nn/optimizer.h"

#include <bprop/ops.h>

#define AHEAD "ahead"

bool bp__optimizer_averages(const bp__spec *s)
{
    return s && (s->row->ahead || bp__arg_float(s, "ema") > 0);
}

bp_val bp__optim_raw(bp_nn *nn, const char *name, bp_val p)
{
    const char *full = bp__arena_printf(&nn->arena, "optim.%s." AHEAD, name);
    const char *unused;
    if (!full)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    if (bp_store_find(nn->s, full) < 0) {
        nn->sh->missed_ahead = true;
        return p;
    }
    bp_val ahead = bp__optim_moment_of(nn, name, p, AHEAD, 0, &unused);
    return bp_add(nn->g, p, ahead);
}

bp_val bp__optim_point(bp_nn *nn, const char *name, bp_val p)
{
    const bp__spec *s = nn->optimizer;
    const char *unused;
    if (nn->trained && !bp__pattern_matches(nn->trained, name))
        return bp__optim_raw(nn, name, p);
    if (!bp__optimizer_averages(s))
        return p;
    bp_val ahead = bp__optim_moment_of(nn, name, p, AHEAD, 0, &unused);
    if (s->row->ahead)
        ahead = bp_mul_scalar(nn->g, ahead, s->row->ahead(s));
    return bp_add(nn->g, p, ahead);
}

bp__share bp__optim_share(bp_nn *nn, bp_val share)
{
    bp_graph *g = nn->g;
    bp_val rest = bp_sub(g, bp_scalar(g, BP_F64, 1), share);
    bp__share s;
    s.share = bp__optim_as_param(nn, share);
    s.rest = bp__optim_as_param(nn, rest);
    return s;
}

/* 1 - min(ema, (1 + t) / (10 + t)) in step t = 1, 2, ...: a young average
 * forgets its start fast. trainer.step counts the steps before. */
void bp__optim_average_begin(bp_nn *nn, const bp__spec *s)
{
    bp_graph *g = nn->g;
    double ema = bp__arg_float(s, "ema");
    nn->averages = ema > 0;
    if (!nn->averages)
        return;
    bp_val step = bp__nn_state(nn, bp__nn_trainer_name(nn, "step"),
                               BP_VAR_TRAINER, BP_I32, 0, NULL, 0);
    bp_val t = bp_add_scalar(g, bp_cast(g, step, BP_F64), 11);
    bp_val young = bp_mul_scalar(g, bp_reciprocal(g, t), 9);
    young = bp_maximum(g, young, bp_scalar(g, BP_F64, 1 - ema));
    nn->share = bp__optim_share(nn, young);
}

void bp__optim_average(bp_nn *nn, size_t i, bp_val beyond, bp__share s)
{
    bp_graph *g = nn->g;
    const char *name;
    bp_val x = bp__nn_param_variable(nn, i);
    x = bp_add(g, x, bp_mul(g, s.share, beyond));
    bp__nn_set_state(nn, bp_nn_param_name(nn, i), x);
    bp__optim_moment(nn, i, AHEAD, 0, &name);
    bp__optim_keep(nn, name, bp_mul(g, s.rest, beyond), true);
}

void bp__optim_set_param(bp_nn *nn, size_t i, bp_val value)
{
    /* A step of every optimizer is proportional to the rate. */
    bp_val old = bp_nn_param_value(nn, i);
    double factor = nn->groups[i].lr_factor;
    if (factor != 1) {
        bp_val step = bp_mul_scalar(nn->g, bp_sub(nn->g, value, old), factor);
        value = bp_add(nn->g, old, step);
    }
    if (!nn->averages) {
        bp__nn_set_state(nn, bp_nn_param_name(nn, i), value);
        return;
    }
    bp_val beyond = bp_sub(nn->g, value, bp__nn_param_variable(nn, i));
    bp__optim_average(nn, i, beyond, nn->share);
}
