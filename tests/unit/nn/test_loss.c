/* Losses, metrics and penalties in f64 against their formulas written out
 * here, on a batch in one piece. */
#include "rig.h"

enum { ROWS = 5, K = 4, N = ROWS * K };

static double logits[N], real[N];
static const int32_t label[ROWS] = {3, 0, 1, 1, 2};

static void fill(void)
{
    uint64_t seed = 17;
    for (int i = 0; i < N; i++) {
        logits[i] = t_uniform(&seed, -3, 3);
        real[i] = t_uniform(&seed, 0, 1);
    }
}

/* Runs `text` on [rows, k] logits; target: labels, or reals of that shape. */
static double run(bp_runtime *r, const char *loss, const char *metric,
                  int64_t k, const int32_t *labels, const double *reals)
{
    const int64_t dims[2] = {ROWS, k};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val y = bp_batch_input(g, "y", BP_F64, 2, dims);
    bp_val t = labels ? bp_batch_input(g, "t", BP_I32, 1, dims)
                      : bp_batch_input(g, "t", BP_F64, 2, dims);
    bp_val v = bp_nn_loss(nn, loss, y, t);
    if (metric)
        v = bp_nn_metric(nn, metric, y, t);
    bp_output(g, "v", v);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    T_CHECK(bp_val_rank(g, v) == 0 && !bp_val_varying(g, v));
    bp_nn_free(nn);
    bp_program *p = rig_compile(r, g);
    size_t n = (size_t)(ROWS * k);
    rig_bind(p, "y", logits, n * sizeof(double));
    if (labels)
        rig_bind(p, "t", labels, ROWS * sizeof *labels);
    else
        rig_bind(p, "t", reals, n * sizeof(double));
    rig_run(p);
    double value = rig_scalar(p, "v");
    bp_program_free(p);
    bp_store_free(s);
    return value;
}

static double log_sum_exp(const double *x)
{
    double sum = 0;
    for (int k = 0; k < K; k++)
        sum += exp(x[k]);
    return log(sum);
}

static double bce(double x, double t)
{
    double p = 1 / (1 + exp(-x));
    return -t * log(p) - (1 - t) * log(1 - p);
}

static double one_hot(int i)
{
    return label[i / K] == i % K;
}

static void test_losses(bp_runtime *r)
{
    double ce = 0, dist = 0, b = 0, bc = 0, se = 0, sec = 0, one = 0;
    static const int32_t yes[ROWS] = {1, 0, 0, 1, 1};
    for (int i = 0; i < ROWS; i++) {
        ce += (log_sum_exp(logits + i * K) - logits[i * K + label[i]]) / ROWS;
        one += bce(logits[i], yes[i]) / ROWS;
    }
    for (int i = 0; i < N; i++) {
        double lse = log_sum_exp(logits + i / K * K);
        dist += real[i] * (lse - logits[i]) / ROWS;
        b += bce(logits[i], real[i]);
        bc += bce(logits[i], one_hot(i));
        se += (logits[i] - real[i]) * (logits[i] - real[i]);
        sec += (logits[i] - one_hot(i)) * (logits[i] - one_hot(i));
    }
    T_NEAR(run(r, "softmax_cross_entropy", NULL, K, label, NULL), ce, 1e-14);
    T_NEAR(run(r, "softmax_cross_entropy", NULL, K, NULL, real), dist, 1e-14);
    T_NEAR(run(r, "binary_cross_entropy", NULL, K, NULL, real), b / N, 1e-14);
    T_NEAR(run(r, "binary_cross_entropy", NULL, K, label, NULL), bc / N,
           1e-14);
    T_NEAR(run(r, "binary_cross_entropy", NULL, 1, yes, NULL), one, 1e-14);
    T_NEAR(run(r, "sigmoid_cross_entropy", NULL, K, NULL, real), b / ROWS,
           1e-14);
    T_NEAR(run(r, "sigmoid_cross_entropy", NULL, K, label, NULL), bc / ROWS,
           1e-14);
    T_NEAR(run(r, "mean_squared_error", NULL, K, NULL, real), se / N, 1e-14);
    T_NEAR(run(r, "mean_squared_error", NULL, K, label, NULL), sec / N,
           1e-14);
    T_NEAR(run(r, "mean_squared_error(half_sum)", NULL, K, label, NULL),
           sec / 2 / ROWS, 1e-14);
}

static int best(const double *x)
{
    int at = 0;
    for (int k = 1; k < K; k++)
        if (x[k] > x[at])
            at = k;
    return at;
}

