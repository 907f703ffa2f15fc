/* Networks of one shape that learn side by side and answer together. Each has
 * parameters and masks of its own and is trained by its own loss, so that their
 * errors differ (Lakshminarayanan et al., "Simple and scalable predictive
 * uncertainty estimation using deep ensembles", 2017); what they answer is the
 * mean of their probabilities, or of their outputs. */
#include "nn/nn.h"

#include "base/math.h"

#include <bprop/ops.h>

bp_val bp__nn_ensemble(bp_nn *nn, bp_val x, int64_t members,
                       const bp__argval *body)
{
    if (!bp__layer_begin(nn, "ensemble", x))
        return BP_NIL;
    if (nn->members)
        return bp__nn_fail(nn, BP_EARG, "a network has one ensemble only, and "
                           "it is no part of another");
    bp_val *y = bp__arena_array(&nn->arena, (size_t)members, sizeof *y);
    if (!y)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    bp_val sum = BP_NIL;
    for (int64_t i = 0; i < members && bp__nn_ok(nn); i++) {
        char name[24];
        bp__snprintf(name, sizeof name, "%lld", (long long)i);
        bp__block_push(nn, name);
        y[i] = bp__nn_walk(nn, body->list, body->n, x);
        bp__block_pop(nn);
        sum = i ? bp_add(nn->g, sum, y[i]) : y[i];
    }
    nn->members = y;
    nn->n_members = (size_t)members;
    bp_val mean = bp_mul_scalar(nn->g, sum, 1 / (double)members);
    nn->members_mean = mean;
    return bp__layer_end(nn, mean);
}

/* log of the mean over the members of exp(log_p), each [N, ...]. */
static bp_val log_mean_exp(bp_nn *nn, const bp_val *log_p)
{
    bp_graph *g = nn->g;
    int64_t dims[BP_MAX_RANK];
    const bp__type *t = bp__type_of(g, log_p[0]);
    if (!bp__ok(g) || t->rank >= BP_MAX_RANK)
        return bp__nn_fail(nn, BP_ELIMIT, "the output of an ensemble has "
                           "rank %d, at most %d", t->rank, BP_MAX_RANK - 1);
    int rank = t->rank + 1;
    dims[0] = t->dims[0];
    dims[1] = 1;
    for (int i = 1; i < t->rank; i++)
        dims[i + 1] = t->dims[i];
    bp_val *row = bp__arena_array(&nn->arena, nn->n_members, sizeof *row);
    if (!row)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    for (size_t i = 0; i < nn->n_members; i++)
        row[i] = bp_reshape(g, log_p[i], rank, dims);
    bp_val all = bp_concat(g, (int)nn->n_members, row, 1);
    return bp_add_scalar(g, bp_logsumexp(g, all, 1, false),
                         -bp__log((double)nn->n_members));
}

/* The logit of the mean probability: the difference of the logarithms of what
 * the members say for yes and for no. */
static bp_val mean_logit(bp_nn *nn)
{
    bp_graph *g = nn->g;
    bp_val *yes = bp__arena_array(&nn->arena, nn->n_members, sizeof *yes);
    bp_val *no = bp__arena_array(&nn->arena, nn->n_members, sizeof *no);
    if (!yes || !no)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    for (size_t i = 0; i < nn->n_members; i++) {
        bp_val y = nn->members[i];
        /* log sigmoid(-y) = -relu(y) - log(1 + exp(-|y|)): no overflow */
        bp_val small = bp_log1p(g, bp_exp(g, bp_neg(g, bp_abs(g, y))));
        no[i] = bp_neg(g, bp_add(g, bp_relu(g, y), small));
        yes[i] = bp_add(g, y, no[i]);
    }
    bp_val log_yes = log_mean_exp(nn, yes);
    bp_val log_no = log_mean_exp(nn, no);
    return bp_sub(g, log_yes, log_no);
}

bp_val bp__nn_ensemble_output(bp_nn *nn, int head)
{
    if (head == BP__HEAD_SIGMOID)
        return mean_logit(nn);
    if (head != BP__HEAD_SOFTMAX)
        return nn->members_mean;
    bp_val *log_p = bp__arena_array(&nn->arena, nn->n_members, sizeof *log_p);
    if (!log_p)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    for (size_t i = 0; i < nn->n_members; i++)
        log_p[i] = bp_log_softmax(nn->g, nn->members[i], -1);
    return log_mean_exp(nn, log_p);
}

bp_val bp__nn_ensemble_loss(bp_nn *nn, const char *loss, bp_val target)
{
    bp_val sum = BP_NIL;
    for (size_t i = 0; i < nn->n_members; i++) {
        bp_val l = bp_nn_loss(nn, loss, nn->members[i], target);
        sum = i ? bp_add(nn->g, sum, l) : l;
    }
    return bp_mul_scalar(nn->g, sum, 1 / (double)nn->n_members);
}
