/* The n-th allocation fails, once and from then on, for every n, over making
 * a store and a graph, differentiating, compiling, two steps: the result is
 * right or exactly "out of memory"; nothing leaks; the next try works. */
#include "t.h"

#include <bprop/ops.h>

typedef struct outcome {
    float loss[2], w0[4 * 2 * 9], w1[3 * 16];
} outcome;

typedef struct setup {
    bp_dtype dtype;
    int64_t shards;
    bool keep_all;
    int threads;
} setup;

enum { N = 4 };
static float xf[N * 2 * 16];
static double xd[N * 2 * 16];
static int32_t labels[N] = {0, 2, 1, 2};

static bp_status add_var(bp_store *st, const char *name, bp_dtype dtype,
                         int rank, const int64_t *dims, bp_error *err)
{
    bp_status s = bp_store_add(st, name, dtype == BP_I32 ? BP_VAR_TRAINER
                                                         : BP_VAR_PARAM,
                               dtype, rank, dims, err);
    if (s != BP_OK || dtype == BP_I32)
        return s;
    size_t k = (size_t)bp_store_find(st, name);
    bp_var_info info;
    bp_store_info(st, k, &info);
    uint64_t seed = k + 1;
    for (size_t i = 0; i < info.bytes / bp_dtype_bytes(dtype); i++) {
        double v = t_uniform(&seed, -0.5, 0.5);
        if (dtype == BP_F64)
            ((double *)bp_store_data(st, k))[i] = v;
        else
            ((float *)bp_store_data(st, k))[i] = (float)v;
    }
    return BP_OK;
}

static bp_status make_vars(bp_store *st, const setup *u, bp_error *err)
{
    bp_status s = add_var(st, "w0", u->dtype, 4, (int64_t[]){4, 2, 3, 3}, err);
    if (s == BP_OK)
        s = add_var(st, "g0", u->dtype, 1, (int64_t[]){4}, err);
    if (s == BP_OK)
        s = add_var(st, "w1", u->dtype, 2, (int64_t[]){3, 16}, err);
    if (s == BP_OK)
        s = add_var(st, "key", BP_I32, 1, (int64_t[]){4}, err);
    return s;
}

static bp_graph *trace(const bp_allocator *a, bp_store *st, const setup *u)
{
    bp_graph *g = bp_graph_new(a);
    int64_t rows = N / u->shards;
    bp_graph_set_shard(g, u->shards, rows, N);
    bp_scope_push(g, "net");
    bp_val x = bp_batch_input(g, "x", u->dtype, 4,
                              (int64_t[]){rows, 2, 4, 4});
    bp_val t = bp_batch_input(g, "t", BP_I32, 1, &rows);
    bp_val p[3] = {bp_variable(g, st, "w0"), bp_variable(g, st, "g0"),
                   bp_variable(g, st, "w1")};
    bp_conv2d_options same = {.padding = {1, 1, 1, 1}};
    bp_pool2d_options pool = {.kernel = {2, 2}};
    bp_val v = bp_conv2d(g, x, p[0], &same);
    v = bp_batch_norm(g, v, p[1], p[1], 1e-3, NULL, NULL);
    v = bp_max_pool2d(g, bp_relu(g, v), &pool);
    v = bp_reshape(g, v, 2, (int64_t[]){rows, 16});
    v = bp_dropout(g, v, bp_variable(g, st, "key"), 0.25, 3);
    v = bp_matmul(g, v, p[2], false, true);
    bp_val parts[2] = {v, bp_gelu(g, v)}, d[3];
    v = bp_slice(g, bp_concat(g, 2, parts, 1), (int64_t[]){0, 1},
                 (int64_t[]){rows, 4}, NULL);
    bp_val loss = bp_mean(g, bp_softmax_cross_entropy(g, v, t), 0, NULL,
                          false);
    bp_scope_pop(g);
    bp_grad(g, loss, p, 3, d);
    bp_output(g, "loss", loss);
    bp_set_name(g, v, "logits");
    bp_update(g, st, "w0", bp_sub(g, p[0], d[0]));
    bp_update(g, st, "g0", bp_sub(g, p[1], d[1]));
    bp_update(g, st, "w1", bp_sub(g, p[2], d[2]));
    return g;
}

