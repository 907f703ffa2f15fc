/* mean (over shards too), one_hot, leaky_relu, gelu, dropout. */
#include "eval.h"

/* The mean over a batch of 7 in S shards, and its gradient: one number, the
 * same whatever S is; shards of two sizes and empty ones included. */
static void mean_of_shards(int64_t shards, double *mean, double *grad)
{
    const int64_t rows = 7;
    uint64_t state = 1;
    double *x = eval_random(&state, BP_F64, 21, -1, 1);
    bp_graph *g[2];
    int64_t small = rows / shards, n = 0;
    for (int64_t size = small + (rows % shards != 0); size >= small && size;
         size--) {
        g[n] = bp_graph_new(NULL);
        bp_graph_set_shard(g[n], shards, size, rows);
        bp_val v = bp_batch_input(g[n], "x", BP_F64, EVAL_DIMS(size, 3)), d;
        bp_val m = bp_mean(g[n], bp_square(g[n], v), 0, NULL, false);
        T_CHECK(!bp_val_varying(g[n], m) && bp_val_rank(g[n], m) == 0);
        bp_output(g[n], "m", m);
        bp_grad(g[n], m, &v, 1, &d);
        bp_output(g[n], "d", d);
        n++;
    }
    eval e = eval_graphs((const bp_graph *const *)g, (size_t)n,
                         &(eval_in){"x", x}, 1);
    *mean = eval_at(eval_out(&e, "m"), BP_F64, 0);
    double want = 0;
    for (size_t i = 0; i < 21; i++) {
        want += x[i] * x[i] / 21;
        grad[i] = eval_at(eval_out(&e, "d"), BP_F64, i);
        T_NEAR(grad[i], 2 * x[i] / 21, 1e-16);
    }
    T_NEAR(*mean, want, 1e-15);
    eval_free(&e);
    while (n-- > 0)
        bp_graph_free(g[n]);
    free(x);
}

static void mean_shapes(void)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_graph_set_shard(g, 2, 4, 8);
    bp_val x = bp_batch_input(g, "x", BP_F32, EVAL_DIMS(4, 3, 2));
    bp_val a = bp_mean(g, x, 2, (int64_t[]){-1, 1}, false);
    bp_val b = bp_mean(g, x, 2, (int64_t[]){2, 0}, true);
    T_CHECK(bp_val_varying(g, a) && bp_val_rank(g, a) == 1);
    T_CHECK(!bp_val_varying(g, b) && bp_val_rank(g, b) == 3 &&
            bp_val_dim(g, b, 1) == 3 && bp_val_dim(g, b, 0) == 1);
    T_CHECK(bp_graph_status(g) == BP_OK);
    /* 12 rows are 3 for each of the 4 samples: the count is 3 * 8. */
    bp_val r = bp_reshape(g, x, 2, (int64_t[]){12, 2});
    T_CHECK(!bp_is_nil(bp_mean(g, r, 1, (int64_t[]){0}, false)));
    bp_mean(g, bp_permute(g, x, (int64_t[]){1, 0, 2}), 0, NULL, false);
    EVAL_FAILS(g, BP_ESHAPE, "mean", "~f32[3,4,2]", "4 samples");
    g = bp_graph_new(NULL);
    bp_mean(g, bp_input(g, "x", BP_F32, EVAL_DIMS(2, 3)), 2,
            (int64_t[]){1, -1}, false);
    EVAL_FAILS(g, BP_EARG, "twice");
    g = bp_graph_new(NULL);
    bp_mean(g, bp_input(g, "x", BP_I32, EVAL_DIMS(2, 3)), 0, NULL, false);
    EVAL_FAILS(g, BP_EDTYPE, "i32[2,3]");
}

