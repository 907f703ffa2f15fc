/* Shards of one row beside shards of two: what is traced for one row has the
 * form of what is traced for two, and the step is the one that a single shard
 * takes, to 1e-12 in f64. */
#include "t.h"

#include "exec/exec.h"

#include <bprop/nn.h>
#include <bprop/ops.h>

enum { MOST = 9 };

static bp_store *trained(const bp_task *t, int64_t batch, int64_t shards,
                         const double *x, size_t row, const char *what)
{
    bp_error err = {BP_OK, ""};
    bp_store *s = bp_store_new(NULL);
    bp_runtime *r = NULL;
    bp_program *p = NULL;
    bp_graph *g[2] = {NULL, NULL};
    bp_runtime_options ro = {.size = sizeof ro, .threads = 2};
    T_OK(bp_runtime_new(&ro, &r, &err), &err);
    int64_t low = batch / shards, n = 0;
    for (int64_t rows = low + 1; rows >= low && rows > 0; rows--) {
        if (rows > low && batch % shards == 0)
            continue;
        bp_trace_options o = {.size = sizeof o, .rows = rows,
                              .global_rows = batch, .shards = shards};
        g[n] = bp_task_graph(t, s, BP_TASK_TRAIN, &o, NULL, NULL);
        T_CHECKF(bp_graph_status(g[n]) == BP_OK, "%s: %s", what,
                 bp_graph_error(g[n]));
        n++;
    }
    double rate = 0.25;
    T_OK(bp_store_set(s, "trainer.lr", &rate, sizeof rate, &err), &err);
    bp_status st = bp_compile(r, (const bp_graph *const *)g, (size_t)n, NULL,
                              &p, &err);
    T_CHECKF(st == BP_OK, "%s, %d samples in %d shards: %s", what, (int)batch,
             (int)shards, err.message);
    bp_graph_free(g[0]);
    bp_graph_free(g[1]);
    if (st == BP_OK) {
        double target[MOST];
        for (int i = 0; i < MOST; i++)
            target[i] = sin(i);
        T_OK(bp_bind(p, "x", x, (size_t)batch * row * sizeof *x, &err), &err);
        T_OK(bp_bind(p, "target", target, (size_t)batch * sizeof *target,
                     &err), &err);
        for (int step = 0; step < 2; step++)
            T_OK(bp_run(p, &err), &err);
    }
    bp_program_free(p);
    bp_runtime_free(r);
    return s;
}

static double distance(const bp_store *a, const bp_store *b)
{
    double worst = 0;
    for (size_t i = 0; i < bp_store_count(a); i++) {
        bp_var_info v;
        bp_store_info(a, i, &v);
        const double *p = bp_store_read(a, i), *q = bp_store_read(b, i);
        for (size_t k = 0; v.dtype == BP_F64 && k < v.bytes / 8; k++) {
            double d = fabs(p[k] - q[k]) / fmax(1, fabs(p[k]));
            worst = d <= worst ? worst : d;
        }
    }
    return worst;
}

