/* The table of layers: what a description may say, and how each row becomes a
 * call of the functions in layer.c, norm.c, activation.c, embedding.c and
 * layer_plain.c. To add a layer: a function there, its prototype in nn.h, a
 * row here. */
#include "nn/nn.h"

#include <math.h>

static const bp__spec *own_init(const bp__spec *s, const char *key,
                                const bp__spec *context)
{
    const bp__spec *own = bp__arg(s, key)->spec;
    return own ? own : context;
}

static void copy_pair(const bp__spec *s, const char *key, int64_t out[2])
{
    const bp__argval *v = bp__arg(s, key);
    out[0] = v->i[0];
    out[1] = v->i[1];
}

static bp_val build_dense(bp_nn *nn, const bp__spec *s, int n,
                          const bp_val *x)
{
    (void)n;
    return bp__nn_dense(nn, x[0], bp__arg_int(s, "units"),
                        bp__arg_bool(s, "bias"),
                        own_init(s, "init", nn->init),
                        own_init(s, "bias_init", nn->bias_init));
}

static bp_val build_conv2d(bp_nn *nn, const bp__spec *s, int n,
                           const bp_val *x)
{
    (void)n;
    bp_nn_conv2d_options o = {.filters = bp__arg_int(s, "filters"),
                              .same = bp__arg_is(s, "padding", "same"),
                              .groups = bp__arg_int(s, "groups"),
                              .no_bias = !bp__arg_bool(s, "bias")};
    copy_pair(s, "kernel", o.kernel);
    copy_pair(s, "stride", o.stride);
    copy_pair(s, "padding", o.padding);
    copy_pair(s, "dilation", o.dilation);
    return bp__nn_conv2d(nn, x[0], &o, own_init(s, "init", nn->init),
                         own_init(s, "bias_init", nn->bias_init));
}

static bp_val build_conv1d(bp_nn *nn, const bp__spec *s, int n,
                           const bp_val *x)
{
    (void)n;
    bp_nn_conv1d_options o = {.filters = bp__arg_int(s, "filters"),
                              .kernel = bp__arg_int(s, "kernel"),
                              .stride = bp__arg_int(s, "stride"),
                              .padding = bp__arg(s, "padding")->i[0],
                              .same = bp__arg_is(s, "padding", "same"),
                              .dilation = bp__arg_int(s, "dilation"),
                              .groups = bp__arg_int(s, "groups"),
                              .no_bias = !bp__arg_bool(s, "bias")};
    return bp__nn_conv1d(nn, x[0], &o, own_init(s, "init", nn->init),
                         own_init(s, "bias_init", nn->bias_init));
}

static const char *check_conv1d(const bp__spec *s)
{
    const bp__argval *p = bp__arg(s, "padding");
    return p->i[0] == p->i[1] ? NULL : "padding is one number here";
}

static bp_val build_conv_transpose2d(bp_nn *nn, const bp__spec *s, int n,
                                     const bp_val *x)
{
    (void)n;
    bp_nn_conv_transpose2d_options o = {
        .filters = bp__arg_int(s, "filters"),
        .groups = bp__arg_int(s, "groups"),
        .no_bias = !bp__arg_bool(s, "bias")};
    copy_pair(s, "kernel", o.kernel);
    copy_pair(s, "stride", o.stride);
    copy_pair(s, "padding", o.padding);
    copy_pair(s, "output_padding", o.output_padding);
    copy_pair(s, "dilation", o.dilation);
    return bp__nn_conv_transpose2d(nn, x[0], &o,
                                   own_init(s, "init", nn->init),
                                   own_init(s, "bias_init", nn->bias_init));
}

static bp_val build_upsample(bp_nn *nn, const bp__spec *s, int n,
                             const bp_val *x)
{
    (void)n;
    bp_nn_upsample_options o = {.bilinear = bp__arg_is(s, "mode",
                                                       "bilinear")};
    copy_pair(s, "scale", o.scale);
    return bp_nn_upsample(nn, x[0], &o);
}