static void one_hot(void)
{
    const int32_t at[4] = {2, -1, 0, 3};
    const float want[12] = {0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    bp_graph *g = bp_graph_new(NULL);
    bp_val x = bp_input(g, "x", BP_I32, EVAL_DIMS(2, 2));
    bp_output(g, "y", bp_one_hot(g, x, 3, BP_F32));
    bp_val u = bp_cast(g, bp_maximum(g, x, bp_scalar(g, BP_I32, 0)), BP_U8);
    bp_output(g, "b", bp_one_hot(g, u, 3, BP_BOOL)); /* -1 has become 0 */
    eval e = eval_graph(g, &(eval_in){"x", at}, 1);
    for (size_t i = 0; i < 12; i++) {
        T_CHECK(((const float *)eval_out(&e, "y"))[i] == want[i]);
        T_CHECK(((const uint8_t *)eval_out(&e, "b"))[i] ==
                (i == 3 || want[i] == 1));
    }
    eval_free(&e);
    bp_one_hot(g, x, -1, BP_F32);
    EVAL_FAILS(g, BP_EARG, "depth -1");
    g = bp_graph_new(NULL);
    bp_one_hot(g, bp_input(g, "x", BP_F32, EVAL_DIMS(2)), 3, BP_F32);
    EVAL_FAILS(g, BP_EDTYPE, "f32[2]");
}

static void activations(void)
{
    const double x[6] = {-3, -0.5, 0, 0.5, 3, NAN};
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F64, EVAL_DIMS(6)), d;
    bp_output(g, "leaky", bp_leaky_relu(g, v, 0.25));
    bp_output(g, "gelu", bp_gelu(g, v));
    bp_val s = bp_sum(g, bp_leaky_relu(g, v, 0.25), 0, NULL, false);
    bp_grad(g, s, &v, 1, &d);
    bp_output(g, "d", d);
    eval e = eval_graph(g, &(eval_in){"x", x}, 1);
    const double *leaky = eval_out(&e, "leaky"), *gelu = eval_out(&e, "gelu");
    for (int i = 0; i < 5; i++) {
        T_CHECK(leaky[i] == (x[i] > 0 ? x[i] : 0.25 * x[i]));
        T_NEAR(gelu[i], 0.5 * x[i] * erfc(-x[i] / sqrt(2)), 1e-15);
        T_CHECK(((const double *)eval_out(&e, "d"))[i] ==
                (x[i] > 0 ? 1 : 0.25));
    }
    T_CHECK(isnan(leaky[5]) && isnan(gelu[5]));
    eval_free(&e);
    bp_graph_free(g);
}

/* The same mask forward and backward; kept elements are divided by 1 - p; as
 * many as p says, within 5 deviations; one mask whatever the shards. */
static void dropout(int64_t shards, double *out)
{
    enum { ROWS = 60, COLS = 100, N = ROWS * COLS };
    const int32_t key[4] = {1, 2, 3, 4};
    uint64_t state = 4;
    double *x = eval_random(&state, BP_F64, N, 1, 2);
    bp_graph *g = bp_graph_new(NULL);
    bp_graph_set_shard(g, shards, ROWS / shards, ROWS);
    bp_val v = bp_batch_input(g, "x", BP_F64, EVAL_DIMS(ROWS / shards, COLS));
    bp_val k = bp_input(g, "key", BP_I32, EVAL_DIMS(4)), d;
    bp_val y = bp_dropout(g, v, k, 0.3, 7);
    bp_output(g, "y", y);
    bp_val s = bp_psum(g, bp_sum(g, y, 0, NULL, false));
    bp_grad(g, s, &v, 1, &d);
    bp_output(g, "d", d);
    eval e = eval_graph(g, (eval_in[]){{"x", x}, {"key", key}}, 2);
    const double *have = eval_out(&e, "y"), *back = eval_out(&e, "d");
    int kept = 0;
    for (int i = 0; i < N; i++) {
        out[i] = have[i];
        kept += have[i] != 0;
        if (have[i] != 0)
            T_NEAR(have[i], x[i] / 0.7, 1e-15);
        T_NEAR(back[i], have[i] != 0 ? 1 / 0.7 : 0, 1e-15);
    }
    T_CHECK(fabs(kept - 0.7 * N) <= 5 * sqrt(N * 0.3 * 0.7));
    eval_free(&e);
    bp_graph_free(g);
    free(x);
}

static void dropout_messages(void)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val x = bp_input(g, "x", BP_F32, EVAL_DIMS(2));
    bp_dropout(g, x, bp_input(g, "k", BP_I32, EVAL_DIMS(4)), 1, 0);
    EVAL_FAILS(g, BP_EARG, "probability 1", "less than 1");
    g = bp_graph_new(NULL);
    x = bp_input(g, "x", BP_F32, EVAL_DIMS(2));
    bp_dropout(g, x, bp_input(g, "k", BP_I32, EVAL_DIMS(4)), NAN, 0);
    EVAL_FAILS(g, BP_EARG, "probability");
    g = bp_graph_new(NULL);
    x = bp_input(g, "x", BP_F32, EVAL_DIMS(2));
    bp_dropout(g, x, bp_input(g, "k", BP_I32, EVAL_DIMS(3)), 0.5, 0);
    EVAL_FAILS(g, BP_ESHAPE, "i32[3]", "i32[4]");
}

int main(void)
{
    double mean[9], grad[21];
    for (int64_t s = 1; s <= 8; s++)
        mean_of_shards(s, &mean[s], grad);
    mean_shapes();
    one_hot();
    activations();
    static double a[6000], b[6000];
    dropout(1, a);
    dropout(4, b);
    T_CHECK(memcmp(a, b, sizeof a) == 0);
    dropout_messages();
    return t_end();
}
