/* A small network with most layers, five optimizers with clipping, against
 * what PyTorch gave (tests/data/nn/torch.txt, by tools/golden_nn.py): logits,
 * loss, gradients, six steps, running statistics, evaluation. In f64. */
#include "golden.h"

enum { ROWS = 4, IN = 2 * 6 * 6, K = 3, STEPS = 6 };

static const char layers[] =
    "conv2d(4, kernel=3, padding=same), batch_norm, relu, max_pool2d(2),"
    "residual(body=[conv2d(6, kernel=3, padding=1, groups=2, bias=false),"
    " batch_norm(momentum=0.3), gelu, conv2d(6, kernel=[1, 2], stride=2)],"
    " shortcut=[conv2d(6, kernel=[1, 2], stride=2)]),"
    "leaky_relu(0.1), avg_pool2d(2, stride=1, padding=1), flatten, dense(5),"
    "layer_norm, tanh, dense(3)";

static double x_data[ROWS * IN];
static const int32_t y_data[ROWS] = {2, 0, 1, 1};

/* Sets all parameters, in order of creation. */
static void fill_store(bp_store *s)
{
    int64_t k = 0;
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        double *w = bp_store_data(s, i);
        if (v.kind != BP_VAR_PARAM)
            continue;
        for (size_t j = 0; j < v.bytes / sizeof *w; j++)
            w[j] = golden_number((int64_t)j, k);
        k++;
    }
    T_CHECK(k == 17);
}

/* The numbers of a line, called prefix and name. */
static void compare(const char *prefix, const char *name, const double *got,
                    int n, double scale)
{
    char full[200];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    golden_compare("torch.txt", full, got, n, scale);
}

static bp_program *compile(bp_runtime *r, bp_store *s, const char *optimizer,
                           bp_task_mode mode)
{
    const int64_t dims[3] = {2, 6, 6};
    bp_model *m = bp_model_new(NULL);
    bp_model_input(m, "x", 3, dims);
    bp_model_add(m, layers);
    bp_task t = {.size = sizeof t, .model = m, .dtype = BP_F64,
                 .loss = "softmax_cross_entropy", .optimizer = optimizer,
                 .target = {.dtype = BP_I32}};
    bp_trace_options o = {.size = sizeof o, .rows = ROWS, .grad_norm = true};
    bp_graph *g = bp_task_graph(&t, s, mode, &o, NULL, NULL);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bp_program *p = rig_compile(r, g);
    bp_model_free(m);
    rig_bind(p, "x", x_data, sizeof x_data);
    if (mode != BP_TASK_PREDICT)
        rig_bind(p, "target", y_data, sizeof y_data);
    return p;
}

static void test_gradients(bp_runtime *r)
{
    bp_store *s = bp_store_new(NULL);
    bp_program *p = compile(r, s, NULL, BP_TASK_GRADIENT);
    fill_store(s);
    rig_run(p);
    double loss = rig_scalar(p, "loss");
    compare("", "loss", &loss, 1, 0);
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        char name[100];
        bp_store_info(s, i, &v);
        if (v.kind != BP_VAR_PARAM)
            continue;
        snprintf(name, sizeof name, "grad.%s", v.name);
        /* The bias before batch norm has the gradient 0, and rounding. */
        compare("", name, rig_result(p, name, v.bytes),
                (int)(v.bytes / sizeof(double)), 1e-2);
    }
    bp_program_free(p);
    bp_store_free(s);
}

static void compare_store(bp_store *s, const char *prefix, const char *name,
                          bp_var_kind kind)
{
    double all[GOLDEN_MOST];
    int n = 0;
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        if (v.kind != kind)
            continue;
        T_REQUIRE(n + (int)(v.bytes / sizeof *all) <= GOLDEN_MOST);
        memcpy(all + n, bp_store_data(s, i), v.bytes);
        n += (int)(v.bytes / sizeof *all);
    }
    compare(prefix, name, all, n, 0);
}

static void test_steps(bp_runtime *r, const char *name, const char *optimizer)
{
    double norms[STEPS];
    bp_store *s = bp_store_new(NULL);
    bp_program *p = compile(r, s, optimizer, BP_TASK_TRAIN);
    fill_store(s);
    for (int i = 0; i < STEPS; i++) {
        rig_run(p);
        norms[i] = rig_scalar(p, "grad_norm");
    }
    compare(name, ".norms", norms, STEPS, 0);
    compare_store(s, name, ".params", BP_VAR_PARAM);
    compare_store(s, name, ".buffers", BP_VAR_BUFFER);
    bp_program_free(p);
    p = compile(r, s, optimizer, BP_TASK_PREDICT);
    rig_run(p);
    compare(name, ".eval", rig_result(p, "output", ROWS * K * sizeof(double)),
            ROWS * K, 0);
    bp_program_free(p);
    bp_store_free(s);
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < IN; k++)
            x_data[i * IN + k] = golden_number(k, 40 + i);
    test_gradients(r);
    test_steps(r, "sgd", "sgd(0.05, weight_decay=0.01, clip_norm=0.3)");
    test_steps(r, "momentum", "momentum(0.05, clip_norm=0.3)");
    test_steps(r, "nesterov", "nesterov(0.05, momentum=0.8,"
                              "weight_decay=0.02, clip_norm=0.3)");
    test_steps(r, "adam", "adam(0.01, weight_decay=0.1, clip_norm=0.3)");
    /* A larger eps: the bias before batch norm has a gradient of rounding only,
     * which 1e-8 would make a step of. */
    test_steps(r, "adamw", "adamw(0.01, weight_decay=0.1, eps=1e-6,"
                           "clip_norm=0.3)");
    bp_runtime_free(r);
    return t_end();
}
