/* Layers as C calls: each builds the graph that its text builds, to the node;
 * and what a context tells and keeps. */
#include "t.h"

#include <bprop/nn.h>
#include <bprop/ops.h>

static bp_val avg_pool(bp_nn *nn, bp_val x)
{
    return bp_nn_avg_pool2d(nn, x, 2);
}
static bp_val avg_pool_same(bp_nn *nn, bp_val x)
{
    bp_nn_pool2d_options o = {.kernel = {3}, .stride = {2}, .same = true,
                              .exclude_padding = true};
    return bp_nn_avg_pool2d_with(nn, x, &o);
}
static bp_val max_pool_padded(bp_nn *nn, bp_val x)
{
    bp_nn_pool2d_options o = {.kernel = {3}, .stride = {2}, .padding = {1, 1}};
    return bp_nn_max_pool2d_with(nn, x, &o);
}
static bp_val conv1d(bp_nn *nn, bp_val x)
{
    bp_nn_conv1d_options o = {.filters = 4, .kernel = 3, .padding = 1};
    return bp_nn_conv1d(nn, x, &o);
}
static bp_val conv_transpose2d(bp_nn *nn, bp_val x)
{
    bp_nn_conv_transpose2d_options o = {.filters = 4, .kernel = {3},
                                        .stride = {2}};
    return bp_nn_conv_transpose2d(nn, x, &o);
}
static bp_val upsample(bp_nn *nn, bp_val x)
{
    bp_nn_upsample_options o = {.scale = {2}, .bilinear = true};
    return bp_nn_upsample(nn, x, &o);
}
static bp_val embedding(bp_nn *nn, bp_val x)
{
    return bp_nn_embedding(nn, x, 7, 3);
}
static bp_val group_norm(bp_nn *nn, bp_val x)
{
    return bp_nn_group_norm(nn, x, 2, 1e-5);
}
static bp_val instance_norm(bp_nn *nn, bp_val x)
{
    return bp_nn_instance_norm(nn, x, true, 1e-5);
}
static bp_val rms_norm(bp_nn *nn, bp_val x)
{
    return bp_nn_rms_norm(nn, x, 1, 1e-6);
}
static bp_val maxout(bp_nn *nn, bp_val x)
{
    return bp_nn_maxout(nn, x, 2);
}
static bp_val elu(bp_nn *nn, bp_val x)
{
    return bp_nn_elu(nn, x, 0.5);
}
static bp_val celu(bp_nn *nn, bp_val x)
{
    return bp_nn_celu(nn, x, 2);
}
static bp_val softplus(bp_nn *nn, bp_val x)
{
    return bp_nn_softplus(nn, x, 2, 10);
}
static bp_val hard_tanh(bp_nn *nn, bp_val x)
{
    return bp_nn_hard_tanh(nn, x, -2, 3);
}
static bp_val prelu(bp_nn *nn, bp_val x)
{
    return bp_nn_prelu(nn, x, true, 0.1);
}

static const struct {
    bp_val (*call)(bp_nn *nn, bp_val x);
    const char *text;
    int rank;
    int64_t dims[4];
} layers[] = {
    {avg_pool, "avg_pool2d(2)", 4, {2, 4, 6, 6}},
    {avg_pool_same,
     "avg_pool2d(3, stride=2, padding=same, exclude_padding=true)",
     4, {2, 4, 7, 7}},
    {max_pool_padded, "max_pool2d(3, stride=2, padding=1)", 4, {2, 4, 7, 7}},
    {conv1d, "conv1d(4, kernel=3, padding=1)", 3, {2, 3, 9}},
    {conv_transpose2d, "conv_transpose2d(4, kernel=3, stride=2)",
     4, {2, 3, 5, 5}},
    {upsample, "upsample(2, mode=bilinear)", 4, {2, 3, 4, 4}},
    {embedding, "embedding(count=7, dim=3)", 2, {2, 5}},
    {group_norm, "group_norm(2)", 4, {2, 4, 3, 3}},
    {instance_norm, "instance_norm(affine=true)", 4, {2, 4, 3, 3}},
    {rms_norm, "rms_norm(eps=1e-6)", 2, {2, 6}},
    {maxout, "maxout(2)", 2, {2, 6}},
    {elu, "elu(alpha=0.5)", 2, {2, 6}},
    {celu, "celu(alpha=2)", 2, {2, 6}},
    {softplus, "softplus(beta=2, threshold=10)", 2, {2, 6}},
    {hard_tanh, "hard_tanh(low=-2, high=3)", 2, {2, 6}},
    {prelu, "prelu(per=channel, slope=0.1)", 2, {2, 6}},
    {bp_nn_selu, "selu", 2, {2, 6}},
    {bp_nn_mish, "mish", 2, {2, 6}},
    {bp_nn_softsign, "softsign", 2, {2, 6}},
    {bp_nn_hard_sigmoid, "hard_sigmoid", 2, {2, 6}},
    {bp_nn_hard_swish, "hard_swish", 2, {2, 6}},
};
enum { N_LAYERS = sizeof layers / sizeof layers[0] };

