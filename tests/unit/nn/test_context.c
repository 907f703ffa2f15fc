/* Names and numbers of variables, against what torch.nn gives the same
 * networks; one store under several traces; what is refused. */
#include "rig.h"

typedef struct want_var {
    const char *name;
    bp_var_kind kind;
    int rank;
    int64_t dims[4];
} want_var;

static void check_store(bp_store *s, const want_var *want, size_t n)
{
    T_CHECKF(bp_store_count(s) == n, "%zu variables, not %zu",
             bp_store_count(s), n);
    for (size_t i = 0; i < n; i++) {
        bp_var_info v;
        if (!T_CHECK(bp_store_info(s, i, &v) == BP_OK))
            continue;
        T_CHECKF(strcmp(v.name, want[i].name) == 0, "%s, not %s", v.name,
                 want[i].name);
        T_CHECKF(v.kind == want[i].kind && v.rank == want[i].rank, "%s",
                 v.name);
        for (int k = 0; k < v.rank; k++)
            T_CHECKF(v.dims[k] == want[i].dims[k], "%s: axis %d is %lld",
                     v.name, k, (long long)v.dims[k]);
    }
}

static bp_val body(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    bp_nn_conv2d_options o = {.filters = 8, .kernel = {3}, .same = true,
                              .no_bias = true};
    x = bp_nn_relu(nn, bp_nn_batch_norm(nn, bp_nn_conv2d(nn, x, &o), NULL));
    return bp_nn_conv2d(nn, x, &o);
}

static bp_val shortcut(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    bp_nn_conv2d_options o = {.filters = 8, .kernel = {1}};
    return bp_nn_conv2d(nn, x, &o);
}

/* nn.Sequential(Conv2d(3, 4, (3, 5), groups=1), ReLU(), MaxPool2d(2),
 * Residual(...), Flatten(), Linear(.., 7), LayerNorm(7)) */
static bp_val net(bp_nn *nn, bp_val x)
{
    bp_nn_conv2d_options o = {.filters = 4, .kernel = {3, 5},
                              .padding = {1, 2}};
    x = bp_nn_relu(nn, bp_nn_conv2d(nn, x, &o));
    x = bp_nn_max_pool2d(nn, x, 2);
    x = bp_nn_residual(nn, x, body, shortcut, NULL);
    x = bp_nn_flatten(nn, x);
    bp_nn_name(nn, "head");
    return bp_nn_layer_norm(nn, bp_nn_dense(nn, x, 7), 0);
}

static const want_var torch_names[] = {
    {"0.weight", BP_VAR_PARAM, 4, {4, 3, 3, 5}},
    {"0.bias", BP_VAR_PARAM, 1, {4}},
    {"3.body.0.weight", BP_VAR_PARAM, 4, {8, 4, 3, 3}},
    {"3.body.1.weight", BP_VAR_PARAM, 1, {8}},
    {"3.body.1.bias", BP_VAR_PARAM, 1, {8}},
    {"3.body.1.running_mean", BP_VAR_BUFFER, 1, {8}},
    {"3.body.1.running_var", BP_VAR_BUFFER, 1, {8}},
    {"3.body.3.weight", BP_VAR_PARAM, 4, {8, 8, 3, 3}},
    {"3.shortcut.0.weight", BP_VAR_PARAM, 4, {8, 4, 1, 1}},
    {"3.shortcut.0.bias", BP_VAR_PARAM, 1, {8}},
    {"head.weight", BP_VAR_PARAM, 2, {7, 128}},
    {"head.bias", BP_VAR_PARAM, 1, {7}},
    {"6.weight", BP_VAR_PARAM, 1, {7}},
    {"6.bias", BP_VAR_PARAM, 1, {7}},
};
enum { N_NAMES = sizeof torch_names / sizeof torch_names[0] };

static bp_graph *trace_net(bp_store *s, int64_t rows, uint64_t seed,
                           const char *prefix, bp_nn **out)
{
    const int64_t dims[4] = {rows, 3, 8, 8};
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .seed = seed, .prefix = prefix};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val y = net(nn, bp_batch_input(g, "x", BP_F32, 4, dims));
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    T_CHECK(bp_val_rank(g, y) == 2 && bp_val_dim(g, y, 0) == rows &&
            bp_val_dim(g, y, 1) == 7);
    if (out)
        *out = nn;
    else
        bp_nn_free(nn);
    return g;
}

