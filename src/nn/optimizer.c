/* Optimizers: builders of update nodes, with PyTorch's formulas. Scalars that
 * are the same for all parameters (rate, bias corrections) are computed once,
 * in f64, and rounded to the parameters' type: a few scalar nodes a step. */
#include "nn/nn.h"

#include <bprop/ops.h>

#include <math.h>

/* trainer.lr as f64; it starts at the optimizer's lr. */
static bp_val rate_f64(bp_nn *nn, const bp__spec *s)
{
    return bp__nn_state(nn, bp__nn_trainer_name(nn, "lr"), BP_VAR_TRAINER,
                        BP_F64, 0, NULL, bp__arg_float(s, "lr"));
}

/* A scalar of f64 in the parameters' type. */
static bp_val as_param(const bp_nn *nn, bp_val x)
{
    return nn->dtype == BP_F64 ? x : bp_cast(nn->g, x, nn->dtype);
}

/* "optim.0.weight.m": of a parameter's type and shape, from 0. */
static bp_val moment(bp_nn *nn, size_t i, const char *suffix,
                     const char **name)
{
    bp_val p = bp_nn_param_value(nn, i);
    *name = bp__arena_printf(&nn->arena, "optim.%s.%s",
                             bp_nn_param_name(nn, i), suffix);
    if (!*name)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    const bp__type t = *bp__type_of(nn->g, p);
    return bp__nn_state(nn, *name, BP_VAR_OPTIM, (bp_dtype)t.dtype, t.rank,
                        t.dims, 0);
}

static void set_param(bp_nn *nn, size_t i, bp_val value)
{
    bp__nn_set_state(nn, bp_nn_param_name(nn, i), value);
}

/* g + weight_decay * p */
static bp_val decayed(bp_nn *nn, const bp__spec *s, bp_val p, bp_val grad)
{
    double decay = bp__arg_float(s, "weight_decay");
    if (decay == 0)
        return grad;
    return bp_add(nn->g, grad, bp_mul_scalar(nn->g, p, decay));
}

/* p - lr * d */
static void sgd_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    bp_val lr = as_param(nn, rate_f64(nn, s));
    for (size_t i = 0; i < bp_nn_param_count(nn) && bp__ok(g); i++) {
        bp_val p = bp_nn_param_value(nn, i);
        bp_val d = decayed(nn, s, p, grad[i]);
        set_param(nn, i, bp_sub(g, p, bp_mul(g, lr, d)));
    }
}

/* buf = momentum * buf + d; p - lr * buf, or with Nesterov's look ahead
 * p - lr * (d + momentum * buf). */
static void momentum_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    bool nesterov = strcmp(s->row->name, "nesterov") == 0;
    double mu = bp__arg_float(s, "momentum");
    bp_val lr = as_param(nn, rate_f64(nn, s));
    for (size_t i = 0; i < bp_nn_param_count(nn) && bp__ok(g); i++) {
        const char *name;
        bp_val p = bp_nn_param_value(nn, i);
        bp_val d = decayed(nn, s, p, grad[i]);
        bp_val old = moment(nn, i, "momentum", &name);
        bp_val buf = bp_add(g, bp_mul_scalar(g, old, mu), d);
        buf = bp__nn_cut_off(g, buf, true);
        bp__nn_set_state(nn, name, buf);
        bp_val step = nesterov
                          ? bp_add(g, d, bp_mul_scalar(g, buf, mu)) : buf;
        set_param(nn, i, bp_sub(g, p, bp_mul(g, lr, step)));
    }
}

/* beta^t as an f64 variable, multiplied by beta in each step; returns
 * 1 - beta^t of this step. Exact enough for any t: each step's rounding is
 * half an ULP, and the product goes to 0. */
static bp_val bias_correction(bp_nn *nn, const char *which, double beta)
{
    bp_graph *g = nn->g;
    const char *name = bp__arena_printf(
        &nn->arena, "optim.%s%s%s", nn->prefix, nn->prefix[0] ? "." : "",
        which);
    if (!name)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    bp_val power = bp__nn_state(nn, name, BP_VAR_OPTIM, BP_F64, 0, NULL, 1);
    bp_val next = bp_mul_scalar(g, power, beta);
    next = bp__nn_cut_off(g, next, false);
    bp__nn_set_state(nn, name, next);
    return bp_sub(g, bp_scalar(g, BP_F64, 1), next);
}

