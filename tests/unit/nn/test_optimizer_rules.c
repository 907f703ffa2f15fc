/* Optimizers that work element by element against their formulas, written out
 * for scalars here: 1,000 steps in f64, with a rate that changes in every
 * step. */
#include "optim_rig.h"

#include <bprop/train.h>

typedef struct rule {
    const char *text, *kind;
    double decay, b1, b2, eps, extra, start;
    bool centered;
} rule;

/* What one element keeps. */
typedef struct kept {
    double m, v, u, product;
} kept;

static void adagrad(const rule *k, double lr, int t, double g, double *p,
                    kept *s)
{
    if (t == 1)
        s->v = k->start;
    s->v += g * g;
    *p -= lr / (1 + (t - 1) * k->extra) * g / (sqrt(s->v) + k->eps);
}

static void rmsprop(const rule *k, double lr, double g, double *p, kept *s)
{
    s->v = k->b2 * s->v + (1 - k->b2) * g * g;
    s->m = k->b2 * s->m + (1 - k->b2) * g;
    double size = s->v - (k->centered ? s->m * s->m : 0);
    s->u = k->b1 * s->u + g / (sqrt(size) + k->eps);
    *p -= lr * s->u;
}

static void adadelta(const rule *k, double lr, double g, double *p, kept *s)
{
    s->v = k->b2 * s->v + (1 - k->b2) * g * g;
    double delta = sqrt(s->u + k->eps) / sqrt(s->v + k->eps) * g;
    s->u = k->b2 * s->u + (1 - k->b2) * delta * delta;
    *p -= lr * delta;
}

static void adamax(const rule *k, double lr, int t, double g, double *p,
                   kept *s)
{
    s->m = k->b1 * s->m + (1 - k->b1) * g;
    s->u = fmax(k->b2 * s->u, fabs(g) + k->eps);
    *p -= lr / (1 - pow(k->b1, t)) * s->m / s->u;
}

static double nadam_mu(const rule *k, int t)
{
    return k->b1 * (1 - 0.5 * pow(0.96, t * k->extra));
}

static void nadam(const rule *k, double lr, int t, double g, double *p,
                  kept *s)
{
    double mu = nadam_mu(k, t), next = nadam_mu(k, t + 1);
    s->product = (t == 1 ? 1 : s->product) * mu;
    s->m = k->b1 * s->m + (1 - k->b1) * g;
    s->v = k->b2 * s->v + (1 - k->b2) * g * g;
    double size = sqrt(s->v / (1 - pow(k->b2, t))) + k->eps;
    *p -= lr * (1 - mu) / (1 - s->product) * g / size;
    *p -= lr * next / (1 - s->product * next) * s->m / size;
}

static void lion(const rule *k, double lr, double g, double *p, kept *s)
{
    double c = k->b1 * s->m + (1 - k->b1) * g;
    *p -= lr * ((c > 0) - (c < 0));
    s->m = k->b2 * s->m + (1 - k->b2) * g;
}

static void step_element(const rule *k, double lr, int t, double g,
                         double *p, kept *s)
{
    if (!strcmp(k->kind, "nadamw") || !strcmp(k->kind, "lion"))
        *p *= 1 - lr * k->decay;
    else
        g += k->decay * *p;
    if (!strcmp(k->kind, "adagrad"))
        adagrad(k, lr, t, g, p, s);
    else if (!strcmp(k->kind, "rmsprop"))
        rmsprop(k, lr, g, p, s);
    else if (!strcmp(k->kind, "adadelta"))
        adadelta(k, lr, g, p, s);
    else if (!strcmp(k->kind, "adamax"))
        adamax(k, lr, t, g, p, s);
    else if (!strcmp(k->kind, "lion"))
        lion(k, lr, g, p, s);
    else
        nadam(k, lr, t, g, p, s);
}

static void check_rule(bp_runtime *r, const rule *k)
{
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, k->text);
    double w[N], got[N], worst = 0;
    kept state[N] = {{0}};
    rig_get(s, "w", w, sizeof w);
    for (int t = 1; t <= STEPS; t++) {
        double lr = moving_rate(t);
        rig_set(s, "trainer.lr", &lr, sizeof lr);
        rig_run(p);
        for (int i = 0; i < N; i++)
            step_element(k, lr, t, 2 * curve[i] * w[i] + slope[i], &w[i],
                         &state[i]);
        rig_get(s, "w", got, sizeof got);
        for (int i = 0; i < N; i++)
            worst = worse(worst, fabs(got[i] - w[i]));
    }
    T_CHECKF(worst <= 1e-11, "%s: off by %g after %d steps", k->text, worst,
             STEPS);
    bp_program_free(p);
    bp_store_free(s);
}

/* (With a small eps, a rounding near the goal becomes an error of any size:
 * the step is then the gradient's sign. These are not.) */