static bp_val build_embedding(bp_nn *nn, const bp__spec *s, int n,
                              const bp_val *x)
{
    (void)n;
    return bp__nn_embedding(nn, x[0], bp__arg_int(s, "count"),
                            bp__arg_int(s, "dim"), own_init(s, "init", NULL));
}

static bp_val build_pool2d(bp_nn *nn, const bp__spec *s, int n,
                           const bp_val *x)
{
    (void)n;
    bp_nn_pool2d_options o = {
        .same = bp__arg_is(s, "padding", "same"),
        .exclude_padding = bp__arg_bool(s, "exclude_padding")};
    copy_pair(s, "kernel", o.kernel);
    copy_pair(s, "stride", o.stride);
    copy_pair(s, "padding", o.padding);
    return bp__nn_pool2d(nn, x[0], s->row->name, &o);
}

/* Rows without values: one line each. */
#define PLAIN(kind)                                                        \
    static bp_val build_##kind(bp_nn *nn, const bp__spec *s, int n,        \
                               const bp_val *x)                            \
    {                                                                      \
        (void)s, (void)n;                                                  \
        return bp_nn_##kind(nn, x[0]);                                     \
    }
PLAIN(global_avg_pool2d)
PLAIN(flatten)
PLAIN(sigmoid)
PLAIN(tanh)
PLAIN(relu)
#undef PLAIN

/* What ops.def calls an activation. */
static bp_val build_activation(bp_nn *nn, const bp__spec *s, int n,
                               const bp_val *x)
{
    (void)n;
    if (!bp__layer_begin(nn, s->row->name, x[0]))
        return BP_NIL;
    return bp__layer_end(nn, bp__emit1(nn->g, bp__op_find(s->row->name), NULL,
                                       1, x));
}

/* Activations with one number. */
#define ONE(kind, key)                                                     \
    static bp_val build_##kind(bp_nn *nn, const bp__spec *s, int n,        \
                               const bp_val *x)                            \
    {                                                                      \
        (void)n;                                                           \
        return bp_nn_##kind(nn, x[0], bp__arg_float(s, key));              \
    }
ONE(leaky_relu, "slope")
ONE(elu, "alpha")
ONE(celu, "alpha")
#undef ONE

static bp_val build_softplus(bp_nn *nn, const bp__spec *s, int n,
                             const bp_val *x)
{
    (void)n;
    return bp_nn_softplus(nn, x[0], bp__arg_float(s, "beta"),
                          bp__arg_float(s, "threshold"));
}

static bp_val build_hard_tanh(bp_nn *nn, const bp__spec *s, int n,
                              const bp_val *x)
{
    (void)n;
    return bp_nn_hard_tanh(nn, x[0], bp__arg_float(s, "low"),
                           bp__arg_float(s, "high"));
}

static bp_val build_prelu(bp_nn *nn, const bp__spec *s, int n,
                          const bp_val *x)
{
    (void)n;
    return bp_nn_prelu(nn, x[0], bp__arg_is(s, "per", "channel"),
                       bp__arg_float(s, "slope"));
}

static const char *check_hard_tanh(const bp__spec *s)
{
    return bp__arg_float(s, "low") < bp__arg_float(s, "high")
               ? NULL : "low must be below high";
}

static bp_val build_softmax(bp_nn *nn, const bp__spec *s, int n,
                            const bp_val *x)
{
    (void)n;
    return bp__nn_softmax_axis(nn, x[0], bp__arg_int(s, "axis"));
}

static bp_val build_log_softmax(bp_nn *nn, const bp__spec *s, int n,
                                const bp_val *x)
{
    (void)n;
    return bp__nn_log_softmax_axis(nn, x[0], bp__arg_int(s, "axis"));
}

static bp_val build_batch_norm(bp_nn *nn, const bp__spec *s, int n,
                               const bp_val *x)
{
    (void)n;
    bp_nn_batch_norm_options o = {.eps = bp__arg_float(s, "eps"),
                                  .momentum = bp__arg_float(s, "momentum")};
    return bp_nn_batch_norm(nn, x[0], &o);
}

static bp_val build_layer_norm(bp_nn *nn, const bp__spec *s, int n,
                               const bp_val *x)
{
    (void)n;
    return bp_nn_layer_norm(nn, x[0], bp__arg_float(s, "eps"));
}