static void read_floats(const void *data, bp_dtype dtype, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = dtype == BP_F64 ? (float)((const double *)data)[i]
                                : ((const float *)data)[i];
}

static bp_status steps(bp_program *p, const setup *u, outcome *o,
                       bp_error *err)
{
    bool f64 = u->dtype == BP_F64;
    bp_status s = bp_bind(p, "x", f64 ? (void *)xd : xf,
                          f64 ? sizeof xd : sizeof xf, err);
    if (s == BP_OK)
        s = bp_bind(p, "t", labels, sizeof labels, err);
    for (int i = 0; i < 2 && s == BP_OK; i++) {
        s = bp_run(p, err);
        if (s == BP_OK)
            read_floats(bp_result(p, "loss", NULL), u->dtype, 1,
                        &o->loss[i]);
    }
    return s;
}

/* Everything, from nothing; the first failure's status. */
static bp_status whole(const bp_allocator *a, const setup *u, outcome *o,
                       bp_error *err)
{
    bp_runtime *r = NULL;
    bp_program *p = NULL;
    bp_graph *g = NULL;
    bp_runtime_options ro = {.size = sizeof ro, .allocator = a,
                             .threads = u->threads};
    bp_compile_options co = {.size = sizeof co, .keep_all = u->keep_all};
    memset(o, 0, sizeof *o);
    bp_store *st = bp_store_new(a);
    bp_status s = st ? BP_OK : BP_ENOMEM;
    if (!st)
        err->status = BP_ENOMEM;
    if (s == BP_OK)
        s = make_vars(st, u, err);
    if (s == BP_OK)
        s = bp_runtime_new(&ro, &r, err);
    if (s == BP_OK) {
        g = trace(a, st, u);
        s = bp_graph_status(g);
        err->status = s;
    }
    if (s == BP_OK) {
        const bp_graph *one = g;
        s = bp_compile(r, &one, 1, &co, &p, err);
    }
    if (s == BP_OK)
        s = steps(p, u, o, err);
    if (s == BP_OK) {
        read_floats(bp_store_data(st, 0), u->dtype, 4 * 2 * 9, o->w0);
        read_floats(bp_store_data(st, 2), u->dtype, 3 * 16, o->w1);
    }
    bp_graph_free(g);
    bp_program_free(p);
    bp_store_free(st);
    bp_runtime_free(r);
    return s;
}

static void every_allocation(const setup *u)
{
    t_heap heap = {.fail_at = -1};
    bp_allocator a = t_allocator(&heap);
    bp_error err = {BP_OK, ""};
    static outcome right, got;
    T_OK(whole(&a, u, &right, &err), &err);
    T_CHECK(heap.live == 0 && heap.calls > 100);
    T_CHECK(right.loss[0] > 0 && right.loss[1] != right.loss[0]);
    int64_t n = heap.calls, failed = 0, passed = 0;
    for (int64_t i = 0; i < n; i++)
        for (int persistent = 0; persistent < 2; persistent++) {
            heap = (t_heap){.fail_at = i, .persistent = persistent};
            err = (bp_error){BP_OK, ""};
            bp_status s = whole(&a, u, &got, &err);
            bool ok = s == BP_OK
                          ? memcmp(&got, &right, sizeof got) == 0
                          : s == BP_ENOMEM && err.status == BP_ENOMEM;
            T_CHECKF(ok, "allocation %d%s: %s %s", (int)i,
                     persistent ? " and all later ones" : "",
                     bp_status_name(s), err.message);
            T_CHECKF(heap.live == 0, "allocation %d%s: %d bytes leaked",
                     (int)i, persistent ? " and all later ones" : "",
                     (int)heap.live);
            T_CHECKF(heap.failed > 0, "allocation %d never came", (int)i);
            T_CHECKF(s != BP_OK || !persistent, "allocation %d: went on "
                     "without memory", (int)i);
            failed += s != BP_OK;
            passed += s == BP_OK;
        }
    heap = (t_heap){.fail_at = -1};
    T_OK(whole(&a, u, &got, &err), &err);
    T_CHECK(memcmp(&got, &right, sizeof got) == 0 && heap.live == 0);
    printf("%s, S = %d%s: %d allocations, %d failures reported, %d went "
           "well all the same\n", bp_dtype_name(u->dtype), (int)u->shards,
           u->keep_all ? ", all kept" : "", (int)n, (int)failed, (int)passed);
}

