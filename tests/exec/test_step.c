/* A small step through everything: graph, gradient, shards, compile, run,
 * commit. The same loss whatever the shards, threads and passes. */
#include "t.h"

#include "exec/exec.h"

#include <bprop/ops.h>

enum { N = 7, IN = 3, HID = 4 };

static double x[N * IN], y[N], w1[HID * IN], w2[HID];

static void fill(void)
{
    uint64_t s = 1;
    for (int i = 0; i < N * IN; i++)
        x[i] = t_uniform(&s, -1, 1);
    for (int i = 0; i < N; i++)
        y[i] = t_uniform(&s, -1, 1);
    for (int i = 0; i < HID * IN; i++)
        w1[i] = t_uniform(&s, -1, 1);
    for (int i = 0; i < HID; i++)
        w2[i] = t_uniform(&s, -1, 1);
}

static bp_graph *trace(bp_store *st, int64_t shards, int64_t rows)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_graph_set_shard(g, shards, rows, N);
    bp_val in = bp_batch_input(g, "x", BP_F64, 2, (int64_t[]){rows, IN});
    bp_val to = bp_batch_input(g, "y", BP_F64, 1, (int64_t[]){rows});
    bp_val a = bp_variable(g, st, "w1"), b = bp_variable(g, st, "w2");
    bp_val lr = bp_variable(g, st, "lr");
    bp_val h = bp_tanh(g, bp_matmul(g, in, a, false, true));
    bp_val o = bp_matmul(g, h, bp_reshape(g, b, 2, (int64_t[]){HID, 1}),
                         false, false);
    o = bp_reshape(g, o, 1, (int64_t[]){rows});
    bp_val e = bp_square(g, bp_sub(g, o, to));
    bp_val sum = bp_psum(g, bp_sum(g, e, 0, NULL, false));
    bp_val loss = bp_mul_scalar(g, sum, 1.0 / N);
    bp_val wrt[2] = {a, b}, d[2];
    bp_grad(g, loss, wrt, 2, d);
    bp_update(g, st, "w1", bp_sub(g, a, bp_mul(g, lr, d[0])));
    bp_update(g, st, "w2", bp_sub(g, b, bp_mul(g, lr, d[1])));
    bp_output(g, "loss", loss);
    bp_output(g, "out", o);
    bp_error err = {BP_OK, ""};
    T_OK(bp_graph_verify(g, &err), &err);
    return g;
}

static double losses[3], final[HID * IN + HID];

