/* Losses with a weight for each class, against the formula of PyTorch's
 * CrossEntropyLoss(weight, label_smoothing) written out here; texts; shards;
 * what is refused. */
#include "rig.h"
#include "nn/nn.h"

enum { ROWS = 7, K = 3, N = ROWS * K };

static double logits[N];
static const int32_t label[ROWS] = {2, 0, 1, 1, 2, 2, 0};
static const int32_t yes[ROWS] = {1, 0, 0, 1, 1, 0, 1};
static const char *const names[K] = {"a", "b c", "7"};
static const int64_t counts[K] = {10, 0, 30};

static void fill(void)
{
    uint64_t seed = 5;
    for (int i = 0; i < N; i++)
        logits[i] = t_uniform(&seed, -3, 3);
}

/* The loss, its weight and its gradient by the logits, f64. */
typedef struct result {
    double loss, weight, grad[N];
} result;

static bp_status run(bp_runtime *r, const char *loss, int64_t k,
                     const int32_t *t, result *out, char *message)
{
    const int64_t dims[2] = {ROWS, k};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64};
    bp_nn *nn = bp_nn_new(g, s, &o);
    nn->class_name = k == K ? names : NULL;
    nn->n_classes = K;
    nn->class_count = counts;
    nn->n_class_counts = K;
    bp_val y = bp_batch_input(g, "y", BP_F64, 2, dims), dy;
    bp_val target = t ? bp_batch_input(g, "t", BP_I32, 1, dims)
                      : bp_batch_input(g, "t", BP_F64, 2, dims);
    bp_val l = bp_nn_loss(nn, loss, y, target);
    bp_status st = bp_graph_status(g);
    if (st) {
        snprintf(message, 500, "%s", bp_graph_error(g));
        bp_nn_free(nn);
        bp_graph_free(g);
        bp_store_free(s);
        return st;
    }
    bp_grad(g, l, &y, 1, &dy);
    bp_output(g, "l", l);
    bp_output(g, "d", dy);
    bool weighted = !bp_is_nil(nn->loss_weight);
    if (weighted)
        bp_output(g, "w", nn->loss_weight);
    bp_nn_free(nn);
    bp_program *p = rig_compile(r, g);
    rig_bind(p, "y", logits, (size_t)(ROWS * k) * sizeof(double));
    rig_bind(p, "t", t, ROWS * sizeof *t);
    rig_run(p);
    out->loss = rig_scalar(p, "l");
    out->weight = weighted ? rig_scalar(p, "w") : ROWS;
    memcpy(out->grad, rig_result(p, "d", (size_t)(ROWS * k) * sizeof(double)),
           (size_t)(ROWS * k) * sizeof(double));
    bp_program_free(p);
    bp_store_free(s);
    return BP_OK;
}

static void must(bp_runtime *r, const char *loss, int64_t k, const int32_t *t,
                 result *q)
{
    char m[500] = "";
    T_CHECKF(run(r, loss, k, t, q, m) == BP_OK, "%s", m);
}

static double log_p(const double *x, int c)
{
    double sum = 0;
    for (int k = 0; k < K; k++)
        sum += exp(x[k]);
    return x[c] - log(sum);
}

/* PyTorch's, e the smoothing. */
static double cross_entropy(const double *w, double e)
{
    double sum = 0, weights = 0;
    for (int i = 0; i < ROWS; i++) {
        const double *x = logits + i * K;
        sum -= (1 - e) * w[label[i]] * log_p(x, label[i]);
        for (int k = 0; k < K; k++)
            sum -= e / K * w[k] * log_p(x, k);
        weights += w[label[i]];
    }
    return sum / weights;
}

