/* <bprop/inspect.h>: names, rows, definitions and graphs for people. */
#include "t.h"

#include <bprop/explain.h>
#include <bprop/inspect.h>
#include <bprop/step.h>
#include <bprop/train.h>

static char text[200000];

static int add(void *user, const char *s, size_t bytes)
{
    (void)user;
    strncat(text, s, bytes);
    return 0;
}

static int stop(void *user, const char *s, size_t bytes)
{
    (void)user;
    (void)s;
    (void)bytes;
    return 1;
}

static void test_names(void)
{
    size_t passes = 0, kernels = 0;
    while (bp_pass_name(passes))
        passes++;
    while (bp_kernel_name(kernels))
        kernels++;
    T_CHECK(passes > 3 && kernels > 10);
    T_CHECK(!strcmp(bp_kernel_name(0), "chain"));
    for (int t = 0; t < BP_NN_N_TABLES; t++) {
        size_t n = 0;
        while (bp_nn_row_name((bp_nn_table)t, n))
            n++;
        T_CHECK(n > 0);
        text[0] = 0;
        T_CHECK(!bp_nn_print_table((bp_nn_table)t, add, NULL));
        T_CHECK(strstr(text, bp_nn_row_name((bp_nn_table)t, n - 1)) != NULL);
        T_CHECK(bp_nn_print_table((bp_nn_table)t, stop, NULL) == BP_EIO);
    }
    T_CHECK(!bp_nn_row_name((bp_nn_table)99, 0));
    T_CHECK(bp_nn_print_table((bp_nn_table)99, add, NULL) == BP_EARG);
}

static void test_ops(void)
{
    bp_error err = {0};
    bp_op_info d;
    int n = 0, composites = 0;
    for (; bp_op_get(n, &d); n++) {
        T_CHECK(bp_op_find(d.name) == n && *d.doc && *d.signature);
        T_CHECK(d.n_inputs >= -1 && d.n_inputs <= BP_OP_MAX_INPUTS);
        if (!d.composite || !strcmp(d.name, "backward")) /* no case */
            continue;
        composites++;
        text[0] = 0;
        T_OK(bp_op_print(n, false, add, NULL, &err), &err);
        T_CHECKF(strstr(text, "y0") != NULL, "%s: %s", d.name, text);
    }
    T_CHECK(n == bp_op_count() && composites > 5);
    T_CHECK(bp_op_find("matmull") == -1 && !bp_op_get(-1, &d));
    int i = bp_op_find("softmax");
    T_REQUIRE(bp_op_get(i, &d));
    T_CHECK(d.gradient[0] == BP_OP_HAS_GRADIENT && d.n_properties > 0 &&
            d.n_attributes > 0);
    text[0] = 0;
    T_OK(bp_op_print(i, true, add, NULL, &err), &err);
    T_CHECK(strstr(text, "dx0") != NULL);
    T_CHECK(bp_op_print(bp_op_find("argmax"), true, add, NULL, &err) ==
            BP_ENODIFF);
    T_CHECK(bp_op_print(n, false, add, NULL, &err) == BP_ERANGE);
    T_CHECK(bp_op_print(i, true, stop, NULL, &err) == BP_EIO);
}

/* A mode of the task as a step, prepared for a number of rows. */
static void test_step(const bp_task *t, bp_store *s, bp_runtime *r, float *x,
                      float loss)
{
    bp_error err = {0};
    bp_step *p = NULL;
    int32_t y[2] = {0, 1};
    bp_array in[] = {{.dtype = BP_F32, .rank = 2, .dims = {2, 3}, .data = x,
                      .bytes = 24},
                     {.dtype = BP_I32, .rank = 1, .dims = {2}, .data = y,
                      .bytes = sizeof y}};
    double rate = 0;
    bp_task_step_options o = {.size = sizeof o, .name = "mine"};
    T_OK(bp_task_step(t, BP_TASK_EVAL, s, r, &o, &p, &err), &err);
    T_CHECK(!strcmp(bp_step_name(p), "mine") && !bp_step_programs(p));
    T_OK(bp_task_prepare(p, t, BP_TASK_EVAL, 2, &err), &err);
    T_CHECK(bp_step_programs(p) == 1);
    T_OK(bp_step_run(p, 2, in, &err), &err);
    T_CHECK(bp_step_programs(p) == 1 &&
            (float)bp_step_number(p, "loss") == loss);
    T_CHECK(bp_task_prepare(p, t, BP_TASK_EVAL, 0, &err) == BP_EARG);
    bp_step_free(p);
    T_OK(bp_task_step(t, BP_TASK_TRAIN, s, r, NULL, &p, &err), &err);
    T_OK(bp_step_schedule(p, 10, 100, &rate, &err), &err);
    T_CHECK(rate == 1); /* sgd(lr=1), constant */
    bp_step_free(p);
}

