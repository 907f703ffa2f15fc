/* The gradients of every layer, loss and penalty of the tables, of order 1 and
 * 2 in f64 against central differences. A row without a case here fails. */
#include "rig.h"

#include "nn/spec.h"

#include <bprop/train.h>

typedef struct grad_case {
    const char *row, *layers;
} grad_case;

/* Inputs are pictures [2,6,6]; a convolution before the layer shows what goes
 * through it. */
/* The sign of each element as 0 or 1: of 4096 times the element. */
#define BITS                                                               \
    "add(from=[x, x, x, x, x, x, x, x], name=a),"                          \
    "add(from=[a, a, a, a, a, a, a, a], name=b),"                          \
    "add(from=[b, b, b, b, b, b, b, b], name=c),"                          \
    "add(from=[c, c, c, c, c, c, c, c]), hard_sigmoid,"
static const grad_case layer_cases[] = {
    {"dense", "flatten, dense(4), tanh, dense(3)"},
    {"conv2d", "conv2d(4, kernel=3, padding=same), tanh,"
               "conv2d(6, kernel=[3, 2], stride=2, dilation=2, padding=1,"
               " groups=2), flatten, dense(3)"},
    {"conv1d", BITS "flatten, embedding(count=2, dim=8), conv1d(4, kernel=3,"
               "padding=same), tanh, conv1d(6, kernel=2, stride=2, dilation=2,"
               "padding=1, groups=2), flatten, dense(3)"},
    {"conv_transpose2d", "conv_transpose2d(4, kernel=2, stride=2), tanh,"
                         "conv_transpose2d(2, kernel=[2, 3], stride=[3, 1],"
                         " padding=1, output_padding=[2, 0], dilation=2,"
                         " groups=2), flatten, dense(3)"},
    {"upsample", "conv2d(2, kernel=3), tanh, upsample([1, 2]),"
                 "upsample(2, mode=bilinear), flatten, dense(3)"},
    {"embedding", BITS "embedding(count=2, dim=3), flatten, dense(3)"},
    {"max_pool2d", "conv2d(3, kernel=2), max_pool2d(3, stride=2, padding=1),"
                   "flatten, dense(3)"},
    {"avg_pool2d", "conv2d(3, kernel=2), avg_pool2d(2, padding=1, stride=1),"
                   "avg_pool2d(2, padding=same, exclude_padding=true),"
                   "flatten, dense(3)"},
    {"global_avg_pool2d", "conv2d(3, kernel=2), tanh, global_avg_pool2d,"
                          "dense(3)"},
    {"flatten", "conv2d(3, kernel=3), flatten, dense(3)"},
    {"sigmoid", "conv2d(2, kernel=3), sigmoid, flatten, dense(3)"},
    {"tanh", "conv2d(2, kernel=3), tanh, flatten, dense(3)"},
    {"relu", "conv2d(2, kernel=3), relu, flatten, dense(3)"},
    {"leaky_relu", "conv2d(2, kernel=3), leaky_relu(0.2), flatten, dense(3)"},
    {"gelu", "conv2d(2, kernel=3), gelu, flatten, dense(3)"},
    {"elu", "conv2d(2, kernel=3), elu(0.7), flatten, dense(3)"},
    {"selu", "conv2d(2, kernel=3), selu, flatten, dense(3)"},
    {"celu", "conv2d(2, kernel=3), celu(0.7), flatten, dense(3)"},
    {"silu", "conv2d(2, kernel=3), silu, flatten, dense(3)"},
    {"mish", "conv2d(2, kernel=3), mish, flatten, dense(3)"},
    {"softplus", "conv2d(2, kernel=3), softplus(2), flatten, dense(3)"},
    {"softsign", "conv2d(2, kernel=3), softsign, flatten, dense(3)"},
    {"hard_sigmoid", "conv2d(2, kernel=3), hard_sigmoid, flatten, dense(3)"},
    {"hard_swish", "conv2d(2, kernel=3), hard_swish, flatten, dense(3)"},
    {"hard_tanh", "conv2d(2, kernel=3), hard_tanh(low=-0.5, high=0.3),"
                  "flatten, dense(3)"},
    {"prelu", "conv2d(2, kernel=3), prelu, prelu(channel, slope=0.1),"
              "flatten, dense(3)"},
    {"softmax", "conv2d(2, kernel=3), softmax(1), flatten, dense(4), softmax,"
                "dense(3)"},
    {"log_softmax", "conv2d(2, kernel=3), log_softmax(1), flatten, dense(4),"
                    "log_softmax, dense(3)"},
    {"batch_norm", "conv2d(2, kernel=3), batch_norm, tanh, flatten, dense(4),"
                   "batch_norm(eps=0.01), dense(3)"},
    {"layer_norm", "conv2d(2, kernel=3), layer_norm, tanh, flatten, dense(3)"},
    {"group_norm", "conv2d(4, kernel=3), group_norm(2), tanh, flatten,"
                   "dense(3)"},
    {"instance_norm", "conv2d(2, kernel=3), instance_norm, tanh,"
                      "instance_norm(true), tanh, flatten, dense(3)"},
    {"rms_norm", "conv2d(2, kernel=3), rms_norm, tanh, rms_norm(3, eps=0.1),"
                 "flatten, dense(3)"},
    {"maxout", "conv2d(4, kernel=3), maxout(2), flatten, dense(6), maxout(3),"
               "dense(3)"},
    {"dropout", "conv2d(2, kernel=3), dropout(0.3), tanh, flatten, dense(3)"},
    {"residual", "conv2d(2, kernel=3), residual([conv2d(3, kernel=3,"
                 "padding=same), tanh], shortcut=[conv2d(3, kernel=1)]),"
                 "residual([tanh]), flatten, dense(3)"},
    {"ensemble", "flatten, ensemble(members=2, body=[dense(4), tanh,"
                 "dense(3)])"},
    {"add", "conv2d(2, kernel=3, name=a), tanh(name=b), add(from=[a, b, a]),"
            "flatten, dense(3)"},
    {"concat", "conv2d(2, kernel=3, name=a), tanh(name=b),"
               "concat(from=[a, b, a]), tanh, flatten, dense(3)"},
};

