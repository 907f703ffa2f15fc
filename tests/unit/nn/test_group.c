/* Groups of parameters: a factor of the rate is a rate, a weight decay takes
 * the optimizer's place, what is frozen stays and costs nothing; patterns. */
#include "optim_rig.h"

/* 200 steps of each from the same start end at the same place. */
static void check_same(bp_runtime *r, const char *grouped, const char *plain)
{
    bp_store *a = bp_store_new(NULL), *b = bp_store_new(NULL);
    bp_program *p = build(r, a, grouped), *q = build(r, b, plain);
    double wa[N], wb[N], worst = 0;
    for (int t = 0; t < 200; t++) {
        rig_run(p);
        rig_run(q);
        rig_get(a, "w", wa, sizeof wa);
        rig_get(b, "w", wb, sizeof wb);
        for (int i = 0; i < N; i++)
            worst = worse(worst, fabs(wa[i] - wb[i]));
    }
    T_CHECKF(worst <= 1e-12, "%s: off by %g from %s", grouped, worst, plain);
    bp_program_free(p);
    bp_program_free(q);
    bp_store_free(a);
    bp_store_free(b);
}

/* Every optimizer, with half its rate and a weight decay for "w". */
static void test_factors(bp_runtime *r)
{
    static const struct {
        const char *name, *rates, *half, *rest;
    } all[] = {
        {"sgd", "lr=0.02", "lr=0.01", ""},
        {"momentum", "lr=0.02", "lr=0.01", ""},
        {"nesterov", "lr=0.02", "lr=0.01", ""},
        {"adam", "lr=0.02", "lr=0.01", ", eps=0.1"},
        {"adamw", "lr=0.02", "lr=0.01", ", eps=0.1"},
        {"nadam", "lr=0.02", "lr=0.01", ", eps=0.1"},
        {"nadamw", "lr=0.02", "lr=0.01", ", eps=0.1"},
        {"adamax", "lr=0.02", "lr=0.01", ", eps=0.1"},
        {"adagrad", "lr=0.02", "lr=0.01", ", lr_decay=0.1"},
        {"rmsprop", "lr=0.02", "lr=0.01", ", eps=0.1, momentum=0.5"},
        {"adadelta", "lr=1", "lr=0.5", ""},
        {"lion", "lr=0.002", "lr=0.001", ""},
        {"lamb", "lr=0.002", "lr=0.001", ", eps=0.1"},
        {"muon", "lr=0.02, adam_lr=0.002", "lr=0.01, adam_lr=0.001", ""},
        {"schedule_free", "lr=0.02", "lr=0.01", ", eps=0.1"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char grouped[300], plain[300];
        const char *k = all[i].name, *rest = all[i].rest;
        snprintf(grouped, sizeof grouped, "%s(%s%s, weight_decay=0.3, groups="
                 "[group(w, lr_factor=0.5, weight_decay=0.1)])", k,
                 all[i].rates, rest);
        snprintf(plain, sizeof plain, "%s(%s%s, weight_decay=0.1)", k,
                 all[i].half, rest);
        check_same(r, grouped, plain);
    }
}

/* f = sum of a^2 + 3 b^2 over two parameters of two numbers. */
static bp_graph *two(bp_store *s, const char *optimizer)
{
    const int64_t n = 2;
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64, .training = true,
                       .optimizer = optimizer};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val a = bp_nn_param(nn, "first", 1, &n, "ones");
    bp_val b = bp_nn_param(nn, "second", 1, &n, "ones");
    bp_val f = bp_sum(g, bp_square(g, a), 0, NULL, false);
    bp_val h = bp_sum(g, bp_square(g, b), 0, NULL, false);
    f = bp_add(g, f, bp_mul_scalar(g, h, 3));
    bp_val norm = BP_NIL;
    bp_nn_minimize(nn, f, optimizer, &norm);
    bp_output(g, "norm", norm);
    bp_nn_free(nn);
    return g;
}

