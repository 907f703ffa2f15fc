/* Activations, normalization, dropout and joins, run in f64 against the same
 * formulas written out here. */
#include "rig.h"

enum { ROWS = 6, CH = 3, LEN = 4, N = ROWS * CH * LEN };

static double data[N];

static void fill(uint64_t seed)
{
    for (int i = 0; i < N; i++)
        data[i] = t_uniform(&seed, -2, 3);
}

static bp_program *build(bp_runtime *r, bp_store *s, const char *layers,
                         bool training, bp_dtype dtype)
{
    const int64_t dims[3] = {ROWS, CH, LEN};
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = dtype, .training = training,
                       .seed = 9};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_model *m = bp_model_new(NULL);
    bp_model_add(m, layers);
    bp_val x = bp_batch_input(g, "x", dtype, 3, dims);
    bp_output(g, "y", bp_nn_model(nn, m, 1, &x));
    if (training)
        bp_nn_commit(nn);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bp_model_free(m);
    bp_nn_free(nn);
    bp_program *p = rig_compile(r, g);
    rig_bind(p, "x", data, N * bp_dtype_bytes(dtype));
    return p;
}

static double worst_of(const double *got, const double *want, int n)
{
    double worst = 0;
    for (int i = 0; i < n; i++) {
        double d = fabs(got[i] - want[i]);
        worst = d <= worst ? worst : d;
    }
    return worst;
}

static double f_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double f_relu(double x)
{
    return x > 0 ? x : 0;
}
static double f_leaky(double x)
{
    return x > 0 ? x : 0.01 * x;
}
static double f_gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

static void test_activations(bp_runtime *r)
{
    static const struct {
        const char *text;
        double (*f)(double x);
    } cases[] = {{"sigmoid", f_sigmoid}, {"tanh", tanh}, {"relu", f_relu},
                 {"leaky_relu", f_leaky}, {"gelu", f_gelu}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double want[N];
        bp_store *s = bp_store_new(NULL);
        bp_program *p = build(r, s, cases[i].text, true, BP_F64);
        rig_run(p);
        for (int k = 0; k < N; k++)
            want[k] = cases[i].f(data[k]);
        double worst = worst_of(rig_result(p, "y", sizeof want), want, N);
        T_CHECKF(worst <= 1e-15 * 4, "%s: off by %g", cases[i].text, worst);
        bp_program_free(p);
        bp_store_free(s);
    }
}

static void test_softmax(bp_runtime *r)
{
    bp_store *s = bp_store_new(NULL);
    for (int axis = 1; axis <= 2; axis++) {
        double want[N];
        bp_program *p = build(r, s, axis == 1 ? "softmax(1)" : "softmax",
                              true, BP_F64);
        rig_run(p);
        int n = axis == 1 ? CH : LEN, stride = axis == 1 ? LEN : 1;
        for (int k = 0; k < N; k++) {
            int at = k / stride % n, base = k - at * stride;
            double sum = 0;
            for (int j = 0; j < n; j++)
                sum += exp(data[base + j * stride]);
            want[k] = exp(data[k]) / sum;
        }
        double worst = worst_of(rig_result(p, "y", sizeof want), want, N);
        T_CHECKF(worst <= 1e-15, "softmax %d: off by %g", axis, worst);
        bp_program_free(p);
    }
    bp_store_free(s);
}

/* Statistics of channel c over the batch: biased variance. */
static void channel_stats(int c, double *mean, double *var)
{
    *mean = *var = 0;
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < LEN; k++)
            *mean += data[(i * CH + c) * LEN + k] / (ROWS * LEN);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < LEN; k++) {
            double d = data[(i * CH + c) * LEN + k] - *mean;
            *var += d * d / (ROWS * LEN);
        }
}

static void norm_values(double *want, const double *mean, const double *var,
                        const double *w, const double *b)
{
    for (int i = 0; i < N; i++) {
        int c = i / LEN % CH;
        want[i] = (data[i] - mean[c]) / sqrt(var[c] + 1e-3) * w[c] + b[c];
    }
}

static void test_batch_norm(bp_runtime *r)
{
    static const double w[CH] = {0.5, 2, -1}, b[CH] = {1, 0, 3};
    const char *text = "batch_norm(eps=1e-3, momentum=0.25)";
    double mean[CH], var[CH], want[N], rm[CH] = {0}, rv[CH] = {1, 1, 1};
    double got[CH];
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, text, true, BP_F64);
    rig_set(s, "0.weight", w, sizeof w);
    rig_set(s, "0.bias", b, sizeof b);
    for (int step = 0; step < 3; step++) {
        fill(100 + (uint64_t)step);
        rig_run(p);
        for (int c = 0; c < CH; c++) {
            channel_stats(c, &mean[c], &var[c]);
            double n = ROWS * LEN, unbiased = var[c] * n / (n - 1);
            rm[c] = 0.75 * rm[c] + 0.25 * mean[c];
            rv[c] = 0.75 * rv[c] + 0.25 * unbiased;
        }
        norm_values(want, mean, var, w, b);
        T_CHECK(worst_of(rig_result(p, "y", sizeof want), want, N) <= 1e-13);
        rig_get(s, "0.running_mean", got, sizeof got);
        T_CHECK(worst_of(got, rm, CH) <= 1e-14);
        rig_get(s, "0.running_var", got, sizeof got);
        T_CHECK(worst_of(got, rv, CH) <= 1e-14);
    }
    bp_program_free(p);
    p = build(r, s, text, false, BP_F64);
    fill(7);
    rig_run(p);
    norm_values(want, rm, rv, w, b);
    T_CHECK(worst_of(rig_result(p, "y", sizeof want), want, N) <= 1e-13);
    bp_program_free(p);
    bp_store_free(s);
}