static int tensors;

static void on_tensor(void *user, const bp_check_tensor *c)
{
    tensors++;
    T_CHECKF(c->ok && c->error < 1e-6, "%s: %s, order %d: error %g",
             (const char *)user, c->name, c->order, c->error);
}

static void check(bp_runtime *r, const char *what, const char *layers,
                  const char *loss, const char *penalty)
{
    const int64_t dims[3] = {2, 6, 6};
    bp_model *m = bp_model_new(NULL);
    bp_model_input(m, "x", 3, dims);
    bp_model_add(m, layers);
    bp_task t = {.size = sizeof t, .model = m, .loss = loss,
                 .penalty = penalty, .dtype = BP_F64, .seed = 3,
                 .n_train = 20, .bias_init = "normal(0.1)",
                 .target = {.rank = 1, .dims = {3}}};
    bp_check_options o = {.size = sizeof o, .runtime = r, .rows = 3,
                          .seed = 5, .directions = 3, .dtype = BP_F64,
                          .on_tensor = on_tensor,
                          .user = (void *)(uintptr_t)what};
    bp_error err = {0};
    double worst = -1;
    int64_t n_failed = -1;
    tensors = 0;
    bp_status s = bp_check_gradients(&t, &o, &worst, &n_failed, &err);
    T_CHECKF(s == BP_OK && n_failed == 0 && worst >= 0 && worst < 1e-6,
             "%s: %s: %lld failed, worst %g %s", what, bp_status_name(s),
             (long long)n_failed, worst, err.message);
    T_CHECKF(tensors >= 4, "%s: %d tensors", what, tensors);
    bp_model_free(m);
}

static void test_layers(bp_runtime *r)
{
    size_t n;
    const bp__kinddef *rows = bp__kinds(BP_NN_LAYERS, &n);
    for (size_t i = 0; i < n; i++) {
        const char *layers = NULL;
        char plain[200];
        for (size_t k = 0; k < sizeof layer_cases / sizeof *layer_cases; k++)
            if (strcmp(layer_cases[k].row, rows[i].name) == 0)
                layers = layer_cases[k].layers;
        if (!layers && !rows[i].doc) { /* an activation of ops.def */
            snprintf(plain, sizeof plain,
                     "conv2d(2, kernel=3), %s, flatten, dense(3)", rows[i].name);
            layers = plain;
        }
        if (T_CHECKF(layers != NULL, "no case for %s", rows[i].name))
            check(r, rows[i].name, layers, "mean_squared_error", NULL);
    }
}

static void test_losses(bp_runtime *r)
{
    const char *net = "flatten, dense(4), tanh, dense(3)";
    size_t n;
    const bp__kinddef *rows = bp__kinds(BP_NN_LOSSES, &n);
    for (size_t i = 0; i < n; i++)
        check(r, rows[i].name, net, rows[i].name, NULL);
    check(r, "half_sum", net, "mean_squared_error(half_sum)", NULL);
    check(r, "l2 weight", net, "mean_squared_error", "l2(0.5, on=all)");
    check(r, "l2 lambda", net, "mean_squared_error", "l2(lambda=9)");
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    test_layers(r);
    test_losses(r);
    bp_runtime_free(r);
    return t_end();
}