static int add(void *user, const char *text, size_t bytes)
{
    strncat(user, text, bytes);
    return 0;
}

/* The graph of layer i, by its call or by its text. */
static void print_layer(int i, bool call, char *text)
{
    const int64_t *d = layers[i].dims;
    bp_nn_options o = {.size = sizeof o, .seed = 3, .training = true};
    bp_graph *g = bp_graph_new(NULL);
    bp_store *s = bp_store_new(NULL);
    bp_model *m = bp_model_new(NULL);
    bp_graph_set_shard(g, 1, d[0], d[0]);
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val x = bp_batch_input(g, "x", BP_F32, layers[i].rank, d);
    bp_model_input(m, "x", layers[i].rank - 1, d + 1);
    bp_model_add(m, layers[i].text);
    bp_val y = call ? layers[i].call(nn, x) : bp_nn_model(nn, m, 1, &x);
    bp_output(g, "y", y);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s: %s", layers[i].text,
             bp_graph_error(g));
    text[0] = 0;
    T_CHECK(!bp_graph_print(g, add, text));
    T_CHECK(bp_nn_store(nn) == s && bp_nn_dtype(nn) == BP_F32 &&
            bp_nn_training(nn) && bp_model_input_count(m) == 1);
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
    bp_model_free(m);
}

static void test_layers(void)
{
    static char by_call[20000], by_text[20000];
    for (int i = 0; i < N_LAYERS; i++) {
        print_layer(i, true, by_call);
        print_layer(i, false, by_text);
        T_CHECKF(*by_call && !strcmp(by_call, by_text), "%s:\n%s\n%s",
                 layers[i].text, by_call, by_text);
    }
}

/* A buffer that counts, and gradients without an optimizer. */
static void test_context(void)
{
    bp_error err = {0};
    bp_nn_options o = {.size = sizeof o};
    float x[2] = {1, 2}, w[2] = {3, 5}, count = 0;
    bp_graph *g = bp_graph_new(NULL);
    bp_store *s = bp_store_new(NULL);
    bp_runtime *r = NULL;
    bp_program *p = NULL;
    bp_val grad[1];
    bp_nn *nn = bp_nn_new(g, s, &o);
    T_CHECK(!bp_nn_training(nn) && bp_graph_shards(g) == 1);
    bp_val v = bp_nn_param(nn, "w", 1, (int64_t[]){2}, "zeros");
    bp_val in = bp_input(g, "x", BP_F32, 1, (int64_t[]){2});
    bp_val b = bp_nn_buffer(nn, "seen", 0, NULL, 10);
    bp_nn_set_buffer(nn, "seen", bp_add_scalar(g, b, 1));
    const int64_t axis = 0;
    bp_val loss =
        bp_sum(g, bp_mul(g, bp_mul(g, v, v), in), 1, &axis, false);
    T_CHECK(bp_nn_gradients(nn, loss, grad) == BP_OK);
    bp_nn_commit(nn);
    bp_output(g, "grad", grad[0]);
    const bp_graph *one = g;
    T_OK(bp_store_set(s, "w", w, sizeof w, &err), &err);
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    T_OK(bp_compile(r, &one, 1, NULL, &p, &err), &err);
    T_OK(bp_bind(p, "x", x, sizeof x, &err), &err);
    T_OK(bp_run(p, &err), &err);
    const float *d = bp_result(p, "grad", NULL);
    T_CHECK(d && d[0] == 6 && d[1] == 20); /* 2 w x */
    T_OK(bp_store_get(s, "seen", &count, sizeof count, &err), &err);
    T_CHECK(count == 11);
    bp_program_free(p);
    bp_runtime_free(r);
    bp_nn_free(nn);
    bp_graph_free(g);
    g = bp_graph_new(NULL);
    T_CHECK(bp_graph_fail(g, BP_ERANGE, "%d of %s", 3, "mine") == BP_ERANGE);
    bp_graph_fail(g, BP_EARG, "a later one");
    T_CHECK(bp_graph_status(g) == BP_ERANGE &&
            strstr(bp_graph_error(g), "3 of mine"));
    bp_graph_free(g);
    bp_store_free(s);
}

int main(void)
{
    test_layers();
    test_context();
    return t_end();
}