static bp_val build_group_norm(bp_nn *nn, const bp__spec *s, int n,
                               const bp_val *x)
{
    (void)n;
    return bp_nn_group_norm(nn, x[0], bp__arg_int(s, "groups"),
                            bp__arg_float(s, "eps"));
}

static bp_val build_instance_norm(bp_nn *nn, const bp__spec *s, int n,
                                  const bp_val *x)
{
    (void)n;
    return bp_nn_instance_norm(nn, x[0], bp__arg_bool(s, "affine"),
                               bp__arg_float(s, "eps"));
}

static bp_val build_rms_norm(bp_nn *nn, const bp__spec *s, int n,
                             const bp_val *x)
{
    (void)n;
    const bp__argval *eps = bp__arg(s, "eps");
    return bp_nn_rms_norm(nn, x[0], (int)bp__arg_int(s, "axes"),
                          eps->set ? eps->f : 0);
}

static bp_val build_maxout(bp_nn *nn, const bp__spec *s, int n,
                           const bp_val *x)
{
    (void)n;
    return bp_nn_maxout(nn, x[0], bp__arg_int(s, "pieces"));
}

static bp_val build_dropout(bp_nn *nn, const bp__spec *s, int n,
                            const bp_val *x)
{
    (void)n;
    return bp_nn_dropout(nn, x[0], bp__arg_float(s, "p"));
}

static bp_val build_residual(bp_nn *nn, const bp__spec *s, int n,
                             const bp_val *x)
{
    (void)n;
    return bp__nn_residual(nn, x[0], bp__arg(s, "body"),
                           bp__arg(s, "shortcut"));
}

static bp_val build_ensemble(bp_nn *nn, const bp__spec *s, int n,
                             const bp_val *x)
{
    (void)n;
    return bp__nn_ensemble(nn, x[0], bp__arg_int(s, "members"),
                           bp__arg(s, "body"));
}

static bp_val build_add(bp_nn *nn, const bp__spec *s, int n, const bp_val *x)
{
    (void)s;
    return bp_nn_add(nn, n, x);
}

static bp_val build_concat(bp_nn *nn, const bp__spec *s, int n,
                           const bp_val *x)
{
    return bp_nn_concat(nn, n, x, bp__arg_int(s, "axis"));
}

/* ---- arguments ---- */

#define INIT_ARGS                                                          \
    {"init", BP__ARG_SPEC, "initial weights; the model's unless given",    \
     .table = BP_NN_INITS},                                                \
    {"bias_init", BP__ARG_SPEC, "initial biases; the model's unless given", \
     .table = BP_NN_INITS}
#define END {.name = NULL}

static const bp__argdef dense_args[] = {
    {"units", BP__ARG_INT, "outputs", .required = true, BP__FROM(1)},
    {"bias", BP__ARG_BOOL, "adds a bias", .def = 1}, INIT_ARGS, END};

static const bp__argdef conv2d_args[] = {
    {"filters", BP__ARG_INT, "output channels", .required = true,
     BP__FROM(1)},
    {"kernel", BP__ARG_PAIR, "height and width of the kernel",
     .required = true, BP__FROM(1)},
    {"stride", BP__ARG_PAIR, "step of the window", .def = 1, BP__FROM(1)},
    {"padding", BP__ARG_PADDING, "zeros around the input",
     .def_text = "valid", BP__FROM(0)},
    {"dilation", BP__ARG_PAIR, "step between the kernel's elements",
     .def = 1, BP__FROM(1)},
    {"groups", BP__ARG_INT, "channels are cut into so many groups", .def = 1,
     BP__FROM(1)},
    {"bias", BP__ARG_BOOL, "adds a bias", .def = 1}, INIT_ARGS, END};

