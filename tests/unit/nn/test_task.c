/* A task's graphs: the same numbers for any number of shards (batch norm,
 * dropout and short batches included), what each mode outputs and updates, and
 * sums of an epoch. */
#include "rig.h"

enum { MAX_ROWS = 11, IN = 2 * 6 * 6, K = 3, MAX_GRAD = 4000 };

static double x_data[MAX_ROWS * IN];
static int32_t t_data[MAX_ROWS];

static void fill(uint64_t seed)
{
    for (int i = 0; i < MAX_ROWS * IN; i++)
        x_data[i] = t_uniform(&seed, -1, 1);
    for (int i = 0; i < MAX_ROWS; i++)
        t_data[i] = (int32_t)t_uniform(&seed, 0, K - 1e-9);
}

static const char layers[] =
    "conv2d(4, kernel=3, padding=same), batch_norm, relu, max_pool2d(2),"
    "dropout(0.3, name=drop),"
    "residual(body=[conv2d(6, kernel=3, padding=1, bias=false), batch_norm,"
    " leaky_relu, conv2d(6, kernel=1)], shortcut=[conv2d(6, kernel=1)]),"
    "gelu(name=g), global_avg_pool2d(name=pooled), flatten(from=g),"
    "dense(5), tanh(name=t), concat(from=[t, pooled]), layer_norm,"
    "dropout(0.2), dense(3)";

static bp_task make_task(const bp_model *m)
{
    bp_task t = {.size = sizeof t, .model = m, .target = {.dtype = BP_I32},
                 .loss = "softmax_cross_entropy",
                 .metrics = "accuracy, mean_absolute_error",
                 .penalty = "l2(lambda=2)", .n_train = 40,
                 .optimizer = "adam(lr=0.01, clip_norm=1)",
                 .dtype = BP_F64, .seed = 5};
    return t;
}

static bp_model *make_model(const char *text)
{
    bp_model *m = bp_model_new(NULL);
    const int64_t dims[3] = {2, 6, 6};
    bp_model_input(m, "image", 3, dims);
    bp_model_add(m, text);
    T_CHECKF(bp_model_status(m) == BP_OK, "%s", bp_model_error(m));
    return m;
}

/* Traces each shard size that occurs and compiles them together. */
static bp_program *compile(bp_runtime *r, const bp_task *t, bp_store *s,
                           bp_task_mode mode, int64_t shards, int64_t rows,
                           bool norm, const char *sums)
{
    bp_graph *g[2] = {NULL};
    bp_program *p = NULL;
    bp_error err = {0};
    size_t n = 0;
    int64_t small = rows / shards, large = (rows + shards - 1) / shards;
    for (int64_t size = large; size >= small && size > 0; size--) {
        bp_trace_options o = {.size = sizeof o, .rows = size,
                              .global_rows = rows, .shards = shards,
                              .grad_norm = norm, .sums = sums};
        g[n] = bp_task_graph(t, s, mode, &o, NULL, NULL);
        T_CHECKF(bp_graph_status(g[n]) == BP_OK, "%s", bp_graph_error(g[n]));
        n++;
    }
    T_OK(bp_compile(r, (const bp_graph *const *)g, n, NULL, &p, &err), &err);
    for (size_t i = 0; i < n; i++)
        bp_graph_free(g[i]);
    rig_bind(p, "image", x_data, (size_t)rows * IN * sizeof(double));
    if (mode != BP_TASK_PREDICT)
        rig_bind(p, "target", t_data, (size_t)rows * sizeof *t_data);
    return p;
}

/* All variables of these kinds, one after the other. */
static int gather(bp_store *s, unsigned kinds, double *out)
{
    int n = 0;
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        if (v.dtype != BP_F64 || !(kinds >> v.kind & 1))
            continue;
        int count = (int)(v.bytes / sizeof(double));
        T_REQUIRE(n + count <= MAX_GRAD);
        memcpy(out + n, bp_store_data(s, i), v.bytes);
        n += count;
    }
    return n;
}

static int gradients(bp_program *p, bp_store *s, double *out)
{
    int n = 0;
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        char name[100];
        bp_store_info(s, i, &v);
        if (v.kind != BP_VAR_PARAM)
            continue;
        snprintf(name, sizeof name, "grad.%s", v.name);
        memcpy(out + n, rig_result(p, name, v.bytes), v.bytes);
        n += (int)(v.bytes / sizeof(double));
    }
    return n;
}