/* What all parameters share in a step of Adam. */
typedef struct adam_scalars {
    bp_val step_size; /* lr / (1 - beta1^t)           */
    bp_val root;      /* 1 / sqrt(1 - beta2^t)        */
    bp_val keep;      /* 1 - lr * weight_decay, AdamW */
    double beta1, beta2, eps;
} adam_scalars;

static adam_scalars adam_begin(bp_nn *nn, const bp__spec *s)
{
    bp_graph *g = nn->g;
    adam_scalars a = {.beta1 = bp__arg_float(s, "beta1"),
                      .beta2 = bp__arg_float(s, "beta2"),
                      .eps = bp__arg_float(s, "eps")};
    bp_val lr = rate_f64(nn, s);
    bp_val c1 = bias_correction(nn, "beta1_power", a.beta1);
    bp_val c2 = bias_correction(nn, "beta2_power", a.beta2);
    a.step_size = as_param(nn, bp_div(g, lr, c1));
    a.root = as_param(nn, bp_reciprocal(g, bp_sqrt(g, c2)));
    double decay = bp__arg_float(s, "weight_decay");
    bp_val drop = bp_mul_scalar(g, lr, decay);
    a.keep = as_param(nn, bp_sub(g, bp_scalar(g, BP_F64, 1), drop));
    return a;
}

/* m += (1 - beta1)(g - m); v = beta2 v + (1 - beta2) g^2;
 * p - step_size * m / (sqrt(v) * root + eps) */
static void adam_update(bp_nn *nn, const bp__spec *s, const bp_val *grad)
{
    bp_graph *g = nn->g;
    bool decoupled = strcmp(s->row->name, "adamw") == 0;
    bool decays = bp__arg_float(s, "weight_decay") != 0;
    adam_scalars a = adam_begin(nn, s);
    for (size_t i = 0; i < bp_nn_param_count(nn) && bp__ok(g); i++) {
        const char *m_name, *v_name;
        bp_val p = bp_nn_param_value(nn, i), d = grad[i];
        if (decays && !decoupled)
            d = decayed(nn, s, p, d);
        bp_val m = moment(nn, i, "m", &m_name);
        bp_val v = moment(nn, i, "v", &v_name);
        m = bp_add(g, m, bp_mul_scalar(g, bp_sub(g, d, m), 1 - a.beta1));
        m = bp__nn_cut_off(g, m, true);
        bp_val d2 = bp_mul_scalar(g, bp_square(g, d), 1 - a.beta2);
        v = bp_add(g, bp_mul_scalar(g, v, a.beta2), d2);
        v = bp__nn_cut_off(g, v, false);
        bp__nn_set_state(nn, m_name, m);
        bp__nn_set_state(nn, v_name, v);
        bp_val root = bp_mul(g, bp_sqrt(g, v), a.root);
        bp_val step = bp_mul(g, a.step_size, m);
        step = bp_div(g, step, bp_add_scalar(g, root, a.eps));
        if (decays && decoupled)
            p = bp_mul(g, p, a.keep);
        set_param(nn, i, bp_sub(g, p, step));
    }
}

/* ---- the table ---- */

#define COMMON(rate)                                                       \
    {"lr", BP__ARG_FLOAT, "learning rate", .def = (rate), BP__FROM(0)},    \
    {"schedule", BP__ARG_SPEC, "the rate of each step; constant unless "   \
     "given", .table = BP_NN_SCHEDULES},                                   \
    {"clip_norm", BP__ARG_FLOAT, "largest norm of all gradients together; " \
     "0: no limit", BP__FROM(0)}
#define DECAY(value)                                                       \
    {"weight_decay", BP__ARG_FLOAT, "pulls parameters towards 0",          \
     .def = (value), BP__FROM(0)}
#define BETA(key, text, value)                                             \
    {key, BP__ARG_FLOAT, text, .def = (value), .min = 0, .max = 1,         \
     .open_max = true}