static const bp__argdef conv1d_args[] = {
    {"filters", BP__ARG_INT, "output channels", .required = true,
     BP__FROM(1)},
    {"kernel", BP__ARG_INT, "length of the kernel", .required = true,
     BP__FROM(1)},
    {"stride", BP__ARG_INT, "step of the window", .def = 1, BP__FROM(1)},
    {"padding", BP__ARG_PADDING, "zeros at both ends of the input",
     .def_text = "valid", BP__FROM(0)},
    {"dilation", BP__ARG_INT, "step between the kernel's elements", .def = 1,
     BP__FROM(1)},
    {"groups", BP__ARG_INT, "channels are cut into so many groups", .def = 1,
     BP__FROM(1)},
    {"bias", BP__ARG_BOOL, "adds a bias", .def = 1}, INIT_ARGS, END};

static const bp__argdef conv_transpose2d_args[] = {
    {"filters", BP__ARG_INT, "output channels", .required = true,
     BP__FROM(1)},
    {"kernel", BP__ARG_PAIR, "height and width of the kernel",
     .required = true, BP__FROM(1)},
    {"stride", BP__ARG_PAIR, "step of the window over the output", .def = 1,
     BP__FROM(1)},
    {"padding", BP__ARG_PAIR, "rows and columns cut off around the output",
     .def = 0, BP__FROM(0)},
    {"output_padding", BP__ARG_PAIR, "rows and columns added at the bottom "
     "and right", .def = 0, BP__FROM(0)},
    {"dilation", BP__ARG_PAIR, "step between the kernel's elements",
     .def = 1, BP__FROM(1)},
    {"groups", BP__ARG_INT, "channels are cut into so many groups", .def = 1,
     BP__FROM(1)},
    {"bias", BP__ARG_BOOL, "adds a bias", .def = 1}, INIT_ARGS, END};

static const bp__argdef upsample_args[] = {
    {"scale", BP__ARG_PAIR, "factors of height and width", .required = true,
     BP__FROM(1)},
    {"mode", BP__ARG_CHOICE, "elements are repeated, or interpolated (not to "
     "the corners)", .def_text = "nearest", .choices = "nearest|bilinear"},
    END};
static const bp__argdef embedding_args[] = {
    {"count", BP__ARG_INT, "rows of the table", .required = true,
     BP__FROM(1)},
    {"dim", BP__ARG_INT, "numbers of a row", .required = true, BP__FROM(1)},
    {"init", BP__ARG_SPEC, "initial rows; normal(1) unless given",
     .table = BP_NN_INITS}, END};

#define POOL_ARGS                                                          \
    {"kernel", BP__ARG_PAIR, "height and width of the window",             \
     .required = true, BP__FROM(1)},                                       \
    {"stride", BP__ARG_PAIR, "step of the window; the kernel unless given", \
     .def = 0, BP__FROM(1)},                                               \
    {"padding", BP__ARG_PADDING, "empty places around the input",          \
     .def_text = "valid", BP__FROM(0)}
static const bp__argdef max_pool2d_args[] = {POOL_ARGS, END};
static const bp__argdef avg_pool2d_args[] = {
    POOL_ARGS,
    {"exclude_padding", BP__ARG_BOOL, "averages count real elements only",
     .def = 0}, END};

static const bp__argdef leaky_relu_args[] = {
    {"slope", BP__ARG_FLOAT, "factor of negative inputs", .def = 0.01,
     BP__FROM(0)}, END};
static const bp__argdef elu_args[] = {
    {"alpha", BP__ARG_FLOAT, "the limit below is -alpha", .def = 1,
     BP__FROM(0)}, END};
static const bp__argdef celu_args[] = {
    {"alpha", BP__ARG_FLOAT, "the limit below is -alpha", .def = 1,
     BP__ABOVE(0)}, END};
static const bp__argdef softplus_args[] = {
    {"beta", BP__ARG_FLOAT, "how sharp the bend is", .def = 1, BP__ABOVE(0)},
    {"threshold", BP__ARG_FLOAT, "x itself where beta x is above it",
     .def = 20, BP__ANY}, END};
static const bp__argdef hard_tanh_args[] = {
    {"low", BP__ARG_FLOAT, "the smallest value", .def = -1, BP__ANY},
    {"high", BP__ARG_FLOAT, "the largest value", .def = 1, BP__ANY}, END};
