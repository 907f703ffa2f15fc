/* Penalties: terms of the parameters that are added to the loss. */
#include "nn/nn.h"

#include <bprop/ops.h>

#include <math.h>

/* The factor of sum w^2. */
static double l2_factor(const bp__spec *s, int64_t n_train)
{
    if (bp__arg(s, "weight")->set)
        return 0.5 * bp__arg_float(s, "weight");
    return bp__arg_float(s, "lambda") / (2 * (double)n_train);
}

static bp_val l2_penalty(bp_nn *nn, const bp__spec *s, int64_t n_train)
{
    bp_graph *g = nn->g;
    bool all = bp__arg_is(s, "on", "all");
    bp_val sum = BP_NIL;
    if (bp__arg(s, "lambda")->set && n_train < 1)
        return bp__nn_fail(nn, BP_EARG, "lambda is divided by the number of "
                           "training samples, which is not known: use weight");
    for (size_t i = 0; i < bp_nn_param_count(nn); i++) {
        bp_val w = bp_nn_param_value(nn, i);
        if (!all && bp_val_rank(g, w) < 2)
            continue;
        bp_val q = bp_sum(g, bp_square(g, w), 0, NULL, false);
        sum = bp_is_nil(sum) ? q : bp_add(g, sum, q);
    }
    if (bp_is_nil(sum))
        return bp_scalar(g, nn->dtype, 0);
    return bp_mul_scalar(g, sum, l2_factor(s, n_train));
}

static const char *check_l2(const bp__spec *s)
{
    return bp__arg(s, "weight")->set == bp__arg(s, "lambda")->set
               ? "give either weight or lambda" : NULL;
}

static const bp__argdef l2_args[] = {
    {"weight", BP__ARG_FLOAT, "weight / 2 * sum w^2: the gradient is "
     "weight * w", BP__FROM(0), .no_default = true},
    {"lambda", BP__ARG_FLOAT, "lambda / (2 n) * sum w^2, n the number of "
     "training samples", BP__FROM(0), .no_default = true},
    {"on", BP__ARG_CHOICE, "weights (rank 2 and more) or all parameters",
     .def_text = "weights", .choices = "weights|all"}, {.name = NULL}};

const bp__kinddef bp__penalty_rows[] = {
    {"l2", "the sum of the squared parameters", l2_args, "weight",
     .check = check_l2, .build.penalty = l2_penalty},
    {.name = NULL}};

bp_val bp_nn_penalty(bp_nn *nn, const char *penalty, int64_t n_train)
{
    const bp__spec *s =
        bp__nn_ok(nn) ? bp__nn_parse(nn, BP_NN_PENALTIES, penalty) : NULL;
    if (!s)
        return BP_NIL;
    bp_scope_push(nn->g, s->row->name);
    bp_val p = s->row->build.penalty(nn, s, n_train);
    bp_scope_pop(nn->g);
    return p;
}
