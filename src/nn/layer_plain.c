/* Normalization, dropout, blocks: the C calls. */
#include "nn/nn.h"

static const char *type_of_x(const bp_nn *nn, bp_val x, char *buf)
{
    return bp__type_text(bp__type_of(nn->g, x), buf);
}

/* ---- normalization ---- */

/* A parameter that starts with one value: 1 for weights, 0 for biases. */
static bp_val norm_param(bp_nn *nn, const char *name, int rank,
                         const int64_t *dims, double value)
{
    const bp__spec *init =
        bp__nn_parse(nn, BP_NN_INITS, value != 0 ? "ones" : "zeros");
    return bp__nn_parameter(nn, name, rank, dims, init, 1, 1);
}

/* old + momentum * (new - old), cut off where it decays to nothing. */
static void update_running(bp_nn *nn, const char *name, bp_val old,
                           bp_val now, double momentum, bool signed_value)
{
    bp_graph *g = nn->g;
    bp_val kept = bp_mul_scalar(g, old, 1 - momentum);
    bp_val next = bp_add(g, kept, bp_mul_scalar(g, now, momentum));
    bp_nn_set_buffer(nn, name, bp__nn_cut_off(g, next, signed_value));
}

/* Elements of one channel over the whole batch. */
static double channel_elements(const bp_nn *nn, bp_val x)
{
    const bp__type *t = bp__type_of(nn->g, x);
    int64_t rows = t->varying && bp_graph_global_rows(nn->g)
                       ? bp_graph_global_rows(nn->g) : t->dims[0];
    double n = (double)rows;
    for (int i = 2; i < t->rank; i++)
        n *= (double)t->dims[i];
    return n;
}

typedef struct norm_vars {
    bp_val weight, bias, mean, var;
} norm_vars;

static bp_val norm_training(bp_nn *nn, bp_val x, const norm_vars *v,
                            double eps, double momentum)
{
    bp_val mean, var;
    double n = channel_elements(nn, x);
    bp_val y = bp_batch_norm(nn->g, x, v->weight, v->bias, eps, &mean, &var);
    if (!bp__ok(nn->g))
        return BP_NIL;
    /* The statistics are the batch's; running_var wants the population's. */
    var = bp_mul_scalar(nn->g, var, n > 1 ? n / (n - 1) : 1);
    update_running(nn, "running_mean", v->mean, mean, momentum, true);
    update_running(nn, "running_var", v->var, var, momentum, false);
    return y;
}

/* One multiplication and one addition an element: the rest is [C]. */
static bp_val norm_evaluation(bp_nn *nn, bp_val x, const norm_vars *v,
                              double eps)
{
    bp_graph *g = nn->g;
    int64_t dims[BP_MAX_RANK];
    int rank = bp_val_rank(g, x);
    for (int i = 0; i < rank; i++)
        dims[i] = i == 1 ? bp_val_dim(g, x, 1) : 1;
    bp_val std = bp_sqrt(g, bp_add_scalar(g, v->var, eps));
    bp_val scale = bp_div(g, v->weight, std);
    bp_val shift = bp_sub(g, v->bias, bp_mul(g, v->mean, scale));
    x = bp_mul(g, x, bp_reshape(g, scale, rank, dims));
    return bp_add(g, x, bp_reshape(g, shift, rank, dims));
}

bp_val bp_nn_batch_norm(bp_nn *nn, bp_val x,
                        const bp_nn_batch_norm_options *o)
{
    char t[200];
    double eps = o && o->eps != 0 ? o->eps : 1e-5;
    double momentum = o && o->momentum != 0 ? o->momentum : 0.1;
    if (!bp__layer_begin(nn, "batch_norm", x))
        return BP_NIL;
    if (bp_val_rank(nn->g, x) < 2)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                           "[N,channels,...]", type_of_x(nn, x, t));
    if (!(eps > 0) || !(momentum > 0 && momentum <= 1))
        return bp__nn_fail(nn, BP_ERANGE, "eps %g must be above 0, momentum "
                           "%g above 0 and at most 1", eps, momentum);
    int64_t c = bp_val_dim(nn->g, x, 1);
    norm_vars v;
    v.weight = norm_param(nn, "weight", 1, &c, 1);
    v.bias = norm_param(nn, "bias", 1, &c, 0);
    v.mean = bp_nn_buffer(nn, "running_mean", 1, &c, 0);
    v.var = bp_nn_buffer(nn, "running_var", 1, &c, 1);
    return bp__layer_end(nn, nn->training
                                 ? norm_training(nn, x, &v, eps, momentum)
                                 : norm_evaluation(nn, x, &v, eps));
}

bp_val bp_nn_layer_norm(bp_nn *nn, bp_val x, double eps)
{
    char t[200];
    if (!bp__layer_begin(nn, "layer_norm", x))
        return BP_NIL;
    const bp__type xt = *bp__type_of(nn->g, x);
    if (xt.rank < 2)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                           "[N,features,...]", type_of_x(nn, x, t));
    if (eps == 0)
        eps = 1e-5;
    if (!(eps > 0))
        return bp__nn_fail(nn, BP_ERANGE, "eps is %g, must be above 0", eps);
    int n = xt.rank - 1;
    bp_val weight = norm_param(nn, "weight", n, xt.dims + 1, 1);
    bp_val bias = norm_param(nn, "bias", n, xt.dims + 1, 0);
    return bp__layer_end(nn, bp_layer_norm(nn->g, x, weight, bias, n, eps));
}