static void check(int rank, const int64_t *dims, const char *layers)
{
    static const int64_t cases[][2] = {{5, 4}, {3, 2}, {1, 4}, {7, 5}, {2, 3},
                                       {4, 4}, {9, 5}};
    static double x[MOST * 400];
    uint64_t seed = 11;
    size_t row = 1;
    for (int i = 0; i < rank; i++)
        row *= (size_t)dims[i];
    T_REQUIRE(row <= 400);
    for (size_t i = 0; i < MOST * row; i++)
        x[i] = t_uniform(&seed, -1, 1);
    bp_model *m = bp_model_new(NULL);
    bp_model_input(m, "x", rank, dims);
    bp_model_add(m, layers);
    T_CHECKF(bp_model_status(m) == BP_OK, "%s: %s", layers, bp_model_error(m));
    bp_task t = {.size = sizeof t, .model = m, .seed = 3, .dtype = BP_F64,
                 .loss = "mean_squared_error", .optimizer = "momentum(lr=0.1)",
                 .target = {.dtype = BP_F64, .rank = 1, .dims = {1}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bp_store *one = trained(&t, cases[i][0], 1, x, row, layers);
        bp_store *more = trained(&t, cases[i][0], cases[i][1], x, row, layers);
        double d = distance(one, more);
        T_CHECKF(d <= 1e-12, "%s: %d samples in %d shards are off by %g",
                 layers, (int)cases[i][0], (int)cases[i][1], d);
        bp_store_free(one);
        bp_store_free(more);
    }
    bp_model_free(m);
}

/* By hand: parameters and statistics with an axis of one sample. */
static void by_hand(void)
{
    bp_error err = {BP_OK, ""};
    double x[5 * 2], want[2] = {0, 0};
    bp_store *s = bp_store_new(NULL);
    const int64_t dims[2] = {1, 2};
    for (int i = 0; i < 10; i++) {
        x[i] = i * i;
        want[i % 2] += 2 * x[i];
    }
    T_OK(bp_store_add(s, "w", BP_VAR_PARAM, BP_F64, 2, dims, &err), &err);
    for (int order = 0; order < 2; order++) {
        bp_graph *g[2];
        for (int k = 0; k < 2; k++) {
            int64_t rows = (k == order) + 1;
            g[k] = bp_graph_new(NULL);
            bp_graph_set_shard(g[k], 4, rows, 5);
            bp_val v = bp_batch_input(g[k], "x", BP_F64, 2,
                                      (int64_t[]){rows, 2});
            bp_val w = bp_variable(g[k], s, "w"), d;
            /* Read twice, so that the sums meet what is not summed. */
            bp_val y = bp_add(g[k], bp_mul(g[k], v, w),
                              bp_mul(g[k], w, bp_neg(g[k], v)));
            y = bp_add(g[k], y, bp_mul(g[k], bp_add(g[k], v, v), w));
            bp_val loss = bp_psum(g[k], bp_sum(g[k], y, 2,
                                               (const int64_t[]){0, 1},
                                               false));
            bp_grad(g[k], loss, &w, 1, &d);
            bp_output(g[k], "d", d);
            T_CHECKF(bp_graph_status(g[k]) == BP_OK, "%s",
                     bp_graph_error(g[k]));
        }
        bp_runtime *r = NULL;
        bp_program *p = NULL;
        T_OK(bp_runtime_new(NULL, &r, &err), &err);
        T_OK(bp_compile(r, (const bp_graph *const *)g, 2, NULL, &p, &err),
             &err);
        T_OK(bp_bind(p, "x", x, sizeof x, &err), &err);
        T_OK(bp_run(p, &err), &err);
        const double *d = bp_result(p, "d", NULL);
        T_NEAR(d[0], want[0], 0);
        T_NEAR(d[1], want[1], 0);
        bp_program_free(p);
        bp_runtime_free(r);
        bp_graph_free(g[0]);
        bp_graph_free(g[1]);
    }
    bp_store_free(s);
}

int main(void)
{
    by_hand();
    check(1, (const int64_t[]){4}, "dense(3), batch_norm, relu, dense(1)");
    check(1, (const int64_t[]){1}, "batch_norm, dense(2), group_norm(1), "
                                   "prelu(per=channel), dense(1)");
    check(3, (const int64_t[]){2, 5, 4},
          "conv2d(3, kernel=3), batch_norm, prelu(per=channel), flatten, "
          "batch_norm, dense(1)");
    check(3, (const int64_t[]){2, 3, 3},
          "conv2d(4, kernel=3), batch_norm, flatten, tanh, dense(1)");
    check(3, (const int64_t[]){4, 3, 2},
          "instance_norm(affine=true), conv2d(2, kernel=1), layer_norm, dropout(0.4), "
          "global_avg_pool2d, batch_norm, dense(1)");
    check(2, (const int64_t[]){2, 1}, "conv1d(3, kernel=1), batch_norm, "
                                      "rms_norm, flatten, dense(1)");
    return t_end();
}
