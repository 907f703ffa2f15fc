/* One model with a convolution, batch norm, pooling, dropout and a softmax
 * loss: the same gradients for any number of shards (f64, 1e-12 of their
 * norm), the same bits for any number of threads, level and pass (f32). */
#include "t.h"

#include "exec/exec.h"

#include <bprop/ops.h>

enum { N = 11, C = 4, HW = 6, CLASSES = 5 };

static double x[N * C * HW * HW];
static int32_t label[N];

typedef struct setup {
    bp_dtype dtype;
    int64_t shards;
    int threads;
    bp_level level;
    const char *no_pass, *no_kernel;
} setup;

static const struct {
    const char *name;
    int rank;
    int64_t dims[4];
} params[] = {
    {"w0", 4, {6, C, 3, 3}}, {"b0", 1, {6}},   {"gamma", 1, {6}},
    {"beta", 1, {6}},        {"w1", 2, {8, 54}}, {"b1", 1, {8}},
    {"w2", 2, {CLASSES, 8}}, {"b2", 1, {CLASSES}},
};
enum { N_PARAMS = sizeof params / sizeof *params, MAX_PARAM = 8 * 54 };

static bp_graph *trace(bp_store *st, const setup *u, int64_t rows)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_graph_set_shard(g, u->shards, rows, N);
    bp_val v = bp_batch_input(g, "x", u->dtype, 4,
                              (int64_t[]){rows, C, HW, HW});
    bp_val t = bp_batch_input(g, "t", BP_I32, 1, (int64_t[]){rows});
    bp_val key = bp_variable(g, st, "key");
    bp_val p[N_PARAMS], d[N_PARAMS], mean, var;
    for (int i = 0; i < N_PARAMS; i++)
        p[i] = bp_variable(g, st, params[i].name);
    bp_conv2d_options co = {.padding = {1, 1, 1, 1}};
    v = bp_conv2d(g, v, p[0], &co);
    v = bp_add(g, v, bp_reshape(g, p[1], 3, (int64_t[]){6, 1, 1}));
    v = bp_batch_norm(g, v, p[2], p[3], 1e-5, &mean, &var);
    v = bp_relu(g, v);
    bp_pool2d_options po = {.kernel = {2, 2}};
    v = bp_max_pool2d(g, v, &po);
    v = bp_reshape(g, v, 2, (int64_t[]){rows, 54});
    v = bp_dropout(g, v, key, 0.3, 7);
    v = bp_relu(g, bp_add(g, bp_matmul(g, v, p[4], false, true), p[5]));
    v = bp_add(g, bp_matmul(g, v, p[6], false, true), p[7]);
    bp_val loss = bp_mean(g, bp_softmax_cross_entropy(g, v, t), 0, NULL,
                          false);
    bp_grad(g, loss, p, N_PARAMS, d);
    bp_output(g, "loss", loss);
    bp_output(g, "mean", mean);
    bp_output(g, "var", var);
    for (int i = 0; i < N_PARAMS; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        bp_output(g, name, d[i]);
    }
    bp_error err = {BP_OK, ""};
    T_OK(bp_graph_verify(g, &err), &err);
    return g;
}

static void set_param(bp_store *st, const setup *u, const char *name,
                      uint64_t *seed)
{
    bp_error err = {BP_OK, ""};
    int64_t i = bp_store_find(st, name);
    bp_var_info info;
    bp_store_info(st, (size_t)i, &info);
    size_t n = info.bytes / bp_dtype_bytes(u->dtype);
    for (size_t k = 0; k < n; k++) {
        double w = t_uniform(seed, -0.5, 0.5);
        if (u->dtype == BP_F64)
            ((double *)bp_store_data(st, (size_t)i))[k] = w;
        else
            ((float *)bp_store_data(st, (size_t)i))[k] = (float)w;
    }
    (void)err;
}

enum { N_OUT = N_PARAMS + 3 };
typedef struct results {
    double v[N_OUT][MAX_PARAM];
    size_t n[N_OUT];
} results;

static void collect(const bp_program *p, const setup *u, results *r)
{
    for (int i = 0; i < N_OUT; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        size_t bytes;
        const void *data = bp_result(
            p, i < N_PARAMS ? name
                            : (const char *[]){"loss", "mean",
                                               "var"}[i - N_PARAMS],
            &bytes);
        T_REQUIRE(data != NULL);
        r->n[i] = bytes / bp_dtype_bytes(u->dtype);
        for (size_t k = 0; k < r->n[i]; k++)
            r->v[i][k] = u->dtype == BP_F64 ? ((const double *)data)[k]
                                            : ((const float *)data)[k];
    }
}