/* The first layers' filters as a picture, where libpng is there. */
static void test_features(void)
{
    bp_error err = {0};
    static float x[8 * 8];
    const void *in[] = {x};
    int64_t w = 0, h = 0;
    bp_model *m = bp_model_new(NULL);
    bp_store *s = bp_store_new(NULL);
    bp_runtime *r = NULL;
    bp_task t = {.size = sizeof t, .model = m, .loss = "softmax_cross_entropy",
                 .target = {.dtype = BP_I32}};
    bp_model_input(m, "x", 3, (int64_t[]){1, 8, 8});
    bp_model_add(m, "conv2d(3, kernel=3), relu, flatten, dense(2)");
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    text[0] = 0;
    bp_status st = bp_features_draw(&t, s, r, in, "t-features.png", &w, &h,
                                    add, NULL, &err);
    T_CHECK(st == BP_EUNSUPPORTED || (!st && w > 0 && h > 0 && *text));
    T_CHECK(bp_features_draw(&t, s, r, in, NULL, &w, &h, add, NULL, &err) ==
            BP_EARG);
    bp_store_free(s);
    bp_runtime_free(r);
    bp_model_free(m);
}

/* A task: its graph, its gradients, a tensor of them. */
static void test_task(void)
{
    bp_error err = {0};
    float x[2 * 3] = {1, 2, 3, -1, 0, 1};
    int32_t y[2] = {0, 1};
    bp_model *m = bp_model_new(NULL);
    bp_store *s = bp_store_new(NULL), *g = NULL;
    bp_runtime *r = NULL;
    bp_task t = {.size = sizeof t, .model = m, .seed = 1,
                 .loss = "softmax_cross_entropy", .optimizer = "sgd(lr=1)",
                 .target = {.dtype = BP_I32}};
    bp_trace_options o = {.size = sizeof o, .rows = 2};
    bp_batch b = {.count = 2, .n_inputs = 1, .input = {x},
                  .input_bytes = {sizeof x}, .target = y,
                  .target_bytes = sizeof y};
    bp_nn_io io;
    bp_model_input(m, "x", 1, (int64_t[]){3});
    bp_model_add(m, "dense(2)");
    T_CHECK(bp_task_input_count(&t) == 1 && bp_task_get_input(&t, 0, &io) &&
            io.dims[0] == 3 && !bp_task_get_input(&t, 1, &io));
    text[0] = 0;
    T_OK(bp_task_print(&t, s, BP_TASK_TRACE, &o, add, NULL, &err), &err);
    T_CHECK(strstr(text, "objective") && strstr(text, "0.weight"));
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    T_OK(bp_task_gradients(&t, s, r, NULL, 0, &b, &g, &err), &err);
    float loss, w[6], two;
    T_OK(bp_store_get(g, "loss", &loss, sizeof loss, &err), &err);
    T_OK(bp_store_get(g, "0.weight", w, sizeof w, &err), &err);
    T_CHECK(loss > 0 && bp_store_count(g) == 3);
    /* The gradients of two classes' weights cancel. */
    for (int k = 0; k < 3; k++)
        T_NEAR(w[k] + w[3 + k], 0, 1e-6);
    bp_store_free(g);
    T_OK(bp_task_gradients(&t, s, r, NULL, 2, &b, &g, &err), &err);
    T_OK(bp_store_get(g, "loss", &two, sizeof two, &err), &err);
    T_NEAR(loss, two, 1e-6); /* in two shards */
    text[0] = 0;
    T_CHECK(!bp_tensor_print("w", BP_F32, 2, (int64_t[]){2, 3}, x, add, NULL));
    T_CHECK(!strncmp(text, "w [2,3]: min -1, mean 1, max 3, norm 4\n", 39) &&
            strstr(text, "\nw[1,2] 1\n"));
    test_step(&t, s, r, x, loss);
    bp_store_free(g);
    bp_store_free(s);
    bp_runtime_free(r);
    bp_model_free(m);
}

int main(void)
{
    test_names();
    test_ops();
    test_task();
    test_features();
    return t_end();
}
