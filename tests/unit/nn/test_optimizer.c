/* Optimizers against PyTorch's formulas, written out for scalars here: 1,000
 * steps in f64, with a rate that changes in every step. */
#include "optim_rig.h"

typedef struct rule {
    const char *text, *kind;
    double decay, momentum, clip, clip_value, beta1, beta2, eps;
} rule;

/* One step of one parameter, as PyTorch's documentation writes it. */
static void step_scalar(const rule *k, double lr, int t, double grad,
                        double *p, double *m, double *v)
{
    bool adamw = strcmp(k->kind, "adamw") == 0;
    if (adamw)
        *p = *p - lr * k->decay * *p;
    else
        grad += k->decay * *p;
    if (strcmp(k->kind, "sgd") == 0) {
        *p -= lr * grad;
    } else if (adamw || strcmp(k->kind, "adam") == 0) {
        *m = k->beta1 * *m + (1 - k->beta1) * grad;
        *v = k->beta2 * *v + (1 - k->beta2) * grad * grad;
        double m_hat = *m / (1 - pow(k->beta1, t));
        double v_hat = *v / (1 - pow(k->beta2, t));
        *p -= lr * m_hat / (sqrt(v_hat) + k->eps);
    } else {
        *m = t == 1 ? grad : k->momentum * *m + grad;
        bool nesterov = strcmp(k->kind, "nesterov") == 0;
        *p -= lr * (nesterov ? grad + k->momentum * *m : *m);
    }
}

static double reference_step(const rule *k, double lr, int t, double *w,
                             double *m, double *v)
{
    double grad[N], norm = 0;
    for (int i = 0; i < N; i++) {
        grad[i] = 2 * curve[i] * w[i] + slope[i];
        norm += grad[i] * grad[i];
    }
    norm = sqrt(norm);
    double scale = k->clip > 0 ? fmin(1, k->clip / (norm + 1e-6)) : 1;
    double most = k->clip_value > 0 ? k->clip_value : HUGE_VAL;
    for (int i = 0; i < N; i++) {
        double g = fmax(-most, fmin(most, grad[i] * scale));
        step_scalar(k, lr, t, g, &w[i], &m[i], &v[i]);
    }
    return norm;
}

static void check_rule(bp_runtime *r, const rule *k)
{
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, k->text);
    double w[N], m[N] = {0}, v[N] = {0}, got[N], worst = 0, worst_norm = 0;
    rig_get(s, "w", w, sizeof w);
    for (int t = 1; t <= STEPS; t++) {
        double lr = moving_rate(t);
        rig_set(s, "trainer.lr", &lr, sizeof lr);
        rig_run(p);
        double norm = reference_step(k, lr, t, w, m, v);
        worst_norm = fmax(worst_norm, fabs(norm - rig_scalar(p, "norm")));
        rig_get(s, "w", got, sizeof got);
        for (int i = 0; i < N; i++) {
            double d = fabs(got[i] - w[i]);
            worst = d <= worst ? worst : d;
        }
    }
    T_CHECKF(worst <= 1e-12, "%s: off by %g after %d steps", k->text, worst,
             STEPS);
    T_CHECKF(worst_norm <= 1e-12, "%s: norm off by %g", k->text, worst_norm);
    int32_t count, key[4];
    rig_get(s, "trainer.step", &count, sizeof count);
    rig_get(s, "trainer.key", key, sizeof key);
    T_CHECK(count == STEPS && key[2] == STEPS);
    T_CHECK(key[0] == 3 && key[1] == 0 && key[3] == 0);
    bp_program_free(p);
    bp_store_free(s);
}

/* (Adam with a small eps and a short memory is chaotic near its goal: it turns
 * a rounding into an error of any size. These settings are not.) */
