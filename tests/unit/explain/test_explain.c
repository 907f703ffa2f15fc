/* Explaining a step: the numbers against a network worked out by hand, the
 * engine's own gradients, and what a branch looks like. */
#include "t.h"

#include "explain/explain.h"
#include "explain/features.h"

typedef struct setup {
    bp_model *m;
    bp_store *s;
    bp_task t;
    bp_explain_options o;
} setup;

static setup make(const char *layers, int rank, const int64_t *dims,
                  const char *loss, bp_dtype dtype)
{
    setup u = {.m = bp_model_new(NULL), .s = bp_store_new(NULL)};
    bp_model_input(u.m, "x", rank, dims);
    bp_model_add(u.m, layers);
    u.t = (bp_task){.size = sizeof u.t, .model = u.m, .loss = loss,
                    .optimizer = "sgd(0.5)", .dtype = dtype,
                    .init = "normal(0.5)", .seed = 3};
    u.o = (bp_explain_options){.size = sizeof u.o, .title = "test"};
    return u;
}

static void drop(setup *u)
{
    bp_model_free(u->m);
    bp_store_free(u->s);
}

static bp_explain *explained(setup *u)
{
    bp_error err = {0};
    bp_explain *e = NULL;
    T_OK(bp_explain_new(&u->t, u->s, &u->o, &e, &err), &err);
    return e;
}

static int append(void *user, const char *text, size_t bytes)
{
    bp__str_add(user, text, bytes);
    return 0;
}