static void test_formulas(bp_runtime *r)
{
    static const rule rules[] = {
        {"adagrad", "adagrad", .eps = 1e-10},
        {"adagrad(lr_decay=0.01, initial_accumulator_value=0.5, eps=0.01,"
         " weight_decay=0.1)", "adagrad", .eps = 0.01, .extra = 0.01,
         .start = 0.5, .decay = 0.1},
        {"rmsprop(eps=0.1)", "rmsprop", .b2 = 0.99, .eps = 0.1},
        {"rmsprop(alpha=0.9, momentum=0.8, eps=0.5, weight_decay=0.1)",
         "rmsprop", .b2 = 0.9, .b1 = 0.8, .eps = 0.5, .decay = 0.1},
        {"rmsprop(centered=true, eps=0.2, momentum=0.3)", "rmsprop",
         .b2 = 0.99, .b1 = 0.3, .eps = 0.2, .centered = true},
        {"adadelta", "adadelta", .b2 = 0.9, .eps = 1e-6},
        {"adadelta(rho=0.8, eps=0.01, weight_decay=0.1)", "adadelta",
         .b2 = 0.8, .eps = 0.01, .decay = 0.1},
        {"adamax", "adamax", .b1 = 0.9, .b2 = 0.999, .eps = 1e-8},
        {"adamax(beta1=0.5, beta2=0.99, eps=0.5, weight_decay=0.1)",
         "adamax", .b1 = 0.5, .b2 = 0.99, .eps = 0.5, .decay = 0.1},
        {"nadam(eps=0.001)", "nadam", .b1 = 0.9, .b2 = 0.999, .eps = 1e-3,
         .extra = 0.004},
        {"nadam(momentum_decay=0, weight_decay=0.1, eps=0.01)", "nadam",
         .b1 = 0.9, .b2 = 0.999, .eps = 0.01, .decay = 0.1},
        {"nadamw(weight_decay=0.1, momentum_decay=0.1, beta1=0.8,"
         " eps=0.01)", "nadamw", .b1 = 0.8, .b2 = 0.999, .eps = 0.01,
         .extra = 0.1, .decay = 0.1},
        {"lion", "lion", .b1 = 0.9, .b2 = 0.99},
        {"lion(beta1=0.8, beta2=0.95, weight_decay=0.1)", "lion", .b1 = 0.8,
         .b2 = 0.95, .decay = 0.1},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        check_rule(r, &rules[i]);
}

static void run_steps(bp_runtime *r, bp_store *s, const char *text, int n)
{
    bp_program *p = build(r, s, text);
    for (int i = 0; i < n; i++)
        rig_run(p);
    bp_program_free(p);
}

/* All that an optimizer keeps is in the store: 10 steps, a file, and 10 steps
 * from it are 20 steps, to the bit. */
static void test_resume(bp_runtime *r, const char *text)
{
    static const char path[] = "test_optimizer_rules.safetensors";
    bp_store *a = bp_store_new(NULL), *b = bp_store_new(NULL);
    bp_store *c = bp_store_new(NULL);
    bp_error err = {0};
    double wa[N], wc[N];
    run_steps(r, a, text, 20);
    run_steps(r, b, text, 10);
    T_OK(bp_store_save(b, path, BP_KINDS_ALL, &err), &err);
    bp_program *p = build(r, c, text);
    T_OK(bp_store_load(c, path, BP_KINDS_ALL, &err), &err);
    for (int i = 0; i < 10; i++)
        rig_run(p);
    rig_get(a, "w", wa, sizeof wa);
    rig_get(c, "w", wc, sizeof wc);
    T_CHECKF(memcmp(wa, wc, sizeof wa) == 0, "%s", text);
    bp_program_free(p);
    bp_store_free(a);
    bp_store_free(b);
    bp_store_free(c);
    remove(path);
}

static void test_resumes(bp_runtime *r)
{
    static const char *const texts[] = {
        "momentum", "adam", "adagrad(lr_decay=0.1)", "adadelta",
        "rmsprop(centered=true, momentum=0.5)", "adamax", "nadam",
        "nadamw(weight_decay=0.1)", "lion", "lamb", "muon",
        "schedule_free"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        test_resume(r, texts[i]);
}

static void test_refused(void)
{
    static const struct {
        const char *text, *words;
        bp_status status;
    } bad[] = {
        {"adagrad(lr_decay=-1)", "lr_decay is \"-1\"", BP_ERANGE},
        {"adagrad(initial_accumulator_value=-0.1)", "a number from 0",
         BP_ERANGE},
        {"rmsprop(alpha=1)", "alpha is \"1\"", BP_ERANGE},
        {"rmsprop(centered=2)", "true or false", BP_EARG},
        {"adadelta(rho=2)", "rho is \"2\"", BP_ERANGE},
        {"adadelta(eps=0)", "a number above 0", BP_ERANGE},
        {"adamax(beta2=1)", "beta2 is \"1\"", BP_ERANGE},
        {"nadamw(momentum_decay=-1)", "momentum_decay", BP_ERANGE},
        {"lion(beta3=0.5)", "did you mean beta1 or beta2?", BP_ENOTFOUND},
        {"lamb(eps=-1)", "eps is \"-1\"", BP_ERANGE},
        {"muon(lr=0)", "a number above 0", BP_ERANGE},
        {"muon(ns_steps=0)", "a whole number from 1 to 20", BP_ERANGE},
        {"muon(ns_steps=2.5)", "a whole number", BP_EARG},
        {"schedule_free(beta1=1)", "beta1 is \"1\"", BP_ERANGE},
        {"adagard", "did you mean adagrad?", BP_ENOTFOUND},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bp_error err = {0};
        bp_status st = bp_nn_check(BP_NN_OPTIMIZERS, bad[i].text, &err);
        T_CHECKF(st == bad[i].status, "%s: %s", bad[i].text, err.message);
        T_CHECKF(strstr(err.message, bad[i].words) != NULL, "%s: %s",
                 bad[i].text, err.message);
    }
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    test_formulas(r);
    test_resumes(r);
    test_refused();
    bp_runtime_free(r);
    return t_end();
}