/* ---- dropout ---- */

bp_val bp_nn_dropout(bp_nn *nn, bp_val x, double p)
{
    if (!bp__layer_begin(nn, "dropout", x))
        return BP_NIL;
    if (!(p >= 0 && p < 1))
        return bp__nn_fail(nn, BP_ERANGE, "p is %g, must be from 0 to below 1",
                           p);
    if (!nn->training || p == 0)
        return bp__layer_end(nn, x);
    /* One stream for each dropout layer, of its path: other layers may come
     * and go. */
    const char *path = nn->block->path;
    uint64_t h = bp__hash(BP__HASH_INIT, "dropout", 7);
    h = bp__hash(h, path, strlen(path));
    return bp__layer_end(nn, bp_dropout(nn->g, x, bp_nn_key(nn), p,
                                        (int64_t)(h >> 1)));
}

/* ---- blocks and joins ---- */

static bp_val residual_sum(bp_nn *nn, bp_val y, bp_val z)
{
    char a[200], b[200];
    if (!bp__ok(nn->g))
        return BP_NIL;
    if (!bp__value_of(nn->g, y) || !bp__value_of(nn->g, z))
        return bp__nn_fail(nn, BP_EARG, "its body or shortcut gives no value "
                           "of this graph");
    if (!bp__same_dims(bp__type_of(nn->g, y), bp__type_of(nn->g, z)))
        return bp__nn_fail(nn, BP_ESHAPE, "its body gives %s, its shortcut "
                           "%s: they must be equal", type_of_x(nn, y, a),
                           type_of_x(nn, z, b));
    return bp__layer_end(nn, bp_add(nn->g, y, z));
}

bp_val bp_nn_residual(bp_nn *nn, bp_val x, bp_net body, bp_net shortcut,
                      void *user)
{
    if (!bp__layer_begin(nn, "residual", x))
        return BP_NIL;
    if (!body)
        return bp__nn_fail(nn, BP_EARG, "its body is missing");
    bp__block_push(nn, "body");
    bp_val y = body(nn, x, user), z = x;
    bp__block_pop(nn);
    if (shortcut) {
        bp__block_push(nn, "shortcut");
        z = shortcut(nn, x, user);
        bp__block_pop(nn);
    }
    return residual_sum(nn, y, z);
}

bp_val bp__nn_residual(bp_nn *nn, bp_val x, const bp__argval *body,
                       const bp__argval *shortcut)
{
    if (!bp__layer_begin(nn, "residual", x))
        return BP_NIL;
    bp__block_push(nn, "body");
    bp_val y = bp__nn_walk(nn, body->list, body->n, x), z = x;
    bp__block_pop(nn);
    if (shortcut->n) {
        bp__block_push(nn, "shortcut");
        z = bp__nn_walk(nn, shortcut->list, shortcut->n, x);
        bp__block_pop(nn);
    }
    return residual_sum(nn, y, z);
}

static bool begin_join(bp_nn *nn, const char *kind, int n, const bp_val *x)
{
    if (!bp__nn_ok(nn))
        return false;
    if (n < 1) {
        bp__nn_fail(nn, BP_EARG, "%s of %d values: must be at least 1", kind,
                    n);
        return false;
    }
    if (!bp__layer_begin(nn, kind, x[0]))
        return false;
    for (int i = 1; i < n; i++)
        if (!bp__value_of(nn->g, x[i])) {
            bp__nn_fail(nn, BP_EARG, "its input %d is no value of this graph",
                        i);
            return false;
        }
    return true;
}

bp_val bp_nn_add(bp_nn *nn, int n, const bp_val *x)
{
    char a[200], b[200];
    if (!begin_join(nn, "add", n, x))
        return BP_NIL;
    bp_val y = x[0];
    for (int i = 1; i < n; i++) {
        if (!bp__same_dims(bp__type_of(nn->g, x[0]),
                           bp__type_of(nn->g, x[i])))
            return bp__nn_fail(nn, BP_ESHAPE, "its inputs are %s and %s: "
                               "they must be equal", type_of_x(nn, x[0], a),
                               type_of_x(nn, x[i], b));
        y = bp_add(nn->g, y, x[i]);
    }
    return bp__layer_end(nn, y);
}

bp_val bp_nn_concat(bp_nn *nn, int n, const bp_val *x, int64_t axis)
{
    char a[200], b[200];
    if (!begin_join(nn, "concat", n, x))
        return BP_NIL;
    const bp__type *t = bp__type_of(nn->g, x[0]);
    int at = bp__axis(axis, t->rank);
    if (at < 1)
        return bp__nn_fail(nn, BP_ESHAPE, "axis %lld of its input %s is not "
                           "one of a sample's axes", (long long)axis,
                           type_of_x(nn, x[0], a));
    for (int i = 1; i < n; i++) {
        bp__type u = *bp__type_of(nn->g, x[i]);
        u.dims[at] = u.rank == t->rank ? t->dims[at] : -1;
        if (!bp__same_dims(t, &u))
            return bp__nn_fail(nn, BP_ESHAPE, "its inputs are %s and %s: all "
                               "sizes but that of axis %d must be equal",
                               type_of_x(nn, x[0], a),
                               type_of_x(nn, x[i], b), at);
    }
    return bp__layer_end(nn, bp_concat(nn->g, n, x, at));
}