static void test_layer_norm(bp_runtime *r)
{
    double w[CH * LEN], b[CH * LEN], want[N];
    uint64_t seed = 3;
    for (int k = 0; k < CH * LEN; k++) {
        w[k] = t_uniform(&seed, -1, 2);
        b[k] = t_uniform(&seed, -1, 2);
    }
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, "layer_norm", false, BP_F64);
    rig_set(s, "0.weight", w, sizeof w);
    rig_set(s, "0.bias", b, sizeof b);
    rig_run(p);
    for (int i = 0; i < ROWS; i++) {
        const double *x = data + i * CH * LEN;
        double mean = 0, var = 0;
        for (int k = 0; k < CH * LEN; k++)
            mean += x[k] / (CH * LEN);
        for (int k = 0; k < CH * LEN; k++)
            var += (x[k] - mean) * (x[k] - mean) / (CH * LEN);
        for (int k = 0; k < CH * LEN; k++)
            want[i * CH * LEN + k] =
                (x[k] - mean) / sqrt(var + 1e-5) * w[k] + b[k];
    }
    T_CHECK(worst_of(rig_result(p, "y", sizeof want), want, N) <= 1e-13);
    bp_program_free(p);
    bp_store_free(s);
}

/* Drops about a share of p, scales the rest, differs between layers and
 * steps, repeats with the seed, and does nothing in evaluation. */
static void test_dropout(bp_runtime *r)
{
    for (int i = 0; i < N; i++)
        data[i] = 1;
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, "dropout(0.25)", true, BP_F64);
    bp_program *q = build(r, s, "relu, dropout(0.25)", false, BP_F64);
    int dropped = 0, bad = 0, same = 0;
    double first[N], last[N] = {0};
    for (int step = 0; step < 200; step++) {
        rig_run(p);
        const double *y = rig_result(p, "y", sizeof first);
        for (int i = 0; i < N; i++) {
            dropped += y[i] == 0;
            bad += y[i] != 0 && fabs(y[i] - 1 / 0.75) > 1e-15;
        }
        same += memcmp(y, last, sizeof last) == 0;
        memcpy(last, y, sizeof last);
        if (step == 0)
            memcpy(first, y, sizeof first);
    }
    /* Five standard errors of a share. */
    double share = dropped / (200.0 * N);
    T_CHECK(bad == 0 && same == 0);
    T_NEAR(share, 0.25, 5 * sqrt(0.25 * 0.75 / (200.0 * N)));
    rig_run(q);
    T_CHECK(memcmp(rig_result(q, "y", sizeof data), data, sizeof data) == 0);
    bp_program_free(p);
    bp_program_free(q);
    bp_store_free(s);

    s = bp_store_new(NULL);
    p = build(r, s, "dropout(0.25)", true, BP_F64);
    rig_run(p);
    T_CHECK(memcmp(rig_result(p, "y", sizeof data), first, sizeof first) ==
            0);
    bp_program_free(p);
    bp_store_free(s);
    s = bp_store_new(NULL);
    p = build(r, s, "relu, dropout(0.25)", true, BP_F64);
    rig_run(p);
    T_CHECK(memcmp(rig_result(p, "y", sizeof data), first, sizeof first) !=
            0);
    bp_program_free(p);
    bp_store_free(s);
}

static void test_joins(bp_runtime *r)
{
    fill(11);
    double want[2 * N];
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, "relu(name=a), tanh(name=b),"
                          "add(from=[a, b, a])", true, BP_F64);
    rig_run(p);
    for (int i = 0; i < N; i++)
        want[i] = 2 * f_relu(data[i]) + tanh(f_relu(data[i]));
    T_CHECK(worst_of(rig_result(p, "y", sizeof data), want, N) <= 1e-14);
    bp_program_free(p);
    p = build(r, s, "relu(name=a), tanh(name=b), concat(from=[a, b])", true,
              BP_F64);
    rig_run(p);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < CH * LEN; k++) {
            double a = f_relu(data[i * CH * LEN + k]);
            want[2 * i * CH * LEN + k] = a;
            want[(2 * i + 1) * CH * LEN + k] = tanh(a);
        }
    T_CHECK(worst_of(rig_result(p, "y", sizeof want), want, 2 * N) <= 1e-15);
    bp_program_free(p);
    p = build(r, s, "relu, residual(body=[tanh], shortcut=[sigmoid])", true,
              BP_F64);
    rig_run(p);
    for (int i = 0; i < N; i++)
        want[i] = tanh(f_relu(data[i])) + f_sigmoid(f_relu(data[i]));
    T_CHECK(worst_of(rig_result(p, "y", sizeof data), want, N) <= 1e-14);
    bp_program_free(p);
    bp_store_free(s);
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    fill(1);
    test_activations(r);
    test_softmax(r);
    test_batch_norm(r);
    test_layer_norm(r);
    test_dropout(r);
    test_joins(r);
    bp_runtime_free(r);
    return t_end();
}