static void test_metrics(bp_runtime *r)
{
    static const int32_t yes[ROWS] = {1, 0, 0, 1, 1};
    double right = 0, real_right = 0, at0 = 0, at_half = 0, se = 0, ae = 0;
    for (int i = 0; i < ROWS; i++) {
        right += best(logits + i * K) == label[i];
        real_right += best(logits + i * K) == best(real + i * K);
        at0 += (logits[i] > 0) == yes[i];
        at_half += (logits[i] > 0.5) == yes[i];
    }
    for (int i = 0; i < N; i++) {
        double d = logits[i] - real[i];
        se += d * d / K;
        ae += fabs(d) / K;
    }
    const char *ce = "softmax_cross_entropy", *mse = "mean_squared_error";
    T_CHECK(run(r, ce, "accuracy", K, label, NULL) == right);
    T_CHECK(run(r, mse, "accuracy", K, label, NULL) == right);
    T_CHECK(run(r, ce, "accuracy", K, NULL, real) == real_right);
    T_CHECK(run(r, "binary_cross_entropy", "accuracy", 1, yes, NULL) == at0);
    T_CHECK(run(r, mse, "accuracy", 1, yes, NULL) == at_half);
    T_CHECK(run(r, "hinge", "accuracy", 1, yes, NULL) == at0);
    T_CHECK(run(r, mse, "accuracy(threshold=0)", 1, yes, NULL) == at0);
    T_NEAR(run(r, mse, "mean_squared_error", K, NULL, real), se, 1e-14);
    T_NEAR(run(r, mse, "mean_absolute_error", K, NULL, real), ae, 1e-14);
}

/* In how many rows fewer than k outputs come before the target's. */
static double hits(int k)
{
    double n = 0;
    for (int i = 0; i < ROWS; i++) {
        const double *x = logits + i * K;
        int before = 0;
        for (int j = 0; j < K; j++)
            before += x[j] > x[label[i]] ||
                      (x[j] == x[label[i]] && j < label[i]);
        n += before < k;
    }
    return n;
}

static void test_top_k(bp_runtime *r)
{
    const char *ce = "softmax_cross_entropy";
    double right = run(r, ce, "accuracy", K, label, NULL);
    T_CHECK(run(r, ce, "top_k(1)", K, label, NULL) == right);
    T_CHECK(run(r, ce, "top_k(2)", K, label, NULL) == hits(2));
    T_CHECK(run(r, ce, "top_k(3)", K, label, NULL) == hits(3));
    T_CHECK(run(r, ce, "top_k", K, label, NULL) == ROWS);
    T_CHECK(run(r, ce, "top_k(1)", K, NULL, real) ==
            run(r, ce, "accuracy", K, NULL, real));
    /* Ties go to the smaller index, as the largest output does. */
    for (int i = 0; i < N; i++)
        logits[i] = 1;
    for (int k = 1; k <= K; k++) {
        char text[20];
        snprintf(text, sizeof text, "top_k(%d)", k);
        T_CHECK(run(r, ce, text, K, label, NULL) == hits(k));
    }
    /* A NaN is the largest, wherever it is. */
    for (int i = 0; i < ROWS; i++)
        logits[i * K + (label[i] + 1) % K] = NAN;
    T_CHECK(run(r, ce, "accuracy", K, label, NULL) == 0);
    T_CHECK(run(r, ce, "top_k(1)", K, label, NULL) == 0);
    T_CHECK(run(r, ce, "top_k(4)", K, label, NULL) == ROWS);
    fill();
}

/* The gradient of a loss of one row of K outputs, in f32; d NULL: the value
 * alone. */
static bp_status far_out(bp_runtime *r, const char *loss, const float *y,
                         const float *t, int32_t class, float *v, float *d)
{
    const int64_t dims[2] = {1, K};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn *nn = bp_nn_new(g, s, NULL);
    bp_val in = bp_batch_input(g, "y", BP_F32, 2, dims), dy;
    bp_val l = bp_nn_loss(nn, loss, in,
                          t ? bp_batch_input(g, "t", BP_F32, 2, dims)
                            : bp_batch_input(g, "t", BP_I32, 1, dims));
    bp_grad(g, l, &in, 1, &dy);
    bp_output(g, "v", l);
    bp_output(g, "d", dy);
    bp_nn_free(nn);
    bp_program *p = rig_compile(r, g);
    rig_bind(p, "y", y, K * sizeof *y);
    if (t)
        rig_bind(p, "t", t, K * sizeof *t);
    else
        rig_bind(p, "t", &class, sizeof class);
    bp_error err = {0};
    bp_status st = bp_run(p, &err);
    if (!st) {
        *v = *(const float *)rig_result(p, "v", sizeof *v);
        memcpy(d, rig_result(p, "d", K * sizeof *d), K * sizeof *d);
    }
    bp_program_free(p);
    bp_store_free(s);
    return st;
}

static void near_four(const char *what, const float *d, double a, double b,
                      double c, double e)
{
    const double want[K] = {a, b, c, e};
    for (int i = 0; i < K; i++)
        T_CHECKF(fabs(d[i] - want[i]) <= 1e-6 * fmax(1, fabs(want[i])),
                 "%s: gradient %d is %g, not %g", what, i, (double)d[i],
                 want[i]);
}

