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
    check("lecun_normal", 0, sqrt(1 / in), false);
    check("lecun_uniform", 0, sqrt(1 / in), true);
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

/* Of a standard normal cut off at +-2: deviation 0.87962566, kurtosis
 * 2.3652. Elements inside the bound are those of normal. */
static void test_truncated(void)
{
    static double x[N], z[N];
    make("truncated_normal(0.5, mean=3)", 7, "w", BP_F64, x);
    make("normal", 7, "w", BP_F64, z);
    moments m = measure(x);
    T_CHECKF(m.min >= 2 && m.max <= 4 && m.max - m.min > 1.99, "%g to %g",
             m.min, m.max);
    T_NEAR(m.mean, 3, 0.5 * 5 / 245);
    T_NEAR(m.std, 0.5 * 0.87962566, 0.5 * 5 / 346);
    T_NEAR(m.kurtosis, 2.3652, 0.05);
    int again = 0, differ = 0;
    for (int i = 0; i < N; i++) {
        again += fabs(z[i]) > 2;
        differ += x[i] != 3 + 0.5 * z[i];
    }
    T_CHECKF(differ == again && again > 0, "%d, %d", differ, again);
    make("truncated_normal(1, bound=0.1)", 7, "w", BP_F64, x);
    m = measure(x);
    T_CHECKF(m.min >= -0.1 && m.max <= 0.1 && m.max - m.min > 0.199,
             "%g to %g", m.min, m.max);
}

static void make_shape(const char *init, int rank, const int64_t *dims,
                       double *out)
{
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64, .seed = 5};
    bp_nn *nn = bp_nn_new(g, s, &o);
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    bp_nn_param(nn, "w", rank, dims, init);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    rig_get(s, "w", out, n * sizeof *out);
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

/* The shorter side's vectors have length gain and right angles; times the
 * normal matrix they come from, they give a triangle with a positive
 * diagonal: so they are its Q. */
static void check_orthogonal(int rank, const int64_t *dims, int columns)
{
    static double q[4000], a[4000];
    int rows = (int)dims[0];
    bool wide = rows < columns;
    int m = wide ? rows : columns, n = wide ? columns : rows;
    int of = wide ? columns : 1, along = wide ? 1 : columns;
    double worst = 0;
    make_shape("orthogonal(1.5)", rank, dims, q);
    make_shape("normal", rank, dims, a);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++) {
            double angle = 0, r = 0;
            for (int k = 0; k < n; k++) {
                double x = q[i * of + k * along];
                angle += x * q[j * of + k * along];
                r += x * a[j * of + k * along];
            }
            worst = fmax(worst, fabs(angle - (i == j ? 2.25 : 0)));
            if (i > j)
                worst = fmax(worst, fabs(r));
            T_CHECK(i != j || r > 0);
        }
    T_CHECKF(worst <= 1e-13, "[%d,%d]: off by %g", rows, columns, worst);
}

static void test_orthogonal(void)
{
    /* A seed's start, which never changes. */
    static const double stored[4] = {
        0.99548122418093543, 0.094958582040941458, -0.094958582040941458,
        0.99548122418093543};
    double q[4];
    make_shape("orthogonal", 2, (const int64_t[]){2, 2}, q);
    for (int i = 0; i < 4; i++)
        T_CHECKF(q[i] == stored[i], "%.17g", q[i]);
    check_orthogonal(2, (const int64_t[]){30, 50}, 50);
    check_orthogonal(2, (const int64_t[]){50, 30}, 30);
    check_orthogonal(2, (const int64_t[]){31, 31}, 31);
    check_orthogonal(4, (const int64_t[]){8, 3, 3, 3}, 27);
    check_orthogonal(4, (const int64_t[]){30, 2, 3, 2}, 12);
    check_orthogonal(2, (const int64_t[]){1, 1}, 1);
}

/* torch.nn.init.dirac_: w[g O + d, d, center] = 1. */
static void check_dirac(const char *init, int groups, int rank,
                        const int64_t *dims)
{
    static double w[4000];
    int64_t area = 1, center = 0, n = dims[0] * dims[1];
    for (int i = 2; i < rank; i++) {
        area *= dims[i];
        center = center * dims[i] + dims[i] / 2;
    }
    make_shape(init, rank, dims, w);
    int wrong = 0;
    for (int64_t i = 0; i < n * area; i++) {
        int64_t o = i / area / dims[1], c = i / area % dims[1];
        double want = o % (dims[0] / groups) == c && i % area == center;
        wrong += w[i] != want;
    }
    T_CHECKF(wrong == 0, "%s: %d wrong", init, wrong);
}

static void test_dirac(void)
{
    check_dirac("dirac", 1, 4, (const int64_t[]){6, 4, 3, 3});
    check_dirac("dirac", 1, 4, (const int64_t[]){4, 6, 4, 1});
    check_dirac("dirac(2)", 2, 3, (const int64_t[]){6, 2, 5});
    check_dirac("dirac(3)", 3, 5, (const int64_t[]){6, 4, 3, 2, 3});
}

/* Refused before the variable is made: the next trace makes it. */
static void refused(const char *init, int rank, const char *a, const char *b)
{
    const int64_t dims[6] = {4, 3, 2, 2, 2, 2};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn *nn = bp_nn_new(g, s, NULL);
    bp_nn_param(nn, "w", rank, dims, init);
    RIG_REFUSED(g, BP_ESHAPE, "\"w\" is", a, b);
    T_CHECK(bp_store_find(s, "w") < 0);
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

static void test_refused(void)
{
    refused("orthogonal", 1, "f32[4]", "orthogonal needs two axes");
    refused("dirac", 2, "f32[4,3]", "dirac needs the weight");
    refused("dirac", 6, "f32[4,3,2,2,2,2]", "of 3 to 5 axes");
    refused("dirac(3)", 4, "f32[4,3,2,2]", "do not divide the first axis");
}

int main(void)
{
    test_moments();
    test_reproducible();
    test_defaults();
    test_truncated();
    test_orthogonal();
    test_dirac();
    test_refused();
    return t_end();
}