static const bp__argdef prelu_args[] = {
    {"per", BP__ARG_CHOICE, "one weight, or one for each channel",
     .def_text = "one", .choices = "one|channel"},
    {"slope", BP__ARG_FLOAT, "what the weights start with", .def = 0.25,
     BP__ANY}, END};
static const bp__argdef softmax_args[] = {
    {"axis", BP__ARG_INT, "axis, batch included; -1: the last", .def = -1,
     BP__ANY}, END};
static const bp__argdef batch_norm_args[] = {
    {"eps", BP__ARG_FLOAT, "added to the variance", .def = 1e-5,
     BP__ABOVE(0)},
    {"momentum", BP__ARG_FLOAT, "weight of the new statistics", .def = 0.1,
     .min = 0, .max = 1, .open_min = true}, END};
static const bp__argdef layer_norm_args[] = {
    {"eps", BP__ARG_FLOAT, "added to the variance", .def = 1e-5,
     BP__ABOVE(0)}, END};
static const bp__argdef group_norm_args[] = {
    {"groups", BP__ARG_INT, "so many groups of channels", .required = true,
     BP__FROM(1)},
    {"eps", BP__ARG_FLOAT, "added to the variance", .def = 1e-5,
     BP__ABOVE(0)}, END};
static const bp__argdef instance_norm_args[] = {
    {"affine", BP__ARG_BOOL, "then scales and shifts each channel",
     .def = 0},
    {"eps", BP__ARG_FLOAT, "added to the variance", .def = 1e-5,
     BP__ABOVE(0)}, END};
static const bp__argdef rms_norm_args[] = {
    {"axes", BP__ARG_INT, "so many of the last axes", .def = 1, BP__FROM(1)},
    {"eps", BP__ARG_FLOAT, "added to the mean square; the epsilon of the "
     "type (f32: 2^-23) unless given", BP__ABOVE(0), .no_default = true},
    END};
static const bp__argdef maxout_args[] = {
    {"pieces", BP__ARG_INT, "so many channels make one", .required = true,
     BP__FROM(1)}, END};
static const bp__argdef dropout_args[] = {
    {"p", BP__ARG_FLOAT, "probability of dropping", .def = 0.5, .min = 0,
     .max = 1, .open_max = true}, END};
static const bp__argdef residual_args[] = {
    {"body", BP__ARG_LAYERS, "the layers", .required = true},
    {"shortcut", BP__ARG_LAYERS, "beside them; nothing: the input itself",
     .required = false}, END};
static const bp__argdef ensemble_args[] = {
    {"members", BP__ARG_INT, "how many", .def = 4, .min = 1, .max = 1000},
    {"body", BP__ARG_LAYERS, "the layers of each", .required = true}, END};
static const bp__argdef concat_args[] = {
    {"axis", BP__ARG_INT, "axis, batch included; 1: channels or features",
     .def = 1, BP__ANY}, END};