static const bp__ex_param *param(const bp_explain *e, const char *name)
{
    for (size_t i = 0; i < e->n_params; i++)
        if (!strcmp(e->params[i].name, name))
            return &e->params[i];
    T_REQUIRE(!"no such parameter");
    return NULL;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* x [2] -> dense(2), sigmoid -> dense(1), half the squared error. */
static void test_by_hand(void)
{
    const int64_t dims[] = {2};
    const double x[2] = {0.5, -1.25}, t[1] = {0.75};
    setup u = make("dense(2), sigmoid, dense(1)", 1, dims,
                   "mean_squared_error(half_sum)", BP_F64);
    u.t.target = (bp_nn_io){.dtype = BP_F64, .rank = 1, .dims = {1}};
    u.o.input[0] = x;
    u.o.target = t;
    bp_explain *e = explained(&u);
    const double *w1 = param(e, "0.weight")->value.v;
    const double *w2 = param(e, "2.weight")->value.v;
    double z[2], y[2], out = 0;
    T_REQUIRE(e->layers.n == 2);
    const bp__ex_layer *l1 = &e->layers.list[0], *l2 = &e->layers.list[1];
    for (int i = 0; i < 2; i++) {
        z[i] = w1[2 * i] * x[0] + w1[2 * i + 1] * x[1];
        y[i] = sigmoid(z[i]);
        out += w2[i] * y[i];
        T_NEAR(l1->x.v[i], z[i], 1e-12);
        T_NEAR(l1->y.v[i], y[i], 1e-12);
        T_NEAR(l1->slope.v[i], y[i] * (1 - y[i]), 1e-12);
    }
    double d = out - t[0];
    T_NEAR(l2->x.v[0], out, 1e-12);
    T_NEAR(e->objective, d * d / 2, 1e-12);
    T_NEAR(l2->dy.v[0], d, 1e-12);
    T_CHECK(!l2->act && !l2->head);
    T_CHECK(l1->act && !strcmp(l1->act->name, "sigmoid"));
    T_CHECK(!l1->slope.derived && !l1->dy.derived);
    for (int i = 0; i < 2; i++) {
        double dy = d * w2[i], dx = dy * y[i] * (1 - y[i]);
        T_NEAR(l1->dy.v[i], dy, 1e-12);
        T_NEAR(l1->dx.v[i], dx, 1e-12);
        T_NEAR(l1->product.v[i], dx, 1e-12);
        T_NEAR(param(e, "2.weight")->grad.v[i], d * y[i], 1e-12);
        T_NEAR(param(e, "0.bias")->grad.v[i], dx, 1e-12);
        T_NEAR(param(e, "0.bias")->after.v[i], -0.5 * dx, 1e-12);
        for (int j = 0; j < 2; j++) {
            const bp__ex_param *p = param(e, "0.weight");
            T_NEAR(p->grad.v[2 * i + j], dx * x[j], 1e-12);
            T_NEAR(p->check[2 * i + j].product, dx * x[j], 1e-12);
            T_NEAR(p->check[2 * i + j].fd, dx * x[j], 1e-8);
        }
    }
    T_CHECK(e->after < e->objective);
    bp_explain_free(e);
    drop(&u);
}

static void check_params(const bp_explain *e, double bound, double fd)
{
    for (size_t i = 0; i < e->n_params; i++) {
        const bp__ex_param *p = &e->params[i];
        double norm = bp__ex_range_of(p->grad.v, p->grad.n).norm;
        double scale = norm > 1 ? norm : 1;
        T_CHECKF(p->same_bits, "%s: other bits", p->name);
        T_CHECKF(p->n_checks > 0, "%s is not checked", p->name);
        T_CHECKF(p->worst_product <= bound * scale, "%s: product off by %g",
                 p->name, p->worst_product);
        T_CHECKF(p->worst_fd <= fd * scale, "%s: difference off by %g",
                 p->name, p->worst_fd);
    }
}

/* The store is left as it was, and a second explanation says the same. */
static void test_store_unchanged(void)
{
    const int64_t dims[] = {1, 6, 6};
    float x[36];
    int32_t t = 2;
    uint64_t state = 5;
    for (int i = 0; i < 36; i++)
        x[i] = (float)t_uniform(&state, -1, 1);
    setup u = make("conv2d(3, kernel=3), batch_norm, relu, dropout(0.3),"
                   "flatten, dense(3)", 3, dims, "softmax_cross_entropy",
                   BP_F32);
    u.t.target = (bp_nn_io){.dtype = BP_I32};
    u.t.optimizer = "adam(0.01)";
    u.o.input[0] = x;
    u.o.target = &t;
    bp_explain *e = explained(&u);
    check_params(e, 1e-5, 1e-5);
    T_CHECK(e->uses_batch);
    const bp__ex_layer *last = &e->layers.list[e->layers.n - 1];
    T_CHECK(last->head && last->y.derived && last->dy.derived);
    T_CHECK(last->worst <= 1e-6);
    size_t n = bp_store_count(u.s);
    float before[64];
    int64_t k = bp_store_find(u.s, "0.weight");
    memcpy(before, bp_store_data(u.s, (size_t)k), 27 * sizeof *before);
    bp_explain *again = explained(&u);
    T_CHECK(!memcmp(before, bp_store_data(u.s, (size_t)k),
                    27 * sizeof *before));
    T_CHECK(n == bp_store_count(u.s));
    T_CHECK(e->objective == again->objective && e->after == again->after);
    bp_explain_free(again);
    bp_explain_free(e);
    drop(&u);
}

/* Who reads whom. */
static void test_branches(void)
{
    const int64_t dims[] = {4};
    const double x[4] = {1, -2, 0.5, 0.25}, t[3] = {0, 1, 0};
    setup u = make("dense(3, name=a), tanh(name=b), residual(body=[dense(3),"
                   "relu], name=r), add(from=[a, r], name=c), sigmoid, dense(3)",
                   1, dims, "mean_squared_error", BP_F64);
    u.t.target = (bp_nn_io){.dtype = BP_F64, .rank = 1, .dims = {3}};
    u.o.input[0] = x;
    u.o.target = t;
    bp_explain *e = explained(&u);
    const bp__ex_layer *l = e->layers.list;
    T_REQUIRE(e->layers.n == 6);
    /* a is read by the sum too, so its tanh is a layer of its own */
    T_CHECK(!strcmp(l[0].title, "a.dense") && l[0].n_from == 1 &&
            l[0].from[0] == -1);
    T_CHECK(!strcmp(l[1].title, "b.tanh") && !l[1].row &&
            l[1].from[0] == 0);
    T_CHECK(!strcmp(l[2].title, "r.body.0.dense + r.body.1.relu") &&
            l[2].from[0] == 1);
    T_CHECK(!strcmp(l[3].title, "r.residual") && l[3].n_from == 2 &&
            l[3].from[0] == 2 && l[3].from[1] == 1);
    T_CHECK(!strcmp(l[4].title, "c.add + 4.sigmoid") && l[4].n_from == 2 &&
            l[4].from[0] == 0 && l[4].from[1] == 3);
    T_CHECK(l[5].from[0] == 4);
    T_CHECK(l[3].dx.v && l[2].dx.v);
    /* what comes back to b: through the body, and past it */
    for (int i = 0; i < 3; i++) {
        double body = 0;
        for (int k = 0; k < 3; k++)
            body += l[2].dx.v[k] *
                    param(e, "r.body.0.weight")->value.v[3 * k + i];
        T_NEAR(l[1].dy.v[i], l[3].dx.v[i] + body, 1e-12);
    }
    check_params(e, 1e-10, 1e-7);
    bp_explain_free(e);
    drop(&u);
}

static void check_output(const bp_explain *e, bp_language l, const char *want)
{
    bp__str text, page;
    bp__str_init(&text, NULL);
    bp__str_init(&page, NULL);
    T_CHECK(bp_explain_text(e, l, append, &text) == BP_OK);
    T_CHECK(bp_explain_html(e, l, append, &page) == BP_OK);
    T_CHECKF(text.s && strstr(text.s, want), "%s is missing", want);
    T_CHECK(page.s && strstr(page.s, "<svg") && strstr(page.s, "</html>"));
    T_CHECK(page.s && strstr(page.s, want));
    T_CHECK(page.s && !strstr(page.s, "http"));
    bp__str_free(&text);
    bp__str_free(&page);
}

static void test_output(void)
{
    const int64_t dims[] = {3};
    const float x[3] = {1, -2, 0.5};
    const int32_t t = 1;
    setup u = make("dense(4), tanh, dense(2)", 1, dims,
                   "softmax_cross_entropy", BP_F32);
    u.t.target = (bp_nn_io){.dtype = BP_I32};
    u.t.penalty = "l2(0.1)";
    u.o.input[0] = x;
    u.o.target = &t;
    bp_explain *e = explained(&u);
    check_params(e, 1e-6, 1e-5);
    check_output(e, BP_ENGLISH, "Step 4: backward");
    check_output(e, BP_CHINESE, "步骤 4：反向传播");
    T_CHECK(bp_explain_text(e, (bp_language)7, append, NULL) == BP_EARG);
    bp_explain_free(e);
    drop(&u);
}

/* Whatever values a loss has, its head's factors make up the engine's dJ/dx, or
 * there is no head. */
static void test_heads(void)
{
    static const struct {
        const char *loss;
        bool head;
    } cases[] = {
        {"softmax_cross_entropy", true},
        {"softmax_cross_entropy(label_smoothing=0.1)", true},
        {"softmax_cross_entropy(class_weights=[1, 2, 0.5])", true},
        {"softmax_cross_entropy(class_weights=[1, 2, 0.5],"
         " label_smoothing=0.1)", false},
        {"binary_cross_entropy", true},
        {"binary_cross_entropy(class_weights=[1, 2, 0.5])", true},
        {"sigmoid_cross_entropy", true},
        {"mean_squared_error", false},
        {"hinge", false},
    };
    const int64_t dims[] = {4};
    const double x[4] = {1, -2, 0.5, 0.25};
    const int32_t t = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setup u = make("dense(3)", 1, dims, cases[i].loss, BP_F64);
        u.t.target = (bp_nn_io){.dtype = BP_I32};
        u.o.input[0] = x;
        u.o.target = &t;
        bp_explain *e = explained(&u);
        const bp__ex_layer *l = &e->layers.list[0];
        T_CHECKF(l->head == cases[i].head, "%s", cases[i].loss);
        T_CHECKF(!l->head || l->product.v, "%s: no product", cases[i].loss);
        T_CHECKF(l->worst <= 1e-12, "%s: off by %g", cases[i].loss, l->worst);
        check_params(e, 1e-10, 1e-7);
        bp_explain_free(e);
        drop(&u);
    }
}