static void run(const setup *u, results *r)
{
    bp_error err = {BP_OK, ""};
    bp_runtime *rt;
    bp_runtime_options ro = {.size = sizeof ro, .threads = u->threads,
                             .level = u->level};
    T_OK(bp_runtime_new(&ro, &rt, &err), &err);
    bp_store *st = bp_store_new(NULL);
    uint64_t seed = 3;
    for (int i = 0; i < N_PARAMS; i++) {
        T_OK(bp_store_add(st, params[i].name, BP_VAR_PARAM, u->dtype,
                          params[i].rank, params[i].dims, &err), &err);
        set_param(st, u, params[i].name, &seed);
    }
    T_OK(bp_store_add(st, "key", BP_VAR_TRAINER, BP_I32, 1, (int64_t[]){4},
                      &err), &err);
    int64_t big = (N + u->shards - 1) / u->shards, small = N / u->shards;
    bp_graph *g[2] = {trace(st, u, big), NULL};
    size_t n = 1;
    if (small != big && small)
        g[n++] = trace(st, u, small);
    bp_compile_options o = {.size = sizeof o, .no_pass = u->no_pass,
                            .no_kernel = u->no_kernel};
    bp_program *p;
    T_OK(bp_compile(rt, (const bp_graph *const *)g, n, &o, &p, &err), &err);
    bp_graph_free(g[0]);
    bp_graph_free(g[1]);
    T_OK(bp__lowered_verify(p->l, &err), &err);
    T_OK(bp__plan_verify(p->plan, p->l, &err), &err);
    static float xf[N * C * HW * HW];
    for (size_t i = 0; i < sizeof xf / sizeof *xf; i++)
        xf[i] = (float)x[i];
    const void *data = u->dtype == BP_F64 ? (const void *)x : xf;
    T_OK(bp_bind(p, "x", data, u->dtype == BP_F64 ? sizeof x : sizeof xf,
                 &err), &err);
    T_OK(bp_bind(p, "t", label, sizeof label, &err), &err);
    T_OK(bp_run(p, &err), &err);
    collect(p, u, r);
    bp_program_free(p);
    bp_store_free(st);
    bp_runtime_free(rt);
}

/* Largest difference over the norm of all gradients. */
static double distance(const results *a, const results *b)
{
    double norm = 0, worst = 0;
    for (int i = 0; i < N_OUT; i++)
        for (size_t k = 0; k < a->n[i]; k++) {
            norm += a->v[i][k] * a->v[i][k];
            double d = fabs(a->v[i][k] - b->v[i][k]);
            worst = !(d <= worst) ? d : worst;
        }
    return worst / sqrt(norm);
}

static results base, other;

int main(void)
{
    uint64_t s = 1;
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = t_uniform(&s, -1, 1);
    for (int i = 0; i < N; i++)
        label[i] = i % CLASSES;
    setup u = {.dtype = BP_F64, .shards = 1, .threads = 1};
    run(&u, &base);
    static const int64_t shards[] = {2, 3, 8, 11, 13};
    for (size_t i = 0; i < sizeof shards / sizeof *shards; i++) {
        u.shards = shards[i];
        u.threads = 2;
        run(&u, &other);
        double d = distance(&base, &other);
        T_CHECKF(d <= 1e-12, "S = %d: %g", (int)shards[i], d);
    }
    u.shards = 1;
    u.no_pass = "all";
    run(&u, &other);
    T_CHECKF(memcmp(&base, &other, sizeof base) == 0,
             "f64 bits differ without passes: %g", distance(&base, &other));
    /* f32 against f64, and its bits. */
    static results f32;
    setup f = {.dtype = BP_F32, .shards = 1, .threads = 1};
    run(&f, &f32);
    double d = distance(&base, &f32);
    T_CHECKF(d <= 1e-5, "f32 against f64: %g", d);
    f.no_kernel = "all";
    run(&f, &other);
    d = distance(&f32, &other);
    T_CHECKF(d <= 1e-5, "without kernels: %g", d);
    f.no_kernel = NULL;
    static const char *const passes[] = {"all", "cse", "dce", "constants",
                                         "fuse", "inplace", "order", "plan",
                                         "poolmask"};
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        f.no_pass = passes[i];
        f.threads = 1 + (int)i % 3;
        run(&f, &other);
        T_CHECKF(memcmp(&f32, &other, sizeof f32) == 0,
                 "f32 bits differ without pass %s: %g", passes[i],
                 distance(&f32, &other));
    }
    f.no_pass = NULL;
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        if (!bp_level_available((bp_level)l))
            continue;
        f.level = (bp_level)l;
        run(&f, &other);
        T_CHECKF(memcmp(&f32, &other, sizeof f32) == 0,
                 "bits differ at level %s", bp_level_name((bp_level)l));
    }
    f.level = BP_LEVEL_AUTO;
    for (size_t i = 0; i < sizeof shards / sizeof *shards; i++) {
        f.shards = shards[i];
        run(&f, &other);
        d = distance(&base, &other);
        T_CHECKF(d <= 1e-5, "f32, S = %d: %g", (int)shards[i], d);
    }
    return t_end();
}
