/* Initializers: their moments and bounds, and that a value depends on the
 * seed, the variable's name and the index alone. */
#include "rig.h"

enum { ROWS = 200, COLS = 300, N = ROWS * COLS };

static void make(const char *init, uint64_t seed, const char *name,
                 bp_dtype dtype, void *out)
{
    const int64_t dims[2] = {ROWS, COLS};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = dtype, .seed = seed};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_nn_param(nn, name, 2, dims, init);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    rig_get(s, name, out, N * bp_dtype_bytes(dtype));
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

typedef struct moments {
    double mean, std, min, max, kurtosis;
} moments;

static moments measure(const double *x)
{
    moments m = {.min = x[0], .max = x[0]};
    double m2 = 0, m4 = 0;
    for (int i = 0; i < N; i++)
        m.mean += x[i] / N;
    for (int i = 0; i < N; i++) {
        double d = x[i] - m.mean;
        m2 += d * d / N;
        m4 += d * d * d * d / N;
        m.min = fmin(m.min, x[i]);
        m.max = fmax(m.max, x[i]);
    }
    m.std = sqrt(m2);
    m.kurtosis = m2 > 0 ? m4 / (m2 * m2) : 0;
    return m;
}

/* 60,000 numbers: the standard error of a mean is std / 245, that of a
 * deviation std / 346 (normal). The bounds are 5 of them. */
static void check(const char *init, double mean, double std, bool uniform)
{
    static double x[N];
    make(init, 7, "w", BP_F64, x);
    moments m = measure(x);
    if (std == 0) {
        T_CHECKF(m.min == mean && m.max == mean, "%s", init);
        return;
    }
    T_CHECKF(fabs(m.mean - mean) <= std * 5 / 245, "%s: mean %g", init,
             m.mean);
    T_CHECKF(fabs(m.std - std) <= std * 5 / 346, "%s: std %g, not %g", init,
             m.std, std);
    double kurtosis = uniform ? 1.8 : 3;
    T_CHECKF(fabs(m.kurtosis - kurtosis) <= 0.15, "%s: kurtosis %g", init,
             m.kurtosis);
    double half = sqrt(3) * std;
    if (uniform)
        T_CHECKF(m.min >= mean - half && m.max <= mean + half &&
                 m.max - m.min >= 1.99 * half, "%s: %g to %g", init, m.min,
                 m.max);
}

static void test_moments(void)
{
    double in = COLS, out = ROWS;
    check("normal", 0, 1, false);
    check("normal(0.5, mean=2)", 2, 0.5, false);
    check("article", 0, 0.01, false);
    check("uniform", 0, 1 / sqrt(3), true);
    check("uniform(high=3, low=1)", 2, 1 / sqrt(3), true);
    check("uniform(0.1)", 0, 0.1 / sqrt(3), true);
    check("kaiming_normal", 0, sqrt(2 / in), false);
    check("kaiming_normal(fan_out)", 0, sqrt(2 / out), false);
    check("kaiming_uniform", 0, sqrt(2 / in), true);
    check("kaiming_uniform(slope=1)", 0, sqrt(1 / in), true);
    check("xavier_normal", 0, sqrt(2 / (in + out)), false);
    check("xavier_uniform(gain=2)", 0, 2 * sqrt(2 / (in + out)), true);
    check("torch", 0, 1 / sqrt(3 * in), true);
    check("zeros", 0, 0, false);
    check("ones", 1, 0, false);
    check("constant(-2.5)", -2.5, 0, false);
}

static void test_reproducible(void)
{
    static double a[N], b[N];
    static float c[N];
    make("normal", 1, "w", BP_F64, a);
    make("normal", 1, "w", BP_F64, b);
    T_CHECK(memcmp(a, b, sizeof a) == 0);
    make("normal", 1, "w", BP_F32, c);
    int differ = 0;
    for (int i = 0; i < N; i++)
        differ += c[i] != (float)a[i];
    T_CHECK(differ == 0);
    make("normal", 2, "w", BP_F64, b);
    double same = 0, other = 0;
    for (int i = 0; i < N; i++)
        same += a[i] * b[i] / N;
    make("normal", 1, "w2", BP_F64, b);
    for (int i = 0; i < N; i++)
        other += a[i] * b[i] / N;
    T_CHECKF(fabs(same) <= 0.02 && fabs(other) <= 0.02, "%g %g", same,
             other);
    /* A seed's start is part of what a run's hash promises: never changed. */
    static const double stored[3] = {
        1.1391798716023738, 0.91782649228295121, -1.5972212987263807};
    make("normal", 1, "w", BP_F64, a);
    for (int i = 0; i < 3; i++)
        T_CHECKF(a[i] == stored[i], "%.17g", a[i]);
}

/* Defaults of a context: He's weights and zero biases; PyTorch's has both. */
static void test_defaults(void)
{
    static const char *const inits[] = {NULL, "torch", "normal(0.5)"};
    static const double stds[] = {0.0816496580927726, 0.0333333333333333,
                                  0.5};
    const int64_t dims[2] = {2, COLS};
    for (int k = 0; k < 3; k++) {
        static float w[N], bias[ROWS];
        bp_store *s = bp_store_new(NULL);
        bp_graph *g = bp_graph_new(NULL);
        bp_nn_options o = {.size = sizeof o, .init = inits[k],
                           .bias_init = k == 2 ? "normal(1)" : NULL};
        bp_nn *nn = bp_nn_new(g, s, &o);
        bp_nn_dense(nn, bp_batch_input(g, "x", BP_F32, 2, dims), ROWS);
        T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
        rig_get(s, "0.weight", w, sizeof w);
        rig_get(s, "0.bias", bias, sizeof bias);
        double q = 0, qb = 0;
        for (int i = 0; i < N; i++)
            q += (double)w[i] * w[i] / N;
        for (int i = 0; i < ROWS; i++)
            qb += (double)bias[i] * bias[i] / ROWS;
        T_NEAR(sqrt(q), stds[k], 0.02 * stds[k]);
        double want = k == 0 ? 0 : k == 1 ? stds[1] : 1;
        T_NEAR(sqrt(qb), want, 0.15 * want);
        bp_nn_free(nn);
        bp_graph_free(g);
        bp_store_free(s);
    }
}

int main(void)
{
    test_moments();
    test_reproducible();
    test_defaults();
    return t_end();
}
