/* Descriptions: the same graph as the C calls, branches by name, and messages
 * about what does not fit. */
#include "rig.h"

#include "nn/spec.h"

typedef struct text_buffer {
    char text[20000];
    size_t n;
} text_buffer;

static int write_text(void *user, const char *text, size_t bytes)
{
    text_buffer *b = user;
    if (b->n + bytes >= sizeof b->text)
        return 1;
    memcpy(b->text + b->n, text, bytes);
    b->text[b->n += bytes] = '\0';
    return 0;
}

static bp_val by_calls(bp_nn *nn, bp_val x)
{
    x = bp_nn_conv2d(nn, x, &(bp_nn_conv2d_options){
        .filters = 32, .kernel = {3}, .same = true});
    x = bp_nn_max_pool2d(nn, bp_nn_relu(nn, x), 2);
    x = bp_nn_flatten(nn, x);
    x = bp_nn_dropout(nn, bp_nn_relu(nn, bp_nn_dense(nn, x, 128)), 0.5);
    return bp_nn_dense(nn, x, 10);
}

static const char mnist[] =
    "conv2d(32, kernel=3, padding=same), relu, max_pool2d(2), flatten,"
    "dense(128), relu, dropout(0.5), dense(10)";

static void print_net(const char *layers, text_buffer *out)
{
    const int64_t dims[4] = {8, 1, 28, 28};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .training = true};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_model *m = bp_model_new(NULL);
    bp_val x = bp_batch_input(g, "x", BP_F32, 4, dims), y;
    if (layers) {
        bp_model_input(m, "x", 3, dims + 1);
        bp_model_add(m, layers);
        y = bp_nn_model(nn, m, 1, &x);
    } else {
        y = by_calls(nn, x);
    }
    bp_output(g, "y", y);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    out->n = 0;
    T_CHECK(bp_graph_print(g, write_text, out) == BP_OK);
    bp_model_free(m);
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

static void test_same_graph(void)
{
    static text_buffer a, b;
    print_net(NULL, &a);
    print_net(mnist, &b);
    T_CHECK(a.n > 500 && strcmp(a.text, b.text) == 0);
    print_net("conv2d(32, kernel=3), relu, max_pool2d(2), flatten, "
              "dense(10)", &b);
    T_CHECK(strcmp(a.text, b.text) != 0);
}

/* Traces layers over inputs a [4,3] and b [4,5]; the graph is the caller's. */
static bp_graph *trace(const char *layers, bp_store *s, bp_val *y)
{
    const int64_t a[2] = {4, 3}, b[2] = {4, 5};
    bp_graph *g = bp_graph_new(NULL);
    bp_nn *nn = bp_nn_new(g, s, NULL);
    bp_model *m = bp_model_new(NULL);
    bp_model_input(m, "a", 1, a + 1);
    bp_model_input(m, "b", 1, b + 1);
    bp_model_add(m, layers);
    bp_val x[2];
    x[0] = bp_batch_input(g, "a", BP_F32, 2, a);
    x[1] = bp_batch_input(g, "b", BP_F32, 2, b);
    *y = bp_nn_model(nn, m, 2, x);
    bp_model_free(m);
    bp_nn_free(nn);
    return g;
}

static void test_branches(void)
{
    static const char *const names[] = {
        "0.weight", "0.bias", "left.weight", "left.bias", "right.weight",
        "right.bias", "5.body.inner.weight", "5.body.inner.bias",
        "5.body.2.weight", "5.body.2.bias"};
    bp_store *s = bp_store_new(NULL);
    bp_val y;
    bp_graph *g = trace("dense(6), dense(4, name=left), "
                        "dense(4, name=right, from=b), "
                        "concat(from=[left, right, a]), relu,"
                        "residual(body=[dense(11, name=inner), "
                        "concat(from=[inner, a]), dense(11)])", s, &y);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    T_CHECK(bp_val_dim(g, y, 1) == 11);
    T_CHECK(bp_store_count(s) == 10);
    for (size_t i = 0; i < 10; i++) {
        bp_var_info v;
        T_CHECK(bp_store_info(s, i, &v) == BP_OK &&
                strcmp(v.name, names[i]) == 0);
    }
    bp_graph_free(g);
    bp_store_free(s);
}