/* A diagnosis needs memory of its own; without, the message may be coarser,
 * but the status is the same and nothing is lost. */
static void every_allocation_of_a_diagnosis(void)
{
    t_heap heap = {.fail_at = -1};
    bp_allocator a = t_allocator(&heap);
    bp_error err = {BP_OK, ""};
    bp_runtime *r;
    bp_runtime_options ro = {.size = sizeof ro, .allocator = &a,
                             .threads = 1};
    T_OK(bp_runtime_new(&ro, &r, &err), &err);
    bp_store *st = bp_store_new(&a);
    T_REQUIRE(st);
    int64_t dim = 4;
    T_OK(add_var(st, "w", BP_F32, 1, &dim, &err), &err);
    bp_graph *g = bp_graph_new(&a);
    bp_val w = bp_variable(g, st, "w");
    bp_val x = bp_input(g, "x", BP_F32, 1, &dim);
    bp_val y = bp_sum(g, bp_square(g, bp_log(g, x)), 0, NULL, false);
    bp_output(g, "loss", y);
    bp_update(g, st, "w", bp_add(g, w, y));
    bp_program *p;
    const bp_graph *one = g;
    T_OK(bp_compile(r, &one, 1, NULL, &p, &err), &err);
    static const float bad[4] = {1, 2, -1, 3}, good[4] = {1, 2, 3, 4};
    T_OK(bp_bind(p, "x", bad, sizeof bad, &err), &err);
    int64_t before = heap.calls;
    T_CHECK(bp_run(p, &err) == BP_ENONFINITE);
    T_CHECKF(strstr(err.message, "log") != NULL, "%s", err.message);
    int64_t n = heap.calls - before, named = 0;
    /* The arena has grown for the first one: what is live stays the same. */
    int64_t live = heap.live;
    T_CHECK(n > 10);
    for (int64_t i = 0; i < n; i++)
        for (int persistent = 0; persistent < 2; persistent++) {
            heap.fail_at = heap.calls + i;
            heap.persistent = persistent;
            err = (bp_error){BP_OK, ""};
            T_CHECK(bp_run(p, &err) == BP_ENONFINITE);
            named += strstr(err.message, "log") != NULL;
            T_CHECKF(heap.live == live, "allocation %d: %d bytes leaked",
                     (int)i, (int)(heap.live - live));
        }
    heap.fail_at = -1;
    T_CHECK(named > 0);
    T_OK(bp_bind(p, "x", good, sizeof good, &err), &err);
    T_OK(bp_run(p, &err), &err);
    bp_graph_free(g);
    bp_program_free(p);
    bp_store_free(st);
    bp_runtime_free(r);
    T_CHECK(heap.live == 0);
}

int main(void)
{
    uint64_t s = 1;
    for (int i = 0; i < N * 2 * 16; i++)
        xf[i] = (float)(xd[i] = t_uniform(&s, -1, 1));
    every_allocation(&(setup){BP_F32, 1, false, 1});
    every_allocation(&(setup){BP_F32, 2, false, 2});
    every_allocation(&(setup){BP_F32, 1, true, 1});
    every_allocation(&(setup){BP_F64, 2, false, 1});
    every_allocation_of_a_diagnosis();
    return t_end();
}
