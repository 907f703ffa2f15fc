/* Layers and losses against what PyTorch gave (tests/data/nn/layers.txt, by
 * tools/golden_layers.py): outputs, and the gradients of sum(y * c) by the
 * input and the parameters. In f64. */
#include "golden.h"

enum { MAX_PARAMS = 4 };

typedef struct layer_case {
    const char *name, *layers;
    int rank;
    int64_t dims[4];
    double scale; /* of the input */
} layer_case;

#define FLAT 3, {4, 3, 5}, 10
#define VECTOR 2, {4, 6}, 4
#define LINE 3, {2, 4, 9}, 4
#define PICTURE 4, {2, 4, 5, 3}, 4
static const layer_case layer_cases[] = {
    {"elu", "elu(0.7)", FLAT},
    {"selu", "selu", FLAT},
    {"celu", "celu(0.5)", FLAT},
    {"silu", "silu", FLAT},
    {"mish", "mish", FLAT},
    {"softplus", "softplus", FLAT},
    {"softplus2", "softplus(2, threshold=3)", FLAT},
    {"softsign", "softsign", FLAT},
    {"hard_sigmoid", "hard_sigmoid", FLAT},
    {"hard_swish", "hard_swish", FLAT},
    {"hard_tanh", "hard_tanh", FLAT},
    {"hard_tanh2", "hard_tanh(low=-2, high=0.5)", FLAT},
    {"prelu", "prelu", FLAT},
    {"prelu_channel", "prelu(channel)", FLAT},
    {"log_softmax", "log_softmax(1)", FLAT},
    {"log_softmax2", "log_softmax", FLAT},
    {"group_norm", "group_norm(2)", PICTURE},
    {"group_norm2", "group_norm(3, eps=0.1)", VECTOR},
    {"instance_norm", "instance_norm", PICTURE},
    {"instance_norm2", "instance_norm(true, eps=0.01)", LINE},
    {"rms_norm", "rms_norm", VECTOR},
    {"rms_norm2", "rms_norm(2, eps=0.1)", PICTURE},
    {"maxout", "maxout(3)", 4, {2, 6, 2, 3}, 4},
    {"maxout2", "maxout(3)", VECTOR},
    {"conv1d", "conv1d(3, kernel=3)", LINE},
    {"conv1d2", "conv1d(6, kernel=3, stride=2, padding=2, dilation=2,"
                " groups=2, bias=false)", LINE},
    {"conv1d3", "conv1d(2, kernel=4, padding=same)", LINE},
    {"transposed", "conv_transpose2d(3, kernel=3)", PICTURE},
    {"transposed2", "conv_transpose2d(6, kernel=[3, 2], stride=[2, 3],"
                    " padding=[1, 2], output_padding=[1, 2], groups=2,"
                    " dilation=[2, 1], bias=false)", PICTURE},
    {"nearest", "upsample([2, 3])", PICTURE},
    {"bilinear", "upsample([2, 3], mode=bilinear)", PICTURE},
};

static void fill(double *x, size_t n, int64_t k, double scale)
{
    for (size_t i = 0; i < n; i++)
        x[i] = scale * golden_number((int64_t)i, k);
}

/* The graph's outputs y, d0 (by x), d1, d2 ... (by the parameters); how many
 * parameters. */
static size_t trace(const layer_case *c, bp_store *s, bp_graph *g)
{
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64, .training = true};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_model *m = bp_model_new(NULL);
    bp_model_add(m, c->layers);
    bp_val v[1 + MAX_PARAMS], d[1 + MAX_PARAMS];
    v[0] = bp_batch_input(g, "x", BP_F64, c->rank, c->dims);
    bp_val y = bp_nn_model(nn, m, 1, v);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s: %s", c->name,
             bp_graph_error(g));
    size_t n = bp_nn_param_count(nn);
    T_REQUIRE(n <= MAX_PARAMS);
    for (size_t i = 0; i < n; i++)
        v[i + 1] = bp_nn_param_value(nn, i);
    int64_t dims[BP_MAX_RANK];
    for (int i = 0; i < bp_val_rank(g, y); i++)
        dims[i] = bp_val_dim(g, y, i);
    bp_val w = bp_batch_input(g, "c", BP_F64, bp_val_rank(g, y), dims);
    bp_val sum = bp_psum(g, bp_sum(g, bp_mul(g, y, w), 0, NULL, false));
    bp_grad(g, sum, v, n + 1, d);
    bp_output(g, "y", y);
    for (size_t i = 0; i <= n; i++) {
        char name[20];
        snprintf(name, sizeof name, "d%zu", i);
        bp_output(g, name, d[i]);
    }
    bp_nn_free(nn);
    bp_model_free(m);
    return n;
}

static void fill_parameters(bp_store *s)
{
    int64_t k = 0;
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        if (v.kind == BP_VAR_PARAM)
            fill(bp_store_data(s, i), v.bytes / sizeof(double), k++, 1);
    }
}

