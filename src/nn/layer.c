/* Layers with weights, and pooling: the C calls. Each takes one entry of the
 * current block, checks its input against what it needs, and says in one
 * message what would fit. */
#include "nn/nn.h"

/* The initializer of an option; NULL text: the context's. */
static const bp__spec *pick_init(bp_nn *nn, const char *text,
                                 const bp__spec *context)
{
    return text ? bp__nn_parse(nn, BP_NN_INITS, text) : context;
}

/* ---- dense ---- */

static bool check_dense(bp_nn *nn, bp_val x, int64_t units)
{
    char t[200];
    const bp__type *xt = bp__type_of(nn->g, x);
    if (units < 1)
        bp__nn_fail(nn, BP_EARG, "units is %lld, must be at least 1",
                    (long long)units);
    else if (xt->rank > 3)
        bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be [N,features] or "
                    "[N,length,features]: put flatten before it",
                    bp__nn_type_text(nn, x, t));
    else if (xt->rank < 2 || xt->dims[xt->rank - 1] < 1)
        bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be [N,features] or "
                    "[N,length,features]", bp__nn_type_text(nn, x, t));
    return bp__ok(nn->g);
}

bp_val bp__nn_dense(bp_nn *nn, bp_val x, int64_t units, bool bias,
                    const bp__spec *init, const bp__spec *bias_init)
{
    if (!bp__layer_begin(nn, "dense", x) || !check_dense(nn, x, units))
        return BP_NIL;
    const bp__type t = *bp__type_of(nn->g, x);
    int64_t in = t.dims[t.rank - 1], dims[2] = {units, in};
    bp_val w = bp__nn_parameter(nn, "weight", 2, dims, init, (double)in,
                                (double)units);
    bp_val y = bp_matmul(nn->g, x, w, false, true);
    if (bias)
        y = bp_add(nn->g, y, bp__nn_parameter(nn, "bias", 1, dims, bias_init,
                                              (double)in, (double)units));
    double rows = t.rank == 3 ? (double)t.dims[1] : 1;
    bp__layer_macs(nn, rows * (double)in * (double)units);
    return bp__layer_end(nn, y);
}

bp_val bp_nn_dense_with(bp_nn *nn, bp_val x, const bp_nn_dense_options *o)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    if (!o)
        return bp__nn_fail(nn, BP_EARG, "dense: options are missing");
    return bp__nn_dense(nn, x, o->units, !o->no_bias,
                        pick_init(nn, o->init, nn->init),
                        pick_init(nn, o->bias_init, nn->bias_init));
}

bp_val bp_nn_dense(bp_nn *nn, bp_val x, int64_t units)
{
    bp_nn_dense_options o = {.units = units};
    return bp_nn_dense_with(nn, x, &o);
}

/* ---- windows: convolution and pooling ---- */

/* One spatial axis of a window. */
typedef struct window_axis {
    const char *name;
    int64_t size, kernel, stride, dilation, lo, hi;
} window_axis;

/* Pairs: 0 in the second place stands for the first, {0, 0} for `def`. */
static int64_t pair_at(const int64_t p[2], int i, int64_t def)
{
    if (p[0] == 0 && p[1] == 0)
        return def;
    return i && p[1] ? p[1] : p[0];
}

/* Output size = ceil(size / stride); an odd rest goes to the far end. */
static void pad_same(window_axis *w)
{
    int64_t out = (w->size + w->stride - 1) / w->stride;
    int64_t span = w->dilation * (w->kernel - 1) + 1;
    int64_t total = (out - 1) * w->stride + span - w->size;
    if (total < 0)
        total = 0;
    w->lo = total / 2;
    w->hi = total - w->lo;
}

static bool check_window(bp_nn *nn, bp_val x, const window_axis *w)
{
    char t[200];
    int64_t span = w->dilation * (w->kernel - 1) + 1;
    if (w->kernel < 1 || w->stride < 1 || w->dilation < 1 || w->lo < 0)
        bp__nn_fail(nn, BP_EARG, "kernel %lld, stride %lld, dilation %lld, "
                    "padding %lld: the first three must be at least 1, "
                    "padding at least 0", (long long)w->kernel,
                    (long long)w->stride, (long long)w->dilation,
                    (long long)w->lo);
    else if (w->size + w->lo + w->hi < span)
        bp__nn_fail(nn, BP_ESHAPE, "its input is %s: a window of %lld does "
                    "not fit into a %s of %lld with padding %lld and %lld",
                    bp__nn_type_text(nn, x, t), (long long)span, w->name,
                    (long long)w->size, (long long)w->lo, (long long)w->hi);
    return bp__ok(nn->g);
}