/* |a - b| / |a| */
static double distance(const double *a, const double *b, int n)
{
    double d = 0, q = 0;
    for (int i = 0; i < n; i++) {
        d += (a[i] - b[i]) * (a[i] - b[i]);
        q += a[i] * a[i];
    }
    return q > 0 ? sqrt(d / q) : d > 0 ? HUGE_VAL : 0;
}

static const int64_t shard_counts[] = {1, 2, 3, 8};

static void test_gradients(bp_runtime *r, const bp_task *t, int64_t rows)
{
    static double first[MAX_GRAD], other[MAX_GRAD];
    double loss = 0, objective = 0;
    int n = 0;
    for (int k = 0; k < 4; k++) {
        bp_store *s = bp_store_new(NULL);
        bp_program *p = compile(r, t, s, BP_TASK_GRADIENT, shard_counts[k],
                                rows, false, NULL);
        rig_run(p);
        if (k == 0) {
            n = gradients(p, s, first);
            loss = rig_scalar(p, "loss");
            objective = rig_scalar(p, "objective");
            T_CHECK(objective > loss && loss > 0);
        }
        T_CHECK(gradients(p, s, other) == n);
        double d = distance(first, other, n);
        T_CHECKF(n > 300 && d <= 1e-12, "S = %d, %d rows: gradients differ "
                 "by %g", (int)shard_counts[k], (int)rows, d);
        T_NEAR(rig_scalar(p, "loss"), loss, 1e-13);
        T_NEAR(rig_scalar(p, "objective"), objective, 1e-13);
        bp_program_free(p);
        bp_store_free(s);
    }
}

/* Four steps, the last one short: all state agrees, optim and sums too. */
static void test_training(bp_runtime *r, const bp_task *t)
{
    static double first[MAX_GRAD], other[MAX_GRAD];
    int n = 0;
    for (int k = 0; k < 4; k++) {
        bp_store *s = bp_store_new(NULL);
        int64_t shards = shard_counts[k];
        bp_program *p = compile(r, t, s, BP_TASK_TRAIN, shards, 10, true,
                                "train");
        bp_program *q = compile(r, t, s, BP_TASK_TRAIN, shards, 7, true,
                                "train");
        double sum = 0, accuracy = 0, got[3];
        for (int i = 0; i < 4; i++) {
            bp_program *use = i < 3 ? p : q;
            rig_run(use);
            sum += rig_scalar(use, "loss") * (i < 3 ? 10 : 7);
            accuracy += rig_scalar(use, "metric.accuracy");
            T_CHECK(rig_scalar(use, "grad_norm") > 0);
        }
        rig_get(s, "trainer.train.loss", got, 8);
        rig_get(s, "trainer.train.accuracy", got + 1, 8);
        rig_get(s, "trainer.train.count", got + 2, 8);
        T_NEAR(got[0], sum, 1e-12);
        T_CHECK(got[1] == accuracy && got[2] == 37);
        if (k == 0)
            n = gather(s, ~0u, first);
        T_CHECK(gather(s, ~0u, other) == n);
        double d = distance(first, other, n);
        T_CHECKF(n > 900 && d <= 1e-11, "S = %d: state differs by %g",
                 (int)shards, d);
        bp_program_free(p);
        bp_program_free(q);
        bp_store_free(s);
    }
}