static void test_cross_entropy(bp_runtime *r)
{
    static const struct {
        const char *text;
        double w[K], e;
    } cases[] = {
        {"softmax_cross_entropy(class_weights=[1, 2.5, 0])", {1, 2.5, 0}, 0},
        {"softmax_cross_entropy(class_weights=[0.5, 1, 3], "
         "label_smoothing=0.2)", {0.5, 1, 3}, 0.2},
        {"softmax_cross_entropy(class_weights=[\"b c\"=2, a=1, \"7\"=4])",
         {1, 2, 4}, 0},
        {"softmax_cross_entropy(class_weights=[0=1, 1=2, 7=4])", {1, 2, 4}, 0},
        {"softmax_cross_entropy(class_weights=balanced)",
         {40. / 2 / 10, 1, 40. / 2 / 30}, 0},
        {"softmax_cross_entropy(class_weights=[1, 1, 1])", {1, 1, 1}, 0},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        char m[500] = "";
        result q;
        double weights = 0;
        for (int k = 0; k < ROWS; k++)
            weights += cases[i].w[label[k]];
        T_CHECKF(run(r, cases[i].text, K, label, &q, m) == BP_OK, "%s", m);
        T_NEAR(q.loss, cross_entropy(cases[i].w, cases[i].e), 1e-14);
        T_NEAR(q.weight, weights, 1e-14);
        for (int k = 0; k < N; k++) {
            double x = logits[k], h = 1e-5;
            logits[k] = x + h;
            double up = cross_entropy(cases[i].w, cases[i].e);
            logits[k] = x - h;
            double down = cross_entropy(cases[i].w, cases[i].e);
            logits[k] = x;
            T_NEAR(q.grad[k], (up - down) / (2 * h), 1e-9);
        }
    }
}

static void test_others(bp_runtime *r)
{
    static const double w[2] = {1, 3};
    double bce = 0, hinge = 0, weights = 0, all = 0;
    result q;
    for (int i = 0; i < ROWS; i++) {
        double s = yes[i] ? 1 : -1, x = s * logits[i];
        bce += w[yes[i]] * log(1 + exp(-x));
        hinge += w[yes[i]] * fmax(0, 1 - x);
        weights += w[yes[i]];
    }
    must(r, "binary_cross_entropy(class_weights=[1, 3])", 1, yes, &q);
    T_NEAR(q.loss, bce / weights, 1e-14);
    must(r, "hinge(class_weights=[1, 3])", 1, yes, &q);
    T_NEAR(q.loss, hinge / weights, 1e-14);
    must(r, "squared_hinge(class_weights=[1, 1])", 1, yes, &q);
    weights = 0;
    for (int i = 0; i < ROWS; i++) {
        all -= (label[i] + 1.0) * logits[i * K + label[i]];
        weights += label[i] + 1.0;
    }
    must(r, "nll(class_weights=[1, 2, 3])", K, label, &q);
    T_NEAR(q.loss, all / weights, 1e-14);
    /* Several outputs of a sample: their mean, then as above. */
    all = 0;
    for (int i = 0; i < N; i++) {
        double s = label[i / K] == i % K ? 1 : -1;
        all += (label[i / K] + 1.0) * log(1 + exp(-s * logits[i])) / K;
    }
    must(r, "binary_cross_entropy(class_weights=[1, 2, 3])", K, label, &q);
    T_NEAR(q.loss, all / weights, 1e-14);
    must(r, "sigmoid_cross_entropy(class_weights=[1, 2, 3])", K, label, &q);
    T_NEAR(q.loss, K * all / weights, 1e-14);
    /* A batch whose weights are all 0 has loss 0 and no gradient. */
    static const int32_t zeros[ROWS] = {0};
    must(r, "softmax_cross_entropy(class_weights=[0, 1, 1])", K, zeros, &q);
    T_CHECK(q.loss == 0 && q.weight == 0 && q.grad[0] == 0);
}