/* What is finite stays finite; zeros of a target count nothing. */
static void test_far_out(bp_runtime *r)
{
    static const float wide[K] = {-1e30f, 1e30f, 0, 1e-4f}, zero[K];
    static const float probs[K] = {0, 0.25f, 0.75f, 0};
    static const float logs[K] = {-INFINITY, -1, -2, -INFINITY};
    float v, d[K];
    T_CHECK(far_out(r, "huber", wide, zero, 0, &v, d) == BP_OK);
    T_NEAR(v / 5e29, 1, 1e-6);
    near_four("huber", d, -0.25, 0.25, 0, 0.25e-4);
    T_CHECK(far_out(r, "log_cosh", wide, zero, 0, &v, d) == BP_OK);
    T_NEAR(v / 5e29, 1, 1e-6);
    near_four("log_cosh", d, -0.25, 0.25, 0, 0.25e-4);
    T_CHECK(far_out(r, "kl_divergence", logs, probs, 0, &v, d) == BP_OK);
    T_NEAR(v, 0.25 * (log(0.25) + 1) + 0.75 * (log(0.75) + 2), 1e-6);
    near_four("kl_divergence", d, 0, -0.25, -0.75, 0);
    T_CHECK(far_out(r, "nll", logs, NULL, 1, &v, d) == BP_OK && v == 1);
    near_four("nll", d, 0, -1, 0, 0);
    T_CHECK(far_out(r, "nll", logs, NULL, K, &v, d) == BP_ERANGE);
    T_CHECK(far_out(r, "nll", logs, NULL, -1, &v, d) == BP_ERANGE);
    /* Near 0 it is x^2 / 2, to the last digits. */
    static const float small[K] = {1e-3f, 0, 0, 0};
    T_CHECK(far_out(r, "log_cosh", small, zero, 0, &v, d) == BP_OK);
    T_NEAR(v / (0.125 * 1e-6), 1, 1e-5);
}

static double penalty(bp_runtime *r, const char *text, double *sum_w,
                      double *sum_b)
{
    const int64_t dims[2] = {2, 3};
    double w[12], b[4];
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64,
                       .bias_init = "normal"};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_nn_dense(nn, bp_batch_input(g, "x", BP_F64, 2, dims), 4);
    bp_output(g, "v", bp_nn_penalty(nn, text, 50));
    bp_nn_free(nn);
    bp_program *p = rig_compile(r, g);
    double zeros[6] = {0};
    rig_bind(p, "x", zeros, sizeof zeros);
    rig_run(p);
    double v = rig_scalar(p, "v");
    rig_get(s, "0.weight", w, sizeof w);
    rig_get(s, "0.bias", b, sizeof b);
    *sum_w = *sum_b = 0;
    for (int i = 0; i < 12; i++)
        *sum_w += w[i] * w[i];
    for (int i = 0; i < 4; i++)
        *sum_b += b[i] * b[i];
    bp_program_free(p);
    bp_store_free(s);
    return v;
}

static void test_penalties(bp_runtime *r)
{
    double w, b, v = penalty(r, "l2(0.1)", &w, &b);
    T_NEAR(v, 0.05 * w, 1e-14);
    v = penalty(r, "l2(lambda=5)", &w, &b);
    T_NEAR(v, 5 * w / (2 * 50), 1e-14);
    v = penalty(r, "l2(lambda=5, on=all)", &w, &b);
    T_NEAR(v, 5 * (w + b) / (2 * 50), 1e-14);
    T_CHECK(b > 0);
}

static void refused(const char *loss, int y_rank, int t_rank, bp_dtype t_type,
                    bp_status status, const char *a, const char *b)
{
    const int64_t y_dims[3] = {5, 4, 2}, t_dims[3] = {5, 3, 2};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn *nn = bp_nn_new(g, s, NULL);
    bp_nn_loss(nn, loss, bp_batch_input(g, "y", BP_F32, y_rank, y_dims),
               bp_batch_input(g, "t", t_type, t_rank, t_dims));
    RIG_REFUSED(g, status, a, b);
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

static void test_refused(void)
{
    refused("softmax_cross_entropy", 2, 2, BP_F32, BP_ESHAPE, "f32[5,4]",
            "f32[5,3]");
    refused("softmax_cross_entropy", 2, 2, BP_I32, BP_ESHAPE, "i32[5,3]",
            "a class (i32) for each row");
    refused("softmax_cross_entropy", 1, 1, BP_I32, BP_ESHAPE, "f32[5]",
            "i32[5]");
    refused("mean_squared_error", 2, 2, BP_F32, BP_ESHAPE,
            "mean_squared_error", "the same type and shape");
    refused("sigmoid_cross_entropy", 3, 1, BP_I32, BP_ESHAPE, "f32[5,4,2]",
            "i32[5]");
    refused("triplet", 2, 1, BP_I32, BP_ENOTFOUND, "unknown loss", "triplet");
    refused("nll", 2, 2, BP_F32, BP_ESHAPE, "f32[5,4]", "f32[5,3]");
    refused("kl_divergence", 2, 2, BP_F32, BP_ESHAPE, "kl_divergence",
            "the same type and shape");
    refused("huber(0)", 2, 2, BP_F32, BP_ERANGE, "delta", "above 0");
    refused("softmax_cross_entropy(1.5)", 2, 1, BP_I32, BP_ERANGE,
            "label_smoothing", "from 0 to 1");
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    fill();
    test_losses(r);
    test_metrics(r);
    test_top_k(r);
    test_far_out(r);
    test_penalties(r);
    test_refused();
    bp_runtime_free(r);
    return t_end();
}