/* Both axes of a layer over [N,C,H,W]. */
static bool make_window(bp_nn *nn, bp_val x, const int64_t kernel[2],
                        const int64_t stride[2], const int64_t dilation[2],
                        const int64_t padding[2], bool same, window_axis w[2])
{
    char t[200];
    const bp__type *xt = bp__type_of(nn->g, x);
    if (xt->rank != 4) {
        bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                    "[N,channels,height,width]", bp__nn_type_text(nn, x, t));
        return false;
    }
    for (int i = 0; i < 2; i++) {
        int64_t k = pair_at(kernel, i, 0);
        w[i] = (window_axis){.name = i ? "width" : "height",
                             .size = xt->dims[2 + i], .kernel = k,
                             .stride = pair_at(stride, i, 1),
                             .dilation = dilation
                                             ? pair_at(dilation, i, 1) : 1,
                             .lo = padding[i], .hi = padding[i]};
        if (same && w[i].stride > 0)
            pad_same(&w[i]);
        if (!check_window(nn, x, &w[i]))
            return false;
    }
    return true;
}

static bool check_channels(bp_nn *nn, bp_val x, int64_t filters,
                           int64_t groups)
{
    char t[200];
    int64_t c = bp_val_dim(nn->g, x, 1);
    if (filters < 1 || groups < 1 || c < 1)
        bp__nn_fail(nn, BP_EARG, "filters %lld, groups %lld, %lld channels: "
                    "each must be at least 1", (long long)filters,
                    (long long)groups, (long long)c);
    else if (c % groups || filters % groups)
        bp__nn_fail(nn, BP_ESHAPE, "its input is %s: %lld groups must divide "
                    "its %lld channels and the %lld filters",
                    bp__nn_type_text(nn, x, t), (long long)groups, (long long)c,
                    (long long)filters);
    return bp__ok(nn->g);
}

static bp_val add_channel_bias(bp_nn *nn, bp_val y, int64_t filters,
                               const bp__spec *init, double fan_in,
                               double fan_out)
{
    const int64_t dims[4] = {1, filters, 1, 1};
    bp_val b = bp__nn_parameter(nn, "bias", 1, &filters, init, fan_in,
                                fan_out);
    return bp_add(nn->g, y, bp_reshape(nn->g, b, 4, dims));
}

bp_val bp__nn_conv2d(bp_nn *nn, bp_val x, const bp_nn_conv2d_options *o,
                     const bp__spec *init, const bp__spec *bias_init)
{
    window_axis w[2];
    int64_t groups = o->groups ? o->groups : 1;
    if (!bp__layer_begin(nn, "conv2d", x) ||
        !make_window(nn, x, o->kernel, o->stride, o->dilation, o->padding,
                     o->same, w) ||
        !check_channels(nn, x, o->filters, groups))
        return BP_NIL;
    int64_t c = bp_val_dim(nn->g, x, 1) / groups;
    int64_t dims[4] = {o->filters, c, w[0].kernel, w[1].kernel};
    double area = (double)w[0].kernel * (double)w[1].kernel;
    double fan_in = (double)c * area, fan_out = (double)o->filters * area;
    bp_val weight = bp__nn_parameter(nn, "weight", 4, dims, init, fan_in,
                                     fan_out);
    bp_conv2d_options op = {
        .stride = {w[0].stride, w[1].stride},
        .padding = {w[0].lo, w[0].hi, w[1].lo, w[1].hi},
        .dilation = {w[0].dilation, w[1].dilation}, .groups = groups};
    bp_val y = bp_conv2d(nn->g, x, weight, &op);
    double places = (double)bp_val_dim(nn->g, y, 2) *
                    (double)bp_val_dim(nn->g, y, 3);
    bp__layer_macs(nn, places * (double)o->filters * fan_in);
    if (!o->no_bias)
        y = add_channel_bias(nn, y, o->filters, bias_init, fan_in, fan_out);
    return bp__layer_end(nn, y);
}

bp_val bp_nn_conv2d(bp_nn *nn, bp_val x, const bp_nn_conv2d_options *o)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    if (!o)
        return bp__nn_fail(nn, BP_EARG, "conv2d: options are missing");
    return bp__nn_conv2d(nn, x, o, pick_init(nn, o->init, nn->init),
                         pick_init(nn, o->bias_init, nn->bias_init));
}

/* ---- convolution along one axis: over [N,C,1,L] ---- */

static bool make_window1d(bp_nn *nn, bp_val x, const bp_nn_conv1d_options *o,
                          window_axis *w)
{
    char t[200];
    const bp__type *xt = bp__type_of(nn->g, x);
    if (xt->rank != 3) {
        bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                    "[N,channels,length]", bp__nn_type_text(nn, x, t));
        return false;
    }
    *w = (window_axis){.name = "length", .size = xt->dims[2],
                       .kernel = o->kernel,
                       .stride = o->stride ? o->stride : 1,
                       .dilation = o->dilation ? o->dilation : 1,
                       .lo = o->padding, .hi = o->padding};
    if (o->same && w->stride > 0)
        pad_same(w);
    return check_window(nn, x, w);
}