static void test_wrong(void)
{
    const int64_t dims[] = {3};
    bp_error err = {0};
    bp_explain *e = NULL;
    setup u = make("dense(2)", 1, dims, "softmax_cross_entropy", BP_F32);
    u.t.target = (bp_nn_io){.dtype = BP_I32};
    T_CHECK(bp_explain_new(&u.t, u.s, &u.o, &e, &err) == BP_EARG && !e);
    T_CHECKF(strstr(err.message, "input \"x\" is missing") != NULL, "%s",
             err.message);
    u.o.size = 0;
    T_CHECK(bp_explain_new(&u.t, u.s, &u.o, &e, &err) == BP_EARG && !e);
    T_CHECK(bp_explain_new(NULL, u.s, &u.o, &e, &err) == BP_EARG && !e);
    T_CHECK(bp_explain_article(NULL, -1, &e, &err) == BP_ERANGE && !e);
    drop(&u);
}

static void test_article(void)
{
    bp_error err = {0};
    bp_explain *e = NULL;
    bp__str text;
    bp__str_init(&text, NULL);
    T_OK(bp_explain_article(NULL, 20, &e, &err), &err);
    T_CHECK(bp_explain_text(e, BP_ENGLISH, append, &text) == BP_OK);
    T_CHECK(text.s && strstr(text.s, "20 steps of gradient descent"));
    T_CHECK(text.s && strstr(text.s, "that is not enough steps"));
    bp__str_free(&text);
    bp_explain_free(e);
}

