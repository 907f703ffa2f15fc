/* Averaged weights: the raw ones take the steps that they take without an
 * average, the parameters' variables hold the mean by its formula, and
 * evaluation reads those. */
#include "optim_rig.h"

#include <bprop/train.h>

static void check_average(bp_runtime *r, const char *plain,
                          const char *averaged, double ema)
{
    bp_store *a = bp_store_new(NULL), *b = bp_store_new(NULL);
    bp_program *p = build(r, a, plain), *q = build(r, b, averaged);
    double raw[N], x[N], ahead[N], mean[N], worst = 0, worst_raw = 0;
    rig_get(a, "w", mean, sizeof mean);
    for (int t = 1; t <= STEPS; t++) {
        double lr = moving_rate(t), e = fmin(ema, (1.0 + t) / (10.0 + t));
        rig_set(a, "trainer.lr", &lr, sizeof lr);
        rig_set(b, "trainer.lr", &lr, sizeof lr);
        rig_run(p);
        rig_run(q);
        rig_get(a, "w", raw, sizeof raw);
        rig_get(b, "w", x, sizeof x);
        rig_get(b, "optim.w.ahead", ahead, sizeof ahead);
        for (int i = 0; i < N; i++) {
            mean[i] = e * mean[i] + (1 - e) * raw[i];
            worst = worse(worst, fabs(x[i] - mean[i]));
            worst_raw = worse(worst_raw, fabs(x[i] + ahead[i] - raw[i]));
        }
    }
    T_CHECKF(worst <= 1e-11, "%s: average off by %g", averaged, worst);
    T_CHECKF(worst_raw <= 1e-11, "%s: weights off by %g", averaged,
             worst_raw);
    bp_program_free(p);
    bp_program_free(q);
    bp_store_free(a);
    bp_store_free(b);
}

/* Weights that are set after the first trace are taken up. */
static void test_set_weights(bp_runtime *r)
{
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, "sgd(0.1, ema=0.9)");
    double w[N] = {1, 2, 3, 4, 5}, got[N], f = 0;
    for (int i = 0; i < N; i++)
        f += curve[i] * w[i] * w[i] + slope[i] * w[i];
    rig_set(s, "w", w, sizeof w);
    rig_run(p);
    T_NEAR(rig_scalar(p, "f"), f, 1e-12);
    rig_get(s, "w", got, sizeof got);
    for (int i = 0; i < N; i++) {
        double step = -0.1 * (2 * curve[i] * w[i] + slope[i]);
        T_NEAR(got[i], w[i] + step * 9 / 11, 1e-14);
    }
    bp_program_free(p);
    bp_store_free(s);
}

static void test_resume(bp_runtime *r)
{
    static const char path[] = "test_optimizer_ema.safetensors";
    static const char text[] = "nadamw(ema=0.95)";
    bp_store *a = bp_store_new(NULL), *b = bp_store_new(NULL);
    bp_error err = {0};
    double wa[N], wb[N];
    bp_program *p = build(r, a, text), *q = build(r, b, text);
    for (int i = 0; i < 10; i++)
        rig_run(p);
    T_OK(bp_store_save(a, path, BP_KINDS_ALL, &err), &err);
    T_OK(bp_store_load(b, path, BP_KINDS_ALL, &err), &err);
    for (int i = 0; i < 10; i++) {
        rig_run(p);
        rig_run(q);
    }
    rig_get(a, "w", wa, sizeof wa);
    rig_get(b, "w", wb, sizeof wb);
    T_CHECK(memcmp(wa, wb, sizeof wa) == 0);
    bp_program_free(p);
    bp_program_free(q);
    bp_store_free(a);
    bp_store_free(b);
    remove(path);
}

static void test_refused(void)
{
    const int64_t n = 2;
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .training = true};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val w = bp_nn_param(nn, "w", 1, &n, NULL);
    bp_nn_minimize(nn, bp_sum(g, w, 0, NULL, false), "adam(ema=0.9)", NULL);
    RIG_REFUSED(g, BP_EARG, "adam averages", "bp_nn_options.optimizer");
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
    bp_error err = {0};
    T_CHECK(bp_nn_check(BP_NN_OPTIMIZERS, "sgd(ema=1)", &err) == BP_ERANGE);
    T_CHECK(bp_nn_check(BP_NN_OPTIMIZERS, "schedule_free(ema=0.9)", &err) ==
            BP_ENOTFOUND);
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    check_average(r, "sgd", "sgd(ema=0.99)", 0.99);
    check_average(r, "nesterov(weight_decay=0.1, clip_norm=1)",
                  "nesterov(weight_decay=0.1, clip_norm=1, ema=0.9)", 0.9);
    check_average(r, "adamw(eps=0.01, weight_decay=0.1)",
                  "adamw(eps=0.01, weight_decay=0.1, ema=0.999)", 0.999);
    check_average(r, "rmsprop(eps=0.5)", "rmsprop(eps=0.5, ema=0.5)", 0.5);
    check_average(r, "adagrad(lr_decay=0.1)",
                  "adagrad(lr_decay=0.1, ema=0.99)", 0.99);
    test_set_weights(r);
    test_resume(r);
    test_refused();
    bp_runtime_free(r);
    return t_end();
}