static void test_evaluation(bp_runtime *r, const bp_task *t)
{
    bp_store *s = bp_store_new(NULL);
    bp_program *p = compile(r, t, s, BP_TASK_TRAIN, 1, 10, false, NULL);
    static double before[MAX_GRAD], after[MAX_GRAD];
    double output[11 * K], loss = 0, accuracy = 0;
    for (int i = 0; i < 5; i++)
        rig_run(p);
    bp_program_free(p);
    const unsigned model = ~(1u << BP_VAR_TRAINER);
    int n = gather(s, model, before);
    for (int k = 0; k < 4; k++) {
        p = compile(r, t, s, BP_TASK_EVAL, shard_counts[k], 11, false,
                    k ? NULL : "valid");
        rig_run(p);
        const double *y = rig_result(p, "output", sizeof output);
        if (k == 0) {
            memcpy(output, y, sizeof output);
            loss = rig_scalar(p, "loss");
            accuracy = rig_scalar(p, "metric.accuracy");
            double sums[2];
            rig_get(s, "trainer.valid.loss", sums, 8);
            rig_get(s, "trainer.valid.count", sums + 1, 8);
            T_NEAR(sums[0], 11 * loss, 1e-12);
            T_CHECK(sums[1] == 11);
        }
        T_CHECK(distance(output, y, 11 * K) <= 1e-13);
        T_NEAR(rig_scalar(p, "loss"), loss, 1e-13);
        T_CHECK(rig_scalar(p, "metric.accuracy") == accuracy);
        bp_program_free(p);
    }
    T_CHECK(gather(s, model, after) == n);
    T_CHECK(memcmp(before, after, (size_t)n * sizeof(double)) == 0);
    int32_t step;
    rig_get(s, "trainer.step", &step, sizeof step);
    T_CHECK(step == 5);
    p = compile(r, t, s, BP_TASK_PREDICT, 3, 11, false, NULL);
    rig_run(p);
    T_CHECK(distance(output, rig_result(p, "output", sizeof output),
                     11 * K) <= 1e-13);
    const double *prob = rig_result(p, "probability", sizeof output);
    for (int i = 0; i < 11; i++) {
        double sum = prob[i * K] + prob[i * K + 1] + prob[i * K + 2];
        T_NEAR(sum, 1, 1e-14);
        double odds = exp(output[i * K] - output[i * K + 1]);
        T_NEAR(prob[i * K] / prob[i * K + 1], odds, 1e-12 * odds);
    }
    bp_program_free(p);
    bp_store_free(s);
}

/* With and without the norm, a step has the same bits. */
static void test_norm_is_free(bp_runtime *r, const bp_task *t)
{
    static double a[MAX_GRAD], b[MAX_GRAD];
    int n = 0;
    for (int norm = 0; norm < 2; norm++) {
        bp_store *s = bp_store_new(NULL);
        bp_program *p = compile(r, t, s, BP_TASK_TRAIN, 2, 9, norm, NULL);
        for (int i = 0; i < 3; i++)
            rig_run(p);
        n = gather(s, ~0u, norm ? b : a);
        bp_program_free(p);
        bp_store_free(s);
    }
    T_CHECK(n > 900 && memcmp(a, b, (size_t)n * sizeof(double)) == 0);
}

static bp_val two_inputs(bp_nn *nn, bp_val x, void *user)
{
    bp_val in[2] = {x, bp_nn_input(nn, 1)};
    T_CHECK(*(int *)user == 42);
    return bp_nn_dense(nn, bp_nn_concat(nn, 2, in, 1), 1);
}

static void test_function_net(bp_runtime *r)
{
    int user = 42;
    bp_task t = {.size = sizeof t, .net = two_inputs, .user = &user,
                 .n_inputs = 2, .loss = "mean_squared_error",
                 .optimizer = "sgd(lr=0.1)"};
    t.input[0] = (bp_nn_io){.rank = 1, .dims = {2}};
    t.input[1] = (bp_nn_io){.name = "extra", .rank = 1, .dims = {3}};
    t.target = (bp_nn_io){.name = "y", .rank = 1, .dims = {1}};
    bp_trace_options o = {.size = sizeof o, .rows = 4};
    bp_store *s = bp_store_new(NULL);
    bp_traced traced;
    bp_graph *g = bp_task_graph(&t, s, BP_TASK_TRAIN, &o, NULL, &traced);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    T_CHECK(bp_nn_param_count(traced.nn) == 2);
    T_CHECK(bp_val_dim(g, traced.output, 1) == 1);
    bp_nn_free(traced.nn);
    bp_program *p = rig_compile(r, g);
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, e[12] = {1, 0, -1}, y[4] = {1};
    rig_bind(p, "x", x, sizeof x);
    rig_bind(p, "extra", e, sizeof e);
    rig_bind(p, "y", y, sizeof y);
    rig_run(p);
    T_CHECK(*(const float *)rig_result(p, "loss", sizeof(float)) > 0);
    bp_program_free(p);
    bp_store_free(s);
}

