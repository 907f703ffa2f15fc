/* A step: gradients, clipping, the optimizer's updates, commit. */
#include "nn/optimizer.h"

#include <bprop/ops.h>

bp_status bp_nn_gradients(bp_nn *nn, bp_val objective, bp_val *adj)
{
    if (!bp__nn_ok(nn))
        return nn ? bp_graph_status(nn->g) : BP_ENOMEM;
    size_t n = bp_nn_param_count(nn);
    bp_val *wrt = bp__arena_array(&nn->arena, n + 1, sizeof *wrt);
    if (!wrt) {
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
        return BP_ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
        wrt[i] = bp_nn_param_value(nn, i);
    return bp_grad(nn->g, objective, wrt, n, adj);
}

static bp_val norm_of_all(bp_nn *nn, const bp_val *grad)
{
    bp_graph *g = nn->g;
    bp_val sum = BP_NIL;
    for (size_t i = 0; bp__optim_next(nn, &i); i++) {
        bp_val q = bp_sum(g, bp_square(g, grad[i]), 0, NULL, false);
        sum = bp_is_nil(sum) ? q : bp_add(g, sum, q);
    }
    return bp_sqrt(g, bp_is_nil(sum) ? bp_scalar(g, nn->dtype, 0) : sum);
}

/* Every gradient times min(1, limit / (norm + 1e-6)). */
static void clip_gradients(bp_nn *nn, bp_val *grad, bp_val norm,
                           double limit)
{
    bp_graph *g = nn->g;
    bp_val scale = bp_scalar(g, nn->dtype, limit);
    scale = bp_div(g, scale, bp_add_scalar(g, norm, 1e-6));
    scale = bp_minimum(g, scale, bp_scalar(g, nn->dtype, 1));
    for (size_t i = 0; bp__optim_next(nn, &i); i++)
        grad[i] = bp_mul(g, grad[i], scale);
}

/* Every element of every gradient in [-limit, limit]. */
static void clip_elements(bp_nn *nn, bp_val *grad, double limit)
{
    bp_graph *g = nn->g;
    bp_val high = bp_scalar(g, nn->dtype, limit);
    bp_val low = bp_scalar(g, nn->dtype, -limit);
    for (size_t i = 0; bp__optim_next(nn, &i); i++)
        grad[i] = bp_maximum(g, bp_minimum(g, grad[i], high), low);
}

/* Of the parameters that are not frozen; the others' stay BP_NIL. */
static bool free_gradients(bp_nn *nn, bp_val objective, bp_val *grad)
{
    size_t n = bp_nn_param_count(nn), m = 0;
    bp_val *list = bp__arena_array(&nn->arena, 2 * n + 1, sizeof *list);
    if (!list) {
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
        return false;
    }
    for (size_t i = 0; bp__optim_next(nn, &i); i++)
        list[m++] = bp_nn_param_value(nn, i);
    if (bp_grad(nn->g, objective, list, m, list + n) != BP_OK)
        return false;
    m = 0;
    for (size_t i = 0; bp__optim_next(nn, &i); i++)
        grad[i] = list[n + m++];
    return true;
}

static void minimize(bp_nn *nn, bp_val objective, const bp__spec *s,
                     bp_val *grad_norm, bool commit)
{
    size_t n = bp_nn_param_count(nn);
    bp_val *grad = bp__arena_array(&nn->arena, n + 1, sizeof *grad);
    if (!grad) {
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
        return;
    }
    if (!bp__optim_groups(nn, s) || !free_gradients(nn, objective, grad))
        return;
    bp_scope_push(nn->g, s->row->name);
    double limit = bp__arg_float(s, "clip_norm");
    if (limit > 0 || grad_norm) {
        bp_val norm = norm_of_all(nn, grad);
        if (grad_norm)
            *grad_norm = norm;
        if (limit > 0)
            clip_gradients(nn, grad, norm, limit);
    }
    double largest = bp__arg_float(s, "clip_value");
    if (largest > 0)
        clip_elements(nn, grad, largest);
    bp__optim_average_begin(nn, s);
    s->row->build.optimizer(nn, s, grad);
    if (commit)
        bp_nn_commit(nn);
    bp_scope_pop(nn->g);
}

void bp__nn_minimize(bp_nn *nn, bp_val objective, const bp__spec *s,
                     bp_val *grad_norm)
{
    minimize(nn, objective, s, grad_norm, false);
}

/* Where gradients are taken was settled while the network was traced. */
static bool knew_point(bp_nn *nn, const bp__spec *s, const char *text)
{
    const bp__spec *known = nn->optimizer;
    bool own = bp__optimizer_averages(s);
    if (!text || (!own && !bp__optimizer_averages(known)))
        return true;
    if (known && strcmp(text, nn->optimizer_text) == 0)
        return true;
    bp__nn_fail(nn, BP_EARG, "%s averages weights, and takes its gradients "
                "beside them: bp_nn_options.optimizer must be the text that "
                "bp_nn_minimize gets, and is %s%.100s",
                own ? s->row->name : known->row->name, known ? "" : "NULL",
                known ? nn->optimizer_text : "");
    return false;
}

void bp_nn_minimize(bp_nn *nn, bp_val objective, const char *optimizer,
                    bp_val *grad_norm)
{
    if (grad_norm)
        *grad_norm = BP_NIL;
    if (!bp__nn_ok(nn))
        return;
    const bp__spec *s = nn->optimizer;
    if (optimizer || !s)
        s = bp__nn_parse(nn, BP_NN_OPTIMIZERS, optimizer);
    if (!s || !knew_point(nn, s, optimizer))
        return;
    minimize(nn, objective, s, grad_norm, true);
}
