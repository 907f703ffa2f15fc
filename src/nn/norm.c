/* Normalization: the C calls. */
#include "nn/nn.h"

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
                           "[N,channels,...]", bp__nn_type_text(nn, x, t));
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
                           "[N,features,...]", bp__nn_type_text(nn, x, t));
    if (eps == 0)
        eps = 1e-5;
    if (!(eps > 0))
        return bp__nn_fail(nn, BP_ERANGE, "eps is %g, must be above 0", eps);
    int n = xt.rank - 1;
    bp_val weight = norm_param(nn, "weight", n, xt.dims + 1, 1);
    bp_val bias = norm_param(nn, "bias", n, xt.dims + 1, 0);
    return bp__layer_end(nn, bp_layer_norm(nn->g, x, weight, bias, n, eps));
}

/* ---- in groups of channels ---- */

/* [N,C,...]: each group of channels of a sample to mean 0 and variance 1. */
static bp_val normalize_groups(bp_nn *nn, bp_val x, int64_t groups, double eps)
{
    static const int64_t last = 2;
    bp_graph *g = nn->g;
    const bp__type t = *bp__type_of(g, x);
    int64_t dims[3] = {t.dims[0], groups, 1};
    for (int i = 1; i < t.rank; i++)
        dims[2] *= t.dims[i];
    dims[2] /= groups;
    bp_val z = bp_reshape(g, x, 3, dims);
    bp_val mean = bp_mean(g, z, 1, &last, true);
    bp_val centered = bp_sub(g, z, mean);
    bp_val var = bp_mean(g, bp_square(g, centered), 1, &last, true);
    bp_val inv = bp_reciprocal(g, bp_sqrt(g, bp_add_scalar(g, var, eps)));
    return bp_reshape(g, bp_mul(g, centered, inv), t.rank, t.dims);
}

/* x weight + bias, both [C]. */
static bp_val scale_channels(bp_nn *nn, bp_val x)
{
    bp_graph *g = nn->g;
    int64_t c = bp_val_dim(g, x, 1), dims[BP_MAX_RANK];
    int rank = bp_val_rank(g, x);
    for (int i = 0; i < rank; i++)
        dims[i] = i == 1 ? c : 1;
    bp_val weight = norm_param(nn, "weight", 1, &c, 1);
    bp_val bias = norm_param(nn, "bias", 1, &c, 0);
    x = bp_mul(g, x, bp_reshape(g, weight, rank, dims));
    return bp_add(g, x, bp_reshape(g, bias, rank, dims));
}

static bool check_eps(bp_nn *nn, double eps)
{
    if (!(eps > 0))
        bp__nn_fail(nn, BP_ERANGE, "eps is %g, must be above 0", eps);
    return bp__ok(nn->g);
}

bp_val bp_nn_group_norm(bp_nn *nn, bp_val x, int64_t groups, double eps)
{
    char t[200];
    if (eps == 0)
        eps = 1e-5;
    if (!bp__layer_begin(nn, "group_norm", x) || !check_eps(nn, eps))
        return BP_NIL;
    const bp__type xt = *bp__type_of(nn->g, x);
    if (xt.rank < 2 || xt.dims[1] < 1)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                           "[N,channels,...]", bp__nn_type_text(nn, x, t));
    if (groups < 1 || xt.dims[1] % groups)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s: %lld groups must "
                           "divide its %lld channels",
                           bp__nn_type_text(nn, x, t),
                           (long long)groups, (long long)xt.dims[1]);
    x = normalize_groups(nn, x, groups, eps);
    return bp__layer_end(nn, scale_channels(nn, x));
}

bp_val bp_nn_instance_norm(bp_nn *nn, bp_val x, bool affine, double eps)
{
    char t[200];
    if (eps == 0)
        eps = 1e-5;
    if (!bp__layer_begin(nn, "instance_norm", x) || !check_eps(nn, eps))
        return BP_NIL;
    const bp__type xt = *bp__type_of(nn->g, x);
    int64_t places = xt.rank > 2 ? 1 : 0;
    for (int i = 2; i < xt.rank; i++)
        places *= xt.dims[i];
    if (places < 2 || xt.dims[1] < 1)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                           "[N,channels,...] with two elements or more a "
                           "channel", bp__nn_type_text(nn, x, t));
    x = normalize_groups(nn, x, xt.dims[1], eps);
    return bp__layer_end(nn, affine ? scale_channels(nn, x) : x);
}

bp_val bp_nn_rms_norm(bp_nn *nn, bp_val x, int n_axes, double eps)
{
    char t[200];
    if (eps == 0)
        eps = bp_nn_dtype(nn) == BP_F64 ? 0x1p-52 : 0x1p-23;
    if (!bp__layer_begin(nn, "rms_norm", x) || !check_eps(nn, eps))
        return BP_NIL;
    bp_graph *g = nn->g;
    const bp__type xt = *bp__type_of(g, x);
    if (n_axes < 1 || n_axes >= xt.rank)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s: the number of "
                           "last axes is %d, must be from 1 to %d",
                           bp__nn_type_text(nn, x, t), n_axes, xt.rank - 1);
    int64_t axes[BP_MAX_RANK];
    for (int i = 0; i < n_axes; i++)
        axes[i] = xt.rank - n_axes + i;
    bp_val weight = norm_param(nn, "weight", n_axes,
                               xt.dims + xt.rank - n_axes, 1);
    bp_val square = bp_mean(g, bp_square(g, x), n_axes, axes, true);
    bp_val inv = bp_reciprocal(g, bp_sqrt(g, bp_add_scalar(g, square, eps)));
    return bp__layer_end(nn, bp_mul(g, bp_mul(g, x, inv), weight));
}