static void test_refused(bp_runtime *r)
{
    static const struct { const char *weights, *says; } cases[] = {
        {"[1, 2]", "has 2 numbers; there are 3 classes"},
        {"[0, 0, 0]", "all 0"},
        {"[a=1, \"b c\"=2]", "no number for class \"7\""},
        {"[a=1, \"b c\"=2, 7=1, \"b d\"=1]", "did you mean \"b c\"?"},
        {"[a=1, 0=2, 7=1]", "class \"a\" has two numbers"},
    };
    static const char *const texts[] = {
        "[1, -2, 1]", "[1, a=2]", "balance", "[a]", "[1, nan, 2]", "3",
        "[1], class_weights=[2]", "[\"\"=1]",
    };
    char m[500] = "", text[200];
    result q;
    bp_error err = {0};
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        snprintf(text, sizeof text, "softmax_cross_entropy(class_weights=%s)",
                 cases[i].weights);
        T_CHECK(run(r, text, K, label, &q, m) != BP_OK);
        T_CHECKF(strstr(m, cases[i].says), "%s: %s", text, m);
    }
    T_CHECK(run(r, "binary_cross_entropy(class_weights=[1, 2])", 1, NULL, &q,
                m) == BP_EARG && strstr(m, "classes (i32)"));
    for (size_t i = 0; i < BP__ARRAY_LEN(texts); i++) {
        snprintf(text, sizeof text, "softmax_cross_entropy(class_weights=%s)",
                 texts[i]);
        T_CHECKF(bp_nn_check(BP_NN_LOSSES, text, &err) != BP_OK, "%s", text);
    }
    T_CHECK(bp_nn_check(BP_NN_LOSSES, "mean_squared_error(class_weights=[1])",
                        &err) == BP_ENOTFOUND);
}

/* print . parse = id */
static void test_texts(void)
{
    static const char *const texts[] = {
        "nll(class_weights=balanced)", "nll(class_weights=[1, 0.5])",
        "nll(class_weights=[a=1, \"b c\"=1e-7])",
    };
    bp__arena ar;
    bp__arena_init(&ar, NULL);
    for (size_t i = 0; i < BP__ARRAY_LEN(texts); i++) {
        bp__str s;
        bp__spec *spec;
        bp_error err = {0};
        bp__str_init(&s, NULL);
        T_OK(bp__spec_parse(&ar, BP_NN_LOSSES, texts[i], &spec, &err), &err);
        bp__spec_print(&s, spec);
        T_CHECKF(!strcmp(s.s, texts[i]), "%s", s.s);
        bp__str_free(&s);
    }
    bp__arena_free(&ar);
}

static bp_val net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    return bp_nn_dense(nn, bp_nn_tanh(nn, bp_nn_dense(nn, x, 4)), K);
}

/* The same loss and gradient for any shards, f64. */
static void test_shards(bp_runtime *r)
{
    bp_task t = {.size = sizeof t, .net = net, .n_inputs = 1,
                 .input = {{.rank = 1, .dims = {K}}},
                 .target = {.dtype = BP_I32}, .dtype = BP_F64, .seed = 3,
                 .loss = "softmax_cross_entropy(class_weights=balanced)",
                 .class_count = counts, .n_class_counts = K};
    double loss[3], grad[3][4 * K];
    static const int64_t shards[3] = {1, 2, 3};
    for (int i = 0; i < 3; i++) {
        bp_store *s = bp_store_new(NULL);
        bp_graph *g[2] = {NULL, NULL};
        bp_program *p = NULL;
        bp_error err = {0};
        size_t n = 0;
        int64_t low = ROWS / shards[i], high = low + (ROWS % shards[i] != 0);
        for (int64_t rows = high; rows >= low; rows--) {
            bp_trace_options o = {.size = sizeof o, .rows = rows,
                                  .global_rows = ROWS, .shards = shards[i]};
            g[n] = bp_task_graph(&t, s, BP_TASK_GRADIENT, &o, NULL, NULL);
            T_CHECKF(!bp_graph_status(g[n]), "%s", bp_graph_error(g[n]));
            n++;
        }
        T_OK(bp_compile(r, (const bp_graph *const *)g, n, NULL, &p, &err),
             &err);
        rig_bind(p, "x", logits, sizeof logits);
        rig_bind(p, "target", label, sizeof label);
        rig_run(p);
        loss[i] = rig_scalar(p, "loss");
        memcpy(grad[i], rig_result(p, "grad.2.weight", sizeof grad[i]),
               sizeof grad[i]);
        T_NEAR(loss[i], loss[0], 1e-12);
        for (int k = 0; k < 4 * K; k++)
            T_NEAR(grad[i][k], grad[0][k], 1e-12);
        for (size_t k = 0; k < n; k++)
            bp_graph_free(g[k]);
        bp_program_free(p);
        bp_store_free(s);
    }
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    fill();
    test_cross_entropy(r);
    test_others(r);
    test_refused(r);
    test_texts();
    test_shards(r);
    bp_runtime_free(r);
    return t_end();
}