const bp__kinddef bp__layer_rows[] = {
    {"dense", "y = x W^T + b", dense_args, "units", 1,
     .math = "x@ = W@ y@-?bias{ + b@}", .dweight = "y@-",
     .build.layer = build_dense},
    {"conv2d", "cross-correlation of pictures with learned kernels",
     conv2d_args, "filters", 1,
     .math = "x@_{f,i,j} = Σ_{c,p,q} W@_{f,c,p,q} "
         "y@-_{c,s i+p,s j+q}?bias{ + b@_f}",
     .dweight = "y@-_{c,s i+p,s j+q}", .build.layer = build_conv2d},
    {"conv1d", "cross-correlation of sequences [N, channels, length] with "
     "learned kernels", conv1d_args, "filters", 1, .check = check_conv1d,
     .math = "x@_{f,i} = Σ_{c,p} W@_{f,c,p} y@-_{c,s i+p}?bias{ + b@_f}",
     .dweight = "y@-_{c,s i+p}", .build.layer = build_conv1d},
    {"conv_transpose2d", "the transpose of conv2d: size (in - 1) * stride - 2 "
     "* padding + dilation * (kernel - 1) + 1 + output_padding",
     conv_transpose2d_args, "filters", 1,
     .math = "x@_{f,s i+p,s j+q} = Σ_{c,i,j} W@_{c,f,p,q} "
         "y@-_{c,i,j}?bias{ + b@_f}",
     .dweight = "y@-_{c,i,j}", .build.layer = build_conv_transpose2d},
    {"upsample", "larger pictures", upsample_args, "scale", 1,
     .math = "x@_{c,i,j} = Σ_{p,q} u_{ip} u_{jq} y@-_{c,p,q}",
     .build.layer = build_upsample},
    {"embedding", "row x of a learned table; x holds whole numbers from 0 to "
     "below count", embedding_args, NULL, 1,
     .math = "x@_i = W@_{y@-_i}", .dweight = "1_{k = y@-_i}",
     .build.layer = build_embedding},
    {"max_pool2d", "the largest element of each window", max_pool2d_args,
     "kernel", 1,
     .math = "x@_{c,i,j} = max_{p,q} y@-_{c,s i+p,s j+q}",
     .build.layer = build_pool2d},
    {"avg_pool2d", "the mean of each window", avg_pool2d_args, "kernel", 1,
     .math = "x@_{c,i,j} = mean_{p,q} y@-_{c,s i+p,s j+q}",
     .build.layer = build_pool2d},
    {"global_avg_pool2d", "the mean of each channel", NULL, NULL, 1,
     .math = "x@_c = mean_{i,j} y@-_{c,i,j}",
     .build.layer = build_global_avg_pool2d},
    {"flatten", "one axis of all features", NULL, NULL, 1,
     .math = "x@ = vec(y@-)", .build.layer = build_flatten},
    {"sigmoid", "1 / (1 + exp(-x))", NULL, NULL, 1,
     .math = "y@ = frac{1}{1 + e^{−x@}}", .slope = "y@ (1 − y@)",
     .part = BP__PART_ACTIVATION, .build.layer = build_sigmoid},
    {"tanh", "hyperbolic tangent", NULL, NULL, 1,
     .math = "y@ = tanh(x@)", .slope = "1 − (y@)^2",
     .part = BP__PART_ACTIVATION, .build.layer = build_tanh},
    {"relu", "max(x, 0)", NULL, NULL, 1,
     .math = "y@ = max(x@, 0)", .slope = "1_{x@ > 0}",
     .part = BP__PART_ACTIVATION, .build.layer = build_relu},
    {"leaky_relu", "x where x > 0, else slope * x", leaky_relu_args, "slope",
     1,
     .math = "y@ = max(x@, 0) + a min(x@, 0)",
     .slope = "1_{x@ > 0} + a 1_{x@ ≤ 0}", .part = BP__PART_ACTIVATION,
     .build.layer = build_leaky_relu},
#define BP__OP(name)
#define BP__ACTIVATION(name) {#name, NULL, NULL, NULL, 1,                  \
                              .part = BP__PART_ACTIVATION,                 \
                              .build.layer = build_activation},