static void refused(const char *layers, bp_status status, const char *a,
                    const char *b)
{
    bp_store *s = bp_store_new(NULL);
    bp_val y;
    bp_graph *g = trace(layers, s, &y);
    T_CHECK(bp_is_nil(y));
    RIG_REFUSED(g, status, a, b);
    bp_graph_free(g);
    bp_store_free(s);
}

static void test_refused(void)
{
    refused("relu(name=left), tanh(from=lefd)", BP_ENOTFOUND, "\"lefd\"",
            "did you mean left?");
    refused("relu, add(from=[a, nowhere])", BP_ENOTFOUND, "\"nowhere\"",
            "there are a, b");
    refused("residual(body=[relu(name=in)]), tanh(from=in)", BP_ENOTFOUND,
            "\"in\"", "no such layer");
    refused("relu(name=x), tanh(name=x)", BP_EARG, "\"x\"", "twice");
    refused("add(from=[a, b])", BP_ESHAPE, "0.add: its inputs are ~f32[4,3]",
            "f32[4,5]");
    refused("concat(from=[a, b], axis=0)", BP_ESHAPE, "0.concat", "axis 0");
    refused("dense(4), residual(body=[conv2d(3, kernel=3)])", BP_ESHAPE,
            "1.residual/body/0.conv2d", "f32[4,4]");
    refused("dense(4), dens(3)", BP_ENOTFOUND, "unknown layer", "dense?");
}

static void test_bad_inputs(void)
{
    const int64_t dims[2] = {3, 0};
    bp_model *m = bp_model_new(NULL);
    bp_model_input(m, "a", 2, dims);
    T_CHECK(bp_model_status(m) == BP_ESHAPE);
    T_CHECK(strstr(bp_model_error(m), "size 0 of axis 1") != NULL);
    bp_model_add(m, "relu");
    T_CHECK(bp__model_layer_count(m) == 0);
    bp_model_free(m);
    m = bp_model_new(NULL);
    bp_model_input(m, "a", 1, dims);
    bp_model_input(m, "a", 1, dims);
    T_CHECK(strstr(bp_model_error(m), "given twice") != NULL);
    bp_model_free(m);
    T_CHECK(bp_model_status(NULL) == BP_ENOMEM);
    bp_model_free(NULL);
}

/* A layer that came from a file: its place stands before the message. */
static void test_places(void)
{
    const int64_t dims[2] = {4, 3};
    bp_error err = {0};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn *nn = bp_nn_new(g, s, NULL);
    bp_model *m = bp_model_new(NULL);
    bp__arena *ar = bp__model_arena(m);
    bp__spec *outer, *inner;
    T_OK(bp__spec_new(ar, BP_NN_LAYERS, "residual", &outer, &err), &err);
    T_OK(bp__spec_new(ar, BP_NN_LAYERS, "dense", &inner, &err), &err);
    T_OK(bp__spec_set_text(ar, inner, NULL, "7", &err), &err);
    T_OK(bp__spec_add_layer(ar, outer, NULL, inner, &err), &err);
    T_OK(bp__spec_finish(outer, &err), &err);
    outer->where = "net.yaml:3:5";
    inner->where = "net.yaml:4:9";
    T_CHECK(bp__model_append(m, outer) && bp__model_layer(m, 0) == outer);
    bp_val x = bp_batch_input(g, "x", BP_F32, 2, dims);
    bp_nn_model(nn, m, 1, &x);
    RIG_REFUSED(g, BP_ESHAPE, "net.yaml:3:5: 0.residual", "f32[4,7]",
                "f32[4,3]");
    bp_nn_free(nn);
    bp_graph_free(g);
    g = bp_graph_new(NULL);
    nn = bp_nn_new(g, s, NULL);
    x = bp_batch_input(g, "x", BP_F32, 1, dims);
    bp_nn_model(nn, m, 1, &x);
    RIG_REFUSED(g, BP_ESHAPE, "net.yaml:4:9: 0.residual/body/0.dense",
                "f32[4]");
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_model_free(m);
    bp_store_free(s);
}

int main(void)
{
    test_same_graph();
    test_branches();
    test_refused();
    test_bad_inputs();
    test_places();
    return t_end();
}
