/* LAMB and Muon, whose step of a number depends on its whole tensor, against
 * their algorithms written out in plain loops: 1,000 steps in f64 on a wide
 * matrix, a tall one, a convolution's kernel and a bias. The gradients are
 * waves that do not depend on the parameters: near a goal both would turn a
 * rounding into an error of any size. */
#include "optim_rig.h"

enum { MOST = 24, TENSORS = 4 };

static const struct {
    const char *name;
    int rank;
    int64_t dims[4];
} shape[TENSORS] = {
    {"wide", 2, {3, 4}}, {"tall", 2, {5, 2}}, {"kernel", 4, {3, 2, 2, 2}},
    {"bias", 1, {4}}};

typedef struct tensor {
    int rows, columns, n; /* columns: of all axes but the first */
    double p[MOST], g[MOST], m[MOST], v[MOST];
} tensor;

/* The gradient of element i of tensor k in step t. */
static double wave(int k, int i, int t)
{
    return 0.2 + sin(1.0 + 3 * k + 1.7 * i + 0.01 * t * (1 + i % 3));
}

/* The sum of p times an input of its own. */
static bp_val surface(bp_nn *nn)
{
    bp_graph *g = bp_nn_graph(nn);
    bp_val all = bp_scalar(g, BP_F64, 0);
    for (int k = 0; k < TENSORS; k++) {
        int rank = shape[k].rank;
        const int64_t *dims = shape[k].dims;
        char input[40];
        snprintf(input, sizeof input, "%s.wave", shape[k].name);
        bp_val p = bp_nn_param(nn, shape[k].name, rank, dims, "normal(1)");
        bp_val c = bp_input(g, input, BP_F64, rank, dims);
        bp_val f = bp_sum(g, bp_mul(g, p, c), 0, NULL, false);
        all = bp_add(g, all, f);
    }
    return all;
}

static bp_program *build_surface(bp_runtime *r, bp_store *s,
                                 const char *optimizer)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64, .training = true,
                       .seed = 5};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val f = surface(nn);
    bp_nn_minimize(nn, f, optimizer, NULL);
    bp_output(g, "f", f);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bp_nn_free(nn);
    return rig_compile(r, g);
}

static void read_tensors(bp_store *s, tensor *t)
{
    for (int k = 0; k < TENSORS; k++) {
        t[k] = (tensor){.rows = (int)shape[k].dims[0], .columns = 1};
        for (int i = 1; i < shape[k].rank; i++)
            t[k].columns *= (int)shape[k].dims[i];
        t[k].n = t[k].rows * t[k].columns;
        rig_get(s, shape[k].name, t[k].p, (size_t)t[k].n * sizeof t[k].p[0]);
    }
}

static double norm_of(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

typedef struct rule {
    const char *text;
    double decay, b1, b2, eps;       /* of LAMB, and of Muon's AdamW */
    double momentum, adam_ratio;     /* of Muon */
    int ns_steps;
    bool nesterov;
    const char *by_adamw;            /* this matrix too; NULL: none */
} rule;

/* m_hat / (sqrt(v_hat) + eps) of every element. */
static void adam_direction(const rule *k, int t, tensor *x, const double *g,
                           double *r)
{
    for (int i = 0; i < x->n; i++) {
        x->m[i] = k->b1 * x->m[i] + (1 - k->b1) * g[i];
        x->v[i] = k->b2 * x->v[i] + (1 - k->b2) * g[i] * g[i];
        double m_hat = x->m[i] / (1 - pow(k->b1, t));
        double v_hat = x->v[i] / (1 - pow(k->b2, t));
        r[i] = m_hat / (sqrt(v_hat) + k->eps);
    }
}

static void lamb(const rule *k, double lr, int t, tensor *x, const double *g)
{
    double r[MOST];
    adam_direction(k, t, x, g, r);
    for (int i = 0; i < x->n; i++)
        r[i] += k->decay * x->p[i];
    double of_p = norm_of(x->p, x->n), of_r = norm_of(r, x->n);
    double trust = of_p > 0 && of_r > 0 ? of_p / of_r : 1;
    for (int i = 0; i < x->n; i++)
        x->p[i] -= lr * trust * r[i];
}

/* One iteration on x [rows, columns], rows <= columns:
 * a x + (b A + c A A) x, A = x x'. */
static void newton_schulz(double *x, int rows, int columns)
{
    double aa[MOST][MOST], y[MOST];
    double ab[MOST][MOST];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++) {
            aa[i][j] = 0;
            for (int c = 0; c < columns; c++)
                aa[i][j] += x[i * columns + c] * x[j * columns + c];
        }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++) {
            double sum = 0;
            for (int c = 0; c < rows; c++)
                sum += aa[i][c] * aa[c][j];
            ab[i][j] = -4.7750 * aa[i][j] + 2.0315 * sum;
        }
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < columns; c++) {
            y[i * columns + c] = 3.4445 * x[i * columns + c];
            for (int j = 0; j < rows; j++)
                y[i * columns + c] += ab[i][j] * x[j * columns + c];
        }
    memcpy(x, y, (size_t)(rows * columns) * sizeof *x);
}

static void transpose(const double *x, int rows, int columns, double *out)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            out[j * rows + i] = x[i * columns + j];
}