#include "ir/ops.def"
#undef BP__OP
    {"elu", "x where x > 0, else alpha * (exp(x) - 1): Clevert 2015",
     elu_args, "alpha", 1,
     .math = "y@ = max(x@, 0) + α (e^{min(x@, 0)} − 1)",
     .slope = "1_{x@ > 0} + α e^{x@} 1_{x@ ≤ 0}", .part = BP__PART_ACTIVATION,
     .build.layer = build_elu},
    {"celu", "x where x > 0, else alpha * (exp(x / alpha) - 1): Barron 2017",
     celu_args, "alpha", 1,
     .math = "y@ = max(x@, 0) + α (e^{min(x@, 0) / α} − 1)",
     .slope = "1_{x@ > 0} + e^{x@ / α} 1_{x@ ≤ 0}", .part = BP__PART_ACTIVATION,
     .build.layer = build_celu},
    {"softplus", "log(1 + exp(beta x)) / beta", softplus_args, "beta", 1,
     .math = "y@ = frac{1}{β} ln(1 + e^{β x@})", .slope = "σ(β x@)",
     .part = BP__PART_ACTIVATION, .build.layer = build_softplus},
    {"hard_tanh", "x, cut off at low and high", hard_tanh_args, NULL, 1,
     .check = check_hard_tanh,
     .math = "y@ = min(max(x@, low), high)", .slope = "1_{low < x@ < high}",
     .part = BP__PART_ACTIVATION, .build.layer = build_hard_tanh},
    {"prelu", "x where x > 0, else weight * x, the weight learned: He 2015",
     prelu_args, "per", 1,
     .math = "x@ = max(y@-, 0) + W@ min(y@-, 0)", .dweight = "min(y@-, 0)",
     .build.layer = build_prelu},
    {"softmax", "exp(x) / sum exp(x)", softmax_args, "axis", 1,
     .math = "y@_i = frac{e^{x@_i}}{Σ_k e^{x@_k}}",
     .slope = "y@_i (1_{i = k} − y@_k)", .part = BP__PART_ACTIVATION_ROW,
     .build.layer = build_softmax},
    {"log_softmax", "x - log sum exp(x)", softmax_args, "axis", 1,
     .math = "y@_i = x@_i − ln Σ_k e^{x@_k}", .slope = "1_{i = k} − e^{y@_k}",
     .part = BP__PART_ACTIVATION_ROW, .build.layer = build_log_softmax},
    {"batch_norm", "each channel to mean 0 and variance 1 over the batch, "
     "then scaled and shifted", batch_norm_args, NULL, 1,
     .math = "x@ = W@ frac{y@- − μ}{sqrt{v + ε}} + b@",
     .dweight = "frac{y@- − μ}{sqrt{v + ε}}", .build.layer = build_batch_norm},
    {"layer_norm", "each sample to mean 0 and variance 1, then scaled and "
     "shifted", layer_norm_args, NULL, 1,
     .math = "x@ = W@ frac{y@- − μ}{sqrt{v + ε}} + b@",
     .dweight = "frac{y@- − μ}{sqrt{v + ε}}", .build.layer = build_layer_norm},
    {"group_norm", "each group of channels of a sample to mean 0 and variance "
     "1, then scaled and shifted: Wu 2018", group_norm_args, "groups", 1,
     .math = "x@ = W@ frac{y@- − μ}{sqrt{v + ε}} + b@",
     .dweight = "frac{y@- − μ}{sqrt{v + ε}}", .build.layer = build_group_norm},
    {"instance_norm", "each channel of a sample to mean 0 and variance 1: "
     "Ulyanov 2016", instance_norm_args, "affine", 1,
     .math = "x@ = ?weight{W@ }frac{y@- − μ}{sqrt{v + ε}}?bias{ + b@}",
     .dweight = "frac{y@- − μ}{sqrt{v + ε}}",
     .build.layer = build_instance_norm},
    {"rms_norm", "weight * x / sqrt(mean(x^2) + eps): Zhang 2019",
     rms_norm_args, "axes", 1,
     .math = "x@ = W@ frac{y@-}{sqrt{mean((y@-)^2) + ε}}",
     .dweight = "frac{y@-}{sqrt{mean((y@-)^2) + ε}}",
     .build.layer = build_rms_norm},
    {"maxout", "the largest of each few channels that follow each other: "
     "Goodfellow 2013", maxout_args, "pieces", 1,
     .math = "x@_i = max_k y@-_{i,k}", .build.layer = build_maxout},
    {"dropout", "0 with probability p, else x / (1 - p), in training",
     dropout_args, "p", 1,
     .math = "x@ = frac{m}{1 − p} y@-", .build.layer = build_dropout},
    {"residual", "body(x) + shortcut(x)", residual_args, "body", 1,
     .math = "x@ = y@&", .part = BP__PART_BLOCK, .build.layer = build_residual},
    {"ensemble", "networks that learn side by side and answer together: the "
     "mean of their probabilities, or outputs; the last layer",
     ensemble_args, NULL, 1,
     .math = "x@ = frac{1}{M} (y@&)", .part = BP__PART_BLOCK,
     .build.layer = build_ensemble},
    {"add", "the sum of its inputs", NULL, NULL, -1,
     .math = "x@ = y@&", .build.layer = build_add},
    {"concat", "its inputs side by side", concat_args, "axis", -1,
     .math = "x@ = (y@;)", .build.layer = build_concat},
    {.name = NULL}};
