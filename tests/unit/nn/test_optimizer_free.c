/* Schedule-free AdamW against the form in which its authors write it (y and z
 * are kept, x = (y - (1 - beta1) z) / beta1), over 1,000 steps in f64; and who
 * sees which of the three. */
#include "optim_rig.h"

typedef struct rule {
    const char *text;
    double decay, b1, b2, eps;
} rule;

typedef struct kept {
    double y[N], z[N], v[N], lr_max, weight_sum;
} kept;

static void step(const rule *k, double lr, int t, kept *s)
{
    s->lr_max = fmax(s->lr_max, lr);
    double weight = s->lr_max * s->lr_max;
    s->weight_sum += weight;
    double c = s->weight_sum > 0 ? weight / s->weight_sum : 0;
    for (int i = 0; i < N; i++) {
        double g = 2 * curve[i] * s->y[i] + slope[i];
        s->v[i] = k->b2 * s->v[i] + (1 - k->b2) * g * g;
        double size = sqrt(s->v[i] / (1 - pow(k->b2, t))) + k->eps;
        double u = g / size + k->decay * s->y[i];
        s->y[i] = (1 - c) * s->y[i] + c * s->z[i] +
                  lr * (k->b1 * (1 - c) - 1) * u;
        s->z[i] -= lr * u;
    }
}

static void check_rule(bp_runtime *r, const rule *k)
{
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, k->text);
    kept state;
    double got[N], worst = 0;
    memset(&state, 0, sizeof state);
    rig_get(s, "w", state.y, sizeof state.y);
    memcpy(state.z, state.y, sizeof state.z);
    for (int t = 1; t <= STEPS; t++) {
        double lr = t == 1 ? 0 : moving_rate(t);
        rig_set(s, "trainer.lr", &lr, sizeof lr);
        rig_run(p);
        step(k, lr, t, &state);
        rig_get(s, "w", got, sizeof got);
        for (int i = 0; i < N; i++) {
            double x = (state.y[i] - (1 - k->b1) * state.z[i]) / k->b1;
            worst = worse(worst, fabs(got[i] - x));
        }
    }
    T_CHECKF(worst <= 1e-11, "%s: off by %g after %d steps", k->text, worst,
             STEPS);
    bp_program_free(p);
    bp_store_free(s);
}

static void test_formulas(bp_runtime *r)
{
    static const rule rules[] = {
        {"schedule_free", .b1 = 0.9, .b2 = 0.999, .eps = 1e-8},
        {"schedule_free(weight_decay=0.1, beta1=0.6, beta2=0.99, eps=0.5)",
         .decay = 0.1, .b1 = 0.6, .b2 = 0.99, .eps = 0.5},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        check_rule(r, &rules[i]);
}

static bp_val net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    return bp_nn_dense(nn, x, 1);
}

static bp_program *compile(bp_runtime *r, bp_store *s, bp_task_mode mode)
{
    bp_task t = {.size = sizeof t, .net = net, .dtype = BP_F64,
                 .n_inputs = 1, .input = {{.rank = 1, .dims = {2}}},
                 .target = {.dtype = BP_F64, .rank = 1, .dims = {1}},
                 .loss = "mean_squared_error",
                 .penalty = "l2(weight=0.1)",
                 .optimizer = "schedule_free(0.1, beta1=0.5)"};
    bp_trace_options o = {.size = sizeof o, .rows = 1};
    bp_graph *g = bp_task_graph(&t, s, mode, &o, NULL, NULL);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bp_program *p = rig_compile(r, g);
    static const double x[2] = {1, 0.5}, y = 1;
    rig_bind(p, "x", x, sizeof x);
    rig_bind(p, "target", &y, sizeof y);
    return p;
}

/* w x + b of the network, and its squared distance to the target. */
static double loss_at(const double w[2], double b)
{
    double d = w[0] + 0.5 * w[1] + b - 1;
    return d * d;
}

/* Evaluation and gradients read the parameters, x; a step reads y. */
static void test_points(bp_runtime *r)
{
    bp_store *s = bp_store_new(NULL);
    bp_program *train = compile(r, s, BP_TASK_TRAIN);
    bp_program *eval = compile(r, s, BP_TASK_EVAL);
    bp_program *gradient = compile(r, s, BP_TASK_GRADIENT);
    double w[2], b, aw[2], ab;
    for (int i = 0; i < 5; i++)
        rig_run(train);
    rig_get(s, "0.weight", w, sizeof w);
    rig_get(s, "0.bias", &b, sizeof b);
    rig_get(s, "optim.0.weight.ahead", aw, sizeof aw);
    rig_get(s, "optim.0.bias.ahead", &ab, sizeof ab);
    T_CHECK(aw[0] != 0 && ab != 0);
    rig_run(eval);
    T_NEAR(rig_scalar(eval, "loss"), loss_at(w, b), 1e-14);
    rig_run(gradient);
    T_NEAR(rig_scalar(gradient, "loss"), loss_at(w, b), 1e-14);
    rig_run(train);
    double y[2] = {w[0] + aw[0] / 2, w[1] + aw[1] / 2};
    double at_y = loss_at(y, b + ab / 2);
    T_NEAR(rig_scalar(train, "loss"), at_y, 1e-14);
    /* So does the penalty. */
    T_NEAR(rig_scalar(train, "objective"),
           at_y + 0.05 * (y[0] * y[0] + y[1] * y[1]), 1e-14);
    bp_program_free(train);
    bp_program_free(eval);
    bp_program_free(gradient);
    bp_store_free(s);
}

/* Two layers that share a parameter read it at the same point; a parameter
 * without a path to the loss has its name in the message. */
static void test_names(void)
{
    const int64_t n = 2;
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .training = true,
                       .optimizer = "schedule_free"};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val w = bp_nn_param(nn, "used", 1, &n, NULL);
    bp_val again = bp_nn_param(nn, "used", 1, &n, NULL);
    T_CHECK(memcmp(&w, &again, sizeof w) == 0);
    bp_nn_param(nn, "idle", 1, &n, NULL);
    bp_nn_minimize(nn, bp_sum(g, w, 0, NULL, false), NULL, NULL);
    RIG_REFUSED(g, BP_ENODIFF, "idle");
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

static void check_refused(const char *known, const char *given,
                          const char *words)
{
    const int64_t n = 2;
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .training = true,
                       .optimizer = known};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val w = bp_nn_param(nn, "w", 1, &n, NULL);
    bp_nn_minimize(nn, bp_sum(g, w, 0, NULL, false), given, NULL);
    if (words)
        RIG_REFUSED(g, BP_EARG, "schedule_free", words);
    else
        T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    test_formulas(r);
    test_points(r);
    test_names();
    check_refused(NULL, "schedule_free", "is NULL");
    check_refused("adam", "schedule_free", "is adam");
    check_refused("schedule_free", "adam", "is schedule_free");
    check_refused("schedule_free(0.1)", "schedule_free", "(0.1)");
    check_refused("schedule_free", "schedule_free", NULL);
    check_refused("schedule_free", NULL, NULL);
    check_refused("sgd", "adam", NULL);
    bp_runtime_free(r);
    return t_end();
}