static void muon(const rule *k, double lr, tensor *x, const double *g)
{
    double d[MOST], turned[MOST];
    int rows = x->rows, columns = x->columns;
    for (int i = 0; i < x->n; i++) {
        x->m[i] = k->momentum * x->m[i] + (1 - k->momentum) * g[i];
        d[i] = k->nesterov ? (1 - k->momentum) * g[i] + k->momentum * x->m[i]
                           : x->m[i];
    }
    double size = norm_of(d, x->n) + 1e-7;
    for (int i = 0; i < x->n; i++)
        d[i] /= size;
    bool tall = rows > columns;
    transpose(d, rows, columns, turned);
    for (int i = 0; i < k->ns_steps; i++)
        newton_schulz(tall ? turned : d, tall ? columns : rows,
                      tall ? rows : columns);
    if (tall)
        transpose(turned, columns, rows, d);
    double scale = sqrt(fmax(1, (double)rows / columns));
    for (int i = 0; i < x->n; i++)
        x->p[i] = x->p[i] * (1 - lr * k->decay) - lr * scale * d[i];
}

static void adamw(const rule *k, double lr, int t, tensor *x, const double *g)
{
    double r[MOST];
    adam_direction(k, t, x, g, r);
    for (int i = 0; i < x->n; i++)
        x->p[i] = x->p[i] * (1 - lr * k->decay) - lr * r[i];
}

static void step(const rule *k, double lr, int t, tensor *x, bp_program *p)
{
    for (int n = 0; n < TENSORS; n++) {
        char input[40];
        snprintf(input, sizeof input, "%s.wave", shape[n].name);
        for (int i = 0; i < x[n].n; i++)
            x[n].g[i] = wave(n, i, t);
        rig_bind(p, input, x[n].g, (size_t)x[n].n * sizeof x[n].g[0]);
        if (!k->ns_steps)
            lamb(k, lr, t, &x[n], x[n].g);
        else if (shape[n].rank > 1 &&
                 !(k->by_adamw && !strcmp(k->by_adamw, shape[n].name)))
            muon(k, lr, &x[n], x[n].g);
        else
            adamw(k, lr * k->adam_ratio, t, &x[n], x[n].g);
    }
}

static double difference(bp_store *s, const tensor *x)
{
    double worst = 0, got[MOST];
    for (int n = 0; n < TENSORS; n++) {
        rig_get(s, shape[n].name, got, (size_t)x[n].n * sizeof got[0]);
        for (int i = 0; i < x[n].n; i++)
            worst = worse(worst, fabs(got[i] - x[n].p[i]));
    }
    return worst;
}

static void check_rule(bp_runtime *r, const rule *k)
{
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build_surface(r, s, k->text);
    tensor x[TENSORS];
    double worst = 0;
    read_tensors(s, x);
    for (int t = 1; t <= STEPS; t++) {
        double lr = moving_rate(t) / 10;
        rig_set(s, "trainer.lr", &lr, sizeof lr);
        step(k, lr, t, x, p);
        rig_run(p);
        worst = worse(worst, difference(s, x));
    }
    T_CHECKF(worst <= 1e-11, "%s: off by %g after %d steps", k->text, worst,
             STEPS);
    bp_program_free(p);
    bp_store_free(s);
}

static void test_formulas(bp_runtime *r)
{
    static const rule rules[] = {
        {"lamb", .decay = 0.01, .b1 = 0.9, .b2 = 0.999, .eps = 1e-6},
        {"lamb(weight_decay=0, beta1=0.5, eps=0.01)", .b1 = 0.5, .b2 = 0.999,
         .eps = 0.01},
        {"muon", .momentum = 0.95, .nesterov = true, .ns_steps = 5,
         .adam_ratio = 0.0003 / 0.02, .b1 = 0.9, .b2 = 0.95, .eps = 1e-10},
        {"muon(0.1, adam_lr=0.05, weight_decay=0.1, momentum=0.8,"
         " nesterov=false, ns_steps=3, beta1=0.8, beta2=0.99, eps=0.001)",
         .momentum = 0.8, .ns_steps = 3, .adam_ratio = 0.5, .decay = 0.1,
         .b1 = 0.8, .b2 = 0.99, .eps = 1e-3},
        {"muon(weight_decay=0.2, groups=[group(\"ta*\", adamw=true)])",
         .momentum = 0.95, .nesterov = true, .ns_steps = 5, .decay = 0.2,
         .adam_ratio = 0.0003 / 0.02, .b1 = 0.9, .b2 = 0.95, .eps = 1e-10,
         .by_adamw = "tall"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        check_rule(r, &rules[i]);
}

/* A parameter at 0 has no size to trust: LAMB moves it all the same, and
 * Muon's norm of a gradient of zeros divides by nothing. */
static void test_zeros(bp_runtime *r, const char *optimizer, bool moves)
{
    const int64_t dims[2] = {2, 2};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .training = true};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val w = bp_nn_param(nn, "w", 2, dims, "zeros");
    bp_val x = bp_input(g, "x", BP_F32, 2, dims);
    bp_val loss = bp_sum(g, bp_mul(g, w, x), 0, NULL, false);
    bp_nn_minimize(nn, loss, optimizer, NULL);
    bp_nn_free(nn);
    bp_program *p = rig_compile(r, g);
    float data[4] = {0, 0, 0, 0};
    rig_bind(p, "x", data, sizeof data);
    rig_run(p);
    rig_get(s, "w", data, sizeof data);
    T_CHECK(data[0] == 0 && data[3] == 0);
    float grad[4] = {1, -1, 2, 0.5f};
    rig_bind(p, "x", grad, sizeof grad);
    rig_run(p);
    rig_get(s, "w", data, sizeof data);
    T_CHECKF((data[0] < 0 && data[1] > 0) == moves, "%s: %g %g", optimizer,
             data[0], data[1]);
    bp_program_free(p);
    bp_store_free(s);
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    test_formulas(r);
    test_zeros(r, "lamb", true);
    test_zeros(r, "muon", true);
    bp_runtime_free(r);
    return t_end();
}
