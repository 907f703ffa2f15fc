/* Activations: the C calls. */
#include "nn/nn.h"

static bp_val activation(bp_nn *nn, const char *kind, bp_val x,
                         bp_val (*op)(bp_graph *g, bp_val x))
{
    if (!bp__layer_begin(nn, kind, x))
        return BP_NIL;
    return bp__layer_end(nn, op(nn->g, x));
}

bp_val bp_nn_sigmoid(bp_nn *nn, bp_val x)
{
    return activation(nn, "sigmoid", x, bp_sigmoid);
}

bp_val bp_nn_tanh(bp_nn *nn, bp_val x)
{
    return activation(nn, "tanh", x, bp_tanh);
}

bp_val bp_nn_relu(bp_nn *nn, bp_val x)
{
    return activation(nn, "relu", x, bp_relu);
}

bp_val bp_nn_gelu(bp_nn *nn, bp_val x)
{
    return activation(nn, "gelu", x, bp_gelu);
}

bp_val bp_nn_selu(bp_nn *nn, bp_val x)
{
    return activation(nn, "selu", x, bp_selu);
}

bp_val bp_nn_silu(bp_nn *nn, bp_val x)
{
    return activation(nn, "silu", x, bp_silu);
}

bp_val bp_nn_mish(bp_nn *nn, bp_val x)
{
    return activation(nn, "mish", x, bp_mish);
}

bp_val bp_nn_softsign(bp_nn *nn, bp_val x)
{
    return activation(nn, "softsign", x, bp_softsign);
}

bp_val bp_nn_hard_sigmoid(bp_nn *nn, bp_val x)
{
    return activation(nn, "hard_sigmoid", x, bp_hard_sigmoid);
}

bp_val bp_nn_hard_swish(bp_nn *nn, bp_val x)
{
    return activation(nn, "hard_swish", x, bp_hard_swish);
}

bp_val bp_nn_leaky_relu(bp_nn *nn, bp_val x, double slope)
{
    if (!bp__layer_begin(nn, "leaky_relu", x))
        return BP_NIL;
    return bp__layer_end(nn, bp_leaky_relu(nn->g, x, slope));
}

bp_val bp_nn_elu(bp_nn *nn, bp_val x, double alpha)
{
    if (!bp__layer_begin(nn, "elu", x))
        return BP_NIL;
    return bp__layer_end(nn, bp_elu(nn->g, x, alpha));
}

bp_val bp_nn_celu(bp_nn *nn, bp_val x, double alpha)
{
    if (!bp__layer_begin(nn, "celu", x))
        return BP_NIL;
    return bp__layer_end(nn, bp_celu(nn->g, x, alpha));
}

bp_val bp_nn_softplus(bp_nn *nn, bp_val x, double beta, double threshold)
{
    if (!bp__layer_begin(nn, "softplus", x))
        return BP_NIL;
    return bp__layer_end(nn, bp_softplus(nn->g, x, beta, threshold));
}

bp_val bp_nn_hard_tanh(bp_nn *nn, bp_val x, double low, double high)
{
    if (!bp__layer_begin(nn, "hard_tanh", x))
        return BP_NIL;
    return bp__layer_end(nn, bp_hard_tanh(nn->g, x, low, high));
}

/* A parameter of dims[count] that starts with one value. */
static bp_val slope_param(bp_nn *nn, int64_t count, double slope)
{
    char text[60], number[32];
    bp__format_double(number, slope);
    bp__snprintf(text, sizeof text, "constant(%s)", number);
    return bp__nn_parameter(nn, "weight", 1, &count,
                            bp__nn_parse(nn, BP_NN_INITS, text), 1, 1);
}

bp_val bp_nn_prelu(bp_nn *nn, bp_val x, bool per_channel, double slope)
{
    char t[200];
    if (!bp__layer_begin(nn, "prelu", x))
        return BP_NIL;
    bp_graph *g = nn->g;
    int rank = bp_val_rank(g, x);
    if (per_channel && rank < 2)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                           "[N,channels,...]", bp__nn_type_text(nn, x, t));
    int64_t dims[BP_MAX_RANK];
    for (int i = 0; i < rank; i++)
        dims[i] = 1;
    if (per_channel)
        dims[1] = bp_val_dim(g, x, 1);
    bp_val w = slope_param(nn, per_channel ? dims[1] : 1, slope);
    bp_val up = bp_gt(g, x, bp_scalar(g, nn->dtype, 0));
    bp_val scaled = bp_mul(g, x, bp_reshape(g, w, rank, dims));
    return bp__layer_end(nn, bp_select(g, up, x, scaled));
}

static bp_val along_axis(bp_nn *nn, const char *kind, bp_val x, int64_t axis,
                         bp_val (*op)(bp_graph *g, bp_val x, int64_t axis))
{
    char t[200];
    if (!bp__layer_begin(nn, kind, x))
        return BP_NIL;
    int at = bp__axis(axis, bp_val_rank(nn->g, x));
    if (at < 1)
        return bp__nn_fail(nn, BP_ESHAPE, "axis %lld of its input %s is not "
                           "one of a sample's axes", (long long)axis,
                           bp__nn_type_text(nn, x, t));
    return bp__layer_end(nn, op(nn->g, x, at));
}

bp_val bp__nn_softmax_axis(bp_nn *nn, bp_val x, int64_t axis)
{
    return along_axis(nn, "softmax", x, axis, bp_softmax);
}

bp_val bp__nn_log_softmax_axis(bp_nn *nn, bp_val x, int64_t axis)
{
    return along_axis(nn, "log_softmax", x, axis, bp_log_softmax);
}

bp_val bp_nn_softmax(bp_nn *nn, bp_val x)
{
    return bp__nn_softmax_axis(nn, x, -1);
}

bp_val bp_nn_log_softmax(bp_nn *nn, bp_val x)
{
    return bp__nn_log_softmax_axis(nn, x, -1);
}