static bp_val no_net(bp_nn *nn, bp_val x, void *user)
{
    (void)nn, (void)x, (void)user;
    return BP_NIL;
}

static void refused(const bp_task *t, bp_status status, const char *a,
                    const char *b)
{
    bp_store *s = bp_store_new(NULL);
    bp_trace_options o = {.size = sizeof o, .rows = 4};
    bp_graph *g = bp_task_graph(t, s, BP_TASK_TRAIN, &o, NULL, NULL);
    RIG_REFUSED(g, status, a, b);
    bp_graph_free(g);
    bp_store_free(s);
}

static void test_refused(const bp_task *good)
{
    bp_task t = *good;
    t.optimizer = NULL;
    refused(&t, BP_EARG, "no optimizer", "given");
    t = *good;
    t.metrics = "accuracy, acuracy";
    refused(&t, BP_ENOTFOUND, "unknown metric", "accuracy?");
    t = *good;
    t.model = NULL;
    refused(&t, BP_EARG, "no input", "task");
    t = *good;
    t.net = no_net;
    t.n_inputs = 1;
    refused(&t, BP_EARG, "no value", "net");
    t = *good;
    t.n_inputs = 1;
    t.input[0] = (bp_nn_io){.rank = 2, .dims = {6, 6}};
    refused(&t, BP_ESHAPE, "f64[2,6,6]", "f64[4,6,6]");
    t = *good;
    t.size = 0;
    refused(&t, BP_EARG, "size", "set");
    t = *good;
    t.target.rank = 1;
    t.target.dims[0] = 9;
    refused(&t, BP_ESHAPE, "f64[4,3]", "i32[4,9]");
}

/* Losses of log-probabilities give the output's exponential, margins no
 * probability. */
static void test_heads(bp_runtime *r, bp_task t)
{
    static const struct {
        const char *loss, *net;
        bool probability;
    } cases[] = {{"nll", "flatten, dense(3), log_softmax", true},
                 {"kl_divergence", "flatten, dense(3), log_softmax", true},
                 {"hinge", "flatten, dense(3)", false},
                 {"poisson", "flatten, dense(3)", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bp_store *s = bp_store_new(NULL);
        bp_model *m = make_model(cases[i].net);
        t.model = m;
        t.loss = cases[i].loss;
        bp_program *p = compile(r, &t, s, BP_TASK_PREDICT, 1, 4, false, NULL);
        rig_run(p);
        size_t bytes;
        const double *prob = bp_result(p, "probability", &bytes);
        T_CHECKF((prob != NULL) == cases[i].probability, "%s", t.loss);
        const double *y = rig_result(p, "output", 4 * K * sizeof *y);
        for (int k = 0; prob && k < 4 * K; k++)
            T_NEAR(prob[k], exp(y[k]), 1e-14);
        bp_program_free(p);
        bp_model_free(m);
        bp_store_free(s);
    }
}

/* Shards agree on what the other layers and losses do. */
static void test_more_layers(bp_runtime *r, bp_task t)
{
    bp_model *m = make_model(
        "conv_transpose2d(4, kernel=2, stride=2), group_norm(2), mish,"
        "upsample([1, 2], mode=bilinear), conv2d(6, kernel=3, stride=2),"
        "instance_norm(true), prelu(channel), maxout(2), flatten, rms_norm,"
        "dense(5, init=orthogonal), softplus, dense(3), log_softmax");
    t.model = m;
    t.loss = "nll";
    t.metrics = "top_k(2)";
    test_gradients(r, &t, 11);
    t.loss = "softmax_cross_entropy(0.1)";
    test_gradients(r, &t, 5);
    t.loss = "log_cosh";
    test_gradients(r, &t, 7);
    bp_model_free(m);
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    bp_model *m = make_model(layers);
    bp_task t = make_task(m);
    fill(1);
    test_gradients(r, &t, 11);
    test_gradients(r, &t, 5);
    test_training(r, &t);
    test_evaluation(r, &t);
    test_norm_is_free(r, &t);
    test_function_net(r);
    test_refused(&t);
    test_heads(r, t);
    test_more_layers(r, t);
    bp_model_free(m);
    bp_runtime_free(r);
    return t_end();
}
