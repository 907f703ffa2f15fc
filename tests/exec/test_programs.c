/* Programs beside each other: one store, one arena that grows, results that
 * can be kept and printed; and no allocation in a step. */
#include "exec/env.h"

#include <stdlib.h>

/* ---- a real hook on malloc: counts what this process asks for ----------------*/

static _Atomic long asked;

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define HOOKED 1
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);
void *memalign(size_t align, size_t n);
void *aligned_alloc(size_t align, size_t n);
int posix_memalign(void **p, size_t align, size_t n);

void *malloc(size_t n)
{
    asked++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    asked++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    asked++;
    return __libc_realloc(p, n);
}

void *memalign(size_t align, size_t n)
{
    asked++;
    return __libc_memalign(align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    asked++;
    return __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
    asked++;
    *p = __libc_memalign(align, n);
    return *p ? 0 : 12;
}
#else
#define HOOKED 0
#endif

/* A network with most kinds of kernels in it: rows of 8 x 8 pictures. */
static bp_graph *network(bp_store *st, int64_t rows, bool train)
{
    static const struct {
        const char *name;
        int rank;
        int64_t dims[4];
    } vars[] = {{"w0", 4, {8, 3, 3, 3}}, {"b0", 1, {8}},
                {"gamma", 1, {8}},       {"beta", 1, {8}},
                {"w1", 2, {10, 128}},    {"b1", 1, {10}}};
    bp_graph *g = bp_graph_new(NULL);
    bp_error err = {BP_OK, ""};
    bp_val p[6], d[6];
    uint64_t s = 5;
    bp_graph_set_shard(g, 1, rows, rows);
    for (int i = 0; i < 6; i++) {
        if (bp_store_find(st, vars[i].name) < 0) {
            T_OK(bp_store_add(st, vars[i].name, BP_VAR_PARAM, BP_F32,
                              vars[i].rank, vars[i].dims, &err), &err);
            size_t k = (size_t)bp_store_find(st, vars[i].name);
            bp_var_info info;
            bp_store_info(st, k, &info);
            for (size_t j = 0; j < info.bytes / 4; j++)
                ((float *)bp_store_data(st, k))[j] =
                    (float)t_uniform(&s, -0.2, 0.2);
        }
        p[i] = bp_variable(g, st, vars[i].name);
    }
    if (bp_store_find(st, "key") < 0)
        T_OK(bp_store_add(st, "key", BP_VAR_TRAINER, BP_I32, 1,
                          (int64_t[]){4}, &err), &err);
    bp_val key = bp_variable(g, st, "key");
    bp_val v = bp_batch_input(g, "x", BP_F32, 4, (int64_t[]){rows, 3, 8, 8});
    bp_val t = bp_batch_input(g, "t", BP_I32, 1, &rows);
    bp_conv2d_options same = {.padding = {1, 1, 1, 1}};
    bp_pool2d_options pool = {.kernel = {2, 2}};
    v = bp_conv2d(g, v, p[0], &same);
    v = bp_add(g, v, bp_reshape(g, p[1], 3, (int64_t[]){8, 1, 1}));
    v = bp_batch_norm(g, v, p[2], p[3], 1e-5, NULL, NULL);
    v = bp_max_pool2d(g, bp_relu(g, v), &pool);
    v = bp_reshape(g, v, 2, (int64_t[]){rows, 128});
    if (train)
        v = bp_dropout(g, v, key, 0.25, 1);
    v = bp_add(g, bp_matmul(g, v, p[4], false, true), p[5]);
    bp_val loss = bp_mean(g, bp_softmax_cross_entropy(g, v, t), 0, NULL,
                          false);
    bp_output(g, "loss", loss);
    bp_output(g, "logits", v);
    if (train) {
        bp_grad(g, loss, p, 6, d);
        for (int i = 0; i < 6; i++)
            bp_update(g, st, vars[i].name,
                      bp_sub(g, p[i], bp_mul_scalar(g, d[i], 0.1)));
    }
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    return g;
}

static bp_program *compile(bp_runtime *r, bp_graph *g, bool keep_all)
{
    bp_error err = {BP_OK, ""};
    bp_compile_options o = {.size = sizeof o, .keep_all = keep_all};
    bp_program *p;
    const bp_graph *one = g;
    T_OK(bp_compile(r, &one, 1, &o, &p, &err), &err);
    return p;
}

enum { MAX_ROWS = 40 };
static float x[MAX_ROWS * 3 * 64];
static int32_t labels[MAX_ROWS];

static void bind_all(bp_program *p, int64_t rows)
{
    bp_error err = {BP_OK, ""};
    T_OK(bp_bind(p, "x", x, (size_t)rows * 3 * 64 * 4, &err), &err);
    T_OK(bp_bind(p, "t", labels, (size_t)rows * 4, &err), &err);
}

static void run(bp_program *p)
{
    bp_error err = {BP_OK, ""};
    T_OK(bp_run(p, &err), &err);
}

static void no_allocation(int threads)
{
    t_heap heap = {.fail_at = -1};
    bp_allocator a = t_allocator(&heap);
    bp_error err = {BP_OK, ""};
    bp_runtime *r;
    bp_runtime_options o = {.size = sizeof o, .threads = threads,
                            .allocator = &a};
    T_OK(bp_runtime_new(&o, &r, &err), &err);
    bp_store *st = bp_store_new(&a);
    bp_graph *g = network(st, 16, true);
    bp_program *p = compile(r, g, false);
    bp_graph_free(g);
    p->serial = threads == 1;
    bind_all(p, 16);
    int64_t calls = heap.calls;
    long before = asked;
    for (int i = 0; i < 5; i++)
        run(p);
    T_CHECKF(heap.calls == calls, "%d allocations in five steps",
             (int)(heap.calls - calls));
    T_CHECKF(asked == before, "%ld calls of malloc in five steps",
             asked - before);
    /* The hook does count. */
    void *volatile probe = malloc(24);
    T_CHECK(!HOOKED || asked > before);
    free(probe);
    bp_program_free(p);
    bp_store_free(st);
    bp_runtime_free(r);
    T_CHECKF(heap.live == 0, "%d bytes leaked", (int)heap.live);
}

/* Three programs of one store in turn, small before large, so that the arena
 * moves under programs that have been compiled: as good as each alone. */
static void shared_store(int threads)
{
    static const int64_t rows[3] = {4, 16, MAX_ROWS};
    bp_error err = {BP_OK, ""};
    bp_runtime *r;
    bp_runtime_options o = {.size = sizeof o, .threads = threads};
    float loss[2][6], w[2][10 * 128];
    for (int alone = 0; alone < 2; alone++) {
        bp_store *st = bp_store_new(NULL);
        bp_program *p[3] = {NULL, NULL, NULL};
        T_OK(bp_runtime_new(&o, &r, &err), &err);
        for (int step = 0; step < 6; step++) {
            int i = step % 3;
            if (alone) {
                bp_runtime_free(r);
                T_OK(bp_runtime_new(&o, &r, &err), &err);
                bp_program_free(p[i]);
                p[i] = NULL;
            }
            if (!p[i]) {
                bp_graph *g = network(st, rows[i], i != 2);
                p[i] = compile(r, g, false);
                bp_graph_free(g);
                bind_all(p[i], rows[i]);
            }
            run(p[i]);
            size_t bytes;
            const float *l = bp_result(p[i], "loss", &bytes);
            T_REQUIRE(l && bytes == 4);
            loss[alone][step] = *l;
        }
        T_OK(bp_store_get(st, "w1", w[alone], sizeof w[alone], &err), &err);
        /* Free order never matters. */
        bp_runtime_free(r);
        bp_store_free(st);
        for (int i = 0; i < 3; i++)
            bp_program_free(p[i]);
    }
    T_CHECK(memcmp(loss[0], loss[1], sizeof loss[0]) == 0);
    T_CHECK(memcmp(w[0], w[1], sizeof w[0]) == 0);
    T_CHECK(loss[0][3] != loss[0][0]);
}

/* Two programs that train different variables of one store. */
static void two_players(void)
{
    env e;
    env_open(&e, 1);
    bp_val a = env_var(&e, "a", 4, 1), b = env_var(&e, "b", 4, 2), d;
    bp_val loss = bp_sum(e.g, bp_mul(e.g, a, b), 0, NULL, false);
    bp_grad(e.g, loss, &a, 1, &d);
    bp_update(e.g, e.st, "a", bp_sub(e.g, a, d));
    env_compile(&e, NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_val a2 = bp_variable(g, e.st, "a"), b2 = bp_variable(g, e.st, "b");
    loss = bp_sum(g, bp_mul(g, a2, b2), 0, NULL, false);
    bp_grad(g, loss, &b2, 1, &d);
    bp_update(g, e.st, "b", bp_add(g, b2, d));
    bp_program *q = compile(e.rt, g, false);
    bp_graph_free(g);
    double va[4] = {1, 2, 3, 4}, vb[4] = {2, 3, 4, 5};
    for (int step = 0; step < 4; step++) {
        env_run(&e);
        for (int i = 0; i < 4; i++)
            va[i] -= vb[i];
        run(q);
        for (int i = 0; i < 4; i++) {
            vb[i] += va[i];
            T_NEAR(env_get(&e, "a", i), va[i], 0);
            T_NEAR(env_get(&e, "b", i), vb[i], 0);
        }
    }
    bp_program_free(q);
    env_close(&e);
}

/* ---- keep_all, printing --------------------------------------------------------*/

static void kept(void)
{
    env e;
    env_open(&e, 2);
    bp_val w = env_var(&e, "w", 3, 1), d;
    bp_val s = bp_square(e.g, w), t = bp_exp(e.g, bp_mul_scalar(e.g, w, 0));
    bp_val loss = bp_sum(e.g, bp_mul(e.g, s, t), 0, NULL, false);
    bp_grad(e.g, loss, &w, 1, &d);
    bp_update(e.g, e.st, "w", bp_sub(e.g, w, d));
    bp_program *p = compile(e.rt, e.g, true);
    for (int step = 0; step < 2; step++) {
        run(p);
        size_t bytes;
        for (uint32_t i = 1; i <= e.g->n_values; i++) {
            const void *data = bp_kept(p, bp__val(e.g, i), &bytes);
            T_CHECK(data && bytes == bp__type_bytes(&e.g->values[i].type));
        }
        for (int i = 0; i < 3; i++) {
            double v = (step ? -1 : 1) * (1 + i);
            T_NEAR(((const double *)bp_kept(p, w, &bytes))[i], v, 0);
            T_NEAR(((const double *)bp_kept(p, s, &bytes))[i], v * v, 0);
            T_NEAR(((const double *)bp_kept(p, t, NULL))[i], 1, 0);
            T_NEAR(((const double *)bp_kept(p, d, NULL))[i], 2 * v, 0);
        }
        T_NEAR(*(const double *)bp_kept(p, loss, NULL), 14, 1e-14);
    }
    bp_program_free(p);
    p = compile(e.rt, e.g, false);
    T_CHECK(bp_kept(p, s, NULL) == NULL);
    bp_program_free(p);
    env_close(&e);
}

typedef struct text {
    char s[60000];
    size_t n;
    int lines, stop_at;
} text;

static int collect(void *user, const char *s, size_t n)
{
    text *t = user;
    if (t->n + n >= sizeof t->s)
        return 1;
    memcpy(t->s + t->n, s, n);
    t->s[t->n += n] = '\0';
    for (size_t i = 0; i < n; i++)
        t->lines += s[i] == '\n';
    return t->stop_at && t->lines >= t->stop_at;
}

/* The sum of the factors "  x12 " at the starts of lines. */
static int64_t sum_of_factors(const char *s)
{
    int64_t n = 0;
    for (const char *at = s; *at;) {
        if (strncmp(at, "  x", 3) == 0)
            n += atoi(at + 3);
        const char *end = strchr(at, '\n');
        at = end ? end + 1 : at + strlen(at);
    }
    return n;
}

static void printing(void)
{
    static text lowered, plan;
    bp_error err = {BP_OK, ""};
    bp_runtime *r;
    bp_runtime_options o = {.size = sizeof o, .threads = 2};
    T_OK(bp_runtime_new(&o, &r, &err), &err);
    bp_store *st = bp_store_new(NULL);
    bp_graph *g = network(st, 16, true);
    bp_program *p = compile(r, g, false);
    bp_graph_free(g);
    T_CHECK(bp_program_print(p, BP_VIEW_LOWERED, collect, &lowered) == BP_OK);
    T_CHECK(bp_program_print(p, BP_VIEW_PLAN, collect, &plan) == BP_OK);
    T_CHECK(strstr(lowered.s, "matmul.packed") != NULL);
    T_CHECK(strstr(plan.s, "segment 0") != NULL);
    T_CHECK(strstr(plan.s, "commit") != NULL);
    bind_all(p, 16);
    run(p);
    bp_program_stats ps = {.size = sizeof ps};
    T_CHECK(bp_program_get_stats(p, &ps) == BP_OK);
    char total[60];
    snprintf(total, sizeof total, "%d kernel calls a step", (int)ps.calls);
    T_CHECKF(strstr(plan.s, total) != NULL, "%s is not printed", total);
    T_CHECK(ps.calls + ps.kept_calls == ps.calls_made);
    T_CHECKF(sum_of_factors(plan.s) == ps.calls_made, "the plan shows %d calls",
             (int)sum_of_factors(plan.s));
    static text cut;
    cut.stop_at = 3;
    T_CHECK(bp_program_print(p, BP_VIEW_PLAN, collect, &cut) == BP_EIO);
    T_CHECK(cut.lines < plan.lines);
    bp_program_stats old = {.size = 4};
    T_CHECK(bp_program_get_stats(p, &old) == BP_EARG);
    bp_program_free(p);
    bp_store_free(st);
    bp_runtime_free(r);
}

int main(void)
{
    uint64_t s = 3;
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)t_uniform(&s, -1, 1);
    for (int i = 0; i < MAX_ROWS; i++)
        labels[i] = i % 10;
    no_allocation(1);
    no_allocation(3);
    shared_store(1);
    shared_store(3);
    two_players();
    kept();
    printing();
    return t_end();
}