static void check_two(bp_runtime *r, const char *optimizer, double first,
                      double second, double norm)
{
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = two(s, optimizer);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s: %s", optimizer,
             bp_graph_error(g));
    bp_program *p = rig_compile(r, g);
    double a[2], b[2];
    rig_run(p);
    rig_get(s, "first", a, sizeof a);
    rig_get(s, "second", b, sizeof b);
    T_CHECKF(fabs(a[1] - first) < 1e-15 && fabs(b[1] - second) < 1e-15,
             "%s: %.17g %.17g", optimizer, a[1], b[1]);
    T_NEAR(rig_scalar(p, "norm"), norm, 1e-14);
    bp_program_free(p);
    bp_store_free(s);
}

/* Gradients are 2 and 6; one step with rate 0.1 from 1. */
static void test_patterns(bp_runtime *r)
{
    double both = sqrt(2 * 4 + 2 * 36.0), one = sqrt(8.0);
    check_two(r, "sgd(0.1)", 0.8, 0.4, both);
    check_two(r, "sgd(0.1, groups=[freeze(second)])", 0.8, 1, one);
    check_two(r, "sgd(0.1, groups=[freeze(\"sec*\")])", 0.8, 1, one);
    check_two(r, "sgd(0.1, groups=[freeze(\"*co*d\")])", 0.8, 1, one);
    check_two(r, "sgd(0.1, groups=[freeze(\"se?ond\")])", 0.8, 1, one);
    check_two(r, "sgd(0.1, groups=[group(\"*\", lr_factor=0.5)])", 0.9, 0.7,
              both);
    check_two(r, "sgd(0.1, groups=[group(first, lr_factor=2),"
                 " freeze(\"*\")])", 0.6, 1, one);
    check_two(r, "sgd(0.1, weight_decay=1, groups=[group(second,"
                 " weight_decay=0)])", 0.7, 0.4, both);
    check_two(r, "sgd(0.1, groups=[freeze(second)], clip_norm=1)",
              1 - 0.2 / (one + 1e-6), 1, one);
    check_two(r, "sgd(0.1, groups=[freeze(second)], ema=0.9)",
              1 - 0.2 * 9 / 11, 1, one);
}

/* A frozen parameter keeps no moments, and needs no path to the loss. */
static void test_frozen(void)
{
    const int64_t n = 2;
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .training = true};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val w = bp_nn_param(nn, "used", 1, &n, NULL);
    bp_nn_param(nn, "idle", 1, &n, NULL);
    bp_nn_minimize(nn, bp_sum(g, w, 0, NULL, false),
                   "adam(groups=[freeze(idle)])", NULL);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    T_CHECK(bp_store_find(s, "optim.used.m") >= 0);
    T_CHECK(bp_store_find(s, "optim.idle.m") < 0);
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

static void check_refused(const char *optimizer, bp_status status,
                          const char *a, const char *b)
{
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = two(s, optimizer);
    RIG_REFUSED(g, status, a, b);
    bp_graph_free(g);
    bp_store_free(s);
}

static void test_refused(void)
{
    check_refused("sgd(groups=[freeze(third)])", BP_ENOTFOUND, "\"third\"",
                  "there are first, second");
    check_refused("sgd(groups=[freeze(\"first.*\")])", BP_ENOTFOUND, "freeze",
                  "first.*");
    check_refused("sgd(groups=[freeze(\"*\")])", BP_EARG, "all 2 parameters",
                  "frozen");
    check_refused("sgd(groups=[freeze(\"\")])", BP_EARG, "params",
                  "must be a text");
    check_refused("sgd(groups=[group(lr_factor=2)])", BP_EARG, "group needs",
                  "params");
    check_refused("sgd(groups=[group(first, lr_factor=-1)])", BP_ERANGE,
                  "lr_factor", "a number from 0");
    check_refused("sgd(groups=[grup(first)])", BP_ENOTFOUND,
                  "unknown group \"grup\"", "did you mean group?");
    check_refused("adam(groups=[group(first, adamw=true)])", BP_EARG,
                  "adamw is for muon", "adam has one rule");
    check_refused("sgd(groups=[freeze(first, adamw=true)])", BP_ENOTFOUND,
                  "freeze has no \"adamw\"", "params");
    check_refused("sgd(groups=freeze)", BP_EFORMAT, "a list of groups",
                  "freeze");
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    test_factors(r);
    test_patterns(r);
    test_frozen();
    test_refused();
    bp_runtime_free(r);
    return t_end();
}