static void test_formulas(bp_runtime *r)
{
    static const rule rules[] = {
        {"sgd(lr=0.1)", "sgd", .decay = 0},
        {"sgd(0.1, weight_decay=0.01)", "sgd", .decay = 0.01},
        {"sgd(clip_norm=0.5)", "sgd", .clip = 0.5},
        {"sgd(clip_value=0.3)", "sgd", .clip_value = 0.3},
        {"momentum(clip_value=0.2, weight_decay=0.1)", "momentum",
         .momentum = 0.9, .decay = 0.1, .clip_value = 0.2},
        {"momentum", "momentum", .momentum = 0.9},
        {"momentum(momentum=0.5, weight_decay=0.1, clip_norm=1)", "momentum",
         .momentum = 0.5, .decay = 0.1, .clip = 1},
        {"nesterov", "nesterov", .momentum = 0.9},
        {"nesterov(momentum=0.8, weight_decay=0.02)", "nesterov",
         .momentum = 0.8, .decay = 0.02},
        {"adam", "adam", .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
        {"adam(weight_decay=0.1, beta1=0.5, beta2=0.99, eps=0.1)", "adam",
         .decay = 0.1, .beta1 = 0.5, .beta2 = 0.99, .eps = 0.1},
        {"adamw", "adamw", .decay = 0.01, .beta1 = 0.9, .beta2 = 0.999,
         .eps = 1e-8},
        {"adamw(weight_decay=0, clip_norm=0.1)", "adamw", .clip = 0.1,
         .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        check_rule(r, &rules[i]);
}

/* A moment that decays for ever ends at 0, without denormal numbers between;
 * a NaN stays one, and stops the step. */
static void test_cut_off(bp_runtime *r)
{
    const int64_t n = 2;
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .training = true};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val w = bp_nn_param(nn, "w", 1, &n, "ones");
    bp_val x = bp_input(g, "x", BP_F32, 1, &n);
    bp_val loss = bp_sum(g, bp_mul(g, w, x), 0, NULL, false);
    bp_nn_minimize(nn, loss, "adam(lr=0)", NULL);
    bp_output(g, "loss", loss);
    bp_nn_free(nn);
    bp_program *p = rig_compile(r, g);
    float x0[2] = {1, -1}, zero[2] = {0, 0}, m[2], v[2];
    rig_bind(p, "x", x0, sizeof x0);
    rig_run(p);
    rig_bind(p, "x", zero, sizeof zero);
    int denormal = 0, nonzero = 0;
    for (int i = 0; i < 2000; i++) {
        rig_run(p);
        rig_get(s, "optim.w.m", m, sizeof m);
        for (int k = 0; k < 2; k++)
            denormal += fpclassify(m[k]) == FP_SUBNORMAL;
        nonzero += m[0] != 0;
    }
    rig_get(s, "optim.w.v", v, sizeof v);
    T_CHECK(denormal == 0);
    T_CHECKF(nonzero > 600 && nonzero < 700, "%d", nonzero);
    T_CHECK(m[0] == 0 && m[1] == 0 && v[0] > 0);
    float nan2[2] = {NAN, 1};
    bp_error err = {0};
    rig_bind(p, "x", nan2, sizeof nan2);
    T_CHECK(bp_run(p, &err) == BP_ENONFINITE);
    rig_get(s, "optim.w.m", m, sizeof m);
    T_CHECK(m[0] == 0 && bp_store_poisoned(s) == NULL);
    bp_program_free(p);
    bp_store_free(s);
}

/* State that is there is taken up: two programs make the steps of one. */
static void test_resume(bp_runtime *r)
{
    bp_store *a = bp_store_new(NULL), *b = bp_store_new(NULL);
    bp_program *p = build(r, a, "adam(lr=0.05)"), *q;
    double wa[N], wb[N];
    for (int i = 0; i < 20; i++)
        rig_run(p);
    for (int i = 0; i < 2; i++) {
        q = build(r, b, "adam(lr=0.05)");
        for (int k = 0; k < 10; k++)
            rig_run(q);
        bp_program_free(q);
    }
    rig_get(a, "w", wa, sizeof wa);
    rig_get(b, "w", wb, sizeof wb);
    T_CHECK(memcmp(wa, wb, sizeof wa) == 0);
    T_CHECK(bp_store_find(b, "optim.w.m") >= 0);
    T_CHECK(bp_store_find(b, "optim.beta1_power") >= 0);
    bp_var_info info;
    bp_store_info(b, (size_t)bp_store_find(b, "optim.w.v"), &info);
    T_CHECK(info.kind == BP_VAR_OPTIM && info.dtype == BP_F64 &&
            info.rank == 1 && info.dims[0] == N);
    bp_program_free(p);
    bp_store_free(a);
    bp_store_free(b);
}

static void test_no_path(void)
{
    const int64_t n = 2;
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .training = true};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val w = bp_nn_param(nn, "used", 1, &n, NULL);
    bp_nn_param(nn, "idle", 1, &n, NULL);
    bp_nn_param(nn, "asleep", 1, &n, NULL);
    bp_nn_minimize(nn, bp_sum(g, w, 0, NULL, false), "sgd", NULL);
    RIG_REFUSED(g, BP_ENODIFF, "idle", "asleep");
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

/* Both ways of clipping at once; NaN stays NaN in either. */
static void test_clipping(bp_runtime *r)
{
    bp_error err = {0};
    T_CHECK(bp_nn_check(BP_NN_OPTIMIZERS, "sgd(clip_norm=1, clip_value=1)",
                        &err) == BP_EARG);
    T_CHECK(strstr(err.message, "exclude each other") != NULL);
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, "sgd(clip_value=0.5)");
    double w[N] = {0, 0, NAN, 0, 0};
    rig_set(s, "w", w, sizeof w);
    T_CHECK(bp_run(p, &err) == BP_ENONFINITE);
    bp_program_free(p);
    bp_store_free(s);
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    test_formulas(r);
    test_cut_off(r);
    test_resume(r);
    test_no_path();
    test_clipping(r);
    bp_runtime_free(r);
    return t_end();
}