static void test_names(void)
{
    bp_store *s = bp_store_new(NULL);
    bp_nn *nn;
    bp_graph *g = trace_net(s, 5, 1, NULL, &nn);
    check_store(s, torch_names, N_NAMES);
    T_CHECK(bp_nn_param_count(nn) == 12);
    T_CHECK(strcmp(bp_nn_param_name(nn, 11), "6.bias") == 0);
    T_CHECK(bp_nn_param_name(nn, 12) == NULL);
    T_CHECK(bp_is_nil(bp_nn_param_value(nn, 12)));
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

static void test_layer_infos(void)
{
    static const char *const paths[] = {
        "0", "1", "2", "3", "3.body.0", "3.body.1", "3.body.2", "3.body.3",
        "3.shortcut.0", "4", "head", "6"};
    bp_store *s = bp_store_new(NULL);
    bp_nn *nn;
    bp_graph *g = trace_net(s, 5, 1, NULL, &nn);
    bp_nn_layer_info i;
    T_CHECK(bp_nn_layer_count(nn) == 12);
    for (size_t k = 0; k < 12 && bp_nn_layer_get(nn, k, &i); k++)
        T_CHECKF(strcmp(i.path, paths[k]) == 0, "%s", i.path);
    T_REQUIRE(bp_nn_layer_get(nn, 0, &i));
    T_CHECK(strcmp(i.kind, "conv2d") == 0 && i.depth == 0 && i.rank == 4);
    T_CHECK(i.dims[1] == 4 && i.dims[2] == 8 && i.dims[3] == 8);
    T_CHECK(i.params == 4 * 45 + 4 && i.buffers == 0);
    T_CHECK(i.multiply_adds == 64 * 4 * 45);
    T_REQUIRE(bp_nn_layer_get(nn, 3, &i));
    T_CHECK(strcmp(i.kind, "residual") == 0 && i.params == 0);
    T_REQUIRE(bp_nn_layer_get(nn, 5, &i));
    T_CHECK(i.depth == 1 && i.params == 16 && i.buffers == 16);
    T_REQUIRE(bp_nn_layer_get(nn, 10, &i));
    T_CHECK(i.params == 7 * 128 + 7 && i.multiply_adds == 7 * 128);
    T_CHECK(!bp_nn_layer_get(nn, 12, &i));
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

/* A later trace, of another batch size and seed, changes no variable. */
static void test_second_trace(void)
{
    bp_store *s = bp_store_new(NULL);
    float before[7 * 128], after[7 * 128];
    bp_graph_free(trace_net(s, 5, 1, NULL, NULL));
    rig_get(s, "head.weight", before, sizeof before);
    bp_graph_free(trace_net(s, 1, 2, NULL, NULL));
    check_store(s, torch_names, N_NAMES);
    rig_get(s, "head.weight", after, sizeof after);
    T_CHECK(memcmp(before, after, sizeof before) == 0);
    bp_graph_free(trace_net(s, 5, 1, "critic", NULL));
    T_CHECK(bp_store_count(s) == 2 * N_NAMES);
    T_CHECK(bp_store_find(s, "critic.3.body.0.weight") >= 0);
    T_CHECK(bp_store_find(s, "critic.head.bias") >= 0);
    bp_store_free(s);
}

/* Runs `build` in a fresh graph, which must then have the error. */
#define REFUSED(status, build, ...)                                        \
    do {                                                                   \
        const int64_t dims[2] = {4, 6};                                    \
        bp_store *s = bp_store_new(NULL);                                  \
        bp_graph *g = bp_graph_new(NULL);                                  \
        bp_nn *nn = bp_nn_new(g, s, NULL);                                 \
        bp_val x = bp_batch_input(g, "x", BP_F32, 2, dims);                \
        build;                                                             \
        RIG_REFUSED(g, status, __VA_ARGS__);                               \
        (void)x;                                                           \
        bp_nn_free(nn);                                                    \
        bp_graph_free(g);                                                  \
        bp_store_free(s);                                                  \
    } while (0)

static void test_refused_names(void)
{
    REFUSED(BP_EARG, bp_nn_name(nn, ""), "1 to 60 bytes");
    REFUSED(BP_EARG, bp_nn_name(nn, "a.b"), "\"a.b\"", "may not hold");
    REFUSED(BP_EARG, bp_nn_name(nn, "12"), "may not be a number");
    REFUSED(BP_EARG, bp_nn_name(nn, "trainer"), "reserved");
    REFUSED(BP_EARG, (bp_nn_name(nn, "a"), bp_nn_relu(nn, x),
                      bp_nn_name(nn, "a")), "\"a\"", "twice");
    REFUSED(BP_EARG, bp_nn_pop(nn), "bp_nn_pop without bp_nn_push");
    REFUSED(BP_EARG, bp_nn_relu(nn, BP_NIL), "0.relu", "BP_NIL");
    REFUSED(BP_EDTYPE, bp_nn_relu(nn, bp_cast(g, x, BP_F64)), "0.relu",
            "f64[4,6]", "f32");
    REFUSED(BP_EARG, (bp_nn_commit(nn), bp_nn_commit(nn)), "before");
}

/* Blocks made by hand; a parameter asked for twice is one value. */
static void test_blocks(void)
{
    const int64_t dims[2] = {4, 6}, six = 6;
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn *nn = bp_nn_new(g, s, NULL);
    bp_val x = bp_batch_input(g, "x", BP_F32, 2, dims);
    bp_nn_name(nn, "trunk");
    bp_nn_push(nn);
    x = bp_nn_relu(nn, bp_nn_dense(nn, x, 6));
    bp_val a = bp_nn_param(nn, "scale", 1, &six, "ones");
    bp_val b = bp_nn_param(nn, "scale", 1, &six, "ones");
    bp_nn_pop(nn);
    bp_nn_push(nn);
    bp_nn_dense(nn, x, 2);
    bp_nn_pop(nn);
    bp_nn_dense(nn, bp_mul(g, x, a), 3);
    T_CHECK(a.id == b.id && bp_graph_status(g) == BP_OK);
    static const char *const names[] = {
        "trunk.0.weight", "trunk.0.bias", "trunk.scale", "1.0.weight",
        "1.0.bias", "2.weight", "2.bias"};
    T_CHECK(bp_nn_param_count(nn) == 7);
    for (size_t i = 0; i < 7; i++)
        T_CHECKF(strcmp(bp_nn_param_name(nn, i), names[i]) == 0, "%s",
                 bp_nn_param_name(nn, i));
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

/* A store that holds another network is refused by name and shapes. */
static void test_other_store(void)
{
    const int64_t dims[2] = {4, 6};
    bp_store *s = bp_store_new(NULL);
    for (int units = 3; units < 5; units++) {
        bp_graph *g = bp_graph_new(NULL);
        bp_nn *nn = bp_nn_new(g, s, NULL);
        bp_nn_dense(nn, bp_batch_input(g, "x", BP_F32, 2, dims), units);
        if (units == 4)
            RIG_REFUSED(g, BP_ESHAPE, "0.dense", "\"0.weight\"", "f32[3,6]",
                        "f32[4,6]");
        bp_nn_free(nn);
        bp_graph_free(g);
    }
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_nn_dense(nn, bp_batch_input(g, "x", BP_F64, 2, dims), 3);
    RIG_REFUSED(g, BP_ESHAPE, "f32[3,6]", "f64[3,6]");
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

static void test_bad_options(void)
{
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .init = "kaiming"};
    T_CHECK(bp_nn_new(g, s, &o) == NULL);
    RIG_REFUSED(g, BP_ENOTFOUND, "unknown initializer \"kaiming\"");
    bp_graph_free(g);
    g = bp_graph_new(NULL);
    o = (bp_nn_options){.size = sizeof o, .dtype = BP_I32};
    T_CHECK(bp_nn_new(g, s, &o) == NULL);
    RIG_REFUSED(g, BP_EDTYPE, "f32 or f64", "i32");
    bp_graph_free(g);
    T_CHECK(bp_nn_new(NULL, s, NULL) == NULL);
    T_CHECK(bp_is_nil(bp_nn_dense(NULL, BP_NIL, 3)));
    T_CHECK(bp_nn_param_count(NULL) == 0);
    bp_nn_free(NULL);
    bp_store_free(s);
}

/* As many parameters as a very deep network has: looking each up by going
 * through all of them would not end today. */
static void test_many(void)
{
    enum { N = 200000 };
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn *nn = bp_nn_new(g, s, NULL);
    char name[40];
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "a_long_path_to_%d", i);
        bp_nn_param(nn, name, 0, NULL, "zeros");
    }
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    T_REQUIRE(bp_nn_param_count(nn) == N);
    int same = 0;
    for (int i = 0; i < N; i++) {
        const char *have = bp_nn_param_name(nn, (size_t)i);
        bp_val v = bp_nn_param_value(nn, (size_t)i);
        same += atoi(have + 15) == i;
        bp_update(g, s, have, v);
    }
    T_CHECK(same == N && bp_graph_status(g) == BP_OK);
    T_CHECK(bp_nn_param_name(nn, N) == NULL);
    bp_update(g, s, name, bp_nn_param_value(nn, 0));
    T_CHECKF(bp_graph_status(g) == BP_EEXIST &&
             strstr(bp_graph_error(g), "it has one already"), "%s",
             bp_graph_error(g));
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

int main(void)
{
    test_many();
    test_names();
    test_layer_infos();
    test_second_trace();
    test_refused_names();
    test_blocks();
    test_other_store();
    test_bad_options();
    return t_end();
}