static void train(int64_t shards, int threads, const char *no_pass,
                  double *loss, double *weights)
{
    bp_error err = {BP_OK, ""};
    bp_runtime *r;
    bp_runtime_options ro = {.size = sizeof ro, .threads = threads};
    T_OK(bp_runtime_new(&ro, &r, &err), &err);
    bp_store *st = bp_store_new(NULL);
    T_OK(bp_store_add(st, "w1", BP_VAR_PARAM, BP_F64, 2,
                      (int64_t[]){HID, IN}, &err), &err);
    T_OK(bp_store_add(st, "w2", BP_VAR_PARAM, BP_F64, 1, (int64_t[]){HID},
                      &err), &err);
    T_OK(bp_store_add(st, "lr", BP_VAR_TRAINER, BP_F64, 0, NULL, &err),
         &err);
    double lr = 0.1;
    T_OK(bp_store_set(st, "w1", w1, sizeof w1, &err), &err);
    T_OK(bp_store_set(st, "w2", w2, sizeof w2, &err), &err);
    T_OK(bp_store_set(st, "lr", &lr, sizeof lr, &err), &err);
    int64_t big = (N + shards - 1) / shards, small = N / shards;
    bp_graph *g[2] = {trace(st, shards, big), NULL};
    size_t n = 1;
    if (small != big && small)
        g[n++] = trace(st, shards, small);
    bp_compile_options o = {.size = sizeof o, .no_pass = no_pass};
    bp_program *p;
    T_OK(bp_compile(r, (const bp_graph *const *)g, n, &o, &p, &err), &err);
    bp_graph_free(g[0]);
    bp_graph_free(g[1]);
    T_OK(bp__lowered_verify(p->l, &err), &err);
    T_OK(bp__plan_verify(p->plan, p->l, &err), &err);
    T_OK(bp_bind(p, "x", x, sizeof x, &err), &err);
    T_OK(bp_bind(p, "y", y, sizeof y, &err), &err);
    for (int i = 0; i < 3; i++) {
        T_OK(bp_run(p, &err), &err);
        size_t bytes;
        const double *l = bp_result(p, "loss", &bytes);
        T_REQUIRE(l && bytes == sizeof *l);
        loss[i] = *l;
        T_REQUIRE(bp_result(p, "out", &bytes) && bytes == sizeof y);
    }
    bp_program_stats ps = {.size = sizeof ps};
    T_CHECK(bp_program_get_stats(p, &ps) == BP_OK);
    T_CHECK(ps.calls == ps.calls_made - ps.kept_calls && ps.calls > 0);
    T_CHECK(ps.arena_bytes >= ps.arena_lower_bound);
    T_OK(bp_store_get(st, "w1", weights, sizeof w1, &err), &err);
    T_OK(bp_store_get(st, "w2", weights + HID * IN, sizeof w2, &err), &err);
    bp_program_free(p);
    bp_store_free(st);
    bp_runtime_free(r);
}

/* The same step by hand. */
static void by_hand(double *loss, double *weights)
{
    double a[HID * IN], b[HID], lr = 0.1;
    memcpy(a, w1, sizeof a);
    memcpy(b, w2, sizeof b);
    for (int step = 0; step < 3; step++) {
        double da[HID * IN] = {0}, db[HID] = {0};
        loss[step] = 0;
        for (int n = 0; n < N; n++) {
            double h[HID], o = 0;
            for (int j = 0; j < HID; j++) {
                double z = 0;
                for (int i = 0; i < IN; i++)
                    z += x[n * IN + i] * a[j * IN + i];
                h[j] = tanh(z);
                o += h[j] * b[j];
            }
            double e = o - y[n];
            loss[step] += e * e / N;
            for (int j = 0; j < HID; j++) {
                db[j] += 2 * e / N * h[j];
                for (int i = 0; i < IN; i++)
                    da[j * IN + i] += 2 * e / N * b[j] *
                                      (1 - h[j] * h[j]) * x[n * IN + i];
            }
        }
        for (int i = 0; i < HID * IN; i++)
            a[i] -= lr * da[i];
        for (int j = 0; j < HID; j++)
            b[j] -= lr * db[j];
    }
    memcpy(weights, a, sizeof a);
    memcpy(weights + HID * IN, b, sizeof b);
}

int main(void)
{
    fill();
    by_hand(losses, final);
    static const char *const passes[] = {NULL, "all", "cse", "dce",
                                         "constants", "fuse", "inplace",
                                         "order", "plan", "poolmask"};
    for (int64_t s = 1; s <= 9; s++)
        for (int t = 1; t <= 3; t++) {
            double l[3], w[HID * IN + HID];
            train(s, t, NULL, l, w);
            for (int i = 0; i < 3; i++)
                T_NEAR(l[i], losses[i], 1e-12);
            for (int i = 0; i < HID * IN + HID; i++)
                T_NEAR(w[i], final[i], 1e-12);
        }
    double l0[3], w0[HID * IN + HID];
    train(3, 1, NULL, l0, w0);
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        double l[3], w[HID * IN + HID];
        train(3, 2, passes[i], l, w);
        T_CHECKF(memcmp(l, l0, sizeof l) == 0 && memcmp(w, w0, sizeof w) == 0,
                 "bits differ without %s", passes[i] ? passes[i] : "nothing");
    }
    return t_end();
}