static const bp__argdef sgd_args[] = {
    COMMON(0.01), DECAY(0), {.name = NULL}};
static const bp__argdef momentum_args[] = {
    COMMON(0.01), DECAY(0),
    BETA("momentum", "how much of the last step is kept", 0.9),
    {.name = NULL}};
#define ADAM_ARGS                                                          \
    BETA("beta1", "decay of the mean gradient", 0.9),                      \
    BETA("beta2", "decay of the mean squared gradient", 0.999),            \
    {"eps", BP__ARG_FLOAT, "added to the denominator", .def = 1e-8,        \
     BP__ABOVE(0)}
static const bp__argdef adam_args[] = {
    COMMON(0.001), DECAY(0), ADAM_ARGS, {.name = NULL}};
static const bp__argdef adamw_args[] = {
    COMMON(0.001), DECAY(0.01), ADAM_ARGS, {.name = NULL}};

const bp__row bp__optimizer_rows[] = {
    {"sgd", "p - lr * g", sgd_args, "lr", .build.optimizer = sgd_update},
    {"momentum", "b = momentum * b + g; p - lr * b", momentum_args, "lr",
     .build.optimizer = momentum_update},
    {"nesterov", "b = momentum * b + g; p - lr * (g + momentum * b)",
     momentum_args, "lr", .build.optimizer = momentum_update},
    {"adam", "p - lr * m / (sqrt(v) + eps), m and v bias-corrected running "
     "means of g and g^2", adam_args, "lr", .build.optimizer = adam_update},
    {"adamw", "Adam, and p * (1 - lr * weight_decay) before it", adamw_args,
     "lr", .build.optimizer = adam_update},
    {.name = NULL}};

/* ---- a step ---- */

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

static bp_val norm_of_all(bp_graph *g, const bp_val *grad, size_t n,
                          bp_dtype dtype)
{
    bp_val sum = bp_scalar(g, dtype, 0);
    for (size_t i = 0; i < n; i++) {
        bp_val q = bp_sum(g, bp_square(g, grad[i]), 0, NULL, false);
        sum = i ? bp_add(g, sum, q) : q;
    }
    return bp_sqrt(g, sum);
}

/* Every gradient times min(1, limit / (norm + 1e-6)). */
static void clip_gradients(bp_nn *nn, bp_val *grad, size_t n, bp_val norm,
                           double limit)
{
    bp_graph *g = nn->g;
    bp_val scale = bp_scalar(g, nn->dtype, limit);
    scale = bp_div(g, scale, bp_add_scalar(g, norm, 1e-6));
    scale = bp_minimum(g, scale, bp_scalar(g, nn->dtype, 1));
    for (size_t i = 0; i < n; i++)
        grad[i] = bp_mul(g, grad[i], scale);
}

void bp__nn_minimize(bp_nn *nn, bp_val objective, const bp__spec *s,
                     bp_val *grad_norm)
{
    size_t n = bp_nn_param_count(nn);
    bp_val *grad = bp__arena_array(&nn->arena, n + 1, sizeof *grad);
    if (!grad) {
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
        return;
    }
    if (bp_nn_gradients(nn, objective, grad) != BP_OK)
        return;
    bp_scope_push(nn->g, s->row->name);
    double limit = bp__arg_float(s, "clip_norm");
    if (limit > 0 || grad_norm) {
        bp_val norm = norm_of_all(nn->g, grad, n, nn->dtype);
        if (grad_norm)
            *grad_norm = norm;
        if (limit > 0)
            clip_gradients(nn, grad, n, norm, limit);
    }
    s->row->build.optimizer(nn, s, grad);
    bp_nn_commit(nn);
    bp_scope_pop(nn->g);
}

void bp_nn_minimize(bp_nn *nn, bp_val objective, const char *optimizer,
                    bp_val *grad_norm)
{
    if (grad_norm)
        *grad_norm = BP_NIL;
    const bp__spec *s =
        bp__nn_ok(nn) ? bp__nn_parse(nn, BP_NN_OPTIMIZERS, optimizer) : NULL;
    if (s)
        bp__nn_minimize(nn, objective, s, grad_norm);
}