bp_val bp__nn_conv1d(bp_nn *nn, bp_val x, const bp_nn_conv1d_options *o,
                     const bp__spec *init, const bp__spec *bias_init)
{
    window_axis w;
    int64_t groups = o->groups ? o->groups : 1;
    if (!bp__layer_begin(nn, "conv1d", x) || !make_window1d(nn, x, o, &w) ||
        !check_channels(nn, x, o->filters, groups))
        return BP_NIL;
    bp_graph *g = nn->g;
    const bp__type t = *bp__type_of(g, x);
    int64_t c = t.dims[1] / groups, dims[3] = {o->filters, c, w.kernel};
    double fan_in = (double)c * (double)w.kernel;
    double fan_out = (double)o->filters * (double)w.kernel;
    bp_val weight = bp__nn_parameter(nn, "weight", 3, dims, init, fan_in,
                                     fan_out);
    bp_conv2d_options op = {.stride = {1, w.stride},
                            .padding = {0, 0, w.lo, w.hi},
                            .dilation = {1, w.dilation}, .groups = groups};
    weight = bp_reshape(g, weight, 4, (int64_t[]){o->filters, c, 1, w.kernel});
    x = bp_reshape(g, x, 4, (int64_t[]){t.dims[0], t.dims[1], 1, t.dims[2]});
    bp_val y = bp_conv2d(g, x, weight, &op);
    int64_t length = bp_val_dim(g, y, 3);
    bp__layer_macs(nn, (double)length * (double)o->filters * fan_in);
    if (!o->no_bias)
        y = add_channel_bias(nn, y, o->filters, bias_init, fan_in, fan_out);
    return bp__layer_end(nn, bp_reshape(g, y, 3, (int64_t[]){
                                 t.dims[0], o->filters, length}));
}

bp_val bp_nn_conv1d(bp_nn *nn, bp_val x, const bp_nn_conv1d_options *o)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    if (!o)
        return bp__nn_fail(nn, BP_EARG, "conv1d: options are missing");
    return bp__nn_conv1d(nn, x, o, pick_init(nn, o->init, nn->init),
                         pick_init(nn, o->bias_init, nn->bias_init));
}

/* ---- transposed convolution ---- */

/* size: of the output, (input - 1) stride - 2 padding + span + extra. */
static bool make_transposed(bp_nn *nn, bp_val x,
                            const bp_nn_conv_transpose2d_options *o,
                            window_axis w[2])
{
    char t[200];
    const bp__type *xt = bp__type_of(nn->g, x);
    if (xt->rank != 4) {
        bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                    "[N,channels,height,width]", bp__nn_type_text(nn, x, t));
        return false;
    }
    for (int i = 0; i < 2; i++) {
        int64_t extra = o->output_padding[i];
        window_axis a = {.name = i ? "width" : "height",
                         .kernel = pair_at(o->kernel, i, 0),
                         .stride = pair_at(o->stride, i, 1),
                         .dilation = pair_at(o->dilation, i, 1),
                         .lo = o->padding[i], .hi = o->padding[i]};
        a.size = (xt->dims[2 + i] - 1) * a.stride - 2 * a.lo +
                 a.dilation * (a.kernel - 1) + 1 + extra;
        w[i] = a;
        if (extra < 0 || extra >= a.stride) {
            bp__nn_fail(nn, BP_EARG, "output_padding is %lld, must be from 0 "
                        "to below the stride, %lld", (long long)extra,
                        (long long)a.stride);
            return false;
        }
        if (xt->dims[2 + i] < 1 || a.size < 1) {
            bp__nn_fail(nn, BP_ESHAPE, "its input is %s: the %s of its output "
                        "would be %lld", bp__nn_type_text(nn, x, t), a.name,
                        (long long)a.size);
            return false;
        }
        if (!check_window(nn, x, &w[i]))
            return false;
    }
    return true;
}