static void compare(const char *what, const bp_program *p,
                    const char *output, const char *line)
{
    char name[100];
    size_t bytes = 0;
    const void *got = bp_result(p, output, &bytes);
    T_REQUIRE(got != NULL);
    snprintf(name, sizeof name, "%s.%s", what, line);
    golden_compare("layers.txt", name, got, (int)(bytes / sizeof(double)), 0);
}

static void test_layer(bp_runtime *r, const layer_case *c)
{
    double x[GOLDEN_MOST], w[GOLDEN_MOST];
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    size_t n_params = trace(c, s, g), n = 1, bytes = 0;
    bp_program *p = rig_compile(r, g);
    for (int i = 0; i < c->rank; i++)
        n *= (size_t)c->dims[i];
    bp_result(p, "y", &bytes);
    T_REQUIRE(n <= GOLDEN_MOST && bytes <= sizeof w);
    fill(x, n, 40, c->scale);
    fill(w, bytes / sizeof *w, 50, 1);
    rig_bind(p, "x", x, n * sizeof *x);
    rig_bind(p, "c", w, bytes);
    fill_parameters(s);
    rig_run(p);
    compare(c->name, p, "y", "y");
    compare(c->name, p, "d0", "dx");
    for (size_t i = 0; i < n_params; i++) {
        char from[20], to[20];
        snprintf(from, sizeof from, "d%zu", i + 1);
        snprintf(to, sizeof to, "d%zu", i);
        compare(c->name, p, from, to);
    }
    bp_program_free(p);
    bp_store_free(s);
}

/* ---- losses: y [5,4] ---- */

enum { ROWS = 5, K = 4 };

typedef enum target { LABEL, REAL, SHARE, SIGN } target;

typedef struct loss_case {
    const char *name, *loss;
    target target;
    double scale, offset; /* of y */
} loss_case;

static const loss_case loss_cases[] = {
    {"mae", "mean_absolute_error", REAL, 4, 0},
    {"huber", "huber", REAL, 4, 0},
    {"huber2", "huber(0.75)", REAL, 4, 0},
    {"log_cosh", "log_cosh", REAL, 4, 0},
    {"hinge", "hinge", SIGN, 4, 0},
    {"hinge_class", "hinge", LABEL, 4, 0},
    {"squared_hinge", "squared_hinge", SIGN, 4, 0},
    {"squared_hinge_class", "squared_hinge", LABEL, 4, 0},
    {"kl", "kl_divergence", SHARE, 4, 0},
    {"nll", "nll", LABEL, 4, 0},
    {"nll_share", "nll", SHARE, 4, 0},
    {"poisson", "poisson", SHARE, 4, 0},
    {"poisson_rate", "poisson(log_input=false)", SHARE, 1, 0.75},
    {"smooth_0.1", "softmax_cross_entropy(0.1)", LABEL, 4, 0},
    {"smooth_1.0", "softmax_cross_entropy(1)", LABEL, 4, 0},
    {"smooth_share_0.1", "softmax_cross_entropy(0.1)", SHARE, 4, 0},
    {"smooth_share_1.0", "softmax_cross_entropy(1)", SHARE, 4, 0},
};

static void fill_target(target kind, double *t)
{
    fill(t, ROWS * K, 60, kind == SHARE ? 1 : 4);
    for (int i = 0; i < ROWS * K; i++)
        if (kind == SIGN)
            t[i] = t[i] > 0 ? 1 : -1;
        else if (kind == SHARE)
            t[i] += 0.5;
}

static void test_loss(bp_runtime *r, const loss_case *c)
{
    static const int32_t label[ROWS] = {3, 0, 1, 1, 2};
    const int64_t dims[2] = {ROWS, K};
    double y[ROWS * K], t[ROWS * K];
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val in = bp_batch_input(g, "y", BP_F64, 2, dims), d;
    bool classes = c->target == LABEL;
    bp_val aim = bp_batch_input(g, "t", classes ? BP_I32 : BP_F64,
                                classes ? 1 : 2, dims);
    bp_val v = bp_nn_loss(nn, c->loss, in, aim);
    bp_grad(g, v, &in, 1, &d);
    bp_output(g, "v", v);
    bp_output(g, "d", d);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s: %s", c->name,
             bp_graph_error(g));
    bp_nn_free(nn);
    bp_program *p = rig_compile(r, g);
    fill(y, ROWS * K, 40, c->scale);
    for (int i = 0; i < ROWS * K; i++)
        y[i] += c->offset;
    fill_target(c->target, t);
    rig_bind(p, "y", y, sizeof y);
    if (classes)
        rig_bind(p, "t", label, sizeof label);
    else
        rig_bind(p, "t", t, sizeof t);
    rig_run(p);
    compare(c->name, p, "v", "y");
    compare(c->name, p, "d", "dx");
    bp_program_free(p);
    bp_store_free(s);
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    for (size_t i = 0; i < sizeof layer_cases / sizeof *layer_cases; i++)
        test_layer(r, &layer_cases[i]);
    for (size_t i = 0; i < sizeof loss_cases / sizeof *loss_cases; i++)
        test_loss(r, &loss_cases[i]);
    bp_runtime_free(r);
    return t_end();
}