static void test_features(void)
{
    const int64_t dims[] = {1, 8, 8};
    float x[64] = {0};
    const void *in[] = {x};
    bp_error err = {0};
    bp_runtime *r = NULL;
    bp__picture p;
    bp__str legend;
    setup u = make("conv2d(4, kernel=3), relu, flatten, dense(3)", 3, dims,
                   "softmax_cross_entropy", BP_F32);
    u.t.target = (bp_nn_io){.dtype = BP_I32};
    x[9] = 1;
    bp__str_init(&legend, NULL);
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    T_OK(bp__features_draw(&u.t, u.s, r, in, &bp__malloc_allocator, &p,
                           &legend, &err), &err);
    T_CHECK(p.channels == 3 && p.width == 960 && p.height > 300);
    T_CHECKF(strstr(legend.s, "filters of 0.conv2d + 1.relu [4,1,3,3], 4 of "
                    "4") != NULL, "%s", legend.s);
    /* The sample's one pixel, in the middle of its square of 14, is blue. */
    const uint8_t *at = p.pixels + 3 * ((10 + 14 + 7) * 960 + 10 + 14 + 7);
    T_CHECK(at[0] == 35 && at[1] == 96 && at[2] == 196);
    T_CHECK(p.pixels[3 * (12 * 960 + 12)] == 255);
    bp__picture_free(&bp__malloc_allocator, &p);
    bp__str_free(&legend);
    bp_runtime_free(r);
    drop(&u);
}

int main(void)
{
    test_by_hand();
    test_store_unchanged();
    test_branches();
    test_output();
    test_heads();
    test_wrong();
    test_article();
    test_features();
    return t_end();
}