bp_val bp__nn_conv_transpose2d(bp_nn *nn, bp_val x,
                               const bp_nn_conv_transpose2d_options *o,
                               const bp__spec *init,
                               const bp__spec *bias_init)
{
    window_axis w[2];
    int64_t groups = o->groups ? o->groups : 1;
    if (!bp__layer_begin(nn, "conv_transpose2d", x) ||
        !make_transposed(nn, x, o, w) ||
        !check_channels(nn, x, o->filters, groups))
        return BP_NIL;
    const bp__type t = *bp__type_of(nn->g, x);
    int64_t per_group = o->filters / groups;
    int64_t dims[4] = {t.dims[1], per_group, w[0].kernel, w[1].kernel};
    double area = (double)w[0].kernel * (double)w[1].kernel;
    /* PyTorch counts by the weight's axes, whatever they stand for. */
    double fan_in = (double)per_group * area;
    double fan_out = (double)t.dims[1] * area;
    bp_val weight = bp__nn_parameter(nn, "weight", 4, dims, init, fan_in,
                                     fan_out);
    bp_conv2d_options op = {
        .stride = {w[0].stride, w[1].stride},
        .padding = {w[0].lo, w[0].hi, w[1].lo, w[1].hi},
        .dilation = {w[0].dilation, w[1].dilation}, .groups = groups};
    bp_val y = bp_conv2d_dx(nn->g, x, weight, w[0].size, w[1].size, &op);
    double places = (double)t.dims[2] * (double)t.dims[3];
    bp__layer_macs(nn, places * (double)t.dims[1] * fan_in);
    if (!o->no_bias)
        y = add_channel_bias(nn, y, o->filters, bias_init, fan_in, fan_out);
    return bp__layer_end(nn, y);
}

bp_val bp_nn_conv_transpose2d(bp_nn *nn, bp_val x,
                              const bp_nn_conv_transpose2d_options *o)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    if (!o)
        return bp__nn_fail(nn, BP_EARG,
                           "conv_transpose2d: options are missing");
    return bp__nn_conv_transpose2d(
        nn, x, o, pick_init(nn, o->init, nn->init),
        pick_init(nn, o->bias_init, nn->bias_init));
}

/* ---- pooling ---- */

bp_val bp__nn_pool2d(bp_nn *nn, bp_val x, const char *kind,
                     const bp_nn_pool2d_options *o)
{
    window_axis w[2];
    bool strided = o->stride[0] || o->stride[1];
    if (!bp__layer_begin(nn, kind, x) ||
        !make_window(nn, x, o->kernel, strided ? o->stride : o->kernel, NULL,
                     o->padding, o->same, w))
        return BP_NIL;
    bp_pool2d_options op = {
        .kernel = {w[0].kernel, w[1].kernel},
        .stride = {w[0].stride, w[1].stride},
        .padding = {w[0].lo, w[0].hi, w[1].lo, w[1].hi},
        .exclude_padding = o->exclude_padding};
    bool max = strcmp(kind, "max_pool2d") == 0;
    return bp__layer_end(nn, max ? bp_max_pool2d(nn->g, x, &op)
                                 : bp_avg_pool2d(nn->g, x, &op));
}

bp_val bp_nn_max_pool2d_with(bp_nn *nn, bp_val x,
                             const bp_nn_pool2d_options *o)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    if (!o)
        return bp__nn_fail(nn, BP_EARG, "max_pool2d: options are missing");
    return bp__nn_pool2d(nn, x, "max_pool2d", o);
}

bp_val bp_nn_avg_pool2d_with(bp_nn *nn, bp_val x,
                             const bp_nn_pool2d_options *o)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    if (!o)
        return bp__nn_fail(nn, BP_EARG, "avg_pool2d: options are missing");
    return bp__nn_pool2d(nn, x, "avg_pool2d", o);
}

bp_val bp_nn_max_pool2d(bp_nn *nn, bp_val x, int64_t kernel)
{
    bp_nn_pool2d_options o = {.kernel = {kernel, kernel}};
    return bp_nn_max_pool2d_with(nn, x, &o);
}

bp_val bp_nn_avg_pool2d(bp_nn *nn, bp_val x, int64_t kernel)
{
    bp_nn_pool2d_options o = {.kernel = {kernel, kernel}};
    return bp_nn_avg_pool2d_with(nn, x, &o);
}

bp_val bp_nn_global_avg_pool2d(bp_nn *nn, bp_val x)
{
    static const int64_t axes[2] = {2, 3};
    char t[200];
    if (!bp__layer_begin(nn, "global_avg_pool2d", x))
        return BP_NIL;
    if (bp_val_rank(nn->g, x) != 4)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                           "[N,channels,height,width]",
                           bp__nn_type_text(nn, x, t));
    return bp__layer_end(nn, bp_mean(nn->g, x, 2, axes, false));
}

bp_val bp_nn_flatten(bp_nn *nn, bp_val x)
{
    char t[200];
    if (!bp__layer_begin_any(nn, "flatten", x))
        return BP_NIL;
    const bp__type *xt = bp__type_of(nn->g, x);
    if (xt->rank < 1)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be [N,...]",
                           bp__nn_type_text(nn, x, t));
    int64_t dims[2] = {xt->dims[0], 1};
    for (int i = 1; i < xt->rank; i++)
        dims[1] *= xt->dims[i];
    return bp__layer_end(nn, bp_reshape(nn->g, x, 2, dims));
}
